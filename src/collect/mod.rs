//! Collection: from a source to a [`Snapshot`](crate::snapshot::Snapshot).
//!
//! A collector reads, projects and records what it could not read. It judges nothing.

pub mod live;
