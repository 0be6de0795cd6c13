//! What makes files unusable as a whole; single objects that cannot be read are gaps instead.

use std::io;

/// Why no snapshot could be made of the files.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// A file or folder is missing or may not be read.
    #[error("unable to read {path}")]
    Read {
        /// The path, as given or below what was given.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// The system gave no thread to read on.
    #[error("unable to start a thread for reading files")]
    Thread(#[source] io::Error),
    /// Nothing to read.
    #[error("there is no YAML or JSON file in {inputs}")]
    NoFiles {
        /// What was given.
        inputs: String,
    },
    /// A file is larger than any that people write or servers list.
    #[error("{file} is larger than {limit} MiB; save a snapshot of large clusters instead")]
    TooLarge {
        /// The file.
        file: String,
        /// The bound.
        limit: u64,
    },
    /// A file is not text.
    #[error("{file}, line {line}: not UTF-8")]
    NotUtf8 {
        /// The file.
        file: String,
        /// Line of the first byte that is not.
        line: usize,
    },
    /// A document is malformed, has a key twice, or is nested or expanded beyond all bounds.
    #[error("{place}: {message}")]
    Malformed {
        /// File, document and line.
        place: String,
        /// What is wrong there.
        message: String,
    },
    /// Two documents describe one object, and not in the same way.
    #[error("{object} is there twice with different content: in {first} and in {second}")]
    Twice {
        /// Kind, namespace and name.
        object: String,
        /// File and document.
        first: String,
        /// File and document.
        second: String,
    },
}
