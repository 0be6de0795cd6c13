//! Figures of reachability on a large made-up cluster, without a server. Left out unless `scripts/bench` asks for it:
//! times are printed, never asserted.

use std::time::Instant;

use sc39::collect::manifests::{self, Input, ManifestOptions};
use sc39::model::{Model, ScopeRequest};
use sc39::rules;
use sc39::snapshot::{Mode, Snapshot};
use serde_json::{Value, json};

use crate::HEAP;

const NAMESPACES: usize = 1_000;
const PODS: usize = 20;
/// Workloads in a namespace.
const WORKLOADS: usize = 6;
/// Policies in a namespace besides its default.
const ALLOWING: usize = 8;
const NODES: usize = 200;

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "scripts/bench says through it that figures are wanted"
)]
fn of_twenty_thousand_pods() {
    if std::env::var("SC39_BENCH_REACHABILITY").is_err() {
        return;
    }
    let snapshot = snapshot();
    let everything = ScopeRequest {
        all: true,
        ..ScopeRequest::default()
    };
    let rules = [
        "default-deny",
        "tier-isolation",
        "app-isolation",
        "management-isolation",
        "admin-port-reachability",
    ]
    .map(|id| rules::find(id).expect("the rule is registered"));
    for round in 1..=3 {
        let model = Model::new(&snapshot, &everything);
        let before = HEAP.current_usage();
        HEAP.reset_peak_usage();
        let started = Instant::now();
        let reach = model.reach();
        let built = started.elapsed();
        let rows: usize = rules.iter().map(|rule| (rule.check)(&model).count()).sum();
        let elapsed = started.elapsed();
        println!(
            "round {round}: {} pods, {} policies: built in {:.2} s, {rows} answers of five rules in {:.2} s together, {} MB above the model ({} classes)",
            NAMESPACES * PODS,
            NAMESPACES * (ALLOWING + 1),
            built.as_secs_f64(),
            elapsed.as_secs_f64(),
            HEAP.peak_usage().saturating_sub(before) / 1_000_000,
            reach.classes(),
        );
    }
}

fn snapshot() -> Snapshot {
    let mut items = Vec::new();
    for node in 0..NODES {
        items.extend(on_node(node));
    }
    for namespace in 0..NAMESPACES {
        items.extend(in_namespace(namespace));
    }
    let list = json!({"apiVersion": "v1", "kind": "List", "items": items});
    let input = Input::Text {
        name: "cluster.json".to_owned(),
        bytes: list.to_string().into_bytes().into(),
    };
    let options = ManifestOptions {
        assume_complete: true,
        mode: Mode::Manifests,
    };
    manifests::read(&[input], &options, "2026-01-15T09:00:00Z").expect("the cluster can be read")
}

fn on_node(node: usize) -> [Value; 2] {
    let name = format!("node-{node}");
    let owner = json!({"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "calico-node", "uid": "d", "controller": true});
    [
        json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name},
            "spec": {"podCIDR": format!("10.{}.{}.0/24", node / 256, node % 256)}}),
        json!({"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": format!("calico-node-{node}"), "namespace": "kube-system", "ownerReferences": [owner]},
            "spec": {"nodeName": name, "hostNetwork": true, "containers": [{"name": "calico-node"}]},
            "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}),
    ]
}

fn in_namespace(index: usize) -> Vec<Value> {
    let namespace = format!("ns-{index}");
    let tier = ["production", "test"][index % 2];
    let mut items = vec![
        json!({"apiVersion": "v1", "kind": "Namespace",
            "metadata": {"name": namespace, "labels": {"kubernetes.io/metadata.name": namespace, "tier": tier}}}),
        policy(
            &namespace,
            "default-deny",
            &json!({"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}),
        ),
    ];
    for pod in 0..PODS {
        let app = format!("app-{}", pod % WORKLOADS);
        let owner = json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": app, "uid": app, "controller": true});
        items.push(json!({"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": format!("pod-{pod}"), "namespace": namespace, "labels": {"app": app}, "ownerReferences": [owner]},
            "spec": {"nodeName": format!("node-{}", (index * PODS + pod) % NODES),
                "containers": [{"name": "c", "ports": [{"name": "http", "containerPort": 8080}]}]},
            "status": {"phase": "Running"}}));
    }
    for number in 0..ALLOWING {
        let own = json!({"matchLabels": {"app": format!("app-{}", number % WORKLOADS)}});
        let peer = json!({"matchLabels": {"app": format!("app-{}", (number + 1) % WORKLOADS)}});
        // A few from elsewhere: of the same tier, by label or by name.
        let peers = match number {
            0 => {
                json!([{"namespaceSelector": {"matchLabels": {"tier": tier}}, "podSelector": peer}])
            }
            1 => {
                json!([{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": format!("ns-{}", (index + 2) % NAMESPACES)}}}])
            }
            _ => json!([{"podSelector": peer}]),
        };
        let port = [json!("http"), json!(9090), json!(5432), json!(443)][number % 4].clone();
        let spec = json!({"podSelector": own, "policyTypes": ["Ingress", "Egress"],
            "ingress": [{"from": peers, "ports": [{"port": port}]}],
            "egress": [{"to": peers, "ports": [{"port": port}]}]});
        items.push(policy(&namespace, &format!("allow-{number}"), &spec));
    }
    items
}

fn policy(namespace: &str, name: &str, spec: &Value) -> Value {
    json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": {"name": name, "namespace": namespace}, "spec": spec})
}
