//! `allowPrivilegeEscalation: false` keeps a process from gaining more privileges than its parent has.

use crate::kind::Kind;
use crate::model::capabilities::Capabilities;
use crate::model::{Container, Model, PodGroup};
use crate::rules::{
    Group, Observation, Observations, Reach, Read, Reason, Rule, Severity, Subject, Subjects,
    each_container,
};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "privilege-escalation",
    version: 1,
    title: "Processes can't gain privileges that their container was not started with",
    severity: Severity::Medium,
    group: Group::ExecutionDomain,
    subjects: Subjects::Kinds(&[Kind::Pod]),
    reads: &[
        Read::required(Kind::Pod, Reach::Namespace),
        // For pods that do not say their operating system.
        Read::refines(Kind::Node),
    ],
    docs: include_str!("../../../docs/rules/privilege-escalation.md"),
    check,
};

fn check<'m>(model: &'m Model<'_>) -> Observations<'m> {
    each_container(model, observe)
}

fn observe(subject: Subject, pod: &PodGroup<'_>, container: &Container<'_>) -> Observation {
    let context = container.spec.security_context.as_ref();
    let privileged = context.and_then(|context| context.privileged);
    let allowed = context.and_then(|context| context.allow_privilege_escalation);
    let asked = Capabilities::of(container.spec);
    // The API's default is true, and it is true whatever is written for privileged containers and with CAP_SYS_ADMIN.
    let observation = match (allowed, asked.forces_escalation()) {
        _ if pod.windows => Observation::not_applicable(
            subject,
            Reason::Os,
            "allowPrivilegeEscalation does not exist on Windows",
        ),
        _ if privileged == Some(true) => Observation::fail(
            subject,
            Reason::Value,
            "the container is privileged, which allows escalation whatever is written",
        ),
        (_, Some(capability)) => Observation::fail(
            subject,
            Reason::Value,
            format!("adds {capability}, which allows escalation whatever is written"),
        ),
        (Some(false), None) => {
            Observation::pass(subject, Reason::Value, "allowPrivilegeEscalation is false")
        }
        (Some(true), None) => {
            Observation::fail(subject, Reason::Value, "allowPrivilegeEscalation is true")
        }
        (None, None) => Observation::fail(
            subject,
            Reason::Default,
            "allowPrivilegeEscalation is not set, which means true",
        )
        .unless_windows(pod),
    };
    let at = format!("{}/securityContext", container.pointer);
    let observation = observation
        .container(&container.spec.name)
        .read(format!("{at}/allowPrivilegeEscalation"), allowed);
    let observation = match privileged {
        Some(true) => observation.read(format!("{at}/privileged"), privileged),
        Some(false) | None => observation,
    };
    match context.and_then(|context| context.capabilities.as_ref()) {
        Some(declared) if asked.forces_escalation().is_some() => {
            observation.read(format!("{at}/capabilities/add"), Some(&declared.add))
        }
        Some(_) | None => observation,
    }
}
