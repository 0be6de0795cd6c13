//! Parts for the documents of FedRAMP's Consolidated Rules for 2026: the security controls and key security indicators of a
//! Security Decision Record (SDR-CSO-FRR), and the vulnerabilities of its reports (VER-RPT-VDT, VER-RPT-AVI).
//!
//! Each part is valid by itself where its schema has it. What a provider decides (whether and how a control is
//! implemented, impact, exploitability) and what an assessor says stays empty; nothing of it is made up here.

mod vulnerabilities;

use std::io::{BufWriter, Write};

use serde::Serialize;

use super::escape::visible;
use super::oscal::text::{file_reference, markup};
use super::{EvidenceFile, RenderError, RenderOptions, oscal};
use crate::catalog::{Control, Relation};
use crate::report::{ControlReport, Counts, Determination, Report, RuleReport};
use vulnerabilities::{Accepted, Detail};

/// The key security indicators that name SC-39, with those of their controls that the built-in catalogue has.
const INDICATORS: [(&str, &[&str]); 3] = [
    ("KSI-IAM-ELP", &["ac-3", "ac-4", "ac-6", "sc-4", "sc-39"]),
    (
        "KSI-IAM-JIT",
        &["ac-3", "ac-4", "ac-6", "cm-7", "sc-2", "sc-39"],
    ),
    ("KSI-SVC-EIS", &["sc-7", "sc-39"]),
];

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Parts {
    /// Of SDR-CSO-FRR.
    security_controls: Vec<SecurityControl>,
    /// Of SDR-CSO-FRR.
    key_security_indicators: Vec<Indicator>,
    /// Of VER-RPT-VDT and VER-RPT-AVI.
    report_period: Period,
    /// Of VER-RPT-VDT.
    vulnerabilities: Vec<Detail>,
    /// Of VER-RPT-AVI.
    accepted_vulnerabilities: Vec<Accepted>,
}

/// Without a status: that is the provider's to state.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SecurityControl {
    control_id: String,
    control_implementation_description: String,
}

#[derive(Serialize)]
struct Indicator {
    #[serde(rename = "ksiId")]
    id: &'static str,
    /// The provider's.
    #[serde(rename = "ksiImplementation")]
    implementation: [String; 0],
    #[serde(rename = "ksiValidation")]
    validation: [String; 1],
    /// The assessor's.
    #[serde(rename = "ksiAssessment")]
    assessment: [String; 0],
    #[serde(rename = "ksiTests")]
    tests: Vec<&'static str>,
    #[serde(rename = "ksiEvidence")]
    evidence: Vec<Evidence>,
}

#[derive(Serialize)]
struct Evidence {
    #[serde(rename = "evidenceType")]
    kind: &'static str,
    #[serde(rename = "evidenceDescription")]
    description: String,
    #[serde(rename = "evidenceLocation", skip_serializing_if = "Option::is_none")]
    location: Option<String>,
    #[serde(rename = "evidenceText")]
    text: String,
    #[serde(rename = "lastUpdated")]
    last_updated: String,
}

#[derive(Serialize)]
struct Period {
    from: String,
    to: String,
}

pub(super) fn render(
    report: &Report<'_>,
    options: &RenderOptions,
    writer: &mut dyn Write,
) -> Result<(), RenderError> {
    let evidence = options.evidence(report)?;
    let origin = &report.snapshot.origin;
    let (from, to) = (
        oscal::moment(&origin.started_at),
        oscal::moment(&origin.finished_at),
    );
    let (vulnerabilities, accepted_vulnerabilities) = vulnerabilities::all(report);
    let parts = Parts {
        security_controls: report
            .controls
            .iter()
            .filter_map(|control| security_control(report, control, &evidence))
            .collect(),
        key_security_indicators: INDICATORS
            .into_iter()
            .filter_map(|(id, controls)| indicator(report, id, controls, &evidence))
            .collect(),
        report_period: Period { from, to },
        vulnerabilities,
        accepted_vulnerabilities,
    };
    let mut writer = BufWriter::new(writer);
    serde_json::to_writer_pretty(&mut writer, &parts)?;
    writer.write_all(b"\n")?;
    writer.flush()?;
    Ok(())
}

/// A control that some rule decides on; of others no test says anything.
fn security_control(
    report: &Report<'_>,
    of: &ControlReport,
    evidence: &EvidenceFile,
) -> Option<SecurityControl> {
    let control = report.catalog.controls.get(of.control)?;
    let rules: Vec<&RuleReport> = of
        .rules
        .iter()
        .filter(|(_, relation)| *relation == Relation::Primary)
        .filter_map(|(rule, _)| report.rules.get(*rule))
        .collect();
    if rules.is_empty() {
        return None;
    }
    let rows = of.counts.in_words();
    let outcome = match of.determination {
        Determination::Exceptions => "found exceptions",
        Determination::Undetermined => "could not determine it",
        Determination::NoExceptions => "found no exceptions",
    };
    Some(SecurityControl {
        control_id: control.label.clone(),
        control_implementation_description: format!(
            "How the control is implemented, and whether it is, remains for the provider to state. Verification by \
             automated tests (method TEST alone): {} rules {outcome}. {rows} {}{}",
            rules.len(),
            coverage(report, &rules),
            reference(evidence),
        ),
    })
}

fn indicator(
    report: &Report<'_>,
    id: &'static str,
    controls: &[&str],
    evidence: &EvidenceFile,
) -> Option<Indicator> {
    let of_indicator = |control: &&Control| controls.contains(&control.id.as_str());
    let controls: Vec<&Control> = report
        .catalog
        .controls
        .iter()
        .filter(of_indicator)
        .collect();
    let decides = |rule: &&RuleReport| {
        let id = rule.rule.id;
        rule.selected
            && controls
                .iter()
                .any(|control| control.relation_of(id) == Some(Relation::Primary))
    };
    let rules: Vec<&RuleReport> = report.rules.iter().filter(decides).collect();
    if rules.is_empty() {
        return None;
    }
    let mut counts = Counts::default();
    for rule in &rules {
        counts.merge(rule.counts);
    }
    let labels: Vec<&str> = controls
        .iter()
        .map(|control| control.label.as_str())
        .collect();
    Some(Indicator {
        id,
        implementation: [],
        validation: [format!(
            "Draft, for the provider to complete: {} rules read the configuration of the cluster for {}. {} {}They read \
             what is configured and measure no effect.",
            rules.len(),
            labels.join(", "),
            counts.in_words(),
            coverage(report, &rules),
        )],
        assessment: [],
        tests: rules.iter().map(|rule| rule.rule.id).collect(),
        evidence: proofs(report, &rules, counts, evidence),
    })
}

/// The evidence file, and what is not in it.
fn proofs(
    report: &Report<'_>,
    rules: &[&RuleReport],
    counts: Counts,
    evidence: &EvidenceFile,
) -> Vec<Evidence> {
    let date = date(report);
    let mut proofs = vec![Evidence {
        kind: "Report",
        description: format!(
            "Evidence JSON of sc39: what was read, each verdict, and the values that it rests on. SHA-256 {}.",
            evidence.sha256
        ),
        location: Some(location(evidence)),
        text: counts.in_words(),
        last_updated: date.clone(),
    }];
    proofs.extend(gaps(report, rules).map(|text| {
        Evidence {
            kind: "Log",
            description:
                "Something that was not read. What rests on it is not known, and passes nowhere."
                    .to_owned(),
            location: None,
            text,
            last_updated: date.clone(),
        }
    }));
    proofs
}

/// What of the rules' ground was not looked at; empty when all was.
fn coverage(report: &Report<'_>, rules: &[&RuleReport]) -> String {
    let left_out = rules.iter().filter(|rule| !rule.selected).count();
    // Where this goes, readers may take it for Markdown.
    let gaps: Vec<String> = gaps(report, rules).map(|text| markup(&text)).collect();
    let left_out = (left_out > 0).then(|| format!("{left_out} of the rules did not run. "));
    let gaps = (!gaps.is_empty()).then(|| format!("Not read: {}. ", gaps.join("; ")));
    left_out.into_iter().chain(gaps).collect()
}

/// What was not read and touches some of the rules.
fn gaps<'r>(report: &'r Report<'_>, rules: &[&'r RuleReport]) -> impl Iterator<Item = String> {
    let ids: Vec<&str> = rules.iter().map(|rule| rule.rule.id).collect();
    let touched = report.gaps.iter();
    touched
        .filter(move |gap| gap.rules.iter().any(|rule| ids.contains(rule)))
        .map(|gap| visible(&gap.message).into_owned())
}

fn reference(evidence: &EvidenceFile) -> String {
    format!(
        "Evidence: {} with SHA-256 {}.",
        visible(&evidence.name),
        evidence.sha256
    )
}

/// The file as a URI; whoever publishes it puts its place there.
fn location(evidence: &EvidenceFile) -> String {
    let path = file_reference(&evidence.name);
    format!("file:{}", path.trim_start_matches("./"))
}

/// The day on which the collection ended.
fn date(report: &Report<'_>) -> String {
    let finished = &report.snapshot.origin.finished_at;
    let day = finished.get(..10).unwrap_or_default();
    match crate::plan::Date::parse(day) {
        Some(date) => date.to_string(),
        None => "1970-01-01".to_owned(),
    }
}

#[cfg(test)]
mod tests;
