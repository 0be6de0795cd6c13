//! Routes of OpenShift (openshift/api `route/v1/types.go`), and the Ingresses that they are made from.

use super::super::backends::Backends;
use super::super::{Apps, is_app_port};
use super::ingresses::Context;
use super::state::{Host, Http, Tls, conclude, unite};
use crate::kind::Kind;
use crate::model::Model;
use crate::model::edge::hosts;
use crate::model::edge::open_shift::{resolve, targets};
use crate::model::services::backends::Backend;
use crate::projection::Projection;
use crate::projection::routing::Route;
use crate::rules::{Observation, Reason, Subject};
use crate::snapshot::Object;

pub(super) fn observe(model: &Model<'_>, apps: &Apps) -> Vec<Observation> {
    model
        .snapshot
        .of_kind(Kind::Route)
        .filter_map(|(index, object)| match object.projection.as_ref() {
            Projection::Route(route) => judge(model, apps, index, object, route),
            _ => None,
        })
        .collect()
}

fn backends(model: &Model<'_>, namespace: &str, route: &Route) -> Vec<Backend> {
    targets(route)
        .map(|(_, target)| resolve(model, namespace, route, target).1)
        .collect()
}

fn judge(
    model: &Model<'_>,
    apps: &Apps,
    index: usize,
    object: &Object,
    route: &Route,
) -> Option<Observation> {
    let subject = Subject::Object(index);
    let backends = backends(model, object.namespace(), route);
    let all = Backends::new(model, &backends);
    let mut groups = backends.iter().flat_map(Backend::groups);
    if !groups.any(|group| apps.contains(group)) {
        return all.lead_nowhere(model, subject, object);
    }
    if refused(route) {
        let message = "no router has admitted it";
        let observation = Observation::not_applicable(subject, Reason::NotAdmitted, message);
        return Some(observation.read("/status", route.status.as_ref()));
    }
    let host = of_route(model, route, &backends);
    let observation = conclude(subject, &[host])?
        .read("/spec/host", route.spec.host.as_ref())
        .read("/spec/tls", route.spec.tls.as_ref());
    Some(all.bear(observation))
}

/// Whether every router that looked at it has refused it.
fn refused(route: &Route) -> bool {
    let ingress = route.status.iter().flat_map(|status| &status.ingress);
    let mut admitted = ingress
        .map(|ingress| {
            let mut conditions = ingress.conditions.iter();
            conditions.find(|condition| condition.kind == "Admitted")
        })
        .peekable();
    admitted.peek().is_some()
        && admitted.all(|condition| condition.is_some_and(|condition| condition.status == "False"))
}

#[expect(
    clippy::too_many_lines,
    reason = "one arm for each case, to be read as a table"
)]
fn of_route(model: &Model<'_>, route: &Route, backends: &[Backend]) -> Host {
    let name = hosts::normal(route.spec.host.as_deref());
    let Some(tls) = &route.spec.tls else {
        return Host::new(&name, Tls::No, Http::Serves, "spec.tls is absent").firm();
    };
    let insecure = tls
        .insecure_edge_termination_policy
        .as_deref()
        .filter(|policy| !policy.is_empty());
    match tls.termination.as_deref().unwrap_or_default() {
        "edge" | "reencrypt" => match insecure {
            Some("Redirect") => Host::new(
                &name,
                Tls::Yes,
                Http::Redirect,
                "insecureEdgeTerminationPolicy is Redirect",
            ),
            Some("None") => Host::new(
                &name,
                Tls::Yes,
                Http::Closed,
                "insecureEdgeTerminationPolicy is None",
            ),
            None => Host::new(
                &name,
                Tls::Yes,
                Http::Closed,
                "insecureEdgeTerminationPolicy is absent, which opens no plain port (policy-empty)",
            ),
            Some("Allow") => Host::new(
                &name,
                Tls::Yes,
                Http::Serves,
                "insecureEdgeTerminationPolicy is Allow",
            )
            .firm(),
            Some(_) => Host::new(
                &name,
                Tls::Yes,
                Http::Unknown,
                "insecureEdgeTerminationPolicy has a value that the API does not know",
            ),
        },
        "passthrough" => {
            let http = match insecure {
                Some("Redirect") => Http::Redirect,
                _ => Http::Closed,
            };
            let why = "TLS is passed through";
            let mut targets = backends.iter().flat_map(Backend::targets);
            if targets.any(|target| is_app_port(model, target)) {
                Host::new(
                    &name,
                    Tls::No,
                    http,
                    "TLS is passed through to a port that speaks HTTP",
                )
                .because(Reason::PassthroughWithoutTlsServer)
                .firm()
            } else {
                Host::new(&name, Tls::Unknown, http, why)
            }
        }
        _ => Host::unknown(
            &name,
            Reason::ValueNotUnderstood,
            "spec.tls.termination has a value that the API does not know",
        ),
    }
}

/// An Ingress is served by the Routes that are made from it.
pub(super) fn of_ingress(context: &Context<'_>, host: &str) -> Host {
    let namespace = context.object.namespace();
    let snapshot = context.model.snapshot;
    let parts: Vec<Host> = snapshot
        .of_namespace(Kind::Route, namespace)
        .filter_map(|(_, object)| match object.projection.as_ref() {
            Projection::Route(route) => {
                let made =
                    route.metadata.owner_references.iter().any(|owner| {
                        owner.kind == "Ingress" && owner.name == context.object.name()
                    });
                let same = hosts::normal(route.spec.host.as_deref()) == host;
                let backends = backends(context.model, namespace, route);
                (made && same && !refused(route)).then(|| of_route(context.model, route, &backends))
            }
            _ => None,
        })
        .collect();
    unite(&parts).unwrap_or_else(|| {
        Host::new(
            host,
            Tls::Unknown,
            Http::Unknown,
            "no Route was found that is made from it",
        )
    })
}
