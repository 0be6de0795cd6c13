//! How the files of a catalogue are written: the YAML shapes, before anything is checked across them.
//!
//! Unknown keys are errors in all of them. What ids and rules mean is settled in `load`.

use serde::de::{Deserialize, Deserializer, Error as _};
use serde_saphyr::{MessageFormatter as _, Spanned, UserMessageFormatter};

use super::error::{CatalogError, Place};
use super::{Framework, Method};

/// `catalog.yaml`.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct CatalogFile {
    #[serde(deserialize_with = "filled")]
    pub(super) id: String,
    #[serde(deserialize_with = "filled")]
    pub(super) version: String,
    #[serde(deserialize_with = "filled")]
    pub(super) title: String,
    pub(super) frameworks: Vec<FrameworkEntry>,
    pub(super) controls: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) mentions: Vec<MentionEntry>,
    #[serde(default)]
    pub(super) notes: Vec<String>,
}

/// A framework that the catalogue speaks for.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct FrameworkEntry {
    #[serde(deserialize_with = "filled")]
    name: String,
    revision: Option<String>,
    release: Option<String>,
    ruleset: Option<String>,
    level: Option<String>,
    note: Option<String>,
}

impl From<FrameworkEntry> for Framework {
    fn from(entry: FrameworkEntry) -> Self {
        Self {
            name: entry.name,
            revision: entry.revision,
            release: entry.release,
            ruleset: entry.ruleset,
            level: entry.level,
            note: entry.note,
        }
    }
}

/// An id that is no control of the catalogue, with a word on it.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct MentionEntry {
    pub(super) id: Spanned<String>,
    pub(super) label: Spanned<String>,
    #[serde(deserialize_with = "filled")]
    pub(super) note: String,
}

/// The file of one control.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct ControlFile {
    pub(super) id: Spanned<String>,
    pub(super) label: Spanned<String>,
    #[serde(deserialize_with = "filled")]
    pub(super) title: String,
    pub(super) in_moderate: bool,
    #[serde(deserialize_with = "filled")]
    pub(super) statement: String,
    #[serde(default)]
    pub(super) related: Vec<Spanned<String>>,
    #[serde(default, rename = "since-revision-4")]
    pub(super) since_revision_4: Vec<String>,
    pub(super) objectives: Vec<ObjectiveEntry>,
    #[serde(default)]
    pub(super) enhancements: Vec<EnhancementEntry>,
    #[serde(default)]
    pub(super) proofs: Vec<ProofEntry>,
    #[serde(default)]
    pub(super) rules: BindingEntries,
    pub(super) reason: Option<Spanned<String>>,
    #[serde(deserialize_with = "filled")]
    pub(super) responsible: String,
    #[serde(deserialize_with = "filled")]
    pub(super) assess: String,
    #[serde(default)]
    pub(super) notes: Vec<String>,
}

/// The rules that a control binds by itself, by relation.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct BindingEntries {
    #[serde(default)]
    pub(super) primary: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) supporting: Vec<Spanned<String>>,
}

/// One objective of a control.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct ObjectiveEntry {
    pub(super) id: Spanned<String>,
    pub(super) determination: Option<String>,
    pub(super) methods: Vec<MethodName>,
    #[serde(default)]
    pub(super) rules: Vec<Spanned<String>>,
}

/// An assessment method, as NIST writes it.
#[derive(Debug, Clone, Copy, serde::Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum MethodName {
    Examine,
    Interview,
    Test,
}

impl From<MethodName> for Method {
    fn from(name: MethodName) -> Self {
        match name {
            MethodName::Examine => Self::Examine,
            MethodName::Interview => Self::Interview,
            MethodName::Test => Self::Test,
        }
    }
}

/// An enhancement of a control.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct EnhancementEntry {
    pub(super) id: Spanned<String>,
    pub(super) label: Spanned<String>,
    #[serde(deserialize_with = "filled")]
    pub(super) title: String,
    pub(super) in_moderate: bool,
    #[serde(deserialize_with = "filled")]
    pub(super) note: String,
}

/// One proof of a control.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct ProofEntry {
    pub(super) id: Spanned<String>,
    #[serde(deserialize_with = "filled")]
    pub(super) title: String,
    #[serde(deserialize_with = "filled")]
    pub(super) source: String,
    #[serde(deserialize_with = "filled")]
    pub(super) claim: String,
    #[serde(default)]
    pub(super) rules: Vec<Spanned<String>>,
    pub(super) reason: Option<Spanned<String>>,
    #[serde(deserialize_with = "filled")]
    pub(super) responsible: String,
    #[serde(deserialize_with = "filled")]
    pub(super) assess: String,
    pub(super) gaps: Option<String>,
}

/// `statements.yaml`.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct StatementsFile {
    pub(super) statements: Vec<StatementEntry>,
}

/// Something that the vendor says and no cluster shows.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct StatementEntry {
    pub(super) id: Spanned<String>,
    #[serde(deserialize_with = "filled")]
    pub(super) title: String,
    #[serde(deserialize_with = "filled")]
    pub(super) claim: String,
    #[serde(default)]
    pub(super) controls: Vec<String>,
    pub(super) methods: Vec<MethodName>,
    #[serde(deserialize_with = "filled")]
    pub(super) responsible: String,
    #[serde(deserialize_with = "filled")]
    pub(super) assess: String,
    pub(super) visible: Option<String>,
}

/// Reads one file of a catalogue; `file` is its name in messages.
pub(super) fn parse<'de, T: Deserialize<'de>>(
    file: &str,
    text: &'de str,
) -> Result<T, CatalogError> {
    // Without snippets the message is one line, as every other message here.
    let options = serde_saphyr::options! { with_snippet: false };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| malformed(file, &error))
}

fn malformed(file: &str, error: &serde_saphyr::Error) -> CatalogError {
    CatalogError::Malformed {
        place: Place {
            file: file.to_owned(),
            line: error.location().map(|location| location.line()),
        },
        message: UserMessageFormatter.format_message(error).into_owned(),
    }
}

/// A text that says something: an empty one is as bad as a missing one.
fn filled<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.trim().is_empty() {
        return Err(D::Error::custom("a text is expected here, it is empty"));
    }
    Ok(text)
}
