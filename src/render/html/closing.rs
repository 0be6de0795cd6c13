//! What the results leave open: waivers, evidence by hand, methods outstanding, what no object shows, and how to check.

use maud::{Markup, html};

use super::results::rule_link;
use super::section;
use super::text::{Number, Prose, Shown, badge, counted, scrolling};
use crate::catalog::{Control, Method, Reason};
use crate::plan::ManualEvidence;
use crate::report::{ManualReport, NOT_OBSERVABLE, Report, WaiverReport, WaiverStatus};
use crate::snapshot::Mode;
use crate::waivers::WaiverSelector;

pub(super) fn waivers(report: &Report<'_>) -> Markup {
    let table = html! {
        table.wide.stack {
            caption { "Failures that an approver accepts for a time" }
            thead { tr {
                th scope="col" { "Waiver" } th scope="col" { "State" } th scope="col" { "Holds through" }
                th scope="col" { "Rule and selector" } th scope="col" { "Approval" }
            } }
            tbody { @for of in &report.waivers { (waiver(of)) } }
        }
    };
    section(
        "waivers",
        &html! {
            @if report.waivers.is_empty() { p { "No waivers were given: every failure counts." } }
            @else {
                p.lead { "A waived failure stays listed, and its control keeps its exceptions. A waiver that expired, or was approved later, waives nothing." }
                (scrolling("Waivers", &table))
            }
        },
    )
}

fn waiver(of: &WaiverReport) -> Markup {
    let waiver = &of.waiver;
    let state = match of.status {
        WaiverStatus::Applied => badge("waived", "w", "applied"),
        WaiverStatus::Expired => badge("fail", "✕", "expired"),
        WaiverStatus::NotYetApproved => badge("fail", "✕", "not-yet-approved"),
        WaiverStatus::Unmatched => badge("unsure", "?", "unmatched"),
        WaiverStatus::NotSelected => badge("none", "–", "not-selected"),
    };
    html! {
        tr id={ "waiver-" (of.index) } {
            th scope="row" {
                (Shown(&waiver.id))
                div.small { (waiver.deviation.code()) ", " (deviation(waiver.deviation.code())) }
            }
            td.full {
                (state)
                div.small {
                    (Number(of.waived)) " of " (Number(of.matched)) " failing rows that fit are waived"
                }
            }
            td.full { span.narrow.label { "Holds through " } time datetime=(Shown(&waiver.expires.to_string())) { (Shown(&waiver.expires.to_string())) } }
            td.full { (rule_link(&waiver.rule)) div.small { (selector(&waiver.selector)) } }
            td.full {
                (Shown(&waiver.justification))
                div.small {
                    "Approved by " (Shown(&waiver.approver)) " on " (Shown(&waiver.approved_on.to_string()))
                    @if let Some(poam) = &waiver.poam { ", " (Shown(poam)) }
                }
            }
        }
    }
}

fn deviation(code: &str) -> &'static str {
    match code {
        "OR" => "operational requirement",
        "FP" => "false positive",
        "RA" => "risk adjustment",
        _ => "vendor dependency",
    }
}

fn selector(selector: &WaiverSelector) -> Markup {
    let mut parts: Vec<(&str, String)> = Vec::new();
    let named = [
        ("uid", &selector.uid),
        ("namespace", &selector.namespace),
        ("kind", &selector.kind),
        ("name", &selector.name),
        ("container", &selector.container),
    ];
    for (key, value) in named {
        parts.extend(value.as_ref().map(|value| (key, value.clone())));
    }
    for (key, value) in &selector.labels {
        parts.push(("label", format!("{key}={value}")));
    }
    parts.extend(selector.port.as_ref().map(|port| {
        let protocol = match port.protocol.as_str() {
            "TCP" => String::new(),
            other => format!("/{other}"),
        };
        ("port", format!("{}{protocol}", port.number))
    }));
    html! {
        @for (index, (key, value)) in parts.iter().enumerate() {
            @if index > 0 { ", " }
            (key) " " code { (Shown(value)) }
        }
    }
}

pub(super) fn manual(report: &Report<'_>) -> Markup {
    let (attested, outstanding): (Vec<&ManualReport>, Vec<&ManualReport>) = report
        .manual
        .iter()
        .partition(|entry| !entry.proofs.is_empty());
    section(
        "manual",
        &html! {
            @if !attested.is_empty() {
                h3 { "Pointed to by the plan, looked at by nobody here" }
                ul.entries { @for entry in &attested { (entry_item(entry)) } }
            }
            @if !outstanding.is_empty() {
                h3 { "Outstanding" }
                ul.entries { @for entry in &outstanding { (entry_item(entry)) } }
            }
            @if report.manual.is_empty() { p { "The catalogue asks for none." } }
        },
    )
}

fn entry_item(entry: &ManualReport) -> Markup {
    html! {
        li {
            span.label { (Shown(&entry.controls.join(", "))) } " " strong { (Prose(&entry.title)) }
            @if let Some(reason) = entry.reason.filter(|reason| *reason != Reason::Manual) { " " span.reason { (reason.as_str()) } }
            div.small { "Responsible: " (Prose(&entry.responsible)) }
            @for proof in &entry.proofs { (attested(proof)) }
        }
    }
}

fn attested(proof: &ManualEvidence) -> Markup {
    html! {
        div {
            (Shown(&proof.title)) ", " time datetime=(Shown(&proof.date.to_string())) { (Shown(&proof.date.to_string())) }
            ", at " (Shown(&proof.location))
        }
    }
}

pub(super) fn methods(report: &Report<'_>) -> Markup {
    let table = html! {
        table {
            caption { "Methods that FedRAMP asks for, by control" }
            thead { tr {
                th scope="col" { "Control" } th scope="col" { "EXAMINE" } th scope="col" { "INTERVIEW" } th scope="col" { "TEST" }
            } }
            tbody {
                @for control in &report.controls {
                    @let definition = &report.catalog.controls[control.control];
                    tr {
                        th scope="row" { (Shown(&definition.label)) }
                        td { (outstanding()) }
                        td { (outstanding()) }
                        td {
                            @if definition.reason.is_some() { (outstanding()) }
                            @else { (badge("none", "·", "contributed to")) }
                        }
                    }
                }
            }
        }
    };
    section(
        "methods",
        &html! {
            p.lead {
                "EXAMINE and INTERVIEW are outstanding for every control. The rules contribute to the method TEST, as far as the "
                "API of a cluster shows; the determination stays with the assessor."
            }
            (scrolling("Methods", &table))
        },
    )
}

fn outstanding() -> Markup {
    badge("unsure", "?", "outstanding")
}

/// The methods of all objectives of a control, each once.
pub(super) fn methods_of(definition: &Control) -> Markup {
    let mut methods: Vec<Method> = definition
        .objectives
        .iter()
        .flat_map(|objective| objective.methods.iter().copied())
        .collect();
    methods.sort_unstable();
    methods.dedup();
    let names: Vec<&str> = methods.into_iter().map(Method::as_str).collect();
    html! { (names.join(", ")) }
}

pub(super) fn limits(report: &Report<'_>) -> Markup {
    section(
        "limits",
        &html! {
            p.lead { "No object of a cluster shows these. Somebody has to attest or test them." }
            dl.pairs {
                @for (fact, attested_by) in NOT_OBSERVABLE {
                    div { dt { (fact) } dd { "Ask: " (attested_by) } }
                }
            }
            @for note in &report.catalog.notes { p.small { (Prose(note)) } }
        },
    )
}

pub(super) fn repeat(report: &Report<'_>) -> Markup {
    section(
        "repeat",
        &html! {
            ul {
                li {
                    "Every value stands with the object it was read in, a JSON pointer (RFC 6901) and the " code { "kubectl" }
                    " command that prints it again; add " code { "--context" } " as needed. It prints nothing where a value is not set, "
                    "and the whole text where the pointer leads into flags or into a document inside a ConfigMap."
                }
                li {
                    "An object that has changed since has another " code { "resourceVersion" }
                    "; one that was made anew has another " code { "uid" } "."
                }
                li {
                    "Long lists are cut here and their rest is counted. All rows are in " code { "-o csv" } ", and all rows, values and objects in "
                    code { "-o json" } ", the evidence that this page is one view of; its SHA-256 stands above."
                }
                li { code { "sc39 verify FILE" } " derives every verdict again from the evidence file, without a cluster." }
                li {
                    "What a rule checks, why, and what it can't see: " code { "sc39 explain RULE" } "."
                }
                @if report.snapshot.origin.mode != Mode::Live {
                    li { "This was not read from a live cluster: a command answers once these objects are applied to one." }
                }
            }
            (frameworks(report))
        },
    )
}

fn frameworks(report: &Report<'_>) -> Markup {
    html! {
        @if !report.catalog.frameworks.is_empty() {
            details {
                summary { (counted(report.catalog.frameworks.len(), "framework")) " that the controls are taken from" }
                dl.pairs {
                    @for framework in &report.catalog.frameworks {
                        @let details = [&framework.revision, &framework.release, &framework.ruleset, &framework.level];
                        div {
                            dt { (Shown(&framework.name)) @for detail in details.into_iter().flatten() { " " (Shown(detail)) } }
                            dd { @if let Some(note) = &framework.note { (Prose(note)) } }
                        }
                    }
                }
            }
        }
    }
}

pub(super) fn footer(report: &Report<'_>) -> Markup {
    html! {
        footer {
            p {
                "Made by " (Shown(&report.run.tool.name)) " " (Shown(&report.run.tool.version)) " from what was collected at "
                (Shown(&report.snapshot.origin.finished_at))
                ". It supports an assessment and concludes none."
            }
        }
    }
}
