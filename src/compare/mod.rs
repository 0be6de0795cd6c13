//! Two reports on one cluster: what fails anew, what no longer fails, what still does, and what can't be told.
//!
//! Rows are matched by rule, workload, container and port, and never by names of pods or ids of results: a result names
//! all workloads that share its statement, so that its id changes when one of them leaves.
//!
//! Whatever is not known of one side is never taken for a pass of it. A failure whose counterpart was not read is
//! incomparable, and so is one that the later side no longer looks for.

mod coverage;
mod rows;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use crate::report::{Effective, Report};
use crate::rules::{RULES, Reason, Rule, Severity};
use crate::snapshot::{Mode, Origin};
use rows::{Key, Row};

/// One of the two reports.
#[derive(Debug)]
pub struct Side<'r> {
    /// The report, by the rules that this binary has in the version that was recorded.
    pub report: &'r Report<'r>,
    /// The rules that ran, and their versions, as recorded.
    pub ran: BTreeMap<String, u32>,
}

/// What became of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// It fails now, and did not, or not as severely.
    New,
    /// It failed and fails.
    StillFailing,
    /// It failed and does not.
    Fixed,
    /// It fails under a waiver that holds.
    Waived,
    /// One side does not tell.
    Incomparable,
}

/// A row that is worth telling.
#[derive(Clone, Debug)]
pub struct Item<'r> {
    /// What became of it.
    pub change: Change,
    /// The rule.
    pub rule: &'static Rule,
    /// Whom it is about, with container and port.
    pub subject: String,
    /// How severe it is, or was.
    pub severity: Severity,
    /// What it says now; of what is gone, what it said.
    pub message: &'r str,
    /// Why it counts as that, or how it was before.
    pub note: String,
    /// Start of the first collection that is known to show the failure; of what failed on both sides.
    pub since: Option<&'r str>,
    /// Whether it may hide a new failure, or is one.
    pub open: bool,
}

/// What the two reports come to.
#[derive(Clone, Debug, Default)]
pub struct Comparison<'r> {
    /// The rows, by what became of them, then as reports order them.
    pub items: Vec<Item<'r>>,
    /// What can't be compared as a whole: rules and namespaces that one side does not tell of.
    pub whole: Vec<String>,
    /// What else differs, and may be behind a change.
    pub notes: Vec<String>,
}

/// Compares two reports; `Err` says why they can't be: they are not known to be of one cluster.
pub fn compare<'r>(old: &'r Side<'r>, new: &'r Side<'r>) -> Result<Comparison<'r>, String> {
    same_cluster(&old.report.snapshot.origin, &new.report.snapshot.origin)?;
    let mut comparison = Comparison {
        notes: notes(old.report, new.report),
        ..Comparison::default()
    };
    comparison.whole = coverage::narrowed(old.report, new.report);
    let (before, after) = (rows::fold(old.report), rows::fold(new.report));
    let incomparable = coverage::rules(old, new, &mut comparison.whole);
    let keys: BTreeSet<&Key<'_>> = before.keys().chain(after.keys()).collect();
    for key in keys {
        let pair = Pair {
            old,
            new,
            key,
            before: before.get(key),
            after: after.get(key),
        };
        let item = match incomparable.get(&key.rule) {
            None => pair.judge(),
            Some(why) => pair.of_incomparable_rule(why),
        };
        comparison.items.extend(item);
    }
    // The sort is stable: within a change the order is that of reports.
    comparison
        .items
        .sort_by_key(|item| (item.change, std::cmp::Reverse(item.severity)));
    Ok(comparison)
}

/// Whether two collections are of one cluster, as far as their uids tell.
pub fn same_cluster(old: &Origin, new: &Origin) -> Result<(), String> {
    let from_files = |origin: &Origin| origin.mode == Mode::Manifests;
    match (&old.cluster.uid, &new.cluster.uid) {
        (Some(one), Some(other)) if one == other => Ok(()),
        (Some(one), Some(other)) => Err(format!(
            "they are of two clusters: the first is of {one}, the second of {other}"
        )),
        // Files of a repository name no cluster; which two belong together is for the user to know.
        (None, None) if from_files(old) && from_files(new) => Ok(()),
        (None, None) => Err(
            "neither names its cluster, since its namespace kube-system was not read, so that they may be of two"
                .to_owned(),
        ),
        (Some(one), None) => Err(format!(
            "only the first names its cluster ({one}), so that they may be of two"
        )),
        (None, Some(other)) => Err(format!(
            "only the second names its cluster ({other}), so that they may be of two"
        )),
    }
}

fn notes(old: &Report<'_>, new: &Report<'_>) -> Vec<String> {
    let (first, second) = (&old.snapshot.origin, &new.snapshot.origin);
    let mut notes = Vec::new();
    if first.started_at > second.started_at {
        notes.push(format!(
            "the first was collected after the second: {} and {}",
            first.started_at, second.started_at
        ));
    }
    if first.mode != second.mode {
        notes.push("one is of a live cluster and the other of files".to_owned());
    }
    for (what, differs) in [
        ("plan", old.plan.digest != new.plan.digest),
        ("catalogue", old.catalog.digest != new.catalog.digest),
    ] {
        if differs {
            notes.push(format!(
                "the {what} is another one, which may be behind a change"
            ));
        }
    }
    notes
}

impl Comparison<'_> {
    /// The exit code, and what it means: 1 for a new failure of that severity or above, else 3 for anything that may
    /// hide one, unless that is allowed.
    pub fn gate(&self, fail_on: Severity, allow_incomparable: bool) -> (u8, String) {
        let of = |change: Change| {
            let items = self.items.iter();
            items
                .filter(|item| item.change == change && item.severity >= fail_on)
                .count()
        };
        let new = of(Change::New);
        if new > 0 {
            let failures = if new == 1 { "failure" } else { "failures" };
            return (
                1,
                format!(
                    "{new} new {failures} of severity {} or above",
                    fail_on.name()
                ),
            );
        }
        let open = self.items.iter().filter(|item| {
            item.change == Change::Incomparable && item.open && item.severity >= fail_on
        });
        let open = open.count() + self.whole.len();
        if open > 0 && !allow_incomparable {
            return (
                3,
                format!("no new failures, and {open} things that may hide one"),
            );
        }
        let allowed = if open > 0 {
            ", what can't be compared is allowed"
        } else {
            ""
        };
        let still = of(Change::StillFailing);
        (
            0,
            format!("no new failures, {still} still failing{allowed}"),
        )
    }
}

/// One row on both sides.
struct Pair<'c, 'r> {
    old: &'r Side<'r>,
    new: &'r Side<'r>,
    key: &'c Key<'r>,
    before: Option<&'c Row<'r>>,
    after: Option<&'c Row<'r>>,
}

impl<'r> Pair<'_, 'r> {
    fn judge(&self) -> Option<Item<'r>> {
        match (self.before, self.after) {
            (before, Some(after)) => match after.effective {
                Effective::Fail => Some(self.failing(before, after)),
                Effective::Waived => Some(self.item(Change::Waived, after, self.was(), false)),
                Effective::Indeterminate => Some(self.unknown(after)),
                Effective::Pass | Effective::NotApplicable => self.passing(before?, after),
            },
            (Some(before), None) => self.gone(before),
            (None, None) => None,
        }
    }

    fn failing(&self, before: Option<&Row<'r>>, after: &Row<'r>) -> Item<'r> {
        let Some(before) = before else {
            return match coverage::hides(self.old.report, self.new.report, self.key) {
                Some(why) => {
                    let note = format!("can't be told from the first: {why}");
                    self.item(Change::Incomparable, after, note, true)
                }
                None => self.item(Change::New, after, "was not there".to_owned(), true),
            };
        };
        match before.effective {
            Effective::Fail if before.severity >= after.severity => self.still(before, after),
            Effective::Indeterminate => {
                let note = format!("not determined before: {}", before.message);
                self.item(Change::Incomparable, after, note, true)
            }
            Effective::Fail | Effective::Waived | Effective::Pass | Effective::NotApplicable => {
                self.item(Change::New, after, self.was(), true)
            }
        }
    }

    fn still(&self, before: &Row<'r>, after: &Row<'r>) -> Item<'r> {
        let note = if before.message == after.message {
            String::new()
        } else {
            format!("said before: {}", before.message)
        };
        Item {
            since: Some(self.since()),
            ..self.item(Change::StillFailing, after, note, false)
        }
    }

    /// When a failure was first seen, as far as the chain of baselines tells.
    fn since(&self) -> &'r str {
        let report = self.old.report;
        let known = report.previous.as_ref().and_then(|previous| {
            let known = previous.failing.get(&self.key.owned())?;
            Some(known.since.as_str())
        });
        known.unwrap_or(&report.snapshot.origin.started_at)
    }

    fn unknown(&self, after: &Row<'r>) -> Item<'r> {
        let note = match self.before.map(|before| before.effective) {
            Some(Effective::Indeterminate) => "not determined before either".to_owned(),
            _ => format!("not determined now; {}", self.was()),
        };
        self.item(Change::Incomparable, after, note, true)
    }

    fn passing(&self, before: &Row<'r>, after: &Row<'r>) -> Option<Item<'r>> {
        let failed = matches!(before.effective, Effective::Fail | Effective::Waived);
        failed.then(|| {
            let note = format!("says now: {}", after.message);
            self.item(Change::Fixed, before, note, false)
        })
    }

    fn gone(&self, before: &Row<'r>) -> Option<Item<'r>> {
        if !matches!(before.effective, Effective::Fail | Effective::Waived) {
            return None;
        }
        Some(
            match coverage::hides(self.new.report, self.old.report, self.key) {
                Some(why) => {
                    let note = format!("can't be told from the second: {why}");
                    self.item(Change::Incomparable, before, note, true)
                }
                None => self.item(
                    Change::Fixed,
                    before,
                    "is no longer there".to_owned(),
                    false,
                ),
            },
        )
    }

    /// Of a rule that the two sides do not have in common: only what fails or is not known on the later one may matter.
    fn of_incomparable_rule(&self, why: &str) -> Option<Item<'r>> {
        let after = self.after?;
        let open = matches!(after.effective, Effective::Fail | Effective::Indeterminate);
        open.then(|| self.item(Change::Incomparable, after, why.to_owned(), true))
    }

    fn was(&self) -> String {
        let Some(before) = self.before else {
            return "was not there".to_owned();
        };
        let verdict = match before.effective {
            Effective::Fail => format!("failed with severity {}", before.severity.name()),
            Effective::Waived => "was waived".to_owned(),
            Effective::Pass => "passed".to_owned(),
            Effective::Indeterminate => "was not determined".to_owned(),
            Effective::NotApplicable => "did not apply".to_owned(),
        };
        format!("{verdict} before: {}", before.message)
    }

    fn item(&self, change: Change, row: &Row<'r>, note: String, open: bool) -> Item<'r> {
        Item {
            change,
            rule: RULES[self.key.rule],
            subject: self.key.to_string(),
            severity: row.severity,
            message: row.message,
            note,
            since: None,
            open,
        }
    }
}

/// Why something was not read, in a word.
fn code(missing: crate::gaps::Missing) -> &'static str {
    Reason::from(missing).code()
}
