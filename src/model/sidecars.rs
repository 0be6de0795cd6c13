//! Which Istio `Sidecar` objects shape the inbound listeners of a pod.

use std::collections::BTreeMap;

use super::Model;
use super::pods::PodGroup;
use super::selector::matches_labels;
use crate::kind::Kind;
use crate::projection::Projection;
use crate::projection::istio::Sidecar;

/// All `Sidecar` objects, by namespace.
#[derive(Debug)]
pub struct Sidecars<'m> {
    by_namespace: BTreeMap<&'m str, Vec<(usize, &'m Sidecar)>>,
    roots: Vec<&'m str>,
}

impl<'m> Sidecars<'m> {
    /// Sorts them by namespace.
    pub fn new(model: &'m Model<'_>) -> Self {
        let mut by_namespace: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (index, object) in model.snapshot.of_kind(Kind::Sidecar) {
            if let Projection::Sidecar(sidecar) = object.projection.as_ref() {
                let here = by_namespace.entry(object.namespace()).or_default();
                here.push((index, sidecar));
            }
        }
        Self {
            by_namespace,
            roots: model.mesh.root_namespaces(),
        }
    }

    /// The root namespaces of the mesh, whose `Sidecar` counts where no other does.
    pub fn roots(&self) -> &[&'m str] {
        &self.roots
    }

    /// Those that count for a pod: with a selector that matches it, else without one in its namespace, else without
    /// one in a root namespace. Which of several of one rank counts is undefined, so all of them do.
    pub fn of(&self, pod: &PodGroup<'_>) -> Vec<(usize, &'m Sidecar)> {
        let selecting = self.find(pod.namespace, |sidecar| {
            let selector = sidecar.spec.workload_selector.as_ref();
            selector.is_some_and(|selector| matches_labels(&selector.labels, pod))
        });
        if !selecting.is_empty() {
            return selecting;
        }
        let here = self.find(pod.namespace, is_for_all);
        if !here.is_empty() {
            return here;
        }
        let roots = self.roots.iter();
        roots.flat_map(|root| self.find(root, is_for_all)).collect()
    }

    fn find(
        &self,
        namespace: &str,
        counts: impl Fn(&Sidecar) -> bool,
    ) -> Vec<(usize, &'m Sidecar)> {
        let here = self.by_namespace.get(namespace).into_iter().flatten();
        here.copied()
            .filter(|(_, sidecar)| counts(sidecar))
            .collect()
    }
}

fn is_for_all(sidecar: &Sidecar) -> bool {
    sidecar.spec.workload_selector.is_none()
}
