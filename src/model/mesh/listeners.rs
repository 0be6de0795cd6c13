//! Objects that change how a sidecar listens, so that modes and flags no longer tell the whole.

use std::collections::BTreeMap;

use super::super::pods::PodGroup;
use super::super::selector;
use super::control_plane::Counted;
use super::{Doubt, Fact, Mesh};
use crate::kind::Kind;
use crate::projection::Projection;
use crate::projection::istio::{ConfigPatch, EnvoyFilter, Sidecar, WorkloadSelector};
use crate::snapshot::Snapshot;

/// Patched parts that decide whether TLS is demanded.
const LISTENER_PARTS: &[&str] = &["FILTER_CHAIN", "LISTENER", "NETWORK_FILTER"];
/// Contexts that inbound listeners of sidecars belong to.
pub(super) const INBOUND_CONTEXTS: &[&str] = &["ANY", "SIDECAR_INBOUND"];
/// Contexts that listeners of gateways belong to.
pub(super) const GATEWAY_CONTEXTS: &[&str] = &["ANY", "GATEWAY"];

/// Objects that may change listeners, by namespace.
#[derive(Debug, Default)]
pub(super) struct Listeners<'s> {
    sidecars: BTreeMap<&'s str, Vec<(usize, &'s Sidecar)>>,
    filters: BTreeMap<&'s str, Vec<(usize, &'s EnvoyFilter)>>,
}

/// What changes the listeners of one pod.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// Listeners that traffic is not redirected to, by port.
    unredirected: Vec<(u16, Fact)>,
    filters: Vec<Fact>,
    /// Of the Sidecars that count, which keep others from counting.
    sidecars: Vec<Fact>,
}

impl<'s> Listeners<'s> {
    pub(super) fn new(snapshot: &'s Snapshot) -> Self {
        let mut listeners = Self::default();
        for kind in [Kind::Sidecar, Kind::EnvoyFilter] {
            for (index, object) in snapshot.of_kind(kind) {
                let namespace = object.namespace();
                match object.projection.as_ref() {
                    Projection::Sidecar(sidecar) => {
                        let sidecars = listeners.sidecars.entry(namespace).or_default();
                        sidecars.push((index, sidecar));
                    }
                    Projection::EnvoyFilter(filter) => {
                        let filters = listeners.filters.entry(namespace).or_default();
                        filters.push((index, filter));
                    }
                    _ => {}
                }
            }
        }
        listeners
    }
}

impl Changes {
    /// Which Sidecars count, whatever listeners they have.
    pub(super) fn sidecars(&self) -> &[Fact] {
        &self.sidecars
    }

    fn add_sidecar(&mut self, object: usize, sidecar: &Sidecar) {
        let selector = sidecar.spec.workload_selector.as_ref();
        self.sidecars
            .push(Fact::of(object, "/spec/workloadSelector", selector));
        for (place, listener) in sidecar.spec.ingress.iter().enumerate() {
            // Absent is DEFAULT, which is what the pod's own redirection does.
            let mode = listener.capture_mode.as_deref().unwrap_or("DEFAULT");
            if !matches!(mode, "DEFAULT" | "IPTABLES") {
                let pointer = format!("/spec/ingress/{place}/captureMode");
                let fact = Fact::of(object, pointer, Some(mode));
                self.unredirected.push((listener.port.number, fact));
            }
        }
    }

    /// Why a port's listener may not be what modes and flags say; without a port, any listener.
    pub(super) fn of_port(&self, port: Option<u16>) -> Option<(Doubt, Vec<Fact>)> {
        let unredirected: Vec<Fact> = self
            .unredirected
            .iter()
            .filter(|(number, _)| port.is_none_or(|port| port == *number))
            .map(|(_, fact)| fact.clone())
            .collect();
        if !unredirected.is_empty() {
            return Some((Doubt::SidecarListener, unredirected));
        }
        (!self.filters.is_empty()).then(|| (Doubt::EnvoyFilter, self.filters.clone()))
    }
}

impl Mesh<'_> {
    /// The changes to a pod's inbound listeners.
    pub(super) fn changes(&self, pod: &PodGroup<'_>, contexts: &[&str]) -> Changes {
        let mut namespaces = self.root_namespaces();
        namespaces.retain(|root| *root != pod.namespace);
        namespaces.push(pod.namespace);
        let mut changes = Changes::default();
        self.add_sidecars(&mut changes, pod);
        for namespace in namespaces {
            self.add_filters(&mut changes, namespace, pod, contexts);
        }
        changes
    }

    /// Listeners of the one Sidecar that counts: of the pod's namespace one that selects it, else one without a selector,
    /// else one without a selector of the root namespace (istio `pilot/pkg/model/push_context.go`). Of several at one
    /// place any may be it.
    fn add_sidecars(&self, changes: &mut Changes, pod: &PodGroup<'_>) {
        let of = |namespace: &str| self.listeners.sidecars.get(namespace).into_iter().flatten();
        let roots = self.root_namespaces();
        let inherited = roots.iter().filter(|root| **root != pod.namespace);
        let inherited = inherited.flat_map(|root| of(root).map(move |sidecar| (*root, sidecar)));
        let own = || of(pod.namespace).map(|sidecar| (pod.namespace, sidecar));
        let places: [Vec<(&str, &(usize, &Sidecar))>; 3] = [
            own()
                .filter(|(_, (_, sidecar))| has_selector(sidecar))
                .collect(),
            own()
                .filter(|(_, (_, sidecar))| !has_selector(sidecar))
                .collect(),
            inherited
                .filter(|(_, (_, sidecar))| !has_selector(sidecar))
                .collect(),
        ];
        for place in places {
            let mut found = false;
            for (namespace, (object, sidecar)) in place {
                let selector = sidecar.spec.workload_selector.as_ref();
                let all = |counted| self.all_count(pod, namespace, &sidecar.metadata, counted);
                if selects(selector, pod) && !all(Counted::No) {
                    changes.add_sidecar(*object, sidecar);
                    found |= all(Counted::Yes);
                }
            }
            if found {
                return;
            }
        }
    }

    fn add_filters(
        &self,
        changes: &mut Changes,
        namespace: &str,
        pod: &PodGroup<'_>,
        contexts: &[&str],
    ) {
        for (object, filter) in self.listeners.filters.get(namespace).into_iter().flatten() {
            let selector = filter.spec.workload_selector.as_ref();
            let attached = !filter.spec.target_refs.is_empty();
            if attached
                || !selects(selector, pod)
                || self.all_count(pod, namespace, &filter.metadata, Counted::No)
            {
                continue;
            }
            let patches = filter.spec.config_patches.iter().enumerate();
            changes.filters.extend(
                patches
                    .filter(|(_, patch)| patches_one_of(contexts, patch))
                    .map(|(place, patch)| {
                        let pointer = format!("/spec/configPatches/{place}/applyTo");
                        Fact::of(*object, pointer, Some(&patch.apply_to))
                    }),
            );
        }
    }

    /// Whether every control plane that may serve the pod counts an object in this way.
    fn all_count(
        &self,
        pod: &PodGroup<'_>,
        namespace: &str,
        metadata: &crate::projection::Metadata,
        wanted: Counted,
    ) -> bool {
        let (candidates, doubt) = self.candidates(pod);
        doubt.is_none()
            && candidates
                .iter()
                .all(|control_plane| control_plane.counts(namespace, metadata) == wanted)
    }
}

fn has_selector(sidecar: &Sidecar) -> bool {
    sidecar.spec.workload_selector.is_some()
}

/// These two kinds call the labels of their selector `labels`; an empty selector selects all pods.
fn selects(selector: Option<&WorkloadSelector>, pod: &PodGroup<'_>) -> bool {
    selector.is_none_or(|selector| selector::matches_labels(&selector.labels, pod))
}

fn patches_one_of(contexts: &[&str], patch: &ConfigPatch) -> bool {
    let context = patch.matches.context.as_deref().unwrap_or("ANY");
    LISTENER_PARTS.contains(&patch.apply_to.as_str()) && contexts.contains(&context)
}
