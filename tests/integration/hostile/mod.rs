//! Input that is made to break the tool, or to exhaust the machine that it runs on.

mod memory;
mod replay;
mod seeds;

/// The bodies of the fuzz targets.
#[path = "../../../fuzz/src/lib.rs"]
#[expect(unreachable_pub, reason = "the file is a library of its own")]
mod targets;
