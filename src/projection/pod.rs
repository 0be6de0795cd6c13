//! Pods and pod templates: the fields that rules read, named as in the API.

use std::sync::Arc;

use litemap::LiteMap;
use serde::{Deserialize, Serialize};

use super::container_id::ContainerId;
use super::facts::{ArgumentFacts, Arguments, EnvironmentFacts};
use super::metadata::{Metadata, Scalar, StringMap, list, null_default};
use super::volume::{self, Volume, VolumeDevice, VolumeMount};
use super::words;

/// What replicas of one template share.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pod {
    /// Labels, annotations and owners.
    #[serde(default)]
    pub metadata: Metadata,
    /// `spec`, without what differs between replicas.
    #[serde(default)]
    pub spec: Arc<PodSpec>,
    /// Taken out right after decoding; absent in evidence.
    #[serde(default, skip_serializing)]
    pub status: Option<Box<PodStatus>>,
}

/// `spec.template` of a workload.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PodTemplate {
    /// Labels and annotations of the pods to be made.
    #[serde(default, deserialize_with = "null_default")]
    pub metadata: Metadata,
    /// Their `spec`, which a ReplicaSet shares with its Deployment.
    #[serde(default)]
    pub spec: Arc<PodSpec>,
}

/// `PodSpec`. Containers are shared by pods and what makes them, whose fields differ elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PodSpec {
    /// App containers.
    #[serde(default, deserialize_with = "list")]
    pub containers: Vec<Arc<Container>>,
    /// Init containers, native sidecars among them.
    #[serde(
        default,
        deserialize_with = "list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub init_containers: Vec<Arc<Container>>,
    /// Debug containers; kept per pod.
    #[serde(
        default,
        deserialize_with = "list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub ephemeral_containers: Vec<Arc<Container>>,
    #[serde(default, rename = "hostPID", skip_serializing_if = "Option::is_none")]
    pub host_pid: Option<bool>,
    #[serde(default, rename = "hostIPC", skip_serializing_if = "Option::is_none")]
    pub host_ipc: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_network: Option<bool>,
    /// `false` gives the pod a user namespace of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_users: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share_process_namespace: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtime_class_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_account_name: Option<String>,
    /// The old name of `serviceAccountName`, kept where that one is not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_account: Option<String>,
    /// Decides before the field of the service account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub automount_service_account_token: Option<bool>,
    #[serde(
        default,
        deserialize_with = "list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub volumes: Vec<Volume>,
    /// Kept per pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_name: Option<String>,
    /// Kept per pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub os: Option<PodOs>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub security_context: Option<Arc<SecurityContext>>,
    /// Pod-level resources.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Arc<Resources>>,
}

/// `spec.os`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PodOs {
    /// `linux` or `windows`.
    #[serde(deserialize_with = "words::operating_system")]
    pub name: String,
}

/// A container of any class.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", from = "ContainerWire")]
pub struct Container {
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// `Always` makes an init container a native sidecar.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restart_policy: Option<String>,
    /// Of an ephemeral container: whose process namespace it joins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_container_name: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<ContainerPort>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resources: Option<Arc<Resources>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security_context: Option<Arc<SecurityContext>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub volume_devices: Vec<VolumeDevice>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub volume_mounts: Arc<[VolumeMount]>,
    /// The few variables that decide something, by name; all others are dropped.
    #[serde(skip_serializing_if = "EnvironmentFacts::is_empty")]
    pub env: EnvironmentFacts,
    /// The few flags of `command` and `args` that decide something, by name; all others are dropped.
    #[serde(skip_serializing_if = "ArgumentFacts::is_empty")]
    pub args: ArgumentFacts,
}

/// A container as the API writes it, or as evidence does.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ContainerWire {
    #[serde(default)]
    name: String,
    #[serde(default)]
    image: Option<String>,
    #[serde(default, deserialize_with = "words::restart_policy")]
    restart_policy: Option<String>,
    #[serde(default)]
    target_container_name: Option<String>,
    #[serde(default, deserialize_with = "list")]
    ports: Vec<ContainerPort>,
    #[serde(default)]
    resources: Option<Arc<Resources>>,
    #[serde(default)]
    security_context: Option<Arc<SecurityContext>>,
    #[serde(default, deserialize_with = "list")]
    volume_devices: Vec<VolumeDevice>,
    #[serde(default, deserialize_with = "null_default")]
    volume_mounts: Arc<[VolumeMount]>,
    #[serde(default, deserialize_with = "null_default")]
    env: EnvironmentFacts,
    #[serde(default, deserialize_with = "list")]
    command: Vec<String>,
    #[serde(default, deserialize_with = "null_default")]
    args: Arguments,
}

impl From<ContainerWire> for Container {
    /// Variables and flags count only in the containers that the decision tables name.
    fn from(wire: ContainerWire) -> Self {
        let image = wire.image.as_deref();
        let args = ArgumentFacts::of_words(wire.command, wire.args, &wire.name, image);
        let env = wire.env.of_container(&wire.name);
        Self {
            name: wire.name,
            image: wire.image,
            restart_policy: wire.restart_policy,
            target_container_name: wire.target_container_name.filter(|name| !name.is_empty()),
            ports: wire.ports,
            resources: wire
                .resources
                .filter(|resources| **resources != Resources::default()),
            security_context: wire.security_context,
            volume_devices: wire.volume_devices,
            volume_mounts: wire.volume_mounts,
            env,
            args,
        }
    }
}

/// `ContainerPort`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContainerPort {
    #[serde(deserialize_with = "words::port")]
    pub container_port: u16,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_port: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Absent means TCP.
    #[serde(
        default,
        deserialize_with = "words::protocol",
        skip_serializing_if = "Option::is_none"
    )]
    pub protocol: Option<String>,
}

/// `ResourceRequirements`, the standard resources only.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Resources {
    #[serde(
        default,
        deserialize_with = "quantities",
        skip_serializing_if = "LiteMap::is_empty"
    )]
    pub limits: LiteMap<String, Scalar>,
    #[serde(
        default,
        deserialize_with = "quantities",
        skip_serializing_if = "LiteMap::is_empty"
    )]
    pub requests: LiteMap<String, Scalar>,
}

/// Reads a quantity of `null`, as templating tools leave it, like one that is not there.
fn quantities<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<LiteMap<String, Scalar>, D::Error> {
    let written = Option::<LiteMap<String, Option<Scalar>>>::deserialize(deserializer)?;
    let written = written.unwrap_or_default();
    let mut quantities = LiteMap::with_capacity(written.len());
    for (name, quantity) in written {
        if let Some(quantity) = quantity {
            quantities.insert(name, quantity);
        }
    }
    Ok(quantities)
}

/// `PodSecurityContext` and container `SecurityContext`: the fields of either.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SecurityContext {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_privilege_escalation: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<Capabilities>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub privileged: Option<bool>,
    /// `Default` or `Unmasked`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proc_mount: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_only_root_filesystem: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_as_non_root: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_as_user: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seccomp_profile: Option<SeccompProfile>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub windows_options: Option<WindowsOptions>,
}

/// `Capabilities`: names without `CAP_`, or `ALL`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Capabilities {
    #[serde(
        default,
        deserialize_with = "list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub add: Vec<String>,
    #[serde(
        default,
        deserialize_with = "list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub drop: Vec<String>,
}

/// `SeccompProfile`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SeccompProfile {
    /// `RuntimeDefault`, `Localhost` or `Unconfined`; the API requires it, files may lack it.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub localhost_profile: Option<String>,
}

/// `WindowsSecurityContextOptions`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WindowsOptions {
    /// The Windows counterpart of `privileged`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_process: Option<bool>,
}

/// What differs between the replicas of one template.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PodInstance {
    #[serde(default)]
    pub metadata: InstanceMetadata,
    #[serde(default)]
    pub spec: InstanceSpec,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<PodStatus>,
}

/// Labels and annotations that controllers and nodes write on single pods.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct InstanceMetadata {
    #[serde(default, skip_serializing_if = "InstanceFields::is_empty")]
    pub labels: InstanceFields,
    #[serde(default, skip_serializing_if = "InstanceFields::is_empty")]
    pub annotations: InstanceFields,
}

/// The few labels or annotations of single pods, sorted by key. There is one for every pod, and a tree would take
/// ten times the memory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct InstanceFields(Box<[(&'static str, Arc<str>)]>);

/// Fields of `spec` that differ between replicas.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InstanceSpec {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_name: Option<Arc<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hostname: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    pub ephemeral_containers: Box<[Arc<Container>]>,
}

/// `PodStatus`.
///
/// Of all that is kept this is what there is most of: strings and lists that take no more room than they need.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PodStatus {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<Arc<str>>,
    #[serde(default, rename = "podIP", skip_serializing_if = "Option::is_none")]
    pub pod_ip: Option<Arc<str>>,
    #[serde(
        default,
        rename = "podIPs",
        deserialize_with = "null_default",
        skip_serializing_if = "<[_]>::is_empty"
    )]
    pub pod_ips: Box<[PodIp]>,
    /// Only the condition `Ready` is kept.
    #[serde(
        default,
        deserialize_with = "null_default",
        skip_serializing_if = "<[_]>::is_empty"
    )]
    pub conditions: Arc<[Condition]>,
    #[serde(
        default,
        deserialize_with = "null_default",
        skip_serializing_if = "<[_]>::is_empty"
    )]
    pub container_statuses: Box<[ContainerStatus]>,
    #[serde(
        default,
        deserialize_with = "null_default",
        skip_serializing_if = "<[_]>::is_empty"
    )]
    pub init_container_statuses: Box<[ContainerStatus]>,
    #[serde(
        default,
        deserialize_with = "null_default",
        skip_serializing_if = "<[_]>::is_empty"
    )]
    pub ephemeral_container_statuses: Box<[ContainerStatus]>,
}

/// One entry of `status.podIPs`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PodIp {
    #[serde(default)]
    pub ip: Arc<str>,
}

/// A condition, without its times and texts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Condition {
    #[serde(default, rename = "type")]
    pub kind: Box<str>,
    #[serde(default)]
    pub status: Box<str>,
}

/// `ContainerStatus`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContainerStatus {
    #[serde(default)]
    pub name: Arc<str>,
    #[serde(
        default,
        rename = "containerID",
        skip_serializing_if = "Option::is_none"
    )]
    pub container_id: Option<ContainerId>,
    #[serde(default, deserialize_with = "null_default")]
    pub state: ContainerState,
    /// The resources in force, kept only where they differ from `spec`: while a resize is pending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Arc<Resources>>,
}

/// Which of the three states a container is in; its details are dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContainerState {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub running: Option<Details>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terminated: Option<Details>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<Details>,
}

/// Present, with its content dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[expect(
    clippy::empty_structs_with_brackets,
    reason = "an object without known fields, not a unit"
)]
pub struct Details {}

/// Labels that controllers write on single pods of a template.
const INSTANCE_LABELS: &[&str] = &[
    "apps.kubernetes.io/pod-index",
    "batch.kubernetes.io/controller-uid",
    "batch.kubernetes.io/job-completion-index",
    "batch.kubernetes.io/job-name",
    "controller-revision-hash",
    "controller-uid",
    "job-name",
    "pod-template-hash",
    "statefulset.kubernetes.io/pod-name",
];

/// Annotations that nodes and agents write on single pods.
const INSTANCE_ANNOTATIONS: &[&str] = &[
    "ambient.istio.io/redirection",
    "kubernetes.io/config.mirror",
];

impl Pod {
    /// Takes out what differs between replicas, so that equal pods have equal projections.
    pub(super) fn take_instance(&mut self, name: &str) -> PodInstance {
        let spec = Arc::make_mut(&mut self.spec);
        spec.normalise();
        for volume in &mut spec.volumes {
            volume::normalise_claim(volume, name);
        }
        let mut status = self.status.take().map(|status| *status);
        if let Some(status) = &mut status {
            let conditions = status.conditions.iter();
            let ready = conditions.filter(|condition| &*condition.kind == "Ready");
            status.conditions = ready.cloned().collect();
            keep_differing(&mut status.container_statuses, &spec.containers);
            keep_differing(&mut status.init_container_statuses, &spec.init_containers);
        }
        PodInstance {
            metadata: InstanceMetadata {
                labels: extract(&mut self.metadata.labels, INSTANCE_LABELS),
                annotations: extract(&mut self.metadata.annotations, INSTANCE_ANNOTATIONS),
            },
            spec: InstanceSpec {
                node_name: spec
                    .node_name
                    .take()
                    .filter(|node| !node.is_empty())
                    .map(Into::into),
                hostname: spec.hostname.take().map(Into::into),
                ephemeral_containers: std::mem::take(&mut spec.ephemeral_containers).into(),
            },
            status,
        }
    }
}

impl PodSpec {
    /// Containers of all classes.
    pub(crate) fn containers_mut(&mut self) -> impl Iterator<Item = &mut Arc<Container>> {
        self.init_containers
            .iter_mut()
            .chain(&mut self.containers)
            .chain(&mut self.ephemeral_containers)
    }

    /// Takes out what the API server writes differently, or twice, on each pod.
    fn normalise(&mut self) {
        let name = self.service_account_name.as_deref();
        if name.is_some_and(|name| !name.is_empty()) {
            self.service_account = None;
        }
        for volume in &mut self.volumes {
            volume::normalise(&mut volume.name);
        }
        for container in self.containers_mut() {
            let mounts = &mut Arc::make_mut(container).volume_mounts;
            for mount in Arc::make_mut(mounts) {
                volume::normalise(&mut mount.name);
            }
        }
    }
}

/// Drops reported resources that are those of `spec`, as they are on all pods but those with a pending resize.
fn keep_differing(statuses: &mut [ContainerStatus], containers: &[Arc<Container>]) {
    for status in statuses {
        let declared = containers
            .iter()
            .find(|container| *container.name == *status.name)
            .and_then(|container| container.resources.as_deref());
        let same = |reported: &Resources| match declared {
            Some(declared) => reported == declared,
            None => *reported == Resources::default(),
        };
        if status.resources.as_deref().is_some_and(same) {
            status.resources = None;
        }
    }
}

fn extract(map: &mut StringMap, keys: &[&'static str]) -> InstanceFields {
    let found = keys
        .iter()
        .filter_map(|key| Some((*key, map.remove(*key)?.into())));
    InstanceFields(found.collect())
}

impl InstanceFields {
    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.iter()
            .find_map(|(known, value)| (known == key).then_some(value))
    }

    /// Values, to be shared.
    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut Arc<str>> {
        self.0.iter_mut().map(|(_, value)| value)
    }

    /// Keys and values.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().map(|(key, value)| (*key, value.as_ref()))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for InstanceFields {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for InstanceFields {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut written = StringMap::deserialize(deserializer)?;
        let known = [INSTANCE_LABELS, INSTANCE_ANNOTATIONS]
            .iter()
            .find(|keys| written.keys().all(|key| keys.contains(&key.as_str())));
        let Some(known) = known else {
            return Err(serde::de::Error::custom(
                "a key that is none of single pods",
            ));
        };
        Ok(extract(&mut written, known))
    }
}
