//! Who made the file: signatures, bundles and the statement beside it, under a public key.

use super::check::{Check, Findings};
use crate::canonical;
use crate::signing::{self, PublicKey, Statement};

/// What stands beside a file.
#[derive(Debug, Default)]
pub struct Beside {
    /// The bare signature.
    pub signature: Option<Vec<u8>>,
    /// The Sigstore bundle.
    pub bundle: Option<String>,
    /// The bundle of the statement over all files of the run.
    pub statement: Option<String>,
}

/// Checks a file of this name and content; what there is to say of it, beside findings. `digest_of` gives the SHA-256
/// of another file in its folder, if that is there.
pub fn origin(
    name: &str,
    content: &str,
    beside: &Beside,
    key: &PublicKey,
    digest_of: &dyn Fn(&str) -> Option<String>,
    findings: &mut Findings,
) -> Vec<String> {
    let mut notes = Vec::new();
    let (signature, bundle) = (
        format!("{name}{}", signing::SIGNATURE),
        format!("{name}{}", signing::BUNDLE),
    );
    if beside.signature.is_none() && beside.bundle.is_none() {
        let message = format!("there is neither {signature} nor {bundle}");
        findings.add(Check::Signature, "", message);
    }
    if let Some(bytes) = &beside.signature {
        if key.verifies(content.as_bytes(), bytes) {
            notes.push(format!("{signature}: made with this key"));
        } else {
            let message = format!("{signature} is not a signature of this key over this file");
            findings.add(Check::Signature, "", message);
        }
    }
    if let Some(text) = &beside.bundle {
        match signing::open_message(text, content.as_bytes(), key) {
            Ok(()) => notes.push(format!("{bundle}: made with this key")),
            Err(error) => findings.add(Check::Signature, "", format!("{bundle}: {error}")),
        }
    }
    let file = format!("{name}{}", signing::STATEMENT);
    match &beside.statement {
        None => notes.push(format!("{file}: not there")),
        Some(text) => {
            let opened = signing::open_envelope(text, key).map_err(|error| error.to_string());
            match opened.and_then(|envelope| Statement::of(&envelope.payload)) {
                Ok(statement) => {
                    subjects(
                        &file, &statement, name, content, digest_of, findings, &mut notes,
                    );
                }
                Err(message) => {
                    findings.add(Check::Statement, "", format!("{file}: {message}"));
                }
            }
        }
    }
    notes
}

/// Holds the files that a statement names against those that are there.
fn subjects(
    file: &str,
    statement: &Statement,
    name: &str,
    content: &str,
    digest_of: &dyn Fn(&str) -> Option<String>,
    findings: &mut Findings,
    notes: &mut Vec<String>,
) {
    let mut names_this = false;
    let (mut same, mut absent) = (0, Vec::new());
    for subject in &statement.subject {
        let is_this = subject.name == name;
        names_this |= is_this;
        // A name with folders could make this program read any file.
        let is_plain = !subject.name.contains(['/', '\\', '\0']) && subject.name != "..";
        let found = if is_this {
            Some(canonical::sha256(content.as_bytes()))
        } else if is_plain {
            digest_of(&subject.name)
        } else {
            None
        };
        match found {
            None => absent.push(subject.name.as_str()),
            Some(found) if found == subject.digest.sha256 => same += 1,
            Some(found) => {
                let message = format!(
                    "{file}: {} has the digest {found}, and the statement says {}",
                    subject.name, subject.digest.sha256
                );
                findings.add(Check::Statement, "", message);
            }
        }
    }
    if !names_this {
        findings.add(
            Check::Statement,
            "",
            format!("{file}: it does not name {name}"),
        );
    }
    notes.push(format!(
        "{file}: made with this key, {same} of its files are there and the same"
    ));
    if !absent.is_empty() {
        notes.push(format!("{file}: not there: {}", absent.join(", ")));
    }
}
