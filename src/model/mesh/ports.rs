//! The ports that a pod may be reached on.

use std::collections::BTreeMap;

use super::super::pods::{PodGroup, Role};
use super::super::selector::Labels as _;
use super::super::services::Via;
use super::super::{Model, Port};
use super::ambient::HBONE;
use super::data_plane::DataPlane;
use super::{Fact, Mesh};
use crate::projection::Projection;

/// Ports that an app pod listens on, declared or not: the app, its health and its metrics.
pub const APP_PORTS: [u16; 3] = [8080, 8800, 8900];

/// The protocol that meshes carry; the API's default.
pub(super) const TCP: &str = "TCP";

/// Label of sidecars that take tunnelled traffic too.
const TUNNEL_LABEL: &str = "networking.istio.io/tunnel";

impl Mesh<'_> {
    /// The port that meshed peers may send everything to, whatever port of the pod it is for: a network policy that
    /// opens it opens all ports to them.
    pub fn tunnel_port(&self, pod: &PodGroup<'_>) -> Option<u16> {
        match self.data_plane(pod).data_plane {
            // One that is not ready yet takes over as soon as it is.
            DataPlane::Ambient | DataPlane::ZtunnelNotReady | DataPlane::Waypoint => Some(HBONE),
            DataPlane::Sidecar => (pod.label(TUNNEL_LABEL) == Some("http")).then_some(HBONE),
            DataPlane::Linkerd => Some(super::inbound::linkerd_inbound_port(pod)),
            DataPlane::Gateway
            | DataPlane::NoEnvoy
            | DataPlane::AmbientOutbound
            | DataPlane::LinkerdUnredirected
            | DataPlane::UnknownRole
            | DataPlane::Unmeshed(_) => None,
        }
    }
}

impl Model<'_> {
    /// Ports that a group of pods declares, that Services selecting it lead to, and that app pods always have; with
    /// where each is from.
    pub fn inbound_ports(&self, group: usize) -> BTreeMap<Port, Vec<Fact>> {
        let pod = &self.pods[group];
        let mut ports: BTreeMap<Port, Vec<Fact>> = BTreeMap::new();
        for container in pod.lasting_containers() {
            for (place, port) in container.spec.ports.iter().enumerate() {
                let pointer = format!("{}/ports/{place}/containerPort", container.pointer);
                let fact = Fact::of_pod(pointer, Some(port.container_port));
                let port = Port {
                    number: port.container_port,
                    protocol: port.protocol.as_deref().unwrap_or(TCP).to_owned(),
                };
                ports.entry(port).or_default().push(fact);
            }
        }
        for (service, port) in self.services.ports_of(group) {
            if let Some(fact) = self.selected_target(service, group, &port) {
                ports.entry(port).or_default().push(fact);
            }
        }
        if pod.role == Role::App {
            for number in APP_PORTS {
                let protocol = TCP.to_owned();
                ports.entry(Port { number, protocol }).or_default();
            }
        }
        ports.retain(|port, _| port.number > 0);
        ports
    }

    /// Where a Service that selects the pods names this port of theirs.
    fn selected_target(&self, service: usize, group: usize, port: &Port) -> Option<Fact> {
        let target = self.services.targets(service).iter().find(|target| {
            target.group == group
                && target.via == Via::Selector
                && target.port == port.number
                && target.protocol == port.protocol
        })?;
        let place = target.service_port?;
        let Projection::Service(content) = self.object(service).projection.as_ref() else {
            return None;
        };
        let written = content.spec.ports.get(place)?.target_port.as_ref();
        let pointer = format!("/spec/ports/{place}/targetPort");
        Some(Fact::of(service, pointer, written))
    }
}
