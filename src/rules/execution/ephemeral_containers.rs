//! A debug container joins a running pod; with a target it shares that container's processes and file system.

use crate::kind::Kind;
use crate::model::{Container, ContainerClass, Model, PodGroup};
use crate::rules::{
    Group, Observation, Observations, Reach, Read, Reason, Rule, Severity, Subject, Subjects,
    each_app_pod,
};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "ephemeral-containers",
    version: 1,
    title: "No live debug container in an app pod",
    severity: Severity::High,
    group: Group::ExecutionDomain,
    subjects: Subjects::Kinds(&[Kind::Pod]),
    reads: &[
        Read::required(Kind::Pod, Reach::Namespace),
        // Owners of pods that nothing else shows to be an app's.
        Read::refines(Kind::ReplicaSet),
        Read::refines(Kind::Deployment),
        Read::refines(Kind::StatefulSet),
    ],
    docs: include_str!("../../../docs/rules/ephemeral-containers.md"),
    check,
};

fn check<'m>(model: &'m Model<'_>) -> Observations<'m> {
    each_app_pod(model, observe)
}

fn observe(subject: Subject, pod: &PodGroup<'_>) -> Vec<Observation> {
    let debug: Vec<Container<'_>> = pod
        .all_containers()
        .filter(|container| container.class == ContainerClass::Ephemeral)
        .collect();
    if debug.is_empty() {
        let observation = Observation::pass(subject, Reason::Absent, "no debug containers");
        return vec![observation.read("/spec/ephemeralContainers", None::<bool>)];
    }
    debug
        .iter()
        .map(|container| judge(subject.clone(), container))
        .collect()
}

fn judge(subject: Subject, container: &Container<'_>) -> Observation {
    let target = container.spec.target_container_name.as_deref();
    let observation = match (container.ended, target) {
        // It can't be removed from the pod; what is left of it is history.
        (true, _) => Observation::pass(subject, Reason::NoProcess, "the debug container has ended"),
        (false, Some(target)) => Observation::fail(
            subject,
            Reason::Value,
            format!("a live debug container shares the processes of container {target}"),
        ),
        (false, None) => Observation::fail(
            subject,
            Reason::Value,
            "a live debug container runs in the pod",
        )
        .severity(Severity::Medium),
    };
    observation
        .container(&container.spec.name)
        .read(
            format!("{}/name", container.pointer),
            Some(&container.spec.name),
        )
        .read(format!("{}/targetContainerName", container.pointer), target)
}
