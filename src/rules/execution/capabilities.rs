//! Capabilities split the power of root; each that a container keeps is one more way out of its execution domain.

use crate::kind::Kind;
use crate::model::capabilities::{Capabilities, is_far_reaching, listed};
use crate::model::{Container, Model, PodGroup};
use crate::rules::{
    Group, Observation, Observations, Reach, Read, Reason, Rule, Severity, Subject, Subjects,
    each_container,
};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "capabilities",
    version: 1,
    title: "Containers drop all capabilities and add none that reaches beyond them",
    severity: Severity::High,
    group: Group::ExecutionDomain,
    subjects: Subjects::Kinds(&[Kind::Pod]),
    reads: &[
        Read::required(Kind::Pod, Reach::Namespace),
        // For pods that do not say their operating system.
        Read::refines(Kind::Node),
    ],
    docs: include_str!("../../../docs/rules/capabilities.md"),
    check,
};

fn check<'m>(model: &'m Model<'_>) -> Observations<'m> {
    each_container(model, observe)
}

fn observe(subject: Subject, pod: &PodGroup<'_>, container: &Container<'_>) -> Observation {
    let context = container.spec.security_context.as_ref();
    let privileged = context.and_then(|context| context.privileged) == Some(true);
    let observation = if pod.windows {
        Observation::not_applicable(subject, Reason::Os, "capabilities do not exist on Windows")
    } else if privileged {
        Observation::fail(
            subject,
            Reason::Value,
            "the container is privileged, which gives it every capability",
        )
        .read(
            format!("{}/securityContext/privileged", container.pointer),
            Some(true),
        )
    } else {
        judge(subject, pod, container)
    };
    let declared = context.and_then(|context| context.capabilities.as_ref());
    let at = format!("{}/securityContext/capabilities", container.pointer);
    let list = |list: Option<&Vec<String>>| list.filter(|list| !list.is_empty()).cloned();
    observation
        .container(&container.spec.name)
        .read(
            format!("{at}/add"),
            list(declared.map(|declared| &declared.add)),
        )
        .read(
            format!("{at}/drop"),
            list(declared.map(|declared| &declared.drop)),
        )
}

fn judge(subject: Subject, pod: &PodGroup<'_>, container: &Container<'_>) -> Observation {
    let asked = Capabilities::of(container.spec);
    let beyond = asked.beyond();
    let redirects = pod.is_redirect_init(container);
    let mut faults = Vec::new();
    if !asked.drops_all {
        faults.push("does not drop ALL".to_owned());
    }
    if !beyond.is_empty() && !redirects {
        faults.push(adds(&beyond));
    }
    if faults.is_empty() {
        return match (redirects, beyond.as_slice()) {
            (_, []) => Observation::pass(subject, Reason::Value, "drops ALL"),
            (_, added) => Observation::pass(
                subject,
                Reason::MeshRedirectInit,
                format!(
                    "drops ALL and adds {} to redirect the pod's traffic into the mesh",
                    listed(added)
                ),
            ),
        };
    }
    // The runtime's own set is what a container keeps that says nothing.
    let context = container.spec.security_context.as_ref();
    let declared = context.and_then(|context| context.capabilities.as_ref());
    let unstated =
        declared.is_none_or(|declared| declared.add.is_empty() && declared.drop.is_empty());
    let reason = if unstated {
        Reason::Absent
    } else {
        Reason::Value
    };
    let observation = Observation::fail(subject, reason, faults.join(", "));
    if unstated {
        observation.unless_windows(pod)
    } else {
        observation
    }
}

fn adds(names: &[&str]) -> String {
    let far: Vec<&str> = names
        .iter()
        .copied()
        .filter(|name| is_far_reaching(name))
        .collect();
    let all = listed(names);
    if far.is_empty() {
        format!("adds {all}")
    } else if far.len() == names.len() {
        format!("adds {all}, which can undo isolation")
    } else {
        format!("adds {all}, of which {} can undo isolation", listed(&far))
    }
}
