//! An API server that goes away.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use super::sc39;
use crate::servers::{Options, eventually, private};

#[test]
fn server_that_dies_in_the_middle_of_a_list_leaves_gaps_and_no_pass() {
    let Some(mut cluster) = private(Options {
        controllers: false,
        api_server_flags: &[],
    }) else {
        return;
    };
    cluster.apply("{apiVersion: v1, kind: Namespace, metadata: {name: crowd}}");
    super::clusters::many_pods(&cluster, "crowd", 300);
    let account = "system:serviceaccount:crowd:scanner";
    let kubeconfig = cluster.service_account("crowd", "scanner");
    cluster.apply(
        "{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: scanner}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}, subjects: [{kind: ServiceAccount, name: scanner, namespace: crowd}]}",
    );
    let folder = tempfile::tempdir().unwrap();
    let csv = folder.path().join("rows.csv");
    let started = Instant::now();
    let child = sc39()
        .args([
            "scan",
            "-n",
            "crowd",
            "--rule",
            "host-namespaces",
            "--page-size",
            "1",
        ])
        .args(["--request-timeout", "3s", "--no-progress", "--kubeconfig"])
        .arg(&kubeconfig)
        .arg("-o")
        .arg(format!("csv={}", csv.display()))
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    eventually("some pages of pods", || {
        let pages = cluster
            .requests_of(account)
            .iter()
            .filter(|request| request.resource == "pods")
            .count();
        (pages > 10).then_some(())
    });
    cluster.stop_api_server();
    let output = child.wait_with_output().expect("the program ends");
    assert!(
        started.elapsed() < Duration::from_mins(1),
        "within the timeouts"
    );
    let code = output.status.code().expect("it ends by itself");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!([2, 3].contains(&code), "{code}: {stderr}");
    only_whole_files(folder.path());
    if code == 3 {
        let rows = super::rows(&std::fs::read_to_string(&csv).unwrap());
        let pods = rows.iter().filter(|row| row.kind == "Pod").count();
        assert!(pods < 300, "what was not read has no row: {pods}");
        assert!(
            rows.iter().any(|row| row.verdict == "indeterminate"),
            "{stderr}"
        );
    }
}

/// Fails if a file of another name than the one asked for stays behind.
fn only_whole_files(folder: &Path) {
    for entry in std::fs::read_dir(folder).expect("the folder can be read") {
        assert_eq!(
            entry.expect("and what is in it").file_name(),
            "rows.csv",
            "no partial file stays behind"
        );
    }
}

#[test]
fn server_that_is_not_there_is_an_error_that_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let kubeconfig = folder.path().join("config");
    std::fs::write(
        &kubeconfig,
        "{apiVersion: v1, kind: Config, current-context: c, clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}], contexts: [{name: c, context: {cluster: c, user: u}}], users: [{name: u, user: {token: canary-token}}]}",
    )
    .unwrap();
    let output = sc39()
        .args(["scan", "--request-timeout", "2s", "--kubeconfig"])
        .arg(&kubeconfig)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.starts_with("error: "), "{stderr}");
    assert!(
        !stderr.contains("canary"),
        "no credential in any message: {stderr}"
    );
    assert!(output.stdout.is_empty());
}

#[test]
fn interrupted_scan_ends_at_once_with_nothing_written() {
    let Some(cluster) = private(Options {
        controllers: false,
        api_server_flags: &[],
    }) else {
        return;
    };
    cluster.apply("{apiVersion: v1, kind: Namespace, metadata: {name: crowd}}");
    // A server that takes connections and never answers.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let kubeconfig = folder.path().join("config");
    let address = silent.local_addr().unwrap();
    std::fs::write(
        &kubeconfig,
        format!("{{apiVersion: v1, kind: Config, current-context: c, clusters: [{{name: c, cluster: {{server: 'http://{address}'}}}}], contexts: [{{name: c, context: {{cluster: c, user: u}}}}], users: [{{name: u, user: {{}}}}]}}"),
    )
    .unwrap();
    let outputs = tempfile::tempdir().unwrap();
    let child = sc39()
        .args(["scan", "--request-timeout", "60s", "--kubeconfig"])
        .arg(&kubeconfig)
        .arg("-o")
        .arg(format!("json={}", outputs.path().join("e.json").display()))
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_millis(700));
    let started = Instant::now();
    let kill = std::process::Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(kill.success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(started.elapsed() < Duration::from_secs(5));
    assert_eq!(std::fs::read_dir(outputs.path()).unwrap().count(), 0);
}
