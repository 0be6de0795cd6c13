//! Pods in groups: rules judge each group once, however many replicas it has.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::mendix::{self, AppClaim};
use super::owners::{OwnerChain, Owners};
use super::selector::Labels;
use crate::gaps::Gaps;
use crate::kind::Kind;
use crate::projection::pod::{self, PodInstance, PodSpec, Resources};
use crate::projection::{Metadata, Projection};
use crate::snapshot::{Object, Snapshot};

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
    /// Whether a Ready ztunnel serves the node; only looked up for pods that ambient redirects.
    pub ztunnel_ready: bool,
    /// What the pods are to Mendix and the mesh.
    pub role: Role,
    /// The app they belong to, of app pods.
    pub app: Option<AppClaim>,
    /// What one of them adds to the template; equal in all members as far as rules can see.
    instance: Option<&'s PodInstance>,
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
        let debug = instance.map_or(self.spec.ephemeral_containers.as_slice(), |instance| {
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
        let instance = self
            .instance
            .and_then(|instance| instance.metadata.annotations.get(key));
        instance
            .or_else(|| self.metadata.annotations.get(key))
            .map(String::as_str)
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
        self.spec
            .service_account_name
            .as_deref()
            .filter(|name| !name.is_empty())
            .unwrap_or("default")
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
                .find(|(_, status)| status.name == container)?;
            Some((
                format!("/status/{place}/{index}/resources"),
                status.resources.as_ref()?,
            ))
        })
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
                    .map(|address| address.ip.as_str())
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
        self.metadata
            .labels
            .get(key)
            .or(instance)
            .map(String::as_str)
    }
}

fn numbered<'s>(
    containers: &'s [pod::Container],
    field: &'static str,
) -> impl Iterator<Item = (&'s pod::Container, String)> {
    containers
        .iter()
        .enumerate()
        .map(move |(index, container)| (container, format!("/spec/{field}/{index}")))
}

fn has_ended(instance: &PodInstance, container: &str) -> bool {
    instance.status.as_ref().is_some_and(|status| {
        status
            .ephemeral_container_statuses
            .iter()
            .any(|status| status.name == container && status.state.terminated.is_some())
    })
}

/// What makes two pods of one projection different to some rule.
#[derive(PartialEq, Eq, Hash)]
struct Key<'s> {
    namespace: &'s str,
    projection: *const Projection,
    lifecycle: Lifecycle,
    windows: bool,
    kubelet_minor: Option<u32>,
    node_unread: bool,
    ztunnel_ready: bool,
    redirection: Option<&'s str>,
    selected_labels: Vec<(&'s str, &'s str)>,
    ephemeral: Vec<(&'s pod::Container, bool)>,
    enacted: Vec<(&'s str, Option<&'s Resources>)>,
}

/// Facts about nodes, looked up once per pod.
struct Nodes<'s> {
    by_name: HashMap<&'s str, (bool, Option<u32>)>,
    with_ztunnel: BTreeSet<&'s str>,
}

/// Groups all pods, and adds templates of workloads that have none.
pub(super) fn groups<'s>(
    snapshot: &'s Snapshot,
    gaps: &Gaps,
    owners: &Owners<'s>,
) -> Vec<PodGroup<'s>> {
    let nodes = Nodes::new(snapshot);
    let selected = selected_instance_labels(snapshot);
    let mut indexes: HashMap<Key<'s>, usize> = HashMap::new();
    let mut groups: Vec<PodGroup<'s>> = Vec::new();
    let mut used: BTreeSet<usize> = BTreeSet::new();
    for (index, object) in snapshot.of_kind(Kind::Pod) {
        let (Projection::Pod(pod), Some(instance)) =
            (object.projection.as_ref(), object.instance.as_deref())
        else {
            continue;
        };
        let key = key(object, pod, instance, &nodes, &selected);
        if let Some(group) = indexes.get(&key) {
            groups[*group].members.push(index);
            continue;
        }
        let chain = owners.chain(object.namespace(), &pod.metadata.owner_references, gaps);
        let hash = instance.metadata.labels.label("pod-template-hash");
        let behind = owners.deployment_behind(object.namespace(), &chain, hash);
        used.extend(behind);
        let workload = workload(object, &chain, behind.map(|index| &snapshot.objects[index]));
        let mut group = PodGroup {
            namespace: object.namespace(),
            spec: &pod.spec,
            metadata: &pod.metadata,
            members: vec![index],
            template: None,
            replicas: None,
            chain,
            workload,
            lifecycle: key.lifecycle,
            windows: key.windows,
            kubelet_minor: key.kubelet_minor,
            node_unread: key.node_unread,
            ztunnel_ready: key.ztunnel_ready,
            role: Role::Other,
            app: None,
            instance: Some(instance),
        };
        mendix::recognise(&mut group);
        // Bare pods of equal content are groups of their own: each is its own workload.
        if group.workload.0 != "Pod" {
            indexes.insert(key, groups.len());
        }
        groups.push(group);
    }
    let links = groups.iter().flat_map(|group| &group.chain.links);
    used.extend(links.filter_map(|link| link.object));
    groups.extend(
        templates(snapshot, gaps, owners).filter(|group| !used.contains(&group.members[0])),
    );
    groups.sort_by(|left, right| {
        (left.namespace, &left.workload, &left.members).cmp(&(
            right.namespace,
            &right.workload,
            &right.members,
        ))
    });
    groups
}

/// Kind and name of what a pod belongs to; the pod itself where nothing owns it.
fn workload(pod: &Object, chain: &OwnerChain, deployment: Option<&Object>) -> (String, String) {
    if let Some(deployment) = deployment {
        return (deployment.kind.name(), deployment.name().to_owned());
    }
    chain.workload().map_or_else(
        || (pod.kind.name(), pod.name().to_owned()),
        |link| (link.kind.clone(), link.name.clone()),
    )
}

fn key<'s>(
    object: &'s Object,
    pod: &'s pod::Pod,
    instance: &'s PodInstance,
    nodes: &Nodes<'s>,
    selected: &BTreeSet<&'s str>,
) -> Key<'s> {
    let status = instance.status.as_ref();
    let node = instance.spec.node_name.as_deref();
    let known = node.and_then(|node| nodes.by_name.get(node));
    let redirection = instance
        .metadata
        .annotations
        .get("ambient.istio.io/redirection")
        .map(String::as_str);
    let os = pod.spec.os.as_ref().map(|os| os.name == "windows");
    Key {
        namespace: object.namespace(),
        projection: Arc::as_ptr(&object.projection),
        lifecycle: lifecycle(status),
        windows: os.unwrap_or_else(|| known.is_some_and(|(windows, _)| *windows)),
        kubelet_minor: known.and_then(|(_, minor)| *minor),
        node_unread: node.is_some() && known.is_none(),
        ztunnel_ready: redirection.is_some()
            && node.is_some_and(|node| nodes.with_ztunnel.contains(node)),
        redirection,
        selected_labels: instance
            .metadata
            .labels
            .iter()
            .filter(|(key, _)| selected.contains(key.as_str()))
            .map(|(key, value)| (key.as_str(), value.as_str()))
            .collect(),
        ephemeral: instance
            .spec
            .ephemeral_containers
            .iter()
            .map(|container| (container, has_ended(instance, &container.name)))
            .collect(),
        enacted: status
            .into_iter()
            .flat_map(|status| {
                status
                    .container_statuses
                    .iter()
                    .chain(&status.init_container_statuses)
            })
            .map(|status| (status.name.as_str(), status.resources.as_ref()))
            .collect(),
    }
}

fn lifecycle(status: Option<&pod::PodStatus>) -> Lifecycle {
    let phase = status.and_then(|status| status.phase.as_deref());
    let address =
        status.is_some_and(|status| status.pod_ip.is_some() || !status.pod_ips.is_empty());
    match phase {
        Some("Succeeded" | "Failed") => Lifecycle::Finished,
        Some("Pending") if !address => Lifecycle::Pending,
        _ => Lifecycle::Running,
    }
}

impl<'s> Nodes<'s> {
    fn new(snapshot: &'s Snapshot) -> Self {
        let by_name = snapshot
            .of_kind(Kind::Node)
            .filter_map(|(_, object)| match object.projection.as_ref() {
                Projection::Node(node) => {
                    let info = &node.status.node_info;
                    let windows = info.operating_system == "windows"
                        || info.operating_system.is_empty()
                            && node.metadata.labels.label("kubernetes.io/os") == Some("windows");
                    Some((
                        object.name(),
                        (windows, kubelet_minor(&info.kubelet_version)),
                    ))
                }
                _ => None,
            })
            .collect();
        let with_ztunnel = snapshot
            .of_kind(Kind::Pod)
            .filter(|(_, object)| {
                object.projection.metadata().labels.label("app") == Some("ztunnel")
            })
            .filter_map(|(_, object)| {
                let instance = object.instance.as_ref()?;
                let ready = instance
                    .status
                    .as_ref()?
                    .conditions
                    .iter()
                    .any(|condition| condition.status == "True");
                instance.spec.node_name.as_deref().filter(|_| ready)
            })
            .collect();
        Self {
            by_name,
            with_ztunnel,
        }
    }
}

/// The minor version in `v1.34.2`, `v1.31.4+k3s1` and the like.
pub fn kubelet_minor(version: &str) -> Option<u32> {
    let rest = version.strip_prefix('v')?.strip_prefix("1.")?;
    let digits = rest
        .find(|letter: char| !letter.is_ascii_digit())
        .unwrap_or(rest.len());
    rest[..digits].parse().ok()
}

/// Labels of single pods that some selector names; pods that differ in them are not equal.
fn selected_instance_labels(snapshot: &Snapshot) -> BTreeSet<&str> {
    snapshot
        .objects
        .iter()
        .flat_map(|object| -> Vec<&BTreeMap<String, String>> {
            match object.projection.as_ref() {
                Projection::Service(service) => vec![&service.spec.selector],
                Projection::PeerAuthentication(policy) => policy
                    .spec
                    .selector
                    .iter()
                    .map(|selector| &selector.match_labels)
                    .collect(),
                Projection::Sidecar(sidecar) => sidecar
                    .spec
                    .workload_selector
                    .iter()
                    .map(|selector| &selector.labels)
                    .collect(),
                Projection::EnvoyFilter(filter) => filter
                    .spec
                    .workload_selector
                    .iter()
                    .map(|selector| &selector.labels)
                    .collect(),
                _ => Vec::new(),
            }
        })
        .flat_map(|labels| labels.keys().map(String::as_str))
        .collect()
}

/// Templates of workloads that no other workload controls, in namespaces whose pods were read.
fn templates<'s>(
    snapshot: &'s Snapshot,
    gaps: &Gaps,
    owners: &Owners<'s>,
) -> impl Iterator<Item = PodGroup<'s>> {
    Kind::WORKLOADS.iter().flat_map(move |kind| {
        snapshot.of_kind(*kind).filter_map(move |(index, object)| {
            gaps.list_in_namespace(Kind::Pod, object.namespace())
                .is_none()
                .then_some(())?;
            let (template, replicas, pointer) = template(object.projection.as_ref())?;
            let chain = owners.chain(
                object.namespace(),
                &object.projection.metadata().owner_references,
                gaps,
            );
            if chain.workload().is_some_and(|link| {
                Kind::in_group(&link.group, &link.kind)
                    .is_some_and(|kind| Kind::WORKLOADS.contains(&kind))
            }) {
                return None;
            }
            let mut group = PodGroup {
                namespace: object.namespace(),
                spec: &template.spec,
                metadata: &template.metadata,
                members: vec![index],
                template: Some(pointer),
                replicas,
                chain,
                workload: (kind.name(), object.name().to_owned()),
                lifecycle: Lifecycle::Running,
                windows: template
                    .spec
                    .os
                    .as_ref()
                    .is_some_and(|os| os.name == "windows"),
                kubelet_minor: None,
                node_unread: false,
                ztunnel_ready: false,
                role: Role::Other,
                app: None,
                instance: None,
            };
            mendix::recognise(&mut group);
            Some(group)
        })
    })
}

fn template(projection: &Projection) -> Option<(&pod::PodTemplate, Option<i64>, &'static str)> {
    match projection {
        Projection::Workload(workload) => Some((
            workload.spec.template.as_ref()?,
            workload.spec.replicas,
            "/spec/template",
        )),
        Projection::CronJob(job) => {
            let spec = &job.spec.job_template.spec;
            Some((
                spec.template.as_ref()?,
                None,
                "/spec/jobTemplate/spec/template",
            ))
        }
        _ => None,
    }
}
