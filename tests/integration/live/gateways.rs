//! Routes of the Gateway API, as its definitions let them be and as a controller writes their status.

use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams};
use serde_json::json;

use super::{install, scan};
use crate::servers::{Options, private};

const OBJECTS: &str = "
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: edge, namespace: ingress-nginx}
spec:
  gatewayClassName: any
  listeners:
  - {name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}
  - {name: https, port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: edge-tls}]}, allowedRoutes: {namespaces: {from: All}}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: claims, namespace: claims-production}
spec:
  parentRefs: [{name: edge, namespace: ingress-nginx}]
  hostnames: [claims.agency.example]
  rules: [{backendRefs: [{name: claims, port: 8080}]}]
";

#[test]
fn routes_are_judged_once_a_controller_has_accepted_them() {
    let Some(cluster) = private(Options {
        controllers: false,
        api_server_flags: &[],
    }) else {
        return;
    };
    install(&cluster);
    cluster.apply_file(&cluster.assets().join("crds/gateway-api.yaml"));
    cluster.apply(OBJECTS);
    let verdict = || {
        let scan = scan(&cluster.kubeconfig("admin"), &[]);
        let mut rows = scan.of("ingress-tls").filter(|row| row.kind == "HTTPRoute");
        let row = rows.next().expect("the route has a row").clone();
        assert!(rows.next().is_none(), "and no other");
        format!("{} {}", row.verdict, row.reason)
    };
    assert_eq!(verdict(), "indeterminate not-reconciled");

    let kind = GroupVersionKind::gvk("gateway.networking.k8s.io", "v1", "HTTPRoute");
    let resource = ApiResource::from_gvk(&kind);
    let routes: Api<DynamicObject> =
        Api::namespaced_with(cluster.client(), "claims-production", &resource);
    let accept = |parent: serde_json::Value| {
        let condition = json!({"type": "Accepted", "status": "True", "reason": "Accepted", "message": "",
            "lastTransitionTime": "2026-01-15T09:00:00Z"});
        let parents = json!([{"parentRef": parent, "controllerName": "agency.example/test", "conditions": [condition]}]);
        let patch = Patch::Merge(json!({"status": {"parents": parents}}));
        cluster
            .block_on(routes.patch_status("claims", &PatchParams::default(), &patch))
            .expect("the status can be written");
    };
    accept(
        json!({"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "edge", "namespace": "ingress-nginx"}),
    );
    assert_eq!(verdict(), "fail plain-http-served");

    let narrow = json!({"spec": {"parentRefs": [{"name": "edge", "namespace": "ingress-nginx", "sectionName": "https"}]}});
    cluster
        .block_on(routes.patch("claims", &PatchParams::default(), &Patch::Merge(narrow)))
        .expect("the route can be changed");
    accept(
        json!({"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "edge", "namespace": "ingress-nginx",
        "sectionName": "https"}),
    );
    assert_eq!(verdict(), "pass certificate-not-read");
}
