//! What the hosts of Istio's objects lead to: Services and ServiceEntries, and the pods behind them.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use super::super::Model;
use super::super::selector;
use super::data_plane::DataPlane;
use super::destination_rules::DestinationRule;
use super::hosts::{self, Host};
use super::inbound::Enrolment;
use super::{Doubt, Fact};
use crate::gaps::Missing;
use crate::kind::Kind;
use crate::projection::Projection;
use crate::projection::routing::ServiceEntrySpec;

/// Everything that hosts may lead to.
#[derive(Debug)]
pub struct Destinations<'m> {
    model: &'m Model<'m>,
    all: Vec<Destination<'m>>,
    by_name: BTreeMap<String, Vec<usize>>,
    membership: Vec<OnceCell<Membership>>,
}

/// A name that clients use, and the pods behind it.
#[derive(Debug)]
pub struct Destination<'m> {
    /// Index of the Service or ServiceEntry.
    pub object: usize,
    /// Its full name.
    pub name: String,
    /// Its namespace.
    pub namespace: &'m str,
    /// Groups of pods.
    pub groups: Vec<usize>,
}

/// Whether pods take mutual TLS of Istio.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Membership {
    /// They do.
    Meshed,
    /// It can't be told.
    Unknown(Doubt),
    /// They do not.
    Unmeshed,
}

impl<'m> Destinations<'m> {
    /// Lists them.
    pub fn new(model: &'m Model<'_>) -> Self {
        let mut all = Vec::new();
        for (object, service) in model.snapshot.of_kind(Kind::Service) {
            let Projection::Service(_) = service.projection.as_ref() else {
                continue;
            };
            all.push(Destination {
                object,
                name: hosts::of_service(service.name(), service.namespace()),
                namespace: service.namespace(),
                groups: model.services.groups(object).to_vec(),
            });
        }
        add_entries(model, &mut all);
        let mut by_name: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (place, destination) in all.iter().enumerate() {
            let of_name = by_name.entry(destination.name.clone()).or_default();
            of_name.push(place);
        }
        Self {
            model,
            all,
            by_name,
            membership: vec![OnceCell::new(); model.pods.len()],
        }
    }

    /// What a host leads to.
    pub fn of(&self, host: &Host) -> Vec<&Destination<'m>> {
        if host.is_wildcard() {
            let matching = self.all.iter();
            return matching
                .filter(|destination| host.matches(&destination.name))
                .collect();
        }
        let places = self.by_name.get(host.name()).into_iter().flatten();
        let exact = places.filter_map(|place| self.all.get(*place));
        // Entries may have wildcards for hosts, which clients call by any name below.
        let wide = self.all.iter().filter(|destination| {
            let name = destination.name.strip_prefix('*');
            name.is_some_and(|rest| host.name().ends_with(rest))
        });
        exact.chain(wide).collect()
    }

    /// Whether pods behind it are judged.
    pub fn is_judged(&self, destination: &Destination<'_>) -> bool {
        let mut groups = destination.groups.iter();
        groups.any(|group| self.model.scope.judges(&self.model.pods[*group]))
    }

    /// The groups of pods behind a destination that a subset selects; all of them where it selects none that exists, as
    /// pods to come may be what it is for.
    pub fn selected(
        &self,
        destination: &Destination<'_>,
        rule: &DestinationRule<'_>,
        subset: Option<usize>,
    ) -> Vec<usize> {
        let labels = subset
            .and_then(|place| rule.spec.subsets.get(place))
            .map(|subset| &subset.labels);
        let Some(labels) = labels else {
            return destination.groups.clone();
        };
        let groups = destination.groups.iter().copied();
        let selected: Vec<usize> = groups
            .filter(|group| selector::matches_labels(labels, &self.model.pods[*group]))
            .collect();
        if selected.is_empty() {
            return destination.groups.clone();
        }
        selected
    }

    /// Whether any of some groups of pods takes mutual TLS, and which.
    pub fn membership_of(&self, groups: &[usize]) -> (Membership, Option<usize>) {
        let mut found = (Membership::Unmeshed, None);
        for group in groups {
            match self.membership(*group) {
                Membership::Meshed => return (Membership::Meshed, Some(*group)),
                unknown @ Membership::Unknown(_) => {
                    if found.0 == Membership::Unmeshed {
                        found = (unknown, Some(*group));
                    }
                }
                Membership::Unmeshed => {}
            }
        }
        found
    }

    fn membership(&self, group: usize) -> Membership {
        let compute = || {
            let inbound = self.model.mesh.inbound(&self.model.pods[group]);
            match inbound.enrolment() {
                Enrolment::Enrolled(DataPlane::Linkerd) | Enrolment::NotEnrolled(_) => {
                    Membership::Unmeshed
                }
                Enrolment::Enrolled(_) => Membership::Meshed,
                Enrolment::Unknown(doubt) => Membership::Unknown(doubt),
            }
        };
        self.membership
            .get(group)
            .map_or_else(compute, |cell| *cell.get_or_init(compute))
    }

    /// What shows that a destination leads to a group of pods, and that these are in the mesh.
    pub fn facts(&self, destination: usize, group: usize) -> Vec<Fact> {
        let pod = &self.model.pods[group];
        let Some(member) = pod.members.first() else {
            return Vec::new();
        };
        let prefix = pod.template.unwrap_or_default();
        let of_pod = self.model.mesh.inbound(pod).enrolment_facts().into_iter();
        let mut facts = vec![self.selector_fact(destination)];
        facts.extend(of_pod.map(|fact| match fact.object {
            Some(_) => fact,
            None => Fact {
                object: Some(*member),
                pointer: format!("{prefix}{}", fact.pointer),
                value: fact.value,
            },
        }));
        facts
    }

    fn selector_fact(&self, destination: usize) -> Fact {
        let selector = match self.model.object(destination).projection.as_ref() {
            Projection::Service(service) => Some(&service.spec.selector),
            Projection::ServiceEntry(entry) => {
                let hosts = Some(&entry.spec.hosts).filter(|hosts| !hosts.is_empty());
                return Fact::of(destination, "/spec/hosts", hosts);
            }
            _ => None,
        };
        let selector = selector.filter(|selector| !selector.is_empty());
        Fact::of(destination, "/spec/selector", selector)
    }

    /// Why a host may lead to more than was found.
    pub fn unread(&self, host: &Host) -> Option<(Kind, Missing)> {
        let kinds = [Kind::Service, Kind::Pod, Kind::EndpointSlice];
        let gaps = &self.model.gaps;
        let missing = |kind: Kind| match host.service() {
            Some((_, namespace)) => gaps.in_namespace(kind, namespace),
            None => gaps.anywhere(kind),
        };
        let entries = || {
            let kind = Kind::ServiceEntry;
            Some((kind, gaps.anywhere(kind)?))
        };
        kinds
            .into_iter()
            .find_map(|kind| Some((kind, missing(kind)?)))
            .or_else(entries)
    }
}

/// ServiceEntries: names for pods that they select, for addresses, and for other names.
fn add_entries<'m>(model: &'m Model<'_>, all: &mut Vec<Destination<'m>>) {
    let mut entries = model.snapshot.of_kind(Kind::ServiceEntry).peekable();
    if entries.peek().is_none() {
        return;
    }
    let services: BTreeMap<String, Vec<usize>> = all
        .iter()
        .map(|service| (service.name.clone(), service.groups.clone()))
        .collect();
    let addresses = addresses(model);
    for (object, entry) in entries {
        let Projection::ServiceEntry(content) = entry.projection.as_ref() else {
            continue;
        };
        let behind = behind(
            model,
            entry.namespace(),
            &content.spec,
            &services,
            &addresses,
        );
        for host in &content.spec.hosts {
            all.push(Destination {
                object,
                name: hosts::full(host),
                namespace: entry.namespace(),
                groups: behind.iter().copied().collect(),
            });
        }
    }
}

/// Groups of pods by address; those of the node's network share theirs with everything on the node.
fn addresses<'m>(model: &'m Model<'_>) -> BTreeMap<&'m str, BTreeSet<usize>> {
    let mut addresses: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
    for (group, pod) in model.pods.iter().enumerate() {
        let counted = !pod.is_finished() && pod.spec.host_network != Some(true);
        for address in pod.addresses(model.snapshot).filter(|_| counted) {
            addresses.entry(address).or_default().insert(group);
        }
    }
    addresses
}

fn behind(
    model: &Model<'_>,
    namespace: &str,
    spec: &ServiceEntrySpec,
    services: &BTreeMap<String, Vec<usize>>,
    addresses: &BTreeMap<&str, BTreeSet<usize>>,
) -> BTreeSet<usize> {
    let mut groups = BTreeSet::new();
    if let Some(selector) = &spec.workload_selector {
        let selected = model.pods_in(namespace).filter(|(_, pod)| {
            !pod.is_finished() && selector::matches_labels(&selector.labels, *pod)
        });
        groups.extend(selected.map(|(group, _)| group));
        return groups;
    }
    let endpoints = spec.endpoints.iter().map(|endpoint| &endpoint.address);
    // Without endpoints the hosts are looked up themselves.
    let hosts = spec.hosts.iter().filter(|_| spec.endpoints.is_empty());
    for address in endpoints.chain(hosts) {
        groups.extend(addresses.get(address.as_str()).into_iter().flatten());
        groups.extend(services.get(&hosts::full(address)).into_iter().flatten());
    }
    groups
}
