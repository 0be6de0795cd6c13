//! Gateway API: grants across namespaces, and the listeners that routes are attached to.

use std::collections::BTreeSet;

use super::hosts;
use crate::gaps::Missing;
use crate::kind::{GATEWAY_GROUP, Kind};
use crate::model::services::backends::{Backend, BackendPort};
use crate::model::{Model, selector};
use crate::projection::Projection;
use crate::projection::gateway::{GatewayRoute, GatewayRule, Listener, ParentReference};
use crate::snapshot::{Mode, Object};

/// Group of Istio's hosts, which routes inside the mesh are bound to.
const ISTIO_GROUP: &str = "networking.istio.io";

/// A reference from a route to a Service of another namespace.
#[derive(Clone, Copy, Debug)]
pub struct Grant<'r> {
    /// Kind of the route.
    pub kind: Kind,
    /// Namespace of the route.
    pub from: &'r str,
    /// Namespace of the Service.
    pub to: &'r str,
    /// Name of the Service.
    pub service: &'r str,
}

/// Whether a grant that was read admits the reference.
pub fn granted(model: &Model<'_>, wanted: &Grant<'_>) -> bool {
    model
        .snapshot
        .of_namespace(Kind::ReferenceGrant, wanted.to)
        .any(|(_, object)| match object.projection.as_ref() {
            Projection::ReferenceGrant(grant) => {
                let from = grant.spec.from.iter().any(|from| {
                    from.group == GATEWAY_GROUP
                        && from.kind == wanted.kind.name()
                        && from.namespace == wanted.from
                });
                let to = grant.spec.to.iter().any(|to| {
                    to.group.is_empty()
                        && to.kind == "Service"
                        && to
                            .name
                            .as_deref()
                            .is_none_or(|name| name.is_empty() || name == wanted.service)
                });
                from && to
            }
            _ => false,
        })
}

/// A listener that a route is attached to, and the hosts that it serves there.
#[derive(Debug)]
pub struct Attached<'m> {
    /// Index of the Gateway.
    pub gateway: usize,
    /// Its number among the listeners.
    pub number: usize,
    /// The listener.
    pub listener: &'m Listener,
    /// Hosts that listener and route have in common.
    pub hosts: BTreeSet<String>,
}

/// Where a route is attached.
#[derive(Debug, Default)]
pub struct Attachment<'m> {
    /// The listeners.
    pub listeners: Vec<Attached<'m>>,
    /// Gateways that it names and that were read, as indexes.
    pub gateways: BTreeSet<usize>,
    /// Why it may be attached to more.
    pub doubts: BTreeSet<Doubt>,
    /// Whether it names a Gateway at all.
    pub names_gateway: bool,
}

/// Why it can't be told whether a route is attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Doubt {
    /// Gateways were not read.
    Unread(Missing),
    /// The controller has not written its status yet.
    NotReconciled,
    /// The parent is of a kind that is not read.
    OtherParent,
    /// The labels of the route's namespace decide, and were not read.
    NamespaceLabels(Missing),
}

/// The listeners that a route is attached to: those that its parents name, or all that admit it.
pub fn attachment<'m>(
    model: &'m Model<'_>,
    object: &Object,
    route: &GatewayRoute,
) -> Attachment<'m> {
    let mut attachment = Attachment::default();
    for parent in &route.spec.parent_refs {
        let group = parent.group.as_deref().unwrap_or(GATEWAY_GROUP);
        match (group, parent.kind.as_deref().unwrap_or("Gateway")) {
            (GATEWAY_GROUP, "Gateway") => {
                attachment.names_gateway = true;
                attach(model, object, route, parent, &mut attachment);
            }
            // These bind the route to a host inside the mesh.
            ("", "Service") | (ISTIO_GROUP, _) => {}
            _ => {
                attachment.names_gateway = true;
                attachment.doubts.insert(Doubt::OtherParent);
            }
        }
    }
    attachment
}

fn attach<'m>(
    model: &'m Model<'_>,
    object: &Object,
    route: &GatewayRoute,
    parent: &ParentReference,
    attachment: &mut Attachment<'m>,
) {
    let own = object.namespace();
    let namespace = parent.namespace.as_deref().unwrap_or(own);
    let found = model.snapshot.find(Kind::Gateway, namespace, &parent.name);
    let Some((index, Projection::Gateway(gateway))) =
        found.map(|index| (index, model.object(index).projection.as_ref()))
    else {
        let unread = model.gaps.in_namespace(Kind::Gateway, namespace);
        // That a route names one shows that there is one; files need not be all there is.
        let partial = model.snapshot.origin.is_partial();
        let unread = unread.or_else(|| partial.then_some(Missing::NotCollected));
        attachment.doubts.extend(unread.map(Doubt::Unread));
        return;
    };
    attachment.gateways.insert(index);
    match accepted(model, own, route, parent) {
        Some(true) => {}
        Some(false) => return,
        None => {
            attachment.doubts.insert(Doubt::NotReconciled);
            return;
        }
    }
    for (number, listener) in gateway.spec.listeners.iter().enumerate() {
        let section = parent
            .section_name
            .as_deref()
            .filter(|name| !name.is_empty());
        let named = section.is_none_or(|name| name == listener.name)
            && parent.port.is_none_or(|port| port == listener.port);
        if !named || !admits_kind(listener, object.kind) {
            continue;
        }
        match admits_namespace(model, listener, namespace, own) {
            Ok(true) => {}
            Ok(false) => continue,
            Err(doubt) => {
                attachment.doubts.insert(doubt);
                continue;
            }
        }
        let hosts = common_hosts(listener, route);
        if !hosts.is_empty() {
            attachment.listeners.push(Attached {
                gateway: index,
                number,
                listener,
                hosts,
            });
        }
    }
}

/// What the controller says of a parent; from files it follows from the spec. `None` where it has not said it yet.
fn accepted(
    model: &Model<'_>,
    own: &str,
    route: &GatewayRoute,
    parent: &ParentReference,
) -> Option<bool> {
    let namespace = |parent: &ParentReference| {
        let stated = parent.namespace.as_deref();
        stated.unwrap_or(own).to_owned()
    };
    let statuses = route.status.iter().flat_map(|status| &status.parents);
    let status = statuses.into_iter().find(|status| {
        let of = &status.parent_ref;
        of.name == parent.name
            && namespace(of) == namespace(parent)
            && of.section_name == parent.section_name
            && of.port == parent.port
    });
    let condition = status.and_then(|status| {
        let mut conditions = status.conditions.iter();
        conditions.find(|condition| condition.kind == "Accepted")
    });
    match condition {
        Some(condition) => Some(condition.status == "True"),
        None if model.snapshot.origin.mode == Mode::Live => None,
        None => Some(true),
    }
}

fn admits_kind(listener: &Listener, kind: Kind) -> bool {
    let stated = listener.allowed_routes.as_ref();
    let kinds = stated.map_or(&[][..], |allowed| allowed.kinds.as_slice());
    let by_protocol = match listener.protocol.as_str() {
        "HTTP" | "HTTPS" => matches!(kind, Kind::HttpRoute | Kind::GrpcRoute),
        "TLS" => matches!(kind, Kind::TlsRoute | Kind::TcpRoute),
        "TCP" => kind == Kind::TcpRoute,
        "UDP" => false,
        // Protocols of an implementation may take any.
        _ => true,
    };
    by_protocol
        && (kinds.is_empty()
            || kinds.iter().any(|allowed| {
                allowed.group.as_deref().unwrap_or(GATEWAY_GROUP) == GATEWAY_GROUP
                    && allowed.kind == kind.name()
            }))
}

fn admits_namespace(
    model: &Model<'_>,
    listener: &Listener,
    gateway: &str,
    own: &str,
) -> Result<bool, Doubt> {
    let allowed = listener.allowed_routes.as_ref();
    let namespaces = allowed.and_then(|allowed| allowed.namespaces.as_ref());
    let from = namespaces.and_then(|namespaces| namespaces.from.as_deref());
    Ok(match from.unwrap_or("Same") {
        "All" => true,
        "Same" => gateway == own,
        "Selector" => {
            let Some(selector) = namespaces.and_then(|namespaces| namespaces.selector.as_ref())
            else {
                return Ok(false);
            };
            match model.namespaces.get(own) {
                Some(namespace) => {
                    if let Some(missing) = namespace.unread {
                        return Err(Doubt::NamespaceLabels(missing));
                    }
                    selector::matches(selector, namespace.labels) == Some(true)
                }
                None => match model.gaps.anywhere(Kind::Namespace) {
                    Some(missing) => return Err(Doubt::NamespaceLabels(missing)),
                    None => false,
                },
            }
        }
        _ => false,
    })
}

fn common_hosts(listener: &Listener, route: &GatewayRoute) -> BTreeSet<String> {
    let of_listener = hosts::normal(listener.hostname.as_deref());
    if route.spec.hostnames.is_empty() {
        return BTreeSet::from([of_listener]);
    }
    let names = route.spec.hostnames.iter();
    names
        .filter_map(|name| hosts::intersection(&of_listener, &hosts::normal(Some(name))))
        .collect()
}

/// What the backends of a rule lead to that get anything at all.
pub fn resolve_backends(model: &Model<'_>, object: &Object, rule: &GatewayRule) -> Vec<Backend> {
    let own = object.namespace();
    let live = rule.backend_refs.iter().filter(|backend| {
        let is_service = backend.group.as_deref().unwrap_or_default().is_empty()
            && backend.kind.as_deref().unwrap_or("Service") == "Service";
        is_service && backend.weight != Some(0)
    });
    live.filter_map(|backend| {
        let namespace = backend.namespace.as_deref().unwrap_or(own);
        let grant = Grant {
            kind: object.kind,
            from: own,
            to: namespace,
            service: &backend.name,
        };
        let refused = namespace != own
            && !granted(model, &grant)
            && model
                .gaps
                .in_namespace(Kind::ReferenceGrant, namespace)
                .is_none();
        let port = BackendPort::Number(backend.port?);
        (!refused).then(|| model.resolve_backend(namespace, &backend.name, port))
    })
    .collect()
}
