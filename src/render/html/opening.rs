//! What was assessed, by whom, when and with what.

use maud::{Markup, html};

use super::text::{Number, Shown, counted};
use crate::report::Report;
use crate::snapshot::Mode;

/// What the browser calls the page.
pub(super) fn title(report: &Report<'_>) -> String {
    let cluster = &report.snapshot.origin.cluster;
    let system = report.plan.system.name.as_deref();
    match system.or(cluster.context.as_deref()) {
        Some(name) => format!("SC-39 evidence, {name}"),
        None => "SC-39 evidence".to_owned(),
    }
}

pub(super) fn write(report: &Report<'_>, evidence: &str) -> Markup {
    html! {
        header {
            p.eyebrow { "Assessment evidence, method TEST" }
            h1 { (Shown(&report.catalog.title)) }
            dl.facts {
                @for (term, value) in facts(report, evidence) {
                    div { dt { (term) } dd { (value) } }
                }
            }
        }
    }
}

fn facts<'r>(report: &'r Report<'_>, evidence: &'r str) -> Vec<(&'static str, Markup)> {
    let mut facts = Vec::new();
    let system = &report.plan.system;
    let system: Vec<&str> = [&system.name, &system.fedramp_id]
        .into_iter()
        .flatten()
        .map(String::as_str)
        .collect();
    if !system.is_empty() {
        facts.push(("System", html! { (Shown(&system.join(", "))) }));
    }
    facts.push(("Cluster", cluster(report)));
    facts.push(("Collected", collected(report)));
    facts.push(("Judged", judged(report)));
    facts.push(("Rules", rules(report)));
    let tool = &report.run.tool;
    facts.push((
        "Tool",
        html! {
            (Shown(&tool.name)) " " (Shown(&tool.version)) br; "collected by " (Shown(&report.snapshot.origin.collector))
        },
    ));
    let digests = [
        ("SHA-256 of the evidence file", evidence),
        ("Catalogue", report.catalog.digest.as_str()),
        ("Plan", report.plan.digest.as_str()),
        ("Waivers", report.waiver_file.digest.as_str()),
    ];
    for (term, digest) in digests {
        if !digest.is_empty() {
            facts.push((term, html! { code { (Shown(digest)) } }));
        }
    }
    facts.push(("Run", html! { code { (Shown(&report.run.id)) } }));
    facts
}

fn cluster(report: &Report<'_>) -> Markup {
    let cluster = &report.snapshot.origin.cluster;
    let parts = [
        cluster.context.as_deref().map(str::to_owned),
        cluster
            .git_version
            .as_ref()
            .map(|version| format!("Kubernetes {version}")),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    html! {
        @if !parts.is_empty() { (Shown(&parts.join(", "))) br; }
        @match &cluster.uid {
            Some(uid) => { "uid " code { (Shown(uid)) } }
            None => { "its uid was not read" }
        }
    }
}

fn collected(report: &Report<'_>) -> Markup {
    let origin = &report.snapshot.origin;
    let source = match origin.mode {
        Mode::Live => "from a live API server",
        Mode::Manifests => "from manifests",
        Mode::Demo => "from the built-in example",
    };
    let ends = [&origin.started_at, &origin.finished_at];
    html! {
        time datetime=(Shown(ends[0])) { (Shown(ends[0])) }
        @if ends[0] != ends[1] { " to " time datetime=(Shown(ends[1])) { (Shown(ends[1])) } }
        br;
        (source)
        @if let Some(operator) = &origin.operator { ", as " (Shown(&operator.username)) }
    }
}

fn judged(report: &Report<'_>) -> Markup {
    let scope = &report.scope;
    let chosen = match scope.basis {
        "named" => "named on the command line",
        "all" => "of the cluster",
        _ => "that hold Mendix objects",
    };
    html! {
        (Number(scope.pods as u64)) " of " (counted(scope.pods_read, "pod")) (scope.templates_in_words())
        br;
        "in " (counted(scope.namespaces.len(), "namespace")) " " (chosen)
        @if let Some(selector) = &scope.selector { ", pods that match " code { (Shown(selector)) } }
    }
}

fn rules(report: &Report<'_>) -> Markup {
    let selected = report.rules.iter().filter(|rule| rule.selected).count();
    let catalog = report.catalog;
    html! {
        (selected) " of " (report.rules.len()) " ran"
        br;
        "catalogue " (Shown(&catalog.id)) " " (Shown(&catalog.version)) ", " (Shown(&catalog.source.to_string()))
    }
}
