//! Pod Security Admission refuses pods that ask for what would end their isolation, before they exist.

use crate::gaps::Missing;
use crate::kind::Kind;
use crate::model::Model;
use crate::rules::{
    Group, Observation, Observations, Reach, Read, Reason, Rule, Severity, Subject, Subjects,
};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "pod-security-admission",
    version: 1,
    title: "Namespaces enforce a Pod Security Standard",
    severity: Severity::Low,
    group: Group::ExecutionDomain,
    subjects: Subjects::Kinds(&[Kind::Namespace]),
    reads: &[Read::required(Kind::Namespace, Reach::Namespace)],
    docs: include_str!("../../../docs/rules/pod-security-admission.md"),
    check,
};

/// The label that blocks, and the three that only say how or only tell.
const ENFORCE: &str = "pod-security.kubernetes.io/enforce";
const BESIDE: [&str; 3] = [
    "pod-security.kubernetes.io/enforce-version",
    "pod-security.kubernetes.io/audit",
    "pod-security.kubernetes.io/warn",
];

fn check<'m>(model: &'m Model<'_>) -> Observations<'m> {
    let known = model.scope.namespaces();
    Box::new(known.map(move |namespace| observe(model, namespace)))
}

fn observe(model: &Model<'_>, name: &str) -> Observation {
    let subject = Subject::Namespace(name.to_owned());
    let known = model.namespaces.get(name);
    let Some(namespace) = known.filter(|namespace| namespace.object.is_some()) else {
        let unread = known.and_then(|namespace| namespace.unread);
        let missing = unread
            .or_else(|| model.gaps.anywhere(Kind::Namespace))
            .unwrap_or(Missing::NotCollected);
        let message = "the labels of the namespace were not read";
        return Observation::indeterminate(subject, missing.into(), message);
    };
    let label = |key: &str| namespace.labels.get(key).map(String::as_str);
    let observation = match label(ENFORCE) {
        Some(level @ ("baseline" | "restricted")) => Observation::pass(
            subject,
            Reason::Value,
            format!("enforces the Pod Security Standard {level}"),
        ),
        Some("privileged") => Observation::fail(
            subject,
            Reason::Value,
            "enforces the Pod Security Standard privileged, which refuses nothing",
        ),
        // The admission plugin falls back to restricted here; whoever wrote the label meant something else.
        Some(other) => Observation::fail(
            subject,
            Reason::Value,
            format!("enforces {other:?}, which is no Pod Security Standard"),
        ),
        None if BESIDE[1..].iter().any(|key| label(key).is_some()) => Observation::fail(
            subject,
            Reason::Absent,
            "enforces no Pod Security Standard; audit and warn refuse nothing",
        ),
        None => Observation::fail(subject, Reason::Absent, "enforces no Pod Security Standard"),
    };
    let observation = observation.read(pointer(ENFORCE), label(ENFORCE));
    BESIDE
        .iter()
        .fold(observation, |observation, key| match label(key) {
            Some(value) => observation.read(pointer(key), Some(value)),
            None => observation,
        })
}

fn pointer(label: &str) -> String {
    format!("/metadata/labels/{}", label.replace('/', "~1"))
}
