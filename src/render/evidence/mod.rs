//! Evidence JSON, version 1: what was read, what was found, and what each finding rests on.
//!
//! The file is canonical JSON (RFC 8785) of the document without its member `integrity`, which is then appended as the
//! last one, followed by a newline. So it is written in one pass, and the digest in `integrity` is that of the file's
//! bytes with the member cut out. The structs of `wire` declare their members in canonical order for the same reason.

mod projections;
mod sealed;
mod wire;

use std::fmt::Write as _;
use std::io::{self, Write};

use aws_lc_rs::digest::{Context, SHA256};
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use super::RenderError;
use crate::report::Report;
use crate::schema;
use sealed::Sealed;
use wire::{Evidence, Integrity, Sources};

/// What `$schema` of an evidence file says, and `$id` of the schema.
pub const SCHEMA_ID: &str = "urn:sc39:schema:evidence:1";

/// Version of the form: the same before the first point means that readers of one can read the other.
pub const SCHEMA_VERSION: &str = "1.0.0";

pub(crate) fn render(report: &Report<'_>, writer: &mut dyn Write) -> Result<(), RenderError> {
    let sources = Sources::new(report)?;
    let mut sealed = Sealed::new(writer);
    serde_json::to_writer(&mut sealed, &Evidence::new(&sources))?;
    sealed.seal()?;
    Ok(())
}

/// SHA-256 of the evidence file that a report makes, as hexadecimal digits.
pub(super) fn sha256(report: &Report<'_>) -> Result<String, RenderError> {
    let mut digest = Digest(Context::new(&SHA256));
    render(report, &mut digest)?;
    let digits = digest.0.finish();
    Ok(digits
        .as_ref()
        .iter()
        .fold(String::new(), |mut text, byte| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        }))
}

/// Takes the digest of what is written, and keeps nothing of it.
struct Digest(Context);

impl Write for Digest {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The JSON Schema (2020-12) of evidence files.
pub fn schema() -> String {
    let mut generator = SchemaSettings::draft2020_12()
        .for_serialize()
        .into_generator();
    let integrity = generator.subschema_for::<Integrity>();
    let mut evidence = generator
        .into_root_schema_for::<Evidence<'static>>()
        .to_value();
    evidence["$id"] = json!(SCHEMA_ID);
    evidence["title"] = json!("SC-39 evidence, version 1");
    evidence["properties"]["integrity"] = integrity.to_value();
    if let Some(Value::Array(required)) = evidence.get_mut("required") {
        required.push(json!("integrity"));
    }
    schema::tidy(&mut evidence);
    format!("{evidence:#}\n")
}

#[cfg(test)]
mod tests;
