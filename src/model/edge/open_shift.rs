//! Routes of OpenShift: what they lead to (openshift/api `route/v1/types.go`).

use crate::model::Model;
use crate::model::services::backends::{Backend, BackendPort};
use crate::projection::Scalar;
use crate::projection::routing::{Route, RouteTarget};

/// The targets of a route, with their place.
pub fn targets(route: &Route) -> impl Iterator<Item = (String, &RouteTarget)> {
    let more = route.spec.alternate_backends.iter().enumerate();
    let more = more.map(|(index, target)| (format!("/spec/alternateBackends/{index}"), target));
    [("/spec/to".to_owned(), &route.spec.to)]
        .into_iter()
        .chain(more)
}

/// What a target leads to, and how it is named. Without a port the router takes all endpoints of all ports.
pub fn resolve(
    model: &Model<'_>,
    namespace: &str,
    route: &Route,
    target: &RouteTarget,
) -> (String, Backend) {
    let service = &target.name;
    if service.is_empty() || target.kind.as_deref().unwrap_or("Service") != "Service" {
        return (format!("{service} of an unknown kind"), Backend::Dangling);
    }
    let resolve = |port| model.resolve_backend(namespace, service, port);
    let port = route.spec.port.as_ref();
    match port.and_then(|port| port.target_port.as_ref()) {
        None => (
            format!("{service} on all its ports"),
            resolve(BackendPort::Any),
        ),
        Some(Scalar::Number(number)) => {
            let backend = match u16::try_from(*number) {
                Ok(number) => resolve(BackendPort::OfPods(number)),
                Err(_) => Backend::Dangling,
            };
            (format!("{service}:{number}"), backend)
        }
        Some(Scalar::Text(text)) => {
            let named = resolve(BackendPort::Name(text));
            // The router compares the text with the number of an endpoint as well.
            let backend = match text.parse() {
                Ok(number) if named == Backend::Dangling => resolve(BackendPort::OfPods(number)),
                _ => named,
            };
            (format!("{service}:{text}"), backend)
        }
    }
}
