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
use super::{Doubt, Fact, Mesh, escaped};
use crate::kind::Kind;
use crate::projection::gateway::{FrontendValidation, Gateway, Listener};
use crate::projection::network::{Ingress, Service};
use crate::projection::routing::{IstioGateway, Server};
use crate::projection::{Metadata, Projection};
use crate::snapshot::Snapshot;

/// Label of the pods that are made for a Gateway of the Gateway API: its name.
const NAME_LABEL: &str = "gateway.networking.k8s.io/gateway-name";
/// Annotation that names what serves an Ingress.
const CLASS_ANNOTATION: &str = "kubernetes.io/ingress.class";
/// Its value for Istio, unless the mesh configuration names another.
const ISTIO_CLASS: &str = "istio";
/// The controller of Istio's classes.
const ISTIO_CONTROLLER: &str = "istio.io/ingress-controller";
/// The protocol of the ports that gateways serve.
const TCP: &str = "TCP";

/// What gateways may be configured by.
#[derive(Debug, Default)]
pub(super) struct Gateways<'s> {
    istio: Vec<(usize, &'s str, &'s IstioGateway)>,
    /// Of the Gateway API, by namespace and name.
    named: BTreeMap<(&'s str, &'s str), (usize, &'s Gateway)>,
    services: BTreeMap<&'s str, Vec<&'s Service>>,
    /// Those that Istio serves, where it says so.
    ingresses: Vec<(usize, &'s str, &'s Ingress, Vec<Fact>)>,
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
    /// Whether Ingress objects may be served.
    pub(super) ingresses: bool,
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
        for (index, object) in snapshot.of_kind(Kind::Ingress) {
            if let Projection::Ingress(ingress) = object.projection.as_ref()
                && let Some(facts) = istio_class(snapshot, index, ingress)
            {
                let namespace = object.namespace();
                gateways.ingresses.push((index, namespace, ingress, facts));
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

/// Where it is written that Istio serves an Ingress: the annotation counts more than the field (istio
/// `pilot/pkg/config/kube/ingress/conversion.go`).
fn istio_class(snapshot: &Snapshot, index: usize, ingress: &Ingress) -> Option<Vec<Fact>> {
    if let Some(class) = ingress.metadata.annotations.get(CLASS_ANNOTATION) {
        let pointer = format!("/metadata/annotations/{}", escaped(CLASS_ANNOTATION));
        let fact = Fact::of(index, pointer, Some(&**class));
        return (&**class == ISTIO_CLASS).then(|| vec![fact]);
    }
    let name = ingress.spec.ingress_class_name.as_deref()?;
    let object = snapshot.find(Kind::IngressClass, "", name)?;
    match snapshot.objects[object].projection.as_ref() {
        Projection::IngressClass(class) if class.spec.controller == ISTIO_CONTROLLER => {
            let controller = Some(ISTIO_CONTROLLER);
            Some(vec![
                Fact::of(index, "/spec/ingressClassName", Some(name)),
                Fact::of(object, "/spec/controller", controller),
            ])
        }
        _ => None,
    }
}

/// Whether a gateway serves Ingress objects, unless the mesh configuration names another (istio
/// `mesh/v1alpha1/config.proto`, `ingress_selector`).
fn serves_ingresses(pod: &PodGroup<'_>) -> bool {
    pod.label("istio") == Some("ingressgateway")
}

impl Mesh<'_> {
    /// The servers that Ingress objects stand for: one for each entry with a Secret, and one without TLS (istio
    /// `pilot/pkg/config/kube/ingress/gateways.go`).
    fn add_ingresses(&self, pod: &PodGroup<'_>, served: &mut Vec<Served>) {
        for (object, namespace, ingress, class) in &self.gateways.ingresses {
            if self.ignores(pod, namespace, &ingress.metadata) {
                continue;
            }
            let mut add = |number: u16, demand: Demand, fact: Option<Fact>| {
                for port in self.gateways.ports_behind(pod, number) {
                    let facts = fact.iter().chain(class);
                    served.push(Served {
                        port,
                        object: *object,
                        demand,
                        facts: facts.cloned().collect(),
                    });
                }
            };
            add(80, Demand::Nothing, None);
            for (place, tls) in ingress.spec.tls.iter().enumerate() {
                let secret = tls.secret_name.as_deref();
                if let Some(secret) = secret.filter(|secret| !secret.is_empty()) {
                    let pointer = format!("/spec/tls/{place}/secretName");
                    let fact = Fact::of(*object, pointer, Some(secret));
                    add(443, Demand::ServerTls, Some(fact));
                }
            }
        }
    }

    pub(super) fn gateway_way(&self, pod: &PodGroup<'_>) -> GatewayWay {
        let mut served = Vec::new();
        for (object, namespace, gateway) in &self.gateways.istio {
            let selected = selector::matches_labels(&gateway.spec.selector, pod);
            if !selected || self.ignores(pod, namespace, &gateway.metadata) {
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
                        demand: demand_of_listener(gateway, listener),
                        facts: facts_of_listener(*object, gateway, place, listener),
                    });
                }
            }
        }
        let ingresses = serves_ingresses(pod);
        if ingresses {
            self.add_ingresses(pod, &mut served);
        }
        GatewayWay {
            served,
            ingresses,
            changes: self.changes(pod, GATEWAY_CONTEXTS),
        }
    }

    /// Whether no control plane reads a gateway.
    fn ignores(&self, pod: &PodGroup<'_>, namespace: &str, metadata: &Metadata) -> bool {
        let (candidates, doubt) = self.candidates(pod);
        doubt.is_none()
            && candidates
                .iter()
                .all(|control_plane| control_plane.counts(namespace, metadata) == Counted::No)
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

fn demand_of_listener(gateway: &Gateway, listener: &Listener) -> Demand {
    let mode = listener.tls.as_ref().and_then(|tls| tls.mode.as_deref());
    // An option of Istio asks for certificates of clients, as did a field of experimental versions; neither is kept.
    let asks_otherwise = listener
        .tls
        .as_ref()
        .is_some_and(|tls| tls.options || tls.frontend_validation);
    match (listener.protocol.as_str(), mode) {
        ("HTTP" | "TCP", _) => Demand::Nothing,
        ("HTTPS" | "TLS", Some("Passthrough")) => Demand::HandedOn,
        ("HTTPS" | "TLS", None | Some("Terminate")) if !asks_otherwise => {
            match validation(gateway, listener.port) {
                None => Demand::ServerTls,
                Some((_, validation)) if demands_certificates(validation) => Demand::MutualTls,
                Some(_) => Demand::Unrecognised,
            }
        }
        _ => Demand::Unrecognised,
    }
}

/// What is asked of clients on a port, and where: the entry of the port stands for the default.
fn validation(gateway: &Gateway, port: u16) -> Option<(String, &FrontendValidation)> {
    let at = "/spec/tls/frontend";
    let frontend = gateway.spec.tls.as_ref()?.frontend.as_ref()?;
    let mut entries = frontend.per_port.iter().enumerate();
    let (place, tls) = match entries.find(|(_, entry)| entry.port == port) {
        Some((place, entry)) => (format!("{at}/perPort/{place}/tls"), &entry.tls),
        None => (format!("{at}/default"), frontend.default.as_ref()?),
    };
    let validation = tls.validation.as_ref()?;
    Some((format!("{place}/validation"), validation))
}

/// The other mode lets in those without a valid certificate too, which versions of Istio do not all do.
fn demands_certificates(validation: &FrontendValidation) -> bool {
    let mode = validation.mode.as_deref().unwrap_or("AllowValidOnly");
    mode == "AllowValidOnly" && !validation.ca_certificate_refs.is_empty()
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

fn facts_of_listener(
    object: usize,
    gateway: &Gateway,
    place: usize,
    listener: &Listener,
) -> Vec<Fact> {
    let mode = listener.tls.as_ref().and_then(|tls| tls.mode.as_deref());
    let at = format!("/spec/listeners/{place}");
    let mut facts = vec![
        Fact::of(object, format!("{at}/port"), Some(listener.port)),
        Fact::of(object, format!("{at}/protocol"), Some(&listener.protocol)),
        Fact::of(object, format!("{at}/tls/mode"), mode),
    ];
    facts.extend(
        validation(gateway, listener.port)
            .map(|(pointer, validation)| Fact::of(object, pointer, Some(validation))),
    );
    facts
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
