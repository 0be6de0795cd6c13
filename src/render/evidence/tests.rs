//! What an evidence file must hold to.

use clap::ValueEnum as _;
use serde_json::{Value, json};

use super::*;
use crate::canonical;
use crate::kind::Kind;
use crate::plan::Plan;
use crate::render::{Format, RenderOptions, sample};
use crate::report::Report;
use crate::snapshot::ReadStatus;
use crate::testing;
use crate::waivers::Waivers;

fn written(report: &Report<'_>) -> String {
    let mut bytes = Vec::new();
    render(report, &mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

fn parsed(report: &Report<'_>) -> Value {
    serde_json::from_str(&written(report)).unwrap()
}

fn without(mut document: Value, members: &[&str]) -> Value {
    let map = document.as_object_mut().unwrap();
    for member in members {
        map.remove(*member).unwrap();
    }
    document
}

/// Holds documents against the schema, with every member that it does not name an error: so none goes undescribed.
fn strict_schema() -> jsonschema::Validator {
    fn close(schema: &mut Value) {
        match schema {
            Value::Object(map) => {
                map.values_mut().for_each(close);
                if map.contains_key("properties") {
                    map.insert("additionalProperties".to_owned(), json!(false));
                }
            }
            Value::Array(list) => list.iter_mut().for_each(close),
            _ => {}
        }
    }
    let mut schema: Value = serde_json::from_str(&schema()).unwrap();
    close(&mut schema);
    jsonschema::validator_for(&schema).unwrap()
}

#[test]
fn the_file_is_canonical_and_carries_its_digest() {
    let text = sample::with_report(written);
    let document: Value = serde_json::from_str(&text).unwrap();
    let bytes = canonical::to_bytes(&without(document.clone(), &["integrity"])).unwrap();
    let digest = format!("sha256:{}", canonical::sha256(&bytes));
    assert_eq!(document["integrity"], json!({ "contentDigest": digest }));
    let (head, tail) = text.split_once(",\"integrity\":").unwrap();
    assert_eq!(format!("{head}}}"), String::from_utf8(bytes).unwrap());
    assert_eq!(tail, format!("{{\"contentDigest\":\"{digest}\"}}}}\n"));
}

#[test]
fn the_schema_describes_the_file() {
    let schema = strict_schema();
    let snapshots = [
        sample::snapshot(),
        testing::snapshot(""),
        testing::without(sample::snapshot(), Kind::Pod, ReadStatus::Truncated),
        testing::without(sample::snapshot(), Kind::Namespace, ReadStatus::Timeout),
    ];
    for snapshot in &snapshots {
        let document = parsed(&sample::report(snapshot));
        let errors: Vec<String> = schema
            .iter_errors(&document)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{errors:#?}");
    }
    let unsealed = without(sample::with_report(parsed), &["integrity"]);
    assert!(!schema.is_valid(&unsealed), "integrity is required");
}

#[test]
fn plan_and_waivers_are_in_the_file_whole() {
    let snapshot = sample::snapshot();
    let plan = Plan::parse(
        "plan.yaml",
        "{system: {name: Shop, fedrampId: FR1}, tiers: {shop-prod: acceptance}, excludedNamespaces: [{name: shop-test, reason: not ours}]}",
    );
    let plan = plan.unwrap();
    let waivers = Waivers::parse(
        "waivers.yaml",
        "waivers: [{id: W-1, rule: host-namespaces, type: VD, justification: j, approver: a, approvedOn: 2025-12-01, \
         expires: 2026-01-01, poam: V-1, selector: {namespace: shop-prod, kind: Pod, labels: {a: b}, container: c, port: 53/UDP}}, \
         {id: W-2, rule: host-namespaces, type: OR, justification: j, approver: a, approvedOn: 2025-12-01, \
         expires: 2026-01-01, selector: {name: orders-master-5d8f-ddddd}}]",
        &["host-namespaces"],
    );
    let waivers = waivers.unwrap();
    let document = parsed(&sample::report_with(&snapshot, &plan, &waivers));
    let errors: Vec<String> = strict_schema()
        .iter_errors(&document)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{errors:#?}");
    let digest = canonical::sha256(&canonical::to_bytes(&document["plan"]["document"]).unwrap());
    assert_eq!(
        document["plan"]["digest"],
        json!(format!("sha256:{digest}"))
    );
    assert_eq!(document["boundary"]["systemName"], json!("Shop"));
    let excluded = json!([{"name": "shop-test", "reason": "not ours"}]);
    assert_eq!(document["boundary"]["namespaces"]["excluded"], excluded);
    let statuses: Vec<&Value> = document["waivers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|waiver| &waiver["status"])
        .collect();
    assert_eq!(statuses, [&json!("unmatched"), &json!("applied")]);
    let waived = document["results"].as_array().unwrap().iter();
    let waived: Vec<&Value> = waived
        .filter(|result| result["waiverId"] == json!("W-2"))
        .collect();
    assert_eq!(waived.len(), 1);
    assert_eq!(waived[0]["effectiveVerdict"], json!("waived"));
    assert_eq!(waived[0]["verdict"], json!("fail"));
    assert_eq!(document["waivers"][1]["results"], json!([waived[0]["id"]]));
    let planned = document["results"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|result| result["reads"].as_array().unwrap());
    let planned: Vec<&Value> = planned
        .filter(|read| read["object"] == json!("plan"))
        .collect();
    assert!(!planned.is_empty());
    for read in planned {
        let pointer = read["pointer"].as_str().unwrap();
        assert_eq!(
            document["plan"]["document"].pointer(pointer),
            Some(&read["value"])
        );
    }
}

#[test]
fn every_member_is_described() {
    fn undescribed(schema: &Value, path: &str, found: &mut Vec<String>) {
        if let Some(properties) = schema["properties"].as_object() {
            for (name, property) in properties {
                if property["description"].is_null() && property["$ref"].is_null() {
                    found.push(format!("{path}/{name}"));
                }
            }
        }
        if let Some(map) = schema.as_object() {
            for (name, inner) in map {
                undescribed(inner, &format!("{path}/{name}"), found);
            }
        }
    }
    let mut found = Vec::new();
    undescribed(&serde_json::from_str(&schema()).unwrap(), "", &mut found);
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn the_schema_in_docs_is_that_of_the_program() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/schema/evidence-v1.json");
    let schema = schema();
    if option_env!("UPDATE").is_some() {
        std::fs::write(path, &schema).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        kept == schema,
        "docs/schema/evidence-v1.json differs: run `UPDATE=1 cargo test --lib render::evidence` to update it"
    );
}

#[test]
fn a_run_at_another_time_differs_in_run_and_integrity_alone() {
    let snapshot = sample::snapshot();
    let first = parsed(&sample::report(&snapshot));
    let mut report = sample::report(&snapshot);
    report.run.assessed_at = "2027-01-01T00:00:00Z".to_owned();
    report.run.command = vec!["sc39".to_owned(), "scan".to_owned(), "--from".to_owned()];
    let second = parsed(&report);
    assert_ne!(first["integrity"], second["integrity"]);
    assert_ne!(first["run"], second["run"]);
    let members = ["run", "integrity"];
    assert_eq!(without(first, &members), without(second, &members));
}

#[test]
fn every_pointer_leads_to_the_value_that_was_read() {
    let document = sample::with_report(parsed);
    let mut looked_up = 0;
    for result in document["results"].as_array().unwrap() {
        for read in result["reads"].as_array().unwrap() {
            let indexes = match &read["object"] {
                Value::String(_) => result["subjects"].as_array().unwrap().clone(),
                index => vec![index.clone()],
            };
            for index in indexes.iter().filter_map(Value::as_u64) {
                let object = whole(&document, index);
                let pointer = read["pointer"].as_str().unwrap();
                let found = object.pointer(pointer);
                assert_eq!(found.is_some(), read["present"], "{pointer} of {object}");
                assert_eq!(found, read.get("value"), "{pointer} of {object}");
                looked_up += 1;
            }
        }
    }
    assert!(looked_up > 50, "{looked_up}");
}

/// An object with its projection, laid over by what differs between replicas, and with its identity.
fn whole(document: &Value, index: u64) -> Value {
    fn lay_over(base: &mut Value, over: &Value) {
        match (base, over) {
            (Value::Object(base), Value::Object(over)) => {
                for (key, value) in over {
                    lay_over(base.entry(key).or_insert(Value::Null), value);
                }
            }
            (base, over) => *base = over.clone(),
        }
    }
    let object = &document["objects"][usize::try_from(index).unwrap()];
    let projection = usize::try_from(object["projection"].as_u64().unwrap()).unwrap();
    let mut whole = document["projections"][projection]["value"].clone();
    if let Some(over) = object.get("perPod") {
        lay_over(&mut whole, over);
    }
    whole["metadata"]["name"] = object["name"].clone();
    whole
}

#[test]
fn projections_are_unique_and_under_their_digests() {
    let document = sample::with_report(parsed);
    let projections = document["projections"].as_array().unwrap();
    let digests: Vec<&str> = projections
        .iter()
        .map(|projection| projection["digest"].as_str().unwrap())
        .collect();
    assert!(digests.is_sorted_by(|left, right| left < right));
    for projection in projections {
        let bytes = canonical::to_bytes(&projection["value"]).unwrap();
        let digest = format!("sha256:{}", canonical::sha256(&bytes));
        assert_eq!(projection["digest"], json!(digest));
    }
    let objects = document["objects"].as_array().unwrap();
    assert!(projections.len() < objects.len(), "replicas share theirs");
}

#[test]
fn what_was_not_read_is_a_gap_and_never_a_pass() {
    let document = sample::with_report(parsed);
    let coverage = &document["coverage"];
    assert_eq!(coverage["complete"], json!(false));
    let gap = &coverage["gaps"][0];
    assert_eq!(gap["kind"], "ClusterRoleBinding");
    assert_eq!(gap["reason"], "forbidden");
    assert_eq!(gap["effect"], "indeterminate");
    let touched: Vec<&Value> = document["results"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|result| result["ruleId"] == "single-operator")
        .collect();
    assert!(!touched.is_empty());
    for result in touched {
        assert_eq!(result["verdict"], "indeterminate");
        assert_eq!(result["reasonCode"], "forbidden");
    }
}

#[test]
fn the_sample_as_evidence() {
    let document = sample::with_report(parsed);
    let results = document["results"].as_array().unwrap();
    let results = results.iter().filter(|result| {
        result["ruleId"] == "host-namespaces" || result["ruleId"] == "single-operator"
    });
    // Without what changes whenever a rule or a word of the catalogue does.
    let shown = json!({
        "boundary": document["boundary"],
        "cluster": document["cluster"],
        "gaps": document["coverage"]["gaps"][0]["reason"],
        "objects": document["objects"],
        "projections": document["projections"],
        "results": results.collect::<Vec<_>>(),
        "gate": document["summary"]["gate"]["exitCode"],
    });
    insta::assert_snapshot!(format!("{shown:#}"));
}

/// `cargo test --release --lib figures -- --ignored --nocapture`
#[test]
#[ignore = "prints times and sizes, asserts nothing"]
fn figures() {
    let snapshot = sample::large(20_000, 10);
    let report = sample::report(&snapshot);
    let results = report.rules.iter().flat_map(|rule| &rule.results);
    let rows: usize = results.map(|result| result.subjects.len()).sum();
    let results: usize = report.rules.iter().map(|rule| rule.results.len()).sum();
    println!(
        "{} objects, {results} results, {rows} rows",
        snapshot.objects.len()
    );
    for format in Format::value_variants() {
        let started = std::time::Instant::now();
        let mut bytes = Vec::new();
        crate::render::render(*format, &report, &RenderOptions::default(), &mut bytes).unwrap();
        println!(
            "{format:?}: {:?}, {} MB",
            started.elapsed(),
            bytes.len() / 1_000_000
        );
    }
    let options = RenderOptions {
        verbose: true,
        ..RenderOptions::default()
    };
    let started = std::time::Instant::now();
    let mut bytes = Vec::new();
    crate::render::render(Format::Table, &report, &options, &mut bytes).unwrap();
    println!(
        "verbose table: {:?}, {} MB",
        started.elapsed(),
        bytes.len() / 1_000_000
    );
    let document: Value = serde_json::from_str(&written(&report)).unwrap();
    for (member, value) in document.as_object().unwrap() {
        println!("{member}: {} kB", value.to_string().len() / 1000);
    }
    println!(
        "{}",
        document["objects"]
            .as_array()
            .unwrap()
            .iter()
            .find(|object| object["kind"] == "Pod")
            .unwrap()
    );
}
