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
        let below = below(counts.fail.saturating_sub(failures), options.fail_on);
        let failures = failures.saturating_sub(known.unwrap_or_default());
        let beside = format!("{}{below}", beside(known));
        if failures > 0 {
            let threshold = options.fail_on.name();
            let rows = rows(failures);
            let meaning =
                format!("{failures} failing {rows} of severity {threshold} or above{beside}");
            return Self::new(options, 1, meaning);
        }
        if scope.unknown.is_some() {
            return Self::new(options, 3, "the scope could not be read".to_owned());
        }
        if counts.indeterminate > 0 && !options.allow_indeterminate {
            let open = counts.indeterminate;
            let are = if open == 1 { "is" } else { "are" };
            let mut meaning = format!("{open} {} {are} indeterminate", rows(open));
            if known.is_some() {
                meaning = format!("no new failing rows{beside}; {meaning}");
            }
            return Self::new(options, 3, meaning);
        }
        Self::new(options, 0, passed(counts, options.fail_on, &beside))
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

/// Failures that the threshold lets through: whoever reads of none must not find some in the report.
fn below(failures: u64, threshold: Severity) -> String {
    match failures {
        0 => String::new(),
        failures => format!(", {failures} below {}", threshold.name()),
    }
}

fn rows(count: u64) -> &'static str {
    if count == 1 { "row" } else { "rows" }
}

fn passed(counts: Counts, threshold: Severity, beside: &str) -> String {
    let waived = match counts.waived {
        0 => String::new(),
        rows => format!(", {rows} waived"),
    };
    let accepted = if counts.indeterminate > 0 {
        ", indeterminate rows allowed"
    } else {
        ""
    };
    let threshold = if counts.fail > 0 {
        format!(" of severity {} or above", threshold.name())
    } else {
        String::new()
    };
    format!("no failing rows{threshold}{beside}{waived}{accepted}")
}
