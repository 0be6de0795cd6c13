//! The exit code, and what it means.

use super::{Counts, Effective, RuleReport, ScopeSummary};
use crate::rules::Severity;

/// What decides the exit code besides the results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GateOptions {
    /// Failures below this severity do not count.
    pub fail_on: Severity,
    /// Whether what is not known is accepted.
    pub allow_indeterminate: bool,
}

/// The exit code, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gate {
    /// 0, 1, 2 or 3.
    pub exit_code: u8,
    /// In words.
    pub meaning: String,
    /// What decided it besides the results.
    pub options: GateOptions,
}

impl Gate {
    /// Decides: an unwaived failure at or above the threshold is 1, whatever else; then 3 for anything not known. With a
    /// baseline, `known` is how many of those rows failed in it: they do not count.
    pub fn decide(
        rules: &[RuleReport],
        scope: &ScopeSummary,
        options: GateOptions,
        known: Option<u64>,
    ) -> Self {
        let failures: u64 = rules
            .iter()
            .flat_map(|rule| &rule.results)
            .filter(|result| {
                result.effective == Effective::Fail && result.severity >= options.fail_on
            })
            .map(|result| result.subjects.len() as u64)
            .sum();
        let counts = rules.iter().fold(Counts::default(), |mut sum, rule| {
            sum.merge(rule.counts);
            sum
        });
        if scope.is_empty {
            return Self::new(
                options,
                2,
                "nothing to judge: the scope was read and is empty".to_owned(),
            );
        }
        let failures = failures.saturating_sub(known.unwrap_or_default());
        if failures > 0 {
            let threshold = options.fail_on.name();
            let rows = if failures == 1 { "row" } else { "rows" };
            return Self::new(
                options,
                1,
                format!(
                    "{failures} failing {rows} of severity {threshold} or above{}",
                    beside(known)
                ),
            );
        }
        if scope.unknown.is_some() {
            return Self::new(options, 3, "the scope could not be read".to_owned());
        }
        if counts.indeterminate > 0 && !options.allow_indeterminate {
            return Self::new(
                options,
                3,
                format!("{} rows are indeterminate", counts.indeterminate),
            );
        }
        Self::new(options, 0, passed(counts, known))
    }

    fn new(options: GateOptions, exit_code: u8, meaning: String) -> Self {
        Self {
            exit_code,
            meaning,
            options,
        }
    }
}

/// What a baseline lets through.
fn beside(known: Option<u64>) -> String {
    match known {
        None => String::new(),
        Some(1) => ", beside 1 that the baseline has".to_owned(),
        Some(rows) => format!(", beside {rows} that the baseline has"),
    }
}

fn passed(counts: Counts, known: Option<u64>) -> String {
    let waived = match counts.waived {
        0 => String::new(),
        rows => format!(", {rows} waived"),
    };
    let accepted = if counts.indeterminate > 0 {
        ", indeterminate rows allowed"
    } else {
        ""
    };
    format!("no failing rows{}{waived}{accepted}", beside(known))
}
