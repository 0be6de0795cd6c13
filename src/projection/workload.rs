//! Workloads: objects that carry a pod template.

use serde::{Deserialize, Deserializer, Serialize};

use super::metadata::{Metadata, list, null_default};
use super::pod::{Condition, PodTemplate};

/// Deployment, ReplicaSet, StatefulSet, DaemonSet, Job and ReplicationController.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Workload {
    #[serde(default)]
    pub metadata: Metadata,
    #[serde(default)]
    pub spec: WorkloadSpec,
    /// Of a Job: whether it has ended.
    #[serde(
        default,
        deserialize_with = "null_default",
        skip_serializing_if = "WorkloadStatus::is_empty"
    )]
    pub status: WorkloadStatus,
}

/// The part of their `status` that counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct WorkloadStatus {
    /// Only those that a Job ends with are kept.
    #[serde(
        default,
        deserialize_with = "of_the_end",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub conditions: Vec<Condition>,
}

impl WorkloadStatus {
    fn is_empty(&self) -> bool {
        self.conditions.is_empty()
    }

    /// Whether the pods of a Job have ended, and no more will be made.
    pub fn has_ended(&self) -> bool {
        !self.is_empty()
    }
}

/// A Job ends with the condition `Complete` or `Failed`; no other workload has one of these.
fn of_the_end<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Condition>, D::Error> {
    let mut conditions: Vec<Condition> = null_default(deserializer)?;
    conditions.retain(|condition| {
        ["Complete", "Failed"].contains(&&*condition.kind) && &*condition.status == "True"
    });
    Ok(conditions)
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
        deserialize_with = "list",
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
