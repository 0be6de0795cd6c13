//! Two apps that write to one volume share more than the network between them.

use std::collections::{BTreeMap, BTreeSet};

use crate::kind::Kind;
use crate::model::volumes::Claim;
use crate::model::{Model, PodGroup, Role};
use crate::rules::{
    Group, Observation, Observations, Reach, Read, Reason, Rule, Severity, Subject, Subjects,
};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "shared-writable-volumes",
    version: 1,
    title: "No two apps write to one volume",
    severity: Severity::Medium,
    group: Group::ExecutionDomain,
    subjects: Subjects::Kinds(&[Kind::PersistentVolumeClaim]),
    reads: &[
        Read::required(Kind::PersistentVolumeClaim, Reach::Namespace),
        Read::required(Kind::Pod, Reach::Namespace),
        // A stopped app has a template and no pods.
        Read::to_pass(Kind::ReplicaSet, Reach::Namespace),
        Read::to_pass(Kind::Deployment, Reach::Namespace),
        Read::to_pass(Kind::StatefulSet, Reach::Namespace),
        // Links of the owner chain, by which pods of one app are told from those of another.
        Read::refines(Kind::Runtime),
        Read::refines(Kind::MendixApp),
    ],
    docs: include_str!("../../../docs/rules/shared-writable-volumes.md"),
    check,
};

/// How many apps a message names, and how many pods a row reads.
const LISTED: usize = 5;

fn check<'m>(model: &'m Model<'_>) -> Observations<'m> {
    let writers = Writers::new(model);
    let claims = model.snapshot.of_kind(Kind::PersistentVolumeClaim);
    let judged = claims.filter(|(_, object)| model.scope.contains(object.namespace()));
    Box::new(judged.map(move |(index, object)| {
        let key = (object.namespace(), object.name().to_owned());
        let here = writers.by_claim.get(&key).map_or(&[][..], Vec::as_slice);
        observe(model, index, here, &writers.apps)
    }))
}

/// A group of pods that can write to a claim.
#[derive(Clone, Debug)]
struct Writer {
    group: usize,
    member: usize,
    /// Pointer to the name of the claim, where all pods of the group mount the same.
    pointer: Option<String>,
}

/// Which pods can write to which claim.
struct Writers<'m> {
    by_claim: BTreeMap<(&'m str, String), Vec<Writer>>,
    /// The app of each group of pods.
    apps: BTreeMap<usize, &'m str>,
}

impl<'m> Writers<'m> {
    fn new(model: &'m Model<'_>) -> Self {
        let apps = model.apps.iter().flat_map(|app| {
            let groups = app.pods.iter();
            groups.map(move |group| (*group, app.name.as_str()))
        });
        let mut writers = Self {
            by_claim: BTreeMap::new(),
            apps: apps.collect(),
        };
        for (group, pod) in model.pods.iter().enumerate() {
            if !pod.is_finished() && model.scope.contains(pod.namespace) {
                writers.add(model, group, pod);
            }
        }
        writers
    }

    fn add(&mut self, model: &'m Model<'_>, group: usize, pod: &'m PodGroup<'_>) {
        for member in &pod.members {
            let claims = model.claims_of_member(pod, *member);
            let written = claims.into_iter().filter(|claim| pod.writes_to(claim));
            for Claim { pointer, name, .. } in written {
                let Some(name) = name else { continue };
                let writers = self.by_claim.entry((pod.namespace, name)).or_default();
                // One pod speaks for all of its group that mount the same claim.
                if writers.last().is_none_or(|last| last.group != group) {
                    writers.push(Writer {
                        group,
                        member: *member,
                        pointer,
                    });
                }
            }
            // Further members differ only in claims that are their own.
            if !pod.has_own_claims() {
                break;
            }
        }
    }
}

fn observe(
    model: &Model<'_>,
    claim: usize,
    writers: &[Writer],
    apps: &BTreeMap<usize, &str>,
) -> Observation {
    let subject = Subject::Object(claim);
    let name = model.object(claim).name();
    let of_apps = writers
        .iter()
        .filter(|writer| model.pods[writer.group].role == Role::App);
    let names: BTreeSet<&str> = of_apps
        .clone()
        .filter_map(|writer| apps.get(&writer.group).copied())
        .collect();
    let names: Vec<&str> = names.into_iter().collect();
    let observation = match names.as_slice() {
        [] => Observation::pass(subject, Reason::Absent, "no app can write to it"),
        [app] => Observation::pass(
            subject,
            Reason::Value,
            format!("only app {app} can write to it"),
        ),
        several => Observation::fail(
            subject,
            Reason::Value,
            format!(
                "{} apps can write to it: {}",
                several.len(),
                listed(several)
            ),
        ),
    };
    let observation = writers.iter().fold(observation, |observation, writer| {
        let chain = &model.pods[writer.group].chain;
        // Where the chain breaks off below a MendixApp, whose pods they are may be otherwise.
        match &chain.unread {
            Some((kind, namespace)) if chain.mendix("MendixApp").is_none() => {
                observation.needs(*kind, namespace)
            }
            Some(_) | None => observation,
        }
    });
    of_apps
        .take(LISTED)
        .fold(observation, |observation, writer| {
            let pod = &model.pods[writer.group];
            let Some(pointer) = &writer.pointer else {
                return observation;
            };
            let at = format!("{}{pointer}", pod.template.unwrap_or_default());
            observation.read_of(writer.member, at, Some(name))
        })
}

fn listed(names: &[&str]) -> String {
    let mut listed: Vec<String> = names.iter().take(LISTED).map(ToString::to_string).collect();
    if names.len() > LISTED {
        listed.push(format!("{} more", names.len() - LISTED));
    }
    listed.join(", ")
}
