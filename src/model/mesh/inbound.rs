//! What the ports of a pod accept: data plane, redirection and policies put together.

use std::collections::BTreeSet;

use super::super::Port;
use super::super::pods::{Lifecycle, PodGroup, Role};
use super::ambient::{AmbientWay, HBONE};
use super::capture::{Bypass, Capture, Captured};
use super::data_plane::{Class, DataPlane, ISTIO_PROXY, LINKERD_PROXY, Unmeshed};
use super::gateway::GatewayWay;
use super::linkerd::{self, Basis, Demand, Outcome};
use super::listeners::{Changes, INBOUND_CONTEXTS};
use super::peer_authentication::{Enforcement, Plane, Resolution, Setting};
use super::ports::{APP_PORTS, TCP};
use super::{Doubt, Fact, Mesh};

/// Annotation that moves the proxy's health port.
const STATUS_PORT: &str = "status.sidecar.istio.io/port";
/// Where that is otherwise.
const USUAL_STATUS_PORT: u16 = 15020;

/// What a port accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepts {
    /// Mutual TLS alone.
    MutualTls(Proof),
    /// Plaintext, on a port of the proxy itself.
    OwnPort,
    /// TLS without a certificate of the client; index of the gateway that says so.
    ServerTls(usize),
    /// Plaintext.
    Plaintext(Cause),
    /// It can't be told.
    Unknown(Doubt),
}

/// What makes a port accept mutual TLS alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// A policy that the sidecar enforces.
    Sidecar(Setting),
    /// A policy that the node's ztunnel enforces.
    Ambient(Setting),
    /// A waypoint takes nothing but the tunnel.
    Waypoint,
    /// Policies that Linkerd's proxy enforces.
    Linkerd(Basis),
    /// A gateway's servers; index of the gateway.
    Server(usize),
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
    /// The proxy is a gateway or waypoint, and the port is that of a container beside it.
    BesideProxy,
    /// A gateway's server demands no TLS; index of the gateway.
    Server(usize),
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
            | Self::BesideProxy
            | Self::LinkerdUnredirected
            | Self::LinkerdBypass(_) => true,
            Self::Server(_) | Self::Mode(_) | Self::LinkerdPolicy(_) => false,
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
    namespace: &'m str,
    lifecycle: Lifecycle,
    template: bool,
    /// Whether it runs an app, whose traffic a router beside it does not take.
    app: bool,
    class: Class,
    own_ports: Vec<u16>,
    /// Of gateways and waypoints: ports of the containers beside the proxy.
    beside: Vec<u16>,
    way: Way<'m>,
}

/// What is to be asked of a port besides the data plane: one arm for each data plane that policies govern.
#[derive(Debug)]
enum Way<'m> {
    /// Through a sidecar.
    Sidecar(SidecarWay<'m>),
    /// Through the node's ztunnel.
    Ambient(AmbientWay<'m>),
    /// Through Linkerd's proxy.
    Linkerd(linkerd::Way<'m>),
    /// Into a gateway.
    Gateway(GatewayWay),
    /// The data plane says all.
    Plain,
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
    pub fn inbound<'m>(&'m self, pod: &PodGroup<'m>) -> Inbound<'m> {
        let class = self.data_plane(pod);
        let own_ports = own_ports(pod, class.data_plane);
        let way = match class.data_plane {
            DataPlane::Sidecar => Way::Sidecar(SidecarWay {
                capture: Capture::new(pod, excludable(&own_ports)),
                resolution: self.resolve(pod, Plane::Sidecar),
                changes: self.changes(pod, INBOUND_CONTEXTS),
            }),
            DataPlane::Ambient => Way::Ambient(self.ambient_way(pod)),
            DataPlane::Linkerd => Way::Linkerd(self.linkerd_policies.way(pod)),
            DataPlane::Gateway => Way::Gateway(self.gateway_way(pod)),
            DataPlane::Waypoint
            | DataPlane::NoEnvoy
            | DataPlane::AmbientOutbound
            | DataPlane::ZtunnelNotReady
            | DataPlane::LinkerdUnredirected
            | DataPlane::UnknownRole
            | DataPlane::Unmeshed(_) => Way::Plain,
        };
        let beside = if class.data_plane.is_standalone() {
            listening(pod, ISTIO_PROXY)
        } else {
            Vec::new()
        };
        Inbound {
            namespace: pod.namespace,
            lifecycle: pod.lifecycle,
            template: pod.is_template(),
            app: pod.role == Role::App,
            class,
            own_ports,
            beside,
            way,
        }
    }
}

/// Ports of the containers beside a proxy.
pub(super) fn listening(pod: &PodGroup<'_>, proxy: &str) -> Vec<u16> {
    let others = pod
        .lasting_containers()
        .filter(|container| container.spec.name != proxy);
    let declared = others
        .flat_map(|container| &container.spec.ports)
        .filter(|port| port.protocol.as_deref().unwrap_or(TCP) == TCP);
    let mut ports: Vec<u16> = declared.map(|port| port.container_port).collect();
    if pod.role == Role::App {
        ports.extend(APP_PORTS);
    }
    ports
}

/// A port of Linkerd's proxy: the annotation that moves it, its name in the container where it has one, which shows
/// what the values of the installation made of it, and where it is otherwise (linkerd2
/// `charts/partials/templates/_proxy.tpl`).
struct LinkerdPort {
    annotation: &'static str,
    name: Option<&'static str>,
    usual: u16,
}

const LINKERD_PORTS: &[LinkerdPort] = &[
    LinkerdPort {
        annotation: "config.linkerd.io/admin-port",
        name: Some("linkerd-admin"),
        usual: 4191,
    },
    LinkerdPort {
        annotation: "config.linkerd.io/control-port",
        name: None,
        usual: 4190,
    },
    INBOUND_PORT,
];
const INBOUND_PORT: LinkerdPort = LinkerdPort {
    annotation: "config.linkerd.io/inbound-port",
    name: Some("linkerd-proxy"),
    usual: 4143,
};

impl LinkerdPort {
    /// Where it was moved to.
    fn moved(&self, pod: &PodGroup<'_>) -> Option<u16> {
        let annotation = pod.annotation(self.annotation);
        let annotated = annotation.and_then(|port| port.trim().parse().ok());
        let declared = || {
            let proxy = pod
                .lasting_containers()
                .find(|container| container.spec.name == LINKERD_PROXY)?;
            let mut ports = proxy.spec.ports.iter();
            let port =
                ports.find(|port| self.name.is_some() && port.name.as_deref() == self.name)?;
            Some(port.container_port)
        };
        annotated.or_else(declared).filter(|port| *port > 0)
    }
}

/// The proxy's own ports; one that was moved is its own unless something else listens there.
fn own_ports(pod: &PodGroup<'_>, data_plane: DataPlane) -> Vec<u16> {
    let mut ports = data_plane.own_ports().to_vec();
    match data_plane {
        DataPlane::Sidecar => {
            let moved = pod
                .annotation(STATUS_PORT)
                .and_then(|port| port.parse().ok());
            if let Some(moved) = moved {
                // The usual one is anybody's then.
                ports.retain(|port| *port != USUAL_STATUS_PORT);
                ports.extend(Some(moved).filter(|port| !is_taken(pod, ISTIO_PROXY, *port)));
            }
        }
        DataPlane::Linkerd => {
            for port in LINKERD_PORTS {
                if let Some(moved) = port.moved(pod) {
                    ports.retain(|other| *other != port.usual);
                    ports.extend(Some(moved).filter(|port| !is_taken(pod, LINKERD_PROXY, *port)));
                }
            }
        }
        _ => {}
    }
    ports
}

/// The port that Linkerd's proxies send all meshed traffic to, whatever port of the pod it is for.
pub(super) fn linkerd_inbound_port(pod: &PodGroup<'_>) -> u16 {
    INBOUND_PORT.moved(pod).unwrap_or(INBOUND_PORT.usual)
}

/// Ports that a sidecar's redirection may leave out for the proxy: Istio's CNI plugin always leaves out the usual ones
/// (istio `cni/pkg/plugin/sidecar_redirect.go`).
fn excludable(own_ports: &[u16]) -> Vec<u16> {
    let usual = DataPlane::Sidecar.own_ports();
    own_ports.iter().chain(usual).copied().collect()
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
        if number.is_some_and(|number| self.beside.contains(&number)) {
            return Accepts::Plaintext(Cause::BesideProxy);
        }
        match (self.class.data_plane, &self.way) {
            (_, Way::Sidecar(way)) => way.accepts(number),
            (_, Way::Ambient(way)) => way.accepts(number),
            (_, Way::Linkerd(way)) => through_linkerd(way, number),
            (_, Way::Gateway(way)) => way.accepts(number),
            (data_plane, Way::Plain) => self.as_data_plane(data_plane, number),
        }
    }

    /// What the data plane alone says.
    fn as_data_plane(&self, data_plane: DataPlane, port: Option<u16>) -> Accepts {
        match data_plane {
            DataPlane::Waypoint if port == Some(HBONE) || !self.app => {
                Accepts::MutualTls(Proof::Waypoint)
            }
            DataPlane::Waypoint => Accepts::Plaintext(Cause::BesideProxy),
            DataPlane::NoEnvoy => Accepts::Unknown(Doubt::NoEnvoy),
            DataPlane::AmbientOutbound => Accepts::Plaintext(Cause::AmbientOutbound),
            DataPlane::ZtunnelNotReady => Accepts::Unknown(Doubt::ZtunnelNotReady),
            DataPlane::LinkerdUnredirected => Accepts::Plaintext(Cause::LinkerdUnredirected),
            // The first four have ways of their own.
            DataPlane::Sidecar
            | DataPlane::Ambient
            | DataPlane::Linkerd
            | DataPlane::Gateway
            | DataPlane::UnknownRole => Accepts::Unknown(Doubt::ProxyRole),
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

    /// Whether Linkerd's policies govern it, and none of Istio's.
    pub fn is_linkerd(&self) -> bool {
        matches!(self.way, Way::Linkerd(_))
    }

    /// The values behind [`Inbound::accepts`].
    pub fn facts(&self, port: Option<&Port>) -> Vec<Fact> {
        if port.is_some_and(|port| port.protocol != TCP) {
            return Vec::new();
        }
        let mut facts = self.class.facts.clone();
        let number = port.map(|port| port.number);
        match &self.way {
            Way::Sidecar(way) => facts.extend(way.facts(number)),
            Way::Ambient(way) => facts.extend(way.facts(number)),
            Way::Linkerd(way) => facts.extend(way.facts(number)),
            Way::Gateway(way) => facts.extend(way.facts(number)),
            Way::Plain => {}
        }
        facts
    }

    /// Ports that the proxy opens for others, declared by the pod or not: those of a gateway's servers.
    pub fn opened_ports(&self) -> BTreeSet<u16> {
        match &self.way {
            Way::Gateway(way) => way.ports(),
            Way::Sidecar(_) | Way::Ambient(_) | Way::Linkerd(_) | Way::Plain => BTreeSet::new(),
        }
    }

    /// Namespace of the pod.
    pub const fn namespace(&self) -> &str {
        self.namespace
    }

    /// Whether servers of gateways decide, which name ports of Services.
    pub const fn is_gateway(&self) -> bool {
        matches!(self.way, Way::Gateway(_))
    }

    /// Whether Ingress objects open servers of it.
    pub const fn serves_ingresses(&self) -> bool {
        matches!(&self.way, Way::Gateway(way) if way.ingresses)
    }

    /// Namespaces with pods that reach this one past the mesh, because they share its node and use the node's network.
    pub fn neighbours(&self) -> &[&str] {
        match &self.way {
            Way::Ambient(way) => way.neighbours(),
            Way::Sidecar(_) | Way::Linkerd(_) | Way::Gateway(_) | Way::Plain => &[],
        }
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
                let redirected = match &self.way {
                    Way::Sidecar(way) => way.capture.redirects(),
                    Way::Ambient(_) | Way::Linkerd(_) | Way::Gateway(_) | Way::Plain => {
                        Captured::Yes
                    }
                };
                match redirected {
                    Captured::No(bypass) => Enrolment::NotEnrolled(Cause::Bypass(bypass)),
                    Captured::Unknown(doubt) => Enrolment::Unknown(doubt),
                    Captured::Yes => Enrolment::Enrolled(data_plane),
                }
            }
            // They take what is sent to them, not what is sent to the app beside them.
            DataPlane::Gateway | DataPlane::Waypoint if self.app => {
                Enrolment::NotEnrolled(Cause::BesideProxy)
            }
            DataPlane::Linkerd => match &self.way {
                Way::Linkerd(way) => match way.past_all() {
                    Some(bypass) => Enrolment::NotEnrolled(Cause::LinkerdBypass(bypass)),
                    None => Enrolment::Enrolled(data_plane),
                },
                _ => Enrolment::Enrolled(data_plane),
            },
            DataPlane::Gateway | DataPlane::Waypoint | DataPlane::Ambient => {
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
        match &self.way {
            Way::Sidecar(way) => facts.extend(way.capture.redirection_facts()),
            Way::Ambient(way) => facts.extend(way.enrolment_facts().iter().cloned()),
            Way::Linkerd(way) => facts.extend(way.redirection_facts().cloned()),
            Way::Gateway(_) | Way::Plain => {}
        }
        facts
    }
}

impl SidecarWay<'_> {
    fn accepts(&self, port: Option<u16>) -> Accepts {
        match (
            self.capture.of_port(port),
            self.resolution.enforcement(port),
        ) {
            (Captured::No(bypass), _) => Accepts::Plaintext(Cause::Bypass(bypass)),
            (_, Enforcement::Weak(setting)) => Accepts::Plaintext(Cause::Mode(setting)),
            (Captured::Unknown(doubt), _) | (Captured::Yes, Enforcement::Unknown(doubt)) => {
                Accepts::Unknown(doubt)
            }
            (Captured::Yes, Enforcement::Strict(setting)) => match self.changes.of_port(port) {
                Some((doubt, _)) => Accepts::Unknown(doubt),
                None => Accepts::MutualTls(Proof::Sidecar(setting)),
            },
        }
    }

    fn facts(&self, port: Option<u16>) -> Vec<Fact> {
        let mut facts = self.capture.facts();
        facts.extend(self.resolution.facts(port));
        facts.extend(self.changes.sidecars().iter().cloned());
        let changes = self.changes.of_port(port).into_iter();
        facts.extend(changes.flat_map(|(_, facts)| facts));
        facts
    }
}

/// What comes of a connection through Linkerd's proxy.
fn through_linkerd(way: &linkerd::Way<'_>, port: Option<u16>) -> Accepts {
    match way.outcome(port) {
        Outcome::Past(bypass) => Accepts::Plaintext(Cause::LinkerdBypass(bypass)),
        Outcome::Decided(Demand::Open(basis)) => Accepts::Plaintext(Cause::LinkerdPolicy(basis)),
        Outcome::Decided(Demand::Unknown(doubt)) => Accepts::Unknown(Doubt::Linkerd(doubt)),
        Outcome::Decided(Demand::Identity(basis)) => Accepts::MutualTls(Proof::Linkerd(basis)),
    }
}
