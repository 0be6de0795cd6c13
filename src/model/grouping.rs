//! Which pods are equal in everything a rule may look at.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::enforcement::{Enforcement, NetworkPlugins};
use super::ingress_controllers;
use super::mendix;
use super::mesh::ambient;
use super::owners::{OwnerChain, Owners};
use super::pods::{Lifecycle, PodGroup, Role, has_ended};
use super::selector::Labels as _;
use super::user_namespaces::{self, Doubt, UserNamespace};
use super::volumes::{Backing, Volumes};
use crate::gaps::Gaps;
use crate::kind::Kind;
use crate::plan::{Date, Plan};
use crate::projection::Projection;
use crate::projection::cluster::Node;
use crate::projection::metadata::StringMap;
use crate::projection::pod::{self, PodInstance, Resources};
use crate::snapshot::{Object, Snapshot};

/// What makes two pods of one projection different to some rule.
#[derive(PartialEq, Eq, Hash)]
struct Key<'s> {
    namespace: &'s str,
    projection: *const Projection,
    lifecycle: Lifecycle,
    windows: bool,
    kubelet_minor: Option<u32>,
    node_unread: bool,
    user_namespace: UserNamespace,
    ztunnel_ready: bool,
    enforcement: Enforcement,
    redirection: Option<&'s str>,
    selected_labels: Vec<(&'s str, &'s str)>,
    ephemeral: Vec<(&'s pod::Container, bool)>,
    enacted: Vec<(&'s str, Option<&'s Resources>)>,
    attestations: Vec<usize>,
    own_claims: Vec<(usize, Option<Backing>)>,
}

/// Facts about nodes, looked up once per pod.
struct Nodes<'s> {
    by_name: HashMap<&'s str, KnownNode<'s>>,
    with_ztunnel: BTreeMap<&'s str, (usize, usize)>,
    /// Of nodes by name: which attestations of the plan hold for them.
    attested: HashMap<&'s str, Vec<usize>>,
    /// Which attestations hold for every node.
    attested_everywhere: Vec<usize>,
    /// Handler of each RuntimeClass.
    handlers: HashMap<&'s str, &'s str>,
    /// Paths of nodes that claims lead to.
    volumes: Volumes<'s>,
}

/// A node whose object was read.
struct KnownNode<'s> {
    node: &'s Node,
    windows: bool,
    kubelet_minor: Option<u32>,
}

/// Groups all pods, and adds templates of workloads that have none.
#[expect(
    clippy::too_many_lines,
    reason = "one struct with many fields, to be read as a list"
)]
pub(super) fn groups<'s>(
    snapshot: &'s Snapshot,
    gaps: &Gaps,
    owners: &Owners<'s>,
    plugins: &NetworkPlugins,
    plan: &'s Plan,
) -> Vec<PodGroup<'s>> {
    let nodes = Nodes::new(snapshot, plan);
    let selected = selected_instance_labels(snapshot, plan);
    let mut indexes: HashMap<Key<'s>, usize> = HashMap::new();
    let mut groups: Vec<PodGroup<'s>> = Vec::new();
    let mut used: BTreeSet<usize> = BTreeSet::new();
    for (index, object) in snapshot.of_kind(Kind::Pod) {
        let (Projection::Pod(pod), Some(instance)) =
            (object.projection.as_ref(), object.instance.as_deref())
        else {
            continue;
        };
        let key = key(object, pod, instance, &nodes, plugins, &selected);
        if let Some(group) = indexes.get(&key) {
            groups[*group].members.push(index);
            continue;
        }
        let chain = owners.chain(object.namespace(), &pod.metadata.owner_references, gaps);
        let hash = instance.metadata.labels.label("pod-template-hash");
        let behind = owners.workload_behind(object.namespace(), &chain, hash);
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
            user_namespace: key.user_namespace,
            ztunnel_ready: key.ztunnel_ready,
            enforcement: key.enforcement,
            attestations: key.attestations.clone(),
            role: Role::Other,
            app: None,
            ingress: None,
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
        templates(
            snapshot,
            gaps,
            owners,
            plugins.of_new_pod(),
            &nodes.attested_everywhere,
        )
        .filter(|group| !used.contains(&group.members[0])),
    );
    ingress_controllers::recognise(&mut groups, plan);
    in_order(groups)
}

fn in_order(mut groups: Vec<PodGroup<'_>>) -> Vec<PodGroup<'_>> {
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
fn workload(pod: &Object, chain: &OwnerChain, behind: Option<&Object>) -> (String, String) {
    if let Some(behind) = behind {
        return (behind.kind.name().to_owned(), behind.name().to_owned());
    }
    chain.workload().map_or_else(
        || (pod.kind.name().to_owned(), pod.name().to_owned()),
        |link| (link.kind.clone(), link.name.clone()),
    )
}

fn key<'s>(
    object: &'s Object,
    pod: &'s pod::Pod,
    instance: &'s PodInstance,
    nodes: &Nodes<'s>,
    plugins: &NetworkPlugins,
    selected: &BTreeSet<&'s str>,
) -> Key<'s> {
    let status = instance.status.as_ref();
    let node = instance.spec.node_name.as_deref();
    let known = node.and_then(|node| nodes.by_name.get(node));
    let redirection = instance
        .metadata
        .annotations
        .get("ambient.istio.io/redirection");
    let os = pod.spec.os.as_ref().map(|os| os.name == "windows");
    Key {
        namespace: object.namespace(),
        projection: Arc::as_ptr(&object.projection),
        lifecycle: lifecycle(status),
        windows: os.unwrap_or_else(|| known.is_some_and(|known| known.windows)),
        kubelet_minor: known.and_then(|known| known.kubelet_minor),
        node_unread: node.is_some() && known.is_none(),
        user_namespace: nodes.user_namespace(&pod.spec, instance),
        ztunnel_ready: redirection.is_some()
            && node.is_some_and(|node| nodes.with_ztunnel.contains_key(node)),
        enforcement: plugins.of_pod(node, !pod.metadata.owner_references.is_empty()),
        redirection,
        selected_labels: instance
            .metadata
            .labels
            .iter()
            .filter(|(key, _)| selected.contains(key))
            .collect(),
        ephemeral: instance
            .spec
            .ephemeral_containers
            .iter()
            .map(|container| (&**container, has_ended(instance, &container.name)))
            .collect(),
        enacted: status
            .into_iter()
            .flat_map(|status| {
                status
                    .container_statuses
                    .iter()
                    .chain(&status.init_container_statuses)
            })
            .map(|status| (&*status.name, status.resources.as_deref()))
            .collect(),
        attestations: node
            .and_then(|node| nodes.attested.get(node))
            .unwrap_or(&nodes.attested_everywhere)
            .clone(),
        own_claims: nodes
            .volumes
            .own_paths(object.namespace(), object.name(), &pod.spec),
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
    fn new(snapshot: &'s Snapshot, plan: &Plan) -> Self {
        let by_name = snapshot
            .of_kind(Kind::Node)
            .filter_map(|(_, object)| match object.projection.as_ref() {
                Projection::Node(node) => {
                    let info = &node.status.node_info;
                    let windows = info.operating_system == "windows"
                        || info.operating_system.is_empty()
                            && node.metadata.labels.label("kubernetes.io/os") == Some("windows");
                    let known = KnownNode {
                        node,
                        windows,
                        kubelet_minor: kubelet_minor(&info.kubelet_version),
                    };
                    Some((object.name(), known))
                }
                _ => None,
            })
            .collect();
        let started = Date::of_time(&snapshot.origin.started_at);
        let attested = snapshot
            .of_kind(Kind::Node)
            .filter(|_| !plan.attestations.is_empty())
            .map(|(_, object)| {
                let labels = &object.projection.metadata().labels;
                (
                    object.name(),
                    plan.attestations_on(started, &|key| labels.label(key)),
                )
            })
            .collect();
        Self {
            by_name,
            with_ztunnel: ambient::ready_ztunnels(snapshot),
            attested,
            attested_everywhere: plan.attestations_on(started, &|_| None),
            handlers: user_namespaces::handlers(snapshot),
            volumes: Volumes::new(snapshot),
        }
    }

    fn user_namespace(&self, spec: &pod::PodSpec, instance: &PodInstance) -> UserNamespace {
        if spec.host_users != Some(false) {
            return UserNamespace::Host;
        }
        let node = instance.spec.node_name.as_deref();
        let started = lifecycle(instance.status.as_ref()) != Lifecycle::Pending;
        let Some(node) = node.filter(|_| started) else {
            return UserNamespace::Doubtful(Doubt::NotStarted);
        };
        let Some(known) = self.by_name.get(node) else {
            return UserNamespace::Doubtful(Doubt::NodeUnread);
        };
        let class = spec.runtime_class_name.as_deref();
        let handler = class.map_or(Some(""), |class| self.handlers.get(class).copied());
        UserNamespace::on(known.node, handler)
    }
}

/// The minor version in `v1.34.2`, `v1.31.4+k3s1` and the like.
pub(super) fn kubelet_minor(version: &str) -> Option<u32> {
    let rest = version.strip_prefix('v')?.strip_prefix("1.")?;
    let digits = rest
        .find(|letter: char| !letter.is_ascii_digit())
        .unwrap_or(rest.len());
    rest[..digits].parse().ok()
}

/// Labels of single pods that some selector names; pods that differ in them are not equal.
fn selected_instance_labels<'s>(snapshot: &'s Snapshot, plan: &'s Plan) -> BTreeSet<&'s str> {
    let by_objects = snapshot
        .objects
        .iter()
        .flat_map(|object| -> Vec<&StringMap> {
            match object.projection.as_ref() {
                Projection::Service(service) => vec![&service.spec.selector],
                Projection::IstioGateway(gateway) => vec![&gateway.spec.selector],
                Projection::ServiceEntry(entry) => entry
                    .spec
                    .workload_selector
                    .iter()
                    .map(|selector| &selector.labels)
                    .collect(),
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
                Projection::DestinationRule(rule) => rule
                    .spec
                    .subsets
                    .iter()
                    .map(|subset| &subset.labels)
                    .collect(),
                _ => Vec::new(),
            }
        })
        .flat_map(|labels| labels.keys().map(String::as_str));
    let by_servers = snapshot.of_kind(Kind::Server).flat_map(server_keys);
    let mut keys: BTreeSet<&str> = by_objects
        .chain(by_servers)
        .chain(plan.pod_label_keys())
        .collect();
    for object in &snapshot.objects {
        super::reach::selectors(object.projection.as_ref(), &mut |selector| {
            let expressions = selector.match_expressions.iter();
            keys.extend(selector.match_labels.keys().map(String::as_str));
            keys.extend(expressions.map(|expression| expression.key.as_str()));
        });
    }
    keys
}

/// The labels that a Server of Linkerd selects pods by.
fn server_keys((_, object): (usize, &Object)) -> Vec<&str> {
    let Projection::Server(server) = object.projection.as_ref() else {
        return Vec::new();
    };
    let selector = server.spec.pod_selector.iter();
    selector
        .flat_map(|selector| {
            let expressions = selector.match_expressions.iter();
            let keys = expressions.map(|expression| expression.key.as_str());
            keys.chain(selector.match_labels.keys().map(String::as_str))
        })
        .collect()
}

/// Templates of workloads that no other workload controls, in namespaces whose pods were read.
fn templates<'s>(
    snapshot: &'s Snapshot,
    gaps: &Gaps,
    owners: &Owners<'s>,
    enforcement: Enforcement,
    attestations: &[usize],
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
                workload: (kind.name().to_owned(), object.name().to_owned()),
                lifecycle: of_workload(object.projection.as_ref()),
                windows: template
                    .spec
                    .os
                    .as_ref()
                    .is_some_and(|os| os.name == "windows"),
                kubelet_minor: None,
                node_unread: false,
                user_namespace: if template.spec.host_users == Some(false) {
                    UserNamespace::Doubtful(Doubt::NotStarted)
                } else {
                    UserNamespace::Host
                },
                ztunnel_ready: false,
                enforcement,
                attestations: attestations.to_vec(),
                role: Role::Other,
                app: None,
                ingress: None,
                instance: None,
            };
            mendix::recognise(&mut group);
            Some(group)
        })
    })
}

/// A Job that has ended makes no more pods.
fn of_workload(projection: &Projection) -> Lifecycle {
    match projection {
        Projection::Workload(job) if job.status.has_ended() => Lifecycle::Finished,
        _ => Lifecycle::Running,
    }
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
