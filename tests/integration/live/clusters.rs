//! Whole clusters: clean, violating, large, changing.

use std::time::Duration;

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use serde_json::json;

use super::{auditor, install, install_kinds, sc39, scan, scan_with};
use crate::servers::{Cluster, Options, private, shared};

const STATIC: Options<'_> = Options {
    controllers: false,
    api_server_flags: &[],
};

#[test]
fn clean_cluster_passes_every_rule_live_as_offline() {
    let Some(cluster) = private(STATIC) else {
        return;
    };
    install(&cluster);
    let live = scan(&cluster.kubeconfig("admin"), &[]);
    live.only(&["pass", "not-applicable"]);
    assert_eq!(live.code, 0, "{}", live.stderr);
    let offline = scan_with(&["--from", "fixtures/base/clean.yaml", "--assume-complete"]);
    let plain = |scan: &super::Scan| {
        let mut rows = scan.rows.clone();
        // The server has namespaces and roles of its own, but nothing of it is in scope.
        rows.sort();
        rows
    };
    assert_eq!(
        plain(&live),
        plain(&offline),
        "the same objects give the same verdicts"
    );
}

#[test]
fn printed_role_suffices_and_leaves_no_gap() {
    let Some(cluster) = private(Options {
        controllers: true,
        api_server_flags: &[],
    }) else {
        return;
    };
    install_kinds(&cluster);
    let auditor = auditor(&cluster, "auditor", &[]);
    mixed(&cluster);
    let scan = scan(&auditor.kubeconfig, &[]);
    assert_eq!(
        scan.evidence["coverage"]["complete"],
        json!(true),
        "{:#}",
        scan.evidence["coverage"]["gaps"]
    );
    assert_eq!(scan.evidence["coverage"]["gaps"], json!([]));
    assert_eq!(scan.code, 1);
}

/// A Deployment made into pods by the controller manager, with faults that only a look at the pods shows.
fn mixed(cluster: &Cluster) {
    cluster.apply(MIXED);
    let names = cluster.pods("claims", 3);
    for (index, name) in names.iter().enumerate() {
        cluster.run_pod("claims", name, None, &format!("10.1.0.{}", index + 1));
    }
}

const MIXED: &str = r#"
apiVersion: v1
kind: Namespace
metadata: {name: claims, labels: {tier: prod}}
---
apiVersion: privatecloud.mendix.com/v1alpha1
kind: MendixApp
metadata: {name: claims, namespace: claims}
spec: {replicas: 3, runtime: {dtapMode: D}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: claims-master, namespace: claims}
spec:
  replicas: 3
  selector: {matchLabels: {app: claims}}
  template:
    metadata: {labels: {app: claims, component: mendix-app, node-type: master}}
    spec:
      hostPID: true
      containers:
        - name: mendix
          image: registry.example/claims
          env: [{name: M2EE_ADMIN_LISTEN_ADDRESSES, value: 127.0.0.1}]
          ports: [{containerPort: 8080}]
          resources: {limits: {cpu: "1", memory: 1Gi}}
          securityContext: {seccompProfile: {type: RuntimeDefault}}
        - name: m2ee-sidecar
          image: registry.example/mx-m2ee-sidecar
"#;

#[test]
fn replicas_share_one_result_and_each_has_a_row() {
    let Some(cluster) = private(Options {
        controllers: true,
        api_server_flags: &[],
    }) else {
        return;
    };
    install_kinds(&cluster);
    mixed(&cluster);
    let scan = scan(&cluster.kubeconfig("admin"), &[]);
    assert_eq!(scan.code, 1);
    let host: Vec<_> = scan.of("host-namespaces").collect();
    assert_eq!(host.len(), 3, "{host:#?}");
    assert!(
        host.iter()
            .all(|row| row.verdict == "fail" && row.kind == "Pod"),
        "{host:#?}"
    );
    let results = scan.evidence["results"].as_array().unwrap();
    let shared: Vec<_> = results
        .iter()
        .filter(|result| result["ruleId"] == "host-namespaces")
        .collect();
    assert_eq!(shared.len(), 1);
    assert_eq!(shared[0]["subjects"].as_array().unwrap().len(), 3);
    let counts = scan.counts();
    assert_eq!(counts.get(&("dtap-mode", "fail")), Some(&1));
    assert_eq!(
        counts.get(&("seccomp-profile", "fail")),
        Some(&3),
        "the sidecars declare none"
    );
    assert_eq!(counts.get(&("seccomp-profile", "pass")), Some(&3));
    assert_eq!(counts.get(&("resource-limits", "fail")), Some(&3));
    assert_eq!(counts.get(&("mesh-enrolment", "fail")), Some(&3));
    assert_eq!(
        counts.get(&("pod-per-app", "pass")),
        Some(&3),
        "{:#?}",
        scan.of("pod-per-app").collect::<Vec<_>>()
    );
}

/// Makes `count` pods, several at a time.
pub(super) fn many_pods(cluster: &Cluster, namespace: &str, count: usize) {
    let pods: Api<Pod> = Api::namespaced(cluster.client(), namespace);
    let made = futures::stream::iter(0..count).map(|index| {
        let pods = pods.clone();
        async move {
            let pod = serde_json::from_value(json!({
                "metadata": {"name": format!("worker-{index:05}"), "labels": {"index": (index % 7).to_string()}},
                "spec": {"containers": [{"name": "work", "image": "registry.example/work",
                    "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}}}]},
            }))
            .expect("the pod is well-formed");
            pods.create(&PostParams::default(), &pod).await.expect("the pod can be made");
        }
    });
    cluster.block_on(made.buffer_unordered(32).collect::<Vec<()>>());
}

#[test]
fn twelve_hundred_pods_over_several_pages_are_all_judged() {
    let Some(cluster) = private(STATIC) else {
        return;
    };
    cluster.apply("{apiVersion: v1, kind: Namespace, metadata: {name: crowd}}");
    many_pods(&cluster, "crowd", 1200);
    let scan = scan(
        &cluster.kubeconfig("admin"),
        &[
            "-n",
            "crowd",
            "--rule",
            "seccomp-profile",
            "--page-size",
            "500",
        ],
    );
    assert_eq!(scan.code, 0, "{}", scan.stderr);
    assert_eq!(scan.of("seccomp-profile").count(), 1200);
    scan.only(&["pass"]);
    let sources = scan.evidence["coverage"]["sources"].as_array().unwrap();
    let pods = sources
        .iter()
        .find(|source| source["kind"] == "Pod")
        .unwrap();
    assert_eq!((&pods["pages"], &pods["count"]), (&json!(3), &json!(1200)));
}

#[test]
fn objects_that_change_during_the_scan_appear_once() {
    let Some(cluster) = private(STATIC) else {
        return;
    };
    cluster.apply("{apiVersion: v1, kind: Namespace, metadata: {name: flux}}");
    many_pods(&cluster, "flux", 400);
    let kubeconfig = cluster.kubeconfig("admin");
    let child = std::thread::spawn(move || {
        scan(
            &kubeconfig,
            &[
                "-n",
                "flux",
                "--rule",
                "host-namespaces",
                "--page-size",
                "2",
            ],
        )
    });
    let pods: Api<Pod> = Api::namespaced(cluster.client(), "flux");
    cluster.block_on(async {
        for index in 0..200 {
            let name = format!("worker-{:05}", index * 2);
            let now = DeleteParams {
                grace_period_seconds: Some(0),
                ..DeleteParams::default()
            };
            pods.delete(&name, &now)
                .await
                .expect("the pod can be deleted");
            let label = json!({"metadata": {"labels": {"changed": "yes"}}});
            let other = format!("worker-{:05}", index * 2 + 1);
            let patched = pods
                .patch(&other, &PatchParams::default(), &Patch::Merge(&label))
                .await;
            patched.expect("the pod can be changed");
        }
    });
    let scan = child.join().expect("the scan ends");
    assert!(
        [0, 1].contains(&scan.code),
        "{}: {}",
        scan.code,
        scan.stderr
    );
    let mut names: Vec<_> = scan.of("host-namespaces").map(|row| &row.name).collect();
    let all = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), all, "no pod is counted twice");
    assert!(all >= 200, "what stayed was seen: {all}");
}

#[test]
fn snapshot_gives_the_same_evidence_as_the_scan_that_saved_it() {
    let Some(cluster) = private(STATIC) else {
        return;
    };
    install(&cluster);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cluster.zst");
    let path = file.to_str().unwrap();
    let live = scan(&cluster.kubeconfig("admin"), &["--save-snapshot", path]);
    let again = scan_with(&["--from", path]);
    let plain = |scan: &super::Scan| {
        let mut evidence = scan.evidence.clone();
        let object = evidence.as_object_mut().expect("evidence was written");
        object.remove("run");
        object.remove("integrity");
        evidence
    };
    assert_eq!(plain(&live), plain(&again));
    assert_eq!((live.code, &live.rows), (again.code, &again.rows));
    let captured = folder.path().join("captured.zst");
    let kubeconfig = cluster.kubeconfig("admin");
    let capture = sc39()
        .args(["capture", "--kubeconfig"])
        .arg(&kubeconfig)
        .arg("-o")
        .arg(&captured)
        .output()
        .unwrap();
    assert!(
        capture.status.success(),
        "{}",
        String::from_utf8_lossy(&capture.stderr)
    );
    let from_capture = scan_with(&["--from", captured.to_str().unwrap()]);
    assert_eq!(from_capture.rows, live.rows);
}

#[test]
fn missing_mendix_kinds_are_not_a_pass() {
    let Some(cluster) = private(STATIC) else {
        return;
    };
    cluster.apply("{apiVersion: v1, kind: Namespace, metadata: {name: claims}}");
    let scan = scan(&cluster.kubeconfig("admin"), &[]);
    assert_eq!(scan.code, 2, "nothing to judge: {}", scan.stderr);
    let named = super::scan(
        &cluster.kubeconfig("admin"),
        &["-n", "kube-system", "--rule", "dtap-mode"],
    );
    assert_ne!(named.code, 0);
    named.only(&["indeterminate"]);
}

#[test]
fn shared_cluster_answers_quickly() {
    let Some(cluster) = shared() else { return };
    let started = std::time::Instant::now();
    let scan = scan(
        &cluster.kubeconfig("admin"),
        &["-n", "default", "--request-timeout", "10s"],
    );
    assert!(
        started.elapsed() < Duration::from_mins(1),
        "no list hangs: {}",
        scan.stderr
    );
}
