//! Objects, and the projections that they share.

use schemars::JsonSchema;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use super::DIGEST;
use crate::canonical::Ordered;
use crate::projection::uid::Uid;
use crate::projection::{self, PodInstance};
use crate::snapshot;

/// An object of the cluster: who it is, and which content it has.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Object<'r> {
    /// Group and version that it was read at, as in `apiVersion` of the API.
    api_version: String,
    /// `metadata.creationTimestamp`.
    #[serde(skip_serializing_if = "Option::is_none")]
    creation_timestamp: Option<&'r str>,
    /// `metadata.deletionTimestamp`, of objects that are being deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    deletion_timestamp: Option<&'r str>,
    /// `metadata.generateName`.
    #[serde(skip_serializing_if = "Option::is_none")]
    generate_name: Option<&'r str>,
    /// `kind` of the API.
    kind: String,
    /// `metadata.name`.
    name: &'r str,
    /// `metadata.namespace`; absent of cluster-scoped objects.
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<&'r str>,
    /// Uids of the owner references, in their order; the names of the owners stand in the projection.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[schemars(with = "Vec<String>")]
    owner_uids: &'r [Uid],
    /// Fields that differ between the replicas of one template, in the structure of the API; only of Pods. The object
    /// that a result's pointers lead into is the projection with these fields laid over it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Map<String, Value>>")]
    per_pod: Option<Canonical<'r, PodInstance>>,
    /// Index in `projections`.
    projection: usize,
    /// `metadata.resourceVersion`; absent in files.
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_version: Option<&'r str>,
    /// `judged` when at least one result is about the object, `context` when it was only read beside them.
    #[schemars(extend("enum" = ["judged", "context"]))]
    scope: &'static str,
    /// `metadata.uid`; absent in files.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    uid: Option<&'r Uid>,
}

/// A content of objects: the fields that rules may read, and no others.
#[derive(Serialize, JsonSchema)]
pub(super) struct Projection<'r> {
    /// SHA-256 of the canonical JSON (RFC 8785) of `value`, as `sha256:` and hexadecimal digits.
    #[schemars(extend("pattern" = DIGEST))]
    pub(super) digest: &'r str,
    /// The fields, in the structure and under the names of the API. Variables, flags and embedded configuration are
    /// reduced to the few facts that rules need, and never kept as they were.
    #[schemars(with = "Map<String, Value>")]
    pub(super) value: Canonical<'r, projection::Projection>,
}

/// What has its members in the order of the API, written in that of canonical JSON.
pub(super) struct Canonical<'r, T>(pub(super) &'r T);

impl<'r> Object<'r> {
    pub(super) fn new(object: &'r snapshot::Object, judged: bool, projection: usize) -> Self {
        let identity = &object.identity;
        Self {
            api_version: match object.kind.group_at(&object.version) {
                "" => object.version.to_string(),
                group => format!("{group}/{}", object.version),
            },
            creation_timestamp: identity.creation_timestamp.as_deref(),
            deletion_timestamp: identity.deletion_timestamp.as_deref(),
            generate_name: identity.generate_name.as_deref(),
            kind: object.kind.name().to_owned(),
            name: &identity.name,
            namespace: identity.namespace.as_deref(),
            owner_uids: &identity.owner_uids,
            per_pod: object.instance.as_deref().map(Canonical),
            projection,
            resource_version: identity.resource_version.as_deref(),
            scope: if judged { "judged" } else { "context" },
            uid: identity.uid.as_ref(),
        }
    }
}

impl<T: Serialize> Serialize for Canonical<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let value = serde_json::to_value(self.0).map_err(serde::ser::Error::custom)?;
        Ordered(&value).serialize(serializer)
    }
}
