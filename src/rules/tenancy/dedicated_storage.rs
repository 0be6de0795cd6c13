//! Apps that share a database, or the credentials of a file store, share their data whatever their pods do.

mod clients;
mod databases;

use std::collections::BTreeSet;

use serde_json::Value;

use crate::kind::Kind;
use crate::model::databases::Databases;
use crate::model::storage::{PlanClass, PlanUse, Purpose, Storage, class};
use crate::model::{App, Model};
use crate::projection::Projection;
use crate::projection::mendix::MendixApp;
use crate::projection::storage::StoragePlan;
use crate::rules::{
    Group, Observation, Observations, Reach, Read, Reason, Rule, Severity, Subject, Subjects,
    Verdict,
};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "dedicated-storage",
    version: 1,
    title: "No app shares its database or file store with another",
    severity: Severity::Medium,
    group: Group::Tenancy,
    subjects: Subjects::Kinds(&[Kind::MendixApp]),
    reads: &[
        Read::required(Kind::MendixApp, Reach::Namespace),
        Read::to_pass(Kind::StoragePlan, Reach::Namespace),
        // They may name plans that the apps themselves no longer name.
        Read::to_pass(Kind::StorageInstance, Reach::Namespace),
        // They tell where the host of a plan leads.
        Read::refines(Kind::Service),
        Read::refines(Kind::EndpointSlice),
        Read::refines(Kind::Pod),
        Read::refines(Kind::Deployment),
        Read::refines(Kind::StatefulSet),
        // They tell who can reach a database inside the cluster, and who may.
        Read::refines(Kind::Namespace),
        Read::refines(Kind::Node),
        Read::refines(Kind::NetworkPolicy),
        Read::refines(Kind::AdminNetworkPolicy),
        Read::refines(Kind::BaselineAdminNetworkPolicy),
        Read::refines(Kind::ClusterNetworkPolicy),
        Read::refines(Kind::CiliumNetworkPolicy),
        Read::refines(Kind::CiliumClusterwideNetworkPolicy),
        Read::refines(Kind::CalicoNetworkPolicy),
        Read::refines(Kind::CalicoGlobalNetworkPolicy),
        Read::refines(Kind::CalicoStagedNetworkPolicy),
        Read::refines(Kind::CalicoStagedGlobalNetworkPolicy),
        Read::refines(Kind::CalicoStagedKubernetesNetworkPolicy),
        Read::refines(Kind::CalicoTier),
        Read::refines(Kind::DaemonSet),
        Read::refines(Kind::ConfigMap),
        Read::refines(Kind::PolicyEndpoint),
        Read::refines(Kind::ReplicaSet),
        Read::refines(Kind::Runtime),
        Read::refines(Kind::OperatorConfiguration),
        Read::refines(Kind::ClusterRole),
        Read::refines(Kind::ClusterRoleBinding),
        Read::refines(Kind::Role),
        Read::refines(Kind::RoleBinding),
    ],
    docs: include_str!("../../../docs/rules/dedicated-storage.md"),
    check,
};

fn check<'m>(model: &'m Model<'_>) -> Observations<'m> {
    let storage = Storage::new(model);
    let databases = Databases::new(model, &storage);
    let judged = databases::judged(model, &databases);
    let apps = model.apps.iter().enumerate();
    let apps = apps.filter(move |(_, app)| model.scope.contains(app.namespace));
    Box::new(apps.filter_map(move |(index, app)| {
        let found = databases::findings(model, &databases, &judged, (index, app));
        let place = (index, app);
        Some(observe(model, &storage, place, app.object?, found))
    }))
}

/// What is found of one plan or database, or of the lack of one.
#[derive(Clone)]
struct Finding {
    verdict: Verdict,
    reason: Reason,
    words: String,
    /// The plan whose fields tell.
    plan: Option<usize>,
    /// Other apps that the verdict is about.
    others: Vec<usize>,
    /// Further values: object, pointer, what stands there.
    reads: Vec<(usize, String, Value)>,
    /// Kinds that it rests on, and where.
    needs: Vec<(Kind, String)>,
}

impl Finding {
    fn new(verdict: Verdict, reason: Reason, words: String) -> Self {
        Self {
            verdict,
            reason,
            words,
            plan: None,
            others: Vec::new(),
            reads: Vec::new(),
            needs: Vec::new(),
        }
    }

    fn read(&mut self, object: usize, pointer: impl Into<String>, value: impl Into<Value>) {
        self.reads.push((object, pointer.into(), value.into()));
    }
}

fn observe(
    model: &Model<'_>,
    storage: &Storage,
    (index, app): (usize, &App<'_>),
    (object, mendix_app): (usize, &MendixApp),
    of_databases: Vec<Finding>,
) -> Observation {
    let uses = storage.uses(index);
    let mut findings: Vec<Finding> = uses
        .iter()
        .map(|plan_use| of_plan(model, storage, (index, app), plan_use))
        .collect();
    findings.extend(unnamed(uses));
    findings.extend(of_databases);
    // The worst decides; verdicts are in order, fail first.
    findings.sort_by_key(|finding| finding.verdict);
    let subject = Subject::Object(object);
    let words: Vec<&str> = findings
        .iter()
        .map(|finding| finding.words.as_str())
        .collect();
    let mut said = BTreeSet::new();
    let words: Vec<&str> = words
        .into_iter()
        .filter(|word| !word.is_empty() && said.insert(*word))
        .collect();
    let message = words.join("; ");
    let (verdict, reason) = findings
        .first()
        .map_or((Verdict::Indeterminate, Reason::Absent), |finding| {
            (finding.verdict, finding.reason)
        });
    let observation = match verdict {
        Verdict::Fail => Observation::fail(subject, reason, message),
        Verdict::Pass => {
            Observation::pass(subject, reason, message).needs(Kind::MendixApp, app.namespace)
        }
        Verdict::Indeterminate | Verdict::NotApplicable => {
            Observation::indeterminate(subject, reason, message)
        }
    };
    // A failure rests on what it is about, a pass on everything.
    let resting = findings.iter().filter(|finding| finding.verdict == verdict);
    let observation = resting
        .flat_map(|finding| &finding.needs)
        .fold(observation, |observation, (kind, namespace)| {
            observation.needs(*kind, namespace)
        });
    let observation = findings.iter().flat_map(|finding| &finding.reads).fold(
        observation,
        |observation, (object, pointer, value)| {
            observation.read_of(*object, pointer.clone(), Some(value))
        },
    );
    reads(model, storage, mendix_app, uses, &findings, observation)
}

/// A database or file store for which no plan is named: its credentials come from elsewhere, such as a secret store.
fn unnamed(uses: &[PlanUse]) -> Vec<Finding> {
    [Purpose::Database, Purpose::Files]
        .into_iter()
        .filter(|purpose| {
            let named =
                |plan_use: &PlanUse| [*purpose, Purpose::Storage].contains(&plan_use.purpose);
            !uses.iter().any(named)
        })
        .map(|purpose| {
            let words = format!("no storage plan is named for its {}", purpose.in_words());
            Finding::new(Verdict::Indeterminate, Reason::Absent, words)
        })
        .collect()
}

fn of_plan(
    model: &Model<'_>,
    storage: &Storage,
    (index, app): (usize, &App<'_>),
    plan_use: &PlanUse,
) -> Finding {
    let what = format!("{} by plan {}", plan_use.purpose.in_words(), plan_use.plan);
    let others = storage.others(app.namespace, &plan_use.plan, index);
    let found = model
        .snapshot
        .find(Kind::StoragePlan, app.namespace, &plan_use.plan);
    let plan = found.and_then(|found| Some((found, plan_at(model, found)?)));
    let Some((found, plan)) = plan else {
        // Where plans were not read, the assessor takes this pass away and says why.
        let unread = model.gaps.in_namespace(Kind::StoragePlan, app.namespace);
        let verdict = if unread.is_some() {
            Verdict::Pass
        } else {
            Verdict::Indeterminate
        };
        let words = format!("{what}, of which there is no StoragePlan");
        return Finding::new(verdict, Reason::Absent, words);
    };
    let (verdict, reason, words) = judge(class(plan), sharers(model, &others).as_deref());
    let mut finding = Finding::new(verdict, reason, format!("{what}, {words}"));
    finding.plan = Some(found);
    if verdict == Verdict::Fail {
        finding.others = others;
    }
    finding
}

fn judge(class: PlanClass, sharers: Option<&str>) -> (Verdict, Reason, String) {
    let value = Reason::Value;
    match (class, sharers) {
        (PlanClass::Automated, _) => {
            let words = "which makes a user and a place of its own for each app";
            (Verdict::Pass, value, words.to_owned())
        }
        (PlanClass::Ephemeral, _) => {
            let words = "which is in the memory of the app itself";
            (Verdict::Pass, value, words.to_owned())
        }
        (PlanClass::Dedicated, Some(others)) => {
            let words = format!("which is dedicated to one app and which {others} too");
            (Verdict::Fail, value, words)
        }
        (PlanClass::Dedicated, None) => {
            let words = "which is dedicated and which no other app uses";
            (Verdict::Pass, value, words.to_owned())
        }
        (PlanClass::Basic, Some(others)) => {
            let words = format!("which keeps no apps apart and which {others} too");
            (Verdict::Fail, value, words)
        }
        (PlanClass::Basic, None) => {
            let words = "which keeps no apps apart and which no other app uses";
            (Verdict::Pass, value, words.to_owned())
        }
        (PlanClass::Unstated, _) => {
            let words = "whose type and provisioner do not tell how it keeps apps apart";
            (Verdict::Indeterminate, Reason::Absent, words.to_owned())
        }
        (PlanClass::Unrecognised, _) => {
            let words = "whose type or provisioner is not known to keep apps apart";
            (
                Verdict::Indeterminate,
                Reason::Unrecognised,
                words.to_owned(),
            )
        }
    }
}

/// Other users of a plan in words.
fn sharers(model: &Model<'_>, others: &[usize]) -> Option<String> {
    const NAMED: usize = 5;
    let names: Vec<&str> = others
        .iter()
        .filter_map(|other| Some(model.apps.get(*other)?.name.as_str()))
        .collect();
    let first: Vec<&str> = names.iter().take(NAMED).copied().collect();
    match names.len() {
        0 => None,
        1 => Some(format!("app {} uses", first.join(", "))),
        count if count > NAMED => {
            let more = count - NAMED;
            Some(format!("apps {} and {more} more use", first.join(", ")))
        }
        _ => Some(format!("apps {} use", first.join(", "))),
    }
}

fn plan_at<'m>(model: &'m Model<'_>, index: usize) -> Option<&'m StoragePlan> {
    match model.object(index).projection.as_ref() {
        Projection::StoragePlan(plan) => Some(plan),
        _ => None,
    }
}

/// The names of the plans, what tells the class of each, and who else names them.
fn reads(
    model: &Model<'_>,
    storage: &Storage,
    app: &MendixApp,
    uses: &[PlanUse],
    findings: &[Finding],
    observation: Observation,
) -> Observation {
    let spec = &app.spec;
    let observation = observation
        .read(
            "/spec/database/servicePlan",
            spec.database.service_plan.as_ref(),
        )
        .read(
            "/spec/storage/servicePlan",
            spec.storage.service_plan.as_ref(),
        );
    let of_instances = uses
        .iter()
        .filter(|plan_use| model.object(plan_use.object).kind == Kind::StorageInstance);
    let observation = of_instances.fold(observation, naming);
    let plans: BTreeSet<usize> = findings.iter().filter_map(|finding| finding.plan).collect();
    let observation = plans
        .into_iter()
        .filter_map(|index| Some((index, plan_at(model, index)?)))
        .fold(observation, |observation, (index, plan)| {
            let leaf = |key: &str| plan.spec.0.get(key);
            observation
                .read_of(index, "/spec/type", leaf("type"))
                .read_of(index, "/spec/provisioner", leaf("provisioner"))
        });
    let names: BTreeSet<&str> = uses.iter().map(|plan_use| plan_use.plan.as_str()).collect();
    let others: BTreeSet<usize> = findings
        .iter()
        .flat_map(|finding| finding.others.iter().copied())
        .collect();
    others
        .into_iter()
        .flat_map(|other| storage.uses(other))
        .filter(|plan_use| names.contains(plan_use.plan.as_str()))
        .fold(observation, naming)
}

fn naming(observation: Observation, plan_use: &PlanUse) -> Observation {
    observation.read_of(
        plan_use.object,
        plan_use.pointer.clone(),
        Some(&plan_use.plan),
    )
}
