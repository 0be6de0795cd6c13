//! Policies in numbers: whom they select, and what their rules let in and out.

use std::collections::HashMap;

use super::addresses::{Addresses, Block};
use super::bits::{Bits, Packed};
use super::classes::{Classes, NamespaceSet};
use super::labels::{Free, Names, Selector, Tri};
use super::ports::PortRule;
use super::view::View;
use crate::kind::Kind;
use crate::model::enforcement::{Answer, NetworkPlugins};
use crate::projection::Projection;
use crate::projection::policy::{
    ClusterPolicy as ClusterPolicyObject, ClusterPolicyPeer, ClusterPolicyRule, NamespacedPods,
    NetworkPolicy as NetworkPolicyObject, NetworkPolicyPeer, NetworkPolicyRule,
};
use crate::projection::rbac::LabelSelector;
use crate::snapshot::Snapshot;

/// Which way traffic flows, seen from the pods that a policy selects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// In.
    Ingress,
    /// Out.
    Egress,
}

impl Direction {
    /// As in `policyTypes`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ingress => "Ingress",
            Self::Egress => "Egress",
        }
    }

    /// As in `spec`.
    pub const fn field(self) -> &'static str {
        match self {
            Self::Ingress => "ingress",
            Self::Egress => "egress",
        }
    }
}

/// Namespaces in which pods are looked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Within {
    One(usize),
    /// Index of a set.
    Set(usize),
}

/// Whom a rule names, as a key: equal ones are looked up once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct PeerKey {
    everything: bool,
    pods: Vec<(Within, Selector)>,
    blocks: Vec<Block>,
    /// Whether an entry names what the API does not know.
    unclear: bool,
}

/// Whom a rule names.
#[derive(Debug)]
pub(super) struct Peers {
    key: PeerKey,
    /// Whether blocks of addresses match any pod.
    any_pod: Tri,
    pub(super) yes: Packed,
    pub(super) may: Packed,
}

/// Pods that a policy over the cluster selects.
#[derive(Debug)]
pub(super) struct Subject {
    within: Option<(Within, Selector)>,
    pub(super) yes: Packed,
    pub(super) may: Packed,
}

/// A rule of a NetworkPolicy.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) peers: usize,
    pub(super) ports: PortRule,
}

/// A NetworkPolicy.
#[derive(Debug)]
pub(super) struct NetworkPolicy {
    pub(super) object: usize,
    pub(super) namespace: usize,
    pub(super) selector: Selector,
    pub(super) yes: Packed,
    pub(super) may: Packed,
    /// Rules of a direction that the policy has; `None` where it does not isolate.
    pub(super) ingress: Option<Vec<Rule>>,
    pub(super) egress: Option<Vec<Rule>>,
}

/// What a rule of a policy over the cluster does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Allow,
    Deny,
    Pass,
    /// None that the API knows.
    Unknown,
}

/// A rule of a policy over the cluster.
#[derive(Debug)]
pub(super) struct ClusterRule {
    pub(super) action: Action,
    pub(super) peers: usize,
    pub(super) ports: PortRule,
    /// Its place in the object.
    pub(super) place: usize,
}

/// `AdminNetworkPolicy`, `BaselineAdminNetworkPolicy` or `ClusterNetworkPolicy`.
#[derive(Debug)]
pub(super) struct ClusterPolicy {
    pub(super) object: usize,
    pub(super) baseline: bool,
    pub(super) priority: i64,
    /// Whether a network plugin implements it.
    pub(super) counts: Answer,
    pub(super) subject: Subject,
    pub(super) ingress: Vec<ClusterRule>,
    pub(super) egress: Vec<ClusterRule>,
}

/// All policies.
#[derive(Debug, Default)]
pub(super) struct Policies {
    pub(super) networks: Vec<NetworkPolicy>,
    /// By tier and priority.
    pub(super) clusters: Vec<ClusterPolicy>,
    pub(super) peers: Vec<Peers>,
    sets: Vec<NamespaceSet>,
}

/// What is needed while policies are turned into numbers.
pub(super) struct Compiler<'c> {
    pub(super) names: &'c mut Names,
    pub(super) classes: &'c Classes,
    pub(super) addresses: &'c Addresses,
    pub(super) end_port: Answer,
    policies: Policies,
    known_peers: HashMap<PeerKey, usize>,
    known_sets: HashMap<Selector, usize>,
    known_blocks: HashMap<(String, Vec<String>), Block>,
}

impl NetworkPolicyObject {
    /// Whether the policy isolates in a direction: `policyTypes`, whose default the API server writes into live objects.
    pub fn isolates(&self, direction: Direction) -> bool {
        if self.spec.policy_types.is_empty() {
            return match direction {
                Direction::Ingress => true,
                Direction::Egress => !self.spec.egress.is_empty(),
            };
        }
        let mut types = self.spec.policy_types.iter();
        types.any(|name| name == direction.name())
    }

    /// The rules of a direction.
    pub fn rules(&self, direction: Direction) -> &[NetworkPolicyRule] {
        match direction {
            Direction::Ingress => &self.spec.ingress,
            Direction::Egress => &self.spec.egress,
        }
    }
}

impl NetworkPolicyRule {
    /// The peers of a rule of a direction.
    pub fn peers(&self, direction: Direction) -> &[NetworkPolicyPeer] {
        match direction {
            Direction::Ingress => &self.from,
            Direction::Egress => &self.to,
        }
    }
}

impl ClusterPolicyObject {
    pub(super) fn rules(&self, direction: Direction) -> &[ClusterPolicyRule] {
        match direction {
            Direction::Ingress => &self.spec.ingress,
            Direction::Egress => &self.spec.egress,
        }
    }
}

/// Calls with every selector that policies hold, of namespaces and of pods alike.
pub(in crate::model) fn selectors<'s>(
    projection: &'s Projection,
    take: &mut impl FnMut(&'s LabelSelector),
) {
    match projection {
        Projection::NetworkPolicy(policy) => {
            take(&policy.spec.pod_selector);
            for rule in policy.spec.ingress.iter().chain(&policy.spec.egress) {
                for peer in rule.from.iter().chain(&rule.to) {
                    peer.pod_selector.iter().for_each(&mut *take);
                    peer.namespace_selector.iter().for_each(&mut *take);
                }
            }
        }
        Projection::ClusterPolicy(policy) => {
            let mut pair = |namespaces: &'s Option<LabelSelector>,
                            pods: &'s Option<NamespacedPods>| {
                namespaces.iter().for_each(&mut *take);
                if let Some(pods) = pods {
                    take(&pods.namespace_selector);
                    take(&pods.pod_selector);
                }
            };
            pair(&policy.spec.subject.namespaces, &policy.spec.subject.pods);
            for rule in policy.spec.ingress.iter().chain(&policy.spec.egress) {
                for peer in rule.from.iter().chain(&rule.to) {
                    pair(&peer.namespaces, &peer.pods);
                }
            }
        }
        _ => {}
    }
}

impl<'c> Compiler<'c> {
    pub(super) fn new(
        names: &'c mut Names,
        classes: &'c Classes,
        addresses: &'c Addresses,
        end_port: Answer,
    ) -> Self {
        Self {
            names,
            classes,
            addresses,
            end_port,
            policies: Policies::default(),
            known_peers: HashMap::new(),
            known_sets: HashMap::new(),
            known_blocks: HashMap::new(),
        }
    }

    /// Turns all policies of a snapshot into numbers.
    pub(super) fn run(mut self, snapshot: &Snapshot, plugins: &NetworkPlugins) -> Policies {
        let places: HashMap<&str, usize> = self
            .classes
            .namespaces
            .iter()
            .enumerate()
            .map(|(place, namespace)| (namespace.name.as_str(), place))
            .collect();
        for (index, object) in snapshot.of_kind(Kind::NetworkPolicy) {
            if let (Projection::NetworkPolicy(policy), Some(namespace)) =
                (object.projection.as_ref(), places.get(object.namespace()))
            {
                let policy = self.network(index, *namespace, policy);
                self.policies.networks.push(policy);
            }
        }
        let kinds = [
            Kind::AdminNetworkPolicy,
            Kind::BaselineAdminNetworkPolicy,
            Kind::ClusterNetworkPolicy,
        ];
        for kind in kinds {
            for (index, object) in snapshot.of_kind(kind) {
                let Projection::ClusterPolicy(policy) = object.projection.as_ref() else {
                    continue;
                };
                // The API takes the baseline policy under this name only.
                if kind == Kind::BaselineAdminNetworkPolicy && object.name() != "default" {
                    continue;
                }
                let counts = plugins.implements(kind, &policy.status.conditions);
                if counts != Answer::No {
                    let policy = self.cluster(kind, index, policy, counts);
                    self.policies.clusters.push(policy);
                }
            }
        }
        let order = |policy: &ClusterPolicy| (policy.baseline, policy.priority);
        self.policies.clusters.sort_by_key(order);
        self.policies
    }

    fn network(
        &mut self,
        object: usize,
        namespace: usize,
        policy: &NetworkPolicyObject,
    ) -> NetworkPolicy {
        let selector = self.names.selector(&policy.spec.pod_selector);
        let (yes, may) = self.classes.selected_in(namespace, &selector);
        let mut rules = |direction: Direction| {
            policy.isolates(direction).then(|| {
                let rules = policy.rules(direction).iter();
                rules
                    .map(|rule| Rule {
                        peers: self.network_peers(namespace, rule.peers(direction)),
                        ports: PortRule::of_ports(&rule.ports, self.end_port),
                    })
                    .collect()
            })
        };
        NetworkPolicy {
            ingress: rules(Direction::Ingress),
            egress: rules(Direction::Egress),
            object,
            namespace,
            selector,
            yes,
            may,
        }
    }

    fn network_peers(&mut self, namespace: usize, peers: &[NetworkPolicyPeer]) -> usize {
        let mut key = PeerKey {
            everything: peers.is_empty(),
            ..PeerKey::default()
        };
        for peer in peers {
            if let Some(block) = &peer.ip_block {
                let addresses = self.addresses;
                let known = (block.cidr.clone(), block.except.clone());
                let block = self
                    .known_blocks
                    .entry(known)
                    .or_insert_with(|| addresses.block(&block.cidr, &block.except));
                key.blocks.push(block.clone());
                continue;
            }
            let within = match &peer.namespace_selector {
                Some(selector) => Within::Set(self.set(selector)),
                None if peer.pod_selector.is_some() => Within::One(namespace),
                None => {
                    key.unclear = true;
                    continue;
                }
            };
            let pods = peer.pod_selector.as_ref();
            let pods = pods.map(|pods| self.names.selector(pods));
            key.pods.push((within, pods.unwrap_or_default()));
        }
        self.peers(key)
    }

    fn cluster(
        &mut self,
        kind: Kind,
        object: usize,
        policy: &ClusterPolicyObject,
        counts: Answer,
    ) -> ClusterPolicy {
        let subject = &policy.spec.subject;
        let within = self.pod_set(subject.namespaces.as_ref(), subject.pods.as_ref());
        let (mut yes, mut may) = (
            Bits::none(self.classes.len()),
            Bits::none(self.classes.len()),
        );
        if let Some((Within::Set(set), selector)) = &within
            && let Some(set) = self.policies.sets.get(*set)
        {
            self.classes
                .add_selected(set, selector, (&mut yes, &mut may));
        }
        let baseline = kind == Kind::BaselineAdminNetworkPolicy
            || policy.spec.tier.as_deref() == Some("Baseline");
        ClusterPolicy {
            object,
            baseline,
            priority: match kind {
                Kind::BaselineAdminNetworkPolicy => i64::MAX,
                _ => policy.spec.priority.unwrap_or_default(),
            },
            counts,
            subject: Subject {
                within,
                yes: yes.pack(),
                may: may.pack(),
            },
            ingress: self.cluster_rules(policy.rules(Direction::Ingress), |rule| &rule.from),
            egress: self.cluster_rules(policy.rules(Direction::Egress), |rule| &rule.to),
        }
    }

    fn cluster_rules(
        &mut self,
        rules: &[ClusterPolicyRule],
        peers: impl Fn(&ClusterPolicyRule) -> &Vec<ClusterPolicyPeer>,
    ) -> Vec<ClusterRule> {
        let mut compiled = Vec::new();
        for (place, rule) in rules.iter().enumerate() {
            let action = match rule.action.as_str() {
                "Allow" | "Accept" => Action::Allow,
                "Deny" => Action::Deny,
                "Pass" => Action::Pass,
                _ => Action::Unknown,
            };
            // A peer without a known field comes from a newer API, and the rule must fail closed: it allows nothing,
            // or denies everything (network-policy-api, `ClusterNetworkPolicyIngressPeer`).
            let peers = peers(rule);
            let unclear = peers.iter().any(|peer| {
                peer.namespaces.is_none()
                    && peer.pods.is_none()
                    && peer.nodes.is_none()
                    && peer.networks.is_none()
                    && peer.domain_names.is_none()
            });
            let action = match action {
                Action::Allow if unclear => continue,
                Action::Deny | Action::Pass if unclear => Action::Deny,
                action => action,
            };
            let peers = if unclear {
                self.peers(PeerKey {
                    everything: true,
                    ..PeerKey::default()
                })
            } else {
                self.cluster_peers(peers)
            };
            compiled.push(ClusterRule {
                action,
                peers,
                ports: PortRule::of_cluster_rule(rule),
                place,
            });
        }
        compiled
    }

    fn cluster_peers(&mut self, peers: &[ClusterPolicyPeer]) -> usize {
        let mut key = PeerKey::default();
        for peer in peers {
            key.pods
                .extend(self.pod_set(peer.namespaces.as_ref(), peer.pods.as_ref()));
            let networks = peer.networks.iter().flatten();
            key.blocks
                .extend(networks.map(|network| self.addresses.network(network)));
        }
        self.peers(key)
    }

    fn pod_set(
        &mut self,
        namespaces: Option<&LabelSelector>,
        pods: Option<&NamespacedPods>,
    ) -> Option<(Within, Selector)> {
        if let Some(namespaces) = namespaces {
            return Some((Within::Set(self.set(namespaces)), Selector::default()));
        }
        let pods = pods?;
        let within = Within::Set(self.set(&pods.namespace_selector));
        Some((within, self.names.selector(&pods.pod_selector)))
    }

    fn set(&mut self, selector: &LabelSelector) -> usize {
        let selector = self.names.selector(selector);
        if let Some(known) = self.known_sets.get(&selector) {
            return *known;
        }
        let set = self.classes.namespaces_of(&selector);
        self.policies.sets.push(set);
        let place = self.policies.sets.len() - 1;
        self.known_sets.insert(selector, place);
        place
    }

    fn peers(&mut self, key: PeerKey) -> usize {
        if let Some(known) = self.known_peers.get(&key) {
            return *known;
        }
        let peers = self.look_up(key.clone());
        self.policies.peers.push(peers);
        let place = self.policies.peers.len() - 1;
        self.known_peers.insert(key, place);
        place
    }

    fn look_up(&self, key: PeerKey) -> Peers {
        let blocks = key.blocks.iter().map(|block| block.any_pod);
        let any_pod = blocks.fold(Tri::No, Tri::or);
        let any_pod = if key.unclear {
            any_pod.or(Tri::Maybe)
        } else {
            any_pod
        };
        let all = &self.classes.pods;
        if key.everything || any_pod == Tri::Yes {
            let packed = all.pack();
            return Peers {
                any_pod: Tri::Yes,
                key,
                yes: packed.clone(),
                may: packed,
            };
        }
        if let [(Within::One(namespace), selector)] = key.pods.as_slice()
            && any_pod == Tri::No
        {
            let (yes, may) = self.classes.selected_in(*namespace, selector);
            return Peers {
                key,
                any_pod,
                yes,
                may,
            };
        }
        let (mut yes, mut may) = (
            Bits::none(self.classes.len()),
            Bits::none(self.classes.len()),
        );
        for (within, selector) in &key.pods {
            match within {
                Within::One(namespace) => {
                    let (certain, possible) = self.classes.selected_in(*namespace, selector);
                    yes.add_packed(&certain);
                    may.add_packed(&possible);
                }
                Within::Set(set) => {
                    if let Some(set) = self.policies.sets.get(*set) {
                        self.classes
                            .add_selected(set, selector, (&mut yes, &mut may));
                    }
                }
            }
        }
        if any_pod == Tri::Maybe {
            may.add(all);
        }
        Peers {
            key,
            any_pod,
            yes: yes.pack(),
            may: may.pack(),
        }
    }
}

impl Policies {
    fn within(&self, within: &Within, namespace: usize) -> Tri {
        match within {
            Within::One(own) => Tri::of(*own == namespace),
            Within::Set(set) => {
                let set = self.sets.get(*set);
                if set.is_some_and(|set| set.yes.contains(namespace)) {
                    Tri::Yes
                } else if set.is_some_and(|set| set.may.contains(namespace)) {
                    Tri::Maybe
                } else {
                    Tri::No
                }
            }
        }
    }

    fn selects(&self, within: &Within, selector: &Selector, view: &View<'_>) -> Result<Tri, Free> {
        let namespace = self.within(within, view.namespace);
        if namespace == Tri::No {
            return Ok(Tri::No);
        }
        Ok(namespace.and(selector.matches(|key| view.value(key))?))
    }

    /// Whether a rule names a pod as its peer.
    pub(super) fn names(&self, peers: usize, view: &View<'_>) -> Result<Tri, Free> {
        let Some(peers) = self.peers.get(peers) else {
            return Ok(Tri::No);
        };
        if let Some(class) = view.class {
            return Ok(if peers.yes.contains(class) {
                Tri::Yes
            } else {
                Tri::of(peers.may.contains(class)).and(Tri::Maybe)
            });
        }
        let mut named = if peers.key.everything {
            Tri::Yes
        } else {
            peers.any_pod
        };
        let mut free = None;
        for (within, selector) in &peers.key.pods {
            if named == Tri::Yes {
                return Ok(named);
            }
            match self.selects(within, selector, view) {
                Ok(selected) => named = named.or(selected),
                Err(label) => free = free.or(Some(label)),
            }
        }
        if named == Tri::Yes {
            return Ok(named);
        }
        free.map_or(Ok(named), Err)
    }

    /// Whether a policy over the cluster selects a pod.
    pub(super) fn subject(&self, subject: &Subject, view: &View<'_>) -> Result<Tri, Free> {
        if let Some(class) = view.class {
            return Ok(if subject.yes.contains(class) {
                Tri::Yes
            } else {
                Tri::of(subject.may.contains(class)).and(Tri::Maybe)
            });
        }
        match &subject.within {
            Some((within, selector)) => self.selects(within, selector, view),
            None => Ok(Tri::No),
        }
    }

    /// Whether a rule may name a pod of a namespace, with whatever labels.
    pub(super) fn may_name(&self, peers: usize, namespace: usize) -> bool {
        self.peers.get(peers).is_some_and(|peers| {
            peers.key.everything
                || peers.any_pod != Tri::No
                || peers
                    .key
                    .pods
                    .iter()
                    .any(|(within, _)| self.within(within, namespace) != Tri::No)
        })
    }

    /// Whether a rule names traffic from anywhere, or from an address.
    pub(super) fn names_address(&self, peers: usize, addresses: &[std::net::IpAddr]) -> Tri {
        let Some(peers) = self.peers.get(peers) else {
            return Tri::No;
        };
        if peers.key.everything {
            return Tri::Yes;
        }
        let blocks = peers.key.blocks.iter();
        Tri::of(blocks.into_iter().any(|block| block.holds(addresses)))
    }

    /// Selectors of pods in the rules that may name pods of a namespace.
    pub(super) fn pod_selectors(&self, peers: usize) -> impl Iterator<Item = &Selector> {
        let peers = self.peers.get(peers);
        peers
            .into_iter()
            .flat_map(|peers| peers.key.pods.iter().map(|(_, pods)| pods))
    }
}

impl Subject {
    /// The selector of pods.
    pub(super) fn selector(&self) -> Option<&Selector> {
        self.within.as_ref().map(|(_, selector)| selector)
    }
}

impl NetworkPolicy {
    pub(super) fn rules(&self, direction: Direction) -> Option<&[Rule]> {
        match direction {
            Direction::Ingress => self.ingress.as_deref(),
            Direction::Egress => self.egress.as_deref(),
        }
    }
}

impl ClusterPolicy {
    pub(super) fn rules(&self, direction: Direction) -> &[ClusterRule] {
        match direction {
            Direction::Ingress => &self.ingress,
            Direction::Egress => &self.egress,
        }
    }
}
