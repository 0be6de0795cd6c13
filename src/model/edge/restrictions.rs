//! What of the plan's access restrictions is about no Ingress or Route.

use std::collections::BTreeSet;

use super::hosts;
use super::ingresses::{self, paths};
use super::open_shift::{resolve, targets};
use super::virtual_services::MESH;
use crate::kind::Kind;
use crate::model::{Model, Role};
use crate::plan::AccessRestriction;
use crate::projection::Projection;

/// Entries of the plan, by index, that fit no host or app of an Ingress or Route that leads to one.
pub fn unmet(model: &Model<'_>) -> Vec<usize> {
    let entries = 0..model.plan.access_restrictions.len();
    if entries.is_empty() {
        return Vec::new();
    }
    let met = met(model);
    entries.filter(|index| !met.contains(index)).collect()
}

fn met(model: &Model<'_>) -> BTreeSet<usize> {
    let mut met = BTreeSet::new();
    let mut add = |host: &str, groups: &[usize]| {
        let pods = groups.iter().filter_map(|group| model.pods.get(*group));
        let apps = pods.filter(|pod| matches!(pod.role, Role::App | Role::Platform));
        for pod in apps.filter(|pod| !pod.is_finished()) {
            let app = pod.app.as_ref().and_then(|claim| claim.name());
            let found = model
                .plan
                .restrictions(host, pod.namespace, app.unwrap_or_default());
            met.extend(found.map(|(index, _)| index));
        }
    };
    for (_, object, ingress) in ingresses::each(model.snapshot) {
        for path in paths(model, object.namespace(), ingress) {
            add(&path.host, path.backend.groups());
        }
    }
    for (_, object) in model.snapshot.of_kind(Kind::Route) {
        if let Projection::Route(route) = object.projection.as_ref() {
            let host = hosts::normal(route.spec.host.as_deref());
            for (_, target) in targets(route) {
                let (_, backend) = resolve(model, object.namespace(), route, target);
                add(&host, backend.groups());
            }
        }
    }
    met
}

/// Another object that may serve what an entry is about, and whose restrictions are not read.
pub fn other_way(model: &Model<'_>, entry: &AccessRestriction) -> Option<usize> {
    let is_host = |served: &[String]| {
        entry.host.as_deref().is_some_and(|wanted| {
            let wanted = hosts::normal(Some(wanted));
            let mut served = served.iter().map(|host| hosts::normal(Some(host)));
            served.any(|host| hosts::intersection(&host, &wanted).is_some())
        })
    };
    let kinds = [Kind::HttpRoute, Kind::VirtualService];
    let mut objects = kinds
        .into_iter()
        .flat_map(|kind| model.snapshot.of_kind(kind));
    let found = objects.find(|(_, object)| {
        let of_app = entry
            .app
            .as_ref()
            .is_some_and(|app| app.namespace == object.namespace());
        match object.projection.as_ref() {
            Projection::GatewayRoute(route) => of_app || is_host(&route.spec.hostnames),
            Projection::VirtualService(service) => {
                let mut gateways = service.spec.gateways.iter();
                gateways.any(|gateway| gateway != MESH) && (of_app || is_host(&service.spec.hosts))
            }
            _ => false,
        }
    });
    found.map(|(index, _)| index)
}
