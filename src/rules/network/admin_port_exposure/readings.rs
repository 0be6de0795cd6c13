//! The values that a verdict on a Service or a reference to one rests on.

use std::collections::BTreeSet;

use serde::Serialize;

use super::Apps;
use crate::model::selector::Labels as _;
use crate::model::services::{Publication, Target, TargetPort, Via, named_port};
use crate::model::{Model, PodGroup};
use crate::projection::Projection;
use crate::projection::network::{Service, ServiceSpec};
use crate::projection::routing::ServiceEntrySpec;
use crate::rules::Observation;

/// What a Service says of itself. `object` is `None` when it is the subject.
pub(super) fn read_service(
    observation: Observation,
    object: Option<usize>,
    spec: &ServiceSpec,
) -> Observation {
    let observation = read(observation, object, "/spec/type", spec.kind.as_ref());
    let observation = match Publication::of(spec) {
        Publication::ExternalName => {
            let name = spec.external_name.as_ref();
            return read(observation, object, "/spec/externalName", name);
        }
        Publication::Headless => read(
            observation,
            object,
            "/spec/clusterIP",
            spec.cluster_ip.as_ref(),
        ),
        Publication::ExternalIps => read(
            observation,
            object,
            "/spec/externalIPs",
            Some(&spec.external_ips),
        ),
        Publication::ClusterIp | Publication::NodePort | Publication::LoadBalancer => observation,
    };
    let selector = (!spec.selector.is_empty()).then_some(&spec.selector);
    let ports = (!spec.ports.is_empty()).then_some(&spec.ports);
    let observation = read(observation, object, "/spec/selector", selector);
    read(observation, object, "/spec/ports", ports)
}

/// What a service entry of the mesh says of itself.
pub(super) fn read_entry(
    observation: Observation,
    object: usize,
    spec: &ServiceEntrySpec,
) -> Observation {
    let endpoints = (!spec.endpoints.is_empty()).then_some(&spec.endpoints);
    let ports = (!spec.ports.is_empty()).then_some(&spec.ports);
    let selector = spec.workload_selector.as_ref();
    observation
        .read_of(object, "/spec/ports", ports)
        .read_of(object, "/spec/endpoints", endpoints)
        .read_of(object, "/spec/workloadSelector", selector)
}

/// What makes app pods targets: the labels that are selected on, a container port that has the name asked for, or a
/// slice with their address. All members of a group are equal in this; the first stands for them.
pub(super) fn read_targets(
    mut observation: Observation,
    model: &Model<'_>,
    service: usize,
    targets: &[Target],
    apps: &Apps,
) -> Observation {
    let Projection::Service(Service { spec, .. }) = model.object(service).projection.as_ref()
    else {
        return observation;
    };
    let mut selected = BTreeSet::new();
    for target in targets.iter().filter(|target| apps.contains(&target.group)) {
        observation = match target.via {
            Via::Slice(slice, endpoint, port) => {
                read_slice(observation, model, (slice, endpoint, port))
            }
            Via::Selector => {
                let pod = &model.pods[target.group];
                if selected.insert(target.group) {
                    observation = read_labels(observation, pod, spec.selector.keys());
                }
                read_port(observation, pod, spec, target)
            }
        };
    }
    observation
}

fn read_slice(
    observation: Observation,
    model: &Model<'_>,
    (slice, endpoint, port): (usize, usize, usize),
) -> Observation {
    let Projection::EndpointSlice(content) = model.object(slice).projection.as_ref() else {
        return observation;
    };
    let addresses = content
        .endpoints
        .get(endpoint)
        .map(|endpoint| &endpoint.addresses);
    observation
        .read_of(slice, format!("/endpoints/{endpoint}/addresses"), addresses)
        .read_of(slice, format!("/ports/{port}"), content.ports.get(port))
}

fn read_labels<'k>(
    observation: Observation,
    pod: &PodGroup<'_>,
    keys: impl Iterator<Item = &'k String>,
) -> Observation {
    let place = pod.template.unwrap_or_default();
    keys.fold(observation, |observation, key| {
        let pointer = format!("{place}/metadata/labels/{}", key.replace('/', "~1"));
        observation.read_of(pod.members[0], pointer, pod.label(key))
    })
}

fn read_port(
    observation: Observation,
    pod: &PodGroup<'_>,
    spec: &ServiceSpec,
    target: &Target,
) -> Observation {
    let port = target.service_port.and_then(|port| spec.ports.get(port));
    let Some(TargetPort::Name(name)) = port.and_then(TargetPort::of) else {
        return observation;
    };
    match named_port(pod, name, &target.protocol) {
        Some((pointer, port)) => {
            let place = pod.template.unwrap_or_default();
            observation.read_of(pod.members[0], format!("{place}{pointer}"), Some(port))
        }
        None => observation,
    }
}

fn read(
    observation: Observation,
    object: Option<usize>,
    pointer: &str,
    value: Option<impl Serialize>,
) -> Observation {
    match object {
        None => observation.read(pointer, value),
        Some(index) => observation.read_of(index, pointer, value),
    }
}
