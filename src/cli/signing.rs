//! `--sign-key`: signs the files that a command has written.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;

use super::args::{Terminal, Verbosity};
use super::output::{self, Target};
use super::scan;
use crate::render::{Format, RenderOptions};
use crate::report::Report;
use crate::signing::{self, SigningKey, Subject};

/// A key is far smaller.
const LIMIT: u64 = 1 << 16;

/// Signing of outputs.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(super) struct SignArgs {
    /// Sign each file that is written with this private key (ECDSA P-256, PEM)
    // A key by mistake begins with hyphens; the parser of arguments would show it as one that it does not know.
    #[arg(long, value_name = "FILE|env:NAME", allow_hyphen_values = true)]
    sign_key: Option<String>,
}

/// What a command writes.
#[derive(Debug)]
pub(super) struct Outputs<'o> {
    targets: &'o [Target],
    /// A snapshot that is written beside them.
    snapshot: Option<&'o Path>,
}

/// Signs files when they are complete.
#[derive(Debug)]
pub(super) struct Signer {
    key: SigningKey,
}

impl<'o> Outputs<'o> {
    pub(super) fn new(targets: &'o [Target], snapshot: Option<&'o Path>) -> Self {
        Self { targets, snapshot }
    }

    fn files(&self) -> Vec<&'o Path> {
        let targets = self
            .targets
            .iter()
            .filter_map(|target| target.file.as_deref());
        targets.chain(self.snapshot).collect()
    }

    /// The file whose name the statement over all files bears: the evidence, or else the first.
    fn leading(&self) -> Option<&'o Path> {
        let mut evidence = self
            .targets
            .iter()
            .filter(|target| target.format == Format::Json);
        let evidence = evidence.find_map(|target| target.file.as_deref());
        evidence.or_else(|| self.files().first().copied())
    }

    /// Checks, before any work is done, that all files can be written side by side.
    fn check(&self, with_signatures: bool) -> anyhow::Result<()> {
        let mut added: Vec<PathBuf> = Vec::new();
        if with_signatures {
            let files = self.files();
            added.extend(files.iter().flat_map(|file| {
                [
                    beside(file, signing::SIGNATURE),
                    beside(file, signing::BUNDLE),
                ]
            }));
            added.extend(self.leading().map(|file| beside(file, signing::STATEMENT)));
        }
        let others: Vec<&Path> = added
            .iter()
            .map(PathBuf::as_path)
            .chain(self.snapshot)
            .collect();
        output::check(self.targets, &others)
    }

    /// Writes a report to all targets, and signs the files among them.
    pub(super) fn write(
        &self,
        report: &Report<'_>,
        options: &RenderOptions,
        signer: Option<&Signer>,
        terminal: &Terminal,
    ) -> anyhow::Result<()> {
        for target in self.targets {
            scan::write(report, target, options, terminal)?;
        }
        match signer {
            Some(signer) => signer.sign(self, Some(report))?,
            None => self.warn_of_old_signatures(terminal),
        }
        self.sum_up(terminal);
        Ok(())
    }

    /// A signature of what a file held before looks like one of a file that was changed.
    pub(super) fn warn_of_old_signatures(&self, terminal: &Terminal) {
        if terminal.verbosity == Verbosity::Quiet {
            return;
        }
        for file in self.files() {
            let suffixes = [signing::SIGNATURE, signing::BUNDLE, signing::STATEMENT];
            let old = suffixes.map(|suffix| beside(file, suffix));
            for signature in old.iter().filter(|signature| signature.exists()) {
                let line = format!(
                    "{} is not of the {} that was written now: sign it with --sign-key, or remove the signature",
                    signature.display(),
                    file.display()
                );
                let _ = writeln!(io::stderr(), "warning: {}", crate::escape(&line));
            }
        }
    }

    /// Says on standard error what was written.
    fn sum_up(&self, terminal: &Terminal) {
        let files: Vec<String> = self
            .files()
            .iter()
            .map(|file| file.display().to_string())
            .collect();
        if files.is_empty() || terminal.verbosity == Verbosity::Quiet {
            return;
        }
        let _ = writeln!(io::stderr(), "wrote {}", crate::escape(&files.join(", ")));
    }

    /// Whether nothing of the report goes to standard output.
    pub(super) fn is_silent(&self) -> bool {
        self.targets.iter().all(|target| target.file.is_some())
    }
}

impl SignArgs {
    /// Checks the outputs, and gives the signer, if one is asked for: the key is read before any work is done.
    pub(super) fn signer(
        &self,
        outputs: &Outputs<'_>,
        terminal: &Terminal,
    ) -> anyhow::Result<Option<Signer>> {
        outputs.check(self.sign_key.is_some())?;
        let Some(place) = &self.sign_key else {
            return Ok(None);
        };
        // Whoever gives the key itself must not read it again in an error or in the record of the command.
        if place.contains("-----") || place.contains('\n') {
            bail!(
                "--sign-key names a file, or env:NAME a variable; it does not take the key itself"
            );
        }
        if outputs.files().is_empty() {
            bail!("--sign-key signs files: give an output one, -o FORMAT=FILE");
        }
        let pem = match place.strip_prefix("env:") {
            Some(name) => of_variable(name)?,
            None => of_file(Path::new(place), terminal)?,
        };
        let key = SigningKey::from_pem(&pem).context("unable to use the key of --sign-key")?;
        Ok(Some(Signer { key }))
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the user names the variable that holds the key"
)]
fn of_variable(name: &str) -> anyhow::Result<String> {
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    if name.is_empty() || !name.chars().all(is_name) {
        bail!("--sign-key env:NAME takes the name of an environment variable");
    }
    match std::env::var(name) {
        Ok(text) => Ok(text),
        Err(std::env::VarError::NotPresent) => bail!("there is no environment variable {name}"),
        Err(std::env::VarError::NotUnicode(_)) => {
            bail!("the environment variable {name} holds no text")
        }
    }
}

fn of_file(file: &Path, terminal: &Terminal) -> anyhow::Result<String> {
    let shown = file.display();
    let opened = File::open(file).with_context(|| format!("unable to open the key {shown}"))?;
    warn_of_readers(file, &opened, terminal);
    let mut text = String::new();
    opened
        .take(LIMIT)
        .read_to_string(&mut text)
        .with_context(|| format!("unable to read the key {shown}"))?;
    Ok(text)
}

#[cfg(unix)]
fn warn_of_readers(file: &Path, opened: &File, terminal: &Terminal) {
    use std::os::unix::fs::PermissionsExt as _;

    let mode = opened
        .metadata()
        .map_or(0, |data| data.permissions().mode());
    if mode & 0o044 == 0 || terminal.verbosity == Verbosity::Quiet {
        return;
    }
    let line = format!(
        "the key {} can be read by others (mode {:04o}); make it the owner's alone: chmod 600",
        file.display(),
        mode & 0o7777
    );
    let _ = writeln!(io::stderr(), "warning: {}", crate::escape(&line));
}

#[cfg(not(unix))]
fn warn_of_readers(_: &Path, _: &File, _: &Terminal) {}

fn beside(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

impl Signer {
    /// Signs each file that was written; with a report, a statement over all of them stands beside the leading one.
    pub(super) fn sign(
        &self,
        outputs: &Outputs<'_>,
        report: Option<&Report<'_>>,
    ) -> anyhow::Result<()> {
        let mut subjects = Vec::new();
        for file in outputs.files() {
            let shown = file.display();
            if !file.is_file() {
                bail!("unable to sign {shown}: it is no file");
            }
            let content = std::fs::read(file)
                .with_context(|| format!("unable to read {shown} to sign it"))?;
            let signature = self.key.sign(&content)?;
            let bundle = self.key.message_bundle(&content, &signature)?;
            write(&beside(file, signing::SIGNATURE), &signature)?;
            write(&beside(file, signing::BUNDLE), bundle.as_bytes())?;
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            subjects.push(Subject::new(&name, &content));
        }
        subjects.sort();
        if let (Some(leading), Some(report)) = (outputs.leading(), report) {
            let statement = signing::statement(report, &subjects)?;
            let bundle = self.key.statement_bundle(&statement)?;
            write(&beside(leading, signing::STATEMENT), bundle.as_bytes())?;
        }
        Ok(())
    }
}

fn write(file: &Path, content: &[u8]) -> anyhow::Result<()> {
    output::write_file(file, |writer| Ok(writer.write_all(content)?))
}
