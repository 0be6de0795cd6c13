//! The snapshot file: all that was collected, as zstd-compressed JSON.
//!
//! ```text
//! { "kind": "SC39Snapshot", "schemaVersion": "1.0.0", "origin": {…}, "coverage": {…},
//!   "projections": [ { "kind", "digest", "value" } ],
//!   "objects": [ { "kind", "version", "identity", "perPod"?, "projection": index } ] }
//! ```
//!
//! The members stand in this order, so that the file can be written and read as a stream. Each projection stands
//! there once, under the first kind that has it. Equal snapshots give equal JSON.

mod limits;
mod read;
mod write;

use std::io;

pub use read::read;
pub use write::write;

/// What a snapshot file says it is.
const KIND: &str = "SC39Snapshot";

/// Version of the form that this binary writes; it reads every `1.0.x`.
const SCHEMA_VERSION: &str = "1.0.0";

/// What can go wrong with a snapshot file.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The file could not be written.
    #[error("failed to write the snapshot")]
    Write(#[source] io::Error),
    /// The file could not be read, or not be decompressed.
    #[error("failed to read the snapshot")]
    Read(#[source] io::Error),
    /// The file ends too early.
    #[error("the snapshot is incomplete: the file ends too early")]
    Truncated,
    /// The file holds something else.
    #[error("not a snapshot: its kind is {found:?} instead of \"SC39Snapshot\"")]
    NotSnapshot {
        /// What it says it is.
        found: String,
    },
    /// The file has a form that this binary does not know.
    #[error("unable to read a snapshot of schema version {found:?}; this binary reads 1.0")]
    Version {
        /// What it says.
        found: String,
    },
    /// The file breaks the form.
    #[error("the snapshot is damaged: {message}")]
    Damaged {
        /// In what way.
        message: String,
    },
    /// The file holds more than any cluster does.
    #[error("the snapshot is too large: {what}")]
    TooLarge {
        /// What there is too much of.
        what: &'static str,
    },
}

/// Whether a file that begins with these bytes is a snapshot rather than a manifest.
pub fn sniff(bytes: &[u8]) -> bool {
    // RFC 8878, section 3.1.1: the magic number of a frame, in little-endian order.
    bytes.starts_with(&[0x28, 0xb5, 0x2f, 0xfd])
}

#[cfg(test)]
mod tests;
