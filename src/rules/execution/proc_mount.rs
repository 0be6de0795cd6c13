//! The runtime masks parts of `/proc`; `procMount: Unmasked` shows them, and lets the container write to the kernel.

use crate::kind::Kind;
use crate::model::user_namespaces::{Doubt, UserNamespace};
use crate::model::{Container, Model, PodGroup};
use crate::rules::{
    Group, Observation, Observations, Reach, Read, Reason, Rule, Severity, Subject, Subjects,
    each_container,
};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "proc-mount",
    version: 1,
    title: "Containers see the masked /proc of their runtime",
    severity: Severity::High,
    group: Group::ExecutionDomain,
    subjects: Subjects::Kinds(&[Kind::Pod]),
    reads: &[
        Read::required(Kind::Pod, Reach::Namespace),
        // Both for pods that are unmasked in a user namespace of their own.
        Read::refines(Kind::Node),
        Read::refines(Kind::RuntimeClass),
    ],
    docs: include_str!("../../../docs/rules/proc-mount.md"),
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
    let context = container.spec.security_context.as_ref();
    let mount = context.and_then(|context| context.proc_mount.as_deref());
    let windows = pod.spec.os.as_ref().is_some_and(|os| os.name == "windows");
    let observation = match mount {
        _ if windows => {
            Observation::not_applicable(subject, Reason::Os, "procMount does not exist on Windows")
        }
        Some("Default") => Observation::pass(subject, Reason::Value, "procMount is Default"),
        // An unset field means Default: the API's default.
        None => Observation::pass(subject, Reason::Default, "procMount is not set"),
        Some("Unmasked") => unmasked(model, subject, pod),
        Some(other) => Observation::indeterminate(
            subject,
            Reason::Unrecognised,
            format!(
                "procMount {:?} is not one that the API knows",
                other.chars().take(64).collect::<String>()
            ),
        ),
    };
    let observation = observation.container(&container.spec.name).read(
        format!("{}/securityContext/procMount", container.pointer),
        mount,
    );
    if mount != Some("Unmasked") {
        return observation;
    }
    let observation = observation.read("/spec/hostUsers", pod.spec.host_users);
    match &pod.spec.runtime_class_name {
        Some(class) => observation.read("/spec/runtimeClassName", Some(class)),
        None => observation,
    }
}

/// The field is made for pods with a user namespace of their own, in which what is unmasked can do no harm.
fn unmasked(model: &Model<'_>, subject: Subject, pod: &PodGroup<'_>) -> Observation {
    let doubt = match pod.user_namespace {
        UserNamespace::Host => {
            return Observation::fail(
                subject,
                Reason::Value,
                "procMount is Unmasked, in the user namespace of the node",
            );
        }
        UserNamespace::Own => {
            return Observation::pass(
                subject,
                Reason::Value,
                "procMount is Unmasked, in a user namespace of the pod's own",
            );
        }
        UserNamespace::Doubtful(doubt) => doubt,
    };
    let unread = |kind| {
        model
            .gaps
            .anywhere(kind)
            .map_or(Reason::Absent, Reason::from)
    };
    let (reason, why) = match doubt {
        Doubt::NotStarted => (Reason::Absent, "no kubelet has started the pod"),
        Doubt::NodeUnread => (unread(Kind::Node), "its node was not read"),
        Doubt::Kubelet => (Reason::Unenforced, "its kubelet may ignore hostUsers"),
        Doubt::Kernel => (
            Reason::Unenforced,
            "the kernel of its node may lack user namespaces for all its file systems",
        ),
        Doubt::NoRuntimeClass => (
            unread(Kind::RuntimeClass),
            "its RuntimeClass is not there, so the handler is unknown",
        ),
        Doubt::Handler => (
            Reason::Unenforced,
            "its node does not report user namespaces for the handler of its runtime",
        ),
    };
    Observation::indeterminate(
        subject,
        reason,
        format!("procMount is Unmasked and hostUsers is false, but {why}"),
    )
}
