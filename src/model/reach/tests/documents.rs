//! Random clusters as the API's objects.

use serde_json::{Value, json};

use super::brute::{
    Action, Admin, AdminPeer, AdminRule, Cluster, Peer, Pod, Policy, PortTest, Rule, Selector,
    Which,
};

pub(super) fn of(cluster: &Cluster) -> Vec<Value> {
    let mut documents =
        vec![json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kube-system"}})];
    for (node, plugin) in ["calico-node", "calico-node", "kube-flannel-ds"]
        .into_iter()
        .enumerate()
    {
        documents.push(
            json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": format!("node-{node}")},
            "spec": {"podCIDR": "10.1.0.0/24"}}),
        );
        documents.push(json!({"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": format!("agent-{node}"), "namespace": "kube-system",
                "ownerReferences": [{"apiVersion": "apps/v1", "kind": "DaemonSet", "name": plugin, "controller": true}]},
            "spec": {"nodeName": format!("node-{node}"), "hostNetwork": true, "containers": [{"name": plugin}]},
            "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}));
    }
    for namespace in &cluster.namespaces {
        documents.push(json!({"apiVersion": "v1", "kind": "Namespace",
            "metadata": {"name": namespace.name, "labels": namespace.labels}}));
    }
    documents.extend(
        cluster
            .pods
            .iter()
            .enumerate()
            .map(|(index, known)| pod(index, known)),
    );
    documents.extend(cluster.policies.iter().map(policy));
    documents.extend(
        cluster
            .admin
            .iter()
            .map(|known| admin(cluster.is_new, known)),
    );
    documents
}

fn pod(index: usize, pod: &Pod) -> Value {
    let ports: Vec<Value> = pod.ports.iter().map(|(name, protocol, number)| json!({"name": name, "protocol": protocol, "containerPort": number})).collect();
    let mut containers = vec![json!({"name": "app", "ports": ports})];
    let mut init = Vec::new();
    if pod.meshed {
        containers.push(json!({"name": "linkerd-proxy"}));
        init.push(json!({"name": "linkerd-init"}));
    }
    let address = if pod.host {
        format!("192.168.1.{}", pod.node)
    } else {
        format!("10.1.0.{}", index + 10)
    };
    json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": pod.name, "namespace": pod.namespace, "labels": pod.labels},
        "spec": {"nodeName": format!("node-{}", pod.node), "hostNetwork": pod.host, "initContainers": init, "containers": containers},
        "status": {"phase": "Running", "podIP": address}})
}

fn selector(selector: &Selector) -> Value {
    let tests: Vec<Value> = selector
        .tests
        .iter()
        .map(|(key, operator, values)| json!({"key": key, "operator": operator, "values": values}))
        .collect();
    json!({"matchLabels": selector.equal, "matchExpressions": tests})
}

fn policy(policy: &Policy) -> Value {
    let mut spec = json!({"podSelector": selector(&policy.pods)});
    if !policy.types.is_empty() {
        spec["policyTypes"] = json!(policy.types);
    }
    spec["ingress"] = policy
        .ingress
        .iter()
        .map(|known| rule(known, "from"))
        .collect();
    spec["egress"] = policy
        .egress
        .iter()
        .map(|known| rule(known, "to"))
        .collect();
    json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": {"name": policy.name, "namespace": policy.namespace}, "spec": spec})
}

fn rule(rule: &Rule, field: &str) -> Value {
    let peers: Vec<Value> = rule
        .peers
        .iter()
        .map(|peer| match peer {
            Peer::Pods(pods) => json!({"podSelector": selector(pods)}),
            Peer::Namespaces(namespaces) => json!({"namespaceSelector": selector(namespaces)}),
            Peer::Both(namespaces, pods) => {
                json!({"namespaceSelector": selector(namespaces), "podSelector": selector(pods)})
            }
            Peer::Block(block, holes) => json!({"ipBlock": {"cidr": block, "except": holes}}),
        })
        .collect();
    let ports: Vec<Value> = rule.ports.iter().map(port).collect();
    json!({field: peers, "ports": ports})
}

fn port(test: &PortTest) -> Value {
    let mut port = match &test.port {
        Which::All => json!({}),
        Which::Number(number) => json!({"port": number}),
        Which::Range(first, last) => json!({"port": first, "endPort": last}),
        Which::Name(name) => json!({"port": name}),
    };
    if let Some(protocol) = &test.protocol {
        port["protocol"] = json!(protocol);
    }
    port
}

fn admin(is_new: bool, policy: &Admin) -> Value {
    let rules = |rules: &[AdminRule], field: &str| -> Value {
        rules
            .iter()
            .map(|rule| admin_rule(is_new, rule, field))
            .collect()
    };
    let mut spec = json!({"priority": policy.priority, "subject": peer(&policy.subject),
        "ingress": rules(&policy.ingress, "from"), "egress": rules(&policy.egress, "to")});
    let (version, kind) = match (is_new, policy.baseline) {
        (true, baseline) => {
            spec["tier"] = json!(if baseline { "Baseline" } else { "Admin" });
            ("v1alpha2", "ClusterNetworkPolicy")
        }
        (false, true) => ("v1alpha1", "BaselineAdminNetworkPolicy"),
        (false, false) => ("v1alpha1", "AdminNetworkPolicy"),
    };
    json!({"apiVersion": format!("policy.networking.k8s.io/{version}"), "kind": kind, "metadata": {"name": policy.name},
        "spec": spec, "status": {"conditions": [{"type": "Ready", "status": "True"}]}})
}

fn admin_rule(is_new: bool, rule: &AdminRule, field: &str) -> Value {
    let action = match rule.action {
        Action::Allow if is_new => "Accept",
        Action::Allow => "Allow",
        Action::Deny => "Deny",
        Action::Pass => "Pass",
    };
    let peers: Vec<Value> = rule.peers.iter().map(peer).collect();
    let mut document = json!({"action": action, field: peers});
    if !rule.ports.is_empty() {
        let ports: Vec<Value> = rule
            .ports
            .iter()
            .map(|test| {
                if is_new {
                    new_port(test)
                } else {
                    old_port(test)
                }
            })
            .collect();
        document[if is_new { "protocols" } else { "ports" }] = json!(ports);
    }
    document
}

fn peer(peer: &AdminPeer) -> Value {
    match peer {
        AdminPeer::Namespaces(namespaces) => json!({"namespaces": selector(namespaces)}),
        AdminPeer::Pods(namespaces, pods) => {
            json!({"pods": {"namespaceSelector": selector(namespaces), "podSelector": selector(pods)}})
        }
        AdminPeer::Networks(block) => json!({"networks": [block]}),
    }
}

fn old_port(test: &PortTest) -> Value {
    let protocol = test.protocol.as_deref().unwrap_or("TCP");
    match &test.port {
        Which::Number(number) => json!({"portNumber": {"protocol": protocol, "port": number}}),
        Which::Range(first, last) => {
            json!({"portRange": {"protocol": protocol, "start": first, "end": last}})
        }
        Which::Name(name) => json!({"namedPort": name}),
        Which::All => unreachable!("cluster-wide policies name ports"),
    }
}

fn new_port(test: &PortTest) -> Value {
    let protocol = test.protocol.as_deref().unwrap_or("TCP").to_lowercase();
    match &test.port {
        Which::Number(number) => json!({protocol: {"destinationPort": {"number": number}}}),
        Which::Range(first, last) => {
            json!({protocol: {"destinationPort": {"range": {"start": first, "end": last}}}})
        }
        Which::Name(name) => json!({"destinationNamedPort": name}),
        Which::All => unreachable!("cluster-wide policies name ports"),
    }
}
