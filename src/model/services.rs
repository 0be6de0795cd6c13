//! Services resolved to pods and ports, once for all rules.
//!
//! ```text
//! Service ─ selector ──────▶ pods of its namespace ─ targetPort ─▶ Target
//!         ─ EndpointSlices ▶ addresses ─ pods of any namespace ──▶ Target
//!         ─ externalName ──▶ another Service, followed once
//! ```
//!
//! Finished pods are no targets; templates that stand for pods to come are.

pub mod backends;
pub mod entries;
mod index;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use self::index::{Addresses, Selection};
use super::pods::{ContainerClass, PodGroup};
use crate::kind::Kind;
use crate::model::Port;
use crate::projection::network::{EndpointSlice, Service, ServicePort, ServiceSpec};
use crate::projection::pod::ContainerPort;
use crate::projection::{Projection, Scalar};
use crate::snapshot::Snapshot;

/// What every Service leads to.
#[derive(Debug, Default)]
pub struct Services {
    /// Index of the first Service in the snapshot; the others follow it.
    first: usize,
    resolved: Vec<Resolved>,
    /// Of each group of pods: the Services that lead to it and the ports they lead to.
    by_group: Vec<Vec<(usize, Port)>>,
}

/// What one Service leads to.
#[derive(Debug, Default)]
struct Resolved {
    groups: Vec<usize>,
    targets: Vec<Target>,
    alias: Option<Alias>,
}

/// A port of a group of pods that a Service leads to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Target {
    /// The pods, as index of a group.
    pub group: usize,
    /// Which of `spec.ports`; `None` when no port of the Service has the name that a slice gives.
    pub service_port: Option<usize>,
    /// Number of the pod's port.
    pub port: u16,
    /// `TCP`, `UDP` or `SCTP`.
    pub protocol: Cow<'static, str>,
    /// What says so.
    pub via: Via,
}

/// What makes a pod a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Via {
    /// The selector.
    Selector,
    /// An EndpointSlice that holds its address: index of the object, of the endpoint and of the port in it.
    Slice(usize, usize, usize),
}

/// The Service that an `ExternalName` stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alias {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// Where a Service can be reached from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Publication {
    /// At an address inside the cluster.
    ClusterIp,
    /// At the addresses of its pods: `clusterIP` is `None`.
    Headless,
    /// A name for another name.
    ExternalName,
    /// At a port of every node.
    NodePort,
    /// Through a load balancer.
    LoadBalancer,
    /// At addresses from outside that nodes accept.
    ExternalIps,
}

impl Publication {
    /// Of the two at once, the wider one counts.
    pub fn of(spec: &ServiceSpec) -> Self {
        match spec.kind.as_deref() {
            Some("LoadBalancer") => Self::LoadBalancer,
            Some("NodePort") => Self::NodePort,
            Some("ExternalName") => Self::ExternalName,
            _ if !spec.external_ips.is_empty() => Self::ExternalIps,
            _ if spec.cluster_ip.as_deref() == Some("None") => Self::Headless,
            _ => Self::ClusterIp,
        }
    }

    /// Whether clients outside the cluster are let in.
    pub const fn is_external(self) -> bool {
        match self {
            Self::NodePort | Self::LoadBalancer | Self::ExternalIps => true,
            Self::ClusterIp | Self::Headless | Self::ExternalName => false,
        }
    }
}

impl Services {
    /// Resolves all Services.
    pub(super) fn new(snapshot: &Snapshot, pods: &[PodGroup<'_>]) -> Self {
        let services: Vec<(usize, &str, &Service)> = list(snapshot).collect();
        let selection = Selection::new(&services, pods);
        let mut all = Self {
            first: services.first().map_or(0, |(index, ..)| *index),
            resolved: services
                .iter()
                .map(|(_, namespace, service)| select(namespace, service, &selection, pods))
                .collect(),
            by_group: vec![Vec::new(); pods.len()],
        };
        all.add_slices(snapshot, pods);
        all.finish();
        all
    }

    /// Services that lead to a group of pods, as indexes of objects, and the pods' ports they lead to.
    pub fn ports_of(&self, group: usize) -> impl Iterator<Item = (usize, Port)> {
        self.by_group.get(group).into_iter().flatten().cloned()
    }

    /// Pods and ports that a Service leads to; nothing for an `ExternalName`.
    pub fn targets(&self, service: usize) -> &[Target] {
        self.get(service)
            .map_or(&[], |resolved| resolved.targets.as_slice())
    }

    /// Groups of pods that a Service leads to, on whatever port.
    pub fn groups(&self, service: usize) -> &[usize] {
        self.get(service)
            .map_or(&[], |resolved| resolved.groups.as_slice())
    }

    /// The Service that an `ExternalName` stands for, when its name is one of the cluster.
    pub fn alias(&self, service: usize) -> Option<&Alias> {
        self.get(service)?.alias.as_ref()
    }

    fn get(&self, service: usize) -> Option<&Resolved> {
        self.resolved.get(service.checked_sub(self.first)?)
    }

    /// Slices hold the endpoints of Services without a selector; slices made by hand add to those of others.
    fn add_slices(&mut self, snapshot: &Snapshot, pods: &[PodGroup<'_>]) {
        let slices: Vec<(usize, usize, &EndpointSlice)> = slices(snapshot).collect();
        if slices.is_empty() {
            return;
        }
        let addresses = Addresses::new(snapshot, pods);
        for (slice, service, content) in slices {
            let Projection::Service(Service { spec, .. }) =
                snapshot.objects[service].projection.as_ref()
            else {
                continue;
            };
            if Publication::of(spec) == Publication::ExternalName {
                continue;
            }
            let Some(resolved) = self.resolved.get_mut(service - self.first) else {
                continue;
            };
            for (endpoint, address) in content.endpoints.iter().enumerate().flat_map(each_address) {
                for group in addresses.holders(address) {
                    resolved.groups.push(group);
                    resolved
                        .targets
                        .extend(
                            content
                                .ports
                                .iter()
                                .enumerate()
                                .filter_map(|(index, port)| {
                                    let protocol = protocol(port.protocol.as_deref());
                                    Some(Target {
                                        group,
                                        service_port: named(spec, port.name.as_deref(), &protocol),
                                        // A slice port without a number is routed by nobody.
                                        port: port.port.filter(|port| *port > 0)?,
                                        protocol,
                                        via: Via::Slice(slice, endpoint, index),
                                    })
                                }),
                        );
                }
            }
        }
    }

    /// Sorts, drops what is there twice, and turns the index around.
    fn finish(&mut self) {
        for (service, resolved) in (self.first..).zip(&mut self.resolved) {
            resolved.groups.sort_unstable();
            resolved.groups.dedup();
            resolved.targets.sort_unstable();
            resolved.targets.dedup_by(|next, kept| {
                (next.group, next.service_port, next.port)
                    == (kept.group, kept.service_port, kept.port)
                    && next.protocol == kept.protocol
            });
            for target in &resolved.targets {
                let entry = (service, target.as_port());
                let of_group = &mut self.by_group[target.group];
                let mut own = of_group
                    .iter()
                    .rev()
                    .take_while(|(other, _)| *other == service);
                if own.all(|known| *known != entry) {
                    of_group.push(entry);
                }
            }
        }
    }
}

impl Target {
    fn as_port(&self) -> Port {
        Port {
            number: self.port,
            protocol: self.protocol.clone().into_owned(),
        }
    }
}

impl Alias {
    /// Reads `<service>.<namespace>.svc[.<domain>]`. The cluster's domain is not known, so any will do.
    pub fn parse(external_name: &str) -> Option<Self> {
        let name = external_name.trim_end_matches('.').to_lowercase();
        let mut labels = name.split('.');
        let (service, namespace) = (labels.next()?, labels.next()?);
        (labels.next() == Some("svc") && !service.is_empty() && !namespace.is_empty()).then(|| {
            Self {
                namespace: namespace.to_owned(),
                name: service.to_owned(),
            }
        })
    }
}

/// The container port of this name and protocol: app containers first, then native sidecars, as the API server does.
pub fn named_port<'s>(
    pod: &PodGroup<'s>,
    name: &str,
    protocol: &str,
) -> Option<(String, &'s ContainerPort)> {
    [ContainerClass::App, ContainerClass::NativeSidecar]
        .into_iter()
        .find_map(|class| {
            pod.lasting_containers()
                .filter(|container| container.class == class)
                .find_map(|container| {
                    let ports = container.spec.ports.iter().enumerate();
                    let (index, port) = ports.into_iter().find(|(_, port)| {
                        port.name.as_deref() == Some(name)
                            && port.protocol.as_deref().unwrap_or("TCP") == protocol
                    })?;
                    Some((format!("{}/ports/{index}", container.pointer), port))
                })
        })
}

/// What `targetPort` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetPort<'p> {
    /// A number, declared by the pod or not.
    Number(u16),
    /// The name of a container port.
    Name(&'p str),
}

impl<'p> TargetPort<'p> {
    /// Absent, empty or 0 means `port`. `None` for a number that is no port.
    pub fn of(port: &'p ServicePort) -> Option<Self> {
        let number = match port.target_port.as_ref() {
            None => 0,
            Some(Scalar::Number(number)) => u16::try_from(*number).ok()?,
            Some(Scalar::Text(text)) if text.is_empty() => 0,
            // The API refuses digits in quotes; in a file they are more likely a slip than a name.
            Some(Scalar::Text(text)) => match text.parse() {
                Ok(number) => number,
                Err(_) => return Some(Self::Name(text)),
            },
        };
        let number = if number == 0 { port.port } else { number };
        (number > 0).then_some(Self::Number(number))
    }
}

/// Pods and ports that the selector of a Service leads to.
fn select(
    namespace: &str,
    service: &Service,
    selection: &Selection<'_>,
    pods: &[PodGroup<'_>],
) -> Resolved {
    let spec = &service.spec;
    if Publication::of(spec) == Publication::ExternalName {
        return Resolved {
            alias: spec.external_name.as_deref().and_then(Alias::parse),
            ..Resolved::default()
        };
    }
    let groups = selection.select(namespace, &spec.selector, pods);
    let targets = groups
        .iter()
        .flat_map(|group| {
            let ports = spec.ports.iter().enumerate();
            ports.filter_map(move |(index, port)| {
                let protocol = protocol(port.protocol.as_deref());
                let number = match TargetPort::of(port)? {
                    TargetPort::Number(number) => number,
                    TargetPort::Name(name) => {
                        named_port(&pods[*group], name, &protocol)?.1.container_port
                    }
                };
                Some(Target {
                    group: *group,
                    service_port: Some(index),
                    port: number,
                    protocol,
                    via: Via::Selector,
                })
            })
        })
        .collect();
    Resolved {
        groups,
        targets,
        alias: None,
    }
}

fn list(snapshot: &Snapshot) -> impl Iterator<Item = (usize, &str, &Service)> {
    snapshot
        .of_kind(Kind::Service)
        .filter_map(|(index, object)| match object.projection.as_ref() {
            Projection::Service(service) => Some((index, object.namespace(), service)),
            _ => None,
        })
}

/// Slices that belong to a Service: their index, its index, and their content.
fn slices(snapshot: &Snapshot) -> impl Iterator<Item = (usize, usize, &EndpointSlice)> {
    snapshot
        .of_kind(Kind::EndpointSlice)
        .filter_map(|(index, object)| match object.projection.as_ref() {
            Projection::EndpointSlice(slice) => {
                let name = slice.metadata.labels.get("kubernetes.io/service-name")?;
                let service = snapshot.find(Kind::Service, object.namespace(), name)?;
                Some((index, service, slice))
            }
            _ => None,
        })
}

fn each_address(
    (index, endpoint): (usize, &crate::projection::network::Endpoint),
) -> impl Iterator<Item = (usize, &str)> {
    endpoint
        .addresses
        .iter()
        .map(move |address| (index, address.as_str()))
}

/// The port of a Service that a slice's port belongs to; a port without a name has the empty one.
fn named(spec: &ServiceSpec, name: Option<&str>, protocol: &str) -> Option<usize> {
    spec.ports.iter().position(|port| {
        port.name.as_deref().unwrap_or_default() == name.unwrap_or_default()
            && port.protocol.as_deref().unwrap_or("TCP") == protocol
    })
}

/// Absent means TCP.
fn protocol(text: Option<&str>) -> Cow<'static, str> {
    match text {
        None | Some("TCP") => Cow::Borrowed("TCP"),
        Some("UDP") => Cow::Borrowed("UDP"),
        Some("SCTP") => Cow::Borrowed("SCTP"),
        Some(other) => Cow::Owned(other.to_owned()),
    }
}
