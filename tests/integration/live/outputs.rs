//! What scans of a live cluster write is what the published schemas, and a real API server, take.

use std::fs;

use serde_json::{Value, json};

use super::{auditor, install, repository};
use crate::formats::scan_as_everything;
use crate::servers::{Cluster, Options, private};

#[test]
fn documents_are_valid_with_everything_read_and_with_gaps() {
    let Some(cluster) = private(Options {
        controllers: false,
        api_server_flags: &[],
    }) else {
        return;
    };
    install(&cluster);
    let whole = cluster.kubeconfig("admin");
    let parts = auditor(
        &cluster,
        "parts",
        &["peerauthentications", "networkpolicies"],
    );
    let reports = published("openreports/openreports.io_reports.yaml");
    let definitions = published("openreports/openreports.io_clusterreports.yaml");
    for definition in reports.iter().chain(&definitions) {
        cluster.apply(definition);
    }
    for (kubeconfig, has_gaps) in [(whole, false), (parts.kubeconfig, true)] {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let kubeconfig = kubeconfig.to_str().expect("paths of tests are UTF-8");
        let outputs = scan_as_everything(folder.path(), &["--kubeconfig", kubeconfig]);
        assert_eq!(outputs["markdown"].contains("forbidden"), has_gaps);
        for (format, schema) in [
            ("sarif", "sarif/sarif-2.1.0.json"),
            ("oscal", "oscal/oscal_complete_schema-1-1-3.json"),
            ("oscal", "oscal/oscal_complete_schema-1-2-2.json"),
        ] {
            valid(schema, &document(&outputs[format]));
        }
        security_decision_record(&document(&outputs["sdr"]));
        if reports.is_some() {
            taken_by_the_server(&cluster, &outputs["openreports"]);
        }
    }
}

fn document(text: &str) -> Value {
    serde_json::from_str(text).expect("it is JSON")
}

/// A published schema; `None` beside a checkout that lacks it, and says so.
#[expect(clippy::print_stdout, reason = "a test that is left out says so")]
fn published(name: &str) -> Option<String> {
    let path = repository("../shared/schemas").join(name);
    let text = fs::read_to_string(&path).ok();
    if text.is_none() {
        println!("left out: {} is not there", path.display());
    }
    text
}

fn valid(schema: &str, document: &Value) {
    let Some(text) = published(schema) else {
        return;
    };
    let validator = jsonschema::validator_for(&self::document(&text)).expect("it is a schema");
    none_of(schema, &validator, document);
}

fn none_of(schema: &str, validator: &jsonschema::Validator, document: &Value) {
    let errors: Vec<String> = validator
        .iter_errors(document)
        .map(|error| format!("{}: {error:.300}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{schema}: {errors:#?}");
}

/// The parts in the record that they go into. References between FedRAMP's schemas lack the `#` of a fragment.
fn security_decision_record(parts: &Value) {
    const COMMON: &str = "fedramp-common-definitions-schema-2026-06-24.json";
    const RECORD: &str = "fedramp/fedramp-security-decision-record-schema-2026-06-24.json";
    let (Some(record), Some(common)) = (published(RECORD), published(&format!("fedramp/{COMMON}")))
    else {
        return;
    };
    let prefix = format!("https://fedramp.gov/schemas/{COMMON}/$defs/");
    let mut schema = document(&record.replace(&prefix, "#/$defs/"));
    for (name, definition) in document(&common)["$defs"].as_object().into_iter().flatten() {
        schema["$defs"][name] = definition.clone();
    }
    let validator = jsonschema::validator_for(&schema).expect("it is a schema");
    let record = json!({
        "certificationPackageOverviewUri": "https://example.com/certification-package-overview.json",
        "fedRampRequirements": [],
        "securityControls": parts["securityControls"],
        "keySecurityIndicators": parts["keySecurityIndicators"],
    });
    none_of(RECORD, &validator, &record);
}

/// The server validates by the definitions that were installed; what it does not know it would prune.
fn taken_by_the_server(cluster: &Cluster, reports: &str) {
    cluster.apply(reports);
}
