//! Ways past every controller: Services that are published outside the cluster, and ports on nodes.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::super::{Apps, is_app_port};
use crate::kind::Kind;
use crate::model::mesh::inbound::Accepts;
use crate::model::services::{Publication, Target};
use crate::model::{Model, PodGroup, Port, Role};
use crate::projection::network::{Service, ServiceSpec};
use crate::rules::{Observation, Reason, Subject};

const SSL_CERTIFICATE: &str = "service.beta.kubernetes.io/aws-load-balancer-ssl-cert";
const SSL_PORTS: &str = "service.beta.kubernetes.io/aws-load-balancer-ssl-ports";

/// Services that lead to an app's port for users.
pub(super) fn services<'m>(
    model: &'m Model<'_>,
    apps: Rc<Apps>,
) -> impl Iterator<Item = Observation> + 'm {
    let services = model.each_service();
    services.filter_map(move |(index, service)| judge(model, &apps, index, service))
}

fn judge(model: &Model<'_>, apps: &Apps, index: usize, service: &Service) -> Option<Observation> {
    let targets: Vec<&Target> = model
        .services
        .targets(index)
        .iter()
        .filter(|target| apps.contains(&target.group) && is_app_port(model, target))
        .collect();
    let subject = Subject::Object(index);
    let namespace = model.object(index).namespace();
    let publication = Publication::of(&service.spec);
    if targets.is_empty() {
        let unread = model.gaps.in_namespace(Kind::EndpointSlice, namespace);
        // Slices may lead to an app as well.
        let doubtful = publication.is_external() && unread.is_some();
        return doubtful.then(|| {
            let message = "no endpoint is known to be an app pod";
            read(
                Observation::pass(subject, Reason::NoAppBackend, message)
                    .needs(Kind::EndpointSlice, namespace),
                service,
            )
        });
    }
    let observation = if publication.is_external() {
        published(model, subject, publication, service, &targets)
    } else {
        let message = "is not published outside the cluster";
        Observation::pass(subject, Reason::Value, message)
    };
    Some(read(observation, service))
}

fn published(
    model: &Model<'_>,
    subject: Subject,
    publication: Publication,
    service: &Service,
    targets: &[&Target],
) -> Observation {
    let how = match publication {
        Publication::NodePort => "type NodePort",
        Publication::LoadBalancer => "type LoadBalancer",
        _ => "an external address",
    };
    let policies = |observation: Observation| {
        [
            Kind::Pod,
            Kind::PeerAuthentication,
            Kind::EnvoyFilter,
            Kind::Sidecar,
            Kind::Namespace,
        ]
        .into_iter()
        .fold(observation, |observation, kind| observation.needs(kind, ""))
    };
    match strict(model, targets) {
        Strict::All => {
            let message = format!(
                "{how} leads to an app's port, which accepts mutual TLS of the mesh alone: plain clients are refused"
            );
            return policies(Observation::pass(subject, Reason::Value, message));
        }
        Strict::Unknown => {
            let message = format!(
                "{how} leads to an app's port, and whether that accepts plain clients can't be told"
            );
            return Observation::indeterminate(subject, Reason::TlsNotVisible, message);
        }
        Strict::Not => {}
    }
    if publication == Publication::LoadBalancer && balanced_with_tls(service, targets) {
        if service.spec.allocate_load_balancer_node_ports == Some(false)
            && !opens_more(service, targets)
        {
            let message = "the load balancer terminates TLS on every port, and nodes open none; whether the certificate is valid was not read";
            return Observation::pass(subject, Reason::CertificateNotRead, message);
        }
        let message = "the load balancer terminates TLS, and ports of nodes or externalIPs beside it serve the app plainly: allocateLoadBalancerNodePorts is not false, a nodePort is set, or there are externalIPs";
        return policies(Observation::fail(subject, Reason::PlainHttpServed, message));
    }
    let message = format!("{how} leads to an app's port, which speaks HTTP only");
    policies(Observation::fail(subject, Reason::PlainHttpServed, message))
}

enum Strict {
    All,
    Not,
    Unknown,
}

/// Whether the mesh refuses plain clients on these ports.
fn strict(model: &Model<'_>, targets: &[&Target]) -> Strict {
    let ports: BTreeSet<(usize, u16)> = targets
        .iter()
        .map(|target| (target.group, target.port))
        .collect();
    let mut worst = Strict::All;
    for (group, number) in ports {
        let port = Port {
            number,
            protocol: "TCP".to_owned(),
        };
        match model.mesh.inbound(&model.pods[group]).accepts(Some(&port)) {
            Accepts::MutualTls(_) => {}
            Accepts::Unknown(_) => worst = Strict::Unknown,
            _ => return Strict::Not,
        }
    }
    worst
}

/// Whether a certificate of the provider counts for every port that leads to an app.
fn balanced_with_tls(service: &Service, targets: &[&Target]) -> bool {
    let annotations = &service.metadata.annotations;
    if annotations
        .get(SSL_CERTIFICATE)
        .is_none_or(String::is_empty)
    {
        return false;
    }
    let Some(listed) = annotations.get(SSL_PORTS).map(|list| list.trim()) else {
        return true;
    };
    if listed.is_empty() || listed == "*" {
        return true;
    }
    let listed: Vec<&str> = listed.split(',').map(str::trim).collect();
    targets.iter().all(|target| {
        let port = target
            .service_port
            .and_then(|index| service.spec.ports.get(index));
        port.is_some_and(|port| {
            listed.contains(&port.port.to_string().as_str())
                || port
                    .name
                    .as_deref()
                    .is_some_and(|name| listed.contains(&name))
        })
    })
}

/// Whether an app is served past the load balancer: on external addresses, or on a port of nodes that was asked for or
/// kept from before.
fn opens_more(service: &Service, targets: &[&Target]) -> bool {
    !service.spec.external_ips.is_empty()
        || targets.iter().any(|target| {
            let port = target
                .service_port
                .and_then(|index| service.spec.ports.get(index));
            port.is_none_or(|port| port.node_port.is_some_and(|port| port > 0))
        })
}

fn read(observation: Observation, service: &Service) -> Observation {
    let ServiceSpec {
        kind,
        external_ips,
        selector,
        ports,
        allocate_load_balancer_node_ports,
        ..
    } = &service.spec;
    let annotations = &service.metadata.annotations;
    let annotated = [SSL_CERTIFICATE, SSL_PORTS].into_iter();
    let observation = annotated
        .filter_map(|key| Some((key, annotations.get(key)?)))
        .fold(observation, |observation, (key, value)| {
            observation.read(super::super::annotation_pointer(key), Some(value))
        });
    observation
        .read("/spec/type", kind.as_ref())
        .read(
            "/spec/externalIPs",
            Some(external_ips).filter(|list| !list.is_empty()),
        )
        .read(
            "/spec/selector",
            Some(selector).filter(|selector| !selector.is_empty()),
        )
        .read("/spec/ports", Some(ports).filter(|ports| !ports.is_empty()))
        .read(
            "/spec/allocateLoadBalancerNodePorts",
            *allocate_load_balancer_node_ports,
        )
}

/// App pods that open their port for users on their node.
pub(super) fn pods<'m>(model: &'m Model<'_>) -> impl Iterator<Item = Observation> + 'm {
    model
        .judged_pods()
        .filter(|(_, pod)| pod.role == Role::App)
        .map(|(index, pod)| of_pod(model, index, pod))
}

fn of_pod(model: &Model<'_>, index: usize, pod: &PodGroup<'_>) -> Observation {
    let subject = Subject::Pods(index);
    if pod.is_finished() {
        return Observation::finished(subject);
    }
    let opened = |number: u16| {
        let target = Target {
            group: index,
            service_port: None,
            port: number,
            protocol: "TCP".into(),
            via: crate::model::services::Via::Selector,
        };
        is_app_port(model, &target)
    };
    let on_host: BTreeSet<(u16, u16)> = pod
        .lasting_containers()
        .flat_map(|container| &container.spec.ports)
        .filter(|port| port.protocol.as_deref().unwrap_or("TCP") == "TCP")
        .filter_map(|port| {
            let host = port.host_port.filter(|host| *host > 0)?;
            opened(port.container_port).then_some((port.container_port, host))
        })
        .collect();
    let observation = if pod.spec.host_network == Some(true) {
        let message =
            "the app's port is a port of its node: hostNetwork is on, and the app speaks HTTP only";
        Observation::fail(subject, Reason::PlainHttpServed, message).conclusive()
    } else if on_host.is_empty() {
        let message = "no port of the node leads to the app's port";
        Observation::pass(subject, Reason::Value, message)
    } else {
        let ports: Vec<String> = on_host
            .iter()
            .map(|(inside, outside)| format!("{outside} of the node leads to {inside}"))
            .collect();
        let message = format!("port {}, which speaks HTTP only", ports.join(", "));
        Observation::fail(subject, Reason::PlainHttpServed, message).conclusive()
    };
    let observation = observation.read("/spec/hostNetwork", pod.spec.host_network);
    pod.lasting_containers()
        .filter(|container| !container.spec.ports.is_empty())
        .fold(observation, |observation, container| {
            let pointer = format!("{}/ports", container.pointer);
            observation.read(pointer, Some(&container.spec.ports))
        })
}
