//! Policies in numbers: whom they select, and what their rules let in and out.

pub(super) mod compile;

use super::addresses::Block;
use super::bits::Packed;
use super::classes::NamespaceSet;
use super::labels::{Free, Selector, Tri};
use super::ports::PortRule;
use super::view::View;
use crate::model::enforcement::Answer;
use crate::projection::Projection;
use crate::projection::policy::{
    ClusterPolicy as ClusterPolicyObject, ClusterPolicyRule, NamespacedPods,
    NetworkPolicy as NetworkPolicyObject, NetworkPolicyPeer, NetworkPolicyRule,
};
use crate::projection::rbac::LabelSelector;

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
    /// Whether blocks of addresses count for what they hold only, rather than for every pod that may come to lie there.
    narrow: bool,
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
