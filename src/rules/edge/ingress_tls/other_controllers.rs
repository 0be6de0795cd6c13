//! Istio's ingress, Kong and Cilium.

use super::ingresses::{Context, entry};
use super::state::{Host, Http, Tls};
use crate::kind::Kind;
use crate::model::edge::classes::go_bool;
use crate::model::edge::hosts;
use crate::model::ingress_controllers::Family;
use crate::model::mesh::Fact;
use crate::projection::Projection;
use crate::projection::istio::PLUGIN_CONFIG_MAPS;
use crate::rules::Reason;

/// Key of the ConfigMap of Cilium's agents.
const ENFORCE_HTTPS: &str = "enforce-ingress-https";

/// Istio makes a Gateway of every Ingress, with a server on port 80 that never redirects (istio
/// `pilot/pkg/config/kube/ingress/conversion.go`).
pub(super) fn of_istio(context: &Context<'_>, host: &str) -> Host {
    let all = hosts::ANY;
    let listed = entry(context.ingress, |listed| {
        listed == all || hosts::includes(listed, host)
    });
    let without_hosts = context
        .ingress
        .spec
        .tls
        .iter()
        .any(|tls| tls.hosts.is_empty() && super::ingresses::has_secret(tls));
    let tls = if listed == Some(true) || without_hosts {
        Tls::Yes
    } else {
        Tls::No
    };
    let redirected = context
        .model
        .snapshot
        .of_kind(Kind::IstioGateway)
        .any(|(_, object)| match object.projection.as_ref() {
            Projection::IstioGateway(gateway) => gateway.spec.servers.iter().any(|server| {
                let redirects = server
                    .tls
                    .as_ref()
                    .is_some_and(|tls| tls.https_redirect == Some(true));
                let covers = server.hosts.iter().any(|served| {
                    let served = served
                        .split_once('/')
                        .map_or(served.as_str(), |(_, host)| host);
                    hosts::intersection(&hosts::normal(Some(served)), host).is_some()
                });
                redirects && covers
            }),
            _ => false,
        });
    if redirected {
        let why = "a Gateway redirects the host, and Istio's port 80 for Ingresses does not";
        return Host::new(host, tls, Http::Unknown, why);
    }
    let why = "Istio serves every Ingress on port 80 and never redirects";
    Host::new(host, tls, Http::Serves, why)
}

pub(super) fn of_kong(context: &Context<'_>, host: &str) -> Host {
    let tls = if context.tls_entry(host).is_some() {
        Tls::Yes
    } else {
        Tls::No
    };
    match context.annotation("konghq.com/protocols") {
        None => Host::new(host, tls, Http::Serves, "Kong serves both protocols"),
        Some(list) => {
            let mut protocols = list.split(',').map(str::trim);
            if protocols.clone().any(|protocol| protocol == "http") {
                Host::new(host, tls, Http::Serves, "konghq.com/protocols names http")
            } else if protocols.all(|protocol| matches!(protocol, "https" | "grpcs")) {
                Host::new(
                    host,
                    tls,
                    Http::Closed,
                    "konghq.com/protocols names https alone",
                )
            } else {
                let why = "konghq.com/protocols is not understood";
                Host::unknown(host, Reason::ValueNotUnderstood, why)
            }
        }
    }
}

pub(super) fn of_cilium(context: &Context<'_>, host: &str) -> Host {
    let tls = if context.tls_entry(host).is_some() {
        Tls::Yes
    } else {
        Tls::No
    };
    match context
        .annotation("ingress.cilium.io/force-https")
        .map(str::trim)
    {
        Some("enabled") => Host::new(host, tls, Http::Redirect, "force-https is enabled"),
        Some("disabled") => Host::new(host, tls, Http::Serves, "force-https is disabled"),
        Some(_) => Host::unknown(
            host,
            Reason::ValueNotUnderstood,
            "force-https is neither enabled nor disabled",
        ),
        None if tls == Tls::No => {
            Host::new(host, tls, Http::Unknown, "spec.tls does not list the host")
        }
        None => of_cilium_config(context, host, tls),
    }
}

/// What the agents' ConfigMap says of all Ingresses; the chart always states it.
fn of_cilium_config(context: &Context<'_>, host: &str, tls: Tls) -> Host {
    let Some((_, value)) = cilium_setting(context) else {
        let why = "Cilium's configuration was not read";
        return Host::new(host, tls, Http::Unknown, why).because(Reason::ControllerConfigNotRead);
    };
    match go_bool(value) {
        Some(true) => Host::new(host, tls, Http::Redirect, "enforce-ingress-https is on"),
        Some(false) => Host::new(host, tls, Http::Serves, "enforce-ingress-https is off"),
        None => {
            let why = "enforce-ingress-https is neither true nor false";
            Host::new(host, tls, Http::Unknown, why).because(Reason::ValueNotUnderstood)
        }
    }
}

/// The setting for all Ingresses, and the ConfigMap that holds it; none where two say different things.
fn cilium_setting<'m>(context: &Context<'m>) -> Option<(usize, &'m str)> {
    let maps = context.model.snapshot.of_kind(Kind::ConfigMap);
    let mut settings = maps.filter_map(|(index, object)| match object.projection.as_ref() {
        Projection::ConfigMap(map) if object.name() == PLUGIN_CONFIG_MAPS[0] => {
            let value = map.data.settings.0.get(ENFORCE_HTTPS)?;
            Some((index, value.as_str()))
        }
        _ => None,
    });
    let first = settings.next()?;
    settings.all(|(_, other)| other == first.1).then_some(first)
}

/// The value behind it.
pub(super) fn cilium_facts(context: &Context<'_>) -> Option<Fact> {
    if context.serving.family != Family::Cilium {
        return None;
    }
    let (object, value) = cilium_setting(context)?;
    Some(Fact {
        object: Some(object),
        pointer: format!("/data/{ENFORCE_HTTPS}"),
        value: Some(value.into()),
    })
}
