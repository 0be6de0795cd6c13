//! Turns the policies of a snapshot into numbers, each peer and each set of namespaces once.

use std::collections::HashMap;

use super::{
    Action, ClusterPolicy, ClusterRule, Direction, NetworkPolicy, PeerKey, Peers, Policies, Rule,
    Subject, Within,
};
use crate::kind::Kind;
use crate::model::enforcement::{Answer, NetworkPlugins};
use crate::model::reach::addresses::{Addresses, Block};
use crate::model::reach::bits::Bits;
use crate::model::reach::classes::Classes;
use crate::model::reach::labels::{Names, Selector, Tri};
use crate::model::reach::ports::PortRule;
use crate::projection::Projection;
use crate::projection::policy::{
    ClusterPolicy as ClusterPolicyObject, ClusterPolicyPeer, ClusterPolicyRule, NamespacedPods,
    NetworkPolicy as NetworkPolicyObject, NetworkPolicyPeer,
};
use crate::projection::rbac::LabelSelector;
use crate::snapshot::Snapshot;

/// What is needed while policies are turned into numbers.
pub(in crate::model::reach) struct Compiler<'c> {
    names: &'c mut Names,
    classes: &'c Classes,
    addresses: &'c Addresses,
    end_port: Answer,
    policies: Policies,
    known_peers: HashMap<PeerKey, usize>,
    known_sets: HashMap<Selector, usize>,
    known_blocks: HashMap<(String, Vec<String>), Block>,
}

impl<'c> Compiler<'c> {
    pub(in crate::model::reach) fn new(
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
    pub(in crate::model::reach) fn run(
        mut self,
        snapshot: &Snapshot,
        plugins: &NetworkPlugins,
    ) -> Policies {
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
                // The API takes no selector beside a block.
                key.unclear |= peer.pod_selector.is_some() || peer.namespace_selector.is_some();
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
            let narrow = action != Action::Allow;
            compiled.push(ClusterRule {
                action,
                peers: self.cluster_peers(peers(rule), narrow),
                ports: PortRule::of_cluster_rule(rule),
                place,
            });
        }
        compiled
    }

    fn cluster_peers(&mut self, peers: &[ClusterPolicyPeer], narrow: bool) -> usize {
        let mut key = PeerKey {
            narrow,
            ..PeerKey::default()
        };
        for peer in peers {
            // A peer without a known field comes from a newer API. A plugin that does not know it either must fail closed
            // (network-policy-api, `ClusterNetworkPolicyIngressPeer`); one that does may read anything.
            key.unclear |= peer.namespaces.is_none()
                && peer.pods.is_none()
                && peer.nodes.is_none()
                && peer.networks.is_none()
                && peer.domain_names.is_none();
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

    /// Whether the blocks of addresses that a rule names stand for any pod.
    fn any_pod(&self, key: &PeerKey) -> Tri {
        let blocks = key.blocks.iter().map(|block| block.any_pod);
        let mut any_pod = blocks.fold(Tri::No, Tri::or);
        // What is denied on some addresses is not denied to every pod, however pods move.
        if key.narrow && !self.addresses.are_all_in(&key.blocks) {
            any_pod = any_pod.and(Tri::Maybe);
        }
        if key.unclear {
            any_pod = any_pod.or(Tri::Maybe);
        }
        any_pod
    }

    fn look_up(&self, key: PeerKey) -> Peers {
        let any_pod = self.any_pod(&key);
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
