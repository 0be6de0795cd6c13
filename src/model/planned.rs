//! What the plan says of the objects of the model.

use serde_json::Value;

use super::selector::Labels as _;
use super::{Model, PodGroup, Port};
use crate::plan::Peer;

impl Model<'_> {
    /// The flow of the plan that allows one group of pods to reach another on a port, by index.
    pub fn allowed_flow(
        &self,
        from: &PodGroup<'_>,
        to: &PodGroup<'_>,
        port: &Port,
    ) -> Option<usize> {
        self.plan.allowed_flows.iter().position(|flow| {
            flow.has_port(port.number, &port.protocol)
                && self.is_peer(&flow.from, from)
                && self.is_peer(&flow.to, to)
        })
    }

    /// Whether a group of pods is one of those that the plan names at an end of a flow.
    pub fn is_peer(&self, peer: &Peer, pod: &PodGroup<'_>) -> bool {
        let namespace = self.namespaces.get(pod.namespace);
        let label = |key: &str| namespace.and_then(|namespace| namespace.labels.label(key));
        peer.matches(pod.namespace, &label, &|key| pod.label(key))
    }

    /// The attestations that say, for every node that a group of pods runs on, that a parameter has a value, by index;
    /// none when one of them says otherwise.
    pub fn attested(&self, pod: &PodGroup<'_>, parameter: &str, value: &Value) -> Vec<usize> {
        self.plan.attesting(&pod.attestations, parameter, value)
    }

    /// The client of the plan's list that a group of pods is, by index.
    pub fn database_client(&self, pod: &PodGroup<'_>) -> Option<usize> {
        let mut clients = self.plan.database_clients.iter();
        clients.position(|client| client.matches(pod.namespace, &|key| pod.label(key)))
    }
}

#[cfg(test)]
mod tests {
    use crate::model::{Model, ScopeRequest, TierSource};
    use crate::plan::Plan;
    use crate::testing;

    const CLUSTER: &str = r"
apiVersion: v1
kind: Namespace
metadata: {name: a, labels: {tier: test}}
---
apiVersion: v1
kind: Namespace
metadata: {name: b, labels: {tier: test}}
---
apiVersion: v1
kind: Node
metadata: {name: n1, labels: {pool: x}}
---
apiVersion: v1
kind: Node
metadata: {name: n2}
---
apiVersion: privatecloud.mendix.com/v1alpha1
kind: MendixApp
metadata: {name: one, namespace: a, labels: {tier: prod}}
---
apiVersion: privatecloud.mendix.com/v1alpha1
kind: MendixApp
metadata: {name: two, namespace: a}
---
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: web, namespace: b, uid: u}
---
apiVersion: v1
kind: Pod
metadata: {name: web-1, namespace: b, ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: web, uid: u, controller: true}]}
spec: {nodeName: n1, containers: [{name: c}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web-2, namespace: b, ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: web, uid: u, controller: true}]}
spec: {nodeName: n2, containers: [{name: c}]}
";

    const PLAN: &str = r"
tiers: {a: acceptance}
appTiers: [{namespace: a, app: two, tier: Prod}]
excludedNamespaces: [{name: b, reason: none of ours}]
attestations: [{parameter: seccompDefault, value: true, nodeSelector: {pool: x}, by: me, on: 2025-12-31, evidence: e}]
";

    #[test]
    fn the_plan_has_a_say_in_tiers_scope_and_groups() {
        let snapshot = testing::snapshot(CLUSTER);
        let plan = Plan::parse("plan.yaml", PLAN).unwrap();
        let all = ScopeRequest {
            all: true,
            ..ScopeRequest::default()
        };
        let model = Model::with_plan(&snapshot, &all, &plan);
        assert_eq!(
            model
                .namespaces
                .tier("a")
                .map(ToString::to_string)
                .as_deref(),
            Some("acceptance")
        );
        let tiers: Vec<String> = model
            .apps
            .iter()
            .map(|app| format!("{}", app.tier.as_ref().unwrap()))
            .collect();
        assert_eq!(
            tiers,
            ["production", "production"],
            "a label of the app, and the plan's word on it"
        );
        let source = TierSource::Plan("/appTiers/0/tier".to_owned());
        assert_eq!(model.apps[1].own_tier, Some(source));
        assert_eq!(model.scope.namespaces().collect::<Vec<_>>(), ["a"]);
        assert_eq!(
            model.scope.excluded,
            [("b".to_owned(), "none of ours".to_owned())]
        );
        let attested: Vec<Vec<usize>> = model
            .pods
            .iter()
            .map(|pod| model.attested(pod, "seccompDefault", &true.into()))
            .collect();
        assert_eq!(
            attested,
            [vec![0], vec![]],
            "replicas on nodes that are not alike are not alike"
        );
        let named = ScopeRequest {
            namespaces: vec!["b".to_owned()],
            ..ScopeRequest::default()
        };
        let model = Model::with_plan(&snapshot, &named, &plan);
        assert!(
            model.scope.contains("b") && model.scope.excluded.is_empty(),
            "named beats excluded"
        );
    }
}
