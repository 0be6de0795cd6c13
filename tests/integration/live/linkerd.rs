//! Linkerd on a real API server: the versions that it serves, its defaults, and what its ConfigMaps say.

use serde_json::json;

use super::{install_kinds, repository, scan};
use crate::servers::{Cluster, Options, private};

/// An app with Linkerd's proxy: `strict` has a Server on each port that asks for identities, `open` has none.
fn app(namespace: &str) -> String {
    format!(
        r#"
apiVersion: v1
kind: Namespace
metadata: {{name: {namespace}, labels: {{tier: prod}}}}
---
apiVersion: privatecloud.mendix.com/v1alpha1
kind: MendixApp
metadata: {{name: claims, namespace: {namespace}}}
spec: {{replicas: 1, runtime: {{dtapMode: P}}}}
---
apiVersion: v1
kind: Pod
metadata: {{name: claims-0, namespace: {namespace}, labels: {{app: claims, component: mendix-app, linkerd.io/control-plane-ns: linkerd}}}}
spec:
  automountServiceAccountToken: false
  initContainers:
    - {{name: linkerd-init, image: registry.example/linkerd/proxy-init, args: [--inbound-ports-to-ignore, "4190,4191"]}}
    - name: linkerd-proxy
      image: registry.example/linkerd/proxy
      restartPolicy: Always
      env: [{{name: LINKERD2_PROXY_INBOUND_DEFAULT_POLICY, value: all-unauthenticated}}]
  containers: [{{name: mendix, image: registry.example/claims, ports: [{{name: http, containerPort: 8080}}]}}]
status: {{phase: Running, podIP: 10.1.0.1}}
"#
    )
}

const CONTROL_PLANE: &str = "
apiVersion: v1
kind: Namespace
metadata: {name: linkerd}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: linkerd-config, namespace: linkerd}
data:
  values: |
    proxy: {defaultInboundPolicy: all-unauthenticated}
---
apiVersion: v1
kind: Pod
metadata: {name: linkerd-identity-0, namespace: linkerd, labels: {linkerd.io/control-plane-component: identity}}
spec:
  automountServiceAccountToken: false
  containers: [{name: identity, image: registry.example/linkerd/controller}]
status: {phase: Running, podIP: 10.1.0.2}
";

const STRICT: &str = r#"
apiVersion: policy.linkerd.io/v1beta3
kind: Server
metadata: {name: web, namespace: strict}
spec: {podSelector: {matchLabels: {app: claims}}, port: http}
---
apiVersion: policy.linkerd.io/v1beta1
kind: Server
metadata: {name: health, namespace: strict}
spec: {podSelector: {matchLabels: {app: claims}}, port: 8800}
---
apiVersion: policy.linkerd.io/v1beta3
kind: Server
metadata: {name: metrics, namespace: strict}
spec: {podSelector: {}, port: 8900, accessPolicy: cluster-authenticated}
---
apiVersion: policy.linkerd.io/v1alpha1
kind: MeshTLSAuthentication
metadata: {name: edge, namespace: strict}
spec: {identities: ["*.edge.serviceaccount.identity.linkerd.cluster.local"]}
---
apiVersion: policy.linkerd.io/v1alpha1
kind: AuthorizationPolicy
metadata: {name: web, namespace: strict}
spec:
  targetRef: {group: policy.linkerd.io, kind: Server, name: web}
  requiredAuthenticationRefs: [{group: policy.linkerd.io, kind: MeshTLSAuthentication, name: edge}]
"#;

const LETS_ANYBODY_IN: &str = "
apiVersion: policy.linkerd.io/v1beta3
kind: HTTPRoute
metadata: {name: status, namespace: strict}
spec: {parentRefs: [{group: policy.linkerd.io, kind: Server, name: web}]}
---
apiVersion: policy.linkerd.io/v1alpha1
kind: AuthorizationPolicy
metadata: {name: status, namespace: strict}
spec:
  targetRef: {group: policy.linkerd.io, kind: HTTPRoute, name: status}
  requiredAuthenticationRefs: []
";

/// Verdicts of the ports of the app in a namespace.
fn verdicts(cluster: &Cluster, namespace: &str) -> Vec<(String, String)> {
    let rules = ["--rule", "workload-strict-mtls", "-n", namespace];
    let scan = scan(&cluster.kubeconfig("admin"), &rules);
    assert_eq!(scan.evidence["coverage"]["complete"], json!(true));
    let rows = scan.of("workload-strict-mtls");
    rows.map(|row| (row.port.clone(), row.verdict.clone()))
        .collect()
}

fn all(verdict: &str) -> Vec<(String, String)> {
    let ports = ["8080", "8800", "8900"].into_iter();
    ports
        .map(|port| (port.to_owned(), verdict.to_owned()))
        .collect()
}

#[test]
fn linkerd_is_judged_by_its_policies() {
    let options = Options {
        controllers: false,
        api_server_flags: &[],
    };
    let Some(cluster) = private(options) else {
        return;
    };
    install_kinds(&cluster);
    cluster.apply_file(&repository("fixtures/crds/linkerd.yaml"));
    cluster.apply(CONTROL_PLANE);
    cluster.apply(&app("strict"));
    cluster.apply(&app("open"));
    cluster.apply(STRICT);
    assert_eq!(verdicts(&cluster, "strict"), all("pass"));
    assert_eq!(verdicts(&cluster, "open"), all("fail"));
    cluster.apply(LETS_ANYBODY_IN);
    let mixed = verdicts(&cluster, "strict");
    assert_eq!(mixed[0], ("8080".to_owned(), "fail".to_owned()));
    assert_eq!(mixed.iter().filter(|(_, found)| found == "pass").count(), 2);
}
