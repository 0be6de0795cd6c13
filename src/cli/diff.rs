//! `diff`: what changed between two evidence files; and the baseline that `scan` is held against.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::Args;
use serde_json::Value;

use super::args::{Terminal, Verbosity};
use super::render as files;
use crate::assess::{self, Options};
use crate::canonical;
use crate::catalog::Catalog;
use crate::compare::{self, Side};
use crate::evidence::{Evidence, Members};
use crate::render::changes::{self, Frame};
use crate::report::{Baseline, Report};
use crate::rules::{RULES, Severity};
use crate::snapshot::Origin;
use crate::verify;

/// Arguments of `diff`.
#[derive(Debug, Args)]
pub(super) struct Diff {
    /// The earlier evidence file
    old: PathBuf,
    /// The later evidence file
    new: PathBuf,
    /// Exit with 1 only for new failures of at least this severity
    #[arg(long, value_enum, value_name = "SEVERITY", default_value = "low")]
    fail_on: Severity,
    /// Do not exit with 3 when something can't be compared
    #[arg(long)]
    allow_indeterminate: bool,
    /// The folder of the catalogue that the files were made with, if it is not the built-in one
    #[arg(long = "controls", value_name = "DIR")]
    catalog: Option<PathBuf>,
}

impl Diff {
    pub(super) fn run(self, terminal: &Terminal) -> anyhow::Result<ExitCode> {
        let folder = self.catalog.as_deref();
        let (old, new) = (
            Loaded::open(&self.old, folder)?,
            Loaded::open(&self.new, folder)?,
        );
        let (before, after) = (old.side(), new.side());
        let (before, after) = (
            Side {
                report: &before,
                ran: old.ran(),
            },
            Side {
                report: &after,
                ran: new.ran(),
            },
        );
        let mut comparison = compare::compare(&before, &after)
            .map_err(anyhow::Error::msg)
            .with_context(|| format!("unable to compare {} and {}", old.shown, new.shown))?;
        comparison
            .notes
            .extend(old.note.iter().chain(&new.note).cloned());
        let (code, meaning) = comparison.gate(self.fail_on, self.allow_indeterminate);
        let frame = Frame {
            old: (&old.shown, &before.report.snapshot.origin.started_at),
            new: (&new.shown, &after.report.snapshot.origin.started_at),
            gate: (code, &meaning),
            verbose: terminal.verbosity == Verbosity::Verbose,
        };
        let mut stdout = io::BufWriter::new(io::stdout().lock());
        let written = changes::render(&comparison, &frame, &mut stdout)
            .and_then(|()| stdout.flush().map_err(Into::into));
        match written {
            Err(error) if error.is_broken_pipe() => {}
            result => result.context("failed to write to standard output")?,
        }
        Ok(ExitCode::from(code))
    }
}

/// An evidence file that was read and, as far as this binary can, made again.
pub(super) struct Loaded {
    shown: String,
    evidence: Evidence,
    catalog: Catalog,
    digest: String,
    run_id: String,
    /// What keeps it from being made again whole.
    note: Option<String>,
}

impl Loaded {
    pub(super) fn open(path: &Path, folder: Option<&Path>) -> anyhow::Result<Self> {
        let shown = files::name(path);
        let text = files::text(path)?;
        let evidence = files::parse(path, &text)?;
        let (catalog, note) = match (
            evidence.catalogue.selection(),
            files::catalog(&evidence, folder, &shown),
        ) {
            (Ok(_), Ok(catalog)) => {
                refuse_altered(&evidence, &catalog, &text, &shown)?;
                (catalog, None)
            }
            (Err(error), _) => (builtin()?, Some(format!("{shown}: {error}"))),
            (_, Err(error)) => (builtin()?, Some(format!("{error:#}"))),
        };
        let digest = digest(&text);
        let altered = || {
            format!("{shown} does not have the digest that it states; run `sc39 verify {shown}`")
        };
        Ok(Self {
            digest: digest.with_context(altered)?,
            run_id: run_id(&text).unwrap_or_default(),
            shown,
            evidence,
            catalog,
            note,
        })
    }

    /// The rules that ran, with the versions that they had.
    fn ran(&self) -> BTreeMap<String, u32> {
        let recorded = &self.evidence.catalogue;
        let rules = recorded.rules.iter();
        let ran = rules.filter(|(id, _)| recorded.selected.contains(id));
        ran.cloned().collect()
    }

    /// The rules of it that this binary has in the same version.
    fn comparable(&self) -> BTreeSet<&'static str> {
        let ran = self.ran();
        let same = RULES
            .iter()
            .filter(|rule| ran.get(rule.id) == Some(&rule.version));
        same.map(|rule| rule.id).collect()
    }

    /// The report by those rules.
    fn side(&self) -> Report<'_> {
        let evidence = &self.evidence;
        let options = Options {
            rules: self.comparable(),
            scope: evidence.scope.clone(),
            selector: evidence.selector.clone(),
            plan: &evidence.plan,
            waivers: &evidence.waivers,
            gate: evidence.gate,
            run: evidence.run.clone(),
            baseline: evidence.previous.as_ref(),
        };
        assess::assess(&evidence.snapshot, &self.catalog, options)
    }

    /// What failed in it, for the gate of a scan, and where it is from.
    pub(super) fn baseline(self, terminal: &Terminal) -> (Baseline, Origin) {
        if let Some(note) = self
            .note
            .as_ref()
            .filter(|_| terminal.verbosity != Verbosity::Quiet)
        {
            let note = format!(
                "the baseline can't be derived whole, and what can't be is not in it: {note}"
            );
            // Standard error may be closed; the exit code says the same.
            let _ = writeln!(io::stderr(), "warning: {}", crate::escape(&note));
        }
        let mut baseline = Baseline::of(&self.side(), self.digest.clone());
        baseline.run_id.clone_from(&self.run_id);
        (baseline, self.evidence.snapshot.origin)
    }
}

/// Refuses a file that says other than its objects: it might let a failure through that is new.
fn refuse_altered(
    evidence: &Evidence,
    catalog: &Catalog,
    text: &str,
    shown: &str,
) -> anyhow::Result<()> {
    let report = verify::derive(evidence, catalog).with_context(|| files::lacking(shown))?;
    let findings = verify::compare(&report, text)?;
    match findings.first() {
        None => Ok(()),
        Some(first) => bail!(
            "{shown} is not what its own objects give ({}: {}); run `sc39 verify {shown}`",
            first.pointer,
            first.message
        ),
    }
}

fn builtin() -> anyhow::Result<Catalog> {
    let ids: Vec<&str> = RULES.iter().map(|rule| rule.id).collect();
    Catalog::builtin(&ids).context("unable to load the built-in catalogue")
}

/// The digest that a document carries, if it is the document's.
fn digest(text: &str) -> Option<String> {
    let members = Members::of(text).ok()?;
    let integrity: Value = serde_json::from_str(members.get("integrity")?).ok()?;
    let recorded = integrity["contentDigest"].as_str()?;
    let is_it = |bytes: &[u8]| format!("sha256:{}", canonical::sha256(bytes)) == recorded;
    // As this program writes it, the digest is that of the bytes before it.
    let head = text
        .rfind(",\"integrity\":")
        .map(|at| format!("{}}}", &text[..at]));
    if head.is_some_and(|head| is_it(head.as_bytes())) {
        return Some(recorded.to_owned());
    }
    verify::sealed(text)
}

fn run_id(text: &str) -> Option<String> {
    let members = Members::of(text).ok()?;
    let run: Value = serde_json::from_str(members.get("run")?).ok()?;
    Some(run["id"].as_str()?.to_owned())
}
