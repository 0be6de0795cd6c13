//! What results say of controls, and totals.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::words::Written;
use crate::catalog::{Method, Reason};
use crate::report::{self, ControlReport, Determination, ManualReport, PartReport, Report};
use crate::rules::Severity;

/// What the rules say of a control. `no-exceptions` is the outcome of the tests alone, and no finding on the control.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "ControlOutcome")]
pub(super) struct Control<'r> {
    /// The control, by its id in `catalogue.controls`.
    #[serde(rename = "controlId")]
    id: &'r str,
    /// Rows of its primary rules.
    counts: Counts,
    /// `exceptions`: a primary rule failed, waived failures included. `undetermined`: something is not known, nothing
    /// applied, or a primary rule did not run. `no-exceptions`: all primary rules passed.
    determination: Written<Determination>,
    /// Label as printed.
    label: &'r str,
    /// Always `TEST`: the one method of SP 800-53A that rules contribute to.
    method: Written<Method>,
    /// Methods that stay with the assessor.
    methods_outstanding: Vec<Written<Method>>,
    /// Its objectives, and the proofs that the vendor offers.
    parts: Vec<Part<'r>>,
}

/// An objective or a proof, with a determination of its own.
#[derive(Serialize, JsonSchema)]
struct Part<'r> {
    /// Rows of its rules.
    counts: Counts,
    /// As of controls; absent when no rule tests it.
    #[serde(skip_serializing_if = "Option::is_none")]
    determination: Option<Written<Determination>>,
    /// Id of the objective or proof in `catalogue.controls`.
    id: &'r str,
    /// Why no rule tests it.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Written<Reason>>,
    /// Ids of its rules.
    rules: Vec<&'static str>,
    /// What it claims, in few words.
    title: &'r str,
}

/// Rows (rule × subject × container × port) by effective verdict.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Counts {
    /// Failures.
    fail: u64,
    /// Not known.
    indeterminate: u64,
    /// Nothing to judge.
    not_applicable: u64,
    /// Met.
    pass: u64,
    /// Failures under a waiver that holds.
    waived: u64,
}

/// Totals over all rules, and the exit code.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Summary<'r> {
    /// Rows by severity (`info`, `low`, `medium`, `high`, `critical`) and effective verdict.
    by_severity: BTreeMap<&'static str, Counts>,
    /// The exit code.
    gate: Gate<'r>,
}

/// The exit code, what it means, and what decided it besides the results.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Gate<'r> {
    /// Whether what is not known was accepted.
    allow_indeterminate: bool,
    /// 0: nothing failed. 1: something failed. 2: nothing to judge. 3: something is not known.
    exit_code: u8,
    /// Failures below this severity did not count.
    fail_on: Written<Severity>,
    /// In words.
    meaning: &'r str,
}

/// Evidence that people have to look at.
#[derive(Serialize, JsonSchema)]
pub(super) struct ManualEvidence<'r> {
    /// Labels of the controls that it is about.
    controls: &'r [String],
    /// Id of a control, proof or statement in `catalogue`.
    id: &'r str,
    /// The proofs that the plan points to.
    proofs: Vec<ManualProof<'r>>,
    /// `attested`: the plan points to a proof, which this program did not look at. `outstanding`: it does not.
    #[schemars(extend("enum" = ["attested", "outstanding"]))]
    status: &'static str,
    /// What it is about.
    title: &'r str,
}

/// A proof that the plan points to.
#[derive(Serialize, JsonSchema)]
struct ManualProof<'r> {
    /// When it was made.
    #[schemars(extend("format" = "date"))]
    date: String,
    /// Where it lies.
    location: &'r str,
    /// What it is.
    title: &'r str,
}

impl<'r> ManualEvidence<'r> {
    pub(super) fn new(entry: &'r ManualReport) -> Self {
        let proofs = entry.proofs.iter().map(|proof| ManualProof {
            date: proof.date.to_string(),
            location: &proof.location,
            title: &proof.title,
        });
        Self {
            controls: &entry.controls,
            id: &entry.id,
            proofs: proofs.collect(),
            status: if entry.proofs.is_empty() {
                "outstanding"
            } else {
                "attested"
            },
            title: &entry.title,
        }
    }
}

impl<'r> Control<'r> {
    pub(super) fn new(control: &'r ControlReport, report: &'r Report<'r>) -> Self {
        let definition = &report.catalog.controls[control.control];
        Self {
            id: &definition.id,
            counts: Counts::new(control.counts),
            determination: Written(control.determination),
            label: &definition.label,
            method: Written(Method::Test),
            methods_outstanding: vec![Written(Method::Examine), Written(Method::Interview)],
            parts: control
                .parts
                .iter()
                .map(|part| {
                    let proof = definition.proofs.iter().find(|proof| proof.id == part.id);
                    Part::new(part, proof.and_then(|proof| proof.reason), report)
                })
                .collect(),
        }
    }
}

impl<'r> Part<'r> {
    fn new(part: &'r PartReport, reason: Option<Reason>, report: &'r Report<'r>) -> Self {
        Self {
            counts: Counts::new(part.counts),
            determination: part.determination.map(Written),
            id: &part.id,
            reason: reason.map(Written),
            rules: part
                .rules
                .iter()
                .map(|rule| report.rules[*rule].rule.id)
                .collect(),
            title: &part.title,
        }
    }
}

impl Counts {
    fn new(counts: report::Counts) -> Self {
        Self {
            fail: counts.fail,
            indeterminate: counts.indeterminate,
            not_applicable: counts.not_applicable,
            pass: counts.pass,
            waived: counts.waived,
        }
    }
}

impl<'r> Summary<'r> {
    pub(super) fn new(report: &'r Report<'r>) -> Self {
        let gate = &report.gate;
        Self {
            by_severity: report
                .totals
                .iter()
                .map(|(severity, counts)| (severity.name(), Counts::new(*counts)))
                .collect(),
            gate: Gate {
                allow_indeterminate: gate.options.allow_indeterminate,
                exit_code: gate.exit_code,
                fail_on: Written(gate.options.fail_on),
                meaning: &gate.meaning,
            },
        }
    }
}
