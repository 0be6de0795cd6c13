//! Figures of a scan of many pods, against a raw paged list of the same kinds in the same run. Left out unless
//! `scripts/bench` asks for it: times are printed, never asserted.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use http::Request;
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::Pod;
use kube::Client;
use kube::api::{Api, Patch, PatchParams, PostParams};
use sc39::kind::Kind;
use serde_json::{Value, json};

use crate::live::{install_kinds, sc39};
use crate::servers::{Cluster, Options, private};

/// Pods of one template.
const REPLICAS: usize = 10;
/// Templates in one namespace.
const TEMPLATES: usize = 10;

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "scripts/bench says through it how many pods to load"
)]
fn scan_against_a_raw_list() {
    let Some(pods) = std::env::var("SC39_BENCH_PODS")
        .ok()
        .and_then(|pods| pods.parse().ok())
    else {
        return;
    };
    let flags = [
        "--max-requests-inflight=2000",
        "--max-mutating-requests-inflight=1000",
    ];
    let options = Options {
        controllers: false,
        api_server_flags: &flags,
    };
    let Some(cluster) = private(options) else {
        return;
    };
    install_kinds(&cluster);
    let started = Instant::now();
    load(&cluster, pods);
    println!(
        "{pods} pods loaded in {:.0} s",
        started.elapsed().as_secs_f64()
    );
    for round in 1..=3 {
        let (raw, bytes) = raw_list(&cluster);
        let (scan, memory, evidence) = timed_scan(&cluster);
        println!(
            "round {round}: raw list {:.2} s ({} MB), scan {:.2} s, ratio {:.2}, peak memory {} MB, evidence {} MB",
            raw.as_secs_f64(),
            bytes / 1_000_000,
            scan.as_secs_f64(),
            scan.as_secs_f64() / raw.as_secs_f64(),
            memory / 1024,
            evidence / 1_000_000,
        );
    }
}

fn load(cluster: &Cluster, pods: usize) {
    let per_namespace = REPLICAS * TEMPLATES;
    for namespace in 0..pods.div_ceil(per_namespace) {
        cluster.apply(&format!(
            "{{apiVersion: v1, kind: Namespace, metadata: {{name: ns-{namespace}, labels: {{tier: production}}}}}}\n---\n\
             {{apiVersion: privatecloud.mendix.com/v1alpha1, kind: MendixApp, metadata: {{name: app-0, namespace: ns-{namespace}}}, spec: {{runtime: {{dtapMode: P}}}}}}\n"
        ));
    }
    let client = cluster.client();
    let owners: Vec<Value> = cluster.block_on(
        futures::stream::iter(0..pods.div_ceil(REPLICAS))
            .map(|template| workload(client.clone(), template))
            .buffered(64)
            .collect(),
    );
    let made = futures::stream::iter(0..pods).map(|index| {
        let namespace = format!("ns-{}", index / per_namespace);
        let api: Api<Pod> = Api::namespaced(client.clone(), &namespace);
        let owner = &owners[index / REPLICAS];
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
fn pod(index: usize) -> Value {
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

fn status(index: usize) -> Value {
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

/// Lists everything that a scan lists and the server serves, page by page, and looks at nothing but the continue token.
fn raw_list(cluster: &Cluster) -> (Duration, usize) {
    let client = cluster.client();
    let started = Instant::now();
    let bytes = cluster.block_on(async {
        let mut bytes = 0;
        for kind in Kind::ALL.iter().filter(|kind| !kind.by_name_only()) {
            bytes += raw_kind(&client, *kind).await;
        }
        bytes
    });
    (started.elapsed(), bytes)
}

async fn raw_kind(client: &Client, kind: Kind) -> usize {
    let api = kind.api();
    let version = api.versions[0];
    let root = if api.group.is_empty() {
        format!("/api/{version}")
    } else {
        format!("/apis/{}/{version}", api.group)
    };
    let (mut bytes, mut token) = (0, String::new());
    loop {
        let uri = format!("{root}/{}?limit=500&continue={token}", api.plural);
        let request = Request::get(uri)
            .body(Vec::new())
            .expect("the URI is well-formed");
        let text = match client.request_text(request).await {
            Err(kube::Error::Api(status)) if status.code == 404 => return bytes,
            answer => answer.expect("the list can be read"),
        };
        bytes += text.len();
        match text
            .split_once("\"continue\":\"")
            .and_then(|(_, rest)| rest.split_once('"'))
        {
            Some((next, _)) if !next.is_empty() => next.clone_into(&mut token),
            _ => return bytes,
        }
    }
}

/// Wall time, peak memory (KiB) and size of the evidence of a scan of all rules.
fn timed_scan(cluster: &Cluster) -> (Duration, u64, u64) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let started = Instant::now();
    let mut child = sc39()
        .args(["scan", "--quiet", "--kubeconfig"])
        .arg(cluster.kubeconfig("admin"))
        .arg("-o")
        .arg(format!(
            "json={}",
            folder.path().join("evidence.json").display()
        ))
        .stderr(Stdio::inherit())
        .spawn()
        .expect("the program runs");
    let mut peak = 0;
    let status = loop {
        peak = peak.max(high_water(child.id()));
        if let Some(status) = child.try_wait().expect("the program can be waited for") {
            break status;
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let elapsed = started.elapsed();
    let size = std::fs::metadata(folder.path().join("evidence.json")).map_or(0, |file| file.len());
    assert!(
        matches!(status.code(), Some(0 | 1 | 3)),
        "the scan came to an end: {status}"
    );
    (elapsed, peak, size)
}

/// Peak resident memory of a process so far, in KiB.
pub(crate) fn high_water(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let fields: BTreeMap<&str, &str> = status
        .lines()
        .filter_map(|line| line.split_once(':'))
        .collect();
    let field = fields
        .get("VmHWM")
        .and_then(|value| value.split_whitespace().next());
    field.and_then(|value| value.parse().ok()).unwrap_or(0)
}
