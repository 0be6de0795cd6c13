//! What a reader of the result must know beside observations and findings.

use crate::render::oscal::text::markup;
use crate::report::{Report, WaiverReport};

/// As a list in Markdown.
pub(super) fn of(report: &Report<'_>) -> String {
    let mut lines = vec![
        "No finding on a control means that its tests found no exception, not that it is satisfied.".to_owned(),
        scope(report),
    ];
    lines.extend(report.scope.excluded.iter().map(|(name, reason)| {
        format!(
            "Namespace {} was not judged: {}",
            markup(name),
            markup(reason)
        )
    }));
    let gaps = report.gaps.len();
    if gaps > 0 {
        lines.push(format!(
            "Not everything was read: {gaps} gaps, each an observation of its own."
        ));
    }
    let left_out: Vec<&str> = report
        .rules
        .iter()
        .filter(|rule| !rule.selected)
        .map(|rule| rule.rule.id)
        .collect();
    if !left_out.is_empty() {
        lines.push(format!("Rules that did not run: {}.", left_out.join(", ")));
    }
    let waivers = report.waivers.iter().filter_map(WaiverReport::warning);
    lines.extend(waivers.map(|warning| markup(&warning)));
    lines.extend(
        report
            .plan_notes
            .iter()
            .map(|note| format!("Plan: {}", markup(note))),
    );
    lines.extend(report.manual.iter().map(|entry| {
        let state = if entry.proofs.is_empty() {
            "outstanding".to_owned()
        } else {
            let places: Vec<String> = entry
                .proofs
                .iter()
                .map(|proof| {
                    format!(
                        "{} of {} at {}",
                        markup(&proof.title),
                        proof.date,
                        markup(&proof.location)
                    )
                })
                .collect();
            format!(
                "attested by the plan and not looked at: {}",
                places.join("; ")
            )
        };
        format!("Manual evidence, {}: {state}", markup(&entry.title))
    }));
    let items: Vec<String> = lines.iter().map(|line| format!("- {line}")).collect();
    items.join("\n")
}

fn scope(report: &Report<'_>) -> String {
    let scope = &report.scope;
    let names: Vec<String> = scope.namespaces.iter().map(|name| markup(name)).collect();
    let selector = scope
        .selector
        .as_deref()
        .map(|selector| format!(" that match {}", markup(selector)));
    let unknown = scope
        .unknown
        .map(|missing| format!(" There may be more: {}.", missing.in_words()));
    format!(
        "Judged were {} of {} pods{}{}, in {} namespaces: {}.{}",
        scope.pods,
        scope.pods_read,
        selector.unwrap_or_default(),
        scope.templates_in_words(),
        names.len(),
        names.join(", "),
        unknown.unwrap_or_default()
    )
}
