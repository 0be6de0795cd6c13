//! The list of what was not read, with the rules that it touches.

use std::collections::BTreeSet;

use super::settle;
use crate::gaps::Missing;
use crate::kind::{Kind, Presence};
use crate::model::Model;
use crate::report::Gap;
use crate::rules::{RULES, Rule};
use crate::snapshot::SourceRead;

/// Gaps of kinds that selected rules read, in the order of the sources.
pub(super) fn list(model: &Model<'_>, selected: &BTreeSet<&'static str>) -> Vec<Gap> {
    let coverage = &model.snapshot.coverage;
    let sources = coverage
        .sources
        .iter()
        .filter_map(|source| of_source(source, model, selected));
    let objects = coverage.unreadable.iter().map(|object| Gap {
        kind: object.kind,
        namespace: object.namespace.clone(),
        name: Some(object.name.clone()),
        missing: Missing::Unreadable,
        message: format!("{}: {}", object.place, object.message),
        rules: readers(object.kind, Missing::Unreadable, model, selected),
    });
    sources
        .chain(objects)
        .filter(|gap| !gap.rules.is_empty())
        .collect()
}

fn of_source(
    source: &SourceRead,
    model: &Model<'_>,
    selected: &BTreeSet<&'static str>,
) -> Option<Gap> {
    let missing = Missing::of(source.status)?;
    let optional = matches!(source.kind.api().presence, Presence::Product(_));
    if optional && missing == Missing::NotServed {
        return None;
    }
    // A list over the cluster that was made up for by lists of every namespace leaves no gap.
    if source.namespace.is_none() && model.gaps.listing(source.kind).is_none() {
        return None;
    }
    let detail = source
        .message
        .as_ref()
        .map(|message| format!(": {message}"))
        .unwrap_or_default();
    Some(Gap {
        kind: source.kind,
        namespace: source.namespace.clone(),
        name: source.name.clone(),
        missing,
        message: format!("{} {}{detail}", source.kind, missing.in_words()),
        rules: readers(source.kind, missing, model, selected),
    })
}

/// The selected rules that a gap touches: those that read the kind or judge its objects, those that look at pods where
/// it may hold templates of some, and those that judge namespaces where it decides which.
fn readers(
    kind: Kind,
    missing: Missing,
    model: &Model<'_>,
    selected: &BTreeSet<&'static str>,
) -> Vec<&'static str> {
    let has_templates = Kind::WORKLOADS.contains(&kind)
        && settle::leaves_templates_out(model.snapshot.origin.mode, missing);
    let opens_scope = model.scope.unknown.is_some() && [Kind::Pod, Kind::MendixApp].contains(&kind);
    let touched = RULES.iter().filter(|rule| {
        let looks_at = |kind| settle::judges(rule, kind) || reads(rule, kind);
        looks_at(kind)
            || (has_templates && looks_at(Kind::Pod))
            || (opens_scope && settle::judges(rule, Kind::Namespace))
    });
    let ids = touched.map(|rule| rule.id);
    ids.filter(|id| selected.contains(id)).collect()
}

fn reads(rule: &Rule, kind: Kind) -> bool {
    rule.reads.iter().any(|read| read.kind == kind)
}
