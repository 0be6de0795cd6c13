//! A privileged container has all capabilities, no seccomp filter, and the devices of the node.

use crate::kind::Kind;
use crate::model::{Container, Model, PodGroup};
use crate::rules::{
    Group, Observation, Observations, Reach, Read, Reason, Rule, Severity, Subject, Subjects,
    each_container,
};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "privileged-containers",
    version: 1,
    title: "Containers are not privileged",
    severity: Severity::Critical,
    group: Group::ExecutionDomain,
    subjects: Subjects::Kinds(&[Kind::Pod]),
    reads: &[Read::required(Kind::Pod, Reach::Namespace)],
    docs: include_str!("../../../docs/rules/privileged-containers.md"),
    check,
};

fn check<'m>(model: &'m Model<'_>) -> Observations<'m> {
    each_container(model, observe)
}

fn observe(subject: Subject, pod: &PodGroup<'_>, container: &Container<'_>) -> Observation {
    let context = container.spec.security_context.as_ref();
    let privileged = context.and_then(|context| context.privileged);
    let (host_process, host_process_at) = pod.host_process(container);
    let observation = if privileged == Some(true) {
        let message = format!("privileged is true{}", pod.mirror_note());
        Observation::fail(subject, Reason::Value, message)
    } else if host_process == Some(true) {
        Observation::fail(subject, Reason::Value, "windowsOptions.hostProcess is true")
    } else if privileged == Some(false) {
        Observation::pass(subject, Reason::Value, "privileged is false")
    } else {
        // An unset field means false: the API's default.
        Observation::pass(subject, Reason::Default, "privileged is not set")
    };
    let observation = observation.container(&container.spec.name).read(
        format!("{}/securityContext/privileged", container.pointer),
        privileged,
    );
    match host_process {
        Some(value) => observation.read(host_process_at, Some(value)),
        None => observation,
    }
}
