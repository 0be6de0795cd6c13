//! `render`: an evidence file in any other format.

use std::borrow::Cow;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::Args;

use super::args::Terminal;
use super::output::{self, FormatArgs, Target};
use super::scan;
use super::signing::{Outputs, SignArgs};
use crate::catalog::Catalog;
use crate::evidence::{self, Evidence, EvidenceError};
use crate::rules::RULES;
use crate::verify;

/// Arguments of `render`.
#[derive(Debug, Args)]
pub(super) struct Render {
    /// The evidence file, or `-` for standard input
    evidence: PathBuf,
    /// Output, as FORMAT or FORMAT=FILE, repeatable; formats are those of `scan`
    #[arg(short, long = "output", value_name = "FORMAT[=FILE]", default_value = "table",
          value_parser = output::target)]
    outputs: Vec<Target>,
    #[command(flatten)]
    formats: FormatArgs,
    /// The folder of the catalogue that the evidence was made with, if it is not the built-in one
    #[arg(long = "controls", value_name = "DIR")]
    catalog: Option<PathBuf>,
    #[command(flatten)]
    sign: SignArgs,
}

impl Render {
    pub(super) fn run(self, terminal: &Terminal) -> anyhow::Result<ExitCode> {
        let outputs = Outputs::new(&self.outputs, None);
        let signer = self.sign.signer(&outputs, terminal)?;
        let shown = name(&self.evidence);
        let text = text(&self.evidence)?;
        let evidence = parse(&self.evidence, &text)?;
        let catalog = catalog(&evidence, self.catalog.as_deref(), &shown)?;
        let report = verify::derive(&evidence, &catalog).with_context(|| lacking(&shown))?;
        let findings = verify::compare(&report, &text)?;
        if let Some(first) = findings.first() {
            bail!(
                "{shown} is not what its own objects give ({}: {}); run `sc39 verify {shown}`",
                first.pointer,
                first.message
            );
        }
        scan::warn(report.snapshot, terminal);
        scan::warn_of_declared(&report, terminal);
        let options = self.formats.options(self.evidence_name());
        outputs.write(&report, &options, signer.as_ref(), terminal)?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Render {
    /// What other formats call the evidence: the name under which it is written beside them, else its own.
    fn evidence_name(&self) -> Option<String> {
        let own = self.evidence.file_name().map(|name| name.to_string_lossy());
        let own = own.filter(|name| name != "-").map(Cow::into_owned);
        output::evidence_name(&self.outputs).or(own)
    }
}

/// The name of a file in messages.
pub(super) fn name(path: &Path) -> String {
    if path == Path::new("-") {
        return "standard input".to_owned();
    }
    path.display().to_string()
}

/// The text of an evidence file.
pub(super) fn text(path: &Path) -> anyhow::Result<String> {
    let shown = name(path);
    let text = if path == Path::new("-") {
        evidence::read(std::io::stdin().lock())
    } else {
        let file = File::open(path).with_context(|| format!("unable to open {shown}"))?;
        let length = file.metadata().map_or(0, |metadata| metadata.len());
        if length > evidence::LIMIT {
            return Err(EvidenceError::TooLarge).with_context(|| unreadable(&shown));
        }
        evidence::read(file)
    };
    text.with_context(|| unreadable(&shown))
}

/// What a text rests on.
pub(super) fn parse(path: &Path, text: &str) -> anyhow::Result<Evidence> {
    let shown = name(path);
    Evidence::parse(&shown, text).with_context(|| unreadable(&shown))
}

/// The catalogue that the evidence was made with.
pub(super) fn catalog(
    evidence: &Evidence,
    folder: Option<&Path>,
    shown: &str,
) -> anyhow::Result<Catalog> {
    let ids: Vec<&str> = RULES.iter().map(|rule| rule.id).collect();
    let given = folder.map(|folder| {
        Catalog::from_directory(folder, &ids)
            .with_context(|| format!("unable to load the catalogue in {}", folder.display()))
    });
    let catalog = evidence.catalogue.catalog(given.transpose()?);
    catalog.with_context(|| lacking(shown))
}

pub(super) fn lacking(shown: &str) -> String {
    format!("unable to derive {shown} again")
}

fn unreadable(shown: &str) -> String {
    format!("unable to use {shown}")
}
