//! Live collection: what an API server lets the caller read, page by page, and a record of what it does not.
//!
//! The only place that knows the Kubernetes client. Nothing runs on once [`collect`] is dropped, save a page that is
//! being decoded and a credential plugin that waits for its user.

mod connect;
pub mod decode;
mod discovery;
mod error;
mod failure;
mod kubeconfig;
mod list;
mod named;
mod path;
mod retry;
mod server;
mod session;
mod stages;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use chrono::{DateTime, Utc};

pub use error::LiveError;
pub use retry::Patience;

use crate::kind::Kind;
use crate::snapshot::{ReadStatus, Snapshot};

/// Tells the time.
pub type Clock<'a> = &'a (dyn Fn() -> DateTime<Utc> + Send + Sync);

/// Which server to ask, and as whom. As with kubectl, flags come before the kubeconfig.
#[derive(Clone, Debug)]
pub struct Connection {
    /// The one kubeconfig to use.
    pub kubeconfig: Option<PathBuf>,
    /// What `KUBECONFIG` lists: files to be merged, of which some may be absent. When it is empty, the kubeconfig in
    /// the home directory counts, and after it the service account of the pod.
    pub kubeconfig_list: Vec<PathBuf>,
    /// Context instead of the current one.
    pub context: Option<String>,
    /// Cluster instead of the context's.
    pub cluster: Option<String>,
    /// User instead of the context's.
    pub user: Option<String>,
    /// User to impersonate.
    pub impersonate: Option<String>,
    /// Groups to impersonate.
    pub impersonate_groups: Vec<String>,
    /// How long to wait for the server.
    pub patience: Patience,
}

/// What to read.
#[derive(Clone, Debug)]
pub struct Request {
    /// The kinds that the selected rules read. Namespaces are read in any case.
    pub kinds: Vec<Kind>,
    /// Namespaces to fall back to, where a kind cannot be listed over the whole cluster and neither can namespaces.
    pub namespaces: Vec<String>,
    /// Objects to a page.
    pub page_size: u32,
}

/// Is told how a collection goes on.
pub trait Progress: Send + Sync {
    /// The first request for a kind is about to be sent.
    fn started(&self, kind: Kind);
    /// A page has come: so many objects of the kind have been read by now, and so many more are to come in this list,
    /// if the server says. The count falls back when a list starts anew.
    fn page(&self, kind: Kind, objects: u64, remaining: Option<u64>);
    /// The last answer for a kind has come. The status is that of the list over the whole cluster.
    fn finished(&self, kind: Kind, status: ReadStatus);
}

/// Tells nobody.
impl Progress for () {
    fn started(&self, _kind: Kind) {}
    fn page(&self, _kind: Kind, _objects: u64, _remaining: Option<u64>) {}
    fn finished(&self, _kind: Kind, _status: ReadStatus) {}
}

/// Reads the kinds asked for from a live API server.
///
/// What cannot be read becomes a gap in the snapshot's coverage. It is an error only when there is no server, when the
/// server refuses the credentials, or when nothing at all could be read.
pub async fn collect(
    connection: &Connection,
    request: &Request,
    clock: Clock<'_>,
    progress: &dyn Progress,
) -> Result<Snapshot, LiveError> {
    let started_at = clock();
    let connected = connect::connect(connection).await?;
    stages::run(
        connected,
        connection.patience,
        request,
        started_at,
        clock,
        progress,
    )
    .await
}
