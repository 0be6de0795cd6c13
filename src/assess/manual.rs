//! Evidence that people have to look at, and what of a plan fits nothing.

use std::collections::BTreeSet;

use crate::catalog::{Catalog, Reason};
use crate::gaps::Missing;
use crate::kind::Kind;
use crate::model::Model;
use crate::model::edge::restrictions;
use crate::plan::{Date, PARAMETERS, Plan};
use crate::report::ManualReport;

/// Every entry of the catalogue that no rule tests, in its order, with the proofs that the plan points to.
pub(super) fn list(catalog: &Catalog, plan: &Plan) -> Vec<ManualReport> {
    let of_controls = catalog.controls.iter().flat_map(|control| {
        let label = || vec![control.label.clone()];
        let own = control.reason.map(|reason| {
            entry(
                &control.id,
                &control.title,
                label(),
                &control.responsible,
                Some(reason),
            )
        });
        let proofs = control.proofs.iter().filter_map(move |proof| {
            let reason = proof.reason?;
            Some(entry(
                &proof.id,
                &proof.title,
                label(),
                &proof.responsible,
                Some(reason),
            ))
        });
        own.into_iter().chain(proofs)
    });
    let statements = catalog.statements.iter().map(|statement| {
        let labels = statement.controls.clone();
        entry(
            &statement.id,
            &statement.title,
            labels,
            &statement.responsible,
            None,
        )
    });
    of_controls
        .chain(statements)
        .filter(|entry| entry.reason != Some(Reason::NotApplicable))
        .map(|entry| ManualReport {
            proofs: plan.evidence_for(&entry.id).cloned().collect(),
            ..entry
        })
        .collect()
}

fn entry(
    id: &str,
    title: &str,
    controls: Vec<String>,
    responsible: &str,
    reason: Option<Reason>,
) -> ManualReport {
    ManualReport {
        id: id.to_owned(),
        title: title.to_owned(),
        controls,
        responsible: responsible.to_owned(),
        reason,
        proofs: Vec::new(),
    }
}

/// What of a plan fits nothing, and so has no effect.
pub(super) fn notes(model: &Model<'_>, manual: &[ManualReport]) -> Vec<String> {
    let plan = model.plan;
    let known: BTreeSet<&str> = manual.iter().map(|entry| entry.id.as_str()).collect();
    let evidence = plan
        .manual_evidence
        .iter()
        .filter(|entry| !known.contains(entry.id.as_str()))
        .map(|entry| {
            format!(
                "manualEvidence: {} is no entry for manual evidence of the catalogue",
                entry.id
            )
        });
    let parameters = plan
        .attestations
        .iter()
        .filter(|entry| !PARAMETERS.contains(&entry.parameter.as_str()))
        .map(|entry| {
            format!(
                "attestations: no rule rests on the parameter {}",
                entry.parameter
            )
        });
    let started = Date::of_time(&model.snapshot.origin.started_at);
    let later = plan
        .attestations
        .iter()
        .filter(|entry| started.is_none_or(|started| entry.on > started))
        .map(|entry| {
            format!(
                "attestations: {} is attested on {}, after the collection began, and does not count",
                entry.parameter, entry.on
            )
        });
    evidence
        .chain(parameters)
        .chain(later)
        .chain(absent(model))
        .chain(unmet(model))
        .collect()
}

/// Restrictions of access that no Ingress or Route is asked for; silent where these were not read.
fn unmet(model: &Model<'_>) -> Vec<String> {
    let kinds = [Kind::Ingress, Kind::Route, Kind::Pod, Kind::Service];
    let unread = kinds
        .into_iter()
        .filter_map(|kind| model.gaps.anywhere(kind))
        .any(|missing| missing != Missing::NotServed);
    if unread {
        return Vec::new();
    }
    let unmet = restrictions::unmet(model).into_iter();
    let entries = unmet.filter_map(|index| model.plan.access_restrictions.get(index));
    entries
        .map(|entry| {
            let what = match (&entry.host, &entry.app) {
                (Some(host), _) => format!("host {host}"),
                (None, Some(app)) => format!("app {} in namespace {}", app.name, app.namespace),
                (None, None) => "anything".to_owned(),
            };
            format!("accessRestrictions: no Ingress or Route leads to an app by {what}")
        })
        .collect()
}

/// Namespaces and apps that are named and not there; silent where that can't be known.
fn absent(model: &Model<'_>) -> Vec<String> {
    let unread = [Kind::Namespace, Kind::MendixApp]
        .into_iter()
        .filter_map(|kind| model.gaps.anywhere(kind))
        .any(|missing| missing != Missing::NotServed);
    if unread {
        return Vec::new();
    }
    let plan = model.plan;
    let tiers = plan.tiers.keys().map(|name| ("tiers", name));
    let excluded = plan
        .excluded_namespaces
        .iter()
        .map(|entry| ("excludedNamespaces", &entry.name));
    let platform = plan
        .platform_namespaces
        .iter()
        .map(|name| ("platformNamespaces", name));
    let management = plan
        .management_namespaces
        .iter()
        .map(|name| ("managementNamespaces", name));
    let namespaces = tiers
        .chain(platform)
        .chain(management)
        .chain(excluded)
        .filter(|(_, name)| model.namespaces.get(name).is_none())
        .map(|(key, name)| format!("{key}: there is no namespace {name}"));
    let apps = plan
        .app_tiers
        .iter()
        .filter(|entry| {
            model
                .apps_in(&entry.namespace)
                .all(|app| app.name != entry.app)
        })
        .map(|entry| {
            format!(
                "appTiers: there is no app {} in namespace {}",
                entry.app, entry.namespace
            )
        });
    namespaces.chain(apps).collect()
}
