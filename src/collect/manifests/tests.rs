mod coverage;
mod files;
mod hostile;
mod malformed;

use std::borrow::Cow;

use super::*;
use crate::snapshot::{ReadStatus, SourceRead};

const GIVEN: ManifestOptions = ManifestOptions {
    assume_complete: false,
    mode: Mode::Manifests,
};

const COMPLETE: ManifestOptions = ManifestOptions {
    assume_complete: true,
    mode: Mode::Manifests,
};

fn input(name: &str, text: impl Into<Vec<u8>>) -> Input {
    Input::Text {
        name: name.to_owned(),
        bytes: Cow::Owned(text.into()),
    }
}

fn read_all(inputs: &[Input], options: &ManifestOptions) -> Result<Snapshot, ManifestError> {
    read(inputs, options, "2026-01-01T00:00:00Z")
}

fn snapshot(text: &str) -> Snapshot {
    read_all(&[input("a.yaml", text)], &GIVEN).unwrap()
}

fn json_snapshot(text: &str) -> Snapshot {
    read_all(&[input("a.json", text)], &GIVEN).unwrap()
}

/// The message of the error that a text ends with.
fn refusal(name: &str, text: impl Into<Vec<u8>>) -> String {
    read_all(&[input(name, text)], &GIVEN)
        .map(|_| ())
        .expect_err("must be refused")
        .to_string()
}

/// Kind, namespace and name of all objects.
fn names(snapshot: &Snapshot) -> Vec<String> {
    let name =
        |object: &Object| format!("{} {}/{}", object.kind, object.namespace(), object.name());
    snapshot.objects.iter().map(name).collect()
}

/// Kind, namespace, name, place and message of all gaps.
fn gaps(snapshot: &Snapshot) -> Vec<String> {
    let gaps = snapshot.coverage.unreadable.iter().map(|gap| {
        let namespace = gap.namespace.as_deref().unwrap_or("-");
        format!(
            "{} {namespace}/{} in {}: {}",
            gap.kind, gap.name, gap.place, gap.message
        )
    });
    gaps.collect()
}

fn source(snapshot: &Snapshot, kind: Kind) -> &SourceRead {
    let mut sources = snapshot
        .coverage
        .sources
        .iter()
        .filter(|source| source.kind == kind);
    let source = sources.next().expect("there is an entry for every kind");
    assert!(sources.next().is_none(), "there is one entry for {kind}");
    source
}

fn pod(name: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: hr}}\nspec:\n  containers:\n  - name: a\n"
    )
}

#[test]
fn documents_become_objects() {
    let text = "\
# A comment before the first document is none of its own.
---
apiVersion: v1
kind: Namespace
metadata: {name: kube-system, namespace: wrong, uid: u-1, creationTimestamp: 2026-01-01T00:00:00Z}
---
---
# only a comment
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  template:
    spec:
      containers:
      - &container {name: a, image: a:1}
      - {<<: *container, name: b}
...
--- # the same pod in two ways
apiVersion: v1
kind: Pod
metadata: {name: p, namespace: hr, labels: {on: \"yes\"}}
spec: {hostPID: yes, containers: [{name: a}]}
";
    let snapshot = snapshot(text);
    assert_eq!(
        names(&snapshot),
        [
            "Namespace /kube-system",
            "Pod hr/p",
            "Deployment default/web"
        ],
        "namespaces as the API server settles them"
    );
    assert_eq!(gaps(&snapshot), [""; 0]);
    assert_eq!(snapshot.coverage.notes, [""; 0]);
    let kept: Vec<_> = snapshot
        .objects
        .iter()
        .map(|object| serde_json::to_value(&object.projection).unwrap())
        .collect();
    assert_eq!(
        snapshot.objects[0].identity.creation_timestamp.as_deref(),
        Some("2026-01-01T00:00:00Z")
    );
    assert_eq!(kept[1]["spec"]["hostPID"], true, "as kubectl reads it");
    let containers = kept[2]["spec"]["template"]["spec"]["containers"]
        .as_array()
        .unwrap();
    let merged: Vec<_> = containers
        .iter()
        .map(|container| (&container["name"], &container["image"]))
        .collect();
    assert_eq!(
        merged,
        [(&"a".into(), &"a:1".into()), (&"b".into(), &"a:1".into())]
    );
}

#[test]
fn where_it_comes_from_is_recorded() {
    let texts = ["b.yaml", "a.yaml", "a.yaml"].map(|name| input(name, pod("p")));
    let options = ManifestOptions {
        assume_complete: true,
        mode: Mode::Demo,
    };
    let snapshot = read_all(&texts, &options).unwrap();
    let origin = &snapshot.origin;
    assert_eq!(origin.mode, Mode::Demo);
    assert_eq!(origin.files, ["a.yaml", "b.yaml"]);
    assert_eq!(origin.started_at, "2026-01-01T00:00:00Z");
    assert_eq!(origin.finished_at, origin.started_at);
    assert!(origin.assume_complete && origin.collector.starts_with("sc39 "));
    assert_eq!(origin.cluster, Cluster::default());
    let uid = "apiVersion: v1\nkind: Namespace\nmetadata: {name: kube-system, uid: u-1}\n";
    assert_eq!(
        self::snapshot(uid).origin.cluster.uid.as_deref(),
        Some("u-1")
    );
}

#[test]
fn lists_are_unpacked() {
    let typed = r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"},"spec":{"containers":[{"name":"a"}]}}"#;
    let bare = r#"{"metadata":{"name":"b"},"spec":{"containers":[{"name":"a"}]}}"#;
    let cases = [
        (
            format!(r#"{{"kind":"List","apiVersion":"v1","items":[{typed}]}}"#),
            "Pod default/a",
            "List",
        ),
        (
            format!(r#"{{"items":[{typed}],"kind":"List","apiVersion":"v1"}}"#),
            "Pod default/a",
            "its type last",
        ),
        (
            format!(r#"{{"kind":"PodList","apiVersion":"v1","items":[{bare}]}}"#),
            "Pod default/b",
            "a typed list",
        ),
        (
            format!(r#"{{"kind":"PodList","items":[{bare}],"apiVersion":"v1"}}"#),
            "Pod default/b",
            "half its type last",
        ),
        (
            format!(
                r#"{{"items":[{bare}],"apiVersion":"rbac.authorization.k8s.io/v1","kind":"RoleList"}}"#
            ),
            "Role default/b",
            "a group of its own",
        ),
        (
            format!(
                r#"{{"apiVersion":"v1","kind":"List","items":[{{"apiVersion":"v1","kind":"PodList","items":[{bare}]}}]}}"#
            ),
            "Pod default/b",
            "a list in a list",
        ),
        (
            format!(r#"{{"items":[{{"items":[{bare}],"kind":"PodList","apiVersion":"v1"}}]}}"#),
            "Pod default/b",
            "a list in a list without a type",
        ),
    ];
    for (text, expected, why) in cases {
        assert_eq!(names(&json_snapshot(&text)), [expected], "{why}");
        assert_eq!(names(&snapshot(&text)), [expected], "{why}, as YAML");
    }
    let odd = r#"{"kind":"List","apiVersion":"v1","items":[7,{"metadata":{"name":"b"}}]}"#;
    assert_eq!(
        json_snapshot(odd).coverage.notes,
        [
            "a.json, document 1, item 1: not a Kubernetes object",
            "a.json, document 1, item 2: not a Kubernetes object"
        ]
    );
}

#[test]
fn json_may_be_a_stream() {
    let text = r#" {"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"},"spec":{"containers":[{"name":"a"}]}}{"apiVersion":"v1","kind":"Pod","metadata":{"name":"b"},"spec":{"containers":[{"name":"a"}]}}
        [1] "x" null "#;
    let snapshot = json_snapshot(text);
    assert_eq!(names(&snapshot), ["Pod default/a", "Pod default/b"]);
    assert_eq!(
        snapshot.coverage.notes,
        [
            "a.json, document 3: not a Kubernetes object",
            "a.json, document 4: not a Kubernetes object"
        ]
    );
    let piped = read_all(&[input("standard input", text)], &GIVEN).unwrap();
    assert_eq!(
        names(&piped),
        names(&snapshot),
        "told by its first character"
    );
    let yaml = read_all(&[input("standard input", pod("p"))], &GIVEN).unwrap();
    assert_eq!(names(&yaml), ["Pod hr/p"]);
}

#[test]
fn what_is_not_read_leaves_no_trace_but_a_count() {
    let text = "\
{apiVersion: v1, kind: Secret, metadata: {name: s}, data: {canary: canary}}
---
{apiVersion: v1, kind: SecretList, items: [{metadata: {name: t}, data: {canary: canary}}]}
---
{apiVersion: v1, kind: PodTemplate, metadata: {name: canary}}
---
{apiVersion: serving.knative.dev/v1, kind: Service, metadata: {name: canary}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: canary}, data: {canary: canary}}
---
{replicas: canary}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: istio}, data: {canary: canary, mesh: \"rootNamespace: mesh\"}}
---
canary
";
    let snapshot = snapshot(text);
    assert_eq!(names(&snapshot), ["ConfigMap default/istio"]);
    assert_eq!(
        snapshot.coverage.notes,
        [
            "a.yaml, document 6: not a Kubernetes object",
            "a.yaml, document 8: not a Kubernetes object",
            "objects that no rule reads: 3",
        ]
    );
    assert!(!format!("{snapshot:?}").contains("canary"));
}

const UNREADABLE: &[(&str, &str)] = &[
    (
        "{apiVersion: v1, kind: Service, metadata: {name: s}, spec: {ports: canary}}",
        "Service default/s in a.yaml, document 1: spec.ports: expected a sequence",
    ),
    (
        "{apiVersion: v1, kind: Pod, metadata: {name: p, namespace: hr, labels: {version: 1.5}}}",
        "Pod hr/p in a.yaml, document 1: metadata.labels.version: expected a string",
    ),
    (
        "{apiVersion: v1, kind: Pod, metadata: {name: p, labels: {enabled: on}}}",
        "Pod default/p in a.yaml, document 1: metadata.labels.enabled: expected a string",
    ),
    (
        "{apiVersion: v1, kind: Pod, metadata: {name: p, labels: {commit: 12e4567}}}",
        "Pod default/p in a.yaml, document 1: metadata.labels.commit: expected a string",
    ),
    (
        "{apiVersion: v1, kind: Node, metadata: {name: node, labels: []}}",
        "Node -/node in a.yaml, document 1: metadata.labels: expected a map",
    ),
    (
        "{apiVersion: v1, kind: Service}",
        "Service -/ in a.yaml, document 1: there is no metadata",
    ),
    (
        "{apiVersion: v1, kind: Service, metadata: canary}",
        "Service -/ in a.yaml, document 1: there is no metadata",
    ),
    (
        "{apiVersion: v1, kind: Service, metadata: {namespace: hr}}",
        "Service hr/ in a.yaml, document 1: there is no metadata.name",
    ),
    (
        "{apiVersion: v1, kind: Service, metadata: {generateName: s-}}",
        "Service default/ in a.yaml, document 1: there is no metadata.name",
    ),
    (
        "{apiVersion: v1, kind: Service, metadata: {name: [canary]}}",
        "Service default/ in a.yaml, document 1: metadata.name: expected a name",
    ),
    (
        "{apiVersion: v1, kind: Service, metadata: {name: \"a/b\", namespace: hr}}",
        "Service hr/ in a.yaml, document 1: metadata.name: expected a name",
    ),
    (
        "{apiVersion: v1, kind: Service, metadata: {name: s, namespace: 7}}",
        "Service -/s in a.yaml, document 1: metadata.namespace: expected a name",
    ),
    (
        "{apiVersion: extensions/v1beta1, kind: Ingress, metadata: {name: i, namespace: hr}}",
        "Ingress hr/i in a.yaml, document 1: API version \"extensions/v1beta1\" is not read",
    ),
    (
        "{apiVersion: batch/v1beta1, kind: CronJob, metadata: {name: c}}",
        "CronJob default/c in a.yaml, document 1: API version \"batch/v1beta1\" is not read",
    ),
    (
        "{apiVersion: v2, kind: Namespace, metadata: {name: hr}}",
        "Namespace -/hr in a.yaml, document 1: API version \"v2\" is not read",
    ),
];

#[test]
fn objects_that_cannot_be_read_become_gaps() {
    for (text, expected) in UNREADABLE {
        let snapshot = snapshot(text);
        let gaps = gaps(&snapshot);
        assert_eq!(gaps.last().map(String::as_str), Some(*expected), "{text}");
        assert_eq!(names(&snapshot), [""; 0], "{text}");
        let kind = snapshot.coverage.unreadable.last().unwrap().kind;
        assert_eq!(
            (
                source(&snapshot, kind).status,
                source(&snapshot, kind).count
            ),
            (ReadStatus::Read, 1),
            "{text}"
        );
    }
}

#[test]
fn a_template_that_cannot_be_read_is_a_gap_in_pods_too() {
    let text = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: d, namespace: hr}, spec: {template: canary}}";
    assert_eq!(
        gaps(&snapshot(text)),
        [
            "Pod hr/ in a.yaml, document 1: template of Deployment d: spec.template: expected struct PodTemplate",
            "Deployment hr/d in a.yaml, document 1: spec.template: expected struct PodTemplate",
        ]
    );
}

#[test]
fn kinds_are_told_apart_by_group() {
    let text = "\
{apiVersion: authorization.openshift.io/v1, kind: Role, metadata: {name: r}}
---
{apiVersion: extensions/v1beta1, kind: Pod, metadata: {name: p}}
---
{apiVersion: build.openshift.io/v1, kind: Job, metadata: {name: j}}
";
    let snapshot = snapshot(text);
    assert_eq!(
        (names(&snapshot), gaps(&snapshot)),
        (Vec::new(), Vec::new())
    );
    assert_eq!(snapshot.coverage.notes, ["objects that no rule reads: 3"]);
}

#[test]
fn pods_may_have_generated_names() {
    let pod = |label: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{generateName: web-, labels: {{a: {label}}}}}\nspec: {{containers: [{{name: a}}]}}\n---\n"
        )
    };
    let same = snapshot(&(pod("one") + &pod("one")));
    assert_eq!(
        (names(&same), gaps(&same)),
        (vec!["Pod default/web-".to_owned()], Vec::new())
    );
    let other = snapshot(&(pod("one") + &pod("two")));
    assert_eq!(names(&other), ["Pod default/web-"]);
    assert_eq!(
        gaps(&other),
        ["Pod default/web- in a.yaml, document 2: another pod has the same metadata.generateName"]
    );
}

#[test]
fn an_object_counts_once() {
    let twice = [
        input("a.yaml", pod("p")),
        input(
            "b.json",
            r#"{"kind":"Pod","apiVersion":"v1","metadata":{"namespace":"hr","name":"p"},"spec":{"containers":[{"name":"a"}]}}"#,
        ),
    ];
    let snapshot = read_all(&twice, &GIVEN).unwrap();
    assert_eq!(
        (names(&snapshot), source(&snapshot, Kind::Pod).count),
        (vec!["Pod hr/p".to_owned()], 1)
    );
    let policy = |version: &str| {
        format!(
            "apiVersion: security.istio.io/{version}\nkind: PeerAuthentication\nmetadata: {{name: a, namespace: hr}}\n"
        )
    };
    let versions = [
        input("a.yaml", policy("v1beta1")),
        input("b.yaml", policy("v1")),
    ];
    let snapshot = read_all(&versions, &GIVEN).unwrap();
    assert_eq!(names(&snapshot), ["PeerAuthentication hr/a"]);
    assert_eq!(&*snapshot.objects[0].version, "v1");
    let cases = [
        (pod("p").replace('}', ", labels: {a: b}}"), "another label"),
        (
            pod("p").replace('}', ", annotations: {note: b}}"),
            "a field that is not kept",
        ),
        (pod("p").replace('}', ", uid: u}"), "another uid"),
    ];
    for (text, why) in cases {
        let inputs = [
            input("a.yaml", pod("p")),
            input("b.yaml", format!("---\n---\n{text}")),
        ];
        assert_eq!(
            read_all(&inputs, &GIVEN)
                .map(|_| ())
                .unwrap_err()
                .to_string(),
            "Pod hr/p is there twice with different content: in a.yaml, document 1 and in b.yaml, document 2",
            "{why}"
        );
    }
    let bare = "{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: [{name: a}]}}";
    let default = "{apiVersion: v1, kind: Pod, metadata: {name: p, namespace: default}, spec: {containers: [{name: a}]}}";
    let list = format!(
        "{{apiVersion: v1, kind: PodList, items: [{{metadata: {{name: p}}, spec: {{containers: [{{name: a}}]}}}}, {default}]}}"
    );
    let snapshot = self::snapshot(&[bare, default, &list].join("\n---\n"));
    assert_eq!(
        names(&snapshot),
        ["Pod default/p"],
        "settled before it is compared"
    );
}
