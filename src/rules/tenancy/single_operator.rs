//! Two operators that manage one namespace roll each other back; none means that nothing is managed.

use crate::kind::Kind;
use crate::model::mendix::is_operator_container;
use crate::model::operators::{Manages, is_older};
use crate::model::{Model, Operator};
use crate::rules::{
    Group, Observation, Observations, Reach, Read, Reason, Rule, Severity, Subject, Subjects,
};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "single-operator",
    version: 1,
    title: "Exactly one Mendix Operator manages an app namespace",
    severity: Severity::Critical,
    group: Group::Tenancy,
    subjects: Subjects::Kinds(&[Kind::Namespace]),
    reads: &[
        Read::required(Kind::MendixApp, Reach::Namespace),
        Read::required(Kind::Pod, Reach::Cluster),
        Read::required(Kind::Deployment, Reach::Cluster),
        Read::required(Kind::RoleBinding, Reach::Namespace),
        Read::required(Kind::Role, Reach::Namespace),
        Read::required(Kind::ClusterRoleBinding, Reach::Cluster),
        Read::required(Kind::ClusterRole, Reach::Cluster),
        Read::required(Kind::OperatorConfiguration, Reach::Cluster),
        // They tell whether two pods are of one operator.
        Read::refines(Kind::ReplicaSet),
    ],
    docs: include_str!("../../../docs/rules/single-operator.md"),
    check,
};

/// The first operator version that supports a service mesh.
const FIRST_WITH_MESH: (u32, u32) = (2, 5);

fn check<'m>(model: &'m Model<'_>) -> Observations<'m> {
    Box::new(
        model
            .scope
            .namespaces()
            .map(move |namespace| observe(model, namespace)),
    )
}

fn observe(model: &Model<'_>, namespace: &str) -> Observation {
    let subject = Subject::Namespace(namespace.to_owned());
    let managers = model.managers_of(namespace);
    let running_here = managers
        .iter()
        .filter(|(_, why)| *why == Manages::RunsThere)
        .count();
    let observation = match managers.as_slice() {
        // Several operators that run in one place conflict even before the first app comes.
        _ if model.apps_in(namespace).next().is_none() && running_here < 2 => {
            return Observation::none_there(model, namespace, &[Kind::Deployment]);
        }
        [] => Observation::fail(
            subject,
            Reason::Absent,
            format!("no operator manages it{}", stopped(model, namespace)),
        ),
        [(operator, why)] => single(model, subject, operator, why),
        several => {
            let message = format!("{} operators manage it: {}", several.len(), list(several));
            let observation = Observation::fail(subject, Reason::Value, message);
            match of_unread_replica_set(model, several) {
                Some(namespace) => observation.needs(Kind::ReplicaSet, namespace),
                None => observation.conclusive(),
            }
        }
    };
    managers
        .iter()
        .fold(observation, |observation, (operator, why)| {
            evidence(model, operator, why, observation)
        })
}

fn single(model: &Model<'_>, subject: Subject, operator: &Operator, why: &Manages) -> Observation {
    let what = describe(operator, why);
    if !model.mesh.is_present() {
        return Observation::pass(subject, Reason::Value, what);
    }
    let version = operator.version.as_deref();
    match version.and_then(|version| is_older(version, FIRST_WITH_MESH)) {
        Some(true) => {
            let message = format!("{what}, which is older than 2.5 and runs beside a service mesh");
            Observation::fail(subject, Reason::Value, message)
        }
        Some(false) => Observation::pass(subject, Reason::Value, what),
        None => {
            let message = format!("{what}; beside a service mesh it has to be 2.5 or later");
            Observation::indeterminate(subject, Reason::Absent, message)
        }
    }
}

/// A namespace where an operator's ReplicaSet was not read: two of them may be of one Deployment, and so one operator.
fn of_unread_replica_set<'m>(
    model: &'m Model<'_>,
    managers: &[(&Operator, Manages)],
) -> Option<&'m str> {
    let of_replica_sets = managers
        .iter()
        .filter(|(operator, _)| operator.workload.0 == "ReplicaSet");
    of_replica_sets
        .flat_map(|(operator, _)| &operator.pods)
        .filter_map(|pod| model.pods[*pod].chain.unread.as_ref())
        .find_map(|(kind, namespace)| (*kind == Kind::ReplicaSet).then_some(namespace.as_str()))
}

fn list(managers: &[(&Operator, Manages)]) -> String {
    let managers: Vec<String> = managers
        .iter()
        .map(|(operator, why)| describe(operator, why))
        .collect();
    managers.join("; ")
}

fn describe(operator: &Operator, why: &Manages) -> String {
    let (kind, name) = &operator.workload;
    // A bare pod is named by chance, and names of pods do not belong into messages.
    let name = if kind == "Pod" { "a bare pod" } else { name };
    let version = operator.version.as_deref().unwrap_or("of unknown version");
    let namespace = &operator.namespace;
    match why {
        Manages::RunsThere => format!("operator {name} {version} runs here"),
        Manages::MayWrite(_) => {
            format!("operator {name} {version} of namespace {namespace} may write here")
        }
        Manages::ListsIt(_, path) => {
            format!("operator {name} {version} of namespace {namespace} lists it in {path}")
        }
    }
}

/// Operators that are scaled to 0 do not count, but a reader will ask about them.
fn stopped(model: &Model<'_>, namespace: &str) -> &'static str {
    let stopped = model
        .operators
        .iter()
        .any(|operator| !operator.running && operator.namespace == namespace);
    if stopped {
        "; the one here is scaled to 0"
    } else {
        ""
    }
}

fn evidence(
    model: &Model<'_>,
    operator: &Operator,
    why: &Manages,
    observation: Observation,
) -> Observation {
    let observation = images(model, operator, observation);
    match why {
        Manages::RunsThere => observation,
        Manages::MayWrite(grant) => observation
            .read_of(
                grant.binding,
                "/roleRef/name",
                Some(model.object(grant.role).name()),
            )
            .read_of(
                grant.role,
                "/metadata/name",
                Some(model.object(grant.role).name()),
            ),
        Manages::ListsIt(index, path) => {
            let lists = match model.object(*index).projection.as_ref() {
                crate::projection::Projection::OperatorConfiguration(object) => {
                    object.spec.0.get(path)
                }
                _ => None,
            };
            observation.read_of(
                *index,
                format!("/spec/{}", path.replace('~', "~0").replace('/', "~1")),
                lists,
            )
        }
    }
}

/// The images that say which version it is.
fn images(model: &Model<'_>, operator: &Operator, observation: Observation) -> Observation {
    let group = operator.pods.first().map(|pod| &model.pods[*pod]);
    let Some((group, member)) = group.and_then(|group| Some((group, *group.members.first()?)))
    else {
        return observation;
    };
    let prefix = group.template.unwrap_or_default();
    group
        .lasting_containers()
        .filter(|container| is_operator_container(container.spec))
        .fold(observation, |observation, container| {
            let pointer = format!("{prefix}{}/image", container.pointer);
            observation.read_of(member, pointer, container.spec.image.as_ref())
        })
}
