//! `scan` and `capture`.

use std::collections::BTreeSet;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::Args;

use super::Surroundings;
use super::args::{
    ConnectionArgs, PlanArgs, ScopeArgs, SelectionArgs, Terminal, Verbosity, namespace,
};
use super::diff::Loaded;
use super::output::{self, FormatArgs, Target};
use super::signing::{Outputs, SignArgs};
use super::source::{SourceArgs, rfc3339};
use crate::assess::{self, Options};
use crate::collect::archive;
use crate::compare;
use crate::gaps::{self, Gaps, Missing};
use crate::kind::Kind;
use crate::render::{self, Format, RenderError, RenderOptions};
use crate::report::gate::GateOptions;
use crate::report::{Baseline, Report, Run, WaiverReport};
use crate::rules::{RULES, Severity};
use crate::snapshot::{Origin, Snapshot};

/// So many namespaces are listed to whoever names one that is not there.
const MOST_NAMES: usize = 20;

/// Arguments of `scan`.
#[derive(Debug, Args)]
pub(super) struct Scan {
    #[command(flatten)]
    source: SourceArgs,
    /// Keep what was collected in this file
    #[arg(long, value_name = "FILE", help_heading = "Source")]
    save_snapshot: Option<PathBuf>,
    #[command(flatten)]
    scope: ScopeArgs,
    #[command(flatten)]
    selection: SelectionArgs,
    #[command(flatten)]
    plan: PlanArgs,
    #[arg(short, long = "output", value_name = "FORMAT[=FILE]", default_value = "table",
          value_parser = output::target, help = output::help(), help_heading = "Output")]
    outputs: Vec<Target>,
    #[command(flatten)]
    formats: FormatArgs,
    /// Exit with 1 only for failures of at least this severity
    #[arg(
        long,
        value_enum,
        value_name = "SEVERITY",
        default_value = "low",
        help_heading = "Output"
    )]
    fail_on: Severity,
    /// Do not exit with 3 when something is indeterminate
    #[arg(long, help_heading = "Output")]
    allow_indeterminate: bool,
    /// Exit with 1 only for failures that are not in this earlier evidence file of the same cluster
    #[arg(long, value_name = "OLD", help_heading = "Output")]
    baseline: Option<PathBuf>,
    #[command(flatten)]
    sign: SignArgs,
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// Arguments of `capture`.
#[derive(Debug, Args)]
pub(super) struct Capture {
    /// The file to write
    #[arg(short, long = "output", value_name = "FILE")]
    output: PathBuf,
    /// Namespace to fall back to where the whole cluster may not be listed, repeatable
    #[arg(short, long = "namespace", value_name = "NAME", value_parser = namespace)]
    namespaces: Vec<String>,
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    sign: SignArgs,
    #[command(flatten)]
    connection: ConnectionArgs,
}

impl Scan {
    pub(super) async fn run(
        self,
        surroundings: &Surroundings,
        terminal: &Terminal,
    ) -> anyhow::Result<ExitCode> {
        let outputs = Outputs::new(&self.outputs, self.save_snapshot.as_deref());
        let signer = self.sign.signer(&outputs, terminal)?;
        let baseline = self.baseline(terminal)?;
        let catalog = self.selection.catalog()?;
        let rules = self.selection.rules(&catalog)?;
        let scope = self.scope.request()?;
        let plan = self.plan.plan(self.source.is_demo())?;
        let waivers = self.plan.waivers()?;
        let kinds = assess::kinds_read(&rules).into_iter().collect();
        let snapshot = self
            .source
            .snapshot(
                &self.connection,
                &self.scope.namespaces,
                kinds,
                surroundings,
                terminal,
            )
            .await?;
        if let Some(file) = &self.save_snapshot {
            save(&snapshot, file)?;
        }
        warn(&snapshot, terminal);
        is_of_same_cluster(baseline.as_ref(), &snapshot)?;
        are_there(&self.scope.namespaces, &snapshot)?;
        let options = Options {
            rules,
            scope,
            selector: self.scope.selector.clone(),
            plan: &plan,
            waivers: &waivers,
            gate: GateOptions {
                fail_on: self.fail_on,
                allow_indeterminate: self.allow_indeterminate,
            },
            baseline: baseline.as_ref().map(|(baseline, _)| baseline),
            run: Run {
                assessed_at: rfc3339((surroundings.now)()),
                command: recorded(&surroundings.command),
                ..Run::default()
            },
        };
        let report = assess::assess(&snapshot, &catalog, options);
        if report.scope.is_empty {
            bail!("{}{}", report.gate.meaning, hint(&report));
        }
        warn_of_declared(&report, terminal);
        self.warn_of_evidence(terminal);
        let options = self.formats.options(output::evidence_name(&self.outputs));
        outputs.write(&report, &options, signer.as_ref(), terminal)?;
        Ok(end(&report, &outputs, terminal))
    }
}

impl Scan {
    /// Some formats name the evidence by its digest: without the file nobody can follow them.
    fn warn_of_evidence(&self, terminal: &Terminal) {
        let names =
            |target: &&Target| [Format::Html, Format::Oscal, Format::Sdr].contains(&target.format);
        let is_written = output::evidence_name(&self.outputs).is_some();
        if is_written || terminal.verbosity == Verbosity::Quiet {
            return;
        }
        if let Some(file) = self
            .outputs
            .iter()
            .filter(names)
            .find_map(|target| target.file.as_ref())
        {
            let line = format!(
                "{} names an evidence.json by its digest, which this run does not write: add -o json=evidence.json",
                file.display()
            );
            let _ = writeln!(io::stderr(), "warning: {}", crate::escape(&line));
        }
    }

    /// What failed in the file that the scan is held against, and where that is from.
    fn baseline(&self, terminal: &Terminal) -> anyhow::Result<Option<(Baseline, Origin)>> {
        let Some(file) = &self.baseline else {
            return Ok(None);
        };
        // Else the next run would let through whatever this one finds.
        if self
            .outputs
            .iter()
            .any(|target| target.file.as_ref() == Some(file))
        {
            bail!(
                "{} is the baseline, and can't be written over by the scan that is held against it",
                file.display()
            );
        }
        let loaded = Loaded::open(file, self.selection.folder())?;
        Ok(Some(loaded.baseline(terminal)))
    }
}

impl Capture {
    pub(super) async fn run(
        self,
        surroundings: &Surroundings,
        terminal: &Terminal,
    ) -> anyhow::Result<ExitCode> {
        let outputs = Outputs::new(&[], Some(&self.output));
        let signer = self.sign.signer(&outputs, terminal)?;
        let all = RULES.iter().map(|rule| rule.id).collect();
        let kinds: Vec<Kind> = assess::kinds_read(&all).into_iter().collect();
        let snapshot = self
            .source
            .snapshot(
                &self.connection,
                &self.namespaces,
                kinds,
                surroundings,
                terminal,
            )
            .await?;
        save(&snapshot, &self.output)?;
        match &signer {
            Some(signer) => signer.sign(&outputs, None)?,
            None => outputs.warn_of_old_signatures(terminal),
        }
        warn(&snapshot, terminal);
        Ok(ExitCode::SUCCESS)
    }
}

/// The exit code, with its meaning on standard error where no output says it on the terminal.
fn end(report: &Report<'_>, outputs: &Outputs<'_>, terminal: &Terminal) -> ExitCode {
    let gate = &report.gate;
    if outputs.is_silent() && terminal.verbosity != Verbosity::Quiet {
        let _ = writeln!(
            io::stderr(),
            "exit code {}: {}",
            gate.exit_code,
            gate.meaning
        );
    }
    ExitCode::from(gate.exit_code)
}

/// Refuses names after -n that no namespace has, where namespaces were read: a typo would be judged, and found empty.
fn are_there(wanted: &[String], snapshot: &Snapshot) -> anyhow::Result<()> {
    if Gaps::new(snapshot).listing(Kind::Namespace).is_some() {
        return Ok(());
    }
    let known: BTreeSet<&str> = snapshot
        .objects
        .iter()
        .map(|object| match object.kind {
            Kind::Namespace => object.name(),
            _ => object.namespace(),
        })
        .filter(|name| !name.is_empty())
        .collect();
    let unread = &snapshot.coverage.unreadable;
    for name in wanted {
        let of_unread = unread
            .iter()
            .any(|object| object.name == *name || object.namespace.as_ref() == Some(name));
        if !known.contains(name.as_str()) && !of_unread {
            let known: Vec<&str> = known.iter().copied().take(MOST_NAMES).collect();
            bail!(
                "there is no namespace {name}; there are {}",
                known.join(", ")
            );
        }
    }
    Ok(())
}

/// Refuses a baseline of another cluster.
fn is_of_same_cluster(
    baseline: Option<&(Baseline, Origin)>,
    snapshot: &Snapshot,
) -> anyhow::Result<()> {
    let Some((_, origin)) = baseline else {
        return Ok(());
    };
    compare::same_cluster(origin, &snapshot.origin)
        .map_err(anyhow::Error::msg)
        .context("unable to hold the scan against the baseline")
}

fn save(snapshot: &Snapshot, file: &std::path::Path) -> anyhow::Result<()> {
    output::write_file(file, |writer| Ok(archive::write(snapshot, writer)?))
}

/// Says on standard error what was not read: whoever sends results to a file must not miss it.
pub(super) fn warn(snapshot: &Snapshot, terminal: &Terminal) {
    if terminal.verbosity == Verbosity::Quiet {
        return;
    }
    let coverage = &snapshot.coverage;
    let refused = coverage.sources.iter().filter(|source| {
        Missing::of(source.status).is_some_and(|missing| {
            // What files lack is said once, in the results.
            !gaps::is_harmless(source.kind, missing) && missing != Missing::NotCollected
        })
    });
    let lines = refused
        .map(|source| {
            let place = source
                .namespace
                .as_ref()
                .map(|name| format!(" in namespace {name}"))
                .unwrap_or_default();
            let detail = source
                .message
                .as_ref()
                .map(|message| format!(": {message}"))
                .unwrap_or_default();
            let missing = Missing::of(source.status).map_or("was not read", Missing::in_words);
            format!("{}{place} {missing}{detail}", source.kind)
        })
        .chain(coverage.unreadable.iter().map(|object| {
            format!(
                "{}: {} {} could not be decoded: {}",
                object.place, object.kind, object.name, object.message
            )
        }))
        .chain(coverage.notes.iter().cloned());
    let mut stderr = io::stderr().lock();
    for line in lines {
        // Standard error may be closed; the results are what counts.
        let _ = writeln!(stderr, "warning: {}", crate::escape(&line));
    }
}

/// Whoever filters CSV by verdict must not miss that a waiver or the plan does not do what it is there for.
pub(super) fn warn_of_declared(report: &Report<'_>, terminal: &Terminal) {
    if terminal.verbosity == Verbosity::Quiet {
        return;
    }
    let mut stderr = io::stderr().lock();
    let waivers = report.waivers.iter().filter_map(WaiverReport::warning);
    let plan = report.plan_notes.iter().map(|note| format!("plan: {note}"));
    for line in waivers.chain(plan) {
        let _ = writeln!(stderr, "warning: {}", crate::escape(&line));
    }
}

fn hint(report: &Report<'_>) -> &'static str {
    match report.scope.basis {
        _ if report.scope.selector.is_some() && !report.scope.namespaces.is_empty() => {
            "; no pod of the namespaces in scope matches the selector after -l"
        }
        "named" => "; check the names after -n and the selector after -l",
        "all" => "; the cluster holds no pods that match",
        _ => "; no namespace holds Mendix objects: name namespaces with -n, or take all with -A",
    }
}

pub(super) fn write(
    report: &Report<'_>,
    target: &Target,
    options: &RenderOptions,
    terminal: &Terminal,
) -> anyhow::Result<()> {
    let options = RenderOptions {
        colour: terminal.colour && target.file.is_none(),
        verbose: terminal.verbosity == Verbosity::Verbose,
        width: terminal.width.filter(|_| target.file.is_none()),
        ..options.clone()
    };
    let Some(file) = &target.file else {
        let mut stdout = io::BufWriter::new(io::stdout().lock());
        return match render::render(target.format, report, &options, &mut stdout)
            .and_then(|()| stdout.flush().map_err(RenderError::Write))
        {
            // Whoever read standard output has seen enough.
            Err(error) if error.is_broken_pipe() => Ok(()),
            result => result.context("failed to write to standard output"),
        };
    };
    output::write_file(file, |writer| {
        Ok(render::render(target.format, report, &options, writer)?)
    })
}

/// The command line for the record. Paths are cut to their last part: they name people and machines.
fn recorded(command: &[String]) -> Vec<String> {
    command
        .iter()
        .enumerate()
        .map(|(index, argument)| {
            let (flag, value) = argument
                .split_once('=')
                .map_or(("", argument.as_str()), |(flag, value)| (flag, value));
            let last = value
                .rsplit('/')
                .find(|part| !part.is_empty())
                .unwrap_or(value);
            match (index, flag) {
                (0, _) => "sc39".to_owned(),
                (_, "") => last.to_owned(),
                (_, flag) => format!("{flag}={last}"),
            }
        })
        .collect()
}
