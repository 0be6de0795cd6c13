//! Whether the address that a controller sees is the client's own.

use crate::kind::Kind;
use crate::model::Model;
use crate::model::edge::classes::{Known, Serving, go_bool};
use crate::model::edge::ranges::{Range, covers_everything};
use crate::model::ingress_controllers::Family;
use crate::model::services::Publication;
use crate::projection::network::Service;

/// What becomes of a client's address on its way.
pub(super) enum Trust {
    Kept,
    Lost(&'static str),
    NotProvable(&'static str),
    Unread,
}

/// Services that publish the controller's pods outside the cluster.
fn published<'m>(model: &'m Model<'_>, serving: &Serving<'_>) -> Vec<&'m Service> {
    model
        .each_service()
        .filter(|(index, service)| {
            let groups = model.services.groups(*index);
            let serves = serving
                .configs
                .iter()
                .any(|config| groups.contains(&config.group));
            serves && Publication::of(&service.spec).is_external()
        })
        .map(|(_, service)| service)
        .collect()
}

/// Ranges that the controller's load balancers admit, where each of its ways in from outside has some.
pub(super) fn of_balancers(model: &Model<'_>, serving: &Serving<'_>) -> Option<Vec<Range>> {
    let services = published(model, serving);
    let mut all = Vec::new();
    for service in &services {
        if Publication::of(&service.spec) != Publication::LoadBalancer
            || !service.spec.external_ips.is_empty()
        {
            return None;
        }
        let ranges = &service.spec.load_balancer_source_ranges;
        let ranges: Option<Vec<Range>> = ranges.iter().map(|range| Range::parse(range)).collect();
        let ranges = ranges.filter(|ranges| !ranges.is_empty())?;
        all.extend(ranges);
    }
    (!services.is_empty()).then_some(all)
}

pub(super) fn trust(model: &Model<'_>, serving: &Serving<'_>, admitted: &[Range]) -> Trust {
    if let Some(decided) = by_headers(serving) {
        return decided;
    }
    let services = published(model, serving);
    if services.is_empty() && is_on_nodes(model, serving) {
        return Trust::Kept;
    }
    if services.is_empty() {
        return Trust::NotProvable("how clients reach the controller is not known");
    }
    let local =
        |service: &&Service| service.spec.external_traffic_policy.as_deref() == Some("Local");
    if services.iter().all(local) {
        return Trust::Kept;
    }
    let nodes = model.nodes().any(|(_, _, node)| {
        node.status
            .addresses
            .iter()
            .filter(|address| address.kind == "InternalIP")
            .filter_map(|address| address.address.parse().ok())
            .any(|address| admitted.iter().any(|range| range.holds(address)))
    });
    if nodes {
        Trust::Lost(
            "clients appear with addresses of nodes, which the list admits: externalTrafficPolicy is not Local",
        )
    } else if model.gaps.anywhere(Kind::Node).is_some() {
        Trust::NotProvable("whether it admits addresses of nodes was not read")
    } else {
        Trust::NotProvable(
            "clients appear with addresses of nodes: externalTrafficPolicy is not Local",
        )
    }
}

/// Whether all pods of the controller take requests of users on their nodes, which keeps addresses. A Service that
/// publishes them beside that is another way in.
fn is_on_nodes(model: &Model<'_>, serving: &Serving<'_>) -> bool {
    const OF_USERS: [u16; 2] = [80, 443];
    let mut pods = serving
        .configs
        .iter()
        .filter_map(|config| model.pods.get(config.group))
        .peekable();
    pods.peek().is_some()
        && pods.all(|pod| {
            let mut ports = pod
                .lasting_containers()
                .flat_map(|container| &container.spec.ports);
            pod.spec.host_network == Some(true)
                || ports.any(|port| {
                    let host = port.host_port.filter(|port| *port > 0);
                    host.is_some_and(|host| {
                        OF_USERS.contains(&host) || OF_USERS.contains(&port.container_port)
                    })
                })
        })
}

/// Headers and protocols that carry an address may be forged by who sends them.
fn by_headers(serving: &Serving<'_>) -> Option<Trust> {
    let keys = match serving.family {
        Family::Ng => [
            "use-proxy-protocol",
            "use-forwarded-headers",
            "enable-real-ip",
        ]
        .as_slice(),
        Family::Ha => ["src-ip-header"].as_slice(),
        _ => return None,
    };
    for key in keys {
        let value = match serving.key(key) {
            Known::Unread => return Some(Trust::Unread),
            Known::Is(value) => value,
        };
        let on = match (serving.family, value.as_deref()) {
            (Family::Ha, value) => value.is_some_and(|value| !value.is_empty()),
            (_, value) => value.and_then(go_bool) == Some(true),
        };
        if !on {
            continue;
        }
        let senders = match serving.key("proxy-real-ip-cidr") {
            Known::Unread => return Some(Trust::Unread),
            Known::Is(list) => list.unwrap_or_default(),
        };
        let senders: Vec<Range> = senders.split(',').filter_map(Range::parse).collect();
        if serving.family == Family::Ha || senders.is_empty() || covers_everything(&senders) {
            return Some(Trust::NotProvable(
                "any sender may state another address in a header",
            ));
        }
        return Some(Trust::Kept);
    }
    None
}
