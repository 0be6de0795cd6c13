//! Every host of an app is served with TLS, and nothing serves it without.
//!
//! Each kind of way in says of each of its hosts two things: whether a listener terminates TLS for it, and what a plain
//! request gets. [`state`] makes the verdict of them.

mod balancers;
mod direct;
mod gateway_api;
mod haproxy;
pub(super) mod ingresses;
mod nginx;
mod open_shift;
mod other_controllers;
mod state;
mod traefik;
mod virtual_services;

use std::rc::Rc;

use super::apps;
use crate::kind::Kind;
use crate::model::Model;
use crate::rules::{Group, Observations, Reach, Read, Rule, Severity, Subjects};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "ingress-tls",
    version: 1,
    title: "Every host of an app is served with TLS alone",
    severity: Severity::High,
    group: Group::Edge,
    subjects: Subjects::Kinds(&[
        Kind::Ingress,
        Kind::HttpRoute,
        Kind::VirtualService,
        Kind::Route,
        Kind::Service,
        Kind::Pod,
    ]),
    reads: &[
        Read::required(Kind::Pod, Reach::Namespace),
        // Each verdict names what it rests on: classes, controllers and gateways live anywhere.
        Read::refines(Kind::ConfigMap),
        Read::refines(Kind::Namespace),
        Read::refines(Kind::Node),
        Read::refines(Kind::Service),
        Read::refines(Kind::EndpointSlice),
        Read::refines(Kind::Gateway),
        Read::refines(Kind::HttpRoute),
        Read::refines(Kind::EnvoyFilter),
        Read::refines(Kind::IstioGateway),
        Read::refines(Kind::ServiceEntry),
        Read::refines(Kind::Sidecar),
        Read::refines(Kind::VirtualService),
        Read::refines(Kind::Ingress),
        Read::refines(Kind::IngressClass),
        Read::refines(Kind::Route),
        Read::refines(Kind::PeerAuthentication),
    ],
    docs: include_str!("../../../docs/rules/ingress-tls.md"),
    check,
};

fn check<'m>(model: &'m Model<'_>) -> Observations<'m> {
    let apps = Rc::new(apps(model));
    let ingresses = ingresses::observe(model, Rc::clone(&apps));
    let routes = gateway_api::observe(model, &apps).into_iter();
    let virtual_services = virtual_services::observe(model, &apps).into_iter();
    let open_shift = open_shift::observe(model, &apps).into_iter();
    let services = direct::services(model, Rc::clone(&apps));
    let edge = ingresses.chain(routes).chain(virtual_services);
    Box::new(
        edge.chain(open_shift)
            .chain(services)
            .chain(direct::pods(model)),
    )
}
