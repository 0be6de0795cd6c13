//! Pods in groups: rules judge each group once, however many replicas it has.

use std::sync::Arc;

use super::enforcement::Enforcement;
use super::ingress_controllers::Family;
use super::owners::OwnerChain;
use super::selector::Labels;
use super::user_namespaces::UserNamespace;
use crate::projection::Metadata;
use crate::projection::pod::{self, PodInstance, PodSpec, Resources};
use crate::snapshot::Snapshot;

/// Pods that are equal in everything a rule may look at, or a workload whose template stands for pods to come.
#[derive(Debug)]
pub struct PodGroup<'s> {
    /// Namespace of all members.
    pub namespace: &'s str,
    /// `spec` without what differs between replicas.
    pub spec: &'s PodSpec,
    /// Labels, annotations and owners that all members share.
    pub metadata: &'s Metadata,
    /// Indexes of the pods, or of the one workload.
    pub members: Vec<usize>,
    /// Of a template: where it stands in its workload, such as `/spec/template`.
    pub template: Option<&'static str>,
    /// Of a template: `spec.replicas` of its workload.
    pub replicas: Option<i64>,
    /// Owners, nearest first.
    pub chain: OwnerChain,
    /// Kind and name of what the pods belong to: stable when pods are restarted.
    pub workload: (String, String),
    /// Whether processes run.
    pub lifecycle: Lifecycle,
    /// Operating system: `spec.os`, else the node's, else Linux.
    pub windows: bool,
    /// Minor version of the kubelet, such as 34 for v1.34; `None` when the pod has no node or it was not read.
    pub kubelet_minor: Option<u32>,
    /// Name of the node when its object was not read though the pod names it.
    pub node_unread: bool,
    /// In whose user namespace the containers run.
    pub user_namespace: UserNamespace,
    /// Whether a Ready ztunnel serves the node; only looked up for pods that ambient redirects.
    pub ztunnel_ready: bool,
    /// Whether network policies count on the node.
    pub enforcement: Enforcement,
    /// Attestations of the plan that hold for the nodes of all members, by index.
    pub attestations: Vec<usize>,
    /// What the pods are to Mendix and the mesh.
    pub role: Role,
    /// The app they belong to, of app pods.
    pub app: Option<AppClaim>,
    /// The family of ingress controllers whose traffic they carry.
    pub ingress: Option<Family>,
    /// What one of them adds to the template; equal in all members as far as rules can see.
    pub(super) instance: Option<&'s PodInstance>,
}

/// Whether a pod has processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lifecycle {
    /// Running, or in a file without a status.
    Running,
    /// Pending without an address: nothing at run time can be judged yet.
    Pending,
    /// Succeeded or failed: no process is left.
    Finished,
}

/// What a pod is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Runs a Mendix app (the platform's own among them).
    App,
    /// Mendix Operator.
    Operator,
    /// Mendix agent.
    Agent,
    /// Another part of Private Mendix Platform.
    Platform,
    /// Builds or provisions for an app, and ends.
    Task,
    /// Proxies ingress traffic.
    IngressController,
    /// Control plane or node agent of a service mesh.
    MeshControlPlane,
    /// Anything else.
    Other,
}

/// Which app a pod says it belongs to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AppClaim {
    /// Name of the MendixApp at the end of the owner chain (or of the Runtime, when nothing is above it).
    pub by_owner: Option<String>,
    /// Labels that name an app, in either vocabulary, and their values.
    pub by_label: Vec<(&'static str, String)>,
}

impl AppClaim {
    /// The app's name: the owner chain counts more than a label.
    pub fn name(&self) -> Option<&str> {
        self.by_owner
            .as_deref()
            .or(self.by_label.first().map(|(_, name)| name.as_str()))
    }
}

/// A container of a pod, with its class and place.
#[derive(Clone, Debug)]
pub struct Container<'p> {
    /// When it runs.
    pub class: ContainerClass,
    /// Its fields.
    pub spec: &'p pod::Container,
    /// JSON pointer to it in the pod.
    pub pointer: String,
    /// Whether it is a debug container whose process has ended.
    pub ended: bool,
}

/// When a container runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ContainerClass {
    /// Before the app containers, to its end.
    Init,
    /// An init container with `restartPolicy: Always`, beside the app containers.
    NativeSidecar,
    /// An app container.
    App,
    /// Added to the running pod for debugging.
    Ephemeral,
}

impl<'s> PodGroup<'s> {
    /// All containers: init containers and native sidecars, app containers, debug containers.
    pub fn all_containers(&self) -> impl Iterator<Item = Container<'s>> {
        let init = numbered(&self.spec.init_containers, "initContainers").map(|(spec, pointer)| {
            Container {
                class: if spec.restart_policy.as_deref() == Some("Always") {
                    ContainerClass::NativeSidecar
                } else {
                    ContainerClass::Init
                },
                spec,
                pointer,
                ended: false,
            }
        });
        let app = numbered(&self.spec.containers, "containers").map(|(spec, pointer)| Container {
            class: ContainerClass::App,
            spec,
            pointer,
            ended: false,
        });
        let instance = self.instance;
        let debug = instance.map_or(&*self.spec.ephemeral_containers, |instance| {
            &instance.spec.ephemeral_containers
        });
        let ephemeral =
            numbered(debug, "ephemeralContainers").map(move |(spec, pointer)| Container {
                class: ContainerClass::Ephemeral,
                spec,
                pointer,
                ended: instance.is_some_and(|instance| has_ended(instance, &spec.name)),
            });
        init.chain(app).chain(ephemeral)
    }

    /// The containers that isolation and resource rules judge: all but ended debug containers.
    pub fn containers(&self) -> impl Iterator<Item = Container<'s>> {
        self.all_containers().filter(|container| !container.ended)
    }

    /// Containers that run as long as the pod: app containers and native sidecars.
    pub fn lasting_containers(&self) -> impl Iterator<Item = Container<'s>> {
        self.all_containers().filter(|container| {
            matches!(
                container.class,
                ContainerClass::App | ContainerClass::NativeSidecar
            )
        })
    }

    /// Whether this is a template that stands for pods to come.
    pub fn is_template(&self) -> bool {
        self.template.is_some()
    }

    /// Whether its processes have ended.
    pub fn is_finished(&self) -> bool {
        self.lifecycle == Lifecycle::Finished
    }

    /// An annotation.
    pub fn annotation(&self, key: &str) -> Option<&'s str> {
        self.instance
            .and_then(|instance| instance.metadata.annotations.get(key))
            .or_else(|| self.metadata.annotations.get(key).map(String::as_str))
    }

    /// What to say of a pod that the API can't change: the kubelet runs it from a file of the node.
    pub fn mirror_note(&self) -> &'static str {
        if self.annotation("kubernetes.io/config.mirror").is_some() {
            "; a static pod, not changeable through the API"
        } else {
            ""
        }
    }

    /// Name of the service account; the API's default is `default`.
    pub fn service_account(&self) -> &'s str {
        let names = [&self.spec.service_account_name, &self.spec.service_account];
        names
            .into_iter()
            .flatten()
            .find(|name| !name.is_empty())
            .map_or("default", String::as_str)
    }

    /// The resources in force for a container, where the kubelet reports them.
    pub fn enacted_resources(&self, container: &str) -> Option<(String, &'s Resources)> {
        let status = self.instance?.status.as_ref()?;
        let places = [
            ("containerStatuses", &status.container_statuses),
            ("initContainerStatuses", &status.init_container_statuses),
        ];
        places.into_iter().find_map(|(place, statuses)| {
            let (index, status) = statuses
                .iter()
                .enumerate()
                .find(|(_, status)| &*status.name == container)?;
            Some((
                format!("/status/{place}/{index}/resources"),
                status.resources.as_deref()?,
            ))
        })
    }

    /// Whether the pods run on nodes whose objects were read.
    pub fn is_on_known_node(&self) -> bool {
        let node = self
            .instance
            .and_then(|instance| instance.spec.node_name.as_ref());
        node.is_some() && !self.node_unread
    }

    /// Addresses of all members.
    pub fn addresses(&self, snapshot: &'s Snapshot) -> impl Iterator<Item = &'s str> {
        self.members.iter().flat_map(move |member| {
            let status = snapshot.objects[*member]
                .instance
                .as_ref()
                .and_then(|instance| instance.status.as_ref());
            status.into_iter().flat_map(|status| {
                status
                    .pod_ips
                    .iter()
                    .map(|address| &*address.ip)
                    .chain(status.pod_ip.as_deref())
            })
        })
    }
}

impl Labels for PodGroup<'_> {
    fn label(&self, key: &str) -> Option<&str> {
        let instance = self
            .instance
            .and_then(|instance| instance.metadata.labels.get(key));
        self.metadata.labels.label(key).or(instance)
    }
}

fn numbered<'s>(
    containers: &'s [Arc<pod::Container>],
    field: &'static str,
) -> impl Iterator<Item = (&'s pod::Container, String)> {
    containers
        .iter()
        .enumerate()
        .map(move |(index, container)| (&**container, format!("/spec/{field}/{index}")))
}

pub(super) fn has_ended(instance: &PodInstance, container: &str) -> bool {
    instance.status.as_ref().is_some_and(|status| {
        status
            .ephemeral_container_statuses
            .iter()
            .any(|status| &*status.name == container && status.state.terminated.is_some())
    })
}
