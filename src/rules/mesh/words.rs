//! What the model found of the mesh, in words and reason codes.

use crate::model::Model;
use crate::model::mesh::Doubt;
use crate::model::mesh::capture::Bypass;
use crate::model::mesh::data_plane::{DataPlane, Unmeshed};
use crate::model::mesh::inbound::{Cause, Proof};
use crate::model::mesh::peer_authentication::Setting;
use crate::rules::Reason;

/// The reason code of a doubt.
pub(super) fn reason_of_doubt(doubt: Doubt) -> Reason {
    match doubt {
        Doubt::Pods(missing) | Doubt::MeshConfig(missing) | Doubt::NamespaceLabels(missing) => {
            missing.into()
        }
        Doubt::ControlPlaneElsewhere
        | Doubt::RevisionElsewhere
        | Doubt::RootNamespace
        | Doubt::NoServer
        | Doubt::Revision
        | Doubt::CreationTimes
        | Doubt::CaptureUnstated
        | Doubt::ZtunnelNotReady
        | Doubt::NotStarted => Reason::Absent,
        Doubt::DiscoverySelector
        | Doubt::Mode
        | Doubt::CaptureValue
        | Doubt::ProxyRole
        | Doubt::AmbientPorts
        | Doubt::TlsNotInherited => Reason::Unrecognised,
        Doubt::Linkerd(doubt) => super::linkerd_words::reason_of_doubt(doubt),
        Doubt::SecondNetwork | Doubt::NoEnvoy | Doubt::HandedOn => Reason::Unenforced,
        Doubt::SidecarListener | Doubt::EnvoyFilter => Reason::ForeignPolicy,
        Doubt::NotInjectedYet => Reason::Template,
    }
}

/// A doubt in words.
pub(super) fn doubt(doubt: Doubt) -> &'static str {
    match doubt {
        Doubt::ControlPlaneElsewhere => {
            "Istio is in use and no control plane of it was found here; its policies may be those of another cluster"
        }
        Doubt::RevisionElsewhere => {
            "no control plane of the revision that the proxy was injected by was found here"
        }
        Doubt::Revision => {
            "nothing says which of several control planes serves the pod, and they come to different modes"
        }
        Doubt::Pods(_) => "not all pods were read, and a control plane may be among them",
        Doubt::MeshConfig(_) => "the mesh configuration of the control plane is not known",
        Doubt::NamespaceLabels(_) => {
            "the control plane reads namespaces by their labels, and these were not read"
        }
        Doubt::DiscoverySelector => {
            "a discovery selector of the mesh has an operator that the API does not know"
        }
        Doubt::CreationTimes => {
            "the oldest of several policies counts, and their creation times do not tell which that is"
        }
        Doubt::RootNamespace => {
            "it would count from the root namespace of the mesh, which is not known"
        }
        Doubt::TlsNotInherited => {
            "a port without TLS settings inherits those of the rule in one part of Istio, and not in another"
        }
        Doubt::Mode => "the mode that decides is none that the API knows",
        Doubt::CaptureValue => "a setting of the redirection has an unexpected form",
        Doubt::CaptureUnstated => "the redirection does not state which ports it includes",
        Doubt::SecondNetwork => "further networks of the pod are not redirected to the proxy",
        Doubt::SidecarListener => "a Sidecar sets up a listener that traffic is not redirected to",
        Doubt::EnvoyFilter => "an EnvoyFilter patches the inbound listeners",
        Doubt::ProxyRole => "the role of the proxy has an unexpected form",
        Doubt::NoEnvoy => {
            "the proxy container runs the agent without Envoy, which intercepts nothing"
        }
        Doubt::ZtunnelNotReady => "the pod is redirected, and no ztunnel is ready on its node",
        Doubt::NoServer => "an Istio gateway, of which no server opens this port",
        Doubt::HandedOn => {
            "the gateway hands TLS on unopened, and what it leads to decides what is accepted"
        }
        Doubt::AmbientPorts => {
            "versions of Istio differ on what a ztunnel makes of this policy's ports"
        }
        Doubt::Linkerd(doubt) => super::linkerd_words::doubt(doubt),
        Doubt::NotInjectedYet => "whether a proxy is injected is decided when a pod is made",
        Doubt::NotStarted => "the pod has no address yet",
    }
}

/// The reason code of a cause.
pub(super) fn reason_of_cause(cause: Cause) -> Reason {
    match cause {
        Cause::Protocol
        | Cause::Unmeshed(
            Unmeshed::HostNetwork
            | Unmeshed::ProxyEnds
            | Unmeshed::OptedOut
            | Unmeshed::InjectDisabled,
        )
        | Cause::LinkerdBypass(_)
        | Cause::Bypass(
            Bypass::ModeNone
            | Bypass::NothingIncluded
            | Bypass::NotIncluded
            | Bypass::Excluded
            | Bypass::Interface,
        )
        | Cause::AmbientOutbound
        | Cause::BesideProxy
        | Cause::Server(_)
        | Cause::Mode((_, Some(_))) => Reason::Value,
        Cause::Unmeshed(
            Unmeshed::NotStartedAsProxy
            | Unmeshed::NotRedirected
            | Unmeshed::NotInjected
            | Unmeshed::InjectWord
            | Unmeshed::NoProxy,
        )
        | Cause::Bypass(Bypass::NotRedirected)
        | Cause::LinkerdUnredirected => Reason::Absent,
        Cause::Mode((_, None)) => Reason::Default,
        Cause::LinkerdPolicy(basis) => super::linkerd_words::reason(basis),
    }
}

/// A cause in words.
pub(super) fn cause(model: &Model<'_>, cause: Cause) -> String {
    let words = match cause {
        Cause::Protocol => "meshes carry TCP only",
        Cause::Unmeshed(Unmeshed::HostNetwork) => {
            "the pod is in the node's network, where no mesh proxy takes its traffic"
        }
        Cause::Unmeshed(Unmeshed::ProxyEnds) => {
            "the proxy is an init container that ends before the app starts"
        }
        Cause::Unmeshed(Unmeshed::NotStartedAsProxy) => {
            "a container is named like the proxy and not started as one"
        }
        Cause::Unmeshed(Unmeshed::NotRedirected) => {
            "ambient mode is asked for, and the pod is not redirected to a ztunnel"
        }
        Cause::Unmeshed(Unmeshed::OptedOut) => {
            "the pod opted out of the ambient mode of its namespace, and has no proxy"
        }
        Cause::Unmeshed(Unmeshed::NotInjected) => {
            "Linkerd's proxy is asked for by annotation, and was not injected"
        }
        Cause::Unmeshed(Unmeshed::InjectWord) => {
            "the annotation linkerd.io/inject has a word that Linkerd does not know, which switches injection off"
        }
        Cause::Unmeshed(Unmeshed::InjectDisabled) => {
            "the pod opted out of the Linkerd proxy that its namespace asks for"
        }
        Cause::Unmeshed(Unmeshed::NoProxy) => "the pod has no mesh proxy",
        Cause::Bypass(Bypass::NotRedirected) => {
            "the pod has a proxy, and nothing redirects traffic to it"
        }
        Cause::Bypass(Bypass::ModeNone) => "the interception mode of the proxy is NONE",
        Cause::Bypass(Bypass::NothingIncluded) => "no inbound port is redirected to the proxy",
        Cause::Bypass(Bypass::NotIncluded) => {
            "not among the inbound ports that are redirected to the proxy"
        }
        Cause::Bypass(Bypass::Excluded) => "excluded from what is redirected to the proxy",
        Cause::Bypass(Bypass::Interface) => {
            "a network interface is excluded from what is redirected to the proxy"
        }
        Cause::AmbientOutbound => "inbound traffic is kept out of the ztunnel by annotation",
        Cause::LinkerdUnredirected => {
            "the pod has a Linkerd proxy, and no init container redirects traffic to it"
        }
        Cause::LinkerdBypass(bypass) => super::linkerd_words::bypass(bypass),
        Cause::LinkerdPolicy(basis) => return super::linkerd_words::basis(model, basis, true),
        Cause::BesideProxy => {
            "the proxy is a gateway or waypoint, and takes no traffic for the containers beside it"
        }
        Cause::Server(gateway) => {
            return format!("{} opens a server without TLS", named(model, gateway));
        }
        Cause::Mode(setting) => return self::setting(model, setting),
    };
    words.to_owned()
}

/// What makes a port accept mutual TLS alone, in words.
pub(super) fn proof(model: &Model<'_>, proof: Proof, neighbours: &[&str]) -> String {
    match proof {
        Proof::Sidecar(setting) => format!(
            "{}, and traffic passes the sidecar first",
            self::setting(model, setting)
        ),
        Proof::Ambient(setting) => format!(
            "{}, and the node's ztunnel takes the traffic; {}",
            self::setting(model, setting),
            exemption(neighbours)
        ),
        Proof::Server(gateway) => {
            format!("{} asks for certificates of clients", named(model, gateway))
        }
        Proof::Waypoint => "a waypoint takes nothing but the tunnel".to_owned(),
        Proof::Linkerd(basis) => format!(
            "{}, and traffic passes Linkerd's proxy first, which lets in nothing else but probes of the kubelet",
            super::linkerd_words::basis(model, basis, false)
        ),
    }
}

/// Namespaces named in a message.
const NAMED: usize = 3;

/// Who reaches an ambient pod past its ztunnel.
fn exemption(neighbours: &[&str]) -> String {
    let exempt = "processes in the network of its node are exempt";
    let mut named: Vec<String> = neighbours
        .iter()
        .take(NAMED)
        .map(|namespace| (*namespace).to_owned())
        .collect();
    if neighbours.len() > NAMED {
        named.push(format!("{} more", neighbours.len() - NAMED));
    }
    if named.is_empty() {
        return exempt.to_owned();
    }
    format!(
        "{exempt}, and pods of these namespaces are there: {}",
        named.join(", ")
    )
}

/// Kind, namespace and name of an object.
pub(super) fn named(model: &Model<'_>, object: usize) -> String {
    let object = model.object(object);
    format!(
        "{} {}/{}",
        object.kind.name(),
        object.namespace(),
        object.name()
    )
}

/// A mode and what sets it.
pub(super) fn setting(model: &Model<'_>, (mode, by): Setting) -> String {
    match by {
        None => format!(
            "no PeerAuthentication sets a mode, so it is {}",
            mode.name()
        ),
        Some(policy) => {
            format!("{} sets {}", named(model, policy), mode.name())
        }
    }
}

/// A data plane in words.
pub(super) fn data_plane(data_plane: DataPlane) -> &'static str {
    match data_plane {
        DataPlane::Sidecar => "an Istio sidecar takes the pod's traffic",
        DataPlane::Gateway => "the pod is an Istio gateway",
        DataPlane::Waypoint => "the pod is an Istio waypoint",
        DataPlane::NoEnvoy => "the pod has Istio's agent without Envoy",
        DataPlane::Ambient => "a ready ztunnel on the node takes the pod's traffic",
        DataPlane::AmbientOutbound => "a ztunnel takes the pod's outbound traffic",
        DataPlane::ZtunnelNotReady => "the pod waits for a ztunnel",
        DataPlane::Linkerd => "a Linkerd proxy takes the pod's traffic",
        DataPlane::LinkerdUnredirected => "the pod has a Linkerd proxy",
        DataPlane::UnknownRole => "the pod has a proxy of unknown role",
        DataPlane::Unmeshed(_) => "the pod has no mesh proxy",
    }
}
