//! VirtualServices of Istio: the gateways that they are bound to, and what their destinations lead to.

use std::collections::BTreeSet;

use crate::kind::Kind;
use crate::model::Model;
use crate::model::services::backends::{Backend, BackendPort, MeshHost};
use crate::model::services::entries::Entries;
use crate::projection::Projection;
use crate::projection::routing::{Destination, IstioGateway, VirtualService};

/// Stands for the sidecars of the mesh among the gateways of a VirtualService.
pub const MESH: &str = "mesh";

/// The gateways that a VirtualService names.
#[derive(Debug)]
pub struct Bound<'m> {
    /// Those that were found: index and content.
    pub gateways: Vec<(usize, &'m IstioGateway)>,
    /// Names of those that were not found, and the namespace that they would be in.
    pub missing: Vec<(String, String)>,
    /// Whether it also counts for sidecars of the mesh.
    pub mesh: bool,
}

impl<'m> Bound<'m> {
    /// Looks them up: `namespace/name`, or a name of the own namespace.
    pub fn new(model: &Model<'m>, namespace: &str, service: &VirtualService) -> Self {
        let mut bound = Self {
            gateways: Vec::new(),
            missing: Vec::new(),
            mesh: service.spec.gateways.is_empty(),
        };
        for name in &service.spec.gateways {
            if name == MESH {
                bound.mesh = true;
                continue;
            }
            let (place, name) = name.split_once('/').unwrap_or((namespace, name));
            let place = if place == "." { namespace } else { place };
            let found = model.snapshot.find(Kind::IstioGateway, place, name);
            match found.map(|index| (index, model.object(index).projection.as_ref())) {
                Some((index, Projection::IstioGateway(gateway))) => {
                    bound.gateways.push((index, gateway));
                }
                _ => bound.missing.push((place.to_owned(), name.to_owned())),
            }
        }
        bound
    }

    /// The ports that requests come in on, where they are all known.
    fn ports(&self) -> Option<BTreeSet<u16>> {
        if self.mesh || !self.missing.is_empty() {
            return None;
        }
        let servers = self
            .gateways
            .iter()
            .flat_map(|(_, gateway)| &gateway.spec.servers);
        Some(servers.map(|server| server.port.number).collect())
    }
}

/// What a destination leads to. Without a port it is the only one of the Service, or the one that the request came in
/// on (istio `pilot/pkg/networking/core/route`).
pub fn resolve_destination(
    model: &Model<'_>,
    entries: &Entries,
    namespace: &str,
    bound: &Bound<'_>,
    destination: &Destination,
) -> Backend {
    let number = destination
        .port
        .as_ref()
        .and_then(|port| port.number)
        .filter(|number| *number > 0);
    let ports = match number {
        Some(number) => Some(BTreeSet::from([number])),
        None => bound.ports(),
    };
    let service = MeshHost::parse(&destination.host, namespace);
    let backend = service.map_or(Backend::Dangling, |service| {
        let resolve = |port| model.resolve_backend(&service.namespace, &service.name, port);
        match number {
            Some(number) => resolve(BackendPort::Number(number)),
            None => narrowed(model, resolve(BackendPort::Any), ports.as_ref()),
        }
    });
    if backend != Backend::Dangling {
        return backend;
    }
    of_entries(entries, &destination.host, number, ports.as_ref()).unwrap_or(backend)
}

/// Of all ports of a Service those that requests come in on.
fn narrowed(model: &Model<'_>, backend: Backend, wanted: Option<&BTreeSet<u16>>) -> Backend {
    let (
        Some(wanted),
        Backend::Found {
            service,
            alias,
            groups,
            mut targets,
        },
    ) = (wanted, backend.clone())
    else {
        return backend;
    };
    let holder = alias.unwrap_or(service);
    let Projection::Service(content) = model.object(holder).projection.as_ref() else {
        return backend;
    };
    let ports = &content.spec.ports;
    if ports.len() > 1 {
        targets.retain(|target| {
            let port = target.service_port.and_then(|port| ports.get(port));
            port.is_none_or(|port| wanted.contains(&port.port))
        });
    }
    Backend::Found {
        service,
        alias,
        groups,
        targets,
    }
}

fn of_entries(
    entries: &Entries,
    host: &str,
    number: Option<u16>,
    ports: Option<&BTreeSet<u16>>,
) -> Option<Backend> {
    let found = entries.of(host);
    let first = found.first()?;
    let mut groups = Vec::new();
    let mut targets = Vec::new();
    for entry in found {
        groups.extend(&entry.groups);
        let numbers: BTreeSet<u16> = entry.targets.iter().map(|(number, _)| *number).collect();
        let all = number.is_none() && numbers.len() == 1;
        let chosen = entry
            .targets
            .iter()
            .filter(|(number, _)| all || ports.is_none_or(|ports| ports.contains(number)));
        targets.extend(chosen.map(|(_, target)| target.clone()));
    }
    groups.sort_unstable();
    groups.dedup();
    targets.sort_unstable();
    targets.dedup();
    Some(Backend::Found {
        service: first.object,
        alias: None,
        groups,
        targets,
    })
}
