//! What the parts must hold to: the schemas of the documents that they go into, and that nothing is said for others.

use serde_json::{Value, json};

use super::*;
use crate::catalog::Catalog;
use crate::render::documents::{Cluster, all};
use crate::rules::RULES;
use crate::testing;

fn parsed(report: &Report<'_>) -> Value {
    let mut bytes = Vec::new();
    render(report, &RenderOptions::default(), &mut bytes).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

/// A published schema with the definitions that it refers to inside. Its references lack the `#` of a fragment, so that
/// no validator can follow them as they are.
fn schema(name: &str) -> Option<jsonschema::Validator> {
    const COMMON: &str = "fedramp-common-definitions-schema-2026-06-24.json";
    let mut schema = testing::published(&format!("fedramp/fedramp-{name}-schema-2026-06-24.json"))?;
    let common = testing::published(&format!("fedramp/{COMMON}"))?;
    let prefix = format!("https://fedramp.gov/schemas/{COMMON}/$defs/");
    let text = schema.to_string().replace(&prefix, "#/$defs/");
    schema = serde_json::from_str(&text).ok()?;
    for (name, definition) in common["$defs"].as_object().into_iter().flatten() {
        schema["$defs"][name] = definition.clone();
    }
    let options = jsonschema::options().should_validate_formats(true);
    options.build(&schema).ok()
}

fn valid(schema: &str, cluster: &str, document: &Value) {
    let Some(validator) = self::schema(schema) else {
        let there = testing::published(&format!("fedramp/fedramp-{schema}-schema-2026-06-24.json"));
        assert!(there.is_none(), "{schema} is there, and can't be used");
        return;
    };
    let errors: Vec<String> = validator
        .iter_errors(document)
        .map(|error| format!("{}: {error:.300}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{schema}, {cluster}: {errors:#?}");
}

#[test]
fn each_part_is_valid_where_it_goes() {
    let overview = "https://example.com/certification-package-overview.json";
    for cluster in all() {
        let parts = cluster.with_report(parsed);
        let record = json!({
            "certificationPackageOverviewUri": overview, "fedRampRequirements": [],
            "securityControls": parts["securityControls"],
            "keySecurityIndicators": parts["keySecurityIndicators"],
        });
        valid("security-decision-record", cluster.name, &record);
        let details = json!({
            "certificationPackageOverviewUri": overview, "reportPeriod": parts["reportPeriod"],
            "vulnerabilities": parts["vulnerabilities"],
        });
        valid("vulnerability-detail-report", cluster.name, &details);
        let accepted = json!({
            "certificationPackageOverviewUri": overview, "reportPeriod": parts["reportPeriod"],
            "acceptedVulnerabilities": parts["acceptedVulnerabilities"],
        });
        valid("accepted-vulnerability-info", cluster.name, &accepted);
    }
}

#[test]
fn nothing_is_said_for_provider_and_assessor() {
    for cluster in all() {
        let parts = cluster.with_report(parsed);
        for control in parts["securityControls"].as_array().unwrap() {
            assert!(control.get("controlImplementationStatus").is_none());
            assert!(control.get("parameterValues").is_none());
        }
        for indicator in parts["keySecurityIndicators"].as_array().unwrap() {
            assert_eq!(indicator["ksiImplementation"], json!([]));
            assert_eq!(indicator["ksiAssessment"], json!([]));
            assert!(indicator.get("ksiImplementationStatus").is_none());
        }
        for detail in parts["vulnerabilities"].as_array().unwrap() {
            for member in [
                "currentRating",
                "isInternetReachable",
                "isLikelyExploitable",
                "finalDisposition",
            ] {
                assert!(detail.get(member).is_none(), "{member}");
            }
        }
    }
}

#[test]
fn a_gap_is_told_in_every_part_that_it_touches() {
    let parts = Cluster::sample().with_report(parsed);
    let controls = parts["securityControls"].as_array().unwrap().iter();
    let told = controls
        .filter_map(|control| control["controlImplementationDescription"].as_str())
        .filter(|text| text.contains("clusterrolebindings is forbidden"));
    assert!(told.count() > 0);
    for indicator in parts["keySecurityIndicators"].as_array().unwrap() {
        let tests = indicator["ksiTests"].to_string();
        let told = indicator["ksiEvidence"].to_string();
        assert_eq!(
            tests.contains("exec-access"),
            told.contains("clusterrolebindings is forbidden"),
            "{indicator}"
        );
    }
}

#[test]
fn waived_failures_are_accepted_ones() {
    let parts = Cluster::waived().with_report(parsed);
    let accepted = parts["acceptedVulnerabilities"].as_array().unwrap();
    let rationale = accepted
        .iter()
        .filter_map(|entry| entry["acceptanceRationale"].as_str())
        .find(|text| text.contains("W-1"))
        .unwrap();
    assert!(rationale.contains("until 2026-12-31"), "{rationale}");
    assert!(rationale.contains("POAM-7"), "{rationale}");
    let open = parts["vulnerabilities"].as_array().unwrap();
    for entry in accepted {
        let id = &entry["vulnerabilityDetail"]["providerTrackingId"];
        assert!(
            open.iter()
                .all(|detail| &detail["providerTrackingId"] != id)
        );
    }
}

#[test]
fn indicators_are_those_that_name_the_control() {
    let Some(rules) = testing::published("fedramp/fedramp-consolidated-rules-2026.07.14.01.json")
    else {
        return;
    };
    let ids: Vec<&str> = RULES.iter().map(|rule| rule.id).collect();
    let catalog = Catalog::builtin(&ids).unwrap();
    let mut found = Vec::new();
    for theme in rules["KSI"].as_object().unwrap().values() {
        for (id, indicator) in theme["indicators"].as_object().into_iter().flatten() {
            let named: Vec<&str> = indicator["controls"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .filter(|id| catalog.controls.iter().any(|control| control.id == *id))
                .collect();
            if named.contains(&"sc-39") {
                found.push((id.as_str(), named));
            }
        }
    }
    let expected: Vec<(&str, Vec<&str>)> = INDICATORS
        .iter()
        .map(|(id, controls)| (*id, controls.to_vec()))
        .collect();
    assert_eq!(found, expected);
}
