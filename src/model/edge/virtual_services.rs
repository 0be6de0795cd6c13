//! VirtualServices of Istio: the gateways that they are bound to, and what their destinations lead to.

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::kind::Kind;
use crate::model::Model;
use crate::model::services::backends::{Backend, BackendPort, MeshHost};
use crate::model::services::entries::Entries;
use crate::projection::Projection;
use crate::projection::routing::{
    Destination, IstioGateway, StringMatch, VirtualMatch, VirtualRoute, VirtualService,
};

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
    /// Looks them up.
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
            let (place, name) = gateway_name(name, namespace);
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

/// Namespace and name of a gateway: `namespace/name`, `./name`, a name of the own namespace, or the full name of old,
/// `name.namespace.svc.cluster.local` (istio `pilot/pkg/model/virtualservice.go`, `resolveGatewayName`).
pub fn gateway_name<'n>(name: &'n str, own: &'n str) -> (&'n str, &'n str) {
    match (name.split_once('/'), name.split_once('.')) {
        (Some((".", name)), _) => (own, name),
        (Some((place, name)), _) => (place, name),
        (None, Some((name, rest))) => {
            let place = rest.split_once('.').map_or(rest, |(place, _)| place);
            (place, name)
        }
        (None, None) => (own, name),
    }
}

/// A rule for HTTP, as a gateway gets it.
#[derive(Debug)]
pub struct Followed<'m> {
    /// The namespace of the object that it stands in: short hosts are names there.
    pub namespace: &'m str,
    /// The rule. One that still leaves requests to another object leads nobody knows where.
    pub route: Cow<'m, VirtualRoute>,
}

/// The rules of a VirtualService for HTTP, with those of the objects that it leaves requests to in their place.
#[derive(Debug)]
pub struct Routes<'m> {
    /// The rules, in their order.
    pub all: Vec<Followed<'m>>,
    /// The other objects.
    pub delegates: BTreeSet<usize>,
}

/// Rules that are put together, and matches of one of them; beyond that a rule counts as one that leads nobody knows where.
const FOLLOWED: usize = 1024;
const MATCHES: usize = 64;

impl<'m> Routes<'m> {
    /// Follows them; an object that is left requests can't leave them to a third (istio `mergeVirtualServicesIfNeeded`).
    pub fn new(model: &Model<'m>, namespace: &'m str, service: &'m VirtualService) -> Self {
        let mut routes = Self {
            all: Vec::new(),
            delegates: BTreeSet::new(),
        };
        for route in &service.spec.http {
            routes.add(model, namespace, route);
        }
        routes
    }

    fn add(&mut self, model: &Model<'m>, namespace: &'m str, route: &'m VirtualRoute) {
        let kept = Followed {
            namespace,
            route: Cow::Borrowed(route),
        };
        let Some(delegate) = &route.delegate else {
            self.all.push(kept);
            return;
        };
        let place = delegate
            .namespace
            .as_deref()
            .filter(|place| !place.is_empty());
        let place = place.unwrap_or(namespace);
        let found = model
            .snapshot
            .find(Kind::VirtualService, place, &delegate.name);
        let found = found.map(|index| (index, model.object(index)));
        let Some((index, object)) = found else {
            self.all.push(kept);
            return;
        };
        self.delegates.insert(index);
        let Projection::VirtualService(content) = object.projection.as_ref() else {
            return;
        };
        let own = &content.spec.http;
        let merged: Option<Vec<Vec<VirtualMatch>>> = own
            .iter()
            .map(|rule| matches_of_both(route, rule))
            .collect();
        let Some(merged) = merged.filter(|_| self.all.len() + own.len() <= FOLLOWED) else {
            self.all.push(kept);
            return;
        };
        let rules = own.iter().zip(merged);
        // Where both match something and nothing matches both, the rule is never taken.
        let taken = rules.filter(|(rule, matches)| {
            !matches.is_empty() || rule.matches.is_empty() && route.matches.is_empty()
        });
        self.all.extend(taken.map(|(rule, matches)| Followed {
            namespace: object.namespace(),
            route: Cow::Owned(VirtualRoute {
                matches,
                ..rule.clone()
            }),
        }));
    }
}

/// What requests must match to be taken by a rule of another object; `None` where that is too much to tell.
fn matches_of_both(route: &VirtualRoute, rule: &VirtualRoute) -> Option<Vec<VirtualMatch>> {
    match (route.matches.as_slice(), rule.matches.as_slice()) {
        (matches, []) | ([], matches) => Some(matches.to_vec()),
        (first, then) => (first.len() * then.len() <= MATCHES).then(|| {
            let pairs = first
                .iter()
                .flat_map(|outer| then.iter().map(move |inner| (outer, inner)));
            pairs
                .filter_map(|(outer, inner)| both(outer, inner))
                .collect()
        }),
    }
}

/// What matches both, where that can be anything.
fn both(outer: &VirtualMatch, inner: &VirtualMatch) -> Option<VirtualMatch> {
    let all = |uri: &StringMatch| uri.prefix.as_deref() == Some("/");
    if let (Some(outer), Some(inner)) = (outer.port, inner.port)
        && outer != inner
    {
        return None;
    }
    let uri = inner.uri.as_ref().filter(|uri| !all(uri));
    let gateways = if inner.gateways.is_empty() {
        &outer.gateways
    } else {
        &inner.gateways
    };
    Some(VirtualMatch {
        uri: uri.or(outer.uri.as_ref()).cloned(),
        scheme: inner.scheme.as_ref().or(outer.scheme.as_ref()).cloned(),
        port: inner.port.or(outer.port),
        gateways: gateways.clone(),
        sni_hosts: inner.sni_hosts.clone(),
        method: outer.method || inner.method,
        headers: outer.headers || inner.headers,
        authority: outer.authority || inner.authority,
        query_params: outer.query_params || inner.query_params,
        source_labels: outer.source_labels || inner.source_labels,
        without_headers: outer.without_headers || inner.without_headers,
    })
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
