//! A short summary in Markdown, for the page that a pipeline shows of a run.
//!
//! Strings of the cluster stand in code spans alone, where neither markup nor HTML, links or mentions mean anything, and
//! never in a table, whose cells end at a sign. Every list is bounded and says how much it leaves out: GitHub drops a
//! summary of more than 1 MiB whole.

use std::io::{self, BufWriter, Write};

use clap::ValueEnum as _;

use super::RenderError;
use super::escape::visible;
use crate::report::{Counts, Effective, Gap, Report, RuleReport, Unit, WaiverReport, WaiverStatus};
use crate::rules::{Reason, Severity};

/// Entries of each list.
const GAPS: usize = 20;
const FAILURES: usize = 30;
const UNKNOWN: usize = 15;
const WAIVERS: usize = 20;
const NOTES: usize = 10;
/// Rules that a gap names.
const RULES: usize = 6;
/// Characters of a string from the cluster.
const LONGEST: usize = 300;

pub(super) fn render(report: &Report<'_>, writer: &mut dyn Write) -> Result<(), RenderError> {
    let mut writer = BufWriter::new(writer);
    opening(&mut writer, report)?;
    not_read(&mut writer, report)?;
    controls(&mut writer, report)?;
    rules(&mut writer, report)?;
    findings(&mut writer, report, Effective::Fail, "Failures", FAILURES)?;
    findings(
        &mut writer,
        report,
        Effective::Indeterminate,
        "Not determined",
        UNKNOWN,
    )?;
    waivers(&mut writer, report)?;
    notes(&mut writer, report)?;
    writeln!(
        writer,
        "\nThe rules contribute to the method TEST and conclude no assessment: EXAMINE and INTERVIEW are outstanding for \
         every control. The evidence (`-o json`) holds every result and every value read."
    )?;
    writer.flush()?;
    Ok(())
}

fn opening(writer: &mut impl Write, report: &Report<'_>) -> io::Result<()> {
    let gate = &report.gate;
    writeln!(writer, "# {}\n", plain(&report.catalog.title))?;
    let (code, meaning) = (gate.exit_code, plain(&gate.meaning));
    writeln!(writer, "**Exit code {code}: {meaning}**\n")?;
    let all = report
        .totals
        .values()
        .fold(Counts::default(), |mut sum, counts| {
            sum.merge(*counts);
            sum
        });
    let counts =
        Effective::ALL.map(|effective| format!("{} {}", all.of(effective), effective.name()));
    writeln!(writer, "Rows: {}.\n", counts.join(", "))?;
    let origin = &report.snapshot.origin;
    if let Some(uid) = &origin.cluster.uid {
        writeln!(writer, "- cluster {}", code_span(uid))?;
    }
    let (started, finished) = (
        code_span(&origin.started_at),
        code_span(&origin.finished_at),
    );
    writeln!(writer, "- collected {started} to {finished}")?;
    let scope = &report.scope;
    writeln!(
        writer,
        "- {} of {} pods{} judged, in {} namespaces",
        scope.pods,
        scope.pods_read,
        scope.templates_in_words(),
        scope.namespaces.len()
    )?;
    let selected = report.rules.iter().filter(|rule| rule.selected).count();
    writeln!(writer, "- {selected} of {} rules", report.rules.len())?;
    if report.plan.is_given() {
        writeln!(writer, "- plan {}", code_span(&report.plan.digest))?;
    }
    Ok(())
}

/// What was not read, above every verdict.
fn not_read(writer: &mut impl Write, report: &Report<'_>) -> io::Result<()> {
    writeln!(writer, "\n## Not read\n")?;
    if report.gaps.is_empty() && report.scope.unknown.is_none() {
        return writeln!(writer, "All that the selected rules read was read.");
    }
    if let Some(missing) = report.scope.unknown {
        let reason = Reason::from(missing).code();
        writeln!(
            writer,
            "- **There may be more to judge than is known: {reason}**"
        )?;
    }
    for gap in report.gaps.iter().take(GAPS) {
        writeln!(writer, "{}", describe(gap))?;
    }
    more(writer, report.gaps.len(), GAPS, "gap")
}

fn describe(gap: &Gap) -> String {
    let place = match (&gap.namespace, &gap.name) {
        (Some(namespace), Some(name)) => format!(" {}", code_span(&format!("{namespace}/{name}"))),
        (Some(namespace), None) => format!(" in namespace {}", code_span(namespace)),
        (None, Some(name)) => format!(" {}", code_span(name)),
        (None, None) => String::new(),
    };
    let mut rules = gap
        .rules
        .iter()
        .take(RULES)
        .copied()
        .collect::<Vec<_>>()
        .join(", ");
    if gap.rules.len() > RULES {
        rules = format!("{rules} and {} more rules", gap.rules.len() - RULES);
    }
    let reason = Reason::from(gap.missing).code();
    let message = code_span(&gap.message);
    format!(
        "- **{}**{place}, {reason}: {message}; touches {rules}",
        gap.kind
    )
}

fn controls(writer: &mut impl Write, report: &Report<'_>) -> io::Result<()> {
    writeln!(writer, "\n## Controls\n")?;
    writeln!(
        writer,
        "| determination | control | title | fail | indeterminate | pass | waived | n/a |\n\
         |---|---|---|--:|--:|--:|--:|--:|"
    )?;
    for control in &report.controls {
        let definition = &report.catalog.controls[control.control];
        writeln!(
            writer,
            "| {} | {} | {} | {} |",
            control.determination.name(),
            plain(&definition.label),
            plain(&definition.title),
            numbers(control.counts)
        )?;
    }
    Ok(())
}

fn numbers(counts: Counts) -> String {
    Effective::ALL
        .map(|effective| counts.of(effective).to_string())
        .join(" | ")
}

/// Rules with anything to look at.
fn rules(writer: &mut impl Write, report: &Report<'_>) -> io::Result<()> {
    let worth = |rule: &&RuleReport| {
        let counts = rule.counts;
        rule.selected && counts.fail + counts.indeterminate + counts.waived > 0
    };
    let listed: Vec<&RuleReport> = report.rules.iter().filter(worth).collect();
    if listed.is_empty() {
        return Ok(());
    }
    writeln!(writer, "\n## Rules that do not pass\n")?;
    writeln!(
        writer,
        "| rule | severity | fail | indeterminate | pass | waived | n/a |\n|---|---|--:|--:|--:|--:|--:|"
    )?;
    for rule in listed {
        let (id, severity) = (rule.rule.id, rule.rule.severity.name());
        writeln!(writer, "| {id} | {severity} | {} |", numbers(rule.counts))?;
    }
    Ok(())
}

/// Statements of one verdict, the most severe first.
fn findings(
    writer: &mut impl Write,
    report: &Report<'_>,
    effective: Effective,
    heading: &str,
    most: usize,
) -> io::Result<()> {
    let severities = Severity::value_variants().iter().rev();
    let units = severities.flat_map(|severity| {
        let rules = report.rules.iter();
        rules.flat_map(move |rule| {
            let results = rule.results.iter();
            let of_rank = results.filter(move |result| {
                (result.effective, result.severity) == (effective, *severity)
            });
            of_rank
                .flat_map(|result| report.units_of(result))
                .map(move |unit| (rule, unit))
        })
    });
    let mut all = 0;
    for (rule, unit) in units {
        if all == 0 {
            writeln!(writer, "\n## {heading}\n")?;
        }
        all += 1;
        if all <= most {
            writeln!(writer, "{}", finding(rule, &unit))?;
        }
    }
    more(writer, all, most, "finding")
}

fn finding(rule: &RuleReport, unit: &Unit<'_>) -> String {
    let result = unit.result;
    let rows = match unit.subjects.len() {
        1 => String::new(),
        rows => format!(" ({rows} rows)"),
    };
    format!(
        "- {} **{}** {}{rows}: {} ({})",
        result.severity.name(),
        rule.rule.id,
        code_span(&unit.to_string()),
        code_span(&result.message),
        result.reason.code()
    )
}

fn waivers(writer: &mut impl Write, report: &Report<'_>) -> io::Result<()> {
    if report.waivers.is_empty() {
        return Ok(());
    }
    writeln!(writer, "\n## Waivers\n")?;
    for of in report.waivers.iter().take(WAIVERS) {
        writeln!(writer, "{}", waiver(of))?;
    }
    more(writer, report.waivers.len(), WAIVERS, "waiver")
}

fn waiver(of: &WaiverReport) -> String {
    let waiver = &of.waiver;
    let state = match of.status {
        WaiverStatus::Applied => format!("rows waived: {}", of.waived),
        WaiverStatus::Expired
        | WaiverStatus::NotYetApproved
        | WaiverStatus::Unmatched
        | WaiverStatus::NotSelected => format!("**{}**, waives nothing", of.status.name()),
    };
    format!(
        "- {} for {} ({}), until {}: {state}; {}",
        code_span(&waiver.id),
        code_span(&waiver.rule),
        waiver.deviation.code(),
        waiver.expires,
        code_span(&waiver.justification)
    )
}

/// What of the plan and of the collection somebody should know.
fn notes(writer: &mut impl Write, report: &Report<'_>) -> io::Result<()> {
    let plan = report.plan_notes.iter().map(|note| format!("plan: {note}"));
    let all: Vec<String> = plan
        .chain(report.snapshot.coverage.notes.iter().cloned())
        .collect();
    if all.is_empty() {
        return Ok(());
    }
    writeln!(writer, "\n## Notes\n")?;
    for note in all.iter().take(NOTES) {
        writeln!(writer, "- {}", code_span(note))?;
    }
    more(writer, all.len(), NOTES, "note")
}

fn more(writer: &mut impl Write, all: usize, most: usize, noun: &str) -> io::Result<()> {
    match all.saturating_sub(most) {
        0 => Ok(()),
        1 => writeln!(writer, "- and 1 more {noun}, left out here"),
        rest => writeln!(writer, "- and {rest} more {noun}s, left out here"),
    }
}

/// Text of the catalogue and of this program, with no sign that means markup.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for letter in visible(text).chars().take(LONGEST) {
        if "\\`*_[]<>&|~#@!".contains(letter) {
            plain.push('\\');
        }
        plain.push(letter);
    }
    plain
}

/// Any string as a code span, fenced by more backticks than it holds in a row (`CommonMark` §6.1).
fn code_span(text: &str) -> String {
    let visible = visible(text);
    let mut shown: String = visible.chars().take(LONGEST).collect();
    if visible.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    if shown.trim().is_empty() {
        return "(empty)".to_owned();
    }
    let (mut longest, mut run) = (0, 0);
    for letter in shown.chars() {
        run = if letter == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    let fence = "`".repeat(longest + 1);
    // One space on either side is taken off again, and keeps backticks apart from the fence.
    let pad = if longest > 0 || shown.starts_with(' ') || shown.ends_with(' ') {
        " "
    } else {
        ""
    };
    format!("{fence}{pad}{shown}{pad}{fence}")
}

#[cfg(test)]
mod tests;
