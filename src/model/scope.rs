//! Scope: which namespaces are judged. It says what is judged, never what is read.

use std::collections::BTreeSet;

use super::pods::{PodGroup, Role};
use super::selector;
use crate::gaps::{Gaps, Missing};
use crate::kind::Kind;
use crate::plan::Plan;
use crate::projection::rbac::LabelSelector;
use crate::snapshot::Snapshot;

/// What the user asked to be judged.
#[derive(Clone, Debug, Default)]
pub struct ScopeRequest {
    /// Namespaces by name; none means those that hold Mendix objects.
    pub namespaces: Vec<String>,
    /// All namespaces, literally.
    pub all: bool,
    /// Filters judged pods.
    pub selector: Option<LabelSelector>,
}

/// The namespaces that are judged.
#[derive(Clone, Debug)]
pub struct Scope {
    namespaces: BTreeSet<String>,
    selector: Option<LabelSelector>,
    /// Whether all namespaces are judged, also those that nothing read so far names.
    pub all: bool,
    /// Why more namespaces may belong to the scope than are known.
    pub unknown: Option<Missing>,
    /// Namespaces that the plan takes out, with its reasons.
    pub excluded: Vec<(String, String)>,
}

/// Kinds whose objects, or whose pods, make a namespace one that holds Mendix objects.
const DECISIVE: &[Kind] = &[
    Kind::Pod,
    Kind::ReplicationController,
    Kind::DaemonSet,
    Kind::Deployment,
    Kind::ReplicaSet,
    Kind::StatefulSet,
    Kind::MendixApp,
];

/// Namespaces of objects of these kinds that could not be decoded.
fn unreadable<'s>(snapshot: &'s Snapshot, kinds: &'s [Kind]) -> impl Iterator<Item = String> + 's {
    let objects = snapshot.coverage.unreadable.iter();
    objects
        .filter(|object| kinds.contains(&object.kind))
        .filter_map(|object| object.namespace.clone())
}

/// Namespaces of pods that only owners which were not read would show to be an app's.
fn of_owners<'s>(
    snapshot: &'s Snapshot,
    pods: &'s [PodGroup<'_>],
) -> impl Iterator<Item = String> + 's {
    pods.iter()
        .filter(|pod| pod.may_be_of_app().is_some())
        .filter(|pod| snapshot.holds(Kind::Runtime, pod.namespace))
        .map(|pod| pod.namespace.to_owned())
}

/// Namespaces of Mendix objects, and those that can't be ruled out.
fn of_mendix(snapshot: &Snapshot, gaps: &Gaps, pods: &[PodGroup<'_>]) -> BTreeSet<String> {
    let apps = snapshot
        .of_kind(Kind::MendixApp)
        .map(|(_, object)| object.namespace().to_owned());
    let mendix = [Role::App, Role::Operator, Role::Agent, Role::Platform];
    let holders = pods
        .iter()
        .filter(|pod| mendix.contains(&pod.role))
        .map(|pod| pod.namespace.to_owned());
    // A namespace whose pods or apps were not read can't be ruled out.
    let doubtful = [Kind::Pod, Kind::MendixApp]
        .into_iter()
        .flat_map(|kind| gaps.parts(kind).map(|(namespace, _)| namespace.to_owned()));
    apps.chain(holders)
        .chain(doubtful)
        .chain(of_owners(snapshot, pods))
        // One that does not decode may be a Mendix object all the same.
        .chain(unreadable(snapshot, DECISIVE))
        .collect()
}

impl Scope {
    pub(super) fn new(
        request: &ScopeRequest,
        snapshot: &Snapshot,
        gaps: &Gaps,
        pods: &[PodGroup<'_>],
        plan: &Plan,
    ) -> Self {
        let mut scope = Self::before_exclusions(request, snapshot, gaps, pods);
        // Who names a namespace wants it judged, whatever the plan says.
        if request.namespaces.is_empty() {
            scope.exclude(plan);
        }
        scope
    }

    fn exclude(&mut self, plan: &Plan) {
        let names = std::mem::take(&mut self.namespaces);
        for name in names {
            match plan.exclusion(&name) {
                Some(reason) => self.excluded.push((name, reason.to_owned())),
                None => {
                    self.namespaces.insert(name);
                }
            }
        }
    }

    fn before_exclusions(
        request: &ScopeRequest,
        snapshot: &Snapshot,
        gaps: &Gaps,
        pods: &[PodGroup<'_>],
    ) -> Self {
        let selector = request.selector.clone();
        if !request.namespaces.is_empty() {
            let namespaces = request.namespaces.iter().cloned().collect();
            return Self {
                namespaces,
                selector,
                all: false,
                unknown: None,
                excluded: Vec::new(),
            };
        }
        if request.all {
            let objects = snapshot.objects.iter();
            let namespaces = objects
                .filter_map(|object| match object.kind {
                    Kind::Namespace => Some(object.name().to_owned()),
                    _ => object.identity.namespace.as_deref().map(str::to_owned),
                })
                .chain(unreadable(snapshot, Kind::ALL))
                .chain(
                    gaps.parts(Kind::Pod)
                        .map(|(namespace, _)| namespace.to_owned()),
                )
                .collect();
            return Self {
                namespaces,
                selector,
                all: true,
                unknown: None,
                excluded: Vec::new(),
            };
        }
        let unread = [Kind::Pod, Kind::MendixApp]
            .into_iter()
            .find_map(|kind| gaps.listing(kind));
        // Without Mendix' kinds there are no apps, which is an answer.
        let unknown = unread.filter(|missing| *missing != Missing::NotServed);
        Self {
            namespaces: of_mendix(snapshot, gaps, pods),
            selector,
            all: false,
            unknown,
            excluded: Vec::new(),
        }
    }

    /// The namespaces that are judged, in order.
    pub fn namespaces(&self) -> impl Iterator<Item = &str> {
        self.namespaces.iter().map(String::as_str)
    }

    /// Whether a namespace is judged.
    pub fn contains(&self, namespace: &str) -> bool {
        self.namespaces.contains(namespace)
    }

    /// Whether a group of pods is judged.
    pub fn judges(&self, pod: &PodGroup<'_>) -> bool {
        let selected = |selector| selector::matches(selector, pod) == Some(true);
        self.contains(pod.namespace) && self.selector.as_ref().is_none_or(selected)
    }
}
