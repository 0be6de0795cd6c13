//! Routes of OpenShift.

use super::Apps;
use super::backends::{Reference, judge};
use crate::kind::Kind;
use crate::model::Model;
use crate::model::edge::open_shift::{resolve, targets};
use crate::projection::Projection;
use crate::rules::Observation;

pub(super) fn observe(model: &Model<'_>, apps: &Apps) -> Vec<Observation> {
    model
        .snapshot
        .of_kind(Kind::Route)
        .filter_map(|(index, object)| match object.projection.as_ref() {
            Projection::Route(route) => {
                let references: Vec<Reference> = targets(route)
                    .map(|(pointer, target)| {
                        let (name, backend) = resolve(model, object.namespace(), route, target);
                        let value = serde_json::to_value(target).ok();
                        let mut reference = Reference::new(pointer, value, name, backend);
                        if target.weight == Some(0) {
                            reference.idle = Some("has weight 0".to_owned());
                        }
                        reference
                    })
                    .collect();
                let observation = judge(model, apps, index, &references)?;
                let port = route.spec.port.as_ref();
                let port = port.and_then(|port| port.target_port.as_ref());
                Some(observation.read("/spec/port/targetPort", port))
            }
            _ => None,
        })
        .collect()
}
