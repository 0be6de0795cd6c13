//! The two controllers that are built on `HAProxy`.

use super::ingresses::{Context, Switch, has_secret};
use super::state::{Host, Http, Tls};
use crate::model::edge::classes::{Known, go_bool};
use crate::rules::Reason;

const UNREAD: &str = "the controller's configuration was not read";

/// haproxytech/kubernetes-ingress (`pkg/annotations/ingress/httpsRedirect.go`).
pub(super) fn of_ha(context: &Context<'_>, host: &str) -> Host {
    let entries = &context.ingress.spec.tls;
    let tls = match context.flag("--disable-https") {
        Switch::On => Tls::No,
        _ if entries.is_empty() => Tls::No,
        Switch::Unread => Tls::Unknown,
        Switch::Off if entries.iter().any(has_secret) => Tls::Yes,
        Switch::Off => match context.serving.key("ssl-certificate") {
            Known::Is(Some(_)) => Tls::Yes,
            Known::Is(None) => Tls::No,
            Known::Unread => Tls::Unknown,
        },
    };
    if context.flag("--disable-http") == Switch::On {
        return Host::new(host, tls, Http::Closed, "--disable-http is set");
    }
    let annotations = [
        "haproxy.org/ssl-redirect",
        "haproxy.com/ssl-redirect",
        "ingress.kubernetes.io/ssl-redirect",
    ];
    let own = annotations
        .into_iter()
        .find_map(|key| context.annotation(key));
    let value = match own {
        Some(own) => Known::Is(Some(own.to_owned())),
        None => context.serving.key("ssl-redirect"),
    };
    let (http, reason, why) = match value {
        Known::Unread => (Http::Unknown, Some(Reason::ControllerConfigNotRead), UNREAD),
        Known::Is(Some(value)) => match go_bool(&value) {
            Some(true) => (Http::Redirect, None, "ssl-redirect is on"),
            Some(false) => (Http::Serves, None, "ssl-redirect is off"),
            None => (
                Http::Unknown,
                Some(Reason::ValueNotUnderstood),
                "ssl-redirect is neither true nor false",
            ),
        },
        Known::Is(None) if entries.is_empty() => {
            (Http::Serves, None, "nothing redirects without spec.tls")
        }
        Known::Is(None) => (Http::Redirect, None, "spec.tls makes it redirect"),
    };
    let state = Host::new(host, tls, http, why);
    match reason {
        Some(reason) => state.because(reason),
        None if tls == Tls::Unknown => state.because(Reason::ControllerConfigNotRead),
        None => state,
    }
}

/// jcmoraisjr/haproxy-ingress.
pub(super) fn of_hao(context: &Context<'_>, host: &str) -> Host {
    if context.tls_entry(host).is_none() {
        return Host::new(
            host,
            Tls::No,
            Http::Serves,
            "spec.tls does not list the host",
        );
    }
    let own = [
        "haproxy-ingress.github.io/ssl-redirect",
        "ingress.kubernetes.io/ssl-redirect",
    ]
    .into_iter()
    .find_map(|key| context.annotation(key));
    let value = match own {
        Some(own) => Known::Is(Some(own.to_owned())),
        None => context.serving.key("ssl-redirect"),
    };
    match value {
        Known::Unread => Host::new(host, Tls::Yes, Http::Unknown, UNREAD)
            .because(Reason::ControllerConfigNotRead),
        Known::Is(value) => match value.as_deref().map(go_bool) {
            None | Some(Some(true)) => {
                Host::new(host, Tls::Yes, Http::Redirect, "ssl-redirect is on")
            }
            Some(Some(false)) => Host::new(host, Tls::Yes, Http::Serves, "ssl-redirect is off"),
            Some(None) => {
                let why = "ssl-redirect is neither true nor false";
                Host::new(host, Tls::Yes, Http::Unknown, why).because(Reason::ValueNotUnderstood)
            }
        },
    }
}
