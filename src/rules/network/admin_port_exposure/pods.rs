//! App pods that open an admin port themselves: on their node, or through a listener of the mesh.

use crate::kind::Kind;
use crate::model::mendix::is_admin_port;
use crate::model::sidecars::Sidecars;
use crate::model::{Model, PodGroup};
use crate::projection::istio::{Sidecar, SidecarListener};
use crate::projection::pod::ContainerPort;
use crate::rules::{Observation, Observations, Reason, Subject, each_app_pod};

pub(super) fn observe<'m>(model: &'m Model<'_>) -> Observations<'m> {
    let sidecars = Sidecars::new(model);
    each_app_pod(model, move |subject, pod| {
        vec![judge(subject, pod, &sidecars)]
    })
}

fn judge(subject: Subject, pod: &PodGroup<'_>, sidecars: &Sidecars<'_>) -> Observation {
    let here = sidecars.of(pod);
    let on_node = on_node(pod);
    let listeners: Vec<String> = here
        .iter()
        .flat_map(|(_, sidecar)| published(sidecar))
        .collect();
    let observation = match (on_node.is_empty(), listeners.is_empty()) {
        (true, true) => {
            let message = "no host port, host network or mesh listener opens an admin port";
            let observation = Observation::pass(subject, Reason::Value, message);
            let roots = sidecars.roots().iter().copied();
            roots
                .chain([pod.namespace])
                .fold(observation, |observation, namespace| {
                    observation.needs(Kind::Sidecar, namespace)
                })
        }
        (true, false) => {
            let message = listeners.join(", ");
            Observation::fail(subject, Reason::LoopbackPublished, message).conclusive()
        }
        (false, _) => {
            let message = [on_node, listeners].concat().join(", ");
            Observation::fail(subject, Reason::Value, message).conclusive()
        }
    };
    read(observation, pod, &here)
}

fn on_node(pod: &PodGroup<'_>) -> Vec<String> {
    let network = pod.spec.host_network == Some(true);
    let ports = pod.containers().flat_map(|container| {
        let ports = container.spec.ports.iter().filter_map(on_host);
        ports.map(move |(inside, outside)| {
            let name = &container.spec.name;
            format!("container {name} opens {inside} as host port {outside}")
        })
    });
    network
        .then(|| "hostNetwork is true".to_owned())
        .into_iter()
        .chain(ports)
        .collect()
}

/// A port of the pod and the node's port that leads to it, where one of them is an admin port.
fn on_host(port: &ContainerPort) -> Option<(u16, u16)> {
    let outside = port.host_port.filter(|port| *port > 0)?;
    let protocol = port.protocol.as_deref().unwrap_or("TCP");
    [port.container_port, outside]
        .into_iter()
        .any(|number| is_admin_port(number, protocol))
        .then_some((port.container_port, outside))
}

/// Listeners of the mesh that hand traffic to an admin port.
fn published(sidecar: &Sidecar) -> impl Iterator<Item = String> {
    sidecar.spec.ingress.iter().filter_map(|listener| {
        let number = handed_to(listener).filter(|number| is_admin_port(*number, "TCP"))?;
        let port = listener.port.number;
        Some(format!(
            "an Istio Sidecar hands port {port} to {number} inside the pod"
        ))
    })
}

/// The port in `127.0.0.1:9000`, `[::1]:9000` or `0.0.0.0:9000`; nothing for a Unix socket.
fn handed_to(listener: &SidecarListener) -> Option<u16> {
    let endpoint = listener.default_endpoint.as_deref()?;
    let (address, port) = endpoint.rsplit_once(':')?;
    port.trim()
        .parse()
        .ok()
        .filter(|_| !address.starts_with("unix:"))
}

fn read(
    observation: Observation,
    pod: &PodGroup<'_>,
    sidecars: &[(usize, &Sidecar)],
) -> Observation {
    let observation = observation.read("/spec/hostNetwork", pod.spec.host_network);
    let observation = pod
        .containers()
        .filter(|container| !container.spec.ports.is_empty())
        .fold(observation, |observation, container| {
            let pointer = format!("{}/ports", container.pointer);
            observation.read(pointer, Some(&container.spec.ports))
        });
    sidecars
        .iter()
        .fold(observation, |observation, (index, sidecar)| {
            let ingress = &sidecar.spec.ingress;
            observation.read_of(
                *index,
                "/spec/ingress",
                (!ingress.is_empty()).then_some(ingress),
            )
        })
}
