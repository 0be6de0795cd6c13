//! What is missing, turned into verdicts.

use std::collections::BTreeMap;

use super::can_be_taken_away;
use crate::gaps::Missing;
use crate::kind::Kind;
use crate::model::Model;
use crate::report::SubjectRef;
use crate::rules::{Need, Observation, Reach, Read, Reason, Rule, Subject, Subjects, Verdict};
use crate::snapshot::Mode;

/// An observation after the gaps had their say.
#[derive(Debug)]
pub(super) struct Settled {
    pub(super) subjects: Vec<SubjectRef>,
    /// Where the pod stands in each subject: empty for pods, `/spec/template` and the like for workloads.
    pub(super) prefix: &'static str,
    pub(super) observation: Observation,
}

/// Holds one observation against the gaps.
pub(super) fn settle(rule: &Rule, model: &Model<'_>, mut observation: Observation) -> Settled {
    let (subjects, namespace, prefix) = resolve(model, &observation.subject);
    if can_be_taken_away(observation.verdict)
        && !observation.conclusive
        && let Some((kind, missing)) = decisive_gap(rule, model, &observation, namespace)
    {
        take_away(&mut observation, kind, missing);
    }
    let of_template = !prefix.is_empty() && observation.verdict != Verdict::Indeterminate;
    if of_template
        && matches!(
            observation.reason,
            Reason::Value | Reason::Default | Reason::Absent
        )
    {
        observation.reason = Reason::Template;
    }
    Settled {
        subjects,
        prefix,
        observation,
    }
}

/// The first kind that the verdict rests on and that is missing.
fn decisive_gap(
    rule: &Rule,
    model: &Model<'_>,
    observation: &Observation,
    namespace: &str,
) -> Option<(Kind, Missing)> {
    let own = own_kind(model, &observation.subject);
    let declared = rule.reads.iter().filter(|read| match read.need {
        Need::Required => true,
        Need::ToPass => observation.verdict == Verdict::Pass,
        Need::Refines => false,
    });
    declared
        // The subject itself was read, whatever else of its kind is missing, unless the rule compares them all.
        .filter(|read| own != Some(read.kind) || read.reach != Reach::Namespace)
        .filter(|read| !observation.apart_from.contains(&read.kind))
        .find_map(|read| Some((read.kind, missing(model, *read, namespace)?)))
        .or_else(|| {
            observation.needs.iter().find_map(|(kind, namespace)| {
                let anywhere = namespace.is_empty() && kind.api().namespaced;
                let missing = if anywhere {
                    model.gaps.anywhere(*kind)
                } else {
                    model.gaps.in_namespace(*kind, namespace)
                };
                Some((*kind, missing?))
            })
        })
}

fn missing(model: &Model<'_>, read: Read, namespace: &str) -> Option<Missing> {
    // Single ConfigMaps are read by name; whether the right one was read is for the observation to say.
    if read.kind.by_name_only() {
        return None;
    }
    match read.reach {
        Reach::Cluster => model.gaps.anywhere(read.kind),
        Reach::Namespace => {
            let scope = if read.kind.api().namespaced {
                namespace
            } else {
                ""
            };
            model.gaps.in_namespace(read.kind, scope)
        }
        // Where the root namespace is not known, it may be any.
        Reach::NamespaceAndMeshRoot if !model.mesh.knows_roots() => model.gaps.anywhere(read.kind),
        Reach::NamespaceAndMeshRoot => {
            model.gaps.in_namespace(read.kind, namespace).or_else(|| {
                model
                    .mesh
                    .root_namespaces()
                    .into_iter()
                    .find_map(|root| model.gaps.in_namespace(read.kind, root))
            })
        }
    }
}

fn take_away(observation: &mut Observation, kind: Kind, missing: Missing) {
    let found = std::mem::take(&mut observation.message);
    observation.message = format!("{kind} {}; without it: {found}", missing.in_words());
    observation.verdict = Verdict::Indeterminate;
    observation.reason = missing.into();
}

/// Subjects, namespace and place of the pod in them.
fn resolve<'m>(
    model: &'m Model<'_>,
    subject: &'m Subject,
) -> (Vec<SubjectRef>, &'m str, &'static str) {
    match subject {
        Subject::Cluster => (vec![SubjectRef::Cluster], "", ""),
        Subject::Namespace(name) => {
            let known = model
                .namespaces
                .get(name)
                .and_then(|namespace| namespace.object);
            let subject = known.map_or_else(
                || SubjectRef::named(Kind::Namespace, name, name),
                SubjectRef::object,
            );
            (vec![subject], name, "")
        }
        Subject::Object(index) => (
            vec![SubjectRef::object(*index)],
            model.object(*index).namespace(),
            "",
        ),
        Subject::Pods(index) => {
            let pod = &model.pods[*index];
            let members = pod
                .members
                .iter()
                .map(|member| SubjectRef::object(*member))
                .collect();
            (members, pod.namespace, pod.template.unwrap_or_default())
        }
    }
}

fn own_kind(model: &Model<'_>, subject: &Subject) -> Option<Kind> {
    match subject {
        Subject::Cluster => None,
        Subject::Namespace(_) => Some(Kind::Namespace),
        Subject::Object(index) => Some(model.object(*index).kind),
        Subject::Pods(_) => Some(Kind::Pod),
    }
}

/// Rows for subjects that exist, or may exist, and were not read.
pub(super) fn unread_subjects(rule: &Rule, model: &Model<'_>) -> Vec<Settled> {
    let Subjects::Kinds(kinds) = rule.subjects else {
        return Vec::new();
    };
    let mut rows: BTreeMap<(SubjectRef, Missing), Vec<Kind>> = BTreeMap::new();
    // Namespaces are judged by name, but under "all of them" there may be more than are known by name.
    let by_name = |kind: &Kind| *kind != Kind::Namespace || model.scope.all;
    let unread = kinds
        .iter()
        .copied()
        .filter(by_name)
        .flat_map(|kind| unread_of_kind(kind, model))
        .chain(unread_templates(rule, model));
    for (kind, subject, missing) in unread {
        rows.entry((subject, missing)).or_default().push(kind);
    }
    rows.into_iter()
        .map(|((subject, missing), kinds)| row(subject, missing, &kinds))
        .chain(unread_namespaces(rule, model))
        .collect()
}

/// Where it could not be read which namespaces are in scope, a rule that judges namespaces may have left some out.
fn unread_namespaces(rule: &Rule, model: &Model<'_>) -> Option<Settled> {
    let missing = model.scope.unknown?;
    let message = "there may be further namespaces in scope";
    judges(rule, Kind::Namespace).then(|| open(missing, message.to_owned()))
}

/// Whether a rule judges objects of a kind. Who judges pods also judges the templates of workloads without any.
pub(super) fn judges(rule: &Rule, kind: Kind) -> bool {
    match rule.subjects {
        Subjects::Cluster => false,
        Subjects::Kinds(kinds) => kinds.contains(&kind),
    }
}

/// Whether there may be templates that were not read. Files hold the workloads that are used, and need not hold any
/// of the other kinds.
pub(super) fn leaves_templates_out(mode: Mode, missing: Missing) -> bool {
    match missing {
        Missing::NotServed => false,
        Missing::NotCollected => mode == Mode::Live,
        Missing::Forbidden
        | Missing::Truncated
        | Missing::Timeout
        | Missing::Error
        | Missing::Unreadable => true,
    }
}

/// Workloads that were not read: each may have a template without pods, which would be judged.
fn unread_templates(rule: &Rule, model: &Model<'_>) -> Vec<(Kind, SubjectRef, Missing)> {
    if !judges(rule, Kind::Pod) {
        return Vec::new();
    }
    let mode = model.snapshot.origin.mode;
    let workloads = Kind::WORKLOADS.iter();
    workloads
        .flat_map(|kind| unread_of_kind(*kind, model))
        .filter(|(_, _, missing)| leaves_templates_out(mode, *missing))
        .collect()
}

fn unread_of_kind(kind: Kind, model: &Model<'_>) -> Vec<(Kind, SubjectRef, Missing)> {
    let mut rows = unread_lists(kind, model);
    let unreadable = &model.snapshot.coverage.unreadable;
    let objects = unreadable.iter().filter(|object| object.kind == kind);
    rows.extend(objects.filter_map(|object| {
        let namespace = object.namespace.as_deref().unwrap_or_default();
        let judged = namespace.is_empty() || model.scope.contains(namespace);
        // In files a workload that does not decode stands for the pods that it would make, under its own name.
        let stands_for_pods = kind == Kind::Pod
            && object.name.is_empty()
            && unreadable
                .iter()
                .any(|other| other.place == object.place && Kind::WORKLOADS.contains(&other.kind));
        let subject = SubjectRef::named(kind, namespace, &object.name);
        (judged && !stands_for_pods).then_some((kind, subject, Missing::Unreadable))
    }));
    rows
}

fn unread_lists(kind: Kind, model: &Model<'_>) -> Vec<(Kind, SubjectRef, Missing)> {
    let whole = || {
        let missing = model.gaps.listing(kind);
        missing.map(|missing| (kind, SubjectRef::Cluster, missing))
    };
    if !model.gaps.is_by_namespace(kind) {
        return whole().into_iter().collect();
    }
    let namespaces = model.scope.namespaces();
    let rows: Vec<_> = namespaces
        .filter_map(|namespace| {
            let missing = model.gaps.list_in_namespace(kind, namespace)?;
            let subject = SubjectRef::named(Kind::Namespace, namespace, namespace);
            Some((kind, subject, missing))
        })
        .collect();
    // Nothing in scope is missing, but what the scope is may not be known.
    if rows.is_empty() && model.scope.unknown.is_some() {
        return whole().into_iter().collect();
    }
    rows
}

fn row(subject: SubjectRef, missing: Missing, kinds: &[Kind]) -> Settled {
    let kinds: Vec<&str> = kinds.iter().map(|kind| kind.label()).collect();
    let message = format!("{} {}", kinds.join(", "), missing.in_words());
    Settled {
        subjects: vec![subject],
        ..open(missing, message)
    }
}

/// A row about the cluster for what is not known.
fn open(missing: Missing, message: String) -> Settled {
    let observation = Observation::indeterminate(Subject::Cluster, missing.into(), message);
    Settled {
        subjects: vec![SubjectRef::Cluster],
        prefix: "",
        observation,
    }
}

/// The one row of a rule that found nothing to judge.
pub(super) fn empty(model: &Model<'_>) -> Settled {
    let observation = match model.scope.unknown {
        Some(missing) => Observation::indeterminate(
            Subject::Cluster,
            missing.into(),
            "what is in scope could not be read",
        ),
        None => Observation::not_applicable(
            Subject::Cluster,
            Reason::Absent,
            "nothing in scope to judge",
        ),
    };
    Settled {
        subjects: vec![SubjectRef::Cluster],
        prefix: "",
        observation,
    }
}
