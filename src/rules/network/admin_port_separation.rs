//! The admin interfaces of an app live in a sidecar of their own; the app container serves 8080 and nothing else.

use crate::kind::Kind;
use crate::model::mendix::{
    ADMIN_LISTENER, AdminListener, admin_listener, is_admin_port, is_m2ee_sidecar, is_runtime,
};
use crate::model::{Container, Model, PodGroup};
use crate::projection::pod;
use crate::rules::{
    Group, Observation, Observations, Reach, Read, Reason, Rule, Severity, Subject, Subjects,
    each_app_pod,
};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "admin-port-separation",
    version: 1,
    title: "Admin ports belong to a sidecar, not to the app container",
    severity: Severity::High,
    group: Group::Network,
    subjects: Subjects::Kinds(&[Kind::Pod]),
    reads: &[
        Read::required(Kind::Pod, Reach::Namespace),
        // Owners of pods that nothing else shows to be an app's.
        Read::refines(Kind::ReplicaSet),
        Read::refines(Kind::Deployment),
        Read::refines(Kind::StatefulSet),
    ],
    docs: include_str!("../../../docs/rules/admin-port-separation.md"),
    check,
};

/// Port on which an app serves its users.
const APP_PORT: u16 = 8080;

/// Containers that meshes add; they may declare any port that they take over.
const MESH_PROXIES: [&str; 2] = ["istio-proxy", "linkerd-proxy"];

/// Facts that do not meet the rule, and facts that leave it open.
type Facts = Vec<(Reason, String)>;

fn check<'m>(model: &'m Model<'_>) -> Observations<'m> {
    each_app_pod(model, |subject, pod| vec![observe(subject, pod)])
}

fn observe(subject: Subject, pod: &PodGroup<'_>) -> Observation {
    let containers: Vec<Container<'_>> = pod.lasting_containers().collect();
    let wrong = wrong(&containers);
    let open = open(&containers);
    let observation = if !wrong.is_empty() {
        Observation::fail(subject, first(&wrong), words(&wrong)).conclusive()
    } else if !open.is_empty() {
        Observation::indeterminate(subject, first(&open), words(&open))
    } else {
        let message = "a separate sidecar container, and the admin API listens on loopback only";
        Observation::pass(subject, Reason::Value, message)
    };
    containers.iter().fold(observation, read)
}

fn wrong(containers: &[Container<'_>]) -> Facts {
    let mut facts = Facts::new();
    let has_runtime = containers
        .iter()
        .any(|container| is_runtime(container.spec));
    for container in containers {
        let name = &container.spec.name;
        // Where no container is known to run the app, any but the sidecar may.
        let is_other = has_runtime || is_m2ee_sidecar(container.spec);
        if is_runtime(container.spec) {
            for number in tcp_ports(container.spec).filter(|number| is_admin_port(*number, "TCP")) {
                facts.push((Reason::Value, format!("container {name} declares {number}")));
            }
            if admin_listener(container.spec) == AdminListener::Open {
                let message = format!("{ADMIN_LISTENER} of container {name} is not only loopback");
                facts.push((Reason::Value, message));
            }
        } else if is_other
            && !MESH_PROXIES.contains(&name.as_str())
            && tcp_ports(container.spec).any(|number| number == APP_PORT)
        {
            let message = format!("container {name} declares {APP_PORT}, the app's port");
            facts.push((Reason::Value, message));
        }
    }
    if !containers
        .iter()
        .any(|container| is_m2ee_sidecar(container.spec))
    {
        facts.push((Reason::Absent, "no m2ee-sidecar container".to_owned()));
    }
    facts
}

fn open(containers: &[Container<'_>]) -> Facts {
    let runtimes: Vec<&Container<'_>> = containers
        .iter()
        .filter(|container| is_runtime(container.spec))
        .collect();
    if runtimes.is_empty() {
        return vec![(Reason::Absent, "no runtime container".to_owned())];
    }
    runtimes
        .iter()
        .filter_map(|container| {
            let (reason, fact) = match admin_listener(container.spec) {
                AdminListener::Loopback | AdminListener::Open => return None,
                AdminListener::Absent => (Reason::Absent, "is not set"),
                AdminListener::Unreadable => (
                    Reason::Unreadable,
                    "is set from a reference that is not read",
                ),
                AdminListener::Unrecognised => (Reason::Unrecognised, "is not a list of addresses"),
            };
            let name = &container.spec.name;
            Some((
                reason,
                format!("{ADMIN_LISTENER} of container {name} {fact}"),
            ))
        })
        .collect()
}

/// What was looked at in one container.
fn read(observation: Observation, container: &Container<'_>) -> Observation {
    let Container { spec, pointer, .. } = container;
    let observation = observation
        .read(format!("{pointer}/name"), Some(&spec.name))
        .read(
            format!("{pointer}/ports"),
            (!spec.ports.is_empty()).then_some(&spec.ports),
        );
    if is_runtime(spec) {
        let listener = spec.env.0.get(ADMIN_LISTENER);
        return observation.read(format!("{pointer}/env/{ADMIN_LISTENER}"), listener);
    }
    if is_m2ee_sidecar(spec) {
        return observation.read(format!("{pointer}/image"), spec.image.as_ref());
    }
    observation
}

fn tcp_ports(container: &pod::Container) -> impl Iterator<Item = u16> {
    let ports = container.ports.iter();
    ports
        .filter(|port| port.protocol.as_deref().unwrap_or("TCP") == "TCP")
        .map(|port| port.container_port)
}

/// A value that is wrong counts more than something that is not there.
fn first(facts: &Facts) -> Reason {
    let value = facts.iter().find(|(reason, _)| *reason == Reason::Value);
    value
        .or(facts.first())
        .map_or(Reason::Absent, |(reason, _)| *reason)
}

fn words(facts: &Facts) -> String {
    let words: Vec<&str> = facts.iter().map(|(_, words)| words.as_str()).collect();
    words.join(", ")
}

#[cfg(test)]
mod tests;
