//! A small cluster, good and bad, for tests of renderers.

use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::assess::{self, Options};
use crate::catalog::Catalog;
use crate::kind::Kind;
use crate::plan::Plan;
use crate::projection::decode_value;
use crate::report::{Report, Run};
use crate::rules::RULES;
use crate::snapshot::{Cluster, Interner, Operator, ReadStatus, Snapshot};
use crate::testing;
use crate::waivers::Waivers;

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
pub(crate) fn snapshot() -> Snapshot {
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

/// Text that ends, opens or hides something in one format or another.
pub(super) const HOSTILE: &str = "</td><script>alert(1)</script>]]>\"'&amp;|`` ```\n# h\r\n\u{1b}[31m\u{0}\u{202e}\u{fffe}{0}[x](http://e.example) \
                                  @somebody ##vso[task.complete]\\|<!--";

/// The sample with such text wherever the API, or a file, lets a person write: names included.
pub(super) fn hostile() -> Snapshot {
    let mut snapshot = snapshot();
    for object in &mut snapshot.objects {
        if object.kind == Kind::Pod {
            object.identity.name.push_str(HOSTILE);
        }
    }
    snapshot.origin.cluster.uid = Some(HOSTILE.to_owned());
    snapshot.coverage.notes.push(HOSTILE.to_owned());
    for source in &mut snapshot.coverage.sources {
        if source.kind == Kind::ClusterRoleBinding {
            source.message = Some(HOSTILE.to_owned());
        }
    }
    let Snapshot {
        origin,
        coverage,
        objects,
    } = snapshot;
    Snapshot::new(origin, coverage, objects)
}

/// Waivers of some of the sample's failures: one that holds, one that is over, one that fits nothing.
pub(super) fn waivers() -> Waivers {
    let waiver = |id: &str, rule: &str, expires: &str, selector: &str| {
        // YAML takes escapes for what it does not take as it is.
        let text = HOSTILE.chars().fold(String::new(), |text, letter| {
            format!("{text}\\u{:04x}", u32::from(letter))
        });
        format!(
            "- {{id: {id}, rule: {rule}, type: OR, justification: \"{text}\", approver: a, approvedOn: 2025-12-01, \
             expires: {expires}, poam: V-1, selector: {{{selector}}}}}\n"
        )
    };
    let text = [
        "waivers:\n".to_owned(),
        waiver("W-1", "container-runtime", "2026-01-01", "kind: Node"),
        waiver(
            "W-2",
            "host-namespaces",
            "2025-12-31",
            "namespace: shop-prod",
        ),
        waiver("W-3", "non-root", "2026-01-01", "namespace: nowhere"),
    ];
    let rules: Vec<&str> = RULES.iter().map(|rule| rule.id).collect();
    Waivers::parse("waivers.yaml", &text.concat(), &rules).unwrap()
}

/// A report on a snapshot by all rules.
pub(crate) fn report(snapshot: &Snapshot) -> Report<'_> {
    report_with(snapshot, Plan::none(), Waivers::none())
}

/// A report on a snapshot by all rules, with what people say of it.
pub(crate) fn report_with<'s>(
    snapshot: &'s Snapshot,
    plan: &'s Plan,
    waivers: &'s Waivers,
) -> Report<'s> {
    let rules: Vec<&str> = RULES.iter().map(|rule| rule.id).collect();
    report_by(&rules, snapshot, plan, waivers)
}

/// A report on a snapshot by some rules.
pub(super) fn report_by<'s>(
    rules: &[&'static str],
    snapshot: &'s Snapshot,
    plan: &'s Plan,
    waivers: &'s Waivers,
) -> Report<'s> {
    let options = Options {
        rules: rules.iter().copied().collect(),
        plan,
        waivers,
        run: Run {
            assessed_at: "2026-01-01T00:00:02Z".to_owned(),
            command: vec!["sc39".to_owned(), "scan".to_owned()],
            ..Run::default()
        },
        ..Options::default()
    };
    assess::assess(snapshot, &CATALOG, options)
}

/// A report by a few rules, which between them come to every verdict: for golden files that people read.
pub(super) fn report_on_few<'s>(snapshot: &'s Snapshot, waivers: &'s Waivers) -> Report<'s> {
    const FEW: [&str; 4] = [
        "host-namespaces",
        "container-runtime",
        "single-operator",
        "default-deny",
    ];
    report_by(&FEW, snapshot, Plan::none(), waivers)
}

/// Calls with the report on the sample.
pub(crate) fn with_report<T>(read: impl FnOnce(&Report<'_>) -> T) -> T {
    read(&report(&snapshot()))
}

/// A cluster of many pods; each template has this many.
pub(crate) fn large(pods: usize, replicas: usize) -> Snapshot {
    let mut snapshot = testing::snapshot("");
    let mut interner = Interner::default();
    let mut objects = Vec::new();
    let mut add = |kind: Kind, value: Value| {
        let decoded = decode_value(kind, value).unwrap();
        objects.push(interner.object(kind, kind.api().versions[0], decoded));
    };
    for template in 0..pods / replicas {
        let namespace = format!("ns-{}", template / 10);
        let name = format!("app-{template}");
        if template % 10 == 0 {
            add(
                Kind::Namespace,
                json!({"metadata": {"name": namespace, "uid": uid(template, 0), "labels": {"tier": "prod"}}}),
            );
        }
        add(
            Kind::MendixApp,
            json!({"metadata": {"name": name, "namespace": namespace, "uid": uid(template, 1)}, "spec": {"runtime": {"dtapMode": "P"}}}),
        );
        let spec = spec(template);
        for (kind, name) in [
            (Kind::Deployment, format!("{name}-master")),
            (Kind::ReplicaSet, format!("{name}-master-5d8f6c7b9")),
        ] {
            let metadata = json!({"name": name, "namespace": namespace, "uid": uid(template, kind as usize), "resourceVersion": "123456"});
            add(
                kind,
                json!({"metadata": metadata, "spec": {"replicas": replicas, "template": {"metadata": {"labels": labels(&name)}, "spec": spec}}}),
            );
        }
        for replica in 0..replicas {
            let metadata = json!({
                "name": format!("{name}-master-5d8f6c7b9-{replica:05}"), "generateName": format!("{name}-master-5d8f6c7b9-"),
                "namespace": namespace, "uid": uid(template, 100 + replica), "resourceVersion": "12345678",
                "creationTimestamp": "2026-01-01T00:00:00Z", "labels": labels(&name),
                "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": format!("{name}-master-5d8f6c7b9"),
                    "uid": uid(template, Kind::ReplicaSet as usize), "controller": true}],
            });
            add(
                Kind::Pod,
                json!({"metadata": metadata, "spec": spec, "status": status(template, replica)}),
            );
        }
    }
    snapshot = Snapshot::new(snapshot.origin, snapshot.coverage, objects);
    snapshot
}

fn uid(template: usize, number: usize) -> String {
    format!("6f1c5d0e-0000-4000-8000-{template:06x}{number:06x}")
}

fn labels(name: &str) -> Value {
    json!({"privatecloud.mendix.com/app": name, "privatecloud.mendix.com/component": "mendix-app", "pod-template-hash": "5d8f6c7b9"})
}

fn spec(template: usize) -> Value {
    let security = json!({"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}, "readOnlyRootFilesystem": true,
        "runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}});
    let container = |name: &str| {
        let resources = json!({"limits": {"cpu": "1", "memory": format!("{}Mi", 512 << (template % 4))}, "requests": {"cpu": "100m", "memory": "512Mi"}});
        json!({"name": name, "image": format!("registry.example/app-{template}:1"), "securityContext": security, "resources": resources,
            "ports": [{"containerPort": 8080, "name": "http"}]})
    };
    json!({"containers": [container("mendix"), container("m2ee-sidecar"), container("istio-proxy")], "initContainers": [container("istio-init")],
        "serviceAccountName": "app", "nodeName": "node-1.zone-a.example"})
}

fn status(template: usize, replica: usize) -> Value {
    let ip = format!("10.{}.{}.{replica}", template / 256, template % 256);
    let container = |name: &str| {
        json!({"name": name, "containerID": format!("containerd://{template:032x}{replica:032x}"), "state": {"running": {}},
            "resources": {"limits": {"cpu": "1", "memory": format!("{}Mi", 512 << (template % 4))}}})
    };
    json!({"phase": "Running", "podIP": ip, "podIPs": [{"ip": ip}], "conditions": [{"type": "Ready", "status": "True"}],
        "containerStatuses": [container("mendix"), container("m2ee-sidecar"), container("istio-proxy")],
        "initContainerStatuses": [container("istio-init")]})
}
