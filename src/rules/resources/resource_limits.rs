//! Limits on CPU and memory of every container.

use crate::kind::Kind;
use crate::model::limits::{Limit, LimitState};
use crate::model::{Container, ContainerClass, Model, PodGroup};
use crate::rules::{
    Group, Observation, Observations, Reach, Read, Reason, Rule, Severity, Subject, Subjects,
    each_container,
};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "resource-limits",
    version: 1,
    title: "Containers have CPU and memory limits",
    severity: Severity::Medium,
    group: Group::Resources,
    subjects: Subjects::Kinds(&[Kind::Pod]),
    reads: &[
        Read::required(Kind::Pod, Reach::Namespace),
        // For pod-level limits, which old kubelets ignore.
        Read::refines(Kind::Node),
        // For templates, to which admission may add a limit.
        Read::refines(Kind::LimitRange),
    ],
    docs: include_str!("../../../docs/rules/resource-limits.md"),
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
    if container.class == ContainerClass::Ephemeral {
        let message = "debug containers can't have limits; they use the pod's spare room";
        return Observation::not_applicable(subject, Reason::Absent, message)
            .container(&container.spec.name);
    }
    let limits =
        ["cpu", "memory"].map(|resource| (resource, model.limit(pod, container, resource)));
    let observation = judge(subject, pod, &limits).container(&container.spec.name);
    limits
        .into_iter()
        .fold(observation, |observation, (_, limit)| match limit.object {
            None => observation.read(limit.pointer, limit.value),
            Some(object) => observation.read_of(object, limit.pointer, limit.value),
        })
}

fn judge(subject: Subject, pod: &PodGroup<'_>, limits: &[(&str, Limit); 2]) -> Observation {
    let words: Vec<String> = limits
        .iter()
        .map(|(resource, limit)| describe(resource, limit))
        .collect();
    let message = words.join(", ");
    let states = [limits[0].1.state, limits[1].1.state];
    let failed = states.iter().find(|state| {
        matches!(
            state,
            LimitState::Missing | LimitState::Zero | LimitState::Absurd
        )
    });
    if let Some(state) = failed {
        let reason = if *state == LimitState::Missing {
            Reason::Absent
        } else {
            Reason::Value
        };
        let observation = Observation::fail(subject, reason, message);
        // Only to a template could admission still add what is missing.
        return if pod.is_template() {
            observation.needs(Kind::LimitRange, pod.namespace)
        } else {
            observation
        };
    }
    for state in states {
        match state {
            LimitState::Unrecognised => {
                return Observation::indeterminate(subject, Reason::Unrecognised, message);
            }
            LimitState::Unenforced => {
                return Observation::indeterminate(subject, Reason::Unenforced, message);
            }
            LimitState::KubeletUnknown(missing) => {
                let reason = missing.map_or(Reason::Absent, Reason::from);
                return Observation::indeterminate(subject, reason, message);
            }
            LimitState::Set
            | LimitState::OfPod
            | LimitState::Defaulted
            | LimitState::Missing
            | LimitState::Zero
            | LimitState::Absurd => {}
        }
    }
    let observation = Observation::pass(subject, Reason::Value, message);
    // The pods to come may run on any node, also on one that was not read and is too old.
    if pod.is_template() && states.contains(&LimitState::OfPod) {
        observation.needs(Kind::Node, "")
    } else {
        observation
    }
}

fn describe(resource: &str, limit: &Limit) -> String {
    let value = limit
        .value
        .as_ref()
        .map(ToString::to_string)
        .unwrap_or_default();
    match limit.state {
        LimitState::Set => format!("{resource} limit {value}"),
        LimitState::OfPod => format!("{resource} limit {value} of the pod"),
        LimitState::Defaulted => {
            format!("{resource} limit {value} would be added from a LimitRange")
        }
        LimitState::Missing => format!("no {resource} limit"),
        LimitState::Zero => format!("{resource} limit {value} means none"),
        LimitState::Absurd => format!("{resource} limit {value} is less than a mebibyte"),
        LimitState::Unrecognised => format!("{resource} limit {value:?} is not a quantity"),
        LimitState::Unenforced => {
            format!("{resource} limit {value} of the pod, which its kubelet may ignore")
        }
        LimitState::KubeletUnknown(_) => {
            format!("{resource} limit {value} of the pod, by a kubelet of unknown version")
        }
    }
}
