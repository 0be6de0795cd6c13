//! Istio's `ServiceEntry` objects that stand for pods of the cluster: by labels, or by address.

use std::collections::BTreeMap;

use super::index::Addresses;
use super::{Target, Via, protocol};
use crate::kind::Kind;
use crate::model::Model;
use crate::model::selector::matches_labels;
use crate::projection::Projection;
use crate::projection::routing::{EntryPort, ServiceEntry};

/// What hosts of service entries lead to.
#[derive(Debug)]
pub struct Entries {
    by_host: BTreeMap<String, Vec<Entry>>,
}

/// One entry.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Index of the object.
    pub object: usize,
    /// Pods behind it, as indexes of groups.
    pub groups: Vec<usize>,
    /// Pods and ports behind it, each with the number of the entry's own port.
    pub targets: Vec<(u16, Target)>,
}

impl Entries {
    /// Resolves all of them.
    pub fn new(model: &Model<'_>) -> Self {
        let mut by_host: BTreeMap<String, Vec<Entry>> = BTreeMap::new();
        let mut addresses = None;
        for (object, entry) in model.snapshot.of_kind(Kind::ServiceEntry) {
            let Projection::ServiceEntry(content) = entry.projection.as_ref() else {
                continue;
            };
            let addresses =
                addresses.get_or_insert_with(|| Addresses::new(model.snapshot, &model.pods));
            let resolved = resolve(model, object, entry.namespace(), content, addresses);
            for host in &content.spec.hosts {
                let known = by_host.entry(host.to_lowercase()).or_default();
                known.push(resolved.clone());
            }
        }
        Self { by_host }
    }

    /// The entries for a host.
    pub fn of(&self, host: &str) -> &[Entry] {
        let host = host.to_lowercase();
        self.by_host.get(&host).map_or(&[], Vec::as_slice)
    }
}

fn resolve(
    model: &Model<'_>,
    object: usize,
    namespace: &str,
    entry: &ServiceEntry,
    addresses: &Addresses,
) -> Entry {
    let mut groups = Vec::new();
    let mut targets = Vec::new();
    if let Some(selector) = &entry.spec.workload_selector {
        let selected = model.pods_in(namespace).filter(|(_, pod)| {
            !pod.is_finished()
                && !selector.labels.is_empty()
                && matches_labels(&selector.labels, *pod)
        });
        for (group, _) in selected {
            groups.push(group);
            targets.extend(entry.spec.ports.iter().map(|port| {
                let number = port.target_port.filter(|port| *port > 0);
                target(port, group, number.unwrap_or(port.number))
            }));
        }
    }
    for endpoint in &entry.spec.endpoints {
        for group in addresses.holders(&endpoint.address) {
            groups.push(group);
            targets.extend(entry.spec.ports.iter().map(|port| {
                let own = endpoint.ports.get(&port.name).copied();
                let number = own.or(port.target_port.filter(|port| *port > 0));
                target(port, group, number.unwrap_or(port.number))
            }));
        }
    }
    groups.sort_unstable();
    groups.dedup();
    targets.sort_unstable();
    targets.dedup();
    Entry {
        object,
        groups,
        targets,
    }
}

fn target(port: &EntryPort, group: usize, number: u16) -> (u16, Target) {
    let text = if port.protocol.eq_ignore_ascii_case("UDP") {
        Some("UDP")
    } else {
        None
    };
    let target = Target {
        group,
        service_port: None,
        port: number,
        protocol: protocol(text),
        via: Via::Selector,
    };
    (port.number, target)
}
