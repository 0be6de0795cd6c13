//! Results as one line for each row, so that a change of any of them is reviewed.

use std::collections::BTreeMap;

use sc39::report::order::Order;
use sc39::report::{Report, RuleReport};
use sc39::rules::{Rule, Verdict};

/// What is said of each subject: kind, place, container and port, and with it the verdicts.
#[derive(Debug, Default)]
pub(super) struct Rows(BTreeMap<String, BTreeMap<String, Verdict>>);

impl Rows {
    /// The rows of one rule.
    pub(super) fn of(report: &Report<'_>, rule: &Rule) -> Self {
        let mut rows = Self::default();
        let rules = report.rules.iter().filter(|known| known.rule.id == rule.id);
        for (subject, statement, verdict) in rules.flat_map(|rule| all(report, rule)) {
            rows.0
                .entry(subject)
                .or_default()
                .insert(statement, verdict);
        }
        rows
    }

    /// The worst verdict of each subject.
    pub(super) fn verdicts(&self) -> BTreeMap<String, Verdict> {
        let worst = |(subject, statements): (&String, &BTreeMap<String, Verdict>)| {
            let worst = statements.values().min()?;
            Some((subject.clone(), *worst))
        };
        self.0.iter().filter_map(worst).collect()
    }

    /// All rows, a line each.
    pub(super) fn text(&self) -> String {
        self.lines("  ", |_, _| true).join("\n")
    }

    /// The rows that differ from others, and the subjects that have none any more.
    pub(super) fn changes_from(&self, before: &Self) -> String {
        let is_new = |subject: &String, statement: &String| {
            let known = before.0.get(subject);
            known.is_none_or(|known| !known.contains_key(statement))
        };
        let gone = before
            .0
            .keys()
            .filter(|subject| !self.0.contains_key(*subject));
        let mut lines = self.lines("+ ", is_new);
        lines.extend(gone.map(|subject| format!("- {subject}")));
        lines.join("\n")
    }

    fn lines(&self, prefix: &str, wanted: impl Fn(&String, &String) -> bool) -> Vec<String> {
        let rows = self.0.iter().flat_map(|(subject, statements)| {
            statements.keys().map(move |statement| (subject, statement))
        });
        rows.filter(|(subject, statement)| wanted(subject, statement))
            .map(|(subject, statement)| format!("{prefix}{subject} {statement}"))
            .collect()
    }
}

/// The rows that do not pass, a line each.
pub(super) fn not_passed(report: &Report<'_>, rule: &RuleReport) -> Vec<String> {
    let rows = all(report, rule).into_iter();
    rows.filter(|(_, _, verdict)| *verdict != Verdict::Pass)
        .map(|(subject, statement, _)| format!("{subject} {statement}"))
        .collect()
}

fn all(report: &Report<'_>, rule: &RuleReport) -> Vec<(String, String, Verdict)> {
    let order = Order::new(report.snapshot);
    let rows = order.rows(rule).into_iter().map(|(result, subject)| {
        let (kind, namespace, name) = report.subject(subject);
        let place = match (namespace, name) {
            ("", name) => name.to_owned(),
            (namespace, name) if namespace == name => name.to_owned(),
            (namespace, name) => format!("{namespace}/{name}"),
        };
        let port = result.port.as_ref().map(ToString::to_string);
        let container = result.container.as_deref().unwrap_or("-");
        let subject = format!(
            "{kind} {place} {container} {}",
            port.as_deref().unwrap_or("-")
        );
        let severity = match result.verdict {
            Verdict::Fail => format!(" {}", result.severity.name()),
            Verdict::Indeterminate | Verdict::Pass | Verdict::NotApplicable => String::new(),
        };
        let (verdict, reason) = (result.verdict.name(), result.reason.code());
        let statement = format!("{verdict}{severity} {reason}: {}", result.message);
        (subject, statement, result.verdict)
    });
    rows.collect()
}
