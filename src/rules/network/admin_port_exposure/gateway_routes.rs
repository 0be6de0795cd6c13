//! Routes of the Gateway API: HTTPRoute, GRPCRoute, TCPRoute and TLSRoute.

use super::Apps;
use super::backends::{Reference, judge};
use crate::kind::Kind;
use crate::model::Model;
use crate::model::edge::gateways::{Grant, granted};
use crate::model::services::backends::{Backend, BackendPort};
use crate::projection::Projection;
use crate::projection::gateway::{GatewayBackend, GatewayRoute, MirrorBackend};
use crate::rules::Observation;

/// Kinds of routes.
pub(super) const ROUTES: [Kind; 4] = [
    Kind::GrpcRoute,
    Kind::HttpRoute,
    Kind::TcpRoute,
    Kind::TlsRoute,
];

pub(super) fn observe(model: &Model<'_>, apps: &Apps) -> Vec<Observation> {
    ROUTES
        .iter()
        .flat_map(|kind| model.snapshot.of_kind(*kind))
        .filter_map(|(index, object)| match object.projection.as_ref() {
            Projection::GatewayRoute(route) => {
                let from = From {
                    kind: object.kind,
                    namespace: object.namespace(),
                };
                let references: Vec<Reference> = backends(route)
                    .filter_map(|place| from.refer(model, place))
                    .collect();
                judge(model, apps, index, &references)
            }
            _ => None,
        })
        .collect()
}

/// A backend, and where it stands.
struct Place<'r> {
    pointer: String,
    backend: Named<'r>,
    value: Option<serde_json::Value>,
    weight: Option<i64>,
}

/// What a backend names.
struct Named<'r> {
    group: Option<&'r str>,
    kind: Option<&'r str>,
    namespace: Option<&'r str>,
    name: &'r str,
    port: Option<u16>,
}

impl<'r> Named<'r> {
    fn of(backend: &'r GatewayBackend) -> Self {
        Self {
            group: backend.group.as_deref(),
            kind: backend.kind.as_deref(),
            namespace: backend.namespace.as_deref(),
            name: &backend.name,
            port: backend.port,
        }
    }

    fn of_mirror(backend: &'r MirrorBackend) -> Self {
        Self {
            group: backend.group.as_deref(),
            kind: backend.kind.as_deref(),
            namespace: backend.namespace.as_deref(),
            name: &backend.name,
            port: backend.port,
        }
    }
}

fn backends(route: &GatewayRoute) -> impl Iterator<Item = Place<'_>> {
    let rules = route.spec.rules.iter().enumerate();
    rules.flat_map(|(number, rule)| {
        let rule_place = format!("/spec/rules/{number}");
        let mut places = Vec::new();
        for (index, backend) in rule.backend_refs.iter().enumerate() {
            let pointer = format!("{rule_place}/backendRefs/{index}");
            for (filter, content) in backend.filters.iter().enumerate() {
                if let Some(mirror) = &content.request_mirror {
                    places.push(Place {
                        pointer: format!("{pointer}/filters/{filter}/requestMirror/backendRef"),
                        value: serde_json::to_value(&mirror.backend_ref).ok(),
                        backend: Named::of_mirror(&mirror.backend_ref),
                        weight: backend.weight,
                    });
                }
            }
            places.push(Place {
                pointer,
                value: serde_json::to_value(backend).ok(),
                backend: Named::of(backend),
                weight: backend.weight,
            });
        }
        for (filter, content) in rule.filters.iter().enumerate() {
            if let Some(mirror) = &content.request_mirror {
                places.push(Place {
                    pointer: format!("{rule_place}/filters/{filter}/requestMirror/backendRef"),
                    value: serde_json::to_value(&mirror.backend_ref).ok(),
                    backend: Named::of(&mirror.backend_ref),
                    weight: None,
                });
            }
        }
        places
    })
}

/// The route that refers.
struct From<'r> {
    kind: Kind,
    namespace: &'r str,
}

impl From<'_> {
    fn refer(&self, model: &Model<'_>, place: Place<'_>) -> Option<Reference> {
        let Place {
            pointer,
            backend: named,
            value,
            weight,
        } = place;
        // Other kinds are those of the implementation, which nothing here knows.
        let is_service = named.group.unwrap_or_default().is_empty()
            && named.kind.unwrap_or("Service") == "Service";
        if !is_service {
            return None;
        }
        let namespace = named.namespace.unwrap_or(self.namespace);
        let service = if namespace == self.namespace {
            named.name.to_owned()
        } else {
            format!("{namespace}/{}", named.name)
        };
        let (name, backend) = match named.port {
            Some(port) => {
                let port_of = BackendPort::Number(port);
                let backend = model.resolve_backend(namespace, named.name, port_of);
                (format!("{service}:{port}"), backend)
            }
            None => (format!("{service} without a port"), Backend::Dangling),
        };
        let mut reference = Reference::new(pointer, value, name, backend);
        if weight == Some(0) {
            reference.idle = Some("has weight 0".to_owned());
        } else if namespace != self.namespace {
            let grant = Grant {
                kind: self.kind,
                from: self.namespace,
                to: namespace,
                service: named.name,
            };
            if !granted(model, &grant) {
                reference.idle = Some("is refused: no ReferenceGrant admits it".to_owned());
                let needs = (Kind::ReferenceGrant, namespace.to_owned());
                reference.needs.push(needs);
            }
        }
        Some(reference)
    }
}
