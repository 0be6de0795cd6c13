//! A root file system that can't be written keeps an intruder from replacing what the container runs.

use crate::kind::Kind;
use crate::model::{Container, Model, PodGroup};
use crate::rules::{
    Group, Observation, Observations, Reach, Read, Reason, Rule, Severity, Subject, Subjects,
    each_container,
};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "immutable-root-filesystem",
    version: 1,
    title: "Containers can't write to their root file system",
    severity: Severity::Low,
    group: Group::ExecutionDomain,
    subjects: Subjects::Kinds(&[Kind::Pod]),
    reads: &[
        Read::required(Kind::Pod, Reach::Namespace),
        // For pods that do not say their operating system.
        Read::refines(Kind::Node),
    ],
    docs: include_str!("../../../docs/rules/immutable-root-filesystem.md"),
    check,
};

fn check<'m>(model: &'m Model<'_>) -> Observations<'m> {
    each_container(model, observe)
}

fn observe(subject: Subject, pod: &PodGroup<'_>, container: &Container<'_>) -> Observation {
    let context = container.spec.security_context.as_ref();
    let read_only = context.and_then(|context| context.read_only_root_filesystem);
    let observation = match read_only {
        _ if pod.windows => Observation::not_applicable(
            subject,
            Reason::Os,
            "readOnlyRootFilesystem does not exist on Windows",
        ),
        Some(true) => Observation::pass(subject, Reason::Value, "readOnlyRootFilesystem is true"),
        Some(false) => Observation::fail(subject, Reason::Value, "readOnlyRootFilesystem is false"),
        // An unset field means false: the API's default.
        None => Observation::fail(
            subject,
            Reason::Default,
            "readOnlyRootFilesystem is not set, which means false",
        )
        .unless_windows(pod),
    };
    observation.container(&container.spec.name).read(
        format!(
            "{}/securityContext/readOnlyRootFilesystem",
            container.pointer
        ),
        read_only,
    )
}
