//! Each app has pods of its own: one runtime container, of one MendixApp.

use crate::kind::Kind;
use crate::model::mendix::is_runtime;
use crate::model::pods::AppClaim;
use crate::model::{Container, Model, PodGroup};
use crate::rules::{
    Group, Observation, Observations, Reach, Read, Reason, Rule, Severity, Subject, Subjects,
    each_app_pod,
};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "pod-per-app",
    version: 1,
    title: "An app pod runs one app and belongs to one MendixApp",
    severity: Severity::High,
    group: Group::ExecutionDomain,
    subjects: Subjects::Kinds(&[Kind::Pod]),
    reads: &[
        Read::required(Kind::Pod, Reach::Namespace),
        Read::required(Kind::MendixApp, Reach::Namespace),
        // Links of the owner chain; a verdict rests on them where the chain breaks off at one.
        Read::refines(Kind::ReplicaSet),
        Read::refines(Kind::Deployment),
        Read::refines(Kind::StatefulSet),
        Read::refines(Kind::Runtime),
    ],
    docs: include_str!("../../../docs/rules/pod-per-app.md"),
    check,
};

fn check<'m>(model: &'m Model<'_>) -> Observations<'m> {
    each_app_pod(model, |subject, pod| vec![observe(model, subject, pod)])
}

fn observe(model: &Model<'_>, subject: Subject, pod: &PodGroup<'_>) -> Observation {
    let runtimes: Vec<Container<'_>> = pod
        .lasting_containers()
        .filter(|container| is_runtime(container.spec))
        .collect();
    let observation = match runtimes.as_slice() {
        [_] => belongs(model, subject, pod),
        // Whatever the pod belongs to, it does not run one app.
        [] => Observation::fail(subject, Reason::Absent, "no runtime container").conclusive(),
        several => Observation::fail(
            subject,
            Reason::Value,
            format!("{} runtime containers: {}", several.len(), names(several)),
        )
        .conclusive(),
    };
    runtimes.iter().fold(observation, |observation, container| {
        observation.read(
            format!("{}/name", container.pointer),
            Some(&container.spec.name),
        )
    })
}

fn belongs(model: &Model<'_>, subject: Subject, pod: &PodGroup<'_>) -> Observation {
    let claim = pod.app.clone().unwrap_or_default();
    let app = claim.name().and_then(|name| {
        let index = model.snapshot.find(Kind::MendixApp, pod.namespace, name)?;
        Some((index, name))
    });
    let observation = match (disagreement(&claim), claim.name(), app) {
        (Some(message), _, _) => Observation::fail(subject, Reason::Value, message),
        (None, _, Some((_, name))) => Observation::pass(
            subject,
            Reason::Value,
            format!("one runtime container of MendixApp {name}"),
        ),
        (None, None, None) => Observation::fail(
            subject,
            Reason::Absent,
            "neither owner nor label names a MendixApp",
        ),
        (None, Some(name), None) => Observation::fail(
            subject,
            Reason::Absent,
            format!("there is no MendixApp {name}"),
        ),
    };
    let observation = claim
        .by_label
        .iter()
        .fold(observation, |observation, (key, name)| {
            observation.read(
                format!("/metadata/labels/{}", key.replace('/', "~1")),
                Some(name),
            )
        });
    let observation = match app {
        Some((index, name)) => observation.read_of(index, "/metadata/name", Some(name)),
        None => observation,
    };
    // Where the chain breaks off at something unread, another app may stand above it.
    match &pod.chain.unread {
        Some((kind, namespace)) => observation.needs(*kind, namespace),
        None => observation,
    }
}

/// What contradicts the app that the pod is taken to belong to.
fn disagreement(claim: &AppClaim) -> Option<String> {
    let name = claim.name()?;
    let (key, other) = claim
        .by_label
        .iter()
        .find(|(_, labelled)| labelled != name)?;
    let source = match (&claim.by_owner, claim.by_label.first()) {
        (Some(_), _) | (None, None) => "the owner chain leads to".to_owned(),
        (None, Some((first, _))) => format!("label {first} names"),
    };
    Some(format!("label {key} names app {other}, {source} {name}"))
}

fn names(containers: &[Container<'_>]) -> String {
    let names: Vec<&str> = containers
        .iter()
        .map(|container| container.spec.name.as_str())
        .collect();
    names.join(", ")
}
