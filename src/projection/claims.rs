//! Claims and the volumes that they are bound to: as much as says where the data is.

use serde::{Deserialize, Serialize};

use super::metadata::Metadata;
use super::volume::HostPath;

/// `PersistentVolumeClaim`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PersistentVolumeClaim {
    #[serde(default)]
    pub metadata: Metadata,
    #[serde(default)]
    pub spec: PersistentVolumeClaimSpec,
}

/// `PersistentVolumeClaimSpec`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PersistentVolumeClaimSpec {
    /// The volume that it is, or asks to be, bound to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume_name: Option<String>,
}

/// `PersistentVolume`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PersistentVolume {
    #[serde(default)]
    pub metadata: Metadata,
    #[serde(default)]
    pub spec: PersistentVolumeSpec,
}

/// The part of `PersistentVolumeSpec` that counts; of other sources nothing is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PersistentVolumeSpec {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim_ref: Option<ClaimReference>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_path: Option<HostPath>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local: Option<HostPath>,
}

/// The claim that a volume is, or is to be, bound to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ClaimReference {
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub namespace: String,
}
