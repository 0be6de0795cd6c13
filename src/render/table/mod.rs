//! The table: a report for people, by control, part and rule. It fits the terminal, and says nothing by colour alone.

mod closing;
mod controls;
mod page;
mod results;

use std::io::{BufWriter, Write};

use super::{RenderError, RenderOptions};
use crate::gaps::Missing;
use crate::kind::{Kind, Presence};
use crate::report::{Counts, Effective, Report};
use crate::rules::Reason;
use crate::snapshot::{Mode, Snapshot};
use page::{Page, Pieces, Style, of_verdict};

pub(super) fn render(
    report: &Report<'_>,
    options: &RenderOptions,
    writer: &mut dyn Write,
) -> Result<(), RenderError> {
    let mut writer = BufWriter::new(writer);
    let mut page = Page::new(&mut writer, options.width, options.colour);
    opening(&mut page, report)?;
    controls::overview(&mut page, report)?;
    controls::details(&mut page, report, options.verbose)?;
    closing::write(&mut page, report)?;
    writer.flush()?;
    Ok(())
}

/// What was not read, a line each; for standard error, where results go to a file.
pub fn warnings(snapshot: &Snapshot) -> Vec<String> {
    let coverage = &snapshot.coverage;
    let sources = coverage.sources.iter().filter_map(|source| {
        let missing = Missing::of(source.status)?;
        let harmless = missing == Missing::NotServed && of_product(source.kind);
        let place = place(source.namespace.as_deref(), source.name.as_deref());
        let message = source.message.as_deref().unwrap_or_default();
        let line = sentence(source.kind, &place, missing, message);
        (!harmless).then_some(line)
    });
    let objects = coverage.unreadable.iter().map(|object| {
        let place = place(object.namespace.as_deref(), Some(&object.name));
        let message = format!("{}: {}", object.place, object.message);
        sentence(object.kind, &place, Missing::Unreadable, &message)
    });
    let notes = coverage
        .notes
        .iter()
        .map(|note| super::escape::visible(note).into_owned());
    sources.chain(objects).chain(notes).collect()
}

fn sentence(kind: Kind, place: &str, missing: Missing, message: &str) -> String {
    let colon = if message.is_empty() { "" } else { ": " };
    let line = format!("{kind}{place}: {}{colon}{message}", reason(missing));
    super::escape::visible(&line).into_owned()
}

/// Where something was asked for, as it follows its kind.
fn place(namespace: Option<&str>, name: Option<&str>) -> String {
    match (namespace, name) {
        (Some(namespace), Some(name)) => format!(" {namespace}/{name}"),
        (Some(namespace), None) => format!(" in namespace {namespace}"),
        (None, Some(name)) => format!(" {name}"),
        (None, None) => String::new(),
    }
}

fn reason(missing: Missing) -> &'static str {
    Reason::from(missing).code()
}

fn of_product(kind: Kind) -> bool {
    matches!(kind.api().presence, Presence::Product(_))
}

/// What was judged, of what, when.
fn opening(page: &mut Page<'_>, report: &Report<'_>) -> std::io::Result<()> {
    const COLUMN: u16 = 11;
    page.pieces(0, &[(Style::Strong, report.catalog.title.clone())])?;
    page.blank()?;
    let origin = &report.snapshot.origin;
    let cluster = [
        origin.cluster.uid.as_ref().map(|uid| format!("uid {uid}")),
        origin
            .cluster
            .context
            .as_ref()
            .map(|context| format!("context {context}")),
        origin
            .cluster
            .git_version
            .as_ref()
            .map(|version| format!("Kubernetes {version}")),
    ];
    let cluster: Vec<String> = cluster.into_iter().flatten().collect();
    if !cluster.is_empty() {
        page.labelled(0, "cluster", COLUMN, &cluster.join(", "))?;
    }
    let source = match origin.mode {
        Mode::Live => "a live API server",
        Mode::Manifests => "manifests",
        Mode::Demo => "the built-in example",
    };
    let collected = format!(
        "from {source}, {} to {}",
        origin.started_at, origin.finished_at
    );
    page.labelled(0, "collected", COLUMN, &collected)?;
    page.labelled(0, "scope", COLUMN, &scope(report))?;
    let selected = report.rules.iter().filter(|rule| rule.selected).count();
    let rules = format!(
        "{selected} of {}, bound to controls by catalogue {} {} ({})",
        report.rules.len(),
        report.catalog.id,
        report.catalog.version,
        report.catalog.source,
    );
    page.labelled(0, "rules", COLUMN, &rules)?;
    plan(page, report, COLUMN)
}

/// The assessment plan, told by its digest.
fn plan(page: &mut Page<'_>, report: &Report<'_>, column: u16) -> std::io::Result<()> {
    let plan = report.plan;
    if !plan.is_given() {
        return Ok(());
    }
    let system = [&plan.system.name, &plan.system.fedramp_id];
    let system: Vec<&str> = system.into_iter().flatten().map(String::as_str).collect();
    if !system.is_empty() {
        page.labelled(0, "system", column, &system.join(", "))?;
    }
    page.labelled(0, "plan", column, &plan.digest)
}

fn scope(report: &Report<'_>) -> String {
    let scope = &report.scope;
    let chosen = match scope.basis {
        "named" => "named on the command line",
        "all" => "in the cluster",
        _ => "that hold Mendix objects",
    };
    let namespaces = counted(scope.namespaces.len(), "namespace");
    let selector = match &scope.selector {
        Some(selector) => format!(" that match {selector}"),
        None => String::new(),
    };
    let pods = counted(scope.pods_read, "pod");
    format!(
        "{} of {pods}{} judged{selector}, in {namespaces} {chosen}",
        scope.pods,
        scope.templates_in_words()
    )
}

fn counted(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// `1 fail, 7 pass`: what there is, worst first.
fn counts(counts: Counts) -> Pieces {
    let mut pieces = Pieces::new();
    for effective in Effective::ALL {
        let rows = counts.of(effective);
        if rows == 0 {
            continue;
        }
        if !pieces.is_empty() {
            pieces.push((Style::Plain, ", ".to_owned()));
        }
        let word = match effective {
            Effective::NotApplicable => "n/a",
            _ => effective.name(),
        };
        pieces.push((of_verdict(effective), format!("{rows} {word}")));
    }
    if pieces.is_empty() {
        pieces.push((Style::Plain, "no rows".to_owned()));
    }
    pieces
}

#[cfg(test)]
mod tests;
