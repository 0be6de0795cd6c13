//! The program, its rules, and the controls that they are bound to.

use serde::Serialize;
use serde_json::{Value, json};

use super::results::level;
use super::{counts, cut, notifications, text};
use crate::report::{Report, RuleReport};
use crate::rules::Severity;

/// GitHub takes no more of a description.
const DESCRIPTION: usize = 1_000;
/// GitHub takes twenty tags of a rule and shows ten.
const TAGS: usize = 10;

#[derive(Serialize)]
pub(super) struct Tool {
    driver: Value,
}

impl Tool {
    pub(super) fn new(report: &Report<'_>) -> Self {
        let selected = report.rules.iter().filter(|rule| rule.selected);
        let rules: Vec<Value> = selected.map(|of| rule(report, of)).collect();
        let notifications = notifications::DESCRIPTORS
            .map(|(id, words)| json!({ "id": id, "shortDescription": { "text": words } }));
        let version = env!("CARGO_PKG_VERSION");
        let driver = json!({
            "name": env!("CARGO_PKG_NAME"),
            "version": version,
            "semanticVersion": version,
            "fullName": format!("{} {version}", env!("CARGO_PKG_NAME")),
            "shortDescription": { "text": env!("CARGO_PKG_DESCRIPTION") },
            "rules": rules,
            "notifications": notifications,
            "supportedTaxonomies": [{ "name": taxonomy_name(report), "index": 0 }],
        });
        Self { driver }
    }
}

fn rule(report: &Report<'_>, of: &RuleReport) -> Value {
    let rule = of.rule;
    let tags = ["security"]
        .into_iter()
        .chain(of.controls.iter().map(String::as_str));
    let relationships: Vec<Value> = of
        .controls
        .iter()
        .filter_map(|label| {
            let controls = &report.catalog.controls;
            let index = controls
                .iter()
                .position(|control| control.label == *label)?;
            let component = json!({ "name": taxonomy_name(report), "index": 0 });
            let target = json!({ "id": label, "index": index, "toolComponent": component });
            Some(json!({ "target": target, "kinds": ["relevant"] }))
        })
        .collect();
    let mut value = json!({
        "id": rule.id,
        "name": pascal_case(rule.id),
        "shortDescription": { "text": text(rule.title) },
        "fullDescription": { "text": text(&cut(&opening(rule.docs), DESCRIPTION)) },
        "help": {
            "text": format!("What it checks, why it matters and how to mend it: sc39 explain {}", rule.id),
            "markdown": rule.docs,
        },
        "defaultConfiguration": { "level": level(rule.severity) },
        "properties": {
            "tags": tags.take(TAGS).collect::<Vec<_>>(),
            "precision": "very-high",
            "security-severity": score(rule.severity),
            "rows": counts(of.counts),
            "ruleVersion": rule.version,
        },
    });
    if !relationships.is_empty() {
        value["relationships"] = json!(relationships);
    }
    value
}

/// The controls, as SARIF lists what rules are held against.
pub(super) fn taxonomy(report: &Report<'_>) -> Value {
    let taxa = report.catalog.controls.iter().map(|control| {
        json!({
            "id": control.label,
            "shortDescription": { "text": text(&control.title) },
            "fullDescription": { "text": text(&control.statement) },
        })
    });
    let mut taxonomy = json!({
        "name": taxonomy_name(report),
        "shortDescription": { "text": text(&report.catalog.title) },
        "taxa": taxa.collect::<Vec<_>>(),
    });
    let framework = report.catalog.frameworks.first();
    if let Some(revision) = framework.and_then(|framework| framework.revision.as_ref()) {
        taxonomy["version"] = json!(revision);
    }
    taxonomy
}

fn taxonomy_name<'r>(report: &'r Report<'_>) -> &'r str {
    let framework = report.catalog.frameworks.first();
    framework.map_or(report.catalog.id.as_str(), |framework| {
        framework.name.as_str()
    })
}

/// The first paragraph of a page, under its heading.
fn opening(page: &str) -> String {
    let lines = page.lines().skip_while(|line| {
        let line = line.trim();
        line.is_empty() || line.starts_with('#')
    });
    let paragraph: Vec<&str> = lines.take_while(|line| !line.trim().is_empty()).collect();
    paragraph.join(" ")
}

/// Where GitHub's words for severities begin: critical above 9.0, high from 7.0, medium from 4.0, low above 0.
const fn score(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "9.5",
        Severity::High => "8.0",
        Severity::Medium => "5.5",
        Severity::Low => "3.0",
        Severity::Info => "0.0",
    }
}

/// `host-namespaces` as `HostNamespaces`.
fn pascal_case(id: &str) -> String {
    let words = id.split('-').map(|word| {
        let mut letters = word.chars();
        let first = letters.next().map(|letter| letter.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    });
    words.collect()
}
