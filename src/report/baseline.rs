//! An earlier assessment that a gate is held against: what failed then is known, and anything else is not.

use std::collections::BTreeMap;

use super::units::units_of;
use super::{Effective, Report, RuleReport, Unit, Workloads};
use crate::rules::Severity;
use crate::snapshot::Snapshot;

/// What failed in an earlier evidence file; in a report, what of it still fails.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Baseline {
    /// Id of its run.
    pub run_id: String,
    /// Its content digest.
    pub digest: String,
    /// Start of its collection, RFC 3339 UTC.
    pub started_at: String,
    /// The failures.
    pub failing: BTreeMap<RowKey, Known>,
}

/// What tells a failure from all others, and stays when pods are replaced, a workload of several leaves, or the reason
/// changes. Ids of results do not: they name all workloads that share a statement.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct RowKey {
    /// Id of the rule.
    pub rule: String,
    /// Namespace of the workload or object, or empty; of a Namespace its own name.
    pub namespace: String,
    /// Kind of it.
    pub kind: String,
    /// Name of it.
    pub name: String,
    /// Container.
    pub container: Option<String>,
    /// Port, a bare number for TCP, else with its protocol.
    pub port: Option<String>,
}

/// A failure that was there before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// How severe it was.
    pub severity: Severity,
    /// Start of the first collection in the chain of baselines that shows it, RFC 3339 UTC.
    pub since: String,
}

impl RowKey {
    /// The key of a statement of a rule.
    pub fn new(rule: &str, unit: &Unit<'_>) -> Self {
        let place = unit.place;
        Self {
            rule: rule.to_owned(),
            namespace: place.namespace.to_owned(),
            kind: place.kind.to_owned(),
            name: place.name.to_owned(),
            container: unit.result.container.as_deref().map(str::to_owned),
            port: unit.result.port.as_ref().map(ToString::to_string),
        }
    }
}

impl Baseline {
    /// What fails in a report, of the evidence with that digest.
    pub fn of(report: &Report<'_>, digest: String) -> Self {
        let origin = &report.snapshot.origin;
        let before = report.previous.as_ref();
        let mut baseline = Self {
            run_id: report.run.id.clone(),
            digest,
            started_at: origin.started_at.clone(),
            failing: BTreeMap::new(),
        };
        for rule in &report.rules {
            for unit in failing(&report.workloads, report.snapshot, rule) {
                let key = RowKey::new(rule.rule.id, &unit);
                let severity = unit.result.severity;
                let known = before.and_then(|before| before.failing.get(&key));
                let since = known.map_or(&origin.started_at, |known| &known.since);
                let known = Known {
                    severity,
                    since: since.clone(),
                };
                let entry = baseline.failing.entry(key).or_insert(known);
                entry.severity = entry.severity.max(severity);
            }
        }
        baseline
    }

    /// Since when a failure is known, if it is, and was not less severe.
    pub fn knows(&self, rule: &str, unit: &Unit<'_>) -> Option<&Known> {
        let known = self.failing.get(&RowKey::new(rule, unit))?;
        (known.severity >= unit.result.severity).then_some(known)
    }

    /// What of it still fails, and how many rows of that severity and above that makes.
    pub(crate) fn still_failing(
        &self,
        workloads: &Workloads,
        snapshot: &Snapshot,
        rules: &[RuleReport],
        fail_on: Severity,
    ) -> (Self, u64) {
        let mut still = Self {
            failing: BTreeMap::new(),
            ..self.clone()
        };
        let mut rows = 0;
        for rule in rules {
            for unit in failing(workloads, snapshot, rule) {
                let Some(known) = self.knows(rule.rule.id, &unit) else {
                    continue;
                };
                if unit.result.severity >= fail_on {
                    rows += unit.subjects.len() as u64;
                }
                let key = RowKey::new(rule.rule.id, &unit);
                still.failing.insert(key, known.clone());
            }
        }
        (still, rows)
    }
}

/// Failures that nobody waived.
fn failing<'a>(
    workloads: &'a Workloads,
    snapshot: &'a Snapshot,
    rule: &'a RuleReport,
) -> impl Iterator<Item = Unit<'a>> {
    let results = rule.results.iter();
    results
        .filter(|result| result.effective == Effective::Fail)
        .flat_map(move |result| units_of(workloads, snapshot, result))
}
