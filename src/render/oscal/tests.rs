//! What OSCAL documents must hold to: the published schemas, and references that lead somewhere, which no schema and no
//! validator looks at.

mod mutants;
mod references;

use serde_json::Value;

use super::*;
use crate::render::documents::{Cluster, all};
use crate::render::sample;
use crate::testing;
use references::problems;

/// The releases of OSCAL that documents must be valid in.
const SCHEMAS: [&str; 2] = [
    "oscal/oscal_complete_schema-1-1-3.json",
    "oscal/oscal_complete_schema-1-2-2.json",
];

fn written(report: &Report<'_>, model: Model) -> String {
    let options = RenderOptions {
        oscal: model,
        ..RenderOptions::default()
    };
    let mut bytes = Vec::new();
    render(report, &options, &mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

fn parsed(report: &Report<'_>, model: Model) -> Value {
    serde_json::from_str(&written(report, model)).unwrap()
}

fn models() -> [Model; 3] {
    [
        Model::AssessmentResults,
        Model::AssessmentPlan,
        Model::ComponentDefinition,
    ]
}

#[test]
fn documents_are_valid_under_the_published_schemas() {
    for name in SCHEMAS {
        let Some(schema) = testing::published(name) else {
            continue;
        };
        let validator = jsonschema::validator_for(&schema).unwrap();
        for cluster in all() {
            for model in models() {
                let document = cluster.with_report(|report| parsed(report, model));
                let errors: Vec<String> = validator
                    .iter_errors(&document)
                    .map(|error| format!("{}: {error:.300}", error.instance_path()))
                    .collect();
                assert!(
                    errors.is_empty(),
                    "{name}, {}, {model:?}: {errors:#?}",
                    cluster.name
                );
            }
        }
    }
}

#[test]
fn every_reference_leads_somewhere() {
    for cluster in all() {
        for model in models() {
            let document = cluster.with_report(|report| parsed(report, model));
            let problems = problems(&document);
            assert!(
                problems.is_empty(),
                "{}, {model:?}: {problems:#?}",
                cluster.name
            );
        }
    }
}

#[test]
fn the_plan_inside_the_results_is_the_plan() {
    let cluster = Cluster::sample();
    let results = cluster.with_report(|report| parsed(report, Model::AssessmentResults));
    let plan = cluster.with_report(|report| written(report, Model::AssessmentPlan));
    let resources = results["assessment-results"]["back-matter"]["resources"].clone();
    let embedded = resources.as_array().unwrap().iter();
    let embedded = embedded
        .filter_map(|resource| resource["base64"]["value"].as_str())
        .collect::<Vec<_>>();
    assert_eq!(embedded, [text::base64(plan.as_bytes())]);
}

#[test]
fn a_gap_is_told_and_nothing_passes_beside_it() {
    let cluster = Cluster::sample();
    let document = cluster.with_report(|report| parsed(report, Model::AssessmentResults));
    let result = &document["assessment-results"]["results"][0];
    let observations = result["observations"].as_array().unwrap();
    let gap = observations
        .iter()
        .find(|observation| observation["title"] == "Not read: ClusterRoleBinding")
        .unwrap();
    assert!(
        gap["description"]
            .as_str()
            .unwrap()
            .contains("clusterrolebindings is forbidden")
    );
    let exec = observations
        .iter()
        .find(|observation| observation["title"] == "exec-access")
        .unwrap();
    assert_eq!(value(exec, "rows-pass"), "0");
    let linked = format!("#{}", gap["uuid"].as_str().unwrap());
    assert_eq!(exec["links"][0]["href"], linked.as_str());
    for subject in exec["subjects"].as_array().unwrap() {
        assert_ne!(value(subject, "result"), "pass");
    }
    assert_eq!(value(result, "coverage-complete"), "false");
}

#[test]
fn nothing_is_called_satisfied() {
    for cluster in all() {
        let document = cluster.with_report(|report| parsed(report, Model::AssessmentResults));
        let result = &document["assessment-results"]["results"][0];
        for finding in result["findings"].as_array().unwrap() {
            assert_eq!(finding["target"]["status"]["state"], "not-satisfied");
            assert!(
                finding["description"]
                    .as_str()
                    .unwrap()
                    .ends_with("EXAMINE and INTERVIEW remain with the assessor.")
            );
        }
    }
}

#[test]
fn a_control_without_exceptions_has_no_finding() {
    let cluster = Cluster::of_rules(&["proc-mount"]);
    let (document, determined) = cluster.with_report(|report| {
        let without: Vec<String> = report
            .controls
            .iter()
            .flat_map(|control| &control.parts)
            .filter(|part| part.determination == Some(crate::report::Determination::NoExceptions))
            .map(|part| part.id.clone())
            .collect();
        (parsed(report, Model::AssessmentResults), without)
    });
    let findings = document["assessment-results"]["results"][0]["findings"].to_string();
    for part in determined {
        assert!(!findings.contains(&part), "{part}");
    }
}

#[test]
fn waived_failures_are_risks_with_an_approved_deviation() {
    let document = Cluster::waived().with_report(|report| parsed(report, Model::AssessmentResults));
    let result = &document["assessment-results"]["results"][0];
    let risks = result["risks"].as_array().unwrap();
    let accepted = risks
        .iter()
        .find(|risk| value(risk, "waiver-id") == "W-1")
        .unwrap();
    assert_eq!(accepted["status"], "deviation-approved");
    assert_eq!(value(accepted, "deviation-type"), "OR");
    assert_eq!(value(accepted, "expires"), "2026-12-31");
    assert_eq!(value(accepted, "poam-id"), "POAM-7");
    let observations = result["observations"].as_array().unwrap();
    let rule = value(accepted, "rule-id");
    let observation = observations
        .iter()
        .find(|observation| observation["title"] == rule.as_str())
        .unwrap();
    let waived = observation["subjects"].as_array().unwrap().iter();
    let waived: Vec<_> = waived
        .filter(|subject| value(subject, "waived") == "true")
        .collect();
    assert!(!waived.is_empty());
    assert!(
        waived
            .iter()
            .all(|subject| value(subject, "result") == "fail")
    );
    let findings = result["findings"].as_array().unwrap();
    assert!(
        findings.iter().any(|finding| finding["related-risks"]
            .to_string()
            .contains(accepted["uuid"].as_str().unwrap())),
        "the finding stays open"
    );
}

#[test]
fn ids_outlive_runs_and_pods() {
    let first =
        Cluster::replicated().with_report(|report| parsed(report, Model::AssessmentResults));
    let later = Cluster::restarted().with_report(|report| parsed(report, Model::AssessmentResults));
    assert_ne!(
        first["assessment-results"]["uuid"], later["assessment-results"]["uuid"],
        "documents are of their run"
    );
    let of = |document: &Value| {
        let result = &document["assessment-results"]["results"][0];
        ["observations", "findings", "risks"].map(|list| {
            let list = result[list].as_array().unwrap().iter();
            list.map(|entry| entry["uuid"].as_str().unwrap().to_owned())
                .collect::<Vec<_>>()
        })
    };
    assert_eq!(of(&first), of(&later));
    let items = |document: &Value| {
        let definitions = &document["assessment-results"]["results"][0]["local-definitions"];
        definitions["inventory-items"].clone()
    };
    assert_eq!(items(&first), items(&later));
    assert!(
        !items(&first).to_string().contains("\"Pod "),
        "pods go by what they belong to"
    );
}

#[test]
fn the_same_report_gives_the_same_bytes() {
    for model in models() {
        let once = Cluster::sample().with_report(|report| written(report, model));
        let again = Cluster::sample().with_report(|report| written(report, model));
        assert_eq!(once, again, "{model:?}");
    }
}

#[test]
fn the_evidence_is_named_with_its_digest() {
    let (document, evidence) = sample::with_report(|report| {
        let mut bytes = Vec::new();
        crate::render::evidence::render(report, &mut bytes).unwrap();
        (parsed(report, Model::AssessmentResults), bytes)
    });
    let results = &document["assessment-results"];
    let digest = crate::canonical::sha256(&evidence);
    assert_eq!(value(&results["results"][0], "evidence-sha256"), digest);
    let resource = &results["back-matter"]["resources"][0];
    assert_eq!(resource["rlinks"][0]["hashes"][0]["value"], digest.as_str());
    assert_eq!(resource["rlinks"][0]["href"], "./evidence.json");
    // Pointers into it lead to the result that they name.
    let evidence: Value = serde_json::from_slice(&evidence).unwrap();
    for observation in results["results"][0]["observations"].as_array().unwrap() {
        let listed = observation["relevant-evidence"]
            .as_array()
            .into_iter()
            .flatten();
        for entry in listed {
            let href = entry["href"].as_str().unwrap();
            let Some(pointer) = href.strip_prefix("./evidence.json#") else {
                continue;
            };
            let result = evidence.pointer(pointer).unwrap();
            let description = entry["description"].as_str().unwrap();
            assert!(
                description.contains(result["id"].as_str().unwrap()),
                "{href}"
            );
            assert_eq!(result["ruleId"], observation["title"]);
        }
    }
}

#[test]
fn targets_are_ids_of_nist() {
    let Some(nist) = testing::published("nist/sc39-and-related-controls-rev5.json") else {
        return;
    };
    let known = nist.to_string();
    let document = Cluster::sample().with_report(|report| parsed(report, Model::AssessmentResults));
    for finding in document["assessment-results"]["results"][0]["findings"]
        .as_array()
        .unwrap()
    {
        let id = finding["target"]["target-id"].as_str().unwrap();
        // The data that is kept has no enhancements.
        assert!(
            id.contains("sc-8.1") || known.contains(&format!("\"{id}\"")),
            "{id}"
        );
    }
}

/// The value of a property.
fn value(of: &Value, name: &str) -> String {
    let props = of["props"].as_array().into_iter().flatten();
    let named = props.filter(|prop| prop["name"] == name);
    let values: Vec<&str> = named.filter_map(|prop| prop["value"].as_str()).collect();
    values.first().copied().unwrap_or_default().to_owned()
}
