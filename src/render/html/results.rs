//! Every rule with its results: what needs attention is open, the rest is folded away.

use std::io;

use maud::{Markup, PreEscaped, html};

use super::controls::anchor;
use super::text::{Cut, Number, Shown, counted, counts, subject, verdict};
use super::{Page, values};
use crate::report::{Effective, Report, RuleReport, RuleResult};
use crate::rules::Group;

/// What is shown of long lists: a page of 20,000 pods must open at once.
const ATTENTION: usize = 60;
const QUIET: usize = 20;
const SUBJECTS: usize = 5;
const MESSAGE: usize = 600;

/// A link to a rule. Ids of rules are the tool's own.
pub(super) fn rule_link(id: &str) -> Markup {
    html! { a href={ "#rule-" (id) } { code { (Shown(id)) } } }
}

pub(super) fn write(page: &mut Page<'_>, report: &Report<'_>) -> io::Result<()> {
    page.raw("<section id=\"rules\" aria-labelledby=\"h-rules\">\n<h2 id=\"h-rules\">Rules and results</h2>\n")?;
    let mut group = None;
    for rule in &report.rules {
        if group != Some(rule.rule.group) {
            group = Some(rule.rule.group);
            page.add(&html! { h3.group { (name(rule.rule.group)) } })?;
        }
        page.add(&one(report, rule))?;
    }
    page.raw("</section>\n")
}

/// What a group of rules is called.
pub(super) const fn name(group: Group) -> &'static str {
    match group {
        Group::ExecutionDomain => "Execution domain",
        Group::Tenancy => "Tenancy",
        Group::Resources => "Resources",
        Group::Mesh => "Mesh",
        Group::Network => "Network",
        Group::Edge => "Edge",
    }
}

fn one(report: &Report<'_>, of: &RuleReport) -> Markup {
    let rule = of.rule;
    let with = |wanted: fn(Effective) -> bool| -> Vec<&RuleResult> {
        of.results
            .iter()
            .filter(|result| wanted(result.effective))
            .collect()
    };
    let attention = with(needs_attention);
    html! {
        article.rule aria-labelledby={ "rule-" (rule.id) } {
            h4 id={ "rule-" (rule.id) } { (rule.title) }
            p.line {
                code { (rule.id) } " " span.severity { (rule.severity.name()) } " "
                @if of.selected { (counts(of.counts)) } @else { span.count.unsure { "? not selected, so that nothing is known" } }
            }
            @if !of.controls.is_empty() { p.small { "Answers " (controls(report, of)) } }
            @if !attention.is_empty() {
                ul.results { @for result in attention.iter().take(ATTENTION) { (result_item(report, result)) } }
                (more(&attention, ATTENTION))
            }
            (quiet(report, &with(|effective| effective == Effective::Pass), Effective::Pass))
            (quiet(report, &with(|effective| effective == Effective::NotApplicable), Effective::NotApplicable))
        }
    }
}

/// The controls that a rule is bound to.
fn controls(report: &Report<'_>, of: &RuleReport) -> Markup {
    html! {
        @for (index, label) in of.controls.iter().enumerate() {
            @if index > 0 { ", " }
            @match report.catalog.controls.iter().position(|control| control.label == *label) {
                Some(control) => a href={ "#" (anchor(control)) } { (Shown(label)) },
                None => (Shown(label)),
            }
        }
    }
}

const fn needs_attention(effective: Effective) -> bool {
    match effective {
        Effective::Fail | Effective::Indeterminate | Effective::Waived => true,
        Effective::Pass | Effective::NotApplicable => false,
    }
}

fn quiet(report: &Report<'_>, results: &[&RuleResult], effective: Effective) -> Markup {
    let rows: usize = results.iter().map(|result| result.subjects.len()).sum();
    html! {
        @if !results.is_empty() {
            details.quiet {
                summary { (verdict(effective)) " " (counted(rows, "row")) " in " (counted(results.len(), "result")) }
                ul.results { @for result in results.iter().take(QUIET) { (result_item(report, result)) } }
                (more(results, QUIET))
            }
        }
    }
}

fn more(results: &[&RuleResult], shown: usize) -> Markup {
    let left = results.get(shown..).unwrap_or_default();
    let rows: usize = left.iter().map(|result| result.subjects.len()).sum();
    html! {
        @if !left.is_empty() {
            p.rest {
                "and " (counted(left.len(), "more result").as_str()) " on " (counted(rows, "row"))
                ": all of them are in the CSV and the JSON evidence"
            }
        }
    }
}

fn result_item(report: &Report<'_>, result: &RuleResult) -> Markup {
    html! {
        li class={ "result " (super::text::class(result.effective)) } {
            div.verdict {
                (verdict(result.effective))
                @if needs_attention(result.effective) { span.severity { (result.severity.name()) } }
            }
            div.said {
                p.message { (Cut(&result.message, MESSAGE)) " " span.reason { (result.reason.code()) } }
                (subjects(report, result))
                (waiver(report, result))
                (values::write(report, result))
            }
        }
    }
}

fn subjects(report: &Report<'_>, result: &RuleResult) -> Markup {
    let all = result.subjects.len();
    // One more is no longer than the line that counts it.
    let shown = if all <= SUBJECTS + 1 { all } else { SUBJECTS };
    html! {
        p.subjects {
            @for (index, of) in result.subjects.iter().take(shown).enumerate() {
                @if index > 0 { (PreEscaped(", ")) }
                (subject(report, of))
            }
            @if shown < all { " and " (Number((all - shown) as u64)) " more" }
            @if let Some(container) = &result.container { " · container " code { (Shown(container)) } }
            @if let Some(port) = &result.port { " · port " code { (Shown(&port.to_string())) } }
        }
    }
}

fn waiver(report: &Report<'_>, result: &RuleResult) -> Markup {
    let of = result
        .waiver
        .and_then(|index| report.waivers.iter().find(|of| of.index == index));
    html! {
        @if let Some(of) = of {
            p.small {
                "Waived by " a href={ "#waiver-" (of.index) } { (Shown(&of.waiver.id)) }
                " through " (Shown(&of.waiver.expires.to_string()))
            }
        }
    }
}
