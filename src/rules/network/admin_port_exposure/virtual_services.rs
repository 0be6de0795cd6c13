//! VirtualServices of Istio.

use serde_json::Value;

use super::Apps;
use super::backends::{Reference, judge};
use crate::kind::Kind;
use crate::model::Model;
use crate::model::edge::virtual_services::{Bound, resolve_destination};
use crate::model::services::backends::Backend;
use crate::model::services::entries::Entries;
use crate::projection::Projection;
use crate::projection::routing::{Destination, VirtualRoute, VirtualService};
use crate::rules::Observation;

pub(super) fn observe(model: &Model<'_>, apps: &Apps) -> Vec<Observation> {
    let entries = Entries::new(model);
    model
        .snapshot
        .of_kind(Kind::VirtualService)
        .filter_map(|(index, object)| match object.projection.as_ref() {
            Projection::VirtualService(service) => {
                let bound = Bound::new(model, object.namespace(), service);
                let references: Vec<Reference> = destinations(service)
                    .map(|place| refer(model, &entries, object.namespace(), &bound, place))
                    .collect();
                judge(model, apps, index, &references)
            }
            _ => None,
        })
        .collect()
}

/// A destination, where it stands, and whether anything is sent there.
struct Place<'v> {
    pointer: String,
    destination: &'v Destination,
    idle: bool,
}

fn destinations(service: &VirtualService) -> impl Iterator<Item = Place<'_>> {
    let lists = [
        ("http", &service.spec.http),
        ("tls", &service.spec.tls),
        ("tcp", &service.spec.tcp),
    ];
    lists.into_iter().flat_map(|(list, routes)| {
        let routes = routes.iter().enumerate();
        routes.flat_map(move |(index, route)| of_route(&format!("/spec/{list}/{index}"), route))
    })
}

fn of_route<'v>(place: &str, route: &'v VirtualRoute) -> Vec<Place<'v>> {
    // One destination alone gets everything, whatever its weight.
    let several = route.route.len() > 1;
    let weighed = route
        .route
        .iter()
        .enumerate()
        .map(|(index, weighted)| Place {
            pointer: format!("{place}/route/{index}/destination"),
            destination: &weighted.destination,
            idle: several && weighted.weight == Some(0),
        });
    let mirror = route.mirror.iter().map(|destination| Place {
        pointer: format!("{place}/mirror"),
        destination,
        idle: false,
    });
    let mirrors = route
        .mirrors
        .iter()
        .enumerate()
        .map(|(index, mirror)| Place {
            pointer: format!("{place}/mirrors/{index}/destination"),
            destination: &mirror.destination,
            idle: false,
        });
    weighed.chain(mirror).chain(mirrors).collect()
}

fn refer(
    model: &Model<'_>,
    entries: &Entries,
    namespace: &str,
    bound: &Bound<'_>,
    place: Place<'_>,
) -> Reference {
    let Place {
        pointer,
        destination,
        idle,
    } = place;
    let number = destination.port.as_ref().and_then(|port| port.number);
    let name = number.map_or_else(
        || destination.host.clone(),
        |number| format!("{}:{number}", destination.host),
    );
    let backend = resolve_destination(model, entries, namespace, bound, destination);
    let value: Option<Value> = serde_json::to_value(destination).ok();
    let mut reference = Reference::new(pointer, value, name, backend);
    if idle {
        reference.idle = Some("has weight 0".to_owned());
    }
    if reference.backend == Backend::Dangling {
        reference.needs.push((Kind::ServiceEntry, String::new()));
    }
    reference
}
