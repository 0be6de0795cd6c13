//! Gateway API: grants across namespaces.

use crate::kind::{GATEWAY_GROUP, Kind};
use crate::model::Model;
use crate::projection::Projection;

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
    let grants = model.snapshot.of_kind(Kind::ReferenceGrant);
    grants
        .filter(|(_, object)| object.namespace() == wanted.to)
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
