//! Where an object of the edge leads, as far as was read.

use std::collections::BTreeSet;

use super::Apps;
use crate::kind::Kind;
use crate::model::Model;
use crate::model::services::backends::Backend;
use crate::rules::{Observation, Reason, Subject, Verdict};
use crate::snapshot::Object;

/// What statements about all backends of an object rest on.
pub(in crate::rules) struct Backends {
    rests_on: BTreeSet<(Kind, String)>,
    /// Owners that were not read of pods which nothing else shows to be an app's.
    owners: BTreeSet<(Kind, String)>,
    unread: bool,
}

impl Backends {
    pub(in crate::rules) fn new<'b>(
        model: &Model<'_>,
        backends: impl IntoIterator<Item = &'b Backend>,
    ) -> Self {
        let mut all = Self {
            rests_on: BTreeSet::new(),
            owners: BTreeSet::new(),
            unread: false,
        };
        for backend in backends {
            all.rests_on.extend(backend.rests_on(model));
            all.unread |= matches!(backend, Backend::Unread(_));
            let pods = backend.groups().iter();
            let pods = pods.filter_map(|group| model.pods.get(*group));
            let owners = pods.filter(|pod| !pod.is_finished() && model.scope.judges(pod));
            let owners = owners.filter_map(|pod| model.unread_owner(pod));
            all.owners
                .extend(owners.map(|(kind, namespace)| (kind, namespace.to_owned())));
        }
        all
    }

    /// Adds a kind that they rest on, wherever its objects live.
    pub(super) fn also(&mut self, kind: Kind) {
        self.rests_on.insert((kind, String::new()));
    }

    /// Adds to an observation what it rests on. A pass needs all backends.
    pub(in crate::rules) fn bear(self, mut observation: Observation) -> Observation {
        if self.unread && observation.verdict == Verdict::Pass {
            observation.verdict = Verdict::Indeterminate;
            observation.reason = Reason::BackendUnresolved;
            let found = observation.message;
            observation.message = format!("Services were not read; without them: {found}");
        }
        let owners = Some(self.owners).filter(|_| observation.verdict == Verdict::Pass);
        self.rests_on
            .into_iter()
            .chain(owners.into_iter().flatten())
            .fold(observation, |observation, (kind, namespace)| {
                observation.needs(kind, &namespace)
            })
    }

    /// An object of a judged namespace that leads to no app, as far as was read.
    pub(in crate::rules) fn lead_nowhere(
        self,
        model: &Model<'_>,
        subject: Subject,
        object: &Object,
    ) -> Option<Observation> {
        if self.unread {
            let message = "its backends could not be resolved: Services were not read";
            let reason = Reason::BackendUnresolved;
            return Some(Observation::indeterminate(subject, reason, message));
        }
        let mut rests_on = self.rests_on.iter();
        let unknown = !self.owners.is_empty()
            || rests_on.any(|(kind, namespace)| missing(model, *kind, namespace));
        if !unknown && !model.scope.contains(object.namespace()) {
            return None;
        }
        let observation = if unknown {
            // A pass that rests on the unread kind: the assessor takes it away, and says why.
            let message = "no backend is known to lead to an app";
            Observation::pass(subject, Reason::NoAppBackend, message)
        } else {
            let message = "no backend leads to an app";
            Observation::not_applicable(subject, Reason::NoAppBackend, message)
        };
        Some(self.bear(observation))
    }
}

fn missing(model: &Model<'_>, kind: Kind, namespace: &str) -> bool {
    let missing = if namespace.is_empty() {
        model.gaps.anywhere(kind)
    } else {
        model.gaps.in_namespace(kind, namespace)
    };
    missing.is_some()
}

/// Whether a backend leads to an app.
pub(in crate::rules) fn leads(backend: &Backend, apps: &Apps) -> bool {
    backend.groups().iter().any(|group| apps.contains(group))
}
