//! What readers have to know beside the results: what was not read comes first.

use serde_json::{Value, json};

use super::results::{MOST_RESULTS, Tally};
use super::{cut, text};
use crate::report::{Gap, Report, WaiverReport};
use crate::rules::Reason;

/// More than this nobody reads; how many more there are is said.
const MOST: usize = 1_000;
const LONGEST: usize = 2_000;

/// Ids of notifications, and what they are about.
pub(super) const DESCRIPTORS: [(&str, &str); 5] = [
    ("gap", "Something that the rules read could not be read."),
    (
        "scope",
        "What there is to judge could not be read to the end.",
    ),
    ("left-out", "The file does not hold all that was found."),
    ("declared", "A waiver or a part of the plan has no effect."),
    ("note", "Something to know about the collection."),
];

pub(super) fn list(report: &Report<'_>, tally: &Tally) -> Vec<Value> {
    let scope = report.scope.unknown.iter().map(|missing| {
        let reason = Reason::from(*missing).code();
        let words = format!("there may be more to judge than is known: {reason}");
        notification("scope", "error", &words)
    });
    let gaps = report.gaps.iter().take(MOST).map(gap);
    let more = report.gaps.len().saturating_sub(MOST);
    let more_gaps = (more > 0).then(|| {
        let words = format!("{more} more gaps are not listed here; the evidence has them all");
        notification("left-out", "error", &words)
    });
    let waivers = report.waivers.iter().filter_map(WaiverReport::warning);
    let plan = report.plan_notes.iter().map(|note| format!("plan: {note}"));
    let declared = waivers
        .chain(plan)
        .take(MOST)
        .map(|words| notification("declared", "warning", &words));
    let notes = report.snapshot.coverage.notes.iter().take(MOST);
    let notes = notes.map(|note| notification("note", "note", note));
    scope
        .chain(gaps)
        .chain(more_gaps)
        .chain(left_out(tally))
        .chain(declared)
        .chain(notes)
        .collect()
}

fn left_out(tally: &Tally) -> Option<Value> {
    let (written, rest) = (tally.written.get(), tally.left_out.get());
    (rest > 0).then(|| {
        let all = written + rest;
        let words = format!(
            "{rest} of {all} results are left out, the least severe ones: GitHub takes {MOST_RESULTS} results and 10 MB. \
             Evidence and CSV hold all of them"
        );
        notification("left-out", "warning", &words)
    })
}

fn gap(gap: &Gap) -> Value {
    let of = match (&gap.namespace, &gap.name) {
        (Some(namespace), Some(name)) => format!(" {namespace}/{name}"),
        (Some(namespace), None) => format!(" in namespace {namespace}"),
        (None, Some(name)) => format!(" {name}"),
        (None, None) => String::new(),
    };
    let reason = Reason::from(gap.missing).code();
    let rules = gap.rules.join(", ");
    let words = format!(
        "not read: {}{of} ({reason}): {}; touches {rules}",
        gap.kind, gap.message
    );
    let mut value = notification("gap", "error", &words);
    value["properties"] = json!({
        "kind": gap.kind.label(),
        "reason": reason,
        "rules": gap.rules,
    });
    value
}

fn notification(id: &str, level: &str, words: &str) -> Value {
    let index = DESCRIPTORS.iter().position(|(known, _)| *known == id);
    json!({
        "descriptor": { "id": id, "index": index.unwrap_or_default() },
        "level": level,
        "message": { "text": text(&cut(words, LONGEST)) },
    })
}
