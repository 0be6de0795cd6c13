//! `hostPID`, `hostIPC` and `hostNetwork` put a pod's processes into namespaces of the node.

use crate::kind::Kind;
use crate::model::{Model, PodGroup};
use crate::rules::{
    Group, Observation, Observations, Reach, Read, Reason, Rule, Severity, Subject, Subjects,
};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "host-namespaces",
    version: 1,
    title: "Pods keep their own process, IPC and network namespaces",
    severity: Severity::Critical,
    group: Group::ExecutionDomain,
    subjects: Subjects::Kinds(&[Kind::Pod]),
    reads: &[Read::required(Kind::Pod, Reach::Namespace)],
    docs: include_str!("../../../docs/rules/host-namespaces.md"),
    check,
};

fn check<'m>(model: &'m Model<'_>) -> Observations<'m> {
    Box::new(
        model
            .judged_pods()
            .map(move |(index, pod)| observe(Subject::Pods(index), pod)),
    )
}

fn observe(subject: Subject, pod: &PodGroup<'_>) -> Observation {
    if pod.is_finished() {
        return Observation::finished(subject);
    }
    let fields = [
        ("hostPID", pod.spec.host_pid),
        ("hostIPC", pod.spec.host_ipc),
        ("hostNetwork", pod.spec.host_network),
    ];
    let shared: Vec<&str> = fields
        .iter()
        .filter(|(_, value)| *value == Some(true))
        .map(|(field, _)| *field)
        .collect();
    let stated = fields.iter().any(|(_, value)| value.is_some());
    let observation = if shared.is_empty() {
        // An unset field means false: the API's default.
        let reason = if stated {
            Reason::Value
        } else {
            Reason::Default
        };
        Observation::pass(subject, reason, "hostPID, hostIPC and hostNetwork are off")
    } else {
        Observation::fail(
            subject,
            Reason::Value,
            format!("{} true{}", is_list(&shared), pod.mirror_note()),
        )
    };
    fields
        .into_iter()
        .fold(observation, |observation, (field, value)| {
            observation.read(format!("/spec/{field}"), value)
        })
}

fn is_list(fields: &[&str]) -> String {
    match fields {
        [] => String::new(),
        [field] => format!("{field} is"),
        [first @ .., last] => format!("{} and {last} are", first.join(", ")),
    }
}
