//! The results of one rule, with the values that they rest on.

use std::io;

use super::counted;
use super::page::Page;
use crate::report::{Effective, Report, ResultRead, RuleReport, RuleResult};
use crate::rules::ReadFrom;

/// Where results begin: under the title of their rule.
const INDENT: u16 = 4;
/// Width of the longest verdict, `not-applicable`.
const VERDICT: u16 = 14;
/// Columns from which on subjects have a column of their own.
const WIDE: u16 = 120;
/// What is shown of long lists unless all is asked for.
const RESULTS: usize = 20;
const SUBJECTS: usize = 3;
const READS: usize = 8;
const VALUE: usize = 160;

/// Before each value. Its space does not break, so that a long pointer stays beside it.
const BULLET: &str = "-\u{a0}";

/// Writes what needs attention; in a verbose table, all.
pub(super) fn write(
    page: &mut Page<'_>,
    report: &Report<'_>,
    rule: &RuleReport,
    verbose: bool,
) -> io::Result<()> {
    let listed: Vec<&RuleResult> = rule
        .results
        .iter()
        .filter(|result| verbose || needs_attention(result.effective))
        .collect();
    if listed.is_empty() {
        return Ok(());
    }
    let shown = if verbose {
        listed.len()
    } else {
        RESULTS.min(listed.len())
    };
    let wide = page.width() >= WIDE;
    page.blank()?;
    let rows = listed[..shown].iter().map(|result| {
        let verdict = vec![
            result.effective.name().to_owned(),
            result.severity.name().to_owned(),
        ];
        let subjects = subjects(report, result, verbose);
        let facts = facts(report, result, verbose);
        if wide {
            vec![verdict, subjects, facts]
        } else {
            vec![verdict, [subjects, facts].concat()]
        }
    });
    page.table(INDENT, VERDICT, 0..0, rows)?;
    if shown < listed.len() {
        let rest = &listed[shown..];
        let rows: usize = rest.iter().map(|result| result.subjects.len()).sum();
        let more = format!(
            "and {} on {}: all of them with --verbose, or as CSV or JSON",
            counted(rest.len(), "more result"),
            counted(rows, "row"),
        );
        page.text(INDENT, &more)?;
    }
    page.blank()
}

/// Passes and what does not apply are told by their counts.
const fn needs_attention(effective: Effective) -> bool {
    match effective {
        Effective::Fail | Effective::Indeterminate | Effective::Waived => true,
        Effective::Pass | Effective::NotApplicable => false,
    }
}

/// Whom a result is about, and which container and port of it.
fn subjects(report: &Report<'_>, result: &RuleResult, verbose: bool) -> Vec<String> {
    let all = result.subjects.len();
    let shown = if verbose || all <= SUBJECTS {
        all
    } else {
        SUBJECTS - 1
    };
    let mut lines: Vec<String> = result.subjects[..shown]
        .iter()
        .map(|subject| {
            let (kind, namespace, name) = report.subject(subject);
            match (namespace, name) {
                ("", "") => kind.to_owned(),
                ("", name) => format!("{kind} {name}"),
                (namespace, name) if kind == "Namespace" && namespace == name => {
                    format!("{kind} {name}")
                }
                (namespace, name) => format!("{kind} {namespace}/{name}"),
            }
        })
        .collect();
    if shown < all {
        lines.push(format!("and {} more", all - shown));
    }
    let container = result.container.as_ref();
    let places = [
        container.map(|container| format!("container {container}")),
        result.port.as_ref().map(|port| format!("port {port}")),
    ];
    let place: Vec<String> = places.into_iter().flatten().collect();
    if place.is_empty() {
        return lines;
    }
    let place = place.join(", ");
    match lines.as_mut_slice() {
        [only] => *only = format!("{only}, {place}"),
        _ => lines.push(place),
    }
    lines
}

/// The statement, and the values that it rests on.
fn facts(report: &Report<'_>, result: &RuleResult, verbose: bool) -> Vec<String> {
    let all = result.reads.len();
    let shown = if verbose { all } else { READS.min(all) };
    let mut lines = vec![format!("{} [{}]", result.message, result.reason.code())];
    lines.extend(report.waiver_id(result).map(|id| format!("waived by {id}")));
    lines.extend(
        result.reads[..shown]
            .iter()
            .map(|read| format!("{BULLET}{}", value(report, read, verbose))),
    );
    if shown < all {
        lines.push(format!(
            "{BULLET}and {}",
            counted(all - shown, "more value")
        ));
    }
    lines
}

fn value(report: &Report<'_>, read: &ResultRead, verbose: bool) -> String {
    let object = match read.from {
        ReadFrom::Subject => String::new(),
        ReadFrom::Plan => "plan: ".to_owned(),
        ReadFrom::Object(index) => {
            let object = &report.snapshot.objects[index];
            match object.namespace() {
                "" => format!("{} {}: ", object.kind, object.name()),
                namespace => format!("{} {namespace}/{}: ", object.kind, object.name()),
            }
        }
    };
    let pointer = &read.pointer;
    let Some(value) = &read.value else {
        return format!("{object}{pointer} is not set");
    };
    let text = value.to_string();
    let length = text.chars().count();
    if verbose || length <= VALUE {
        return format!("{object}{pointer} = {text}");
    }
    let head: String = text.chars().take(VALUE).collect();
    format!("{object}{pointer} = {head}… ({length} characters)")
}
