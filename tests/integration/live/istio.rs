//! Istio's data planes side by side on a real server: sidecar, ambient mode, and no mesh.

use serde_json::Value;

use super::{Scan, install_kinds, scan};
use crate::servers::{Options, private};

/// A mesh that is strict everywhere, and a namespace with a pod of each kind: in a sidecar's care, in that of a ztunnel,
/// on a node whose ztunnel is not ready, and in nobody's.
const MESH: &str = r#"
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: v1
kind: Pod
metadata: {name: istiod, namespace: istio-system, labels: {app: istiod}}
spec: {nodeName: a, containers: [{name: discovery, image: registry.example/pilot, env: [{name: REVISION, value: default}]}]}
status: {phase: Running, podIP: 10.1.0.1, podIPs: [{ip: 10.1.0.1}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data: {mesh: "rootNamespace: istio-system"}
---
apiVersion: v1
kind: Pod
metadata: {name: ztunnel-a, namespace: istio-system, labels: {app: ztunnel}}
spec: {nodeName: a, containers: [{name: istio-proxy, image: registry.example/ztunnel, args: [proxy, ztunnel]}]}
status: {phase: Running, podIP: 10.1.0.2, podIPs: [{ip: 10.1.0.2}], conditions: [{type: Ready, status: "True"}]}
---
apiVersion: v1
kind: Pod
metadata: {name: ztunnel-b, namespace: istio-system, labels: {app: ztunnel}}
spec: {nodeName: b, containers: [{name: istio-proxy, image: registry.example/ztunnel, args: [proxy, ztunnel]}]}
status: {phase: Running, podIP: 10.1.0.3, podIPs: [{ip: 10.1.0.3}], conditions: [{type: Ready, status: "False"}]}
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default, namespace: istio-system}
spec: {mtls: {mode: STRICT}}
---
apiVersion: v1
kind: Pod
metadata:
  name: sidecar
  namespace: shop
  labels: {privatecloud.mendix.com/app: sidecar}
  annotations: {istio.io/rev: default}
spec:
  nodeName: a
  initContainers:
    - {name: istio-init, image: registry.example/proxyv2, args: [istio-iptables, -m, REDIRECT, -b, "*", -d, "15090,15021,15020"]}
    - {name: istio-proxy, image: registry.example/proxyv2, restartPolicy: Always, args: [proxy, sidecar]}
  containers: [{name: mendix, image: registry.example/sidecar, ports: [{containerPort: 8080}]}]
status: {phase: Running, podIP: 10.1.0.4, podIPs: [{ip: 10.1.0.4}]}
---
apiVersion: v1
kind: Pod
metadata:
  name: ambient
  namespace: shop
  labels: {privatecloud.mendix.com/app: ambient}
  annotations: {ambient.istio.io/redirection: enabled}
spec: {nodeName: a, containers: [{name: mendix, image: registry.example/ambient, ports: [{containerPort: 8080}]}]}
status: {phase: Running, podIP: 10.1.0.5, podIPs: [{ip: 10.1.0.5}]}
---
apiVersion: v1
kind: Pod
metadata:
  name: waiting
  namespace: shop
  labels: {privatecloud.mendix.com/app: waiting}
  annotations: {ambient.istio.io/redirection: enabled}
spec: {nodeName: b, containers: [{name: mendix, image: registry.example/waiting, ports: [{containerPort: 8080}]}]}
status: {phase: Running, podIP: 10.1.0.6, podIPs: [{ip: 10.1.0.6}]}
---
apiVersion: v1
kind: Pod
metadata: {name: bare, namespace: shop, labels: {privatecloud.mendix.com/app: bare}}
spec: {nodeName: a, containers: [{name: mendix, image: registry.example/bare, ports: [{containerPort: 8080}]}]}
status: {phase: Running, podIP: 10.1.0.7, podIPs: [{ip: 10.1.0.7}]}
---
apiVersion: v1
kind: Service
metadata: {name: ambient, namespace: shop}
spec: {selector: {privatecloud.mendix.com/app: ambient}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: sidecar, namespace: shop}
spec: {selector: {privatecloud.mendix.com/app: sidecar}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: "off", namespace: shop}
spec: {host: ambient, trafficPolicy: {tls: {mode: DISABLE}}}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: kept, namespace: shop}
spec: {host: sidecar.shop.svc.cluster.local, trafficPolicy: {connectionPool: {tcp: {maxConnections: 10}}}}
"#;

#[test]
fn sidecar_ambient_and_no_mesh_are_told_apart_live() {
    let Some(cluster) = private(Options {
        controllers: false,
        api_server_flags: &[],
    }) else {
        return;
    };
    install_kinds(&cluster);
    cluster.apply(MESH);
    let scan = scan(&cluster.kubeconfig("admin"), &["-n", "shop"]);
    assert_eq!(scan.code, 1, "{}", scan.stderr);
    let verdict = |rule: &str, name: &str, port: &str| -> String {
        let mut rows = scan.of(rule);
        let row = rows.find(|row| row.name == name && row.port == port);
        row.unwrap_or_else(|| panic!("a row of {rule} for {name} port {port}"))
            .verdict
            .clone()
    };
    let expected = [
        ("sidecar", "pass", "pass"),
        ("ambient", "pass", "pass"),
        ("waiting", "indeterminate", "indeterminate"),
        ("bare", "fail", "fail"),
    ];
    for (name, enrolment, strict) in expected {
        assert_eq!(verdict("mesh-enrolment", name, ""), enrolment, "{name}");
        assert_eq!(
            verdict("workload-strict-mtls", name, "8080"),
            strict,
            "{name}"
        );
    }
    assert_eq!(verdict("mesh-client-tls", "off", ""), "fail");
    assert_eq!(verdict("mesh-client-tls", "kept", ""), "pass");
    names_what_decides(&scan);
}

/// Every row that a policy decides names it, with the uid that the server gave it.
fn names_what_decides(scan: &Scan) {
    let objects = scan.evidence["objects"]
        .as_array()
        .expect("evidence has objects");
    let results = scan.evidence["results"]
        .as_array()
        .expect("evidence has results");
    let decided: Vec<&Value> = results
        .iter()
        .filter(|result| {
            result["ruleId"] == "workload-strict-mtls"
                && result["verdict"] == "pass"
                && result["port"]["number"] == 8080
        })
        .collect();
    assert_eq!(decided.len(), 2, "{decided:#?}");
    for result in decided {
        let message = result["message"].as_str().expect("results have a message");
        assert!(
            message.contains("PeerAuthentication istio-system/default sets STRICT"),
            "{message}"
        );
        let reads = result["reads"].as_array().expect("results have reads");
        let policy = reads
            .iter()
            .find(|read| read["pointer"] == "/spec/mtls/mode")
            .expect("the mode was read");
        let identity = policy["object"]
            .as_u64()
            .and_then(|index| objects.get(usize::try_from(index).ok()?))
            .expect("the policy is among the objects");
        assert_eq!(identity["kind"], "PeerAuthentication");
        assert!(identity["uid"].is_string(), "{identity:#}");
    }
}
