//! What must hold of a run whatever goes wrong, held against a run in which nothing did.

use std::collections::BTreeSet;

use serde_json::Value;

use super::proxy::TOKEN;
use crate::live::Row;

/// What a run came to.
pub(super) enum Ending {
    /// Exit 2, with a message and nothing written.
    Refused(String),
    Assessed(Box<Assessed>),
}

/// Everything that was written.
pub(super) struct Assessed {
    pub(super) exit_code: u64,
    pub(super) rows: BTreeSet<Row>,
    pub(super) evidence: Value,
    /// Every output as text, and what was said on standard error.
    pub(super) texts: Vec<String>,
}

/// What is wrong with a run. Nothing is wrong with one of which all this holds:
///
/// 1. Every row is a row of the calm run, or `indeterminate` where the evidence names a gap that touches its rule. Where it
///    is not known what is in scope, more may be judged: as in the calm run over all namespaces.
/// 2. Every row of the calm run is there, or an `indeterminate` row stands for it.
/// 3. Every control is determined as in the calm run, or `undetermined`.
/// 4. The exit code is what the rows say; nothing is called empty that the calm run found something in.
/// 5. The credential is nowhere.
pub(super) fn violations(calm: &Assessed, of_all: &Assessed, run: &Ending) -> Vec<String> {
    let run = match run {
        Ending::Refused(message) => return refusal(message),
        Ending::Assessed(run) => run,
    };
    let mut problems: Vec<String> = turned(calm, of_all, run).collect();
    problems.extend(vanished(calm, run));
    problems.extend(controls(calm, run));
    let wanted = exit_code(&run.evidence);
    if run.exit_code != wanted {
        problems.push(format!("exit {} in place of {wanted}", run.exit_code));
    }
    let leaks = run.texts.iter().filter(|text| text.contains(TOKEN));
    problems.extend(leaks.map(|text| format!("the credential is in {}", around(text, TOKEN))));
    problems
}

fn refusal(message: &str) -> Vec<String> {
    let leak = message.contains(TOKEN).then_some("holds the credential");
    let empty = message
        .contains("nothing to judge")
        .then_some("calls the cluster empty");
    let known = [
        "failed to reach",
        "refuses the credentials",
        "nothing could be read",
        "does not answer like",
    ];
    let odd = !known.iter().any(|words| message.contains(words));
    let odd = odd.then_some("is not one of those expected");
    let problems = [leak, empty, odd].into_iter().flatten();
    problems
        .map(|problem| format!("the message {problem}: {message}"))
        .collect()
}

/// Rows that the calm run does not have and no gap explains.
fn turned<'a>(
    calm: &'a Assessed,
    of_all: &'a Assessed,
    run: &'a Assessed,
) -> impl Iterator<Item = String> + 'a {
    let is_scope_known = run.evidence["boundary"]["unknown"].is_null();
    let is_fine = move |row: &Row| {
        calm.rows.contains(row)
            || (!is_scope_known && of_all.rows.contains(row))
            || (row.verdict == "indeterminate" && run.has_gap_for(row))
    };
    run.rows
        .iter()
        .filter(move |row| !is_fine(row))
        .map(|row| format!("{row:?} is neither in the calm run nor explained by a gap"))
}

/// Rows of the calm run for which nothing stands.
fn vanished<'a>(calm: &'a Assessed, run: &'a Assessed) -> impl Iterator<Item = String> + 'a {
    let stands_for = |open: &Row, row: &Row| {
        let is_wider = match open.kind.as_str() {
            "Cluster" => true,
            "Namespace" => open.name == row.namespace || row.kind == "Cluster",
            _ => row.kind == "Cluster",
        };
        let is_same =
            (&open.kind, &open.namespace, &open.name) == (&row.kind, &row.namespace, &row.name);
        open.rule == row.rule && open.verdict == "indeterminate" && (is_wider || is_same)
    };
    calm.rows
        .iter()
        .filter(move |row| !run.rows.contains(*row))
        .filter(move |row| !run.rows.iter().any(|open| stands_for(open, row)))
        .map(|row| format!("{row:?} is gone, and nothing indeterminate stands for it"))
}

fn controls<'a>(calm: &'a Assessed, run: &'a Assessed) -> impl Iterator<Item = String> + 'a {
    let before = calm.determinations();
    let now = run.determinations();
    let same_controls = before.len() == now.len();
    let turned = before
        .into_iter()
        .zip(now)
        .filter(|((label, was), (other, is))| {
            label != other || (was != is && is != "undetermined")
        });
    let turned =
        turned.map(|((label, was), (_, is))| format!("control {label} is {is}, calm {was}"));
    turned.chain((!same_controls).then(|| "controls are missing".to_owned()))
}

/// What the results and the scope make of the exit code: 1 for a failure that counts, else 3 for anything not known.
fn exit_code(evidence: &Value) -> u64 {
    let results = evidence["results"]
        .as_array()
        .expect("evidence has results");
    let has = |verdict: &str| {
        results.iter().any(|result| {
            result["effectiveVerdict"] == verdict
                && (verdict != "fail" || result["severity"] != "info")
        })
    };
    let is_scope_known = evidence["boundary"]["unknown"].is_null();
    match (has("fail"), has("indeterminate")) {
        (true, _) => 1,
        (false, false) if is_scope_known => 0,
        (false, _) => 3,
    }
}

impl Assessed {
    /// Whether the evidence names a gap that touches the row's rule.
    fn has_gap_for(&self, row: &Row) -> bool {
        let touches = |gap: &Value| {
            let rules = gap["affectsRules"].as_array().into_iter().flatten();
            rules.into_iter().any(|rule| *rule == *row.rule)
        };
        self.gaps().iter().any(touches)
    }

    /// What the evidence says was not read.
    pub(super) fn gaps(&self) -> &[Value] {
        self.evidence["coverage"]["gaps"]
            .as_array()
            .expect("evidence lists its gaps")
    }

    fn determinations(&self) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let controls = self.evidence["controls"].as_array();
        let controls = controls.expect("evidence has controls").iter();
        controls
            .map(|control| (text(&control["id"]), text(&control["determination"])))
            .collect()
    }
}

fn around(text: &str, word: &str) -> String {
    let place = text.find(word).unwrap_or_default();
    let letters = text
        .char_indices()
        .filter(|(index, _)| index.abs_diff(place) < 80);
    letters.map(|(_, letter)| letter).collect()
}
