//! No object leads clients to an admin port of an app pod.
//!
//! One file per kind of subject. Whatever refers to Services by name and port (Ingress, routes) only has to list its
//! references; [`backends`] judges them.

mod backends;
mod gateway_routes;
mod ingresses;
mod open_shift_routes;
mod pods;
mod readings;
mod services;
#[cfg(test)]
mod tests;
mod virtual_services;

use std::collections::BTreeSet;
use std::rc::Rc;

use crate::kind::Kind;
use crate::model::mendix::{AdminListener, admin_listener, is_admin_port, is_runtime};
use crate::model::services::Target;
use crate::model::{Model, Role};
use crate::rules::{Group, Observations, Reach, Read, Rule, Severity, Subjects};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "admin-port-exposure",
    version: 2,
    title: "Nothing leads to an admin port of an app",
    severity: Severity::High,
    group: Group::Network,
    subjects: Subjects::Kinds(&[
        Kind::Service,
        Kind::Ingress,
        Kind::GrpcRoute,
        Kind::HttpRoute,
        Kind::TcpRoute,
        Kind::TlsRoute,
        Kind::VirtualService,
        Kind::Route,
        Kind::Pod,
    ]),
    reads: &[
        Read::required(Kind::Pod, Reach::Namespace),
        // Each verdict rests on some of these, in namespaces that it names: those of its backends, and of the mesh.
        Read::refines(Kind::Service),
        Read::refines(Kind::EndpointSlice),
        Read::refines(Kind::Ingress),
        Read::refines(Kind::Sidecar),
        // Owners of pods that nothing else shows to be an app's.
        Read::refines(Kind::ReplicaSet),
        Read::refines(Kind::Deployment),
        Read::refines(Kind::StatefulSet),
        Read::refines(Kind::GrpcRoute),
        Read::refines(Kind::HttpRoute),
        Read::refines(Kind::TcpRoute),
        Read::refines(Kind::TlsRoute),
        Read::refines(Kind::ReferenceGrant),
        Read::refines(Kind::VirtualService),
        Read::refines(Kind::IstioGateway),
        Read::refines(Kind::ServiceEntry),
        Read::refines(Kind::Route),
    ],
    docs: include_str!("../../../docs/rules/admin-port-exposure.md"),
    check,
};

/// Groups of running app pods that are judged.
type Apps = BTreeSet<usize>;

fn check<'m>(model: &'m Model<'_>) -> Observations<'m> {
    let apps: Apps = model
        .judged_pods()
        .filter(|(_, pod)| pod.role == Role::App && !pod.is_finished())
        .map(|(index, _)| index)
        .collect();
    let apps = Rc::new(apps);
    let services = services::observe(model, Rc::clone(&apps));
    let ingresses = ingresses::observe(model, Rc::clone(&apps));
    let gateway_routes = gateway_routes::observe(model, &apps).into_iter();
    let virtual_services = virtual_services::observe(model, &apps).into_iter();
    let routes = open_shift_routes::observe(model, &apps).into_iter();
    let ways_in = services.chain(ingresses).chain(gateway_routes);
    let ways_in = ways_in.chain(virtual_services).chain(routes);
    Box::new(ways_in.chain(pods::observe(model)))
}

/// The targets that are admin ports of judged app pods.
fn admin_targets<'t>(targets: &'t [Target], apps: &Apps) -> Vec<&'t Target> {
    targets
        .iter()
        .filter(|target| {
            apps.contains(&target.group) && is_admin_port(target.port, &target.protocol)
        })
        .collect()
}

/// Names admin ports, and says where nothing answers on one.
fn describe(model: &Model<'_>, targets: &[&Target]) -> String {
    const RUNTIME_ADMIN_PORT: u16 = 9000;
    let numbers: BTreeSet<u16> = targets.iter().map(|target| target.port).collect();
    let numbers: Vec<String> = numbers.iter().map(ToString::to_string).collect();
    let mut runtime = targets
        .iter()
        .filter(|target| target.port == RUNTIME_ADMIN_PORT)
        .peekable();
    let silent = runtime.peek().is_some()
        && runtime.all(|target| {
            let mut runtimes = model.pods[target.group]
                .lasting_containers()
                .filter(|container| is_runtime(container.spec))
                .peekable();
            runtimes.peek().is_some()
                && runtimes
                    .all(|container| admin_listener(container.spec) == AdminListener::Loopback)
        });
    let note = if silent {
        "; its admin API listens on loopback only today"
    } else {
        ""
    };
    format!("{} of an app pod{note}", numbers.join(", "))
}
