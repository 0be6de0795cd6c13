//! What `OpenReports` must hold to: the schema of their definitions, and counts that fit their entries.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::*;
use crate::render::documents::{Cluster, all};
use crate::render::sample;
use crate::testing;

fn written(report: &Report<'_>) -> String {
    let mut bytes = Vec::new();
    render(report, &mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

fn parsed(report: &Report<'_>) -> Vec<Value> {
    serde_saphyr::from_multiple(&written(report)).unwrap()
}

/// The schema in a published definition, with members that it does not name an error.
fn schema(name: &str) -> Option<jsonschema::Validator> {
    fn close(schema: &mut Value) {
        match schema {
            Value::Object(map) => {
                map.values_mut().for_each(close);
                // Formats of Kubernetes are no formats of JSON Schema, and metadata is described elsewhere.
                if map.contains_key("properties") && map.get("type") == Some(&json!("object")) {
                    map.insert("additionalProperties".to_owned(), json!(false));
                }
            }
            Value::Array(list) => list.iter_mut().for_each(close),
            _ => {}
        }
    }
    let definition = testing::published(name)?;
    let mut schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"].clone();
    close(&mut schema);
    Some(jsonschema::validator_for(&schema).unwrap())
}

#[test]
fn reports_are_valid_under_the_published_definitions() {
    let schemas = [
        ("Report", "openreports/openreports.io_reports.yaml"),
        (
            "ClusterReport",
            "openreports/openreports.io_clusterreports.yaml",
        ),
    ];
    for (kind, name) in schemas {
        let Some(schema) = schema(name) else {
            continue;
        };
        for cluster in all() {
            let documents = cluster.with_report(parsed);
            let of_kind = documents.iter().filter(|document| document["kind"] == kind);
            for document in of_kind {
                let errors: Vec<String> = schema
                    .iter_errors(document)
                    .map(|error| format!("{}: {error:.300}", error.instance_path()))
                    .collect();
                assert!(errors.is_empty(), "{}: {errors:#?}", cluster.name);
            }
        }
    }
}

#[test]
fn counts_are_those_of_the_entries() {
    for cluster in all() {
        for document in cluster.with_report(parsed) {
            let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
            for entry in document["results"].as_array().unwrap() {
                *counts.entry(entry["result"].as_str().unwrap()).or_default() += 1;
            }
            for (result, count) in document["summary"].as_object().unwrap() {
                let counted = counts.get(result.as_str()).copied().unwrap_or_default();
                assert_eq!(count.as_u64(), Some(counted), "{}: {result}", cluster.name);
            }
        }
    }
}

#[test]
fn a_gap_is_told_and_nothing_passes_beside_it() {
    let documents = sample::with_report(parsed);
    let cluster = &documents[0];
    assert_eq!(cluster["kind"], "ClusterReport");
    let entries: Vec<&Value> = documents
        .iter()
        .flat_map(|document| document["results"].as_array().unwrap())
        .collect();
    let gap = entries.iter().find(|entry| {
        entry["policy"] == "coverage" && entry["properties"]["kind"] == "ClusterRoleBinding"
    });
    let gap = gap.unwrap();
    assert_eq!(gap["result"], "error");
    assert!(gap["message"].as_str().unwrap().contains("is forbidden"));
    let affected = entries
        .iter()
        .filter(|entry| entry["policy"] == "exec-access");
    assert!(affected.clone().count() > 0);
    for entry in affected {
        assert_ne!(entry["result"], "pass");
    }
}

#[test]
fn waived_failures_are_skipped_by_name() {
    let documents = Cluster::waived().with_report(parsed);
    let waived: Vec<&Value> = documents
        .iter()
        .flat_map(|document| document["results"].as_array().unwrap())
        .filter(|entry| entry["properties"]["waiver"] == "W-1")
        .collect();
    assert!(!waived.is_empty());
    for entry in waived {
        assert_eq!(entry["result"], "skip");
        assert_eq!(entry["properties"]["verdict"], "waived");
    }
}

#[test]
fn no_report_outgrows_an_object() {
    let text = sample::with_report(|report| {
        let mut bytes = Vec::new();
        let mut part = Part::new(report, "shop");
        for _ in 0..1500 {
            let mut entry = of_gap(report, &report.gaps[0]);
            entry.message = "x".repeat(1000);
            part.add(&entry, &mut bytes).unwrap();
        }
        part.end(&mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    });
    let documents: Vec<&str> = text.split("---\n").skip(1).collect();
    assert!(documents.len() > 1);
    assert!(documents.iter().all(|document| document.len() < 1_100_000));
    let names: Vec<String> = serde_saphyr::from_multiple::<Value>(&text)
        .unwrap()
        .iter()
        .map(|document| document["metadata"]["name"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(names[..2], ["sc39", "sc39-2"]);
}

#[test]
fn every_row_is_counted_once() {
    sample::with_report(|report| {
        let documents = parsed(report);
        let rows: u64 = documents
            .iter()
            .flat_map(|document| document["results"].as_array().unwrap())
            .filter_map(|entry| entry["properties"]["rows"].as_str()?.parse::<u64>().ok())
            .sum();
        let expected: u64 = report.rules.iter().map(|rule| rule.counts.total()).sum();
        assert_eq!(rows, expected);
    });
}
