//! Load balancers of clouds, which controllers in the cluster only set up.

use std::cmp::Reverse;

use serde_json::Value;

use super::ingresses::{Context, has_secret};
use super::state::{Host, Http, Tls};
use crate::model::edge::classes::go_bool;
use crate::model::edge::hosts;
use crate::model::edge::ingresses::Path;
use crate::projection::annotations::{ACTION_PREFIX, CONDITION_PREFIX};
use crate::rules::Reason;

const GROUP: &str = "alb.ingress.kubernetes.io/group.name";
const SSL_REDIRECT: &str = "alb.ingress.kubernetes.io/ssl-redirect";

/// AWS Load Balancer Controller (`docs/guide/ingress/annotations.md`, `cert_discovery.md`).
pub(super) fn of_aws(context: &Context<'_>, host: &str) -> Host {
    let parameters = context
        .serving
        .class
        .is_some_and(|(_, class)| class.spec.parameters.is_some());
    if parameters {
        let why = "parameters of the class come before the annotations, and were not read";
        return Host::unknown(host, Reason::ControllerConfigNotRead, why);
    }
    let certificate = context.annotation("alb.ingress.kubernetes.io/certificate-arn");
    let certificate = certificate.is_some_and(|arn| !arn.is_empty());
    let (https, http) = match context.annotation("alb.ingress.kubernetes.io/listen-ports") {
        None => (certificate, !certificate),
        Some(text) => {
            let Some(listeners) = listeners(text) else {
                let why = "listen-ports is no list of listeners";
                return Host::unknown(host, Reason::ValueNotUnderstood, why);
            };
            listeners
        }
    };
    let tls = if https { Tls::Yes } else { Tls::No };
    let (http, why) = if !http {
        (Http::Closed, "there is no HTTP listener")
    } else if redirects_group(context) {
        (Http::Redirect, "ssl-redirect is set for the load balancer")
    } else if redirects_by_action(context, host) {
        (
            Http::Redirect,
            "an action before the app's paths redirects to HTTPS",
        )
    } else if https {
        (Http::Serves, "nothing redirects the HTTP listener")
    } else {
        (
            Http::Serves,
            "the listener is HTTP; spec.tls alone opens no other",
        )
    };
    Host::new(host, tls, http, why)
}

/// Whether HTTPS and HTTP are among the listeners of `[{"HTTP": 80}, {"HTTPS": 443}]`.
fn listeners(text: &str) -> Option<(bool, bool)> {
    let list: Vec<std::collections::BTreeMap<String, Value>> = serde_json::from_str(text).ok()?;
    let mut protocols = list.iter().flat_map(|listener| listener.keys());
    let known = |protocol: &String| matches!(protocol.as_str(), "HTTP" | "HTTPS");
    if list.is_empty() || !protocols.clone().all(known) {
        return None;
    }
    let https = protocols.clone().any(|protocol| protocol == "HTTPS");
    Some((https, protocols.any(|protocol| protocol == "HTTP")))
}

/// The annotation counts for the whole group of Ingresses that share a load balancer.
fn redirects_group(context: &Context<'_>) -> bool {
    let is_port = |value: &str| value.trim().parse::<u16>().is_ok();
    if context.annotation(SSL_REDIRECT).is_some_and(is_port) {
        return true;
    }
    let Some(group) = context.annotation(GROUP) else {
        return false;
    };
    context.others().any(|(object, ingress)| {
        let annotations = &object.projection.metadata().annotations;
        annotations.get(GROUP).is_some_and(|other| other == group)
            && context.same_class(object, ingress)
            && annotations
                .get(SSL_REDIRECT)
                .is_some_and(|value| is_port(value))
    })
}

/// Whether an action that redirects every request comes before all that leads to the app. Rules count in their order, and
/// paths of a rule by their type (`pkg/ingress/model_build_listener_rules.go`).
fn redirects_by_action(context: &Context<'_>, host: &str) -> bool {
    let mut ordered: Vec<&Path<'_>> = context
        .paths
        .iter()
        .filter(|path| path.host == host || path.host == hosts::ANY)
        .collect();
    // The default backend takes what no rule takes.
    ordered.sort_by_key(|path| (path.rule.unwrap_or(usize::MAX), precedence(path)));
    for path in ordered {
        if takes_all(path) && redirects(context, path) {
            return true;
        }
        if context.leads(path) {
            return false;
        }
    }
    false
}

/// Exact paths first, then prefixes, the longest first, then all others as they are listed.
fn precedence(path: &Path<'_>) -> (u8, Reverse<usize>) {
    match path.path_type {
        Some("Exact") => (0, Reverse(0)),
        Some("Prefix") => (1, Reverse(path.path.unwrap_or_default().len())),
        _ => (2, Reverse(0)),
    }
}

fn takes_all(path: &Path<'_>) -> bool {
    match (path.path_type, path.path) {
        (_, None | Some("")) => true,
        (Some("Exact"), _) => false,
        (Some("Prefix"), Some(path)) => path == "/",
        // Such a path is a pattern.
        (_, Some(path)) => matches!(path, "/*" | "*"),
    }
}

/// Whether the backend of a path is an action that redirects to HTTPS whatever the request is.
fn redirects(context: &Context<'_>, path: &Path<'_>) -> bool {
    let named = path
        .service
        .filter(|service| service.port.name.as_deref() == Some("use-annotation"));
    let Some(service) = named else {
        return false;
    };
    let conditions = format!("{CONDITION_PREFIX}{}", service.name);
    if context
        .annotation(&conditions)
        .is_some_and(|text| !text.is_empty())
    {
        return false;
    }
    let key = format!("{ACTION_PREFIX}{}", service.name);
    let action = context.annotation(&key);
    let action = action.and_then(|text| serde_json::from_str::<Value>(text).ok());
    action.is_some_and(|action| {
        action["type"] == "redirect" && action["redirectConfig"]["protocol"] == "HTTPS"
    })
}

/// Azure Application Gateway Ingress Controller (`pkg/appgw/ingress_rules.go`).
pub(super) fn of_ag(context: &Context<'_>, host: &str) -> Host {
    let certificate = context.annotation("appgw.ingress.kubernetes.io/appgw-ssl-certificate");
    let secret = context.ingress.spec.tls.iter().any(|tls| {
        let mut listed = tls.hosts.iter().map(|listed| hosts::normal(Some(listed)));
        has_secret(tls) && (tls.hosts.is_empty() || listed.any(|listed| listed == host))
    });
    if !secret && certificate.is_none_or(str::is_empty) {
        return Host::new(
            host,
            Tls::No,
            Http::Serves,
            "neither a Secret nor a certificate is named",
        );
    }
    let redirect = context.annotation("appgw.ingress.kubernetes.io/ssl-redirect");
    match redirect.map(go_bool) {
        Some(Some(true)) => Host::new(host, Tls::Yes, Http::Redirect, "ssl-redirect is on"),
        Some(None) => {
            let why = "ssl-redirect is neither true nor false";
            Host::new(host, Tls::Yes, Http::Unknown, why).because(Reason::ValueNotUnderstood)
        }
        Some(Some(false)) | None => {
            let why = "with TLS no HTTP listener is made but for a redirect";
            Host::new(host, Tls::Yes, Http::Closed, why)
        }
    }
}

/// GKE Ingress.
pub(super) fn of_gke(context: &Context<'_>, host: &str) -> Host {
    let certificates = [
        "ingress.gcp.kubernetes.io/pre-shared-cert",
        "networking.gke.io/managed-certificates",
    ];
    let named = certificates
        .into_iter()
        .filter_map(|key| context.annotation(key))
        .any(|value| !value.is_empty());
    let tls = if named || !context.ingress.spec.tls.is_empty() {
        Tls::Yes
    } else {
        Tls::No
    };
    let allowed = context.annotation("kubernetes.io/ingress.allow-http");
    if allowed.and_then(go_bool) == Some(false) {
        return Host::new(host, tls, Http::Closed, "HTTP is not allowed");
    }
    if context
        .annotation("networking.gke.io/v1beta1.FrontendConfig")
        .is_some()
    {
        let why = "whether its FrontendConfig redirects was not read";
        return Host::new(host, tls, Http::Unknown, why);
    }
    Host::new(
        host,
        tls,
        Http::Serves,
        "HTTP is allowed and nothing redirects it",
    )
}
