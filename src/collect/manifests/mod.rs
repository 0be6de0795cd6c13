//! Plain manifests: YAML and JSON files as people write them and as `kubectl get -o yaml` prints them.
//!
//! Files are input that nobody vouches for. What is malformed as a whole ends with an error that names the place;
//! a single object that cannot be read becomes a gap. Documents are read one at a time, and only their projections
//! are kept.

mod coverage;
mod documents;
mod error;
mod gather;
mod inputs;
mod required;
mod signs;
mod value;

use std::thread;

pub use error::ManifestError;
pub use inputs::Input;

use documents::Format;
use gather::Gathering;

use crate::kind::Kind;
use crate::snapshot::{Cluster, Mode, Object, Origin, Snapshot};

/// How to take what the files hold.
#[derive(Clone, Debug)]
pub struct ManifestOptions {
    /// Whether the files are all there is, so that a kind that none of them holds is empty.
    pub assume_complete: bool,
    /// Whose files they are.
    pub mode: Mode,
}

/// The YAML reader takes some 20 KiB of stack for each level of nesting when it is not optimised, so that documents
/// of the depth that is allowed need more than the 2 MiB that threads commonly have.
const STACK_BYTES: usize = 16 << 20;

/// Reads all inputs into one snapshot.
pub fn read(
    inputs: &[Input],
    options: &ManifestOptions,
    started_at: &str,
) -> Result<Snapshot, ManifestError> {
    thread::scope(|scope| {
        let reader = thread::Builder::new()
            .stack_size(STACK_BYTES)
            .spawn_scoped(scope, || read_here(inputs, options, started_at))
            .map_err(ManifestError::Thread)?;
        match reader.join() {
            Ok(snapshot) => snapshot,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

fn read_here(
    inputs: &[Input],
    options: &ManifestOptions,
    started_at: &str,
) -> Result<Snapshot, ManifestError> {
    let sources = inputs::expand(inputs)?;
    let mut gathering = Gathering::default();
    let mut files = Vec::with_capacity(sources.len());
    for source in &sources {
        gathering.file(&source.name);
        let text = source.text()?;
        let format = Format::of(&source.name, &text);
        documents::read(&text, format, &mut |position, part| {
            gathering.part(position, part);
        })
        .map_err(|malformed| malformed.in_file(&source.name))?;
        files.push(source.name.clone());
    }
    files.sort();
    files.dedup();
    let (objects, coverage) = gathering.finish(options)?;
    let origin = Origin {
        mode: options.mode,
        started_at: started_at.to_owned(),
        finished_at: started_at.to_owned(),
        cluster: Cluster {
            uid: cluster_uid(&objects),
            ..Cluster::default()
        },
        operator: None,
        clock_difference_ms: None,
        files,
        assume_complete: options.assume_complete,
        collector: concat!("sc39 ", env!("CARGO_PKG_VERSION")).to_owned(),
    };
    Ok(Snapshot::new(origin, coverage, objects))
}

fn cluster_uid(objects: &[Object]) -> Option<String> {
    let system = objects
        .iter()
        .find(|object| object.kind == Kind::Namespace && object.name() == "kube-system")?;
    system.identity.uid.as_ref().map(ToString::to_string)
}

#[cfg(test)]
mod tests;
