//! Ingress NGINX (kubernetes/ingress-nginx) and the NGINX Ingress Controller of F5.

use super::ingresses::{Context, Switch, entry, has_secret};
use super::state::{Host, Http, Tls};
use crate::model::edge::classes::{Known, go_bool};
use crate::model::edge::hosts;
use crate::rules::Reason;

/// Paths that stay plain unless the ConfigMap says otherwise, for ACME challenges.
const PLAIN_BY_DEFAULT: &str = "/.well-known/acme-challenge";
const PREFIX: &str = "nginx.ingress.kubernetes.io";

/// Which certificate a host gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Certificate {
    /// One that is meant for it.
    Own,
    /// One that is meant for it by a wildcard.
    Wildcard,
    /// That which the controller has for all hosts.
    Default,
    /// Whichever covers the name.
    BySan,
}

/// Ingress NGINX (`internal/ingress/controller/controller.go`, `createServers`).
pub(super) fn of_ng(context: &Context<'_>, host: &str) -> Host {
    match context.serving.flag("--annotations-prefix") {
        Known::Is(Some(prefix)) if prefix != PREFIX => {
            let why = format!("the controller reads annotations that begin with {prefix}");
            return Host::unknown(host, Reason::ValueNotUnderstood, why);
        }
        Known::Is(_) | Known::Unread => {}
    }
    let passthrough = context.annotation("nginx.ingress.kubernetes.io/ssl-passthrough");
    if passthrough.and_then(go_bool) == Some(true) {
        match context.flag("--enable-ssl-passthrough") {
            Switch::On => {
                return context.passed_through(host, Http::Unknown, "TLS is passed through");
            }
            Switch::Unread => {
                let why = "whether TLS is passed through depends on a flag that was not read";
                return Host::unknown(host, Reason::ControllerConfigNotRead, why);
            }
            Switch::Off => {}
        }
    }
    let (certificate, tls, why) = certificate(context, host);
    let (http, reason, words) = plain(context, host, certificate.is_some());
    let state = Host::new(host, tls, http, format!("{why}, {words}"));
    let state = match reason {
        Some(reason) => state.because(reason),
        None if tls == Tls::Unknown && certificate != Some(Certificate::BySan) => {
            state.because(Reason::ControllerConfigNotRead)
        }
        None => state,
    };
    let forwarded = context.serving.key("use-forwarded-headers");
    let forwarded = matches!(forwarded, Known::Is(Some(value)) if go_bool(&value) == Some(true));
    if forwarded && http == Http::Redirect {
        state.note(
            "who reaches the controller directly can skip the redirect with X-Forwarded-Proto",
        )
    } else {
        state
    }
}

fn default_certificate(context: &Context<'_>) -> Tls {
    match context.serving.flag("--default-ssl-certificate") {
        Known::Is(Some(_)) => Tls::Yes,
        Known::Is(None) => Tls::No,
        Known::Unread => Tls::Unknown,
    }
}

/// The certificate of a host's server; none where no Ingress gives it one.
fn certificate(context: &Context<'_>, host: &str) -> (Option<Certificate>, Tls, &'static str) {
    let own = own_certificate(context, host);
    let other = || {
        let others = context.others().filter(|(object, ingress)| {
            let mut rules = ingress.spec.rules.iter();
            // The cheapest question first: there may be many Ingresses without.
            !ingress.spec.tls.is_empty()
                && rules.any(|rule| hosts::normal(rule.host.as_deref()) == host)
                && context.same_class(object, ingress)
        });
        others
            .map(|(_, ingress)| entry(ingress, |listed| listed == host) == Some(true))
            .max()
    };
    match own {
        Some(Certificate::Own) => (own, Tls::Yes, "a Secret is named for the host"),
        Some(Certificate::Wildcard) => (
            own,
            Tls::Yes,
            "a Secret is named for its wildcard, and its certificate is chosen by name",
        ),
        Some(Certificate::Default) if other() == Some(true) => (
            Some(Certificate::BySan),
            Tls::Unknown,
            "two Ingresses give the host different certificates",
        ),
        Some(Certificate::BySan) if other() == Some(true) => {
            (own, Tls::Yes, "another Ingress names a Secret for the host")
        }
        Some(Certificate::BySan) => (
            own,
            Tls::Unknown,
            "no Secret is named for the host, and whether another covers it was not read",
        ),
        Some(Certificate::Default) => (
            own,
            default_certificate(context),
            "no Secret is named, so the controller's default certificate is served",
        ),
        None => match other() {
            Some(true) => (
                Some(Certificate::Own),
                Tls::Yes,
                "another Ingress names a Secret for the host",
            ),
            Some(false) => (
                Some(Certificate::BySan),
                Tls::Unknown,
                "another Ingress has TLS for the host without naming a Secret for it",
            ),
            None => (
                None,
                default_certificate(context),
                "spec.tls is absent, so the controller's default certificate is served",
            ),
        },
    }
}

fn own_certificate(context: &Context<'_>, host: &str) -> Option<Certificate> {
    let entries = &context.ingress.spec.tls;
    if entries.is_empty() {
        return None;
    }
    let wildcard = || {
        entry(context.ingress, |listed| {
            hosts::covers_one_label(listed, host)
        }) == Some(true)
    };
    // The first entry with the host counts, though it names no Secret (`extractTLSSecretName`).
    let mut listing = entries.iter().filter(|tls| {
        let mut listed = tls.hosts.iter().map(|listed| hosts::normal(Some(listed)));
        listed.any(|listed| listed == host)
    });
    Some(match listing.next().map(has_secret) {
        Some(true) => Certificate::Own,
        None if wildcard() => Certificate::Wildcard,
        None if entries.iter().any(has_secret) => Certificate::BySan,
        Some(false) | None => Certificate::Default,
    })
}

/// What a plain request gets (`rootfs/etc/nginx/lua/lua_ingress.lua`).
fn plain(
    context: &Context<'_>,
    host: &str,
    has_certificate: bool,
) -> (Http, Option<Reason>, &'static str) {
    const UNREAD: &str = "the controller's configuration was not read";
    let force = context.switch(
        "nginx.ingress.kubernetes.io/force-ssl-redirect",
        "force-ssl-redirect",
        false,
    );
    let redirect = context.switch(
        "nginx.ingress.kubernetes.io/ssl-redirect",
        "ssl-redirect",
        true,
    );
    let unread = (Http::Unknown, Some(Reason::ControllerConfigNotRead), UNREAD);
    let (http, words) = match (force, redirect, has_certificate) {
        (Switch::On, _, _) => (Http::Redirect, "force-ssl-redirect is on"),
        (_, Switch::On, true) => (Http::Redirect, "ssl-redirect is on"),
        (Switch::Off, Switch::Off, _) => (Http::Serves, "ssl-redirect is off"),
        (Switch::Off, _, false) => (Http::Serves, "nothing redirects without spec.tls"),
        (Switch::Unread, _, _) | (Switch::Off, Switch::Unread, true) => return unread,
    };
    if http != Http::Redirect {
        return (http, None, words);
    }
    match context.serving.key("no-tls-redirect-locations") {
        Known::Unread => unread,
        Known::Is(list) => {
            let list = list.unwrap_or_else(|| PLAIN_BY_DEFAULT.to_owned());
            let plain: Vec<&str> = list
                .split(',')
                .map(str::trim)
                .filter(|location| !location.is_empty())
                .collect();
            let mut paths = context.app_paths(host).map(|path| path.path.unwrap_or("/"));
            if paths.any(|path| plain.iter().any(|location| path.starts_with(location))) {
                let words = "no-tls-redirect-locations keeps its path plain";
                (Http::Serves, None, words)
            } else {
                (http, None, words)
            }
        }
    }
}

/// The NGINX Ingress Controller (`internal/configs/ingress.go`, `addSSLConfig`).
pub(super) fn of_nic(context: &Context<'_>, host: &str) -> Host {
    let tls = match context.tls_entry(host) {
        None => {
            return Host::new(
                host,
                Tls::No,
                Http::Serves,
                "spec.tls does not list the host",
            );
        }
        Some(true) => Tls::Yes,
        Some(false) => match context.serving.flag("--wildcard-tls-secret") {
            Known::Is(Some(_)) => Tls::Yes,
            Known::Is(None) => Tls::No,
            Known::Unread => Tls::Unknown,
        },
    };
    let unread = tls == Tls::Unknown;
    let annotations = [
        "nginx.org/ssl-redirect",
        "ingress.kubernetes.io/ssl-redirect",
    ];
    let stated = annotations
        .into_iter()
        .find_map(|key| context.annotation(key));
    let key = || match context.serving.key("ssl-redirect") {
        Known::Is(value) => Ok(value),
        Known::Unread => Err(Reason::ControllerConfigNotRead),
    };
    let value = stated.map_or_else(key, |value| Ok(Some(value.to_owned())));
    let redirect = value.and_then(|value| match value.as_deref().map(go_bool) {
        None => Ok(true),
        Some(Some(value)) => Ok(value),
        Some(None) => Err(Reason::ValueNotUnderstood),
    });
    match redirect {
        Err(reason) => {
            Host::new(host, tls, Http::Unknown, "ssl-redirect is not known").because(reason)
        }
        Ok(true) => {
            let state = Host::new(host, tls, Http::Redirect, "ssl-redirect is on");
            if unread {
                state.because(Reason::ControllerConfigNotRead)
            } else {
                state
            }
        }
        Ok(false) => Host::new(host, tls, Http::Serves, "ssl-redirect is off"),
    }
}
