//! Istio's gateways: which ports their servers open, and what TLS these demand. Policies for peers do not bind them.
//!
//! Follows istio `pilot/pkg/model/gateway.go` and `pilot/pkg/config/kube/gateway/conversion.go`.

use std::collections::{BTreeMap, BTreeSet};

use super::super::pods::PodGroup;
use super::super::selector::{self, Labels as _};
use super::super::services::{TargetPort, named_port};
use super::control_plane::Counted;
use super::inbound::{Accepts, Cause, Proof};
use super::listeners::{Changes, GATEWAY_CONTEXTS};
use super::{Doubt, Fact, Mesh};
use crate::kind::Kind;
use crate::projection::Projection;
use crate::projection::gateway::{Gateway, Listener};
use crate::projection::network::Service;
use crate::projection::routing::{IstioGateway, Server};
use crate::snapshot::Snapshot;

/// Label of the pods that are made for a Gateway of the Gateway API: its name.
const NAME_LABEL: &str = "gateway.networking.k8s.io/gateway-name";
/// The protocol of the ports that gateways serve.
const TCP: &str = "TCP";

/// What gateways may be configured by.
#[derive(Debug, Default)]
pub(super) struct Gateways<'s> {
    istio: Vec<(usize, &'s str, &'s IstioGateway)>,
    /// Of the Gateway API, by namespace and name.
    named: BTreeMap<(&'s str, &'s str), (usize, &'s Gateway)>,
    services: BTreeMap<&'s str, Vec<&'s Service>>,
}

/// What a server demands of those that connect; the weakest comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Demand {
    /// Nothing.
    Nothing,
    /// TLS, and no certificate of the client.
    ServerTls,
    /// A mode or protocol that the API does not know, or settings that are not read.
    Unrecognised,
    /// TLS that is handed on unopened: what it leads to decides.
    HandedOn,
    /// Mutual TLS.
    MutualTls,
}

/// One server, at a port of the pods.
#[derive(Debug)]
struct Served {
    port: u16,
    object: usize,
    demand: Demand,
    facts: Vec<Fact>,
}

/// The way into a gateway.
#[derive(Debug)]
pub(super) struct GatewayWay {
    served: Vec<Served>,
    changes: Changes,
}

impl<'s> Gateways<'s> {
    pub(super) fn new(snapshot: &'s Snapshot) -> Self {
        let mut gateways = Self::default();
        for (index, object) in snapshot.of_kind(Kind::IstioGateway) {
            if let Projection::IstioGateway(gateway) = object.projection.as_ref() {
                let namespace = object.namespace();
                gateways.istio.push((index, namespace, gateway));
            }
        }
        for (index, object) in snapshot.of_kind(Kind::Gateway) {
            if let Projection::Gateway(gateway) = object.projection.as_ref() {
                let key = (object.namespace(), object.name());
                gateways.named.insert(key, (index, gateway));
            }
        }
        for (_, object) in snapshot.of_kind(Kind::Service) {
            if let Projection::Service(service) = object.projection.as_ref() {
                let here = gateways.services.entry(object.namespace()).or_default();
                here.push(service);
            }
        }
        gateways
    }

    /// The ports of the pods behind a port of their Services: servers name the latter. Without such a Service the number
    /// is that of the pods.
    fn ports_behind(&self, pod: &PodGroup<'_>, number: u16) -> BTreeSet<u16> {
        let services = self.services.get(pod.namespace).into_iter().flatten();
        let selecting = services.filter(|service| {
            let selector = &service.spec.selector;
            !selector.is_empty() && selector::matches_labels(selector, pod)
        });
        let ports = selecting
            .flat_map(|service| &service.spec.ports)
            .filter(|port| port.port == number)
            .filter(|port| port.protocol.as_deref().unwrap_or(TCP) == TCP);
        let mut behind: BTreeSet<u16> = ports
            .filter_map(|port| match TargetPort::of(port)? {
                TargetPort::Number(number) => Some(number),
                TargetPort::Name(name) => Some(named_port(pod, name, TCP)?.1.container_port),
            })
            .collect();
        if behind.is_empty() {
            behind.insert(number);
        }
        behind
    }
}

impl Mesh<'_> {
    pub(super) fn gateway_way(&self, pod: &PodGroup<'_>) -> GatewayWay {
        let mut served = Vec::new();
        for (object, namespace, gateway) in &self.gateways.istio {
            let selected = selector::matches_labels(&gateway.spec.selector, pod);
            if !selected || self.ignores(pod, namespace, gateway) {
                continue;
            }
            for (place, server) in gateway.spec.servers.iter().enumerate() {
                for port in self.gateways.ports_behind(pod, server.port.number) {
                    served.push(Served {
                        port,
                        object: *object,
                        demand: demand(server),
                        facts: facts_of_server(*object, place, server),
                    });
                }
            }
        }
        let name = pod.label(NAME_LABEL).unwrap_or_default();
        if let Some((object, gateway)) = self.gateways.named.get(&(pod.namespace, name)) {
            for (place, listener) in gateway.spec.listeners.iter().enumerate() {
                for port in self.gateways.ports_behind(pod, listener.port) {
                    served.push(Served {
                        port,
                        object: *object,
                        demand: demand_of_listener(listener),
                        facts: facts_of_listener(*object, place, listener),
                    });
                }
            }
        }
        GatewayWay {
            served,
            changes: self.changes(pod, GATEWAY_CONTEXTS),
        }
    }

    /// Whether no control plane reads a gateway.
    fn ignores(&self, pod: &PodGroup<'_>, namespace: &str, gateway: &IstioGateway) -> bool {
        let (candidates, doubt) = self.candidates(pod);
        doubt.is_none()
            && candidates.iter().all(|control_plane| {
                control_plane.counts(namespace, &gateway.metadata) == Counted::No
            })
    }
}

/// What a server demands: TLS of servers for HTTP is not looked at.
fn demand(server: &Server) -> Demand {
    let protocol = server.port.protocol.to_ascii_uppercase();
    let plain = ["HTTP", "HTTP2", "GRPC", "GRPC-WEB"].contains(&protocol.as_str());
    let Some(tls) = server.tls.as_ref().filter(|_| !plain) else {
        return match protocol.as_str() {
            "HTTPS" | "TLS" => Demand::Unrecognised,
            _ => Demand::Nothing,
        };
    };
    match tls.mode.as_deref() {
        None | Some("PASSTHROUGH" | "AUTO_PASSTHROUGH") => Demand::HandedOn,
        Some("SIMPLE" | "OPTIONAL_MUTUAL") => Demand::ServerTls,
        Some("MUTUAL" | "ISTIO_MUTUAL") => Demand::MutualTls,
        Some(_) => Demand::Unrecognised,
    }
}

fn demand_of_listener(listener: &Listener) -> Demand {
    let mode = listener.tls.as_ref().and_then(|tls| tls.mode.as_deref());
    let options = listener.tls.as_ref().is_some_and(|tls| tls.options);
    match (listener.protocol.as_str(), mode) {
        ("HTTP" | "TCP", _) => Demand::Nothing,
        ("HTTPS" | "TLS", Some("Passthrough")) => Demand::HandedOn,
        // An option of Istio asks for certificates of clients; options are not kept.
        ("HTTPS" | "TLS", None | Some("Terminate")) if !options => Demand::ServerTls,
        _ => Demand::Unrecognised,
    }
}

fn facts_of_server(object: usize, place: usize, server: &Server) -> Vec<Fact> {
    let mode = server.tls.as_ref().and_then(|tls| tls.mode.as_deref());
    let port = format!("/spec/servers/{place}/port");
    vec![
        Fact::of(object, format!("{port}/number"), Some(server.port.number)),
        Fact::of(
            object,
            format!("{port}/protocol"),
            Some(&server.port.protocol),
        ),
        Fact::of(object, format!("/spec/servers/{place}/tls/mode"), mode),
    ]
}

fn facts_of_listener(object: usize, place: usize, listener: &Listener) -> Vec<Fact> {
    let mode = listener.tls.as_ref().and_then(|tls| tls.mode.as_deref());
    let at = format!("/spec/listeners/{place}");
    vec![
        Fact::of(object, format!("{at}/port"), Some(listener.port)),
        Fact::of(object, format!("{at}/protocol"), Some(&listener.protocol)),
        Fact::of(object, format!("{at}/tls/mode"), mode),
    ]
}

impl GatewayWay {
    /// Ports that servers open, declared by the pods or not.
    pub(super) fn ports(&self) -> BTreeSet<u16> {
        self.served.iter().map(|served| served.port).collect()
    }

    /// What a port accepts: the weakest of its servers; without one, the weakest of all.
    pub(super) fn accepts(&self, port: Option<u16>) -> Accepts {
        let Some(weakest) = self.at(port).min_by_key(|served| served.demand) else {
            return Accepts::Unknown(Doubt::NoServer);
        };
        let found = match weakest.demand {
            Demand::Nothing => Accepts::Plaintext(Cause::Server(weakest.object)),
            Demand::ServerTls => Accepts::ServerTls(weakest.object),
            Demand::Unrecognised => Accepts::Unknown(Doubt::Mode),
            Demand::HandedOn => Accepts::Unknown(Doubt::HandedOn),
            Demand::MutualTls => Accepts::MutualTls(Proof::Server(weakest.object)),
        };
        match (found, self.changes.of_port(port)) {
            (Accepts::MutualTls(_), Some((doubt, _))) => Accepts::Unknown(doubt),
            (found, _) => found,
        }
    }

    pub(super) fn facts(&self, port: Option<u16>) -> Vec<Fact> {
        let mut facts: Vec<Fact> = self
            .at(port)
            .flat_map(|served| served.facts.clone())
            .collect();
        let changes = self.changes.of_port(port).into_iter();
        facts.extend(changes.flat_map(|(_, facts)| facts));
        facts
    }

    fn at(&self, port: Option<u16>) -> impl Iterator<Item = &Served> {
        self.served
            .iter()
            .filter(move |served| port.is_none_or(|port| served.port == port))
    }
}
