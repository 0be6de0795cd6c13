//! The cluster that figures are of: pods as Mendix and Istio make them, with what made them and what stands around.

use std::fmt::Write as _;
use std::ops::Range;

use futures::StreamExt as _;
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::Pod;
use kube::Client;
use kube::api::{Api, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use crate::servers::Cluster;

/// Pods of one template.
const REPLICAS: usize = 10;
/// Templates in one namespace.
const TEMPLATES: usize = 10;

/// Pods of one namespace; what is loaded is a multiple of it.
pub(super) const PER_NAMESPACE: usize = REPLICAS * TEMPLATES;

/// Adds the pods of these numbers.
pub(super) fn load(cluster: &Cluster, pods: Range<usize>) {
    for namespace in pods.start / PER_NAMESPACE..pods.end / PER_NAMESPACE {
        cluster.apply(&around(namespace));
    }
    let client = cluster.client();
    let first = pods.start / REPLICAS;
    let owners: Vec<Value> = cluster.block_on(
        futures::stream::iter(first..pods.end / REPLICAS)
            .map(|template| workload(client.clone(), template))
            .buffered(64)
            .collect(),
    );
    let made = futures::stream::iter(pods).map(|index| {
        let namespace = format!("ns-{}", index / PER_NAMESPACE);
        let api: Api<Pod> = Api::namespaced(client.clone(), &namespace);
        let owner = &owners[index / REPLICAS - first];
        async move {
            let mut pod = pod(index);
            pod["metadata"]["ownerReferences"] = json!([owner]);
            let pod = serde_json::from_value(pod).expect("the pod is well-formed");
            api.create(&PostParams::default(), &pod)
                .await
                .expect("the pod can be made");
            let name = format!("pod-{index}");
            let patch = Patch::Merge(status(index));
            api.patch_status(&name, &PatchParams::default(), &patch)
                .await
                .expect("its status can be set");
        }
    });
    cluster.block_on(made.buffer_unordered(64).collect::<Vec<()>>());
}

/// What stands in a namespace besides pods: an operator, policies, and for each app its MendixApp, Service and Ingress.
pub(super) fn around(namespace: usize) -> String {
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

/// Makes the Deployment and the ReplicaSet of a template, and returns a reference to the latter.
async fn workload(client: Client, template: usize) -> Value {
    let namespace = format!("ns-{}", template / TEMPLATES);
    let name = format!("app-{}", template % TEMPLATES);
    let labels = json!({"template": template.to_string()});
    let mut spec = pod(template * REPLICAS)["spec"].take();
    spec["nodeName"].take();
    let spec = json!({
        "replicas": REPLICAS,
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": spec},
    });
    let deployment = json!({"metadata": {"name": name}, "spec": spec});
    let deployment: Deployment = serde_json::from_value(deployment).expect("well-formed");
    let api: Api<Deployment> = Api::namespaced(client.clone(), &namespace);
    let made = api.create(&PostParams::default(), &deployment).await;
    let uid = made.expect("the Deployment can be made").metadata.uid;
    let owner = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": name, "uid": uid, "controller": true});
    let name = format!("{name}-{template:x}");
    let metadata = json!({"name": name, "ownerReferences": [owner]});
    let replicas = json!({"metadata": metadata, "spec": spec});
    let replicas: ReplicaSet = serde_json::from_value(replicas).expect("well-formed");
    let api: Api<ReplicaSet> = Api::namespaced(client, &namespace);
    let made = api.create(&PostParams::default(), &replicas).await;
    let uid = made.expect("the ReplicaSet can be made").metadata.uid;
    json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": name, "uid": uid, "controller": true})
}

/// A pod as Mendix and Istio make it.
pub(super) fn pod(index: usize) -> Value {
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
            "nodeName": format!("node-{}", index % 50),
            "serviceAccountName": "default",
            "automountServiceAccountToken": false,
            "initContainers": [redirect, proxy],
            "containers": [mendix, container("m2ee-sidecar", template, &json!([]))],
            "volumes": [{"name": "data", "emptyDir": {}}, {"name": "tmp", "emptyDir": {}}],
        },
    })
}

/// Its status, once it runs.
pub(super) fn status(index: usize) -> Value {
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
