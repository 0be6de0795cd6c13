//! The texts of a catalogue by file name, from this program or from a directory, and their digest.
//!
//! Nothing is parsed here.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use aws_lc_rs::digest;

use super::error::CatalogError;

/// The texts of a catalogue by file name.
pub(super) type Files = BTreeMap<String, String>;

/// The file that says which controls there are.
pub(super) const CATALOG: &str = "catalog.yaml";

/// The file that holds what the vendor says and no cluster shows; a catalogue need not have it.
pub(super) const STATEMENTS: &str = "statements.yaml";

/// The files of the built-in catalogue.
pub(super) const BUILTIN: &[(&str, &str)] = &[
    ("ac-3.yaml", include_str!("../../controls/ac-3.yaml")),
    ("ac-4.yaml", include_str!("../../controls/ac-4.yaml")),
    ("ac-6.yaml", include_str!("../../controls/ac-6.yaml")),
    (CATALOG, include_str!("../../controls/catalog.yaml")),
    ("cm-6.yaml", include_str!("../../controls/cm-6.yaml")),
    ("cm-7.yaml", include_str!("../../controls/cm-7.yaml")),
    ("sa-4.yaml", include_str!("../../controls/sa-4.yaml")),
    ("sa-5.yaml", include_str!("../../controls/sa-5.yaml")),
    ("sa-8.yaml", include_str!("../../controls/sa-8.yaml")),
    ("sc-2.yaml", include_str!("../../controls/sc-2.yaml")),
    ("sc-3.yaml", include_str!("../../controls/sc-3.yaml")),
    ("sc-39.yaml", include_str!("../../controls/sc-39.yaml")),
    ("sc-4.yaml", include_str!("../../controls/sc-4.yaml")),
    ("sc-7.yaml", include_str!("../../controls/sc-7.yaml")),
    ("sc-8.1.yaml", include_str!("../../controls/sc-8.1.yaml")),
    ("sc-8.yaml", include_str!("../../controls/sc-8.yaml")),
    ("si-16.yaml", include_str!("../../controls/si-16.yaml")),
    (STATEMENTS, include_str!("../../controls/statements.yaml")),
];

pub(super) fn builtin() -> Files {
    let files = BUILTIN
        .iter()
        .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
    files.collect()
}

/// The YAML files right in a directory. Others, such as a README, are no part of a catalogue; nor are hidden ones.
pub(super) fn in_directory(path: &Path) -> Result<Files, CatalogError> {
    let unreadable = |source| CatalogError::UnreadableDirectory {
        directory: path.display().to_string(),
        source,
    };
    let mut files = Files::new();
    for entry in fs::read_dir(path).map_err(unreadable)? {
        let file = entry.map_err(unreadable)?.path();
        let name = file
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        // A .yml is read too, to be refused as unlisted: passed over in silence, it would look as if it counted.
        let is_yaml = file
            .extension()
            .is_some_and(|extension| extension == "yaml" || extension == "yml");
        if name.starts_with('.') || !is_yaml {
            continue;
        }
        let text = fs::read_to_string(&file).map_err(|source| CatalogError::UnreadableFile {
            file: file.display().to_string(),
            source,
        })?;
        files.insert(name, text);
    }
    Ok(files)
}

/// SHA-256 over every name and text, each behind its length, so that no two catalogues feed it the same bytes.
pub(super) fn digest_of(files: &Files) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in files.iter().flat_map(|(name, text)| [name, text]) {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part.as_bytes());
    }
    let mut digest = String::from("sha256:");
    for byte in context.finish().as_ref() {
        // Writing to a String cannot fail.
        let _ = write!(digest, "{byte:02x}");
    }
    digest
}
