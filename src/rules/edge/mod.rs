//! Ways in from outside: TLS, and who may come in.

mod backends;
mod ingress_access_restriction;
mod ingress_tls;

use std::collections::BTreeSet;

pub(super) use backends::{Backends, leads};
pub(super) use ingress_tls::ingresses::{facts_of, read_plan, words};

use super::{Observation, Rule};
use crate::model::mendix::is_runtime;
use crate::model::mesh::Fact;
use crate::model::services::Target;
use crate::model::{Model, Role};

/// The rules of this group, in the order of reports.
pub(super) static RULES: &[&Rule] = &[&ingress_tls::RULE, &ingress_access_restriction::RULE];

/// Port on which an app serves its users.
const APP_PORT: u16 = 8080;

/// Groups of running pods in scope whose ways in are judged: apps, and the platform's parts.
pub(super) type Apps = BTreeSet<usize>;

pub(super) fn apps(model: &Model<'_>) -> Apps {
    model
        .judged_pods()
        .filter(|(_, pod)| matches!(pod.role, Role::App | Role::Platform) && !pod.is_finished())
        .map(|(index, _)| index)
        .collect()
}

/// Whether a target is the port on which the runtime of an app serves its users, which speaks HTTP.
fn is_app_port(model: &Model<'_>, target: &Target) -> bool {
    let pod = &model.pods[target.group];
    if pod.role != Role::App || target.protocol != "TCP" {
        return false;
    }
    let declares = |runtime: bool| {
        pod.lasting_containers()
            .filter(|container| is_runtime(container.spec) == runtime)
            .flat_map(|container| &container.spec.ports)
            .any(|port| port.container_port == target.port)
    };
    let admin = crate::model::mendix::ADMIN_PORTS.contains(&target.port);
    !admin && (declares(true) || target.port == APP_PORT && !declares(false))
}

/// Adds values that a decision rests on.
pub(super) fn with_facts(
    observation: Observation,
    facts: impl IntoIterator<Item = Fact>,
) -> Observation {
    facts
        .into_iter()
        .fold(observation, |observation, fact| match fact.object {
            None => observation.read(fact.pointer, fact.value),
            Some(object) => observation.read_of(object, fact.pointer, fact.value),
        })
}

/// JSON pointer to an annotation.
pub(super) fn annotation_pointer(key: &str) -> String {
    format!(
        "/metadata/annotations/{}",
        key.replace('~', "~0").replace('/', "~1")
    )
}
