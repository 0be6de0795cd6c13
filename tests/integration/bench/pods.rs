//! A made-up cluster: pods as Mendix and Istio make them, and what stands around them.

use std::fmt::Write as _;

use sc39::collect::manifests::{self, Input, ManifestOptions};
use sc39::kind::Kind;
use sc39::projection::decode_value;
use sc39::snapshot::{Interner, Mode, Snapshot, Verb};
use serde_json::{Value, json};

/// Pods of one template.
pub(crate) const REPLICAS: usize = 10;
/// Templates in one namespace.
pub(crate) const TEMPLATES: usize = 10;

/// Nodes that they run on.
const NODES: usize = 50;

/// Pods of one namespace; what is loaded is a multiple of it.
pub(crate) const PER_NAMESPACE: usize = REPLICAS * TEMPLATES;

/// The nodes, as their kubelets report them.
pub(crate) fn nodes() -> String {
    let mut yaml = String::new();
    for node in 0..NODES {
        let written = write!(
            yaml,
            r"---
{{apiVersion: v1, kind: Node, metadata: {{name: node-{node}, labels: {{kubernetes.io/os: linux}}}}, status: {{nodeInfo: {{architecture: amd64, bootID: b-{node}, containerRuntimeVersion: 'containerd://2.1.4', kernelVersion: 6.12.40, kubeProxyVersion: '', kubeletVersion: v1.36.0, machineID: m-{node}, operatingSystem: linux, osImage: Bottlerocket OS 1.42.0, systemUUID: s-{node}}}}}}}
"
        );
        written.expect("a text takes any text");
    }
    yaml
}

/// What stands in a namespace besides pods: an operator, policies, and for each app its MendixApp, Service and Ingress.
pub(crate) fn around(namespace: usize) -> String {
    let mut yaml = format!(
        r"
{{apiVersion: v1, kind: Namespace, metadata: {{name: ns-{namespace}, labels: {{tier: production, istio-injection: enabled}}}}}}
---
{{apiVersion: security.istio.io/v1, kind: PeerAuthentication, metadata: {{name: default, namespace: ns-{namespace}}}, spec: {{mtls: {{mode: STRICT}}}}}}
---
{{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {{name: default-deny, namespace: ns-{namespace}}}, spec: {{podSelector: {{}}, policyTypes: [Ingress, Egress]}}}}
---
{{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {{name: data-port, namespace: ns-{namespace}}}, spec: {{podSelector: {{matchLabels: {{privatecloud.mendix.com/component: mendix-app}}}}, ingress: [{{ports: [{{port: 8080}}], from: [{{namespaceSelector: {{matchLabels: {{kubernetes.io/metadata.name: ingress}}}}}}]}}]}}}}
---
{{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {{name: admin-port, namespace: ns-{namespace}}}, spec: {{podSelector: {{matchLabels: {{privatecloud.mendix.com/component: mendix-app}}}}, ingress: [{{ports: [{{port: 8800}}], from: [{{podSelector: {{matchLabels: {{name: mendix-operator}}}}}}]}}]}}}}
---
{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: mendix-operator, namespace: ns-{namespace}}}, spec: {{selector: {{matchLabels: {{name: mendix-operator}}}}, template: {{metadata: {{labels: {{name: mendix-operator}}}}, spec: {{containers: [{{name: mendix-operator, image: 'registry.agency.example/mendix/mendix-operator:2.23.1'}}]}}}}}}}}
"
    );
    for app in 0..TEMPLATES {
        let written = write!(
            yaml,
            r"---
{{apiVersion: privatecloud.mendix.com/v1alpha1, kind: MendixApp, metadata: {{name: app-{app}, namespace: ns-{namespace}}}, spec: {{runtime: {{dtapMode: P}}}}}}
---
{{apiVersion: v1, kind: Service, metadata: {{name: app-{app}, namespace: ns-{namespace}}}, spec: {{selector: {{privatecloud.mendix.com/app: app-{app}}}, ports: [{{port: 80, targetPort: 8080}}]}}}}
---
{{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {{name: app-{app}, namespace: ns-{namespace}}}, spec: {{ingressClassName: nginx, tls: [{{hosts: [app-{app}.ns-{namespace}.example], secretName: tls}}], rules: [{{host: app-{app}.ns-{namespace}.example, http: {{paths: [{{path: /, pathType: Prefix, backend: {{service: {{name: app-{app}, port: {{number: 80}}}}}}}}]}}}}]}}}}
"
        );
        written.expect("a text takes any text");
    }
    yaml
}

/// A container of about the size that they have.
fn container(name: &str, template: usize, args: &Value) -> Value {
    let environment: Vec<Value> = (0..25)
        .map(|variable| {
            json!({"name": format!("VARIABLE_{variable}"), "value": format!("value of {variable} for {template}")})
        })
        .collect();
    json!({
        "name": name,
        "image": format!("registry.agency.example/mendix/{name}:{template}"),
        "args": args,
        "env": environment,
        "resources": {"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "100m", "memory": "1Gi"}},
        "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": true, "runAsNonRoot": true, "runAsUser": 1001,
            "seccompProfile": {"type": "RuntimeDefault"}},
        "volumeMounts": [{"name": "data", "mountPath": "/data"}, {"name": "tmp", "mountPath": "/tmp"}],
    })
}

/// A pod as Mendix and Istio make it.
pub(crate) fn pod(index: usize) -> Value {
    let template = index / REPLICAS;
    let probe =
        json!({"httpGet": {"path": "/m2ee-sidecar/v1/livez", "port": 8800}, "periodSeconds": 15});
    let mut mendix = container("mendix", template, &json!([]));
    mendix["ports"] = json!([{"name": "mendix-app", "containerPort": 8080}]);
    mendix["livenessProbe"] = probe.clone();
    mendix["readinessProbe"] = probe;
    let listen = json!({"name": "M2EE_ADMIN_LISTEN_ADDRESSES", "value": "127.0.0.1"});
    mendix["env"].as_array_mut().expect("a list").push(listen);
    let role = json!([
        "proxy",
        "sidecar",
        "--domain",
        "$(POD_NAMESPACE).svc.cluster.local"
    ]);
    let mut proxy = container("istio-proxy", template, &role);
    proxy["restartPolicy"] = json!("Always");
    let flags =
        "istio-iptables -p 15001 -z 15006 -u 1337 -m REDIRECT -i * -b * -d 15090,15021,15020";
    let flags: Vec<&str> = flags.split(' ').collect();
    let redirect = container("istio-init", template, &json!(flags));
    json!({
        "metadata": {
            "name": format!("pod-{index}"),
            "labels": {
                "privatecloud.mendix.com/app": format!("app-{}", template % TEMPLATES),
                "privatecloud.mendix.com/component": "mendix-app",
                "pod-template-hash": format!("{template:x}"),
                "template": template.to_string(),
            },
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "x".repeat(2000)},
        },
        "spec": {
            "nodeName": format!("node-{}", index % NODES),
            "serviceAccountName": "default",
            "automountServiceAccountToken": false,
            "initContainers": [redirect, proxy],
            "containers": [mendix, container("m2ee-sidecar", template, &json!([]))],
            "volumes": [{"name": "data", "emptyDir": {}}, {"name": "tmp", "emptyDir": {}}],
        },
    })
}

/// Its status, once it runs.
pub(crate) fn status(index: usize) -> Value {
    let container = |name: &str| {
        json!({"name": name, "image": name, "imageID": format!("registry.agency.example/{name}@sha256:{}", "a".repeat(64)),
            "containerID": format!("containerd://{index:064x}"), "ready": true, "restartCount": 0, "started": true,
            "state": {"running": {"startedAt": "2026-11-02T09:00:00Z"}}})
    };
    let address = format!("10.{}.{}.{}", index / 65536, index / 256 % 256, index % 256);
    json!({"status": {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}], "hostIP": "10.200.0.1",
        "conditions": [{"type": "Ready", "status": "True"}, {"type": "PodScheduled", "status": "True"}],
        "containerStatuses": [container("mendix"), container("m2ee-sidecar")],
        "initContainerStatuses": [container("istio-init"), container("istio-proxy")]}})
}

/// A pod as the API shows it once it runs.
pub(crate) fn running(index: usize) -> Value {
    let mut pod = pod(index);
    pod["metadata"]["namespace"] = format!("ns-{}", index / PER_NAMESPACE).into();
    pod["metadata"]["uid"] = format!("00000000-0000-4000-8000-{index:012x}").into();
    pod["status"] = status(index)["status"].take();
    pod
}

/// The Deployment of a template.
pub(crate) fn deployment(template: usize) -> Value {
    let name = format!("app-{}", template % TEMPLATES);
    json!({"metadata": {"name": name}, "spec": workload(template)})
}

/// The ReplicaSet of a template's Deployment.
pub(crate) fn replica_set(template: usize, deployment: &Value) -> Value {
    let name = format!("app-{}-{template:x}", template % TEMPLATES);
    let owner = owner("Deployment", deployment);
    json!({"metadata": {"name": name, "ownerReferences": [owner]}, "spec": workload(template)})
}

fn workload(template: usize) -> Value {
    let labels = json!({"template": template.to_string()});
    let mut spec = pod(template * REPLICAS)["spec"].take();
    spec["nodeName"].take();
    json!({
        "replicas": REPLICAS,
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": spec},
    })
}

/// A reference to the controller that owns something.
pub(crate) fn owner(kind: &str, object: &Value) -> Value {
    json!({"apiVersion": "apps/v1", "kind": kind, "name": object["metadata"]["name"],
        "uid": object["metadata"]["uid"], "controller": true})
}

/// So many pods and their workloads, as they would have been read.
pub(crate) fn snapshot(pods: usize) -> Snapshot {
    let namespaces = (0..pods / PER_NAMESPACE).map(around);
    let documents: Vec<String> = namespaces.chain([nodes()]).collect();
    let input = Input::Text {
        name: "cluster.yaml".to_owned(),
        bytes: documents.join("---\n").into_bytes().into(),
    };
    let options = ManifestOptions {
        assume_complete: true,
        mode: Mode::Manifests,
    };
    let read = manifests::read(&[input], &options, "2026-01-15T09:00:00Z");
    let mut snapshot = read.expect("the cluster can be read");
    let mut interner = Interner::default();
    let sources = &mut snapshot.coverage.sources;
    let mut add = |kind: Kind, object: Value| {
        let mut sources = sources.iter_mut();
        let source = sources.find(|source| source.kind == kind && source.verb == Verb::File);
        source.expect("each kind has a source").count += 1;
        let decoded = decode_value(kind, object).expect("the object is well-formed");
        snapshot.objects.push(interner.object(kind, "v1", decoded));
    };
    for template in 0..pods / REPLICAS {
        let place = |mut object: Value, group: usize| {
            object["metadata"]["namespace"] = format!("ns-{}", template / TEMPLATES).into();
            let uid = format!("00000000-0000-4000-{group:x}000-{template:012x}");
            object["metadata"]["uid"] = uid.into();
            object
        };
        let deployment = place(deployment(template), 9);
        let replica_set = place(replica_set(template, &deployment), 10);
        let owner = owner("ReplicaSet", &replica_set);
        add(Kind::Deployment, deployment);
        add(Kind::ReplicaSet, replica_set);
        for index in template * REPLICAS..(template + 1) * REPLICAS {
            let mut pod = running(index);
            pod["metadata"]["ownerReferences"] = json!([owner]);
            add(Kind::Pod, pod);
        }
    }
    Snapshot::new(snapshot.origin, snapshot.coverage, snapshot.objects)
}
