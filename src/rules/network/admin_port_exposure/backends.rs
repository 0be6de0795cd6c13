//! References from routing objects to ports of Services.

use std::collections::BTreeSet;

use serde_json::Value;

use super::readings::{read_entry, read_service, read_targets};
use super::{Apps, admin_targets, describe};
use crate::kind::Kind;
use crate::model::Model;
use crate::model::services::Target;
use crate::model::services::backends::Backend;
use crate::projection::Projection;
use crate::rules::{Observation, Reason, Subject};

/// One reference, and what it leads to.
pub(super) struct Reference {
    /// JSON pointer to it in the subject.
    pub(super) pointer: String,
    /// What stands there.
    pub(super) value: Option<Value>,
    /// Service and port, as they are named there.
    pub(super) name: String,
    /// What they lead to.
    pub(super) backend: Backend,
    /// Why nothing is sent there all the same, if so.
    pub(super) idle: Option<String>,
    /// What else its harmlessness rests on: kind and namespace, empty for the whole cluster.
    pub(super) needs: Vec<(Kind, String)>,
}

impl Reference {
    /// A reference that is in use.
    pub(super) fn new(
        pointer: String,
        value: Option<Value>,
        name: String,
        backend: Backend,
    ) -> Self {
        Self {
            pointer,
            value,
            name,
            backend,
            idle: None,
            needs: Vec::new(),
        }
    }

    fn targets(&self) -> &[Target] {
        match &self.backend {
            Backend::Found { targets, .. } => targets,
            Backend::Dangling | Backend::Unread(_) => &[],
        }
    }

    fn groups(&self) -> &[usize] {
        match &self.backend {
            Backend::Found { groups, .. } => groups,
            Backend::Dangling | Backend::Unread(_) => &[],
        }
    }

    fn leads_to(&self, apps: &Apps) -> bool {
        self.groups().iter().any(|group| apps.contains(group))
    }

    /// The Services on the way.
    fn services(&self) -> Vec<usize> {
        match &self.backend {
            Backend::Found { service, alias, .. } => {
                alias.iter().chain([service]).copied().collect()
            }
            Backend::Dangling | Backend::Unread(_) => Vec::new(),
        }
    }
}

/// Judges an object by its references. `None` for one out of scope that leads to no judged app pod.
pub(super) fn judge(
    model: &Model<'_>,
    apps: &Apps,
    index: usize,
    references: &[Reference],
) -> Option<Observation> {
    let subject = Subject::Object(index);
    let leads = references.iter().any(|reference| reference.leads_to(apps));
    let may_lead = references.iter().any(|reference| {
        reference.backend == Backend::Dangling && rests_on_unread(model, &reference.needs)
    }) || unread_owners(model, references).next().is_some();
    if !leads && !may_lead && !model.scope.contains(model.object(index).namespace()) {
        return None;
    }
    let observation = if let Some(message) = exposed(model, apps, references) {
        Observation::fail(subject, Reason::Value, message).conclusive()
    } else if let Some(message) = unread(references) {
        Observation::indeterminate(subject, Reason::BackendUnresolved, message)
    } else {
        harmless(model, apps, subject, references)
    };
    let observation = references
        .iter()
        .fold(observation, |observation, reference| {
            observation.read(&reference.pointer, reference.value.as_ref())
        });
    Some(read_services(observation, model, apps, references))
}

fn exposed(model: &Model<'_>, apps: &Apps, references: &[Reference]) -> Option<String> {
    let exposed: Vec<(&str, Vec<&Target>)> = references
        .iter()
        .filter(|reference| reference.idle.is_none())
        .map(|reference| {
            let targets = admin_targets(reference.targets(), apps);
            (reference.name.as_str(), targets)
        })
        .filter(|(_, targets)| !targets.is_empty())
        .collect();
    let targets: Vec<&Target> = exposed
        .iter()
        .flat_map(|(_, targets)| targets.iter().copied())
        .collect();
    let names: BTreeSet<&str> = exposed.iter().map(|(name, _)| *name).collect();
    (!names.is_empty()).then(|| {
        format!(
            "backend {} leads to {}",
            join(&names),
            describe(model, &targets)
        )
    })
}

/// References that would lead to an admin port if anything was sent there.
fn idle(apps: &Apps, references: &[Reference]) -> String {
    let notes: BTreeSet<String> = references
        .iter()
        .filter(|reference| !admin_targets(reference.targets(), apps).is_empty())
        .filter_map(|reference| {
            let why = reference.idle.as_deref()?;
            Some(format!("; backend {} {why}", reference.name))
        })
        .collect();
    notes.into_iter().collect()
}

fn unread(references: &[Reference]) -> Option<String> {
    let names: BTreeSet<&str> = references
        .iter()
        .filter(|reference| matches!(reference.backend, Backend::Unread(_)))
        .map(|reference| reference.name.as_str())
        .collect();
    (!names.is_empty()).then(|| {
        let names = join(&names);
        format!("backend {names} could not be resolved: Services were not read")
    })
}

/// Whether one of these kinds was not read, in its namespace or (where that is empty) anywhere.
fn rests_on_unread<'n>(
    model: &Model<'_>,
    needs: impl IntoIterator<Item = &'n (Kind, String)>,
) -> bool {
    needs.into_iter().any(|(kind, namespace)| {
        let missing = if namespace.is_empty() {
            model.gaps.anywhere(*kind)
        } else {
            model.gaps.in_namespace(*kind, namespace)
        };
        missing.is_some()
    })
}

fn harmless(
    model: &Model<'_>,
    apps: &Apps,
    subject: Subject,
    references: &[Reference],
) -> Observation {
    let leads = references.iter().any(|reference| reference.leads_to(apps));
    let dangling: BTreeSet<&str> = references
        .iter()
        .filter(|reference| reference.backend == Backend::Dangling)
        .map(|reference| reference.name.as_str())
        .collect();
    let rests_on: BTreeSet<(Kind, String)> = references
        .iter()
        .flat_map(Reference::services)
        .flat_map(|service| {
            let namespace = model.object(service).namespace().to_owned();
            // A template that was not read may be that of an app.
            let workloads = model.gaps.unread_workloads(&namespace);
            let kinds: Vec<Kind> = [Kind::Pod, Kind::EndpointSlice]
                .into_iter()
                .chain(workloads)
                .collect();
            kinds.into_iter().map(move |kind| (kind, namespace.clone()))
        })
        .chain(
            references
                .iter()
                .flat_map(|reference| reference.needs.iter().cloned()),
        )
        .chain(
            unread_owners(model, references).map(|(kind, namespace)| (kind, namespace.to_owned())),
        )
        .collect();
    let unknown = rests_on_unread(model, &rests_on);
    let idle = idle(apps, references);
    let observation = match (leads, dangling.is_empty()) {
        (true, true) => {
            let message = format!("no backend leads to an admin port of an app pod{idle}");
            Observation::pass(subject, Reason::Value, message)
        }
        (true, false) => {
            let names = join(&dangling);
            let message = format!(
                "no backend leads to an admin port of an app pod; backend {names} does not exist{idle}"
            );
            Observation::pass(subject, Reason::Value, message)
        }
        (false, false) => {
            let message = format!("backend {} does not exist", join(&dangling));
            Observation::pass(subject, Reason::Absent, message)
        }
        // A pass that rests on the unread kind: the assessor takes it away, and says why.
        (false, true) if unknown => {
            let message = "no backend is known to lead to an app pod";
            Observation::pass(subject, Reason::NoAppBackend, message)
        }
        (false, true) => {
            let message = "no backend leads to an app pod";
            Observation::not_applicable(subject, Reason::NoAppBackend, message)
        }
    };
    rests_on
        .into_iter()
        .fold(observation, |observation, (kind, namespace)| {
            observation.needs(kind, &namespace)
        })
}

/// Owners that were not read of pods behind the references, which nothing else shows to be an app's.
fn unread_owners<'m>(
    model: &'m Model<'_>,
    references: &'m [Reference],
) -> impl Iterator<Item = (Kind, &'m str)> {
    references
        .iter()
        .flat_map(Reference::groups)
        .map(|group| &model.pods[*group])
        .filter(|pod| model.scope.judges(pod) && !pod.is_finished())
        .filter_map(|pod| model.unread_owner(pod))
}

fn read_services(
    mut observation: Observation,
    model: &Model<'_>,
    apps: &Apps,
    references: &[Reference],
) -> Observation {
    let mut known = BTreeSet::new();
    for reference in references {
        for service in reference.services() {
            if !known.insert(service) {
                continue;
            }
            observation = match model.object(service).projection.as_ref() {
                Projection::Service(content) => {
                    read_service(observation, Some(service), &content.spec)
                }
                Projection::ServiceEntry(content) => {
                    read_entry(observation, service, &content.spec)
                }
                _ => observation,
            };
        }
        if let Some(last) = reference.services().first() {
            observation = read_targets(observation, model, *last, reference.targets(), apps);
        }
    }
    observation
}

fn join(names: &BTreeSet<&str>) -> String {
    let names: Vec<&str> = names.iter().copied().collect();
    names.join(", ")
}
