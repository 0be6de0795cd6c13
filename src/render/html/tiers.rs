//! Which environment tier reaches which, as a matrix, with every way that is open.

use maud::{Markup, html};

use super::coverage::rest;
use super::results::rule_link;
use super::section;
use super::text::{Cut, Shown, class, counted, mark, scrolling, subject, verdict};
use crate::report::{Effective, Report, RuleResult, TierPair, TierReach};

const RULE: &str = "tier-isolation";
/// What is shown of long lists.
const NAMESPACES: usize = 6;
const WAYS: usize = 20;
const MESSAGE: usize = 400;

pub(super) fn write(report: &Report<'_>) -> Markup {
    let content = match &report.tiers {
        Some(tiers) => html! {
            p.lead {
                "Whether pods of one environment tier can reach pods of another, on any port: those that are there, and those that "
                "somebody could make. Told from the results of " (rule_link(RULE)) "."
            }
            (scrolling("Reach between tiers", &matrix(tiers)))
            @if tiers.more > 0 { p.rest { "and " (counted(tiers.more, "more tier")) ", for which see the results" } }
            (ways(report))
        },
        None => {
            html! { p { "Not told: " (rule_link(RULE)) " did not run, or nothing has an environment tier." } }
        }
    };
    section("tiers", &content)
}

fn matrix(tiers: &TierReach) -> Markup {
    html! {
        table.matrix {
            caption { "From the tier of the row into the tier of the column" }
            thead { tr {
                th scope="col" { span.small { "from \\ into" } }
                @for tier in &tiers.tiers { th scope="col" { (Shown(tier)) } }
            } }
            tbody {
                @for (from, tier) in tiers.tiers.iter().enumerate() {
                    tr {
                        th scope="row" { (Shown(tier)) }
                        @for to in 0..tiers.tiers.len() {
                            @if from == to { td.same { "same tier" } }
                            @else { (cell(tiers.pair(from, to))) }
                        }
                    }
                }
            }
        }
    }
}

fn cell(pair: Option<&TierPair>) -> Markup {
    let Some(pair) = pair else {
        return html! { td.none { "nothing judged" } };
    };
    let word = match pair.state {
        Effective::Fail => "open",
        Effective::Waived => "open, waived",
        Effective::Indeterminate => "not known",
        Effective::Pass => "closed",
        Effective::NotApplicable => "nothing judged",
    };
    html! {
        td class=(class(pair.state)) {
            span.state-word { span.mark aria-hidden="true" { (mark(pair.state)) } " " (word) }
            @if !pair.open.is_empty() {
                div.small {
                    "into "
                    @for (index, namespace) in pair.open.iter().take(NAMESPACES).enumerate() {
                        @if index > 0 { ", " }
                        code { (Shown(namespace)) }
                    }
                    @if pair.open.len() > NAMESPACES { " and " (pair.open.len() - NAMESPACES) " more" }
                }
            }
        }
    }
}

/// The first way into each namespace that has one.
fn ways(report: &Report<'_>) -> Markup {
    let rule = report.rules.iter().find(|rule| rule.rule.id == RULE);
    let open: Vec<&RuleResult> = rule
        .into_iter()
        .flat_map(|rule| &rule.results)
        .filter(|result| matches!(result.effective, Effective::Fail | Effective::Waived))
        .collect();
    html! {
        @if !open.is_empty() {
            h3.ways { "The first way into each namespace that is open" }
            ul.entries {
                @for result in open.iter().take(WAYS) {
                    li {
                        (verdict(result.effective)) " "
                        @if let Some(first) = result.subjects.first() { (subject(report, first)) }
                        @if result.subjects.len() > 1 { " and " (result.subjects.len() - 1) " more" }
                        div { (Cut(&result.message, MESSAGE)) }
                    }
                }
            }
            (rest(open.len(), WAYS, "way"))
        }
    }
}
