//! The course of a collection: discovery, lists over the whole cluster, lists by namespace where those are forbidden,
//! and single objects that the lists lead to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use chrono::{DateTime, Utc};
use futures::future::join;
use futures::stream::{self, StreamExt as _};

use super::connect::Connected;
use super::discovery::{Discovery, Served};
use super::failure::Failure;
use super::list::{Counter, Lister, Outcome, Target};
use super::named::{self, CLUSTER_NAMESPACE, Name};
use super::server::{self, About};
use super::session::{Session, rfc3339};
use super::{Clock, LiveError, Patience, Progress, Request};
use crate::kind::Kind;
use crate::snapshot::{
    Cluster, Coverage, Interner, Mode, Object, Origin, ReadStatus, Snapshot, SourceRead, Verb,
};

/// Lists over the whole cluster that run at once.
const LISTS_AT_ONCE: usize = 4;
/// Lists of single namespaces and gets that run at once.
const SMALL_REQUESTS_AT_ONCE: usize = 8;

/// Runs a whole collection.
pub(super) async fn run(
    connected: Connected,
    patience: Patience,
    request: &Request,
    started_at: DateTime<Utc>,
    clock: Clock<'_>,
    progress: &dyn Progress,
) -> Result<Snapshot, LiveError> {
    let server = connected.server;
    let session = Session::new(connected.client, patience, clock);
    let mut kinds: BTreeSet<Kind> = request.kinds.iter().copied().collect();
    kinds.insert(Kind::Namespace);
    let discovery = Discovery::ask(&session, &kinds)
        .await
        .map_err(|failure| unreachable(&server, &failure))?;
    let stages = Stages {
        lister: Lister::new(
            &session,
            Arc::new(Mutex::new(Interner::default())),
            request.page_size,
        ),
        discovery,
        kinds,
        progress,
    };
    let mut namespaces = request.namespaces.clone();
    namespaces.extend(connected.namespace);
    let (about, found) = join(server::about(&session), stages.read(namespaces)).await;
    let mut found = found.map_err(|Unauthorized| LiveError::Unauthorized {
        server: server.clone(),
    })?;
    if let Some(problem) = found.total_loss() {
        return Err(LiveError::NothingRead { server, problem });
    }
    found.coverage.notes.extend(connected.notes);
    found.coverage.notes.extend(about.notes.iter().cloned());
    let cluster = Cluster {
        uid: found.cluster_uid,
        context: connected.context,
        git_version: about.git_version.clone(),
        platform: about.platform.clone(),
    };
    let origin = origin(about, cluster, started_at, clock());
    Ok(Snapshot::new(origin, found.coverage, found.objects))
}

fn origin(
    about: About,
    cluster: Cluster,
    started: DateTime<Utc>,
    finished: DateTime<Utc>,
) -> Origin {
    Origin {
        mode: Mode::Live,
        started_at: rfc3339(started),
        finished_at: rfc3339(finished),
        cluster,
        operator: about.operator,
        clock_difference_ms: about.clock_difference_ms,
        files: Vec::new(),
        assume_complete: false,
        collector: concat!("sc39 ", env!("CARGO_PKG_VERSION")).to_owned(),
    }
}

/// Says why not even discovery came through.
fn unreachable(server: &str, failure: &Failure) -> LiveError {
    let server = server.to_owned();
    let problem = failure.to_string();
    match failure {
        Failure::Status { code: 401, .. } => LiveError::Unauthorized { server },
        Failure::Credentials(problem) => LiveError::Credentials {
            server,
            problem: problem.clone(),
        },
        Failure::Transport(problem) if problem.contains("certificate") => LiveError::Untrusted {
            server,
            problem: problem.clone(),
        },
        Failure::Status {
            code: 429 | 500.., ..
        }
        | Failure::Transport(_)
        | Failure::Cut
        | Failure::Timeout
        | Failure::Lost
        | Failure::Stale => LiveError::Unreachable { server, problem },
        Failure::Status { .. } | Failure::ContentType | Failure::Malformed | Failure::TooLarge => {
            LiveError::NotKubernetes { server, problem }
        }
    }
}

/// The server refuses the credentials, so there is no point in going on.
#[derive(Debug)]
struct Unauthorized;

/// Everything found so far.
#[derive(Debug, Default)]
struct Found {
    objects: Vec<Object>,
    coverage: Coverage,
    cluster_uid: Option<String>,
}

impl Found {
    fn take(&mut self, outcome: Outcome) -> Result<(), Unauthorized> {
        let Outcome {
            source,
            mut objects,
            mut unreadable,
        } = outcome;
        // Moves the fewer ones.
        if self.objects.len() < objects.len() {
            std::mem::swap(&mut self.objects, &mut objects);
        }
        self.objects.append(&mut objects);
        self.coverage.unreadable.append(&mut unreadable);
        self.record(source)
    }

    fn record(&mut self, source: SourceRead) -> Result<(), Unauthorized> {
        let is_refused = source.http_status == Some(401);
        self.coverage.sources.push(source);
        if is_refused {
            Err(Unauthorized)
        } else {
            Ok(())
        }
    }

    /// The list of a kind over the whole cluster.
    fn listing(&self, kind: Kind) -> Option<&SourceRead> {
        self.coverage.sources.iter().find(|source| {
            source.kind == kind && source.namespace.is_none() && source.verb == Verb::List
        })
    }

    fn is_whole(&self, kind: Kind) -> bool {
        self.listing(kind)
            .is_some_and(|source| source.status == ReadStatus::Read)
    }

    fn namespaces(&self) -> impl Iterator<Item = &Object> {
        self.objects
            .iter()
            .filter(|object| object.kind == Kind::Namespace)
    }

    /// Names of the namespaces, also of those that do not decode; one may be empty.
    fn namespace_names(&self) -> impl Iterator<Item = &str> {
        let unreadable = self.coverage.unreadable.iter();
        let unreadable = unreadable.filter(|object| object.kind == Kind::Namespace);
        self.namespaces()
            .map(Object::name)
            .chain(unreadable.map(|object| object.name.as_str()))
    }

    /// Whether every object of a namespaced kind was read, in one list or in one for each namespace.
    fn is_complete(&self, kind: Kind) -> bool {
        let read: BTreeSet<&str> = self
            .coverage
            .sources
            .iter()
            .filter(|source| source.kind == kind && source.status == ReadStatus::Read)
            .filter_map(|source| source.namespace.as_deref())
            .collect();
        let has_all = || {
            self.namespace_names()
                .all(|namespace| read.contains(namespace))
        };
        self.is_whole(kind) || (self.is_whole(Kind::Namespace) && has_all())
    }

    /// What went wrong, if nothing went right. What is not served was not asked for.
    fn total_loss(&self) -> Option<String> {
        let mut asked = self
            .coverage
            .sources
            .iter()
            .filter(|source| source.status != ReadStatus::NotServed)
            .peekable();
        let first = asked.peek()?.message.clone();
        asked
            .all(|source| matches!(source.status, ReadStatus::Timeout | ReadStatus::Error))
            .then(|| first.unwrap_or_default())
    }
}

struct Stages<'a> {
    lister: Lister<'a>,
    discovery: Discovery,
    kinds: BTreeSet<Kind>,
    progress: &'a dyn Progress,
}

impl Stages<'_> {
    async fn read(&self, namespaces: Vec<String>) -> Result<Found, Unauthorized> {
        let mut found = Found::default();
        self.list_cluster(&mut found).await?;
        self.get_namespaces(&mut found, &namespaces).await?;
        self.list_namespaces(&mut found, namespaces).await?;
        if self.kinds.contains(&Kind::ConfigMap) {
            self.progress.started(Kind::ConfigMap);
            let status = self.get_config_maps(&mut found).await?;
            self.progress.finished(Kind::ConfigMap, status);
        }
        self.identify_cluster(&mut found).await?;
        Ok(found)
    }

    /// Lists every kind over the whole cluster.
    async fn list_cluster(&self, found: &mut Found) -> Result<(), Unauthorized> {
        let mut listed: Vec<Kind> = self
            .kinds
            .iter()
            .copied()
            .filter(|kind| !kind.by_name_only())
            .collect();
        // Pods take the longest by far.
        listed.sort_by_key(|kind| *kind != Kind::Pod);
        let mut outcomes = stream::iter(listed)
            .map(|kind| self.list_kind(kind))
            .buffer_unordered(LISTS_AT_ONCE);
        while let Some(outcome) = outcomes.next().await {
            let Outcome { source, .. } = &outcome;
            if !needs_namespaces(source) {
                self.progress.finished(source.kind, source.status);
            }
            found.take(outcome)?;
        }
        self.lister.session.forget_pages();
        Ok(())
    }

    async fn list_kind(&self, kind: Kind) -> Outcome {
        self.progress.started(kind);
        match self.version(kind) {
            Ok(version) => {
                let target = Target {
                    kind,
                    version,
                    namespace: None,
                };
                let counter = Counter::new(self.progress, kind);
                self.lister.list(&target, &counter).await
            }
            Err(source) => Outcome {
                source: *source,
                objects: Vec::new(),
                unreadable: Vec::new(),
            },
        }
    }

    /// The version to read a kind at, or the record of why there is none.
    fn version(&self, kind: Kind) -> Result<&'static str, Box<SourceRead>> {
        match self.discovery.served(kind) {
            Served::At(version) => Ok(version),
            Served::No => {
                let message = "the server does not serve it".to_owned();
                Err(Box::new(self.unasked(kind, ReadStatus::NotServed, message)))
            }
            Served::Unknown(failure) => {
                let message = format!("discovery failed: {failure}");
                let mut source = self.unasked(kind, failure.read_status(), message);
                source.http_status = failure.http_status();
                Err(Box::new(source))
            }
        }
    }

    /// Gets the namespaces that are asked for by name where the list of all is refused: their labels count.
    async fn get_namespaces(
        &self,
        found: &mut Found,
        names: &[String],
    ) -> Result<(), Unauthorized> {
        let kind = Kind::Namespace;
        let refused = found
            .listing(kind)
            .is_some_and(|list| list.status == ReadStatus::Forbidden);
        let Some(version) = self.version(kind).ok().filter(|_| refused) else {
            return Ok(());
        };
        let mut wanted: BTreeSet<Name> = BTreeSet::new();
        for name in names.iter().filter(|name| named::is_name(name)) {
            wanted.insert(Name {
                namespace: String::new(),
                name: name.clone(),
            });
        }
        let session = self.lister.session;
        let interner = &self.lister.interner;
        let mut outcomes = stream::iter(wanted)
            .map(|name| named::get(session, interner, kind, version, name))
            .buffer_unordered(SMALL_REQUESTS_AT_ONCE);
        while let Some(outcome) = outcomes.next().await {
            found.take(outcome)?;
        }
        Ok(())
    }

    /// Lists by namespace what may not be listed over the whole cluster.
    async fn list_namespaces(
        &self,
        found: &mut Found,
        fallback: Vec<String>,
    ) -> Result<(), Unauthorized> {
        let kinds: Vec<Kind> = found
            .coverage
            .sources
            .iter()
            .filter(|source| needs_namespaces(source))
            .map(|source| source.kind)
            .collect();
        let mut namespaces: BTreeSet<String> = found
            .namespace_names()
            .filter(|name| named::is_name(name))
            .map(str::to_owned)
            .collect();
        if !found.is_whole(Kind::Namespace) {
            namespaces.extend(fallback.into_iter().filter(|name| named::is_name(name)));
        }
        let counters: BTreeMap<Kind, Counter<'_>> = kinds
            .iter()
            .map(|kind| (*kind, Counter::new(self.progress, *kind)))
            .collect();
        let targets: Vec<Target> = kinds
            .iter()
            .filter_map(|kind| Some((*kind, self.version(*kind).ok()?)))
            .flat_map(|(kind, version)| {
                namespaces.iter().map(move |namespace| Target {
                    kind,
                    version,
                    namespace: Some(namespace.clone()),
                })
            })
            .collect();
        let mut outcomes = stream::iter(targets)
            .map(|target| self.list_target(target, &counters))
            .buffer_unordered(SMALL_REQUESTS_AT_ONCE);
        while let Some(outcome) = outcomes.next().await {
            found.take(outcome)?;
        }
        for kind in kinds {
            self.progress.finished(kind, ReadStatus::Forbidden);
        }
        Ok(())
    }

    async fn list_target(&self, target: Target, counters: &BTreeMap<Kind, Counter<'_>>) -> Outcome {
        let counter = &counters[&target.kind];
        self.lister.list(&target, counter).await
    }

    /// Gets the ConfigMaps that the pods lead to. They are never listed: others may hold anything.
    async fn get_config_maps(&self, found: &mut Found) -> Result<ReadStatus, Unauthorized> {
        let kind = Kind::ConfigMap;
        let version = match self.version(kind) {
            Ok(version) => version,
            Err(source) => {
                let status = source.status;
                return found.record(*source).map(|()| status);
            }
        };
        let mut names = named::mesh_config_maps(&found.objects);
        names.extend(named::plugin_config_maps(&found.objects));
        names.extend(named::controller_config_maps(&found.objects));
        let session = self.lister.session;
        let interner = &self.lister.interner;
        let mut outcomes = stream::iter(names)
            .map(|name| named::get(session, interner, kind, version, name))
            .buffer_unordered(SMALL_REQUESTS_AT_ONCE);
        while let Some(outcome) = outcomes.next().await {
            found.take(outcome)?;
        }
        if found.is_complete(Kind::Pod) {
            return Ok(ReadStatus::Read);
        }
        // Where pods were not read, nobody knows which ConfigMaps count.
        let status = found
            .listing(Kind::Pod)
            .map_or(ReadStatus::NotCollected, |pods| pods.status);
        let message =
            "asked for by name where pods lead to them, and not all pods were read".to_owned();
        found
            .record(self.unasked(kind, status, message))
            .map(|()| status)
    }

    /// Finds the uid that stands for the cluster, with a request of its own where namespaces were not listed.
    async fn identify_cluster(&self, found: &mut Found) -> Result<(), Unauthorized> {
        let listed = found
            .namespaces()
            .find(|namespace| namespace.name() == CLUSTER_NAMESPACE)
            .and_then(|namespace| namespace.identity.uid.clone());
        if listed.is_some() {
            found.cluster_uid = listed.map(|uid| uid.to_string());
            return Ok(());
        }
        let (uid, source) = named::cluster_uid(self.lister.session).await;
        found.cluster_uid = uid;
        found.record(source)
    }

    /// The record of a list or get that was not requested.
    fn unasked(&self, kind: Kind, status: ReadStatus, message: String) -> SourceRead {
        let now = self.lister.session.now();
        SourceRead {
            kind,
            version: None,
            verb: if kind.by_name_only() {
                Verb::Get
            } else {
                Verb::List
            },
            namespace: None,
            name: None,
            status,
            http_status: None,
            count: 0,
            pages: 0,
            resource_version: None,
            started_at: Some(now.clone()),
            finished_at: Some(now),
            message: Some(message),
        }
    }
}

/// Whether a list over the whole cluster may yet be read namespace by namespace.
fn needs_namespaces(source: &SourceRead) -> bool {
    source.status == ReadStatus::Forbidden
        && source.version.is_some()
        && source.kind.api().namespaced
}
