//! What was read and what was not, above all verdicts.

use std::collections::{BTreeMap, BTreeSet};

use maud::{Markup, html};

use super::results::rule_link;
use super::section;
use super::text::{Cut, Number, Shown, badge, counted, scrolling};
use crate::gaps;
use crate::gaps::Missing;
use crate::kind::Kind;
use crate::report::{Gap, Report};
use crate::rules::Reason;
use crate::snapshot::{ReadStatus, SourceRead, Verb};

/// What is shown of long lists.
const GAPS: usize = 200;
const SOURCES: usize = 200;
const NAMESPACES: usize = 300;
const NOTES: usize = 100;
const RULES_INLINE: usize = 4;
const MESSAGE: usize = 400;

pub(super) fn write(report: &Report<'_>) -> Markup {
    section(
        "coverage",
        &html! {
            (state(report))
            @if !report.gaps.is_empty() { (gap_table(report)) }
            (scope(report))
            (remarks(report))
            (sources(report))
        },
    )
}

fn state(report: &Report<'_>) -> Markup {
    let gaps = report.gaps.len();
    let touched: BTreeSet<&str> = report
        .gaps
        .iter()
        .flat_map(|gap| gap.rules.iter().copied())
        .collect();
    html! {
        @if gaps == 0 && report.scope.unknown.is_none() {
            p.state.pass { (badge("pass", "✓", "complete")) " Everything that the selected rules read was read." }
        } @else {
            div.state.unsure {
                p {
                    (badge("unsure", "?", "incomplete")) " "
                    (counted(gaps, "gap")) " in what was read, which " (counted(touched.len(), "rule")) " would have looked at. "
                    "No verdict rests on what was not read: where it would have mattered, the row is indeterminate."
                }
                @if let Some(missing) = report.scope.unknown {
                    p { "There may be more to judge than is known: " (reason(missing)) "." }
                }
            }
        }
    }
}

fn reason(missing: Missing) -> &'static str {
    Reason::from(missing).code()
}

fn gap_table(report: &Report<'_>) -> Markup {
    let table = html! {
        table.wide.stack {
            caption { "What was not read, and the rules that it touches" }
            thead { tr { th scope="col" { "What" } th scope="col" { "Why" } th scope="col" { "Rules" } } }
            tbody {
                @for gap in report.gaps.iter().take(GAPS) { (gap_row(gap)) }
            }
        }
    };
    html! {
        (scrolling("Gaps", &table))
        (rest(report.gaps.len(), GAPS, "gap"))
    }
}

fn gap_row(gap: &Gap) -> Markup {
    let rules = html! {
        @for (index, rule) in gap.rules.iter().enumerate() {
            @if index > 0 { ", " }
            (rule_link(rule))
        }
    };
    html! {
        tr {
            th scope="row" {
                (gap.kind.label()) (place(gap.namespace.as_deref(), gap.name.as_deref()))
            }
            td.full { (badge("unsure", "?", reason(gap.missing))) div.small { (Cut(&gap.message, MESSAGE)) } }
            td.full {
                @if gap.rules.len() > RULES_INLINE {
                    details.att { summary { (counted(gap.rules.len(), "rule")) } p { (rules) } }
                } @else { (rules) }
            }
        }
    }
}

fn place(namespace: Option<&str>, name: Option<&str>) -> Markup {
    html! {
        @match (namespace, name) {
            (Some(namespace), Some(name)) => { " " code { (Shown(namespace)) "/" (Shown(name)) } }
            (Some(namespace), None) => { " in " code { (Shown(namespace)) } }
            (None, Some(name)) => { " " code { (Shown(name)) } }
            (None, None) => {}
        }
    }
}

/// Says how much a list leaves out.
pub(super) fn rest(all: usize, shown: usize, noun: &str) -> Markup {
    let more = all.saturating_sub(shown);
    html! {
        @if more > 0 {
            p.rest { "and " (Number(more as u64)) " more " (noun) @if more > 1 { "s" } ", listed in the JSON evidence" }
        }
    }
}

fn scope(report: &Report<'_>) -> Markup {
    let scope = &report.scope;
    html! {
        @if !scope.namespaces.is_empty() {
            details {
                summary { (counted(scope.namespaces.len(), "namespace")) " judged" }
                ul.inline {
                    @for name in scope.namespaces.iter().take(NAMESPACES) { li { code { (Shown(name)) } } }
                }
                (rest(scope.namespaces.len(), NAMESPACES, "namespace"))
            }
        }
        @if !scope.excluded.is_empty() {
            details.att {
                summary { (counted(scope.excluded.len(), "namespace")) " that the plan takes out" }
                dl.pairs {
                    @for (name, reason) in &scope.excluded {
                        div { dt { code { (Shown(name)) } } dd { (Shown(reason)) } }
                    }
                }
            }
        }
    }
}

/// What else a reader must know: of the plan, and of the collection.
fn remarks(report: &Report<'_>) -> Markup {
    let plan = report.plan_notes.iter().map(|note| ("plan", note));
    let notes = &report.snapshot.coverage.notes;
    let all: Vec<(&str, &String)> = plan
        .chain(notes.iter().map(|note| ("note", note)))
        .collect();
    html! {
        @if !all.is_empty() {
            ul.notes {
                @for (label, note) in all.iter().take(NOTES) {
                    li { span.label { (label) } " " (Cut(note, MESSAGE)) }
                }
            }
            (rest(all.len(), NOTES, "note"))
        }
    }
}

fn sources(report: &Report<'_>) -> Markup {
    let coverage = &report.snapshot.coverage;
    let absent: BTreeSet<&str> = coverage
        .sources
        .iter()
        .filter(|source| {
            Missing::of(source.status)
                .is_some_and(|missing| gaps::is_harmless(source.kind, missing))
        })
        .map(|source| source.kind.label())
        .collect();
    let listed: Vec<&SourceRead> = coverage
        .sources
        .iter()
        .filter(|source| !absent.contains(source.kind.label()))
        .collect();
    let objects = objects(report);
    let table = html! {
        table.wide {
            caption { "Each list and look-up, and what came of it" }
            thead { tr {
                th scope="col" { "Kind" } th scope="col" { "Asked for" } th scope="col" { "Outcome" }
                th.number scope="col" { "Objects" } th scope="col" { "Finished" }
            } }
            tbody { @for source in listed.iter().take(SOURCES) { (source_row(source)) } }
        }
    };
    html! {
        details {
            summary {
                (counted(report.snapshot.objects.len(), "object")) " of " (counted(objects.len(), "kind")) " read, by "
                (counted(listed.len(), "request"))
            }
            (scrolling("Requests", &table))
            (rest(listed.len(), SOURCES, "request"))
            @if !absent.is_empty() {
                p.small {
                    "Not installed, so that there is nothing of them: "
                    @for (index, kind) in absent.iter().enumerate() { @if index > 0 { ", " } (kind) }
                    "."
                }
            }
        }
    }
}

fn objects(report: &Report<'_>) -> BTreeMap<Kind, usize> {
    let mut kinds = BTreeMap::new();
    for object in &report.snapshot.objects {
        *kinds.entry(object.kind).or_default() += 1;
    }
    kinds
}

fn source_row(source: &SourceRead) -> Markup {
    let asked = match source.verb {
        Verb::List => "list",
        Verb::Get => "get",
        Verb::File => "files",
    };
    let (class, mark, word) = match source.status {
        ReadStatus::Read => ("pass", "✓", "read"),
        ReadStatus::Absent => ("none", "–", "absent"),
        other => ("unsure", "?", Missing::of(other).map_or("not read", reason)),
    };
    let anywhere = source.namespace.is_none() && source.name.is_none();
    html! {
        tr {
            th scope="row" { (source.kind.label()) }
            td { (asked) @if anywhere && source.verb == Verb::List { " in all namespaces" } (place(source.namespace.as_deref(), source.name.as_deref())) }
            td {
                (badge(class, mark, word))
                @if let Some(status) = source.http_status { " " span.small { "HTTP " (status) } }
            }
            td.number { (Number(source.count)) }
            td { @if let Some(time) = &source.finished_at { span.small { (Shown(time)) } } }
        }
    }
}
