//! `shareProcessNamespace` lets the containers of a pod see, signal and trace each other's processes.

use crate::kind::Kind;
use crate::model::Model;
use crate::rules::{
    Group, Observation, Observations, Reach, Read, Reason, Rule, Severity, Subject, Subjects,
};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "process-namespace-sharing",
    version: 1,
    title: "Containers of a pod do not share a process namespace",
    severity: Severity::High,
    group: Group::ExecutionDomain,
    subjects: Subjects::Kinds(&[Kind::Pod]),
    reads: &[Read::required(Kind::Pod, Reach::Namespace)],
    docs: include_str!("../../../docs/rules/process-namespace-sharing.md"),
    check,
};

fn check<'m>(model: &'m Model<'_>) -> Observations<'m> {
    Box::new(model.judged_pods().map(move |(index, pod)| {
        let subject = Subject::Pods(index);
        if pod.is_finished() {
            return Observation::finished(subject);
        }
        let field = pod.spec.share_process_namespace;
        let observation = match field {
            Some(true) => {
                Observation::fail(subject, Reason::Value, "shareProcessNamespace is true")
            }
            Some(false) => {
                Observation::pass(subject, Reason::Value, "shareProcessNamespace is false")
            }
            // An unset field means false: the API's default.
            None => Observation::pass(subject, Reason::Default, "shareProcessNamespace is not set"),
        };
        observation.read("/spec/shareProcessNamespace", field)
    }))
}
