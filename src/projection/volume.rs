//! Volumes of pods: where they come from, as far as rules read it. Contents are never read.

use serde::{Deserialize, Serialize};

use super::metadata::{list, null_default};
use super::pod::Details;

/// `Volume`. One of another source keeps its name only, so that places in the list stay as in the API.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Volume {
    #[serde(default)]
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub csi: Option<CsiVolume>,
    /// A claim of the pod's own, made with it and named after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ephemeral: Option<Details>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_path: Option<HostPath>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub persistent_volume_claim: Option<ClaimVolume>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub projected: Option<ProjectedVolume>,
}

/// `HostPathVolumeSource`, and `LocalVolumeSource` of a `PersistentVolume`: a path of the node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct HostPath {
    #[serde(default, deserialize_with = "null_default")]
    pub path: String,
}

/// `PersistentVolumeClaimVolumeSource`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClaimVolume {
    #[serde(default, deserialize_with = "null_default")]
    pub claim_name: String,
    #[serde(
        default,
        deserialize_with = "null_default",
        skip_serializing_if = "std::ops::Not::not"
    )]
    pub read_only: bool,
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
        deserialize_with = "list",
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
#[serde(rename_all = "camelCase")]
pub struct VolumeMount {
    #[serde(default)]
    pub name: String,
    #[serde(
        default,
        deserialize_with = "null_default",
        skip_serializing_if = "std::ops::Not::not"
    )]
    pub read_only: bool,
    /// Kept only where Traefik may find the file of its static configuration there.
    #[serde(
        default,
        deserialize_with = "static_configuration",
        skip_serializing_if = "Option::is_none"
    )]
    pub mount_path: Option<String>,
}

/// Folders in which Traefik looks for its file (traefik `pkg/cli/loader_file.go`), the last one being where it starts.
const STATIC_FOLDERS: &[&str] = &["/etc/traefik", "/.config", "/root/.config", ""];
const STATIC_FILES: &[&str] = &["traefik.toml", "traefik.yaml", "traefik.yml"];

/// Drops the paths of all mounts that hold no such file.
fn static_configuration<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    let path = Option::<String>::deserialize(deserializer)?;
    Ok(path.filter(|path| holds_static_file(path)))
}

/// Whether a mount is such a file, or a folder that may hold one; the root can't be mounted over.
fn holds_static_file(path: &str) -> bool {
    let parts = || {
        path.split('/')
            .filter(|part| !part.is_empty() && *part != ".")
    };
    parts().next().is_some()
        && STATIC_FOLDERS.iter().any(|folder| {
            STATIC_FILES.iter().any(|file| {
                let mut wanted = folder.split('/').filter(|part| !part.is_empty());
                let mut wanted = wanted.by_ref().chain([*file]);
                parts().all(|part| wanted.next() == Some(part))
            })
        })
}

/// `VolumeDevice`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct VolumeDevice {
    #[serde(default)]
    pub name: String,
}

/// Stands for the name of the pod in the name of a claim that a StatefulSet made for it: no real name holds such letters.
pub const POD_NAME: &str = "$(POD_NAME)";

/// The claims that a StatefulSet makes for each pod are named after volume and pod.
pub(super) fn normalise_claim(volume: &mut Volume, pod: &str) {
    if let Some(claim) = &mut volume.persistent_volume_claim {
        let own = claim
            .claim_name
            .strip_prefix(volume.name.as_str())
            .and_then(|rest| rest.strip_prefix('-'));
        if !pod.is_empty() && own == Some(pod) {
            claim.claim_name = format!("{}-{POD_NAME}", volume.name);
        }
    }
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
