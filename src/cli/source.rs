//! Where a snapshot comes from: a live cluster, files, a saved snapshot, or the built-in example.

use std::fs::File;
use std::io::{BufReader, Read as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;

use super::Surroundings;
use super::args::{ConnectionArgs, Terminal};
use super::progress;
use crate::collect::live::{self, Request};
use crate::collect::manifests::{Input, ManifestError, ManifestOptions};
use crate::collect::{archive, demo, manifests};
use crate::kind::Kind;
use crate::snapshot::{Mode, Snapshot};

/// Sources other than a live cluster.
#[derive(Debug, Args)]
#[command(next_help_heading = "Source")]
pub(super) struct SourceArgs {
    /// Read YAML or JSON files, folders, `-`, or one saved snapshot, instead of a live cluster
    #[arg(short = 'f', long, value_name = "PATH", num_args = 1.., conflicts_with_all = ["kubeconfig", "context", "cluster", "user", "impersonate"])]
    from: Vec<PathBuf>,
    /// Take files as all there is: what they do not hold does not exist
    #[arg(long, requires = "from")]
    assume_complete: bool,
    /// Read the built-in example cluster, with a plan of its own unless `--plan` names one
    #[arg(long, conflicts_with_all = ["from", "kubeconfig", "context", "cluster", "user", "impersonate"])]
    demo: bool,
}

impl SourceArgs {
    /// Whether the source is the built-in example.
    pub(super) const fn is_demo(&self) -> bool {
        self.demo
    }

    /// Collects from whatever source was named.
    pub(super) async fn snapshot(
        &self,
        connection: &ConnectionArgs,
        namespaces: &[String],
        kinds: Vec<Kind>,
        surroundings: &Surroundings,
        terminal: &Terminal,
    ) -> anyhow::Result<Snapshot> {
        if self.demo {
            return demo::snapshot().context("unable to read the built-in example");
        }
        if !self.from.is_empty() {
            return self.read_files(surroundings);
        }
        live(connection, namespaces, kinds, surroundings, terminal).await
    }

    fn read_files(&self, surroundings: &Surroundings) -> anyhow::Result<Snapshot> {
        let saved: Vec<&PathBuf> = self.from.iter().filter(|path| is_snapshot(path)).collect();
        match saved.as_slice() {
            [] => {}
            [path] if self.from.len() == 1 => {
                if self.assume_complete {
                    bail!("--assume-complete is for plain files; a snapshot knows what it holds");
                }
                let file = File::open(path)
                    .with_context(|| format!("unable to open {}", path.display()))?;
                return archive::read(BufReader::new(file))
                    .with_context(|| format!("unable to read the snapshot {}", path.display()));
            }
            _ => bail!("a saved snapshot can't be combined with other files"),
        }
        let options = ManifestOptions {
            assume_complete: self.assume_complete,
            mode: Mode::Manifests,
        };
        let inputs: Vec<Input> = self
            .from
            .iter()
            .map(|path| input(path))
            .collect::<Result<_, _>>()?;
        Ok(manifests::read(
            &inputs,
            &options,
            &rfc3339((surroundings.now)()),
        )?)
    }
}

fn input(path: &Path) -> Result<Input, ManifestError> {
    if path == Path::new("-") {
        return Input::stream("standard input", std::io::stdin().lock());
    }
    Ok(Input::Path(path.to_owned()))
}

/// Whether a file begins like a saved snapshot.
fn is_snapshot(path: &Path) -> bool {
    let mut start = [0; 4];
    path != Path::new("-")
        && path.is_file()
        && File::open(path).is_ok_and(|mut file| file.read_exact(&mut start).is_ok())
        && archive::sniff(&start)
}

/// Collects from a live cluster.
pub(super) async fn live(
    connection: &ConnectionArgs,
    namespaces: &[String],
    kinds: Vec<Kind>,
    surroundings: &Surroundings,
    terminal: &Terminal,
) -> anyhow::Result<Snapshot> {
    let request = Request {
        kinds,
        namespaces: namespaces.to_vec(),
        page_size: connection.page_size,
    };
    let now = surroundings.now;
    let bars = progress::new(terminal.progress);
    Ok(live::collect(
        &connection.connection(surroundings),
        &request,
        &now,
        bars.as_ref(),
    )
    .await?)
}

/// A time as evidence writes it.
pub(super) fn rfc3339(time: chrono::DateTime<chrono::Utc>) -> String {
    time.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}
