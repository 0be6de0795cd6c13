//! Services that lead to an app pod, wherever they live.

use std::rc::Rc;

use super::readings::{read_service, read_targets};
use super::{Apps, admin_targets, describe};
use crate::kind::Kind;
use crate::model::Model;
use crate::model::mendix::is_admin_port;
use crate::model::services::backends::{Backend, BackendPort};
use crate::model::services::{Publication, Target};
use crate::projection::Projection;
use crate::projection::network::Service;
use crate::rules::{Observation, Reason, Severity, Subject};

/// Port on which the sidecar serves metrics.
const METRICS_PORT: u16 = 8900;

pub(super) fn observe<'m>(
    model: &'m Model<'_>,
    apps: Rc<Apps>,
) -> impl Iterator<Item = Observation> + 'm {
    let services = model.each_service();
    services.filter_map(move |(index, service)| judge(model, &apps, index, service))
}

fn judge(model: &Model<'_>, apps: &Apps, index: usize, service: &Service) -> Option<Observation> {
    // An alias has no pods of its own.
    let alias = model.alias_of(index);
    let reached = alias.unwrap_or(index);
    let targets = match alias {
        Some(_) => dialled(model, index, service),
        None => model.services.targets(index).to_vec(),
    };
    let mut groups = model.services.groups(reached).iter();
    if !groups.any(|group| apps.contains(group)) {
        return by_address_alone(model, index, service)
            .or_else(|| by_owner_alone(model, index, service, &targets));
    }
    let admin = admin_targets(&targets, apps);
    let observation = if admin.is_empty() {
        let namespace = model.object(reached).namespace();
        let message = "leads to no admin port of an app pod";
        Observation::pass(Subject::Object(index), Reason::Value, message)
            .needs(Kind::Pod, namespace)
            .needs(Kind::EndpointSlice, namespace)
            .needs_each(unread_owners(model, &targets))
    } else {
        fail(model, index, Publication::of(&service.spec), &admin)
    };
    let mut observation = read_service(observation, None, &service.spec);
    if let (Some(alias), Projection::Service(other)) =
        (alias, model.object(reached).projection.as_ref())
    {
        observation = read_service(observation, Some(alias), &other.spec);
    }
    Some(read_targets(observation, model, reached, &targets, apps))
}

fn fail(
    model: &Model<'_>,
    index: usize,
    publication: Publication,
    admin: &[&Target],
) -> Observation {
    let subject = Subject::Object(index);
    let what = describe(model, admin);
    let external = match publication {
        Publication::NodePort => Some("type NodePort"),
        Publication::LoadBalancer => Some("type LoadBalancer"),
        Publication::ExternalIps => Some("an external address"),
        Publication::ClusterIp | Publication::Headless | Publication::ExternalName => None,
    };
    let observation = if let Some(how) = external {
        let message = format!("{how} leads to {what} from outside the cluster");
        Observation::fail(subject, Reason::AdminPortExternal, message)
    } else if admin.iter().all(|target| target.port == METRICS_PORT) {
        let message = format!("leads to {what}, inside the cluster");
        Observation::fail(subject, Reason::MetricsService, message).severity(Severity::Medium)
    } else {
        Observation::fail(subject, Reason::Value, format!("leads to {what}"))
    };
    observation.conclusive()
}

/// A Service without a selector leads wherever slices say; without slices that may be an app pod.
fn by_address_alone(model: &Model<'_>, index: usize, service: &Service) -> Option<Observation> {
    let namespace = model.object(index).namespace();
    let unread = model
        .gaps
        .in_namespace(Kind::EndpointSlice, namespace)
        .is_some();
    let by_address = service.spec.selector.is_empty()
        && Publication::of(&service.spec) != Publication::ExternalName;
    (unread && by_address).then(|| {
        // A pass that rests on the unread kind: the assessor takes it away, and says why.
        let message = "no endpoint is known to be an app pod";
        let observation = Observation::pass(Subject::Object(index), Reason::NoAppBackend, message)
            .needs(Kind::EndpointSlice, namespace);
        read_service(observation, None, &service.spec)
    })
}

/// Owners that were not read of pods behind admin ports, which nothing else shows to be an app's.
fn unread_owners<'m>(
    model: &'m Model<'_>,
    targets: &'m [Target],
) -> impl Iterator<Item = (Kind, &'m str)> {
    let admin = targets
        .iter()
        .filter(|target| is_admin_port(target.port, &target.protocol));
    admin
        .map(|target| &model.pods[target.group])
        .filter(|pod| model.scope.judges(pod) && !pod.is_finished())
        .filter_map(|pod| model.unread_owner(pod))
}

/// A Service that leads to admin ports of pods which only their owners could show to be an app's.
fn by_owner_alone(
    model: &Model<'_>,
    index: usize,
    service: &Service,
    targets: &[Target],
) -> Option<Observation> {
    let mut owners = unread_owners(model, targets).peekable();
    owners.peek()?;
    let message = "no pod behind it is known to be of an app";
    let observation = Observation::pass(Subject::Object(index), Reason::NoAppBackend, message);
    Some(read_service(
        observation.needs_each(owners),
        None,
        &service.spec,
    ))
}

/// What the ports of an `ExternalName` lead to on the Service that it stands for.
fn dialled(model: &Model<'_>, index: usize, service: &Service) -> Vec<Target> {
    let object = model.object(index);
    let mut targets: Vec<Target> = service
        .spec
        .ports
        .iter()
        .flat_map(|port| {
            let port = BackendPort::Number(port.port);
            match model.resolve_backend(object.namespace(), object.name(), port) {
                Backend::Found { targets, .. } => targets,
                Backend::Dangling | Backend::Unread(_) => Vec::new(),
            }
        })
        .collect();
    targets.sort_unstable();
    targets.dedup();
    targets
}
