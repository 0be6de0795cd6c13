//! A cluster in plain words, and what flows in it, found by going through everything. Nothing of the engine is used.

use std::collections::BTreeMap;

pub(super) type Labels = BTreeMap<String, String>;

#[derive(Debug)]
pub(super) struct Cluster {
    pub(super) namespaces: Vec<Namespace>,
    pub(super) pods: Vec<Pod>,
    pub(super) policies: Vec<Policy>,
    pub(super) admin: Vec<Admin>,
    /// Whether they are written as `ClusterNetworkPolicies`.
    pub(super) is_new: bool,
}

#[derive(Debug)]
pub(super) struct Namespace {
    pub(super) name: String,
    pub(super) labels: Labels,
}

#[derive(Debug)]
pub(super) struct Pod {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) labels: Labels,
    pub(super) ports: Vec<(String, String, u16)>,
    /// 0 and 1 enforce policies, 2 does not.
    pub(super) node: usize,
    pub(super) host: bool,
    pub(super) meshed: bool,
}

#[derive(Debug)]
pub(super) struct Made {
    pub(super) namespace: String,
    pub(super) labels: Labels,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Selector {
    pub(super) equal: Labels,
    pub(super) tests: Vec<(String, String, Vec<String>)>,
}

#[derive(Debug)]
pub(super) struct Policy {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) pods: Selector,
    /// As written; empty for none.
    pub(super) types: Vec<String>,
    pub(super) ingress: Vec<Rule>,
    pub(super) egress: Vec<Rule>,
}

#[derive(Debug)]
pub(super) struct Rule {
    pub(super) peers: Vec<Peer>,
    pub(super) ports: Vec<PortTest>,
}

#[derive(Debug)]
pub(super) enum Peer {
    Pods(Selector),
    Namespaces(Selector),
    Both(Selector, Selector),
    Block(String, Vec<String>),
}

#[derive(Clone, Debug)]
pub(super) struct PortTest {
    pub(super) protocol: Option<String>,
    pub(super) port: Which,
}

#[derive(Clone, Debug)]
pub(super) enum Which {
    All,
    Number(u16),
    Range(u16, u16),
    Name(String),
}

#[derive(Debug)]
pub(super) struct Admin {
    pub(super) name: String,
    pub(super) baseline: bool,
    pub(super) priority: i64,
    pub(super) subject: AdminPeer,
    pub(super) ingress: Vec<AdminRule>,
    pub(super) egress: Vec<AdminRule>,
}

#[derive(Debug)]
pub(super) enum AdminPeer {
    Namespaces(Selector),
    Pods(Selector, Selector),
    Networks(String),
}

#[derive(Debug)]
pub(super) struct AdminRule {
    pub(super) action: Action,
    pub(super) peers: Vec<AdminPeer>,
    /// None for all.
    pub(super) ports: Vec<PortTest>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Allow,
    Deny,
    Pass,
}

/// A pod that is there or to be made, as the other end of a flow.
struct End<'c> {
    namespace: &'c str,
    labels: &'c Labels,
    ports: &'c [(String, String, u16)],
    enforced: bool,
}

const PROTOCOLS: [&str; 3] = ["TCP", "UDP", "SCTP"];
/// One port of each stretch that no rule of the generator cuts.
const EDGES: [u16; 8] = [1, 80, 81, 85, 86, 90, 443, 4143];

impl Cluster {
    fn end(pod: &Pod) -> End<'_> {
        End {
            namespace: &pod.namespace,
            labels: &pod.labels,
            ports: &pod.ports,
            enforced: pod.node < 2,
        }
    }

    /// Whether traffic between pods with networks of their own flows for certain, and possibly.
    pub(super) fn flows(
        &self,
        source: &Pod,
        destination: &Pod,
        protocol: &str,
        port: u16,
    ) -> (bool, bool) {
        self.between(&Self::end(source), &Self::end(destination), protocol, port)
    }

    fn between(
        &self,
        source: &End<'_>,
        destination: &End<'_>,
        protocol: &str,
        port: u16,
    ) -> (bool, bool) {
        let egress = self.way(
            source,
            destination,
            source,
            destination,
            (protocol, port),
            false,
        );
        let ingress = self.way(
            destination,
            source,
            source,
            destination,
            (protocol, port),
            true,
        );
        (egress.0 && ingress.0, egress.1 && ingress.1)
    }

    /// One direction: policies that select `subject`, with `other` as the peer.
    fn way(
        &self,
        subject: &End<'_>,
        other: &End<'_>,
        _source: &End<'_>,
        destination: &End<'_>,
        port: (&str, u16),
        ingress: bool,
    ) -> (bool, bool) {
        if !subject.enforced {
            return (true, true);
        }
        let mut all = true;
        let mut any = false;
        for order in self.orders() {
            let allowed = self.in_order(&order, subject, other, destination, port, ingress);
            all &= allowed;
            any |= allowed;
        }
        (all, any)
    }

    /// Orders of the cluster-wide policies that keep to priorities.
    fn orders(&self) -> Vec<Vec<usize>> {
        let mut orders: Vec<Vec<usize>> = vec![Vec::new()];
        for _ in 0..self.admin.len() {
            let mut longer = Vec::new();
            for order in &orders {
                for next in 0..self.admin.len() {
                    let is_lowest = |place: usize| {
                        (0..self.admin.len())
                            .filter(|other| !order.contains(other))
                            .all(|other| self.admin[place].priority <= self.admin[other].priority)
                    };
                    if !order.contains(&next) && is_lowest(next) {
                        longer.push([order.as_slice(), &[next]].concat());
                    }
                }
            }
            orders = longer;
        }
        orders
    }

    fn in_order(
        &self,
        order: &[usize],
        subject: &End<'_>,
        other: &End<'_>,
        destination: &End<'_>,
        port: (&str, u16),
        ingress: bool,
    ) -> bool {
        match self.tier(order, false, subject, other, destination, port, ingress) {
            Some(Action::Allow) => return true,
            Some(Action::Deny) => return false,
            Some(Action::Pass) | None => {}
        }
        let mut isolated = false;
        for policy in self
            .policies
            .iter()
            .filter(|policy| policy.namespace == subject.namespace)
        {
            let rules = if ingress {
                &policy.ingress
            } else {
                &policy.egress
            };
            let has_type = if policy.types.is_empty() {
                ingress || !policy.egress.is_empty()
            } else {
                policy
                    .types
                    .iter()
                    .any(|name| name == if ingress { "Ingress" } else { "Egress" })
            };
            if !has_type || !policy.pods.selects(subject.labels) {
                continue;
            }
            isolated = true;
            for rule in rules {
                let named = rule.peers.is_empty()
                    || rule
                        .peers
                        .iter()
                        .any(|peer| self.names(peer, &policy.namespace, other));
                let covered = rule.ports.is_empty()
                    || rule
                        .ports
                        .iter()
                        .any(|test| covers(test, destination, port));
                if named && covered {
                    return true;
                }
            }
        }
        if isolated {
            return false;
        }
        self.tier(order, true, subject, other, destination, port, ingress) != Some(Action::Deny)
    }

    #[expect(clippy::too_many_arguments, reason = "spelt out on purpose")]
    fn tier(
        &self,
        order: &[usize],
        baseline: bool,
        subject: &End<'_>,
        other: &End<'_>,
        destination: &End<'_>,
        port: (&str, u16),
        ingress: bool,
    ) -> Option<Action> {
        for place in order {
            let policy = &self.admin[*place];
            if policy.baseline != baseline || !self.is_in(&policy.subject, subject) {
                continue;
            }
            for rule in if ingress {
                &policy.ingress
            } else {
                &policy.egress
            } {
                let named = rule.peers.iter().any(|peer| self.is_in(peer, other));
                let covered = rule.ports.is_empty()
                    || rule
                        .ports
                        .iter()
                        .any(|test| covers(test, destination, port));
                if named && covered {
                    return Some(rule.action);
                }
            }
        }
        None
    }

    fn is_in(&self, peer: &AdminPeer, pod: &End<'_>) -> bool {
        match peer {
            AdminPeer::Namespaces(namespaces) => namespaces.selects(&self.labels_of(pod.namespace)),
            AdminPeer::Pods(namespaces, pods) => {
                namespaces.selects(&self.labels_of(pod.namespace)) && pods.selects(pod.labels)
            }
            AdminPeer::Networks(block) => may_hold_pods(block, &[]),
        }
    }

    fn names(&self, peer: &Peer, own: &str, other: &End<'_>) -> bool {
        match peer {
            Peer::Pods(pods) => other.namespace == own && pods.selects(other.labels),
            Peer::Namespaces(namespaces) => namespaces.selects(&self.labels_of(other.namespace)),
            Peer::Both(namespaces, pods) => {
                namespaces.selects(&self.labels_of(other.namespace)) && pods.selects(other.labels)
            }
            Peer::Block(block, holes) => may_hold_pods(block, holes),
        }
    }

    fn labels_of(&self, namespace: &str) -> Labels {
        let known = self
            .namespaces
            .iter()
            .find(|known| known.name == namespace)
            .expect("it exists");
        let mut labels = known.labels.clone();
        labels.insert(
            "kubernetes.io/metadata.name".to_owned(),
            namespace.to_owned(),
        );
        labels
    }

    /// Whether a pod reaches another, with what the node's network and a mesh tunnel add.
    pub(super) fn reaches(
        &self,
        source: &Pod,
        destination: &Pod,
        protocol: &str,
        port: u16,
    ) -> (bool, bool) {
        if source.host {
            return (self.host_reaches(source, destination, protocol, port), true);
        }
        if destination.host {
            return (true, true);
        }
        let mut found = self.flows(source, destination, protocol, port);
        if destination.meshed && protocol == "TCP" {
            let tunnel = self.flows(source, destination, "TCP", 4143);
            found = (found.0 || tunnel.0, found.1 || tunnel.1);
        }
        found
    }

    pub(super) fn reaches_anywhere(&self, source: &Pod, destination: &Pod) -> (bool, bool) {
        let mut found = (false, false);
        for protocol in PROTOCOLS {
            for port in EDGES {
                let here = self.reaches(source, destination, protocol, port);
                found = (found.0 || here.0, found.1 || here.1);
            }
        }
        found
    }

    fn host_reaches(&self, source: &Pod, destination: &Pod, protocol: &str, port: u16) -> bool {
        if destination.host || source.node == destination.node {
            return true;
        }
        let bound = self.policies.iter().any(|policy| {
            let has_egress = if policy.types.is_empty() {
                !policy.egress.is_empty()
            } else {
                policy.types.iter().any(|name| name == "Egress")
            };
            policy.namespace == source.namespace
                && has_egress
                && policy.pods.selects(&source.labels)
        });
        let tunnel = (destination.meshed && protocol == "TCP").then_some(("TCP", 4143));
        !bound
            && [Some((protocol, port)), tunnel]
                .into_iter()
                .flatten()
                .any(|port| self.lets_node_in(destination, source.node, port))
    }

    fn lets_node_in(&self, destination: &Pod, node: usize, port: (&str, u16)) -> bool {
        if destination.node >= 2 {
            return true;
        }
        let mut isolated = false;
        for policy in self
            .policies
            .iter()
            .filter(|policy| policy.namespace == destination.namespace)
        {
            let has_type =
                policy.types.is_empty() || policy.types.iter().any(|name| name == "Ingress");
            if !has_type || !policy.pods.selects(&destination.labels) {
                continue;
            }
            isolated = true;
            for rule in &policy.ingress {
                let address = [192, 168, 1, u8::try_from(node).expect("few nodes")];
                let named = rule.peers.is_empty()
                    || rule.peers.iter().any(|peer| matches!(peer, Peer::Block(block, holes) if holds(block, address) && !holes.iter().any(|hole| holds(hole, address))));
                let covered = rule.ports.is_empty()
                    || rule
                        .ports
                        .iter()
                        .any(|test| covers(test, &Self::end(destination), port));
                if named && covered {
                    return true;
                }
            }
        }
        !isolated
    }

    /// One pod for each choice of labels that could matter.
    pub(super) fn made(namespace: &str) -> Vec<Made> {
        let values = [None, Some("x"), Some("y"), Some("z"), Some("none of them")];
        let mut made = Vec::new();
        for a in values {
            for b in values {
                let labels = [("a", a), ("b", b)];
                let labels = labels
                    .into_iter()
                    .filter_map(|(key, value)| Some((key.to_owned(), value?.to_owned())));
                made.push(Made {
                    namespace: namespace.to_owned(),
                    labels: labels.collect(),
                });
            }
        }
        made
    }

    pub(super) fn any_reaches(
        &self,
        made: &[Made],
        destination: &Pod,
        protocol: &str,
        port: u16,
    ) -> (bool, bool) {
        let mut found = (false, false);
        for pod in made {
            // One of the nodes does not enforce policies, and the maker may choose it.
            let source = End {
                namespace: &pod.namespace,
                labels: &pod.labels,
                ports: &[],
                enforced: false,
            };
            let mut here = if destination.host {
                (true, true)
            } else {
                self.between(&source, &Self::end(destination), protocol, port)
            };
            if destination.meshed && !destination.host && protocol == "TCP" {
                let tunnel = self.between(&source, &Self::end(destination), "TCP", 4143);
                here = (here.0 || tunnel.0, here.1 || tunnel.1);
            }
            found = (found.0 || here.0, found.1 || here.1);
        }
        found
    }
}

impl Selector {
    fn selects(&self, labels: &Labels) -> bool {
        self.equal
            .iter()
            .all(|(key, value)| labels.get(key) == Some(value))
            && self.tests.iter().all(|(key, operator, values)| {
                let value = labels.get(key);
                match operator.as_str() {
                    "In" => value.is_some_and(|value| values.contains(value)),
                    "NotIn" => !value.is_some_and(|value| values.contains(value)),
                    "Exists" => value.is_some(),
                    _ => value.is_none(),
                }
            })
    }
}

fn covers(test: &PortTest, destination: &End<'_>, (protocol, port): (&str, u16)) -> bool {
    let wanted = test.protocol.as_deref();
    match &test.port {
        Which::All => wanted.unwrap_or("TCP") == protocol,
        Which::Number(number) => wanted.unwrap_or("TCP") == protocol && *number == port,
        Which::Range(first, last) => {
            wanted.unwrap_or("TCP") == protocol && *first <= port && port <= *last
        }
        // In NetworkPolicies a name counts with a protocol; cluster-wide it counts by itself, here written as `*`.
        Which::Name(name) => destination.ports.iter().any(|(known, of, number)| {
            known == name
                && of == protocol
                && *number == port
                && (wanted == Some("*") || wanted.unwrap_or("TCP") == of)
        }),
    }
}

fn holds(block: &str, address: [u8; 4]) -> bool {
    let (start, prefix) = block.split_once('/').expect("a block");
    let parts: Vec<u32> = start
        .split('.')
        .map(|part| part.parse().expect("a number"))
        .collect();
    let start = parts.iter().fold(0, |sum, part| sum * 256 + part);
    let address = address
        .iter()
        .fold(0, |sum, part| sum * 256 + u32::from(*part));
    let size = 2_u64.pow(32 - prefix.parse::<u32>().expect("a number"));
    u64::from(start) / size == u64::from(address) / size
}

/// Pods have addresses in 10.1.0.0/24.
fn may_hold_pods(block: &str, holes: &[String]) -> bool {
    (0..=255).any(|last| {
        let address = [10, 1, 0, last];
        holds(block, address) && !holes.iter().any(|hole| holds(hole, address))
    })
}
