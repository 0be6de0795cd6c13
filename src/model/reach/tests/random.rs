//! Small random clusters; the same seed gives the same.

use super::brute::{
    Action, Admin, AdminPeer, AdminRule, Cluster, Labels, Namespace, Peer, Pod, Policy, PortTest,
    Rule, Selector, Which,
};

/// `SplitMix64`, as its authors published it.
pub(super) struct Random(u64);

impl Random {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    pub(super) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).expect("it is below the bound")
    }

    fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    fn pick<'p>(&mut self, choices: &[&'p str]) -> &'p str {
        choices[self.below(choices.len())]
    }

    fn many<T>(&mut self, most: usize, mut make: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..self.below(most + 1)).map(|_| make(self)).collect()
    }
}

const NAMESPACES: [&str; 3] = ["one", "two", "three"];

pub(super) fn cluster(random: &mut Random) -> Cluster {
    let namespaces = NAMESPACES.map(|name| Namespace {
        name: name.to_owned(),
        labels: labels(random, &["t"], &["p", "q"]),
    });
    let count = 3 + random.below(4);
    let pods = (0..count).map(|index| pod(random, index)).collect();
    let policies = (0..random.below(6))
        .map(|index| policy(random, index))
        .collect();
    let is_new = random.one_in(2);
    let admin = if random.one_in(3) {
        admin(random, is_new)
    } else {
        Vec::new()
    };
    Cluster {
        namespaces: namespaces.into(),
        pods,
        policies,
        admin,
        is_new,
    }
}

fn labels(random: &mut Random, keys: &[&str], values: &[&str]) -> Labels {
    let mut labels = Labels::new();
    for key in keys {
        if !random.one_in(3) {
            labels.insert((*key).to_owned(), random.pick(values).to_owned());
        }
    }
    labels
}

fn pod(random: &mut Random, index: usize) -> Pod {
    let mut ports = Vec::new();
    for name in ["web", "dns"] {
        if !random.one_in(3) {
            let number = [80, 85, 90, 443][random.below(4)];
            ports.push((
                name.to_owned(),
                random.pick(&["TCP", "TCP", "UDP"]).to_owned(),
                number,
            ));
        }
    }
    Pod {
        namespace: random.pick(&NAMESPACES).to_owned(),
        name: format!("pod-{index}"),
        labels: labels(random, &["a", "b"], &["x", "y", "z"]),
        ports,
        node: if random.one_in(8) { 2 } else { random.below(2) },
        host: random.one_in(8),
        meshed: random.one_in(6),
    }
}

fn selector(random: &mut Random, keys: &[&str], values: &[&str]) -> Selector {
    let mut selector = Selector::default();
    if random.one_in(4) {
        return selector;
    }
    if random.one_in(2) {
        selector.equal = labels(random, keys, values);
    }
    selector.tests = random.many(2, |random| {
        let operator = random.pick(&["In", "NotIn", "Exists", "DoesNotExist"]);
        let mut named: Vec<String> = Vec::new();
        if operator.ends_with("In") {
            named = random.many(1, |random| random.pick(values).to_owned());
            named.push(random.pick(values).to_owned());
        }
        (random.pick(keys).to_owned(), operator.to_owned(), named)
    });
    selector
}

fn of_pods(random: &mut Random) -> Selector {
    selector(random, &["a", "b"], &["x", "y", "z"])
}

fn of_namespaces(random: &mut Random) -> Selector {
    if random.one_in(3) {
        let name = random.pick(&NAMESPACES).to_owned();
        return Selector {
            equal: Labels::from([("kubernetes.io/metadata.name".to_owned(), name)]),
            tests: Vec::new(),
        };
    }
    selector(random, &["t"], &["p", "q"])
}

fn policy(random: &mut Random, index: usize) -> Policy {
    let types = [&[][..], &["Ingress"], &["Egress"], &["Ingress", "Egress"]][random.below(4)];
    Policy {
        namespace: random.pick(&NAMESPACES).to_owned(),
        name: format!("policy-{index}"),
        pods: of_pods(random),
        types: types.iter().map(|name| (*name).to_owned()).collect(),
        ingress: random.many(2, rule),
        egress: random.many(2, rule),
    }
}

fn rule(random: &mut Random) -> Rule {
    Rule {
        peers: random.many(2, |random| match random.below(7) {
            0 | 1 => Peer::Pods(of_pods(random)),
            2 | 3 => Peer::Namespaces(of_namespaces(random)),
            4 | 5 => Peer::Both(of_namespaces(random), of_pods(random)),
            _ => block(random),
        }),
        ports: random.many(2, |random| port(random, true)),
    }
}

fn block(random: &mut Random) -> Peer {
    let (block, holes): (&str, &[&str]) = [
        ("10.0.0.0/8", &[][..]),
        ("10.0.0.0/8", &["10.1.0.0/16"]),
        ("10.0.0.0/8", &["10.1.0.0/25", "10.1.0.128/25"]),
        ("10.1.0.0/16", &["10.1.0.0/25"]),
        ("192.168.0.0/16", &[]),
        ("192.168.0.0/16", &["192.168.1.0/31"]),
        ("0.0.0.0/0", &["10.0.0.0/8"]),
        ("0.0.0.0/0", &[]),
    ][random.below(8)];
    Peer::Block(
        block.to_owned(),
        holes.iter().map(|hole| (*hole).to_owned()).collect(),
    )
}

fn port(random: &mut Random, with_protocol: bool) -> PortTest {
    let protocol = (!random.one_in(2)).then(|| random.pick(&["TCP", "UDP", "SCTP"]).to_owned());
    let port = match random.below(6) {
        0 if with_protocol => Which::All,
        1 => Which::Range(80, 90),
        2 => Which::Range(81, 85),
        3 => Which::Name(random.pick(&["web", "dns"]).to_owned()),
        4 => Which::Number(4143),
        _ => Which::Number([80, 85, 90, 443][random.below(4)]),
    };
    // Cluster-wide policies name ports without a protocol.
    let protocol = if !with_protocol && matches!(port, Which::Name(_)) {
        Some("*".to_owned())
    } else {
        protocol
    };
    PortTest { protocol, port }
}

fn admin(random: &mut Random, is_new: bool) -> Vec<Admin> {
    let count = 1 + random.below(3);
    let mut policies: Vec<Admin> = Vec::new();
    for index in 0..count {
        // The older API has one baseline policy, called default.
        let baseline = if is_new {
            random.one_in(3)
        } else {
            index == 0 && random.one_in(2)
        };
        policies.push(Admin {
            name: if baseline && !is_new {
                "default".to_owned()
            } else {
                format!("admin-{index}")
            },
            baseline,
            priority: if baseline && !is_new {
                i64::MAX
            } else {
                1 + i64::from(u8::from(random.one_in(2)))
            },
            subject: admin_peer(random, false),
            ingress: random.many(2, |random| admin_rule(random, baseline && !is_new, false)),
            egress: random.many(2, |random| admin_rule(random, baseline && !is_new, true)),
        });
    }
    policies
}

fn admin_rule(random: &mut Random, is_old_baseline: bool, egress: bool) -> AdminRule {
    let action = match random.below(if is_old_baseline { 2 } else { 3 }) {
        0 => Action::Allow,
        1 => Action::Deny,
        _ => Action::Pass,
    };
    let mut peers = random.many(1, |random| admin_peer(random, egress));
    peers.push(admin_peer(random, egress));
    AdminRule {
        action,
        peers,
        ports: random.many(2, |random| port(random, false)),
    }
}

fn admin_peer(random: &mut Random, networks: bool) -> AdminPeer {
    match random.below(if networks { 5 } else { 4 }) {
        0 | 1 => AdminPeer::Namespaces(of_namespaces(random)),
        2 | 3 => AdminPeer::Pods(of_namespaces(random), of_pods(random)),
        _ => AdminPeer::Networks(random.pick(&["10.0.0.0/8", "192.168.0.0/16"]).to_owned()),
    }
}
