//! Apps cannot reach the pods that manage them.

use super::paths::{self, Unowned, Worst};
use crate::kind::Kind;
use crate::model::reach::Ports;
use crate::model::tenants::Tenants;
use crate::model::{Model, PodGroup, Role};
use crate::rules::{
    Group, Observation, Observations, Reach, Read, Reason, Rule, Severity, Subject, Subjects,
};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "management-isolation",
    version: 1,
    title: "App pods cannot reach the platform's or a Global operator's pods",
    severity: Severity::High,
    group: Group::Network,
    subjects: Subjects::Kinds(&[Kind::Namespace]),
    reads: READS,
    docs: include_str!("../../../docs/rules/management-isolation.md"),
    check,
};

/// What makes an operator a Global one.
const GLOBAL_MODE: [Kind; 5] = [
    Kind::RoleBinding,
    Kind::ClusterRoleBinding,
    Kind::Role,
    Kind::ClusterRole,
    Kind::OperatorConfiguration,
];

static READS: &[Read] = &{
    const COUNT: usize = paths::READS.len();
    let mut reads = [Read::to_pass(Kind::Pod, Reach::Cluster); COUNT + GLOBAL_MODE.len()];
    let mut place = 0;
    while place < COUNT {
        reads[place] = paths::READS[place];
        place += 1;
    }
    while place < COUNT + GLOBAL_MODE.len() {
        reads[place] = Read::refines(GLOBAL_MODE[place - COUNT]);
        place += 1;
    }
    reads
};

fn check<'m>(model: &'m Model<'_>) -> Observations<'m> {
    let tenants = Tenants::new(model);
    let unowned = Unowned::new(model);
    let namespaces: Vec<&str> = model.scope.namespaces().collect();
    Box::new(
        namespaces
            .into_iter()
            .filter_map(move |namespace| observe(model, &tenants, &unowned, namespace)),
    )
}

fn observe(
    model: &Model<'_>,
    tenants: &Tenants<'_>,
    unowned: &Unowned,
    namespace: &str,
) -> Option<Observation> {
    let subject = Subject::Namespace(namespace.to_owned());
    if !is_management(model, namespace) {
        return maybe_management(model, namespace, subject);
    }
    let pods: Vec<usize> = model
        .pods_in(namespace)
        .filter(|(_, pod)| !pod.is_finished())
        .filter(|(_, pod)| !pod.is_template() || pod.replicas != Some(0))
        .map(|(group, _)| group)
        .collect();
    if pods.is_empty() {
        return Some(paths::nothing(model, subject, "no pods run here"));
    }
    let strict = names_ways(model);
    let sources = model.reach().sources(model, |group, pod| {
        is_app(model, tenants, group) || strict && is_stranger(model, pod)
    });
    let mut worst = Worst::default();
    for group in pods.iter().copied() {
        worst.take(model.reach().current(group, &Ports::Any, &sources, true));
        if worst.certain.is_some() {
            break;
        }
    }
    Some(worst.observation(model, &subject).unwrap_or_else(|| {
        let message = if strict {
            "only pods that the plan names can reach a pod here"
        } else {
            "no app pod can reach a pod here"
        };
        let observation = Observation::pass(subject, Reason::Value, message);
        unowned.settle(model, observation, pods.iter().copied(), &Ports::Any)
    }))
}

/// An operator whose permissions were not read may be a Global one.
fn maybe_management(model: &Model<'_>, namespace: &str, subject: Subject) -> Option<Observation> {
    let message = "nothing is known here that manages apps elsewhere";
    let unread = |kind: Kind| model.gaps.in_namespace(kind, namespace).is_some();
    if let Some(kind) = [Kind::Pod, Kind::MendixApp]
        .into_iter()
        .find(|kind| unread(*kind))
    {
        return Some(Observation::pass(subject, Reason::Absent, message).needs(kind, namespace));
    }
    let mut operators = model.operators.iter();
    if !operators.any(|operator| operator.namespace == namespace) {
        return None;
    }
    let kind = GLOBAL_MODE
        .into_iter()
        .find(|kind| model.gaps.anywhere(*kind).is_some())?;
    Some(Observation::pass(subject, Reason::Absent, message).needs(kind, ""))
}

/// Whether the platform or a Global operator runs in a namespace, or the plan says so.
fn is_management(model: &Model<'_>, namespace: &str) -> bool {
    let is_part = |pod: &PodGroup<'_>| pod.role == Role::Platform && !pod.is_finished();
    model.plan.platform_namespace(namespace).is_some()
        || model.plan.management_namespace(namespace).is_some()
        || model.apps_in(namespace).any(|app| app.is_platform)
        || model.pods_in(namespace).any(|(_, pod)| is_part(pod))
        || model.is_global_operator_namespace(namespace)
}

/// Whether a pod is of an app, the platform's own aside.
fn is_app(model: &Model<'_>, tenants: &Tenants<'_>, group: usize) -> bool {
    let app = tenants.app(group).and_then(|app| model.apps.get(app));
    app.is_some_and(|app| !app.is_platform)
}

/// Whether the plan says where management traffic comes from.
fn names_ways(model: &Model<'_>) -> bool {
    let plan = model.plan;
    !plan.platform_namespaces.is_empty()
        || !plan.management_namespaces.is_empty()
        || !plan.allowed_flows.is_empty()
}

/// Whether a pod is none of those that a plan need not name: management itself, ingress controllers that it names,
/// control planes of meshes, and the nodes' own pods.
fn is_stranger(model: &Model<'_>, pod: &PodGroup<'_>) -> bool {
    let is_named = model.plan.ingress_controllers.iter().any(|controller| {
        controller.matches(pod.namespace, &|key| {
            crate::model::selector::Labels::label(pod, key)
        })
    });
    !is_named
        && pod.role != Role::MeshControlPlane
        && pod.spec.host_network != Some(true)
        && !is_management(model, pod.namespace)
}
