//! Finds the files below what was given, and reads their text.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::ManifestError;

/// Size of one file. A list of 15,000 pods has about as much.
const FILE_MIB: u64 = 256;
const FILE_BYTES: u64 = FILE_MIB << 20;

/// What to read.
#[derive(Clone, Debug)]
pub enum Input {
    /// A file, or a folder with all YAML and JSON files below it.
    Path(PathBuf),
    /// A text that was read already.
    Text {
        /// What messages call it.
        name: String,
        /// Its bytes.
        bytes: Cow<'static, [u8]>,
    },
}

impl Input {
    /// A text that is part of the program.
    pub fn built_in(name: &str, text: &'static str) -> Self {
        Self::Text {
            name: name.to_owned(),
            bytes: Cow::Borrowed(text.as_bytes()),
        }
    }

    /// Everything that a stream holds, such as standard input.
    pub fn stream(name: &str, reader: impl Read) -> Result<Self, ManifestError> {
        Ok(Self::Text {
            name: name.to_owned(),
            bytes: Cow::Owned(read_bounded(name, reader)?),
        })
    }
}

/// A file to be read.
#[derive(Debug)]
pub(super) struct Source<'a> {
    /// What messages and evidence call it: the path as given, or what follows the folder's name of an absolute one.
    pub(super) name: String,
    content: Content<'a>,
}

#[derive(Debug)]
enum Content<'a> {
    File(PathBuf),
    Bytes(&'a [u8]),
}

/// All files to be read, in order, each once.
pub(super) fn expand(inputs: &[Input]) -> Result<Vec<Source<'_>>, ManifestError> {
    let mut sources = Vec::new();
    let mut seen = BTreeSet::new();
    for input in inputs {
        match input {
            Input::Text { name, bytes } => sources.push(Source {
                name: name.clone(),
                content: Content::Bytes(bytes),
            }),
            Input::Path(path) => expand_path(path, name_of(path), &mut seen, &mut sources)?,
        }
    }
    if sources.is_empty() {
        let given: Vec<_> = inputs.iter().map(Input::to_string).collect();
        return Err(ManifestError::NoFiles {
            inputs: given.join(", "),
        });
    }
    Ok(sources)
}

impl std::fmt::Display for Input {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Path(path) => path.display().fmt(formatter),
            Self::Text { name, .. } => formatter.write_str(name),
        }
    }
}

/// Where a folder lies on a machine is no part of evidence.
fn name_of(path: &Path) -> String {
    let name = match path.file_name() {
        Some(name) if path.is_absolute() => Path::new(name),
        _ => path,
    };
    name.to_string_lossy().into_owned()
}

/// Adds a file, or what is below a folder. Links are followed; what was seen already is left out, so loops end.
fn expand_path(
    path: &Path,
    name: String,
    seen: &mut BTreeSet<PathBuf>,
    sources: &mut Vec<Source<'_>>,
) -> Result<(), ManifestError> {
    let metadata = fs::metadata(path).map_err(|error| unreadable(path, error))?;
    // A pipe, such as a shell's process substitution, has no path of its own.
    if metadata.is_dir() || metadata.is_file() {
        let real = fs::canonicalize(path).map_err(|error| unreadable(path, error))?;
        if !seen.insert(real) {
            return Ok(());
        }
    }
    if !metadata.is_dir() {
        sources.push(Source {
            name,
            content: Content::File(path.to_owned()),
        });
        return Ok(());
    }
    let mut entries: Vec<_> = fs::read_dir(path)
        .and_then(Iterator::collect::<io::Result<_>>)
        .map_err(|error| unreadable(path, error))?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let entry_name = entry.file_name().to_string_lossy().into_owned();
        if entry_name.starts_with('.') || !is_wanted(&entry.path(), &entry_name)? {
            continue;
        }
        let name = format!("{}/{entry_name}", name.trim_end_matches('/'));
        expand_path(&entry.path(), name, seen, sources)?;
    }
    Ok(())
}

/// Whether an entry of a folder is a folder, or a file whose name says that it is YAML or JSON.
fn is_wanted(path: &Path, name: &str) -> Result<bool, ManifestError> {
    let is_manifest = extension(name)
        .is_some_and(|extension| ["yaml", "yml", "json"].contains(&extension.as_str()));
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => Ok(true),
        Ok(metadata) if is_manifest && !metadata.is_file() => {
            // To open a pipe here could wait forever.
            Err(unreadable(path, io::Error::other("not a regular file")))
        }
        Ok(_) => Ok(is_manifest),
        Err(error) if is_manifest => Err(unreadable(path, error)),
        // A link that leads nowhere.
        Err(_) => Ok(false),
    }
}

/// The part of a name behind its last dot, in lower case.
pub(super) fn extension(name: &str) -> Option<String> {
    let extension = Path::new(name).extension()?.to_str()?;
    Some(extension.to_ascii_lowercase())
}

fn unreadable(path: &Path, source: io::Error) -> ManifestError {
    ManifestError::Read {
        path: path.display().to_string(),
        source,
    }
}

impl Source<'_> {
    /// The text, without a byte order mark.
    pub(super) fn text(&self) -> Result<String, ManifestError> {
        let bytes = match &self.content {
            Content::File(path) => {
                let file = File::open(path).map_err(|error| unreadable(path, error))?;
                let length = file.metadata().map_or(0, |metadata| metadata.len());
                if length > FILE_BYTES {
                    return Err(too_large(&self.name));
                }
                read_bounded(&self.name, file)?
            }
            Content::Bytes(bytes) => bytes.to_vec(),
        };
        let mut text = String::from_utf8(bytes).map_err(|error| {
            let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            ManifestError::NotUtf8 {
                file: self.name.clone(),
                line: valid.split(|byte| *byte == b'\n').count(),
            }
        })?;
        if text.starts_with('\u{feff}') {
            text.drain(..'\u{feff}'.len_utf8());
        }
        Ok(text)
    }
}

fn read_bounded(name: &str, reader: impl Read) -> Result<Vec<u8>, ManifestError> {
    let mut bytes = Vec::new();
    reader
        .take(FILE_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|source| ManifestError::Read {
            path: name.to_owned(),
            source,
        })?;
    if bytes.len() as u64 > FILE_BYTES {
        return Err(too_large(name));
    }
    Ok(bytes)
}

fn too_large(name: &str) -> ManifestError {
    ManifestError::TooLarge {
        file: name.to_owned(),
        limit: FILE_MIB,
    }
}
