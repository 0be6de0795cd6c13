//! Traefik: TLS is a matter of the router or of its entrypoints, never of `spec.tls` alone.

use std::collections::{BTreeMap, BTreeSet};

use super::ingresses::Context;
use super::state::{Host, Http, Tls};
use crate::model::edge::classes::go_bool;
use crate::projection::facts::{ArgumentFacts, UNRECOGNISED};
use crate::rules::Reason;

const ROUTER_TLS: &str = "traefik.ingress.kubernetes.io/router.tls";
/// The entrypoint of the dashboard, which routers take only by name.
const INTERNAL: &str = "traefik";

#[derive(Debug, Default)]
struct Entrypoint {
    protocol: Protocol,
    /// What `http.tls` itself says.
    switched: Option<bool>,
    tls: bool,
    redirects: bool,
    default: bool,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum Protocol {
    #[default]
    Tcp,
    Udp,
}

pub(super) fn of(context: &Context<'_>, host: &str) -> Host {
    let tls = context.annotation(ROUTER_TLS);
    match tls.map(switch) {
        Some(Some(true)) => {
            let why = "router.tls makes the router answer HTTPS only";
            return Host::new(host, Tls::Yes, Http::Closed, why);
        }
        Some(None) => {
            let why = "router.tls is neither true nor false";
            return Host::unknown(host, Reason::ValueNotUnderstood, why);
        }
        // Whatever is set below it switches it on.
        None if details(context) => {
            let why = "router.tls is set in parts, which makes the router answer HTTPS only";
            return Host::new(host, Tls::Yes, Http::Closed, why);
        }
        Some(Some(false)) | None => {}
    }
    let Some(flags) = context.serving.flags() else {
        let why = "router.tls is absent, and Traefik's flags were not read";
        return Host::unknown(host, Reason::ControllerConfigNotRead, why);
    };
    // A file counts before flags (traefik `cmd/traefik/traefik.go`).
    if context.serving.mounts_file() {
        let why = "router.tls is absent, and Traefik may take its entrypoints from a mounted file, which was not read";
        return Host::unknown(host, Reason::ControllerConfigNotRead, why);
    }
    let entrypoints = entrypoints(flags).filter(|entrypoints| !entrypoints.is_empty());
    let Some(entrypoints) = entrypoints.filter(|_| flags.value("--configfile").is_none()) else {
        let why = "router.tls is absent, and Traefik's entrypoints do not stand in its flags";
        return Host::unknown(host, Reason::ControllerConfigNotRead, why);
    };
    let stated = context.annotation("traefik.ingress.kubernetes.io/router.entrypoints");
    let used: BTreeSet<String> = match stated {
        Some(names) => names
            .split(',')
            .map(|name| name.trim().to_lowercase())
            .filter(|name| !name.is_empty())
            .collect(),
        None => defaults(&entrypoints),
    };
    if let Some(strange) = used.iter().find(|name| !entrypoints.contains_key(*name)) {
        let why = format!("entrypoint {strange} does not stand in Traefik's flags");
        return Host::unknown(host, Reason::ValueNotUnderstood, why);
    }
    let used = used.iter().filter_map(|name| entrypoints.get(name));
    of_used(host, &used.collect::<Vec<_>>())
}

/// What the entrypoints of a router make of it.
fn of_used(host: &str, used: &[&Entrypoint]) -> Host {
    let tls = if used.iter().any(|entrypoint| entrypoint.tls) {
        Tls::Yes
    } else {
        Tls::No
    };
    let plain = || used.iter().filter(|entrypoint| !entrypoint.tls);
    let http = if plain().any(|entrypoint| !entrypoint.redirects) {
        Http::Serves
    } else if plain().next().is_some() {
        Http::Redirect
    } else {
        Http::Closed
    };
    let why = match (tls, http) {
        (Tls::Yes, Http::Serves) => "one of its entrypoints has neither TLS nor a redirect",
        (Tls::Yes, _) => "its entrypoints have TLS or redirect",
        _ => "router.tls is absent and no entrypoint has TLS; spec.tls alone does not switch it on",
    };
    Host::new(host, tls, http, why)
}

/// Entrypoints that routers take which name none: those that are marked, else all.
fn defaults(entrypoints: &BTreeMap<String, Entrypoint>) -> BTreeSet<String> {
    let marked = entrypoints.values().any(|entrypoint| entrypoint.default);
    entrypoints
        .iter()
        .filter(|(name, entrypoint)| name.as_str() != INTERNAL && (!marked || entrypoint.default))
        .map(|(name, _)| name.clone())
        .collect()
}

/// Whether anything is set below `router.tls`.
fn details(context: &Context<'_>) -> bool {
    let annotations = &context.object.projection.metadata().annotations;
    annotations.keys().any(|key| {
        let rest = key.strip_prefix(ROUTER_TLS);
        rest.is_some_and(|rest| rest.starts_with('.'))
    })
}

/// What switches a part of the configuration on or off; other texts switch it off, or are refused.
fn switch(text: &str) -> Option<bool> {
    let text = text.trim();
    let on = text.eq_ignore_ascii_case("true");
    (on || text.eq_ignore_ascii_case("false")).then_some(on)
}

/// The entrypoints that flags set up for TCP; none where one of their values was not read.
fn entrypoints(flags: &ArgumentFacts) -> Option<BTreeMap<String, Entrypoint>> {
    let mut entrypoints: BTreeMap<String, Entrypoint> = BTreeMap::new();
    for (flag, value) in &flags.0 {
        let Some((name, ending)) = flag
            .strip_prefix("--entrypoints.")
            .and_then(|rest| rest.split_once('.'))
        else {
            continue;
        };
        if value == UNRECOGNISED {
            return None;
        }
        let entrypoint = entrypoints.entry(name.to_owned()).or_default();
        match ending {
            "address" if value.to_lowercase().ends_with("/udp") => {
                entrypoint.protocol = Protocol::Udp;
            }
            "asdefault" => entrypoint.default = go_bool(value) != Some(false),
            "http.tls" => entrypoint.switched = Some(switch(value)?),
            "http.tls.certresolver" | "http.tls.domains" | "http.tls.options" => {
                entrypoint.tls = true;
            }
            "http.redirections.entrypoint.to" => {
                let scheme = format!("--entrypoints.{name}.http.redirections.entrypoint.scheme");
                let scheme = flags.value(&scheme).unwrap_or("https");
                entrypoint.redirects = scheme.eq_ignore_ascii_case("https");
            }
            _ => {}
        }
    }
    for entrypoint in entrypoints.values_mut() {
        // What is switched off stays off, whatever is set below it.
        entrypoint.tls = entrypoint.switched.unwrap_or(entrypoint.tls);
    }
    // Ingresses are served over TCP alone.
    entrypoints.retain(|_, entrypoint| entrypoint.protocol == Protocol::Tcp);
    Some(entrypoints)
}
