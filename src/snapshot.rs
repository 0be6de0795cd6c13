//! What was collected, from where and when, and what could not be.
//!
//! A snapshot is all that the later stages see: the same snapshot gives the same evidence, byte for byte.

mod population;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::kind::Kind;
use crate::pool::Pool;
use crate::projection::pod::{Condition, Container, PodSpec, Resources, SecurityContext};
use crate::projection::uid::Uid;
use crate::projection::volume::VolumeMount;
use crate::projection::{Decoded, Identity, PodInstance, Projection};

/// Everything that was collected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Where it comes from, when, and who asked.
    pub origin: Origin,
    /// What was read, and what was not.
    pub coverage: Coverage,
    /// The objects, sorted by group, kind, namespace and name.
    pub objects: Vec<Object>,
}

/// One object. Objects of equal content share their projection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// Its kind.
    pub kind: Kind,
    /// The API version it was read at.
    pub version: Arc<str>,
    /// Its name, uid and times.
    pub identity: Identity,
    /// What differs between replicas; only of pods.
    pub instance: Option<Box<PodInstance>>,
    /// What rules may read.
    pub projection: Arc<Projection>,
}

impl Object {
    /// Namespace, or empty for cluster-scoped objects.
    pub fn namespace(&self) -> &str {
        self.identity.namespace.as_deref().unwrap_or_default()
    }

    /// Name.
    pub fn name(&self) -> &str {
        &self.identity.name
    }

    /// What tells it from all others, in evidence order.
    pub(crate) fn key(&self) -> (Kind, &str, &str) {
        (self.kind, self.namespace(), self.name())
    }
}

/// Where a snapshot comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// A live API server.
    Live,
    /// Plain manifests.
    Manifests,
    /// The built-in example cluster.
    Demo,
}

/// Provenance of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Origin {
    /// Kind of source.
    pub mode: Mode,
    /// Start of the collection, RFC 3339 UTC.
    pub started_at: String,
    /// End of the collection, RFC 3339 UTC.
    pub finished_at: String,
    /// The cluster.
    pub cluster: Cluster,
    /// Who the API server says was asking.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<Operator>,
    /// Local clock minus the server's, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_difference_ms: Option<i64>,
    /// Files that were read, by base name or relative path.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
    /// Whether the user stated that the files are all there is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub assume_complete: bool,
    /// The tool that collected it.
    pub collector: String,
}

impl Origin {
    /// Whether these are files that need not be all there is.
    pub fn is_partial(&self) -> bool {
        self.mode == Mode::Manifests && !self.assume_complete
    }
}

/// The cluster that was read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cluster {
    /// Uid of the namespace `kube-system`, which serves as the cluster's; absent if it was not read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// Name of the kubeconfig context.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    /// `gitVersion` of the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git_version: Option<String>,
    /// `platform` of the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
}

/// The authenticated identity, from a SelfSubjectReview.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Operator {
    /// User name.
    pub username: String,
    /// Uid, if the authenticator gives one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// Groups that begin with `system:`; others may be claims of an identity provider.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
}

/// What was asked of the source, and what came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Coverage {
    /// One entry for each list or get, sorted by kind and scope.
    pub sources: Vec<SourceRead>,
    /// Objects that were there and could not be decoded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unreadable: Vec<Unreadable>,
    /// Other things worth knowing, such as a clock that is off.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// One list or get.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceRead {
    /// What was asked for.
    pub kind: Kind,
    /// API version used; absent if the server serves none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// `list` or `get`.
    pub verb: Verb,
    /// The namespace asked; absent for the whole cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The name asked for, of a `get`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What came of it.
    pub status: ReadStatus,
    /// Status of the last response.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_status: Option<u16>,
    /// Objects received.
    #[serde(default)]
    pub count: u64,
    /// Pages received.
    #[serde(default)]
    pub pages: u64,
    /// `metadata.resourceVersion` of the list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_version: Option<String>,
    /// RFC 3339 UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<String>,
    /// RFC 3339 UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<String>,
    /// What went wrong, without bodies of responses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// How something was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verb {
    /// A list, page by page.
    List,
    /// One object by name.
    Get,
    /// Documents in files.
    File,
}

/// What came of a read. The first three are answers, the others are gaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReadStatus {
    /// All of it was read.
    Read,
    /// The object asked for by name does not exist.
    Absent,
    /// The server does not serve the kind.
    NotServed,
    /// The server refused.
    Forbidden,
    /// Only a part was read.
    Truncated,
    /// No answer within the time allowed.
    Timeout,
    /// Any other failure.
    Error,
    /// Nobody asked: no file holds the kind.
    NotCollected,
}

/// An object that could not be decoded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Unreadable {
    /// Its kind.
    pub kind: Kind,
    /// Its namespace, if that much could be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Its name, or empty.
    #[serde(default)]
    pub name: String,
    /// File and document, or the page of a list.
    pub place: String,
    /// What is wrong with it.
    pub message: String,
}

/// Shares what is equal while objects arrive: projections; pod specs and containers of different ones, since a pod's are
/// those of the ReplicaSet and the Deployment that made it; parts of containers, which are the same in many apps; and of
/// single objects the strings that many of them have.
#[derive(Debug, Default)]
pub struct Interner {
    projections: Pool<Projection>,
    specs: Pool<PodSpec>,
    containers: Pool<Container>,
    security_contexts: Pool<SecurityContext>,
    resources: Pool<Resources>,
    mounts: Pool<[VolumeMount]>,
    conditions: Pool<[Condition]>,
    owners: Pool<[Uid]>,
    words: Pool<str>,
}

impl Interner {
    /// Returns the shared copy of an equal projection, or makes this one it.
    pub fn share(&mut self, mut projection: Projection) -> Arc<Projection> {
        if let Some(shared) = self.projections.get(&projection) {
            return shared;
        }
        if let Some(spec) = projection.pod_spec_mut() {
            self.share_of_spec(Arc::make_mut(spec));
            self.specs.unite(spec);
        }
        self.projections.share(projection)
    }

    fn share_of_spec(&mut self, spec: &mut PodSpec) {
        if let Some(context) = &mut spec.security_context {
            self.security_contexts.unite(context);
        }
        for shared in spec.containers_mut() {
            let container = Arc::make_mut(shared);
            if let Some(context) = &mut container.security_context {
                self.security_contexts.unite(context);
            }
            if let Some(resources) = &mut container.resources {
                self.resources.unite(resources);
            }
            self.mounts.unite(&mut container.volume_mounts);
            self.containers.unite(shared);
        }
    }

    /// Makes an object of what was decoded.
    pub fn object(&mut self, kind: Kind, version: &str, decoded: Decoded) -> Object {
        let projection = self.share(decoded.projection);
        let (identity, instance) = (decoded.identity, decoded.instance);
        self.object_of(kind, version, identity, instance, projection)
    }

    /// Makes an object of its parts.
    pub fn object_of(
        &mut self,
        kind: Kind,
        version: &str,
        mut identity: Identity,
        mut instance: Option<Box<PodInstance>>,
        projection: Arc<Projection>,
    ) -> Object {
        let common = [
            &mut identity.namespace,
            &mut identity.generate_name,
            &mut identity.creation_timestamp,
        ];
        for word in common.into_iter().flatten() {
            self.words.unite(word);
        }
        self.owners.unite(&mut identity.owner_uids);
        if let Some(pod) = &mut instance {
            self.share_of_pod(pod);
        }
        Object {
            kind,
            version: self.words.share(version),
            identity,
            instance,
            projection,
        }
    }

    fn share_of_pod(&mut self, pod: &mut PodInstance) {
        let labels = pod.metadata.labels.values_mut();
        for word in labels.chain(&mut pod.spec.node_name) {
            self.words.unite(word);
        }
        let Some(status) = &mut pod.status else {
            return;
        };
        if let Some(phase) = &mut status.phase {
            self.words.unite(phase);
        }
        // Only within the pod: no other one has its addresses.
        for entry in &mut status.pod_ips {
            if let Some(address) = status.pod_ip.as_ref().filter(|known| **known == entry.ip) {
                entry.ip = Arc::clone(address);
            }
        }
        self.conditions.unite(&mut status.conditions);
        let containers = status.container_statuses.iter_mut();
        for container in containers.chain(&mut status.init_container_statuses) {
            self.words.unite(&mut container.name);
        }
    }
}

impl Snapshot {
    /// Puts everything into the order that evidence has.
    pub fn new(origin: Origin, mut coverage: Coverage, mut objects: Vec<Object>) -> Self {
        objects.shrink_to_fit();
        objects.sort_by(|left, right| left.key().cmp(&right.key()));
        coverage.sources.sort_by(|left, right| {
            (left.kind, &left.namespace, &left.name, left.verb).cmp(&(
                right.kind,
                &right.namespace,
                &right.name,
                right.verb,
            ))
        });
        coverage.unreadable.sort_by(|left, right| {
            (left.kind, &left.namespace, &left.name, &left.place).cmp(&(
                right.kind,
                &right.namespace,
                &right.name,
                &right.place,
            ))
        });
        Self {
            origin,
            coverage,
            objects,
        }
    }

    /// Objects of a kind, with their index.
    pub fn of_kind(&self, kind: Kind) -> impl Iterator<Item = (usize, &Object)> {
        let start = self.objects.partition_point(|object| object.kind < kind);
        let end = self.objects.partition_point(|object| object.kind <= kind);
        (start..end).zip(&self.objects[start..end])
    }

    /// Objects of a kind in a namespace, with their index.
    pub fn of_namespace(
        &self,
        kind: Kind,
        namespace: &str,
    ) -> impl Iterator<Item = (usize, &Object)> {
        let place = |object: &Object| (object.kind, object.namespace()).cmp(&(kind, namespace));
        let start = self.objects.partition_point(|object| place(object).is_lt());
        let end = self.objects.partition_point(|object| place(object).is_le());
        (start..end).zip(&self.objects[start..end])
    }

    /// Whether there is an object of a kind in a namespace.
    pub fn holds(&self, kind: Kind, namespace: &str) -> bool {
        let first = (kind, namespace, "");
        let start = self.objects.partition_point(|object| object.key() < first);
        self.objects
            .get(start)
            .is_some_and(|object| (object.kind, object.namespace()) == (kind, namespace))
    }

    /// Index of the object of this kind, namespace and name.
    pub fn find(&self, kind: Kind, namespace: &str, name: &str) -> Option<usize> {
        self.objects
            .binary_search_by(|object| object.key().cmp(&(kind, namespace, name)))
            .ok()
    }
}
