//! SARIF 2.1.0, as OASIS specifies it and within what GitHub's code scanning takes.
//!
//! GitHub refuses a file in which one result has no physical location, shows passes as alerts, and matches alerts by path
//! and fingerprint. So each result names the file that the object of its workload would be, passes are counted and not
//! listed, and neither path nor fingerprint has the name of a pod that is replaced.
//!
//! - GitHub: <https://docs.github.com/en/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning>
//! - OASIS: <https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/sarif-v2.1.0-errata01-os-complete.html>

mod location;
mod notifications;
mod results;
mod tool;

use std::io::{BufWriter, Write};

use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};

use super::RenderError;
use super::escape::visible;
use crate::report::{Counts, Report};
use crate::snapshot::Mode;
use results::{Results, Tally};
use tool::Tool;

/// What SARIF calls the same schema under one roof; GitHub compares it with nothing.
const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

pub(super) fn render(report: &Report<'_>, writer: &mut dyn Write) -> Result<(), RenderError> {
    let tally = Tally::new(results::MOST_RESULTS, results::MOST_BYTES);
    render_within(&tally, report, writer)
}

fn render_within(
    tally: &Tally,
    report: &Report<'_>,
    writer: &mut dyn Write,
) -> Result<(), RenderError> {
    let mut writer = BufWriter::new(writer);
    let log = Log {
        schema: SCHEMA,
        version: "2.1.0",
        runs: [Run::new(report, tally)],
    };
    serde_json::to_writer(&mut writer, &log)?;
    writer.write_all(b"\n")?;
    writer.flush()?;
    Ok(())
}

#[derive(Serialize)]
struct Log<'r> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run<'r>; 1],
}

/// The one run. What stands after `results` can tell what was left out of them.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run<'r> {
    tool: Tool,
    automation_details: Value,
    column_kind: &'static str,
    taxonomies: [Value; 1],
    results: Results<'r>,
    invocations: Invocations<'r>,
    properties: Properties<'r>,
}

struct Invocations<'r> {
    report: &'r Report<'r>,
    tally: &'r Tally,
}

struct Properties<'r> {
    report: &'r Report<'r>,
    tally: &'r Tally,
}

impl<'r> Run<'r> {
    fn new(report: &'r Report<'r>, tally: &'r Tally) -> Self {
        let mut automation = json!({ "id": format!("sc39/{}/{}", cluster(report), report.run.id) });
        if !report.run.id.is_empty() {
            automation["guid"] = json!(report.run.id);
        }
        Self {
            tool: Tool::new(report),
            automation_details: automation,
            column_kind: "utf16CodeUnits",
            taxonomies: [tool::taxonomy(report)],
            results: Results::new(report, tally),
            invocations: Invocations { report, tally },
            properties: Properties { report, tally },
        }
    }
}

impl Serialize for Invocations<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let report = self.report;
        let origin = &report.snapshot.origin;
        let mut invocation = json!({
            "executionSuccessful": report.gaps.is_empty() && report.scope.unknown.is_none(),
            "exitCode": report.gate.exit_code,
            "exitCodeDescription": text(&report.gate.meaning),
            "toolExecutionNotifications": notifications::list(report, self.tally),
        });
        for (member, time) in [
            ("startTimeUtc", &origin.started_at),
            ("endTimeUtc", &origin.finished_at),
        ] {
            if !time.is_empty() {
                invocation[member] = json!(time);
            }
        }
        [invocation].serialize(serializer)
    }
}

impl Serialize for Properties<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let report = self.report;
        let controls = report.controls.iter().map(|control| {
            json!({
                "label": report.catalog.controls[control.control].label,
                "determination": control.determination.name(),
                "rows": counts(control.counts),
            })
        });
        let cluster = &report.snapshot.origin.cluster;
        let mut properties = json!({
            "cluster": cluster.uid,
            "catalogueDigest": report.catalog.digest,
            "controls": controls.collect::<Vec<_>>(),
            "methodsOutstanding": ["EXAMINE", "INTERVIEW"],
            "namespaces": report.scope.namespaces.len(),
            "podsJudged": report.scope.pods,
            "resultsLeftOut": self.tally.left_out.get(),
            "resultsWritten": self.tally.written.get(),
        });
        if report.plan.is_given() {
            properties["planDigest"] = json!(report.plan.digest);
        }
        properties.serialize(serializer)
    }
}

/// What stands for the cluster in ids and paths: its uid, which no other has, or what was read instead of one.
fn cluster<'r>(report: &'r Report<'_>) -> &'r str {
    let origin = &report.snapshot.origin;
    let uid = origin.cluster.uid.as_deref();
    uid.filter(|uid| !uid.is_empty())
        .unwrap_or(match origin.mode {
            Mode::Live => "unknown",
            Mode::Manifests => "manifests",
            Mode::Demo => "demo",
        })
}

/// Rows by effective verdict.
fn counts(counts: Counts) -> Value {
    let named = crate::report::Effective::ALL
        .into_iter()
        .map(|effective| (effective.name().to_owned(), json!(counts.of(effective))));
    Value::Object(named.collect::<Map<String, Value>>())
}

/// Text of a message, with nothing in it that SARIF takes for a placeholder (§3.11.5) or a link (§3.11.6).
fn text(words: &str) -> String {
    let mut text = String::with_capacity(words.len());
    for letter in visible(words).chars() {
        match letter {
            '\\' | '[' | ']' => text.extend(['\\', letter]),
            '{' | '}' => text.extend([letter, letter]),
            _ => text.push(letter),
        }
    }
    text
}

/// The beginning of a text, which says so where it is not all.
fn cut(text: &str, characters: usize) -> String {
    if text.chars().nth(characters).is_none() {
        return text.to_owned();
    }
    let head: String = text.chars().take(characters.saturating_sub(1)).collect();
    format!("{head}…")
}

#[cfg(test)]
mod tests;
