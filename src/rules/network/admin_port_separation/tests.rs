use super::*;
use crate::model::ScopeRequest;
use crate::rules::network::tests::assert_repeatable;
use crate::testing::snapshot;

const RUNTIME: &str = "{name: mendix, ports: [{name: mendix-app, containerPort: 8080}], env: [{name: M2EE_ADMIN_LISTEN_ADDRESSES, value: 127.0.0.1}]}";
const SIDECAR: &str = "{name: m2ee-sidecar, image: example/mx-m2ee-sidecar:2.24, ports: [{containerPort: 8800}, {containerPort: 8900}]}";

/// Verdict, reason and message of the one app pod with this content.
fn verdict(spec: &str, phase: &str) -> String {
    let yaml = format!(
        "
apiVersion: v1
kind: Pod
metadata: {{name: claims, namespace: prod, labels: {{privatecloud.mendix.com/app: claims}}}}
spec: {spec}
status: {{phase: {phase}, podIP: 10.0.0.1}}
---
apiVersion: v1
kind: Pod
metadata: {{name: minio, namespace: prod}}
spec: {{containers: [{{name: minio, ports: [{{containerPort: 9000}}, {{containerPort: 8080}}]}}]}}"
    );
    let snapshot = snapshot(&yaml);
    let model = Model::new(&snapshot, &ScopeRequest::default());
    let observations = RULE.all(&model);
    let [observation] = observations.as_slice() else {
        panic!("one row for each group of app pods: {observations:?}");
    };
    assert_repeatable(&model, observation);
    format!(
        "{} {}: {}",
        observation.verdict.name(),
        observation.reason.code(),
        observation.message
    )
}

fn containers(containers: &[&str]) -> String {
    verdict(
        &format!("{{containers: [{}]}}", containers.join(", ")),
        "Running",
    )
}

fn runtime(environment: &str) -> String {
    containers(&[&format!("{{name: mendix, env: [{environment}]}}"), SIDECAR])
}

const PASS: &str =
    "pass value: a separate sidecar container, and the admin API listens on loopback only";

#[test]
fn separate_sidecar_and_loopback_pass() {
    assert_eq!(containers(&[RUNTIME, SIDECAR]), PASS);
    let bare = "{name: m2ee-sidecar}";
    assert_eq!(containers(&[RUNTIME, bare]), PASS, "undeclared admin ports");
    let mirrored = "{name: admin, image: 'mirror.example/a/mx-m2ee-sidecar@sha256:0'}";
    assert_eq!(containers(&[RUNTIME, mirrored]), PASS, "by image");
    let native = format!(
        "{{initContainers: [{{name: m2ee-sidecar, restartPolicy: Always}}], containers: [{RUNTIME}]}}"
    );
    assert_eq!(verdict(&native, "Running"), PASS, "a native sidecar");
    for proxy in ["istio-proxy", "linkerd-proxy"] {
        let proxy = format!("{{name: {proxy}, ports: [{{containerPort: 8080}}]}}");
        assert_eq!(containers(&[RUNTIME, SIDECAR, &proxy]), PASS, "mesh proxy");
    }
    let udp = RUNTIME.replace("8080}", "8080}, {containerPort: 8800, protocol: UDP}");
    assert_eq!(containers(&[&udp, SIDECAR]), PASS, "not an admin port");
}

#[test]
fn what_is_declared_wrongly_fails() {
    let declares = |port: u16| RUNTIME.replace("8080", &port.to_string());
    for port in [8800, 8900, 9000] {
        assert_eq!(
            containers(&[&declares(port), SIDECAR]),
            format!("fail value: container mendix declares {port}")
        );
    }
    assert_eq!(
        containers(&[RUNTIME]),
        "fail absent: no m2ee-sidecar container"
    );
    let init = format!("{{initContainers: [{SIDECAR}], containers: [{RUNTIME}]}}");
    assert_eq!(
        verdict(&init, "Running"),
        "fail absent: no m2ee-sidecar container",
        "one that ends serves nothing"
    );
    let web = "{name: web, ports: [{containerPort: 8080}]}";
    assert_eq!(
        containers(&[RUNTIME, SIDECAR, web]),
        "fail value: container web declares 8080, the app's port"
    );
    let open = RUNTIME.replace("127.0.0.1", "'127.0.0.1,0.0.0.0'");
    assert_eq!(
        containers(&[&open, SIDECAR]),
        "fail value: M2EE_ADMIN_LISTEN_ADDRESSES of container mendix is not only loopback"
    );
    assert_eq!(
        containers(&[&declares(9000).replace("127.0.0.1", "'*'")]),
        "fail value: container mendix declares 9000, M2EE_ADMIN_LISTEN_ADDRESSES of container mendix is not only \
         loopback, no m2ee-sidecar container"
    );
}

#[test]
fn what_is_not_stated_is_indeterminate() {
    let variable = |rest: &str| format!("{{name: M2EE_ADMIN_LISTEN_ADDRESSES{rest}}}");
    let table = [
        (
            String::new(),
            "absent: M2EE_ADMIN_LISTEN_ADDRESSES of container mendix is not set",
        ),
        (
            variable(", valueFrom: {fieldRef: {fieldPath: status.podIP}}"),
            "unreadable: M2EE_ADMIN_LISTEN_ADDRESSES of container mendix is set from a reference that is not read",
        ),
        (
            variable(", value: a-host"),
            "unrecognised: M2EE_ADMIN_LISTEN_ADDRESSES of container mendix is not a list of addresses",
        ),
    ];
    for (environment, expected) in table {
        assert_eq!(runtime(&environment), format!("indeterminate {expected}"));
    }
    let unnamed = "{name: web, ports: [{containerPort: 8080}]}";
    assert_eq!(
        containers(&[unnamed, SIDECAR]),
        "indeterminate absent: no runtime container",
        "any container may be the app"
    );
    assert_eq!(
        containers(&["{name: mendix}"]),
        "fail absent: no m2ee-sidecar container",
        "a failure counts more than what is not stated"
    );
}

#[test]
fn finished_pods_are_not_judged() {
    let spec = format!("{{containers: [{RUNTIME}]}}");
    assert_eq!(
        verdict(&spec, "Succeeded"),
        "not-applicable no-process: the pod has finished"
    );
}
