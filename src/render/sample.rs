//! A small cluster, good and bad, for tests of renderers.

use std::sync::LazyLock;

use crate::assess::{self, Options};
use crate::catalog::Catalog;
use crate::kind::Kind;
use crate::model::ScopeRequest;
use crate::report::gate::GateOptions;
use crate::report::{Report, Run};
use crate::rules::{RULES, Severity};
use crate::snapshot::{Cluster, Operator, ReadStatus, Snapshot};
use crate::testing;

static CATALOG: LazyLock<Catalog> = LazyLock::new(|| {
    let rules: Vec<&str> = RULES.iter().map(|rule| rule.id).collect();
    Catalog::builtin(&rules).unwrap()
});

const YAML: &str = r#"
apiVersion: v1
kind: Namespace
metadata: {name: shop-prod, labels: {tier: prod}}
---
apiVersion: v1
kind: Namespace
metadata: {name: shop-test, labels: {tier: test}}
---
apiVersion: v1
kind: Node
metadata: {name: node-a}
status: {nodeInfo: {containerRuntimeVersion: "containerd://2.1.4", kernelVersion: 6.12.0, osImage: Bottlerocket, operatingSystem: linux, kubeletVersion: v1.34.1}}
---
apiVersion: v1
kind: Node
metadata: {name: node-b}
status: {nodeInfo: {containerRuntimeVersion: "docker://24.0.0", kernelVersion: 5.4.0, osImage: Ubuntu 20.04, operatingSystem: linux, kubeletVersion: v1.34.1}}
---
apiVersion: privatecloud.mendix.com/v1alpha1
kind: MendixApp
metadata: {name: orders, namespace: shop-prod}
spec: {runtime: {dtapMode: P}}
---
apiVersion: privatecloud.mendix.com/v1alpha1
kind: MendixApp
metadata: {name: billing, namespace: shop-prod}
spec: {runtime: {dtapMode: D}}
---
apiVersion: privatecloud.mendix.com/v1alpha1
kind: MendixApp
metadata: {name: orders, namespace: shop-test}
spec: {runtime: {dtapMode: D}}
---
apiVersion: v1
kind: Pod
metadata:
  name: orders-master-5d8f-aaaaa
  namespace: shop-prod
  uid: 0e3e1f0a-0000-4000-8000-000000000001
  resourceVersion: "41"
  labels: {privatecloud.mendix.com/app: orders, privatecloud.mendix.com/component: mendix-app, pod-template-hash: 5d8f}
spec:
  securityContext: {seccompProfile: {type: RuntimeDefault}}
  containers:
  - {name: mendix, image: "registry.example/app:1", resources: {limits: {cpu: "1", memory: 1Gi}}}
  - {name: m2ee-sidecar, image: "registry.example/mx-m2ee-sidecar:1", resources: {limits: {cpu: 100m, memory: 64Mi}}}
status: {phase: Running, podIP: 10.0.0.1}
---
apiVersion: v1
kind: Pod
metadata: {name: orders-master-5d8f-bbbbb, namespace: shop-prod, labels: {privatecloud.mendix.com/app: orders, privatecloud.mendix.com/component: mendix-app, pod-template-hash: 5d8f}}
spec:
  securityContext: {seccompProfile: {type: RuntimeDefault}}
  containers:
  - {name: mendix, image: "registry.example/app:1", resources: {limits: {cpu: "1", memory: 1Gi}}}
  - {name: m2ee-sidecar, image: "registry.example/mx-m2ee-sidecar:1", resources: {limits: {cpu: 100m, memory: 64Mi}}}
status: {phase: Running, podIP: 10.0.0.2}
---
apiVersion: v1
kind: Pod
metadata: {name: orders-master-5d8f-ccccc, namespace: shop-prod, labels: {privatecloud.mendix.com/app: orders, privatecloud.mendix.com/component: mendix-app, pod-template-hash: 5d8f}}
spec:
  securityContext: {seccompProfile: {type: RuntimeDefault}}
  containers:
  - {name: mendix, image: "registry.example/app:1", resources: {limits: {cpu: "1", memory: 1Gi}}}
  - {name: m2ee-sidecar, image: "registry.example/mx-m2ee-sidecar:1", resources: {limits: {cpu: 100m, memory: 64Mi}}}
status: {phase: Running, podIP: 10.0.0.3}
---
apiVersion: v1
kind: Pod
metadata: {name: orders-master-5d8f-ddddd, namespace: shop-prod, labels: {privatecloud.mendix.com/app: orders, privatecloud.mendix.com/component: mendix-app, pod-template-hash: 5d8f}}
spec:
  hostPID: true
  shareProcessNamespace: true
  ephemeralContainers: [{name: debugger-x7, image: busybox, targetContainerName: mendix}]
  containers:
  - {name: mendix, image: "registry.example/app:1", securityContext: {privileged: true}, resources: {limits: {memory: 1Gi}}}
status: {phase: Running, podIP: 10.0.0.4, ephemeralContainerStatuses: [{name: debugger-x7, state: {running: {}}}]}
---
apiVersion: v1
kind: Pod
metadata: {name: billing-master-77c-aaaaa, namespace: shop-prod, labels: {privatecloud.mendix.com/app: ledger, privatecloud.mendix.com/component: mendix-app}}
spec:
  securityContext: {seccompProfile: {type: Unconfined}}
  containers: [{name: mendix, image: "registry.example/app:2"}]
status: {phase: Running, podIP: 10.0.0.5}
---
apiVersion: v1
kind: Pod
metadata: {name: orders-master-9a1-aaaaa, namespace: shop-test, labels: {privatecloud.mendix.com/app: orders, privatecloud.mendix.com/component: mendix-app}}
spec:
  securityContext: {seccompProfile: {type: RuntimeDefault}}
  containers:
  - {name: mendix, image: "registry.example/app:1", resources: {limits: {cpu: "1", memory: 1Gi}}}
  - {name: m2ee-sidecar, image: "registry.example/mx-m2ee-sidecar:1", resources: {limits: {cpu: 100m, memory: 64Mi}}}
status: {phase: Running, podIP: 10.0.0.6}
---
apiVersion: v1
kind: Pod
metadata: {name: backup-29000-zzzzz, namespace: shop-test}
spec: {containers: [{name: backup, image: busybox}]}
status: {phase: Succeeded}
"#;

/// The cluster. Its role bindings were refused, and one kind came back in part.
pub(super) fn snapshot() -> Snapshot {
    let mut snapshot = testing::snapshot(YAML);
    snapshot.origin.cluster = Cluster {
        uid: Some("6f1c5d0e-0000-4000-8000-00000000c1a5".to_owned()),
        context: Some("shop".to_owned()),
        git_version: Some("v1.34.1".to_owned()),
        platform: Some("linux/amd64".to_owned()),
    };
    snapshot.origin.operator = Some(Operator {
        username: "auditor".to_owned(),
        uid: None,
        groups: vec!["system:authenticated".to_owned()],
    });
    let mut snapshot = testing::without(snapshot, Kind::ClusterRoleBinding, ReadStatus::Forbidden);
    for source in &mut snapshot.coverage.sources {
        if source.kind == Kind::ClusterRoleBinding {
            source.http_status = Some(403);
            source.message = Some("clusterrolebindings is forbidden".to_owned());
        }
    }
    testing::without(snapshot, Kind::EnvoyFilter, ReadStatus::NotServed)
}

/// A report on a snapshot by all rules.
pub(super) fn report(snapshot: &Snapshot) -> Report<'_> {
    let options = Options {
        rules: RULES.iter().map(|rule| rule.id).collect(),
        scope: ScopeRequest::default(),
        selector: None,
        gate: GateOptions {
            fail_on: Severity::Low,
            allow_indeterminate: false,
        },
        run: Run {
            id: String::new(),
            assessed_at: "2026-01-01T00:00:02Z".to_owned(),
            command: vec!["sc39".to_owned(), "scan".to_owned()],
        },
    };
    assess::assess(snapshot, &CATALOG, options)
}

/// Calls with the report on the sample.
pub(super) fn with_report<T>(read: impl FnOnce(&Report<'_>) -> T) -> T {
    read(&report(&snapshot()))
}
