//! What an API server would refuse is a gap, and never reads like a field that is not there.

use super::*;

/// The one gap of a document that stands alone.
fn gap(document: &str) -> String {
    let snapshot = snapshot(document);
    assert_eq!(names(&snapshot), [""; 0], "{document}");
    gaps(&snapshot)
        .pop()
        .unwrap_or_else(|| panic!("no gap: {document}"))
}

fn pod_gap(spec: &str) -> String {
    let document = format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: p}}\nspec: {spec}\n");
    let gap = gap(&document);
    let (place, message) = gap.split_once(": ").unwrap();
    assert_eq!(place, "Pod default/p in a.yaml, document 1");
    message.to_owned()
}

#[test]
fn no_list_is_read_as_a_struct() {
    let table = [
        ("[]", "spec: expected struct PodSpec"),
        (
            "{containers: [{name: a}], securityContext: []}",
            "spec.securityContext: expected struct SecurityContext",
        ),
        (
            "{containers: [{name: a, securityContext: [false]}]}",
            "spec.containers[0].securityContext: expected struct SecurityContext",
        ),
        (
            "{containers: [[a]]}",
            "spec.containers[0]: expected struct ContainerWire",
        ),
        (
            "{containers: [{name: a, ports: [[8080]]}]}",
            "spec.containers[0].ports[0]: expected struct ContainerPort",
        ),
        (
            "{containers: [{name: a, resources: [{cpu: 1}]}]}",
            "spec.containers[0].resources: expected struct Resources",
        ),
        (
            "{containers: [{name: a, env: [[M2EE_ADMIN_PASS]]}]}",
            "spec.containers[0].env[0]: expected struct Variable",
        ),
        (
            "{containers: [{name: a}], os: [windows]}",
            "spec.os: expected struct PodOs",
        ),
    ];
    for (spec, expected) in table {
        assert_eq!(pod_gap(spec), expected, "{spec}");
    }
}

#[test]
fn what_the_api_refuses_in_a_pod_is_a_gap() {
    let table = [
        ("null", "a spec that is not there"),
        ("{containers: {name: a}}", "an object for a list"),
        ("{containers: [null]}", "nothing for an object"),
        (
            "{hostPID: \"true\", containers: [{name: a}]}",
            "text for a flag",
        ),
        (
            "{hostNetwork: 1, containers: [{name: a}]}",
            "a number for a flag",
        ),
        (
            "{initContainers: [{name: i, restartPolicy: always}], containers: [{name: a}]}",
            "a word in the wrong case: whether the container stays is not known",
        ),
        (
            "{os: {name: Windows}, containers: [{name: a}]}",
            "no operating system of the API",
        ),
        (
            "{containers: [{name: a, ports: [{containerPort: \"8900\"}]}]}",
            "text for a number",
        ),
        ("{containers: [{name: a, ports: [{}]}]}", "no port at all"),
        (
            "{containers: [{name: a, ports: [{containerPort: 0}]}]}",
            "no port",
        ),
        (
            "{containers: [{name: a, ports: [{containerPort: 8900.0}]}]}",
            "a fraction",
        ),
        (
            "{containers: [{name: a, ports: [{containerPort: 99999999999999999999999}]}]}",
            "beyond all numbers",
        ),
        (
            "{containers: [{name: a, ports: [{containerPort: 8900, protocol: tcp}]}]}",
            "a protocol in the wrong case",
        ),
        (
            "{containers: [{name: a, env: {M2EE_ADMIN_LISTEN_ADDRESSES: 127.0.0.1}}]}",
            "variables as only evidence writes them",
        ),
        (
            "{containers: [{name: istio-init, args: {-b: \"*\"}}]}",
            "flags as only evidence writes them",
        ),
    ];
    for (spec, why) in table {
        let message = pod_gap(spec);
        let tells = message.contains("expected") || message.contains("missing field");
        assert!(tells, "{why}: {message}");
    }
}

#[test]
fn what_the_api_refuses_in_other_kinds_is_a_gap() {
    let table = [
        (
            "{apiVersion: v1, kind: Service, metadata: {name: s}, spec: {type: nodePort, ports: [{port: 80}]}}",
            "spec.type: expected a type of Service",
        ),
        (
            "{apiVersion: v1, kind: Service, metadata: {name: s}, spec: {ports: [{port: 80, targetPort: 8900.5}]}}",
            "spec.ports[0].targetPort: expected a port number or name",
        ),
        (
            "{apiVersion: v1, kind: Service, metadata: {name: s}, spec: {ports: [{port: 80, targetPort: 4294976196}]}}",
            "spec.ports[0].targetPort: expected a port number or name",
        ),
        (
            "{apiVersion: v1, kind: Service, metadata: {name: s}, spec: {ports: [{port: 80, protocol: Tcp}]}}",
            "spec.ports[0].protocol: expected TCP, UDP or SCTP",
        ),
        (
            "{apiVersion: security.istio.io/v1, kind: PeerAuthentication, metadata: {name: p}, spec: {mtls: [STRICT]}}",
            "spec.mtls: expected struct MutualTls",
        ),
        (
            "{apiVersion: v1, kind: ConfigMap, metadata: {name: istio}, data: {mesh: {rootNamespace: elsewhere}}}",
            "data.mesh: expected a text",
        ),
        (
            "{apiVersion: v1, kind: Namespace, metadata: [hr]}",
            "there is no metadata",
        ),
        (
            "{apiVersion: v1, kind: pod, metadata: {name: p}}",
            "kind: expected Pod",
        ),
        (
            "{kind: Deployment, metadata: {name: p}}",
            "there is no apiVersion",
        ),
        (
            "{apiVersion: v1, kind: PodList, items: {a: {}}}",
            "items: expected a list",
        ),
        (
            "{apiVersion: v1, kind: PodList, items: [p]}",
            "there is no metadata",
        ),
    ];
    for (document, expected) in table {
        let gap = gap(document);
        let (_, message) = gap.split_once("document 1").unwrap();
        let message = message
            .trim_start_matches(", item 1")
            .trim_start_matches(": ");
        assert_eq!(message, expected, "{document}");
    }
}

#[test]
fn an_empty_word_and_nothing_are_what_the_api_fills_in() {
    let text = "
apiVersion: v1
kind: Pod
metadata: {name: p, labels: null}
spec:
  hostPID: null
  securityContext: null
  initContainers: null
  containers:
  - {name: a, securityContext: null, resources: null, ports: [{containerPort: 8900, protocol: \"\"}]}
---
apiVersion: v1
kind: Service
metadata: {name: s}
spec: {type: \"\", ports: [{port: 80, targetPort: 8900.0, protocol: null}]}
---
apiVersion: v1
kind: Node
metadata: {name: node-a}
status: null
";
    let snapshot = snapshot(text);
    assert_eq!(gaps(&snapshot), [""; 0]);
    let written = serde_json::to_string(
        &snapshot
            .objects
            .iter()
            .map(|object| object.projection.as_ref())
            .collect::<Vec<_>>(),
    )
    .unwrap();
    assert!(written.contains(r#""targetPort":8900"#), "{written}");
    assert!(!written.contains("protocol"), "{written}");
    assert!(!written.contains("type"), "{written}");
}

#[test]
fn settings_that_have_a_kind_are_no_object() {
    let snapshot = snapshot("kind: DaemonSet\nmetadata: {labels: {a: b}}\n");
    assert_eq!(gaps(&snapshot), [""; 0]);
    assert_eq!(
        snapshot.coverage.notes,
        ["a.yaml, document 1: not a Kubernetes object"]
    );
    assert!(
        refusal("a.yaml", "apiVersion: v1\nkind: List\nitems: {a: {}}\n")
            .contains("the items of a List are no list")
    );
}
