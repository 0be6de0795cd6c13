//! Results, worst first, as many as GitHub takes.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use clap::ValueEnum as _;
use serde::{Serialize, Serializer};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};

use super::{cluster, cut, location, text, visible};
use crate::report::{Effective, Report, RuleReport, RuleResult, Unit};
use crate::rules::Severity;

/// GitHub refuses a run of more results, and shows the first 5,000 by severity.
pub(super) const MOST_RESULTS: usize = 25_000;
/// GitHub refuses files of more than 10 MB after gzip, which makes text like this ten times smaller and more; a quarter
/// is left for text that it can't.
pub(super) const MOST_BYTES: usize = 40_000_000;
/// Beyond this a message is no message.
const LONGEST_MESSAGE: usize = 2_000;
/// Values of a result that are listed, and how much of each.
const READS: usize = 10;
const LONGEST_VALUE: usize = 200;

/// What became of the results, and how many may be written.
#[derive(Debug)]
pub(super) struct Tally {
    pub(super) written: Cell<usize>,
    pub(super) left_out: Cell<usize>,
    bytes: Cell<usize>,
    most_results: usize,
    most_bytes: usize,
}

impl Tally {
    pub(super) fn new(most_results: usize, most_bytes: usize) -> Self {
        Self {
            written: Cell::new(0),
            left_out: Cell::new(0),
            bytes: Cell::new(0),
            most_results,
            most_bytes,
        }
    }
}

pub(super) struct Results<'r> {
    report: &'r Report<'r>,
    tally: &'r Tally,
    /// How often each fingerprint was given.
    given: RefCell<HashMap<String, u32>>,
}

impl<'r> Results<'r> {
    pub(super) fn new(report: &'r Report<'r>, tally: &'r Tally) -> Self {
        Self {
            report,
            tally,
            given: RefCell::default(),
        }
    }

    /// Everything that is a problem or not known, the worst first: where not all fit, the rest is left out.
    fn listed(&self) -> impl Iterator<Item = (usize, &'r RuleReport, &'r RuleResult)> {
        let report = self.report;
        let classes = [Effective::Fail, Effective::Indeterminate, Effective::Waived];
        let ranks = classes.into_iter().flat_map(|effective| {
            let severities = Severity::value_variants().iter().rev();
            severities.map(move |severity| (effective, *severity))
        });
        ranks.flat_map(move |rank| {
            let selected = report.rules.iter().filter(|rule| rule.selected);
            let results = selected.enumerate().flat_map(|(index, rule)| {
                rule.results.iter().map(move |result| (index, rule, result))
            });
            results.filter(move |(_, _, result)| (result.effective, result.severity) == rank)
        })
    }

    /// The result, unless there is no room for it.
    fn take(
        &self,
        index: usize,
        rule: &RuleReport,
        unit: &Unit<'_>,
    ) -> Result<Option<Box<RawValue>>, serde_json::Error> {
        let tally = self.tally;
        // What comes after something that was left out is less severe: it is left out too.
        if tally.left_out.get() == 0 && tally.written.get() < tally.most_results {
            let value = to_raw_value(&self.result(index, rule, unit))?;
            let bytes = tally.bytes.get() + value.get().len();
            if bytes <= tally.most_bytes {
                tally.bytes.set(bytes);
                tally.written.set(tally.written.get() + 1);
                return Ok(Some(value));
            }
        }
        tally.left_out.set(tally.left_out.get() + 1);
        Ok(None)
    }

    fn result(&self, index: usize, rule: &RuleReport, unit: &Unit<'_>) -> Value {
        let cluster = cluster(self.report);
        let id = rule.rule.id;
        let result = unit.result;
        let fingerprint = location::fingerprint(cluster, id, unit);
        let mut given = self.given.borrow_mut();
        let times = given.entry(fingerprint.clone()).or_insert(0);
        *times += 1;
        let short: String = fingerprint.chars().take(16).collect();
        let (kind, level) = kind_and_level(result);
        let message = cut(&format!("{unit}: {}", result.message), LONGEST_MESSAGE);
        let mut value = json!({
            "ruleId": id,
            "ruleIndex": index,
            "kind": kind,
            "level": level,
            "message": { "text": text(&message) },
            "locations": [location::location(cluster, unit)],
            "partialFingerprints": {
                "primaryLocationLineHash": format!("{short}:{times}"),
                "sc39/v1": fingerprint,
            },
            "properties": Self::properties(unit),
        });
        if let Some(suppression) = self.suppression(result) {
            value["suppressions"] = json!([suppression]);
        }
        value
    }

    fn properties(unit: &Unit<'_>) -> Value {
        let result = unit.result;
        let reads = result.reads.iter().take(READS).map(|read| {
            let value = match &read.value {
                Some(value) => format!("= {}", cut(&value.to_string(), LONGEST_VALUE)),
                None => "is not set".to_owned(),
            };
            json!(visible(&format!("{} {value}", read.pointer)))
        });
        let mut properties = json!({
            "evidenceResultId": result.id,
            "reason": result.reason.code(),
            "severity": result.severity.name(),
            "subjects": unit.subjects.len(),
            "verdict": result.verdict.name(),
        });
        let reads: Vec<Value> = reads.collect();
        if !reads.is_empty() {
            properties["reads"] = json!(reads);
        }
        properties
    }

    /// A waiver, as who decided outside of the code that a failure stays for a time.
    fn suppression(&self, result: &RuleResult) -> Option<Value> {
        let waiver = result.waiver?;
        let mut waivers = self.report.waivers.iter();
        let waiver = &waivers.find(|of| of.index == waiver)?.waiver;
        let poam = waiver.poam.iter().map(|poam| format!(", {poam}"));
        let justification = format!(
            "waiver {} ({}), approved by {} on {}, holds through {}{}: {}",
            waiver.id,
            waiver.deviation.code(),
            waiver.approver,
            waiver.approved_on,
            waiver.expires,
            poam.collect::<String>(),
            waiver.justification
        );
        Some(json!({
            "kind": "external",
            "status": "accepted",
            "justification": visible(&justification),
        }))
    }
}

impl Serialize for Results<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::{Error as _, SerializeSeq as _};

        let mut list = serializer.serialize_seq(None)?;
        for (index, rule, result) in self.listed() {
            for unit in self.report.units_of(result) {
                let taken = self.take(index, rule, &unit).map_err(S::Error::custom)?;
                if let Some(value) = taken {
                    list.serialize_element(&value)?;
                }
            }
        }
        list.end()
    }
}

/// What is not known is for a person to look at; SARIF has no level for it (§3.27.10).
fn kind_and_level(result: &RuleResult) -> (&'static str, &'static str) {
    match result.effective {
        Effective::Fail | Effective::Waived => ("fail", level(result.severity)),
        Effective::Indeterminate => ("review", "none"),
        Effective::Pass => ("pass", "none"),
        Effective::NotApplicable => ("notApplicable", "none"),
    }
}

pub(super) const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Info => "note",
    }
}
