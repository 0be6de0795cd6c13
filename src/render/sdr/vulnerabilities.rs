//! Failures as vulnerabilities: one for each rule, and one for each waiver that holds. To FedRAMP gaps in controls are
//! vulnerabilities, too.

use serde::Serialize;

use crate::render::escape::visible;
use crate::render::oscal;
use crate::report::{Counts, Effective, Report, RuleReport, RuleResult, WaiverReport};

/// How many subjects are named; the evidence has all of them.
const NAMED: usize = 20;

/// Ratings, reachability and exploitability are for people to judge, and left out.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Detail {
    provider_tracking_id: String,
    detection: Detection,
    vulnerability_description: String,
    supplementary_risk_information: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Detection {
    detected_at: String,
    detection_source: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Accepted {
    vulnerability_detail: Detail,
    acceptance_rationale: String,
}

/// Those that nobody accepted, and those that somebody did.
pub(super) fn all(report: &Report<'_>) -> (Vec<Detail>, Vec<Accepted>) {
    let rules = || report.rules.iter();
    let open = rules()
        .filter(|rule| rule.counts.fail > 0)
        .map(|rule| Detail::new(report, rule, None));
    let accepted = rules().flat_map(|rule| {
        let waivers = report.waivers.iter();
        waivers
            .filter(move |of| of.waived > 0 && of.waiver.rule == rule.rule.id)
            .map(move |waiver| Accepted::new(report, rule, waiver))
    });
    (open.collect(), accepted.collect())
}

impl Detail {
    fn new(report: &Report<'_>, rule: &RuleReport, waiver: Option<&WaiverReport>) -> Self {
        let failed: Vec<&RuleResult> = rule
            .results
            .iter()
            .filter(|result| match waiver {
                Some(waiver) => result.waiver == Some(waiver.index),
                None => result.effective == Effective::Fail,
            })
            .collect();
        let mut counts = Counts::default();
        for result in &failed {
            counts.add(result.effective, result.subjects.len() as u64);
        }
        let gravest = failed.iter().map(|result| result.severity).max();
        let tool = &report.run.tool;
        Self {
            provider_tracking_id: oscal::risk_id(
                report,
                rule.rule.id,
                waiver.map(|waiver| waiver.waiver.id.as_str()),
            ),
            detection: Detection {
                detected_at: oscal::moment(&report.snapshot.origin.finished_at),
                detection_source: format!(
                    "{} {}, rule {} version {}",
                    visible(&tool.name),
                    visible(&tool.version),
                    rule.rule.id,
                    rule.rule.version
                ),
            },
            vulnerability_description: format!(
                "What should hold and does not: {}. {} {}",
                rule.rule.title,
                counts.in_words(),
                subjects(report, &failed)
            ),
            supplementary_risk_information: format!(
                "Controls: {}. Severity of the rule's result: {}.",
                rule.controls.join(", "),
                gravest.unwrap_or(rule.rule.severity).name()
            ),
        }
    }
}

/// Whom it is about, pods by what they belong to.
fn subjects(report: &Report<'_>, results: &[&RuleResult]) -> String {
    let mut names: Vec<String> = results
        .iter()
        .flat_map(|result| report.units_of(result))
        .map(|unit| visible(&unit.to_string()).into_owned())
        .collect();
    names.dedup();
    let more = names.len().saturating_sub(NAMED);
    names.truncate(NAMED);
    let listed = names.join("; ");
    match more {
        0 => format!("Affected: {listed}."),
        more => format!("Affected: {listed}; and {more} more, which the evidence names."),
    }
}

impl Accepted {
    fn new(report: &Report<'_>, rule: &RuleReport, waiver: &WaiverReport) -> Self {
        let of = &waiver.waiver;
        let poam = of
            .poam
            .as_deref()
            .map(|poam| format!(", POA&M {}", visible(poam)));
        Self {
            vulnerability_detail: Detail::new(report, rule, Some(waiver)),
            acceptance_rationale: format!(
                "Waiver {} ({}), approved by {} on {}, until {}{}: {}",
                visible(&of.id),
                of.deviation.code(),
                visible(&of.approver),
                of.approved_on,
                of.expires,
                poam.unwrap_or_default(),
                visible(&of.justification)
            ),
        }
    }
}
