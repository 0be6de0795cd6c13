//! What the ports of a pod accept: data plane, redirection and policies put together.

use super::super::Port;
use super::super::pods::{Lifecycle, PodGroup, Role};
use super::capture::{Bypass, Capture, Captured};
use super::data_plane::{Class, DataPlane, ISTIO_PROXY, LINKERD_PROXY, Unmeshed};
use super::linkerd::{self, Basis, Demand, Outcome};
use super::listeners::Changes;
use super::peer_authentication::{Enforcement, Resolution, Setting};
use super::ports::{APP_PORTS, TCP};
use super::{Doubt, Fact, Mesh};

/// Annotation that moves the proxy's health port.
const STATUS_PORT: &str = "status.sidecar.istio.io/port";

/// What a port accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepts {
    /// Mutual TLS alone.
    MutualTls(Setting),
    /// Mutual TLS alone, by Linkerd's policies.
    Identity(Basis),
    /// Plaintext, on a port of the proxy itself.
    OwnPort,
    /// Plaintext.
    Plaintext(Cause),
    /// It can't be told.
    Unknown(Doubt),
}

/// Why a port accepts plaintext, or a pod is not in the mesh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Meshes carry TCP only.
    Protocol,
    /// No proxy stands before the port.
    Unmeshed(Unmeshed),
    /// Traffic goes past the sidecar.
    Bypass(Bypass),
    /// Ambient mode without inbound capture.
    AmbientOutbound,
    /// Nothing redirects to Linkerd's proxy.
    LinkerdUnredirected,
    /// Traffic goes past Linkerd's proxy.
    LinkerdBypass(linkerd::capture::Bypass),
    /// Linkerd's policies allow it.
    LinkerdPolicy(Basis),
    /// The policies allow it.
    Mode(Setting),
}

impl Cause {
    /// Whether nothing unread could undo it: only policies can be incomplete.
    pub const fn is_final(self) -> bool {
        match self {
            Self::Protocol
            | Self::Unmeshed(_)
            | Self::Bypass(_)
            | Self::AmbientOutbound
            | Self::LinkerdUnredirected
            | Self::LinkerdBypass(_) => true,
            Self::Mode(_) | Self::LinkerdPolicy(_) => false,
        }
    }
}

/// Whether a pod is in a mesh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enrolment {
    /// It is.
    Enrolled(DataPlane),
    /// It is not.
    NotEnrolled(Cause),
    /// It can't be told.
    Unknown(Doubt),
}

/// The way into one pod.
#[derive(Debug)]
pub struct Inbound<'m> {
    lifecycle: Lifecycle,
    template: bool,
    /// Whether it runs an app, whose traffic a router beside it does not take.
    app: bool,
    class: Class,
    own_ports: Vec<u16>,
    /// Of sidecars.
    sidecar: Option<SidecarWay<'m>>,
    /// Of Linkerd's proxies.
    linkerd: Option<linkerd::Way<'m>>,
}

/// The way through a sidecar.
#[derive(Debug)]
struct SidecarWay<'m> {
    capture: Capture,
    resolution: Resolution<'m>,
    changes: Changes,
}

impl Mesh<'_> {
    /// The way into a pod, looked up once for all its ports.
    pub fn inbound<'m>(&'m self, pod: &PodGroup<'_>) -> Inbound<'m> {
        let class = self.data_plane(pod);
        let own_ports = own_ports(pod, class.data_plane);
        let class_is_linkerd = class.data_plane == DataPlane::Linkerd;
        let sidecar = (class.data_plane == DataPlane::Sidecar).then(|| SidecarWay {
            capture: Capture::new(pod, own_ports.clone()),
            resolution: self.resolve(pod),
            changes: self.changes(pod),
        });
        Inbound {
            lifecycle: pod.lifecycle,
            template: pod.is_template(),
            app: pod.role == Role::App,
            class,
            own_ports,
            sidecar,
            linkerd: (class_is_linkerd).then(|| self.linkerd_policies.way(pod)),
        }
    }
}

/// Annotations that move the ports of Linkerd's proxy, and where these are otherwise.
const LINKERD_PORTS: &[(&str, u16)] = &[
    ("config.linkerd.io/admin-port", 4191),
    ("config.linkerd.io/control-port", 4190),
    ("config.linkerd.io/inbound-port", 4143),
];

/// The proxy's own ports; one that was moved is its own unless something else listens there.
fn own_ports(pod: &PodGroup<'_>, data_plane: DataPlane) -> Vec<u16> {
    let mut ports = data_plane.own_ports().to_vec();
    let moved = |annotation: &str| -> Option<u16> { pod.annotation(annotation)?.parse().ok() };
    match data_plane {
        DataPlane::Sidecar => {
            let free = moved(STATUS_PORT).filter(|port| !is_taken(pod, ISTIO_PROXY, *port));
            ports.extend(free);
        }
        DataPlane::Linkerd => {
            for (annotation, usual) in LINKERD_PORTS {
                if let Some(moved) = moved(annotation) {
                    ports.retain(|port| port != usual);
                    ports.extend(Some(moved).filter(|port| !is_taken(pod, LINKERD_PROXY, *port)));
                }
            }
        }
        _ => {}
    }
    ports
}

/// Whether something other than the proxy listens on a port.
fn is_taken(pod: &PodGroup<'_>, proxy: &str, port: u16) -> bool {
    APP_PORTS.contains(&port)
        || pod
            .lasting_containers()
            .filter(|container| container.spec.name != proxy)
            .flat_map(|container| &container.spec.ports)
            .any(|declared| declared.container_port == port)
}

impl Inbound<'_> {
    /// What a port accepts; without one, the pod as a whole.
    pub fn accepts(&self, port: Option<&Port>) -> Accepts {
        if port.is_some_and(|port| port.protocol != TCP) {
            return Accepts::Plaintext(Cause::Protocol);
        }
        if let Some(doubt) = self.too_early() {
            return Accepts::Unknown(doubt);
        }
        let number = port.map(|port| port.number);
        if number.is_some_and(|number| self.own_ports.contains(&number)) {
            return Accepts::OwnPort;
        }
        match self.class.data_plane {
            DataPlane::Sidecar => self.through_sidecar(number),
            DataPlane::Gateway => Accepts::Unknown(Doubt::Gateway),
            DataPlane::Waypoint => Accepts::Unknown(Doubt::Waypoint),
            DataPlane::NoEnvoy => Accepts::Unknown(Doubt::NoEnvoy),
            DataPlane::Ambient => Accepts::Unknown(Doubt::Ambient),
            DataPlane::AmbientOutbound => Accepts::Plaintext(Cause::AmbientOutbound),
            DataPlane::ZtunnelNotReady => Accepts::Unknown(Doubt::ZtunnelNotReady),
            DataPlane::Linkerd => self.through_linkerd(number),
            DataPlane::LinkerdUnredirected => Accepts::Plaintext(Cause::LinkerdUnredirected),
            DataPlane::UnknownRole => Accepts::Unknown(Doubt::ProxyRole),
            DataPlane::Unmeshed(why) => Accepts::Plaintext(Cause::Unmeshed(why)),
        }
    }

    /// Why the data plane can't be judged yet.
    fn too_early(&self) -> Option<Doubt> {
        if self.lifecycle == Lifecycle::Pending {
            return Some(Doubt::NotStarted);
        }
        // Injection happens when the pod is made, and never in the node's network.
        let settled = self.class.data_plane.has_proxy()
            || self.class.data_plane == DataPlane::Unmeshed(Unmeshed::HostNetwork);
        (self.template && !settled).then_some(Doubt::NotInjectedYet)
    }

    fn through_linkerd(&self, port: Option<u16>) -> Accepts {
        let Some(way) = &self.linkerd else {
            return Accepts::Unknown(Doubt::ProxyRole);
        };
        match way.outcome(port) {
            Outcome::Past(bypass) => Accepts::Plaintext(Cause::LinkerdBypass(bypass)),
            Outcome::Decided(Demand::Open(basis)) => {
                Accepts::Plaintext(Cause::LinkerdPolicy(basis))
            }
            Outcome::Decided(Demand::Unknown(doubt)) => Accepts::Unknown(Doubt::Linkerd(doubt)),
            Outcome::Decided(Demand::Identity(basis)) => Accepts::Identity(basis),
        }
    }

    /// Whether Linkerd's policies govern it, and none of Istio's.
    pub fn is_linkerd(&self) -> bool {
        self.class.data_plane == DataPlane::Linkerd
    }

    fn through_sidecar(&self, port: Option<u16>) -> Accepts {
        let Some(way) = &self.sidecar else {
            return Accepts::Unknown(Doubt::ProxyRole);
        };
        match (way.capture.of_port(port), way.resolution.enforcement(port)) {
            (Captured::No(bypass), _) => Accepts::Plaintext(Cause::Bypass(bypass)),
            (_, Enforcement::Weak(setting)) => Accepts::Plaintext(Cause::Mode(setting)),
            (Captured::Unknown(doubt), _) | (Captured::Yes, Enforcement::Unknown(doubt)) => {
                Accepts::Unknown(doubt)
            }
            (Captured::Yes, Enforcement::Strict(setting)) => match way.changes.of_port(port) {
                Some((doubt, _)) => Accepts::Unknown(doubt),
                None => Accepts::MutualTls(setting),
            },
        }
    }

    /// The values behind [`Inbound::accepts`].
    pub fn facts(&self, port: Option<&Port>) -> Vec<Fact> {
        if port.is_some_and(|port| port.protocol != TCP) {
            return Vec::new();
        }
        let mut facts = self.class.facts.clone();
        if let Some(way) = &self.sidecar {
            let number = port.map(|port| port.number);
            facts.extend(way.capture.facts());
            facts.extend(way.resolution.facts(number));
            facts.extend(
                way.changes
                    .of_port(number)
                    .into_iter()
                    .flat_map(|(_, facts)| facts),
            );
        }
        if let Some(way) = &self.linkerd {
            facts.extend(way.facts(port.map(|port| port.number)));
        }
        facts
    }

    /// Whether the pod is in a mesh, whatever single ports accept.
    pub fn enrolment(&self) -> Enrolment {
        // A template may name a proxy; what its pods get is up to the injector.
        if self.template {
            return Enrolment::Unknown(Doubt::NotInjectedYet);
        }
        if let Some(doubt) = self.too_early() {
            return Enrolment::Unknown(doubt);
        }
        let data_plane = self.class.data_plane;
        match data_plane {
            DataPlane::Sidecar => {
                let redirected = self.sidecar.as_ref().map(|way| way.capture.redirects());
                match redirected {
                    Some(Captured::No(bypass)) => Enrolment::NotEnrolled(Cause::Bypass(bypass)),
                    Some(Captured::Unknown(doubt)) => Enrolment::Unknown(doubt),
                    Some(Captured::Yes) | None => Enrolment::Enrolled(data_plane),
                }
            }
            DataPlane::Gateway if self.app => Enrolment::Unknown(Doubt::Gateway),
            DataPlane::Gateway | DataPlane::Waypoint | DataPlane::Ambient | DataPlane::Linkerd => {
                Enrolment::Enrolled(data_plane)
            }
            DataPlane::NoEnvoy => Enrolment::Unknown(Doubt::NoEnvoy),
            DataPlane::AmbientOutbound => Enrolment::NotEnrolled(Cause::AmbientOutbound),
            DataPlane::ZtunnelNotReady => Enrolment::Unknown(Doubt::ZtunnelNotReady),
            DataPlane::LinkerdUnredirected => Enrolment::NotEnrolled(Cause::LinkerdUnredirected),
            DataPlane::UnknownRole => Enrolment::Unknown(Doubt::ProxyRole),
            DataPlane::Unmeshed(why) => Enrolment::NotEnrolled(Cause::Unmeshed(why)),
        }
    }

    /// The values behind [`Inbound::enrolment`].
    pub fn enrolment_facts(&self) -> Vec<Fact> {
        let mut facts = self.class.facts.clone();
        if let Some(way) = &self.sidecar {
            facts.extend(way.capture.redirection_facts());
        }
        facts
    }
}
