//! Volumes of pods: where they come from, as far as rules read it. Contents are never read.

use serde::{Deserialize, Serialize};

use super::metadata::null_default;

/// `Volume`. One of another source keeps its name only, so that places in the list stay as in the API.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Volume {
    #[serde(default)]
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub csi: Option<CsiVolume>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub projected: Option<ProjectedVolume>,
}

/// `CSIVolumeSource`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CsiVolume {
    #[serde(default)]
    pub driver: String,
}

/// `ProjectedVolumeSource`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ProjectedVolume {
    #[serde(
        default,
        deserialize_with = "null_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub sources: Vec<ProjectedSource>,
}

/// `VolumeProjection`; empty where it is no token.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProjectedSource {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_account_token: Option<ServiceAccountToken>,
}

/// `ServiceAccountTokenProjection`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ServiceAccountToken {
    /// Who accepts the token; absent means the API server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
}

/// `VolumeMount`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct VolumeMount {
    #[serde(default)]
    pub name: String,
}

/// The volume that the API server adds to a pod for its token; five letters by chance follow on each pod.
pub const API_TOKEN_VOLUME: &str = "kube-api-access";

/// The name without the letters that chance put there, so that replicas stay equal.
pub(super) fn normalise(name: &mut String) {
    let letters = name
        .strip_prefix(API_TOKEN_VOLUME)
        .and_then(|rest| rest.strip_prefix('-'));
    if letters.is_some() {
        name.truncate(API_TOKEN_VOLUME.len());
    }
}
