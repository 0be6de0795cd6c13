//! Collection: what was found in a source, as a [`Snapshot`](crate::snapshot::Snapshot).
//!
//! Nothing here judges. What could not be read becomes part of the snapshot's coverage.

pub mod archive;
mod decoding;
pub mod demo;
pub mod live;
pub mod manifests;
