//! `verify`: makes an evidence file again from itself, and checks who signed it.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::Args;

use super::args::{Terminal, Verbosity};
use super::render;
use crate::signing::{self, PublicKey};
use crate::verify::{self, Beside, Finding, Findings, Verified};

/// Keys, signatures and bundles are far smaller; a statement names a handful of files.
const LIMIT: u64 = 1 << 20;

/// Arguments of `verify`.
#[derive(Debug, Args)]
pub(super) struct Verify {
    /// The evidence file, or `-` for standard input
    evidence: PathBuf,
    /// The signer's public key (PEM); checks the signature and the statement beside the file
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// The folder of the catalogue that the evidence was made with, if it is not the built-in one
    #[arg(long = "controls", value_name = "DIR")]
    catalog: Option<PathBuf>,
}

impl Verify {
    pub(super) fn run(self, terminal: &Terminal) -> anyhow::Result<ExitCode> {
        let shown = render::name(&self.evidence);
        let key = self.key.as_deref().map(public_key).transpose()?;
        if key.is_some() && self.evidence == Path::new("-") {
            bail!("a signature stands beside a file: name the evidence file, not `-`");
        }
        let text = render::text(&self.evidence)?;
        let evidence = render::parse(&self.evidence, &text)?;
        let catalog = render::catalog(&evidence, self.catalog.as_deref(), &shown)?;
        let mut verified =
            verify::verify(&evidence, &catalog, &text).with_context(|| render::lacking(&shown))?;
        let origin = match &key {
            Some(key) => origin(&self.evidence, &text, key, &mut verified.findings)?,
            None => vec![
                "integrity only, origin not checked: give the signer's public key with --key"
                    .to_owned(),
            ],
        };
        let passed = verified.findings.is_empty();
        let mut page = format!("{shown}: {}verified\n", if passed { "" } else { "not " });
        if terminal.verbosity != Verbosity::Quiet || !passed {
            page += &summary(&verified);
            page += &found(&verified.findings);
            for line in origin {
                // Writing to a String cannot fail.
                let _ = writeln!(page, "{line}");
            }
        }
        let escaped: Vec<String> = page
            .lines()
            .map(|line| crate::escape(line).into_owned())
            .collect();
        super::print(format!("{}\n", escaped.join("\n")).as_bytes())?;
        Ok(ExitCode::from(u8::from(!passed)))
    }
}

fn summary(verified: &Verified) -> String {
    let Verified {
        digest,
        objects,
        results,
        rules,
        values,
        ..
    } = verified;
    let digest = digest.as_deref().unwrap_or("none");
    format!(
        "content digest {digest}\n{objects} objects, {results} results of {rules} rules, {values} values read\n"
    )
}

/// What is wrong, by check.
fn found(findings: &Findings) -> String {
    let mut text = String::new();
    for (check, kept, count) in findings.by_check() {
        let _ = writeln!(text, "\n{}: {count}", check.title());
        for Finding { pointer, message } in kept {
            let colon = if pointer.is_empty() { "" } else { ": " };
            let _ = writeln!(text, "  {pointer}{colon}{message}");
        }
        let more = count - kept.len() as u64;
        if more > 0 {
            let _ = writeln!(text, "  and {more} more");
        }
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text
}

fn public_key(file: &Path) -> anyhow::Result<PublicKey> {
    let shown = file.display();
    let bytes = bounded(file).with_context(|| format!("unable to read {shown}"))?;
    let bytes = bytes.with_context(|| format!("there is no file {shown}"))?;
    let text = String::from_utf8_lossy(&bytes);
    PublicKey::from_pem(&text).with_context(|| format!("unable to use the key {shown}"))
}

/// A small file; `None` where there is none.
fn bounded(file: &Path) -> io::Result<Option<Vec<u8>>> {
    let file = match File::open(file) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut bytes = Vec::new();
    file.take(LIMIT + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LIMIT {
        return Err(io::Error::other("the file is larger than 1 MiB"));
    }
    Ok(Some(bytes))
}

/// Checks what stands beside the file; what there is to say of it.
fn origin(
    file: &Path,
    text: &str,
    key: &PublicKey,
    findings: &mut Findings,
) -> anyhow::Result<Vec<String>> {
    let beside = |suffix: &str| {
        let mut path = file.as_os_str().to_owned();
        path.push(suffix);
        let path = PathBuf::from(path);
        bounded(&path).with_context(|| format!("unable to read {}", path.display()))
    };
    let text_of =
        |bytes: Option<Vec<u8>>| bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let beside = Beside {
        signature: beside(signing::SIGNATURE)?,
        bundle: text_of(beside(signing::BUNDLE)?),
        statement: text_of(beside(signing::STATEMENT)?),
    };
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let folder = file.parent().unwrap_or_else(|| Path::new(""));
    let digest_of = |name: &str| -> Option<String> { sha256(&folder.join(name)).ok() };
    Ok(verify::origin(
        &name, text, &beside, key, &digest_of, findings,
    ))
}

fn sha256(file: &Path) -> io::Result<String> {
    crate::canonical::sha256_of(File::open(file)?)
}
