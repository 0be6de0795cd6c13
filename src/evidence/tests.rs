//! Files that are no evidence, and what is said of them.

use serde_json::{Value, json};

use super::*;
use crate::kind::Kind;
use crate::render::{Format, RenderOptions, render, sample};

fn document() -> Value {
    let mut bytes = Vec::new();
    sample::with_report(|report| {
        render(Format::Json, report, &RenderOptions::default(), &mut bytes).unwrap();
    });
    serde_json::from_slice(&bytes).unwrap()
}

fn error(text: &str) -> String {
    let read = Evidence::parse("e.json", text);
    read.map_or_else(|error| error.to_string(), |_| "none".to_owned())
}

#[test]
fn coverage_names_kinds_as_snapshots_do() {
    for kind in Kind::ALL {
        assert_eq!(json!(kind), json!(kind.label()));
    }
}

#[test]
fn the_sample_is_read_back() {
    let evidence = Evidence::parse("e.json", &document().to_string()).unwrap();
    assert_eq!(evidence.snapshot, sample::snapshot());
}

#[test]
fn integers_beyond_the_canonical_ones_are_read_back() {
    let mut document = document();
    let projections = document["projections"].as_array_mut().unwrap();
    let place = projections
        .iter()
        .position(|projection| projection["value"]["spec"]["containers"].is_array());
    let context = json!({"runAsUser": "9007199254740993"});
    projections[place.unwrap()]["value"]["spec"]["containers"][0]["securityContext"] = context;
    assert_eq!(error(&document.to_string()), "none");
    let context = json!({"runAsUser": "1000"});
    document["projections"][place.unwrap()]["value"]["spec"]["containers"][0]["securityContext"] =
        context;
    assert!(error(&document.to_string()).contains("not a Pod: invalid type: string \"1000\""));
}

/// A pointer, what is put there, and what is said of that.
const WRONG: &[(&str, &str, &str)] = &[
    (
        "/kind",
        "\"SC39Snapshot\"",
        "the file is no evidence: its kind is \"SC39Snapshot\"",
    ),
    ("/$schema", "\"urn:x\"", "its form is $schema \"urn:x\""),
    (
        "/schemaVersion",
        "\"1.1.0\"",
        "its form is schemaVersion \"1.1.0\", and this binary reads \"1.0\"",
    ),
    (
        "/schemaVersion",
        "\"2.0.0\"",
        "its form is schemaVersion \"2.0.0\"",
    ),
    ("/objects", "{}", "/objects: invalid type: map"),
    (
        "/objects/0/projection",
        "100000",
        "/projections/100000: an object points here, and there is none",
    ),
    (
        "/objects/0/projection",
        "-1",
        "/objects/0/projection: invalid value",
    ),
    (
        "/objects/0/kind",
        "\"Secret\"",
        "/objects/0/kind: unknown kind v1 Secret",
    ),
    (
        "/objects/0/perPod",
        "{}",
        "/objects/0/perPod: Pods have this member",
    ),
    ("/projections/0/value", "[]", "/projections/0/value: not a "),
    (
        "/run/mode",
        "\"dream\"",
        "/run/mode: unknown variant `dream`",
    ),
    ("/run", "[]", "/run: invalid type: sequence"),
    (
        "/coverage/sources/0/status",
        "\"fine\"",
        "/coverage/sources/0/status: unknown variant `fine`",
    ),
    (
        "/coverage/sources/0/kind",
        "\"Secret\"",
        "/coverage/sources/0/kind: unknown variant `Secret`",
    ),
    (
        "/boundary/namespaces/basis",
        "\"some\"",
        "/boundary/namespaces/basis: unknown basis \"some\"",
    ),
    (
        "/boundary/selector",
        "\"a in (\"",
        "/boundary/selector: missing ')'",
    ),
    (
        "/summary/gate/failOn",
        "\"never\"",
        "/summary/gate/failOn: no such severity",
    ),
    (
        "/catalogue/source",
        "\"moon\"",
        "/catalogue/source: expected builtin or directory",
    ),
    (
        "/plan",
        "{\"document\": {\"tier\": {}}}",
        "e.json: plan:1: tier: unknown key",
    ),
    (
        "/waiverFile",
        "{\"document\": {\"waivers\": [{}]}}",
        "e.json: waiverFile:1: waivers[0]: missing field",
    ),
];

#[test]
fn what_is_wrong_is_named_by_its_pointer() {
    for (pointer, value, expected) in WRONG {
        let mut document = document();
        let value: Value = serde_json::from_str(value).unwrap();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        match document.pointer_mut(parent).unwrap() {
            Value::Array(list) => list[name.parse::<usize>().unwrap()] = value,
            Value::Object(members) => {
                members.insert(name.to_owned(), value);
            }
            other => panic!("{other} has no members"),
        }
        let found = error(&document.to_string());
        assert!(found.starts_with(expected), "{pointer}: {found}");
    }
}

#[test]
fn every_member_that_is_read_must_be_there() {
    let whole = document();
    for name in whole.as_object().unwrap().keys() {
        let mut document = whole.clone();
        document.as_object_mut().unwrap().remove(name);
        let derived = [
            "controls",
            "frameworks",
            "integrity",
            "manualEvidence",
            "redaction",
            "results",
            "waivers",
        ];
        let expected = if derived.contains(&name.as_str()) {
            "none".to_owned()
        } else {
            format!("/{name}: the member is missing")
        };
        assert_eq!(error(&document.to_string()), expected);
    }
}

#[test]
fn hostile_texts_are_refused() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let text = document().to_string();
    let deep_member = text.replacen('{', &format!("{{\"a\":{deep},"), 1);
    let deep_plan = text.replacen('{', &format!("{{\"plan\":{{\"document\":{deep}}},"), 1);
    let table = [
        ("", "the file is no evidence: EOF"),
        ("[]", "the file is no evidence: invalid type: sequence"),
        ("{\"kind\":1}", "/kind: invalid type: integer"),
        (
            "{\"kind\":\"SC39Evidence\",\"kind\":\"x\"}",
            "the file is no evidence: the member \"kind\" stands there twice",
        ),
        (&text[..text.len() / 2], "the file is no evidence: EOF"),
        (&deep, "the file is no evidence"),
        (&deep_plan, "/plan/document/0/0/0"),
    ];
    for (text, expected) in table {
        let found = error(text);
        assert!(found.starts_with(expected), "{found}");
    }
    // What nobody knows is left alone here, and found when the document is compared.
    assert_eq!(error(&deep_member), "none");
}

#[test]
fn files_are_read_under_bounds() {
    let read = |bytes: &[u8]| read(bytes).map_err(|error| error.to_string());
    assert_eq!(read(b"{}").unwrap(), "{}");
    assert_eq!(
        read(b"{\xff").unwrap_err(),
        "the file is no text: byte 1 is not UTF-8"
    );
}
