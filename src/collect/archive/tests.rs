use std::io::{Cursor, Write as _};

use serde_json::{Value, json};

use super::*;
use crate::kind::Kind;
use crate::projection;
use crate::snapshot::{
    Cluster, Coverage, Interner, Mode, Object, Operator, Origin, ReadStatus, Snapshot, SourceRead,
    Unreadable, Verb,
};

fn origin() -> Origin {
    Origin {
        mode: Mode::Live,
        started_at: "2026-01-01T00:00:00Z".to_owned(),
        finished_at: "2026-01-01T00:00:09Z".to_owned(),
        cluster: Cluster {
            uid: Some("u-1".to_owned()),
            git_version: Some("v1.36.0".to_owned()),
            ..Cluster::default()
        },
        operator: Some(Operator {
            username: "auditor".to_owned(),
            uid: None,
            groups: vec!["system:authenticated".to_owned()],
        }),
        clock_difference_ms: Some(-12),
        files: Vec::new(),
        assume_complete: false,
        collector: "sc39 0.1.0".to_owned(),
    }
}

fn coverage() -> Coverage {
    Coverage {
        sources: vec![SourceRead {
            kind: Kind::Pod,
            version: Some("v1".to_owned()),
            verb: Verb::List,
            namespace: None,
            name: None,
            status: ReadStatus::Truncated,
            http_status: Some(410),
            count: 500,
            pages: 1,
            resource_version: Some("77".to_owned()),
            started_at: Some("2026-01-01T00:00:01Z".to_owned()),
            finished_at: None,
            message: Some("the continue token expired twice".to_owned()),
        }],
        unreadable: vec![Unreadable {
            kind: Kind::Service,
            namespace: Some("hr".to_owned()),
            name: String::new(),
            place: "page 3".to_owned(),
            message: "spec.ports: expected a list".to_owned(),
        }],
        notes: vec!["the clock is off".to_owned()],
    }
}

/// What the API may say of an object of this kind, as far as projections go.
fn body(kind: Kind) -> Value {
    let pod = json!({
        "hostPID": true, "nodeName": "n1", "hostname": "h",
        "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
        "initContainers": [{"name": "istio-init", "args": ["-b", "*", "-d", "15090"]}],
        "containers": [{"name": "mendix", "image": "r/app:1", "ports": [{"containerPort": 8080}],
            "env": [{"name": "M2EE_ADMIN_PORT", "value": "9000"}, {"name": "M2EE_ADMIN_PASS", "value": "canary"}],
            "resources": {"limits": {"cpu": 2, "memory": 9_007_199_254_740_993_u64}, "requests": {"cpu": 0.5}}}],
        "ephemeralContainers": [{"name": "debug", "targetContainerName": "mendix"}],
    });
    let template = json!({"metadata": {"labels": {"app": "a"}}, "spec": pod});
    match kind {
        Kind::Pod => json!({"spec": pod, "status": {"phase": "Running", "podIP": "10.0.0.1",
            "conditions": [{"type": "Ready", "status": "True"}]}}),
        Kind::CronJob => json!({"spec": {"jobTemplate": {"spec": {"template": template}}}}),
        kind if Kind::WORKLOADS.contains(&kind) => {
            json!({"spec": {"replicas": 2, "template": template}})
        }
        Kind::ConfigMap => json!({"data": {"mesh": "rootNamespace: mesh\n", "canary": "canary"}}),
        Kind::MutatingWebhookConfiguration => {
            json!({"webhooks": [{"name": "w", "clientConfig": {"url": "https://canary"}}]})
        }
        Kind::Node => {
            json!({"status": {"nodeInfo": {"containerRuntimeVersion": "containerd://2.1"}}})
        }
        Kind::MendixApp => json!({"spec": {"runtime": {"dtapMode": "P",
            "customConfiguration": "{\"DTAPMode\": \"D\", \"key\": \"canary\"}"}}}),
        Kind::OperatorConfiguration => json!({"spec": {"managed": ["hr", "it"]}}),
        Kind::Service => {
            json!({"spec": {"ports": [{"port": 80, "targetPort": "http"}], "selector": {"a": "b"}}})
        }
        Kind::PeerAuthentication => json!({"spec": {"mtls": {"mode": "STRICT"}, "selector": {}}}),
        _ => json!({}),
    }
}

fn object(interner: &mut Interner, kind: Kind, name: &str) -> Object {
    let mut value = body(kind);
    let mut metadata = json!({"name": name, "uid": format!("u-{name}"), "labels": {"a": "b", "pod-template-hash": name},
        "annotations": {"sidecar.istio.io/inject": "true", "note": "canary"},
        "ownerReferences": [{"kind": "ReplicaSet", "name": "a", "uid": "o", "controller": true}]});
    if kind.api().namespaced {
        metadata["namespace"] = json!("hr");
    }
    value["metadata"] = metadata;
    interner.object(
        kind,
        kind.api().versions[0],
        projection::decode_value(kind, value).unwrap(),
    )
}

/// One object of each kind, and two replicas more of the pod.
fn snapshot() -> Snapshot {
    let mut interner = Interner::default();
    let mut objects: Vec<_> = Kind::ALL
        .iter()
        .map(|kind| object(&mut interner, *kind, "x"))
        .collect();
    objects.extend(["y", "z"].map(|name| object(&mut interner, Kind::Pod, name)));
    let mut coverage = coverage();
    let pods = coverage.sources[0].clone();
    let others = Kind::ALL.iter().filter(|kind| **kind != Kind::Pod);
    coverage.sources.extend(others.map(|kind| SourceRead {
        kind: *kind,
        status: ReadStatus::Read,
        count: 1,
        ..pods.clone()
    }));
    Snapshot::new(origin(), coverage, objects)
}

#[test]
fn versions_that_no_kind_has_are_refused() {
    let mut snapshot = snapshot();
    let role = |object: &&mut Object| object.kind == Kind::Role;
    snapshot.objects.iter_mut().find(role).unwrap().version = "v0".into();
    let error = read(packed(&snapshot).as_slice()).unwrap_err();
    let expected = "a Role has no version \"v0\"";
    assert!(error.to_string().contains(expected), "{error}");
}

#[test]
fn objects_that_were_taken_out_are_missed() {
    let mut less = snapshot();
    less.objects.retain(|object| object.kind != Kind::Role);
    let mut more = snapshot();
    let source = |source: &&mut SourceRead| source.kind == Kind::Role;
    more.coverage.sources.iter_mut().find(source).unwrap().count = 0;
    let cases = [
        (less, "Role: 1 were received, and the file holds 0"),
        (more, "Role: 0 were received, and the file holds 1"),
    ];
    for (snapshot, expected) in cases {
        let error = read(packed(&snapshot).as_slice()).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
}

fn packed(snapshot: &Snapshot) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(snapshot, &mut bytes).unwrap();
    bytes
}

fn json_of(bytes: &[u8]) -> Value {
    serde_json::from_slice(&zstd::decode_all(bytes).unwrap()).unwrap()
}

fn pack(text: &[u8]) -> Vec<u8> {
    zstd::encode_all(text, 1).unwrap()
}

fn message(bytes: &[u8]) -> String {
    let error = read(bytes).expect_err("must be refused");
    let source = std::error::Error::source(&error).map(|source| format!(": {source}"));
    format!("{error}{}", source.unwrap_or_default())
}

#[test]
fn what_is_read_back_is_what_was_written() {
    let before = snapshot();
    let bytes = packed(&before);
    assert!(sniff(&bytes));
    let after = read(&bytes[..]).unwrap();
    assert_eq!(after, before);
    assert_eq!(packed(&after), bytes, "and is written the same again");
    let shared = |snapshot: &Snapshot| {
        let pods: Vec<_> = snapshot
            .of_kind(Kind::Pod)
            .map(|(_, pod)| pod.projection.clone())
            .collect();
        pods.windows(2)
            .all(|pair| std::sync::Arc::ptr_eq(&pair[0], &pair[1]))
    };
    assert!(
        shared(&before) && shared(&after),
        "replicas share their projection"
    );
}

#[test]
fn nothing_but_projections_is_kept() {
    let text = zstd::decode_all(&packed(&snapshot())[..]).unwrap();
    assert!(!String::from_utf8(text).unwrap().contains("canary"));
}

#[test]
fn equal_snapshots_give_equal_bytes_however_they_are_shared() {
    let shared = snapshot();
    let mut single = shared.clone();
    for object in &mut single.objects {
        object.projection = std::sync::Arc::new(object.projection.as_ref().clone());
    }
    assert_eq!(packed(&single), packed(&shared));
}

#[test]
fn every_projection_stands_there_once() {
    let file = json_of(&packed(&snapshot()));
    let projections = file["projections"].as_array().unwrap();
    let mut kinds: Vec<_> = projections
        .iter()
        .map(|entry| entry["kind"].as_str().unwrap())
        .collect();
    assert_eq!(
        kinds.len(),
        Kind::ALL.len() - 17,
        "workloads, routes, policies, roles and bindings share theirs: {kinds:?}"
    );
    kinds.dedup();
    assert_eq!(kinds.len(), projections.len());
}

#[test]
fn an_empty_snapshot_is_one_too() {
    let empty = Snapshot::new(origin(), Coverage::default(), Vec::new());
    assert_eq!(read(&packed(&empty)[..]).unwrap(), empty);
}

#[test]
fn a_file_that_was_cut_off_gives_nothing() {
    let bytes = packed(&snapshot());
    for length in [0, 1, 4, 20, bytes.len() / 2, bytes.len() - 1] {
        assert!(read(&bytes[..length]).is_err(), "{length} bytes");
    }
    let text = zstd::decode_all(&bytes[..]).unwrap();
    assert_eq!(
        message(&pack(&text[..text.len() - 2])),
        "the snapshot is incomplete: the file ends too early"
    );
}

#[test]
fn a_file_with_a_flipped_bit_gives_nothing() {
    let bytes = packed(&snapshot());
    for place in (0..bytes.len()).step_by(17) {
        let mut damaged = bytes.clone();
        damaged[place] ^= 0x10;
        assert!(read(&damaged[..]).is_err(), "byte {place}");
    }
}

/// The file's text; `Value` sorts its keys, so the members are put back in their order.
fn text(file: &Value) -> String {
    let members = [
        "kind",
        "schemaVersion",
        "origin",
        "coverage",
        "projections",
        "objects",
    ];
    let members = members.map(|name| format!("{name:?}:{}", file[name]));
    format!("{{{}}}", members.join(","))
}

/// A way to spoil a file.
type Change = fn(&mut Value);

const CHANGES: &[(Change, &str)] = &[
    (
        |file| file["kind"] = json!("SC39Evidence"),
        "not a snapshot: its kind is \"SC39Evidence\"",
    ),
    (
        |file| file["schemaVersion"] = json!("1.1.0"),
        "unable to read a snapshot of schema version \"1.1.0\"",
    ),
    (
        |file| file["schemaVersion"] = json!("2.0.0"),
        "unable to read a snapshot of schema version \"2.0.0\"",
    ),
    (
        |file| file["objects"][0]["kind"] = json!("Widget"),
        "unknown kind \"Widget\"",
    ),
    (
        |file| file["projections"][0]["kind"] = json!("Widget"),
        "unknown kind \"Widget\"",
    ),
    (
        |file| file["objects"][0]["projection"] = json!(999),
        "entry 0: there is no projection 999",
    ),
    (
        |file| file["objects"][0]["projection"] = json!(-1),
        "the snapshot is damaged",
    ),
    (
        |file| file["objects"][0]["projection"] = json!(3),
        "a ConfigMap has no such projection",
    ),
    (
        |file| file["objects"][0]["perPod"] = json!({}),
        "a ConfigMap has the wrong members",
    ),
    (
        |file| file["objects"][0]["extra"] = json!({}),
        "unknown field `extra`",
    ),
    (
        |file| file["projections"][0]["value"]["metadata"]["labels"]["a"] = json!("c"),
        "entry 0: the digest of the ConfigMap does not match",
    ),
    (
        |file| file["projections"][0]["value"]["metadata"]["name"] = json!(["x"]),
        "entry 0: ConfigMap does not decode",
    ),
    (
        |file| {
            file["origin"].as_object_mut().unwrap().remove("mode");
        },
        "missing field `mode`",
    ),
];

#[test]
fn files_with_other_content_are_refused_with_the_reason() {
    let whole = json_of(&packed(&snapshot()));
    assert!(read(&pack(text(&whole).as_bytes())[..]).is_ok());
    for (change, expected) in CHANGES {
        let mut file = whole.clone();
        change(&mut file);
        let message = message(&pack(text(&file).as_bytes()));
        assert!(message.contains(expected), "{expected}: {message}");
    }
}

#[test]
fn files_with_other_members_are_refused_with_the_reason() {
    let whole = json_of(&packed(&snapshot()));
    let others: [(&str, &str); 6] = [
        ("{}", "member \"kind\" is not in its place"),
        ("[]", "invalid type: sequence, expected a snapshot"),
        (
            r#"{"schemaVersion":"1.0.0","kind":"SC39Snapshot"}"#,
            "member \"kind\" is not in its place",
        ),
        (
            &text(&whole).replacen("{\"kind\"", "{\"extra\":1,\"kind\"", 1),
            "member \"kind\" is not in its place",
        ),
        (
            &format!("{},\"more\":1}}", text(&whole).strip_suffix('}').unwrap()),
            "unknown member \"more\"",
        ),
        (&format!("{} {{}}", text(&whole)), "trailing characters"),
    ];
    for (text, expected) in others {
        let message = message(&pack(text.as_bytes()));
        assert!(message.contains(expected), "{expected}: {message}");
    }
    assert!(message(b"apiVersion: v1\n").starts_with("failed to read the snapshot"));
}

#[test]
fn deep_nesting_ends_with_an_error() {
    let text = zstd::decode_all(&packed(&snapshot())[..]).unwrap();
    let text = String::from_utf8(text).unwrap();
    let value = text.find("\"value\":").unwrap() + "\"value\":".len();
    let message = message(&pack(
        format!("{}{}", &text[..value], "[".repeat(1_000_000)).as_bytes(),
    ));
    assert!(message.contains("recursion limit"), "{message}");
}

#[test]
fn a_small_file_cannot_unpack_to_a_huge_one() {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.write_all(br#"{"kind":""#).unwrap();
    for _ in 0..66 {
        encoder.write_all(&vec![b'x'; 1 << 20]).unwrap();
    }
    let bytes = encoder.finish().unwrap();
    assert!(bytes.len() < 1 << 20);
    assert!(message(&bytes).contains("too large"));
}

#[test]
fn a_reader_may_give_a_byte_at_a_time() {
    struct Slow(Cursor<Vec<u8>>);
    impl io::Read for Slow {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let end = buffer.len().min(1);
            self.0.read(&mut buffer[..end])
        }
    }
    let before = snapshot();
    assert_eq!(read(Slow(Cursor::new(packed(&before)))).unwrap(), before);
}
