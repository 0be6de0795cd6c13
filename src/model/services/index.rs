//! Indexes that keep the resolution of Services from comparing each with every pod.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

use crate::model::pods::PodGroup;
use crate::model::selector::{Labels as _, matches_labels};
use crate::projection::metadata::StringMap;
use crate::projection::network::Service;
use crate::snapshot::Snapshot;

/// Groups of pods by the labels that Services of their namespace select on.
#[derive(Debug)]
pub(super) struct Selection<'m> {
    by_label: HashMap<(&'m str, &'m str, &'m str), Vec<usize>>,
}

impl<'m> Selection<'m> {
    pub(super) fn new(
        services: &[(usize, &'m str, &'m Service)],
        pods: &'m [PodGroup<'_>],
    ) -> Self {
        let mut keys: BTreeMap<&str, BTreeSet<&'m str>> = BTreeMap::new();
        for (_, namespace, service) in services {
            let selected = service.spec.selector.keys().map(String::as_str);
            keys.entry(namespace).or_default().extend(selected);
        }
        let mut by_label: HashMap<_, Vec<usize>> = HashMap::new();
        for (index, pod) in pods.iter().enumerate() {
            if pod.is_finished() {
                continue;
            }
            for key in keys.get(pod.namespace).into_iter().flatten() {
                if let Some(value) = pod.label(key) {
                    by_label
                        .entry((pod.namespace, *key, value))
                        .or_default()
                        .push(index);
                }
            }
        }
        Self { by_label }
    }

    /// Groups in `namespace` whose labels equal all of the selector's, in order. An empty selector selects nothing.
    pub(super) fn select(
        &self,
        namespace: &str,
        selector: &StringMap,
        pods: &[PodGroup<'_>],
    ) -> Vec<usize> {
        let lists = selector.iter().map(|(key, value)| {
            self.by_label
                .get(&(namespace, key.as_str(), value.as_str()))
                .map_or(&[][..], Vec::as_slice)
        });
        let shortest = lists.min_by_key(|list| list.len()).unwrap_or_default();
        shortest
            .iter()
            .copied()
            .filter(|group| matches_labels(selector, &pods[*group]))
            .collect()
    }
}

/// Groups of pods by address, in any namespace: a slice may hold the address of any pod.
#[derive(Debug)]
pub(super) struct Addresses {
    sorted: Vec<(IpAddr, usize)>,
}

impl Addresses {
    pub(super) fn new(snapshot: &Snapshot, pods: &[PodGroup<'_>]) -> Self {
        let mut sorted: Vec<(IpAddr, usize)> = pods
            .iter()
            .enumerate()
            // The address of a pod that has finished may be another's by now.
            .filter(|(_, pod)| !pod.is_finished() && !pod.is_template())
            .flat_map(|(index, pod)| {
                pod.addresses(snapshot)
                    .filter_map(move |address| Some((parse(address)?, index)))
            })
            .collect();
        sorted.sort_unstable();
        sorted.dedup();
        Self { sorted }
    }

    /// The groups that have an address: several when their pods share that of a node.
    pub(super) fn holders(&self, address: &str) -> impl Iterator<Item = usize> {
        let address = parse(address);
        let start = address.map_or(self.sorted.len(), |address| {
            self.sorted.partition_point(|(known, _)| *known < address)
        });
        self.sorted[start..]
            .iter()
            .take_while(move |(known, _)| Some(*known) == address)
            .map(|(_, group)| *group)
    }
}

/// One address may be written in several ways.
fn parse(address: &str) -> Option<IpAddr> {
    address
        .parse::<IpAddr>()
        .ok()
        .map(|address| address.to_canonical())
}
