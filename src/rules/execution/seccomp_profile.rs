//! A seccomp profile restricts the system calls of a container; without one the kernel's whole interface is open.

use crate::kind::Kind;
use crate::model::security::{Seccomp, Source};
use crate::model::{Container, Model, PodGroup};
use crate::rules::{
    Group, Observation, Observations, Reach, Read, Reason, Rule, Severity, Subject, Subjects,
    each_container,
};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "seccomp-profile",
    version: 2,
    title: "Containers run under a seccomp profile",
    severity: Severity::High,
    group: Group::ExecutionDomain,
    subjects: Subjects::Kinds(&[Kind::Pod]),
    reads: &[
        Read::required(Kind::Pod, Reach::Namespace),
        Read::refines(Kind::Node),
    ],
    docs: include_str!("../../../docs/rules/seccomp-profile.md"),
    check,
};

fn check<'m>(model: &'m Model<'_>) -> Observations<'m> {
    each_container(model, |subject, pod, container| {
        observe(model, subject, pod, container)
    })
}

fn observe(
    model: &Model<'_>,
    subject: Subject,
    pod: &PodGroup<'_>,
    container: &Container<'_>,
) -> Observation {
    let (profile, source) = pod.seccomp(container);
    let place = match source {
        Source::Container => "",
        Source::Pod => " (set for the pod)",
    };
    let observation = match &profile {
        _ if pod.windows => {
            Observation::not_applicable(subject, Reason::Os, "seccomp does not exist on Windows")
        }
        Seccomp::Privileged => Observation::fail(
            subject,
            Reason::Value,
            "the container is privileged, which is always unconfined",
        ),
        Seccomp::RuntimeDefault => Observation::pass(
            subject,
            Reason::Value,
            format!("seccomp profile RuntimeDefault{place}"),
        ),
        Seccomp::Localhost => Observation::pass(
            subject,
            Reason::Value,
            format!(
                "seccomp profile Localhost{place}; the content of the file on the node is not visible"
            ),
        ),
        Seccomp::Unconfined => Observation::fail(
            subject,
            Reason::Value,
            format!("seccomp profile Unconfined{place}"),
        ),
        Seccomp::Absent => absent(model, subject, pod),
        Seccomp::Unrecognised(kind) => Observation::indeterminate(
            subject,
            Reason::Unrecognised,
            format!("seccomp profile type {kind:?} is not one that the API knows{place}"),
        ),
    };
    let observation = observation.container(&container.spec.name);
    pod.seccomp_reads(container)
        .into_iter()
        .fold(observation, |observation, (pointer, value)| {
            observation.read(pointer, value)
        })
}

/// Without a profile the kubelet decides, whose setting is in no object of the API.
fn absent(model: &Model<'_>, subject: Subject, pod: &PodGroup<'_>) -> Observation {
    let attested = if pod.is_on_known_node() {
        model.attested(pod, "seccompDefault", &true.into())
    } else {
        Vec::new()
    };
    if attested.is_empty() {
        return Observation::fail(subject, Reason::Absent, "no seccomp profile declared")
            .unless_windows(pod);
    }
    let observation = Observation::pass(
        subject,
        Reason::Attested,
        "no seccomp profile declared; seccompDefault is attested for its node, which means RuntimeDefault",
    );
    attested
        .into_iter()
        .fold(observation, |observation, entry| {
            observation.read_plan(format!("/attestations/{entry}/value"), Some(true))
        })
}
