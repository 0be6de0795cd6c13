//! What carries a pod's traffic: a proxy beside it, one on its node, or nothing.

use super::super::booleans::parse_bool;
use super::super::pods::{Container, ContainerClass, PodGroup};
use super::super::selector::Labels as _;
use super::{Fact, Mesh, linkerd};
use crate::projection::facts::{PROXY_ROLE, UNRECOGNISED};

/// Name of Istio's proxy container, of whatever role.
pub const ISTIO_PROXY: &str = "istio-proxy";
/// Name of Linkerd's proxy container.
pub const LINKERD_PROXY: &str = "linkerd-proxy";
/// Annotation in which Istio's CNI agent notes that it redirects a pod.
pub(super) const REDIRECTION: &str = "ambient.istio.io/redirection";
/// Annotation that keeps inbound traffic of an ambient pod out of the ztunnel.
const BYPASS: &str = "ambient.istio.io/bypass-inbound-capture";
/// Label of pods and namespaces that asks for a data plane.
pub(super) const MODE_LABEL: &str = "istio.io/dataplane-mode";
/// Annotation of pods and namespaces that asks for Linkerd's proxy.
pub(super) const INJECT: &str = "linkerd.io/inject";
/// Init containers that redirect to Linkerd's proxy, or check that its CNI plugin did.
const LINKERD_REDIRECTING: &[&str] = &[linkerd::capture::INIT, linkerd::capture::VALIDATOR];

/// What carries a pod's traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataPlane {
    /// Istio's proxy as a sidecar.
    Sidecar,
    /// Istio's proxy as a gateway.
    Gateway,
    /// Istio's proxy as a waypoint.
    Waypoint,
    /// Istio's agent alone: nothing is intercepted.
    NoEnvoy,
    /// The node's ztunnel, which is ready.
    Ambient,
    /// The node's ztunnel for outbound traffic only.
    AmbientOutbound,
    /// A ztunnel that is not ready on the node, or not yet in charge of the pod.
    ZtunnelNotReady,
    /// Linkerd's proxy.
    Linkerd,
    /// Linkerd's proxy, with nothing that redirects to it.
    LinkerdUnredirected,
    /// A container of the proxy's name whose role can't be told.
    UnknownRole,
    /// Nothing.
    Unmeshed(Unmeshed),
}

/// Why nothing carries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unmeshed {
    /// Pods in the node's network are never injected and never redirected.
    HostNetwork,
    /// The proxy is an init container that ends before the app starts.
    ProxyEnds,
    /// A container bears the proxy's name and is not started as one.
    NotStartedAsProxy,
    /// Ambient mode is asked for, and the pod is not redirected.
    NotRedirected,
    /// The pod opted out of the ambient mode of its namespace.
    OptedOut,
    /// Linkerd's proxy is asked for, and was not injected.
    NotInjected,
    /// Linkerd's annotation has a word that it does not know, which switches injection off.
    InjectWord,
    /// The pod opted out of Linkerd's injection that its namespace asks for.
    InjectDisabled,
    /// No proxy.
    NoProxy,
}

/// A pod's data plane, and the values that show it.
#[derive(Clone, Debug)]
pub struct Class {
    /// What it is.
    pub data_plane: DataPlane,
    /// What shows it.
    pub facts: Vec<Fact>,
}

impl Class {
    fn new(data_plane: DataPlane, facts: Vec<Fact>) -> Self {
        Self { data_plane, facts }
    }
}

impl DataPlane {
    /// Ports of the proxy itself: for metrics and health checks, in plaintext by design.
    pub const fn own_ports(self) -> &'static [u16] {
        match self {
            Self::Sidecar | Self::Gateway | Self::Waypoint | Self::NoEnvoy => {
                &[15020, 15021, 15090]
            }
            Self::Linkerd => &[4143, 4190, 4191],
            Self::Ambient
            | Self::AmbientOutbound
            | Self::ZtunnelNotReady
            | Self::LinkerdUnredirected
            | Self::UnknownRole
            | Self::Unmeshed(_) => &[],
        }
    }

    /// Whether the proxy takes nothing but what is sent to its own listeners, so that containers beside it stand open.
    pub const fn is_standalone(self) -> bool {
        match self {
            Self::Gateway | Self::Waypoint => true,
            Self::Sidecar
            | Self::NoEnvoy
            | Self::Ambient
            | Self::AmbientOutbound
            | Self::ZtunnelNotReady
            | Self::Linkerd
            | Self::LinkerdUnredirected
            | Self::UnknownRole
            | Self::Unmeshed(_) => false,
        }
    }

    /// Whether a proxy stands in the pod, so that a template shows what its pods will have.
    pub const fn has_proxy(self) -> bool {
        match self {
            Self::Sidecar
            | Self::Gateway
            | Self::Waypoint
            | Self::NoEnvoy
            | Self::Linkerd
            | Self::LinkerdUnredirected
            | Self::UnknownRole => true,
            Self::Ambient | Self::AmbientOutbound | Self::ZtunnelNotReady | Self::Unmeshed(_) => {
                false
            }
        }
    }
}

impl Mesh<'_> {
    /// The data plane of a pod; the first that fits counts.
    pub fn data_plane(&self, pod: &PodGroup<'_>) -> Class {
        if pod.spec.host_network == Some(true) {
            let fact = Fact::of_pod("/spec/hostNetwork", Some(true));
            return Class::new(DataPlane::Unmeshed(Unmeshed::HostNetwork), vec![fact]);
        }
        of_istio_proxy(pod)
            .or_else(|| of_ambient(pod))
            .or_else(|| of_linkerd(pod))
            .unwrap_or_else(|| self.unmeshed(pod))
    }

    fn unmeshed(&self, pod: &PodGroup<'_>) -> Class {
        let mut facts = vec![Fact::of_pod("/spec/hostNetwork", pod.spec.host_network)];
        let why = if lasting(pod, ISTIO_PROXY).is_some() {
            Unmeshed::NotStartedAsProxy
        } else if let Some(proxy) = ending_proxy(pod) {
            let pointer = format!("{}/restartPolicy", proxy.pointer);
            facts.push(Fact::of_pod(pointer, proxy.spec.restart_policy.as_deref()));
            Unmeshed::ProxyEnds
        } else {
            let own = pod.label(MODE_LABEL);
            let asked = own == Some("ambient");
            let of_namespace = self.ambient_namespaces.contains(pod.namespace);
            if asked || own.is_none() && of_namespace {
                Unmeshed::NotRedirected
            } else if of_namespace {
                Unmeshed::OptedOut
            } else {
                self.not_injected(pod, &mut facts)
            }
        };
        facts.extend(pod.lasting_containers().map(|container| {
            Fact::of_pod(
                format!("{}/name", container.pointer),
                Some(&container.spec.name),
            )
        }));
        facts.push(Fact::of_annotation(pod, REDIRECTION));
        Class::new(DataPlane::Unmeshed(why), facts)
    }
}

impl Mesh<'_> {
    /// Why Linkerd injected no proxy. The pod's annotation counts more than that of its namespace.
    fn not_injected(&self, pod: &PodGroup<'_>, facts: &mut Vec<Fact>) -> Unmeshed {
        let own = pod.annotation(INJECT);
        let of_namespace = self.inject_namespaces.get(pod.namespace);
        if own.is_some() {
            facts.push(Fact::of_annotation(pod, INJECT));
        }
        if let Some((object, value)) = of_namespace {
            let pointer = "/metadata/annotations/linkerd.io~1inject";
            facts.push(Fact::of(*object, pointer, Some(value)));
        }
        let asked = |value: &str| ["enabled", "ingress"].contains(&value);
        match (own, of_namespace.map(|(_, value)| *value)) {
            (Some("disabled"), Some(value)) if asked(value) => Unmeshed::InjectDisabled,
            (Some("disabled"), _) | (None, Some("disabled") | None) => Unmeshed::NoProxy,
            (Some(value), _) | (None, Some(value)) if asked(value) => Unmeshed::NotInjected,
            (Some(_), _) | (None, Some(_)) => Unmeshed::InjectWord,
        }
    }
}

fn lasting<'s>(pod: &PodGroup<'s>, name: &str) -> Option<Container<'s>> {
    pod.lasting_containers()
        .find(|container| container.spec.name == name)
}

fn ending_proxy<'s>(pod: &PodGroup<'s>) -> Option<Container<'s>> {
    pod.all_containers().find(|container| {
        let is_proxy = [ISTIO_PROXY, LINKERD_PROXY].contains(&container.spec.name.as_str());
        container.class == ContainerClass::Init && is_proxy
    })
}

/// The name alone proves nothing: the role is the word after `proxy` in the arguments.
fn of_istio_proxy(pod: &PodGroup<'_>) -> Option<Class> {
    let proxy = lasting(pod, ISTIO_PROXY)?;
    let role = proxy.spec.args.value(PROXY_ROLE);
    let mut facts = vec![Fact::of_pod(
        format!("{}/args/{PROXY_ROLE}", proxy.pointer),
        role,
    )];
    let variable = proxy.spec.env.0.get("DISABLE_ENVOY");
    if let Some(value) = variable {
        let pointer = format!("{}/env/DISABLE_ENVOY", proxy.pointer);
        facts.push(Fact::of_pod(pointer, value.as_deref()));
    }
    let data_plane = match role? {
        "router" => DataPlane::Gateway,
        "waypoint" => DataPlane::Waypoint,
        _ if variable.is_some_and(|value| may_be_true(value.as_deref())) => DataPlane::NoEnvoy,
        "sidecar" => DataPlane::Sidecar,
        UNRECOGNISED => DataPlane::UnknownRole,
        _ => return None,
    };
    Some(Class::new(data_plane, facts))
}

/// Whether a boolean variable is not certainly false, as Go reads it; its default is false.
fn may_be_true(value: Option<&str>) -> bool {
    value.is_none_or(|value| !value.is_empty() && parse_bool(value) != Some(false))
}

fn of_ambient(pod: &PodGroup<'_>) -> Option<Class> {
    let mut facts = vec![Fact::of_annotation(pod, REDIRECTION)];
    let data_plane = match pod.annotation(REDIRECTION)? {
        "enabled" if pod.ztunnel_ready => {
            facts.push(Fact::of_annotation(pod, BYPASS));
            // Read as a boolean of Go; what is none counts for nothing (istio `cni/pkg/util/podutil.go`).
            if pod.annotation(BYPASS).and_then(parse_bool) == Some(true) {
                DataPlane::AmbientOutbound
            } else {
                DataPlane::Ambient
            }
        }
        "enabled" | "pending" => DataPlane::ZtunnelNotReady,
        _ => return None,
    };
    Some(Class::new(data_plane, facts))
}

fn of_linkerd(pod: &PodGroup<'_>) -> Option<Class> {
    let proxy = lasting(pod, LINKERD_PROXY)?;
    let redirecting = pod
        .all_containers()
        .find(|container| LINKERD_REDIRECTING.contains(&container.spec.name.as_str()));
    let data_plane = if redirecting.is_some() {
        DataPlane::Linkerd
    } else {
        DataPlane::LinkerdUnredirected
    };
    let names = [Some(proxy), redirecting].into_iter().flatten();
    let facts = names.map(|container| {
        let pointer = format!("{}/name", container.pointer);
        Fact::of_pod(pointer, Some(&container.spec.name))
    });
    Some(Class::new(data_plane, facts.collect()))
}
