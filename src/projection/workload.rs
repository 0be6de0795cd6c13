//! Workloads: objects that carry a pod template.

use serde::{Deserialize, Serialize};

use super::metadata::{Metadata, null_default};
use super::pod::PodTemplate;

/// Deployment, ReplicaSet, StatefulSet, DaemonSet, Job and ReplicationController.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Workload {
    #[serde(default)]
    pub metadata: Metadata,
    #[serde(default)]
    pub spec: WorkloadSpec,
}

/// The part of their `spec` that counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct WorkloadSpec {
    /// Absent means 1 where the kind has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i64>,
    #[serde(default)]
    pub template: Option<PodTemplate>,
    /// Of a StatefulSet: from which it makes a claim for each pod and volume.
    #[serde(
        default,
        rename = "volumeClaimTemplates",
        deserialize_with = "null_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub volume_claim_templates: Vec<ClaimTemplate>,
}

/// `PersistentVolumeClaimTemplate`: only its name counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ClaimTemplate {
    #[serde(default)]
    pub metadata: ClaimTemplateMetadata,
}

/// Its metadata.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ClaimTemplateMetadata {
    #[serde(default)]
    pub name: String,
}

/// CronJob: its template is one level deeper.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CronJob {
    #[serde(default)]
    pub metadata: Metadata,
    #[serde(default)]
    pub spec: CronJobSpec,
}

/// `CronJobSpec`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CronJobSpec {
    #[serde(default)]
    pub job_template: JobTemplate,
}

/// `JobTemplateSpec`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct JobTemplate {
    #[serde(default)]
    pub spec: WorkloadSpec,
}
