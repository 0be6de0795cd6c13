//! The service mesh: its control planes, the policies that they enforce, and what the data plane of a pod makes of
//! them.
//!
//! The semantics are those of Istio's and Linkerd's code, named in the modules.

pub mod ambient;
pub mod capture;
pub mod control_plane;
pub mod data_plane;
pub mod destination_rules;
pub mod destinations;
pub mod gateway;
pub mod hosts;
pub mod inbound;
pub mod linkerd;
pub mod listeners;
pub mod mesh_wide;
pub mod peer_authentication;
pub mod ports;
mod ranges;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use super::mendix;
use super::namespaces::Namespaces;
use super::pods::PodGroup;
use super::selector::Labels as _;
use crate::gaps::{Gaps, Missing};
use crate::kind::Kind;
use crate::projection::Projection;
use crate::snapshot::Snapshot;

use control_plane::ControlPlane;
use destination_rules::DestinationRules;
use gateway::Gateways;
use listeners::Listeners;
use peer_authentication::Policies;

/// What there is of service meshes.
#[derive(Debug)]
pub struct Mesh<'s> {
    /// Where Istio's control plane is, if it is in use.
    pub istio: Istio,
    /// Whether Linkerd is in use.
    pub linkerd: bool,
    /// Istio's control planes, one for each namespace and revision.
    pub control_planes: Vec<ControlPlane<'s>>,
    /// Why signs of a mesh may have been missed.
    pub signs_unread: Option<Missing>,
    /// Why control planes may have been missed.
    pods_unread: Option<Missing>,
    policies: Policies<'s>,
    listeners: Listeners<'s>,
    destination_rules: DestinationRules<'s>,
    gateways: Gateways<'s>,
    /// Namespaces whose label asks for Istio's ambient mode.
    ambient_namespaces: BTreeSet<&'s str>,
    /// Namespaces with an annotation about Linkerd's injection: their objects, and what it says.
    inject_namespaces: BTreeMap<&'s str, (usize, &'s str)>,
    /// Linkerd's policies and defaults.
    pub linkerd_policies: linkerd::Linkerd<'s>,
    /// Whether any pod is in ambient mode.
    ambient: bool,
    /// The ready ztunnel of each node, and its condition.
    ztunnels: BTreeMap<&'s str, (usize, usize)>,
    /// Namespaces with pods in the network of each node.
    host_network: BTreeMap<&'s str, BTreeSet<&'s str>>,
    snapshot: &'s Snapshot,
}

/// Where Istio's control plane is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Istio {
    /// Nothing of Istio was found.
    Absent,
    /// Istio is in use, and no control plane runs in what was read: it may run in another cluster, and then reads its
    /// policies there.
    Elsewhere,
    /// At least one control plane runs here.
    Here,
}

/// Why what the mesh does can't be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Doubt {
    /// No control plane was found.
    ControlPlaneElsewhere,
    /// None of the control planes has the revision of the pod's proxy.
    RevisionElsewhere,
    /// Nothing says which of several control planes serves the pod, and they differ.
    Revision,
    /// Pods were not read, and a control plane may be among them.
    Pods(Missing),
    /// The mesh configuration was not read.
    MeshConfig(Missing),
    /// The root namespace decides whether an object counts, and is not known.
    RootNamespace,
    /// The labels of a namespace decide whether its policies count, and were not read.
    NamespaceLabels(Missing),
    /// A discovery selector has an operator that the API does not know.
    DiscoverySelector,
    /// The oldest policy wins, and not all of them have a creation time.
    CreationTimes,
    /// The mode that decides is none that the API knows.
    Mode,
    /// A flag or annotation that decides what is captured has a value of an unexpected form.
    CaptureValue,
    /// The redirecting init container does not say which ports it captures.
    CaptureUnstated,
    /// A second network of the pod is not captured.
    SecondNetwork,
    /// A Sidecar sets a listener up that traffic is not redirected to.
    SidecarListener,
    /// A port of a DestinationRule without TLS settings, below a rule that has some.
    TlsNotInherited,
    /// An EnvoyFilter patches inbound listeners.
    EnvoyFilter,
    /// The word that says what the proxy is there for has an unexpected form.
    ProxyRole,
    /// The proxy container runs an agent without Envoy.
    NoEnvoy,
    /// The pod is redirected to a ztunnel that is not ready on its node.
    ZtunnelNotReady,
    /// No server of a gateway opens the port.
    NoServer,
    /// A gateway hands TLS on unopened, and what it leads to decides.
    HandedOn,
    /// Versions of Istio differ on what ports of a policy mean to a ztunnel under one that is weaker or stronger.
    AmbientPorts,
    /// What Linkerd does.
    Linkerd(linkerd::Doubt),
    /// A proxy may be injected when pods are made from the template.
    NotInjectedYet,
    /// The pod has no address yet.
    NotStarted,
}

/// A value that a decision rests on.
#[derive(Clone, Debug, PartialEq)]
pub struct Fact {
    /// Index of the object; `None` for the one that is being judged.
    pub object: Option<usize>,
    /// JSON pointer into it.
    pub pointer: String,
    /// What stands there; `None` when nothing does.
    pub value: Option<Value>,
}

impl Fact {
    fn new(object: Option<usize>, pointer: String, value: Option<impl Serialize>) -> Self {
        Self {
            object,
            pointer,
            // Scalars, lists and maps of the projection all have a JSON form.
            value: value.and_then(|value| serde_json::to_value(value).ok()),
        }
    }

    fn of_subject(pointer: impl Into<String>, value: Option<impl Serialize>) -> Self {
        Self::new(None, pointer.into(), value)
    }

    fn of_pod(pointer: impl Into<String>, value: Option<impl Serialize>) -> Self {
        Self::new(None, pointer.into(), value)
    }

    fn of(object: usize, pointer: impl Into<String>, value: Option<impl Serialize>) -> Self {
        Self::new(Some(object), pointer.into(), value)
    }

    fn of_annotation(pod: &PodGroup<'_>, key: &str) -> Self {
        let pointer = format!("/metadata/annotations/{}", escaped(key));
        Self::of_pod(pointer, pod.annotation(key))
    }
}

/// A key as a part of a JSON pointer (RFC 6901).
fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

impl<'s> Mesh<'s> {
    pub(super) fn new(
        snapshot: &'s Snapshot,
        gaps: &Gaps,
        namespaces: &Namespaces<'s>,
        pods: &[PodGroup<'s>],
    ) -> Self {
        let control_planes = control_plane::find(snapshot, gaps, namespaces, pods);
        let istio = if !control_planes.is_empty() {
            Istio::Here
        } else if shows_istio(snapshot, pods) {
            Istio::Elsewhere
        } else {
            Istio::Absent
        };
        let signs = [
            Kind::Pod,
            Kind::PeerAuthentication,
            Kind::MutatingWebhookConfiguration,
            Kind::Service,
        ];
        Self {
            istio,
            linkerd: pods.iter().any(is_linkerd) || shows_linkerd(snapshot),
            control_planes,
            signs_unread: signs.into_iter().find_map(|kind| gaps.anywhere(kind)),
            pods_unread: gaps.anywhere(Kind::Pod),
            policies: Policies::new(snapshot),
            listeners: Listeners::new(snapshot),
            destination_rules: DestinationRules::new(snapshot),
            gateways: Gateways::new(snapshot),
            ambient_namespaces: namespaces
                .iter()
                .filter(|(_, namespace)| {
                    namespace.labels.label(data_plane::MODE_LABEL) == Some("ambient")
                })
                .map(|(name, _)| name)
                .collect(),
            inject_namespaces: inject_namespaces(snapshot),
            linkerd_policies: linkerd::Linkerd::new(snapshot, gaps, pods),
            ambient: pods
                .iter()
                .any(|pod| pod.annotation(data_plane::REDIRECTION) == Some("enabled")),
            ztunnels: ambient::ready_ztunnels(snapshot),
            host_network: ambient::host_network(snapshot, pods),
            snapshot,
        }
    }

    /// Whether a mesh is in use.
    pub fn is_present(&self) -> bool {
        self.istio != Istio::Absent || self.linkerd
    }

    /// Whether the mesh configuration of every control plane was read, so that its root namespace is known.
    pub fn knows_roots(&self) -> bool {
        self.control_planes
            .iter()
            .all(|control_plane| control_plane.config.is_ok())
    }

    /// Namespaces whose policies count for the whole mesh, as far as they are known.
    pub fn root_namespaces(&self) -> Vec<&str> {
        let roots: BTreeSet<&str> = self
            .control_planes
            .iter()
            .filter_map(|control_plane| control_plane.config.as_ref().ok())
            .map(|config| config.root_namespace)
            .collect();
        roots.into_iter().collect()
    }
}

/// Whether anything shows that Istio is in use, its control plane aside.
fn shows_istio(snapshot: &Snapshot, pods: &[PodGroup<'_>]) -> bool {
    let in_pods = pods.iter().any(|pod| {
        matches!(pod.label("app"), Some("istiod" | "ztunnel"))
            || pod.annotation(data_plane::REDIRECTION).is_some()
            || pod
                .all_containers()
                .any(|container| container.spec.name == data_plane::ISTIO_PROXY)
    });
    in_pods
        || snapshot.of_kind(Kind::PeerAuthentication).next().is_some()
        || snapshot
            .of_kind(Kind::Service)
            .any(|(_, service)| is_named_after(service.name(), "istiod"))
        || snapshot
            .of_kind(Kind::MutatingWebhookConfiguration)
            .any(|(_, object)| match object.projection.as_ref() {
                Projection::WebhookConfiguration(configuration) => {
                    let injector = is_named_after(object.name(), "istio-sidecar-injector")
                        || configuration.metadata.labels.label("app") == Some("sidecar-injector");
                    injector
                        && configuration
                            .webhooks
                            .iter()
                            .any(|webhook| webhook.client_config.url)
                }
                _ => false,
            })
}

/// Whether a name is `base`, or `base` with a revision or other suffix.
fn is_named_after(name: &str, base: &str) -> bool {
    name.strip_prefix(base)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

/// Whether a webhook shows that Linkerd is in use, its pods aside.
fn shows_linkerd(snapshot: &Snapshot) -> bool {
    snapshot
        .of_kind(Kind::MutatingWebhookConfiguration)
        .any(|(_, object)| is_named_after(object.name(), "linkerd-proxy-injector"))
}

/// Annotations about Linkerd's injection, by namespace.
fn inject_namespaces(snapshot: &Snapshot) -> BTreeMap<&str, (usize, &str)> {
    let namespaces = snapshot.of_kind(Kind::Namespace);
    let annotated = namespaces.filter_map(|(index, object)| {
        let annotations = &object.projection.metadata().annotations;
        let value = annotations.get(data_plane::INJECT)?;
        Some((object.name(), (index, value.as_str())))
    });
    annotated.collect()
}

/// Whether a pod shows that Linkerd is in use: labels alone are anybody's to set, and pods that ended show nothing.
fn is_linkerd(pod: &PodGroup<'_>) -> bool {
    let has_proxy = || {
        pod.lasting_containers()
            .any(|container| container.spec.name == data_plane::LINKERD_PROXY)
    };
    !pod.is_finished() && (has_proxy() || mendix::is_part_of_linkerd(pod))
}
