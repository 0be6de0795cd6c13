//! Clusters of two or three pods, for single facts.

use super::*;
use crate::model::ScopeRequest;
use crate::plan::Plan;
use crate::testing;
use crate::testing::mesh::{Pod, namespace, object};

/// Whether a way is certain, and whether there may be one.
pub(super) type Verdict = (bool, bool);

pub(super) const CERTAIN: Verdict = (true, true);
pub(super) const OPEN: Verdict = (false, true);
pub(super) const NONE: Verdict = (false, false);

/// A node, and the agent of a network plugin that runs on it.
pub(super) fn node(name: &str, agent: Option<&str>) -> String {
    let node = format!("---\napiVersion: v1\nkind: Node\nmetadata: {{name: {name}}}\n");
    let Some(agent) = agent else { return node };
    node + &format!(
        "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {agent}-{name}, namespace: kube-system, ownerReferences: [{{apiVersion: apps/v1, kind: DaemonSet, name: {agent}, controller: true}}]}}\nspec: {{nodeName: {name}, hostNetwork: true, containers: [{{name: {agent}}}]}}\nstatus: {{phase: Running, conditions: [{{type: Ready, status: 'True'}}]}}\n"
    )
}

/// A running pod with its name as label `app`.
pub(super) fn pod(namespace: &str, name: &str, node: &str) -> Pod {
    Pod::new(namespace, name)
        .label("app", name)
        .container("{name: a}")
        .spec(&format!("nodeName: {node}"))
}

/// A pod in the network of its node.
pub(super) fn on_host(namespace: &str, name: &str, node: &str) -> Pod {
    pod(namespace, name, node)
        .spec("hostNetwork: true")
        .status("{phase: Running, podIP: 192.0.2.100}")
}

/// Nodes `one` and `two`, where policies count, and the namespaces `a` and `b`.
pub(super) fn calico() -> String {
    ["kube-system", "a", "b"]
        .map(|name| namespace(name, "{}"))
        .concat()
        + &["one", "two"]
            .map(|name| node(name, Some("calico-node")))
            .concat()
}

/// The same with `a/web` on node `one` and `b/other` on node `two`.
pub(super) fn two_pods() -> String {
    format!(
        "{}{}{}",
        calico(),
        pod("a", "web", "one"),
        pod("b", "other", "two")
    )
}

/// A NetworkPolicy.
pub(super) fn policy(namespace: &str, spec: &str) -> String {
    object(
        "networking.k8s.io/v1",
        "NetworkPolicy",
        namespace,
        "policy",
        spec,
    )
}

/// One that lets in whom these rules name.
pub(super) fn ingress(rules: &str) -> String {
    policy(
        "a",
        &format!("{{podSelector: {{}}, policyTypes: [Ingress], ingress: {rules}}}"),
    )
}

/// One that lets out to whom these rules name.
pub(super) fn egress(rules: &str) -> String {
    policy(
        "b",
        &format!("{{podSelector: {{}}, policyTypes: [Egress], egress: {rules}}}"),
    )
}

/// An AdminNetworkPolicy; a plugin says that it counts, or nobody does.
pub(super) fn admin(name: &str, accepted: bool, spec: &str) -> String {
    cluster_policy("v1alpha1", "AdminNetworkPolicy", name, accepted, spec)
}

pub(super) fn cluster_policy(
    version: &str,
    kind: &str,
    name: &str,
    accepted: bool,
    spec: &str,
) -> String {
    let status = if accepted {
        "status: {conditions: [{type: Ready, status: 'True'}]}\n"
    } else {
        ""
    };
    format!(
        "---\napiVersion: policy.networking.k8s.io/{version}\nkind: {kind}\nmetadata: {{name: {name}}}\nspec: {spec}\n{status}"
    )
}

/// Asks about the pods of a cluster under a plan.
pub(super) fn with_plan<T>(yaml: &str, plan: &str, ask: impl Fn(&Model<'_>, &Reach) -> T) -> T {
    let snapshot = testing::snapshot(yaml);
    let plan = Plan::parse("plan.yaml", plan).unwrap();
    let all = ScopeRequest {
        all: true,
        ..ScopeRequest::default()
    };
    let model = Model::with_plan(&snapshot, &all, &plan);
    ask(&model, &Reach::new(&model))
}

pub(super) fn of<T>(yaml: &str, ask: impl Fn(&Model<'_>, &Reach) -> T) -> T {
    let snapshot = testing::snapshot(yaml);
    let model = testing::model(&snapshot);
    ask(&model, &Reach::new(&model))
}

/// The group of the pod with this name.
pub(super) fn group(model: &Model<'_>, name: &str) -> usize {
    let found = model.pods.iter().position(|group| group.workload.1 == name);
    found.unwrap()
}

pub(super) fn tcp(number: u16) -> Ports {
    Ports::One(Port {
        number,
        protocol: "TCP".to_owned(),
    })
}

/// Whether and how one of these pods reaches `a/web`.
pub(super) fn current(
    model: &Model<'_>,
    reach: &Reach,
    from: &[&str],
    ports: &Ports,
    declared: bool,
) -> Finding {
    let from: Vec<usize> = from.iter().map(|name| group(model, name)).collect();
    let sources = reach.sources(model, |group, _| from.contains(&group));
    reach.current(group(model, "web"), ports, &sources, declared)
}

/// Whether `b/other` reaches `a/web` on port 80.
pub(super) fn verdict_of(yaml: &str) -> Verdict {
    of(yaml, |model, reach| {
        verdict(&current(model, reach, &["other"], &tcp(80), false))
    })
}
