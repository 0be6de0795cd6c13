//! The rows of a report by what stays when pods are replaced.

use std::collections::BTreeMap;
use std::fmt;

use crate::report::{Effective, Place, Report, RowKey, RuleResult};
use crate::rules::{Port, RULES, Severity};

/// Rule, workload, container and port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key<'r> {
    /// Index in the list of rules.
    pub(super) rule: usize,
    pub(super) place: Place<'r>,
    pub(super) container: Option<&'r str>,
    pub(super) port: Option<&'r Port>,
}

/// The worst that is said of it: pods of one workload may differ, as they do during a rollout.
#[derive(Clone, Debug)]
pub(super) struct Row<'r> {
    pub(super) effective: Effective,
    pub(super) severity: Severity,
    pub(super) message: &'r str,
}

impl fmt::Display for Key<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.place)?;
        if let Some(container) = self.container {
            write!(formatter, ", container {container}")?;
        }
        if let Some(port) = self.port {
            write!(formatter, ", port {port}")?;
        }
        Ok(())
    }
}

impl Key<'_> {
    /// As baselines keep it.
    pub(super) fn owned(&self) -> RowKey {
        RowKey {
            rule: RULES[self.rule].id.to_owned(),
            namespace: self.place.namespace.to_owned(),
            kind: self.place.kind.to_owned(),
            name: self.place.name.to_owned(),
            container: self.container.map(str::to_owned),
            port: self.port.map(ToString::to_string),
        }
    }
}

/// Every row of a report.
pub(super) fn fold<'r>(report: &'r Report<'r>) -> BTreeMap<Key<'r>, Row<'r>> {
    let mut rows: BTreeMap<Key<'r>, Row<'r>> = BTreeMap::new();
    for rule in &report.rules {
        let Some(index) = RULES.iter().position(|known| known.id == rule.rule.id) else {
            continue;
        };
        for unit in report.units(rule) {
            let key = Key {
                rule: index,
                place: unit.place,
                container: unit.result.container.as_deref(),
                port: unit.result.port.as_ref(),
            };
            let row = Row::new(unit.result);
            rows.entry(key)
                .and_modify(|known| {
                    if row.rank() > known.rank() {
                        *known = row.clone();
                    }
                })
                .or_insert(row);
        }
    }
    rows
}

impl<'r> Row<'r> {
    fn new(result: &'r RuleResult) -> Self {
        Self {
            effective: result.effective,
            severity: result.severity,
            message: &result.message,
        }
    }

    /// A waived failure counts for more than a pass beside it; it is one.
    fn rank(&self) -> (u8, Severity) {
        let rank = match self.effective {
            Effective::Fail => 4,
            Effective::Indeterminate => 3,
            Effective::Waived => 2,
            Effective::Pass => 1,
            Effective::NotApplicable => 0,
        };
        (rank, self.severity)
    }
}
