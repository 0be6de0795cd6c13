//! The whole at a glance: rows by verdict, and each control with its determination.

use maud::{Markup, html};

use super::controls::anchor;
use super::section;
use super::text::{Number, Shown, class, determination, mark, scrolling};
use crate::report::{Counts, Effective, Report};
use crate::rules::Severity;

pub(super) fn write(report: &Report<'_>) -> Markup {
    section(
        "glance",
        &html! {
            (totals(report))
            p.gate {
                strong { "Exit code " (report.gate.exit_code) ":" } " " (Shown(&report.gate.meaning)) ". "
                span.small {
                    "A row is one rule on one object, container and port. The tool supports an assessment and concludes none: EXAMINE and INTERVIEW are outstanding for every control."
                }
            }
            (controls(report))
            (severities(report))
        },
    )
}

fn totals(report: &Report<'_>) -> Markup {
    let all = report
        .rules
        .iter()
        .fold(Counts::default(), |mut sum, rule| {
            sum.merge(rule.counts);
            sum
        });
    html! {
        ul.totals aria-label="Rows by verdict" {
            @for effective in Effective::ALL {
                li class=(class(effective)) {
                    span.figure { (Number(all.of(effective))) }
                    span.word { span.mark aria-hidden="true" { (mark(effective)) } " " (effective.name()) }
                }
            }
        }
    }
}

fn controls(report: &Report<'_>) -> Markup {
    html! {
        table.stack {
            caption { "Controls and the rows of their primary rules" }
            thead { tr {
                th scope="col" { "Control" }
                th scope="col" { "Determination" }
                (verdict_heads())
                th.bar scope="col" { "Share" }
            } }
            tbody {
                @for control in &report.controls {
                    @let definition = &report.catalog.controls[control.control];
                    tr {
                        th scope="row" {
                            a href={ "#" (anchor(control.control)) } { (Shown(&definition.label)) }
                            " " span.title { (Shown(&definition.title)) }
                        }
                        td.determination { (determination(control.determination)) }
                        (verdict_cells(control.counts))
                        td.bar { (bar(control.counts)) }
                    }
                }
            }
        }
    }
}

/// Heads of the five columns of rows.
pub(super) fn verdict_heads() -> Markup {
    html! {
        @for effective in Effective::ALL {
            th.number scope="col" {
                span.mark aria-hidden="true" { (mark(effective)) }
                " " span.word { (short(effective)) }
            }
        }
    }
}

const fn short(effective: Effective) -> &'static str {
    match effective {
        Effective::Indeterminate => "indet.",
        Effective::NotApplicable => "n/a",
        Effective::Fail | Effective::Pass | Effective::Waived => effective.name(),
    }
}

/// The rows of five verdicts; nothing stands for none.
pub(super) fn verdict_cells(counts: Counts) -> Markup {
    html! {
        @for effective in Effective::ALL {
            @let rows = counts.of(effective);
            @if rows == 0 { td.number.zero { "0" } }
            @else { td class={ "number " (class(effective)) } { (Number(rows)) } }
        }
    }
}

/// Rows by verdict as a bar. The figures stand beside it.
pub(super) fn bar(counts: Counts) -> Markup {
    const WIDTH: u64 = 1000;
    let total = counts.total();
    let mut start = 0;
    let mut parts = Vec::new();
    for effective in Effective::ALL {
        let rows = counts.of(effective);
        if rows == 0 {
            continue;
        }
        // What is there is seen, however little it is.
        let width = (rows * WIDTH / total).max(12).min(WIDTH - start);
        parts.push((effective, start, width));
        start += width;
    }
    html! {
        @if total > 0 {
            svg.bar viewBox={ "0 0 " (WIDTH) " 10" } width="120" height="10" preserveAspectRatio="none" aria-hidden="true" {
                @for (effective, start, width) in parts {
                    rect class=(class(effective)) x=(start) y="0" width=(width) height="10" {}
                }
            }
        }
    }
}

fn severities(report: &Report<'_>) -> Markup {
    let listed = [
        Severity::Critical,
        Severity::High,
        Severity::Medium,
        Severity::Low,
        Severity::Info,
    ];
    let table = html! {
        table {
            caption { "Rows by severity" }
            thead { tr { th scope="col" { "Severity" } (verdict_heads()) } }
            tbody {
                @for severity in listed {
                    @if let Some(counts) = report.totals.get(&severity) {
                        tr { th scope="row" { (severity.name()) } (verdict_cells(*counts)) }
                    }
                }
            }
        }
    };
    html! { details { summary { "Rows by severity" } (scrolling("Rows by severity", &table)) } }
}
