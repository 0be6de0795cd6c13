//! Where results go: standard output, or files that appear whole or not at all.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum as _};

use crate::render::oscal::Model;
use crate::render::{Format, RenderOptions};

/// One `-o FORMAT[=FILE]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) format: Format,
    /// `None` is standard output.
    pub(super) file: Option<PathBuf>,
}

/// What formats can be told.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(super) struct FormatArgs {
    /// Which model of OSCAL the format oscal writes
    #[arg(
        long,
        value_enum,
        value_name = "MODEL",
        default_value = "assessment-results"
    )]
    oscal: Model,
}

impl FormatArgs {
    /// With the name of the evidence file that lies beside the outputs.
    pub(super) fn options(&self, evidence_name: Option<String>) -> RenderOptions {
        RenderOptions {
            evidence_name,
            oscal: self.oscal,
            ..RenderOptions::default()
        }
    }
}

/// The names of all formats.
fn formats() -> String {
    let names: Vec<String> = Format::value_variants()
        .iter()
        .filter_map(|format| Some(format.to_possible_value()?.get_name().to_owned()))
        .collect();
    names.join(", ")
}

/// What `-o` takes, for its help.
pub(super) fn help() -> String {
    let formats = formats();
    format!("Output, as FORMAT or FORMAT=FILE, repeatable; formats are {formats}")
}

/// Parses one `-o`.
pub(super) fn target(text: &str) -> Result<Target, String> {
    let (format, file) = text
        .split_once('=')
        .map_or((text, None), |(format, file)| (format, Some(file)));
    let format = Format::from_str(format, false)
        .map_err(|_| format!("unknown format {format:?}; there are {}", formats()))?;
    match file {
        Some("") => Err("a file name is missing after '='".to_owned()),
        Some("-") | None => Ok(Target { format, file: None }),
        Some(file) => Ok(Target {
            format,
            file: Some(PathBuf::from(file)),
        }),
    }
}

/// Name of the evidence file among the targets.
pub(super) fn evidence_name(targets: &[Target]) -> Option<String> {
    let evidence = targets
        .iter()
        .filter(|target| target.format == Format::Json)
        .find_map(|target| target.file.as_deref())?;
    Some(evidence.file_name()?.to_string_lossy().into_owned())
}

/// Checks, before any work is done, that the targets can be written side by side.
pub(super) fn check(targets: &[Target], others: &[&Path]) -> anyhow::Result<()> {
    if targets
        .iter()
        .filter(|target| target.file.is_none())
        .count()
        > 1
    {
        bail!("only one output can go to standard output; give the others a file: -o FORMAT=FILE");
    }
    let mut seen = BTreeSet::new();
    let files = targets
        .iter()
        .filter_map(|target| target.file.as_deref())
        .chain(others.iter().copied());
    for file in files {
        if !seen.insert(file) {
            bail!("{} is named twice as an output", file.display());
        }
        if file.is_dir() {
            bail!("{} is a folder, not a file to write", file.display());
        }
        let folder = folder(file);
        if !folder.is_dir() {
            bail!(
                "unable to write {}: there is no folder {}",
                file.display(),
                folder.display()
            );
        }
    }
    Ok(())
}

fn folder(file: &Path) -> &Path {
    file.parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or_else(|| Path::new("."))
}

/// Files that are being written, to be removed when the program is interrupted.
static PENDING: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// Removes what was begun and not finished; for the handler of signals.
pub fn discard_pending() {
    let mut pending = PENDING.lock().unwrap_or_else(PoisonError::into_inner);
    for file in std::mem::take(&mut *pending) {
        // Nothing more can be done about a file that can't be removed on the way out.
        let _ = std::fs::remove_file(file);
    }
}

/// A file under a temporary name, which gets its own when it is complete.
#[derive(Debug)]
struct Pending {
    temporary: PathBuf,
    finished: bool,
}

impl Pending {
    fn create(file: &Path) -> io::Result<(Self, File)> {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let temporary = folder(file).join(format!(".{name}.{}.tmp", std::process::id()));
        let mut pending = PENDING.lock().unwrap_or_else(PoisonError::into_inner);
        let handle = File::create(&temporary)?;
        pending.insert(temporary.clone());
        Ok((
            Self {
                temporary,
                finished: false,
            },
            handle,
        ))
    }

    fn finish(mut self, handle: &File, file: &Path) -> io::Result<()> {
        handle.sync_all()?;
        std::fs::rename(&self.temporary, file)?;
        self.finished = true;
        Ok(())
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        PENDING
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.temporary);
        if !self.finished {
            let _ = std::fs::remove_file(&self.temporary);
        }
    }
}

/// Writes a file whole, or not at all.
pub(super) fn write_file(
    file: &Path,
    write: impl FnOnce(&mut dyn Write) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    // Devices and pipes can't be replaced by a rename.
    if file.exists() && !file.is_file() {
        let mut writer = BufWriter::new(
            File::create(file).with_context(|| format!("unable to write {}", file.display()))?,
        );
        write(&mut writer)?;
        return writer
            .flush()
            .with_context(|| format!("failed to write {}", file.display()));
    }
    let failed = || format!("failed to write {}", file.display());
    let (pending, handle) = Pending::create(file).with_context(failed)?;
    let mut writer = BufWriter::new(handle);
    write(&mut writer).with_context(failed)?;
    let handle = writer
        .into_inner()
        .map_err(io::IntoInnerError::into_error)
        .with_context(failed)?;
    pending.finish(&handle, file).with_context(failed)
}
