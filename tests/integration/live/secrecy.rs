//! What must never be asked for, kept or shown.

use super::{auditor, install, sc39, scan};
use crate::formats;
use crate::servers::{Options, private};

/// Objects with values that are not kept, each of which says that it is one.
pub(crate) const CANARIES: &str = r#"
apiVersion: v1
kind: Secret
metadata: {name: canary-secret, namespace: claims-production}
stringData: {password: canary-secret-value}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: claims-production}
data: {key: canary-config-value}
---
apiVersion: v1
kind: Pod
metadata:
  name: leaky
  namespace: claims-production
  labels: {app: claims-prod, component: mendix-app}
  annotations: {example.com/token: canary-annotation}
spec:
  containers:
    - name: mendix
      image: registry.example/app
      command: [run, canary-command]
      args: [--password, canary-argument, -b, canary-flag]
      env:
        - {name: PASSWORD, value: canary-env}
        - {name: M2EE_ADMIN_PASS, value: canary-admin-pass}
        - {name: M2EE_ADMIN_PORT, value: canary-port}
    - name: istio-proxy
      image: registry.example/proxyv2
      args: [proxy, sidecar, --token, canary-proxy-argument]
      env: [{name: DISABLE_ENVOY, value: "canary value with spaces"}]
---
apiVersion: privatecloud.mendix.com/v1alpha1
kind: MendixApp
metadata: {name: leaky, namespace: claims-production}
spec:
  tls: {certificate: canary-certificate, key: canary-key}
  sourceURL: https://example.com/app.mda?signature=canary-url
  runtime:
    dtapMode: P
    mxAdminPassword: canary-mx-password
    customConfiguration: '{"License.SubscriptionSecret": "canary-licence", "DTAPMode": "P"}'
    microflowConstants: {A.B: canary-constant}
    environmentVariables: [{name: X, value: canary-variable}]
    clientCertificates: [{key: canary-p12, password: canary-p12-password}]
---
apiVersion: privatecloud.mendix.com/v1alpha1
kind: OperatorConfiguration
metadata: {name: mendix-operator-configuration, namespace: claims-production}
spec: {licenseManager: {credentialsSecretName: "Canary-Name", serverURL: "http://canary-host"}}
"#;

#[test]
fn secrets_are_never_requested_and_values_never_kept() {
    let Some(cluster) = private(Options {
        controllers: true,
        api_server_flags: &[],
    }) else {
        return;
    };
    super::install_kinds(&cluster);
    cluster.apply("{apiVersion: v1, kind: Namespace, metadata: {name: claims-production}}");
    cluster.apply(CANARIES);
    let auditor = auditor(&cluster, "secretive", &[]);
    let folder = tempfile::tempdir().unwrap();
    let snapshot = folder.path().join("s.zst");
    let scan = scan(
        &auditor.kubeconfig,
        &[
            "--save-snapshot",
            snapshot.to_str().unwrap(),
            "-o",
            "table",
            "-v",
        ],
    );
    assert!(!scan.rows.is_empty(), "{}", scan.stderr);
    let table = sc39()
        .args(["scan", "-v", "--from"])
        .arg(&snapshot)
        .output()
        .unwrap();
    let packed = std::fs::read(&snapshot).unwrap();
    let unpacked = zstd::decode_all(packed.as_slice()).unwrap();
    let evidence = std::fs::read(scan.folder.path().join("evidence.json")).unwrap();
    let csv = std::fs::read(scan.folder.path().join("rows.csv")).unwrap();
    let everything = ["--from", snapshot.to_str().unwrap()];
    let everything = formats::scan_as_everything(folder.path(), &everything);
    let formats = everything
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_bytes()));
    let others = [
        ("snapshot", unpacked.as_slice()),
        ("evidence", &evidence),
        ("CSV", &csv),
        ("table", &table.stdout),
        ("standard error", scan.stderr.as_bytes()),
    ];
    for (what, bytes) in others.into_iter().chain(formats) {
        let text = String::from_utf8_lossy(bytes).to_lowercase();
        assert!(
            text.len() > 10 || what == "standard error",
            "{what} was written"
        );
        // The name of the Secret appears nowhere either; names that a user chose for an app do.
        assert!(
            !text.contains("canary"),
            "{what} holds a canary: {:?}",
            text.find("canary")
                .map(|at| &text[at.saturating_sub(80)..(at + 40).min(text.len())])
        );
    }
}

#[test]
fn audit_log_shows_lists_only_and_config_maps_by_name() {
    let Some(cluster) = private(Options {
        controllers: false,
        api_server_flags: &[],
    }) else {
        return;
    };
    install(&cluster);
    let auditor = auditor(&cluster, "logged", &[]);
    let before = scan(&auditor.kubeconfig, &[]);
    assert!(!before.rows.is_empty());
    let requests = cluster.requests_of(&auditor.user);
    assert!(requests.len() > 20, "the scan is in the log");
    for request in &requests {
        assert!(!request.resource.starts_with("secrets"), "{request:?}");
        let reads = ["get", "list"].contains(&request.verb.as_str());
        let review = request.verb == "create" && request.resource.starts_with("self");
        assert!(reads || review, "{request:?}");
        if request.resource == "configmaps" {
            assert_eq!(request.verb, "get", "{request:?}");
        }
    }
}
