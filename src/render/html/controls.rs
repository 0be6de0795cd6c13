//! Controls, what NIST wants determined about them, and the proofs of the vendor's statement.

use std::io;

use maud::{Markup, html};

use super::closing::methods_of;
use super::glance::{verdict_cells, verdict_heads};
use super::results::rule_link;
use super::text::{Prose, Shown, badge, counts, determination, scrolling};
use super::{Page, section};
use crate::catalog::{Control, Proof, Relation};
use crate::report::{ControlReport, PartReport, Report};

/// Id of a control's heading; by number, since catalogues can be exchanged.
pub(super) fn anchor(index: usize) -> String {
    format!("control-{}", index + 1)
}

/// The proofs of the vendor's statement, each with a determination of its own.
pub(super) fn proofs(report: &Report<'_>) -> Markup {
    let offered = report
        .controls
        .iter()
        .map(|control| (&report.catalog.controls[control.control], control))
        .filter(|(definition, _)| !definition.proofs.is_empty())
        .flat_map(|(definition, control)| control.parts.iter().map(move |part| (definition, part)));
    let table = html! {
        table.wide.parts.stack {
            caption { "What NIST wants determined, and what the vendor of the platform offers as proof" }
            thead { tr {
                th scope="col" { "Part" } th scope="col" { "Determination" }
                (verdict_heads())
                th scope="col" { "Rules" }
            } }
            tbody {
                @for (definition, part) in offered { (part_row(report, definition, part)) }
            }
        }
    };
    section(
        "proofs",
        &html! {
            p.lead {
                "A proof that holds is no finding on the control: the control is judged on all its primary rules together. "
                "The objective rests on the rules about execution domains alone."
            }
            (scrolling("Objectives and proofs", &table))
        },
    )
}

fn part_row(report: &Report<'_>, definition: &Control, part: &PartReport) -> Markup {
    let proof = definition.proofs.iter().find(|proof| proof.id == part.id);
    html! {
        tr {
            th scope="row" {
                span.label { (Shown(&definition.label)) " " (if proof.is_some() { "proof" } else { "objective" }) }
                " " (Prose(proof.map_or(part.id.as_str(), |proof| proof.title.as_str())))
                div.small { (Prose(proof.map_or(part.title.as_str(), |proof| proof.claim.as_str()))) }
            }
            td { (outcome(part, proof)) }
            (verdict_cells(part.counts))
            td.rules.full { (rule_list(report, &part.rules)) }
        }
    }
}

fn outcome(part: &PartReport, proof: Option<&Proof>) -> Markup {
    match (part.determination, proof.and_then(|proof| proof.reason)) {
        (Some(outcome), _) => determination(outcome),
        (None, Some(reason)) => {
            html! { (badge("none", "–", reason.as_str())) div.small { "no rule tests it" } }
        }
        (None, None) => html! { (badge("none", "–", "no rule")) },
    }
}

fn rule_list(report: &Report<'_>, rules: &[usize]) -> Markup {
    html! {
        @for (index, rule) in rules.iter().enumerate() {
            @if index > 0 { ", " }
            (rule_link(report.rules[*rule].rule.id))
        }
    }
}

/// Every control with its parts and rules.
pub(super) fn write(page: &mut Page<'_>, report: &Report<'_>) -> io::Result<()> {
    page.raw("<section id=\"controls\" aria-labelledby=\"h-controls\">\n<h2 id=\"h-controls\">Controls</h2>\n")?;
    for control in &report.controls {
        page.add(&one(report, control))?;
    }
    page.raw("</section>\n")
}

fn one(report: &Report<'_>, control: &ControlReport) -> Markup {
    let definition = &report.catalog.controls[control.control];
    let id = anchor(control.control);
    html! {
        article.control aria-labelledby=(id) {
            h3 id=(id) {
                (Shown(&definition.label)) " " span.title { (Shown(&definition.title)) }
            }
            p.line { (determination(control.determination)) " " (counts(control.counts)) }
            p.statement { (Prose(&definition.statement)) }
            @if !definition.in_moderate { p.small { "Beyond the Moderate baseline of FedRAMP." } }
            @if let Some(reason) = definition.reason {
                p { "No rule tests it (" (reason.as_str()) "). Responsible: " (Prose(&definition.responsible)) "." }
            }
            @if definition.proofs.is_empty() { (objectives(control)) }
            @for relation in [Relation::Primary, Relation::Supporting] { (bound(report, control, relation)) }
            details {
                summary { "How to assess it, and what the rules leave to do by hand" }
                (by_hand(definition))
            }
        }
    }
}

/// What NIST wants determined, where it is not among the proofs above.
fn objectives(control: &ControlReport) -> Markup {
    html! {
        @if control.parts.iter().any(|part| part.determination.is_some()) {
            ul.inline aria-label="Objectives" {
                @for part in &control.parts { li.small { (Shown(&part.id)) " " (outcome(part, None)) } }
            }
        }
    }
}

/// The rules that a control binds, each with its rows.
fn bound(report: &Report<'_>, control: &ControlReport, relation: Relation) -> Markup {
    let rules: Vec<usize> = control
        .rules
        .iter()
        .filter(|(_, bound)| *bound == relation)
        .map(|(rule, _)| *rule)
        .collect();
    let intro = match relation {
        Relation::Primary => "Primary rules",
        Relation::Supporting => "Supporting rules, which decide nothing here",
    };
    html! {
        @if !rules.is_empty() {
            p.label { (intro) }
            ul.bound {
                @for rule in rules {
                    @let rule = &report.rules[rule];
                    li {
                        (rule_link(rule.rule.id))
                        " "
                        @if rule.selected { (counts(rule.counts)) } @else { span.count.unsure { "? not selected" } }
                    }
                }
            }
        }
    }
}

fn by_hand(definition: &Control) -> Markup {
    html! {
        p { (Prose(&definition.assess)) }
        p.small { "Methods: " (methods_of(definition)) ". Responsible: " (Prose(&definition.responsible)) }
        @if !definition.proofs.is_empty() {
            dl.pairs {
                @for proof in &definition.proofs {
                    div {
                        dt { (Prose(&proof.title)) }
                        dd {
                            p { (Prose(&proof.assess)) }
                            @if let Some(gaps) = &proof.gaps { p { "Not looked at by its rules: " (Prose(gaps)) } }
                            p.small { "Source: " (Prose(&proof.source)) ". Responsible: " (Prose(&proof.responsible)) }
                        }
                    }
                }
            }
        }
        @for note in definition.notes.iter().chain(&definition.since_revision_4) { p.small { (Prose(note)) } }
        @for enhancement in &definition.enhancements {
            p.small { (Shown(&enhancement.label)) " " (Shown(&enhancement.title)) ": " (Prose(&enhancement.note)) }
        }
    }
}
