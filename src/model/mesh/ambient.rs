//! Istio's ambient mode: the ztunnels of the nodes, and the way into a pod through one.
//!
//! Follows istio `pilot/pkg/serviceregistry/ambient/` for policies and `cni/pkg/` for redirection.

use std::collections::{BTreeMap, BTreeSet};

use super::super::mendix;
use super::super::pods::{PodGroup, Role};
use super::super::selector::Labels as _;
use super::capture::{Captured, networks};
use super::inbound::{Accepts, Cause, Proof};
use super::peer_authentication::{Enforcement, Plane, Resolution};
use super::{Fact, Mesh};
use crate::kind::Kind;
use crate::projection::Projection;
use crate::projection::facts::PROXY_ROLE;
use crate::projection::pod::{Pod, PodInstance};
use crate::snapshot::Snapshot;

/// Port of the tunnel that meshed traffic arrives through, whatever port it is for.
pub const HBONE: u16 = 15008;
/// Variable of istiod with the accounts that may ask for the identities of a node's pods: those of ztunnels
/// (istio `pilot/pkg/features/security.go`).
const TRUSTED_ACCOUNTS: &str = "CA_TRUSTED_NODE_ACCOUNTS";
/// Where ztunnels run in a cluster whose control plane runs elsewhere.
const USUAL_NAMESPACE: &str = "istio-system";
/// Ztunnels that are named as read; all nodes of a group have one.
const NAMED: usize = 3;

/// The ready ztunnel of each node: the index of its pod, and of the condition that says so.
///
/// A label alone is anybody's to set: the pod must be started as ztunnel, or be a DaemonSet's, and must run where the
/// control plane trusts ztunnels.
pub(in crate::model) fn ready_ztunnels(snapshot: &Snapshot) -> BTreeMap<&str, (usize, usize)> {
    let trusted = trusted_namespaces(snapshot);
    pods(snapshot)
        .filter(|(_, namespace, pod, _)| {
            pod.metadata.labels.label("app") == Some("ztunnel")
                && trusted.contains(namespace)
                && is_started_as_ztunnel(pod)
        })
        .filter_map(|(index, _, _, instance)| {
            let status = instance.status.as_ref()?;
            let running = !matches!(status.phase.as_deref(), Some("Succeeded" | "Failed"));
            let mut conditions = status.conditions.iter();
            let ready = conditions.position(|condition| {
                &*condition.kind == "Ready" && &*condition.status == "True"
            })?;
            let node = instance.spec.node_name.as_deref();
            Some((node.filter(|_| running)?, (index, ready)))
        })
        .collect()
}

/// Namespaces whose ztunnels get certificates: those that control planes name, else where these run themselves.
fn trusted_namespaces(snapshot: &Snapshot) -> BTreeSet<&str> {
    let mut trusted = BTreeSet::new();
    for (_, namespace, pod, _) in pods(snapshot) {
        let mut containers = pod.spec.containers.iter();
        let istiod = pod.metadata.labels.label("app") == Some("istiod");
        let Some(discovery) = containers.find(|container| istiod && container.name == "discovery")
        else {
            continue;
        };
        match discovery.env.0.get(TRUSTED_ACCOUNTS).map(Option::as_deref) {
            Some(Some(accounts)) if !accounts.is_empty() => trusted.extend(
                accounts
                    .split(',')
                    .filter_map(|account| Some(account.trim().split_once('/')?.0)),
            ),
            _ => {
                trusted.insert(namespace);
            }
        }
    }
    if trusted.is_empty() {
        trusted.insert(USUAL_NAMESPACE);
    }
    trusted
}

fn pods(snapshot: &Snapshot) -> impl Iterator<Item = (usize, &str, &Pod, &PodInstance)> {
    snapshot
        .of_kind(Kind::Pod)
        .filter_map(|(index, object)| match object.projection.as_ref() {
            Projection::Pod(pod) => {
                let instance = object.instance.as_deref()?;
                Some((index, object.namespace(), pod, instance))
            }
            _ => None,
        })
}

fn is_started_as_ztunnel(pod: &Pod) -> bool {
    let of_daemon_set = || {
        let mut owners = pod.metadata.owner_references.iter();
        owners.any(|owner| owner.controller && owner.kind == "DaemonSet")
    };
    let started = pod.spec.containers.iter().any(|container| {
        container.args.value(PROXY_ROLE) == Some("ztunnel")
            || mendix::image_name(container).starts_with("ztunnel")
    });
    started || of_daemon_set()
}

/// The way through the node's ztunnel.
#[derive(Debug)]
pub(super) struct AmbientWay<'m> {
    resolution: Resolution<'m>,
    networks: Option<(Captured, Fact)>,
    /// Of the ztunnels that serve the pods.
    ztunnels: Vec<Fact>,
    /// Namespaces with pods in the network of a node that the pods run on: what comes from there skips the ztunnel
    /// (istio `cni/pkg/iptables`).
    neighbours: Vec<&'m str>,
}

impl Mesh<'_> {
    pub(super) fn ambient_way<'m>(&'m self, pod: &PodGroup<'_>) -> AmbientWay<'m> {
        let nodes: BTreeSet<&str> = pod
            .members
            .iter()
            .filter_map(|member| self.node_of(*member))
            .collect();
        let ztunnels = nodes
            .iter()
            .filter_map(|node| self.ztunnels.get(*node))
            .take(NAMED)
            .flat_map(|(ztunnel, ready)| {
                let ready = format!("/status/conditions/{ready}/status");
                [
                    Fact::of(*ztunnel, "/metadata/labels/app", Some("ztunnel")),
                    Fact::of(*ztunnel, ready, Some("True")),
                ]
            });
        let neighbours: BTreeSet<&str> = nodes
            .iter()
            .filter_map(|node| self.host_network.get(*node))
            .flatten()
            .copied()
            .collect();
        AmbientWay {
            resolution: self.resolve(pod, Plane::Ambient),
            networks: networks(pod),
            ztunnels: ztunnels.collect(),
            neighbours: neighbours.into_iter().collect(),
        }
    }

    fn node_of(&self, pod: usize) -> Option<&str> {
        let instance = self.snapshot.objects.get(pod)?.instance.as_deref()?;
        instance.spec.node_name.as_deref()
    }
}

/// Namespaces with pods in the network of each node, the mesh's own aside.
pub(super) fn host_network<'s>(
    snapshot: &'s Snapshot,
    pods: &[PodGroup<'s>],
) -> BTreeMap<&'s str, BTreeSet<&'s str>> {
    let mut found: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for pod in pods {
        let in_host_network = pod.spec.host_network == Some(true) && !pod.is_template();
        if !in_host_network || pod.is_finished() || pod.role == Role::MeshControlPlane {
            continue;
        }
        let members = pod.members.iter();
        let instances = members.filter_map(|member| snapshot.objects[*member].instance.as_deref());
        for node in instances.filter_map(|instance| instance.spec.node_name.as_deref()) {
            found.entry(node).or_default().insert(pod.namespace);
        }
    }
    found
}

impl AmbientWay<'_> {
    pub(super) fn accepts(&self, port: Option<u16>) -> Accepts {
        let networks = self.networks.as_ref().map(|(captured, _)| *captured);
        match (self.resolution.enforcement(port), networks) {
            (Enforcement::Weak(setting), _) => Accepts::Plaintext(Cause::Mode(setting)),
            (_, Some(Captured::Unknown(doubt))) | (Enforcement::Unknown(doubt), _) => {
                Accepts::Unknown(doubt)
            }
            (Enforcement::Strict(setting), _) => Accepts::MutualTls(Proof::Ambient(setting)),
        }
    }

    pub(super) fn facts(&self, port: Option<u16>) -> Vec<Fact> {
        let networks = self.networks.iter().map(|(_, fact)| fact.clone());
        let mut facts: Vec<Fact> = networks.chain(self.ztunnels.iter().cloned()).collect();
        facts.extend(self.resolution.facts(port));
        facts
    }

    pub(super) fn enrolment_facts(&self) -> &[Fact] {
        &self.ztunnels
    }

    pub(super) fn neighbours(&self) -> &[&str] {
        &self.neighbours
    }
}
