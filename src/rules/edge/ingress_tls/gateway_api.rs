//! Routes for HTTP of the Gateway API: by the listeners that they are attached to.

use std::collections::BTreeMap;

use super::super::backends::Backends;
use super::super::{Apps, with_facts};
use super::state::{Host, Http, Tls, conclude, unite};
use crate::kind::Kind;
use crate::model::Model;
use crate::model::edge::gateways::{Attached, Attachment, Doubt, attachment, resolve_backends};
use crate::model::edge::hosts;
use crate::model::mesh::Fact;
use crate::model::services::backends::Backend;
use crate::projection::Projection;
use crate::projection::gateway::{
    Gateway, GatewayMatch, GatewayRoute, GatewayRule, Listener, RequestRedirect,
};
use crate::rules::{Observation, Reason, Subject};
use crate::snapshot::Object;

pub(super) fn observe(model: &Model<'_>, apps: &Apps) -> Vec<Observation> {
    // Where other routes are attached is asked once for each pair of listener and host at most.
    let others: Vec<Other<'_>> = routes(model)
        .map(|(object, route)| Other {
            object,
            route,
            attachment: attachment(model, object, route),
        })
        .collect();
    model
        .snapshot
        .of_kind(Kind::HttpRoute)
        .filter_map(|(index, object)| match object.projection.as_ref() {
            Projection::GatewayRoute(route) => {
                let edge = Edge {
                    model,
                    apps,
                    object,
                    route,
                    others: &others,
                };
                edge.judge(index)
            }
            _ => None,
        })
        .collect()
}

fn routes<'m>(
    model: &'m Model<'_>,
) -> impl Iterator<Item = (&'m Object, &'m GatewayRoute)> + use<'m> {
    model
        .snapshot
        .of_kind(Kind::HttpRoute)
        .filter_map(|(_, object)| match object.projection.as_ref() {
            Projection::GatewayRoute(route) => Some((object, route)),
            _ => None,
        })
}

/// A route, and where it is attached.
struct Other<'m> {
    object: &'m Object,
    route: &'m GatewayRoute,
    attachment: Attachment<'m>,
}

struct Edge<'e> {
    model: &'e Model<'e>,
    apps: &'e Apps,
    object: &'e Object,
    route: &'e GatewayRoute,
    others: &'e [Other<'e>],
}

impl Edge<'_> {
    fn leads(&self, rule: &GatewayRule) -> bool {
        let backends = resolve_backends(self.model, self.object, rule);
        let mut groups = backends.iter().flat_map(Backend::groups);
        groups.any(|group| self.apps.contains(group))
    }

    fn judge(&self, index: usize) -> Option<Observation> {
        let subject = Subject::Object(index);
        let spec = &self.route.spec;
        let backends: Vec<Backend> = spec
            .rules
            .iter()
            .flat_map(|rule| resolve_backends(self.model, self.object, rule))
            .collect();
        let backends = Backends::new(self.model, &backends);
        let forwarding: Vec<&GatewayRule> =
            spec.rules.iter().filter(|rule| self.leads(rule)).collect();
        if forwarding.is_empty() {
            return backends.lead_nowhere(self.model, subject, self.object);
        }
        let own = self.others.iter().find(|other| {
            std::ptr::eq(other.route, self.route) && other.object.key() == self.object.key()
        })?;
        let hosts = self.hosts(&own.attachment, &forwarding);
        let doubt = own.attachment.doubts.iter().next().copied();
        let observation = match (conclude(subject.clone(), &hosts), doubt) {
            (None, None) => not_attached(subject, &own.attachment),
            (None, Some(doubt)) => doubtful(subject, doubt),
            (Some(observation), Some(doubt))
                if observation.verdict == crate::rules::Verdict::Pass =>
            {
                doubtful(subject, doubt)
            }
            (Some(observation), _) => observation,
        };
        let observation = observation
            .read("/spec/parentRefs", some(&spec.parent_refs))
            .read("/spec/hostnames", some(&spec.hostnames));
        let observation = with_facts(observation, self.facts(&own.attachment))
            .needs(Kind::HttpRoute, "")
            .needs(Kind::Gateway, "");
        Some(backends.bear(observation))
    }

    fn facts(&self, attachment: &Attachment<'_>) -> Vec<Fact> {
        attachment
            .gateways
            .iter()
            .filter_map(
                |index| match self.model.object(*index).projection.as_ref() {
                    Projection::Gateway(gateway) => Some(Fact {
                        object: Some(*index),
                        pointer: "/spec/listeners".to_owned(),
                        value: some(&gateway.spec.listeners)
                            .and_then(|listeners| serde_json::to_value(listeners).ok()),
                    }),
                    _ => None,
                },
            )
            .collect()
    }

    fn hosts(&self, attachment: &Attachment<'_>, forwarding: &[&GatewayRule]) -> Vec<Host> {
        let mut parts: BTreeMap<String, Vec<Host>> = BTreeMap::new();
        for attached in &attachment.listeners {
            for host in &attached.hosts {
                let state = self.of_listener(attached, host, forwarding);
                parts.entry(host.clone()).or_default().push(state);
            }
        }
        let names: Vec<String> = parts.keys().cloned().collect();
        for gateway in &attachment.gateways {
            for host in &names {
                let elsewhere = self.redirects_elsewhere(*gateway, host, attachment);
                parts.entry(host.clone()).or_default().extend(elsewhere);
            }
        }
        parts.values().filter_map(|parts| unite(parts)).collect()
    }

    fn of_listener(
        &self,
        attached: &Attached<'_>,
        host: &str,
        forwarding: &[&GatewayRule],
    ) -> Host {
        let listener = attached.listener;
        let place = format!("listener {}", listener.name);
        match listener.protocol.as_str() {
            "HTTPS" => terminated(self.model, attached, host, &place),
            "HTTP" => {
                let redirected = forwarding
                    .iter()
                    .flat_map(|rule| wanted(rule))
                    .all(|wanted| self.redirected_first(attached, host, &wanted));
                if redirected {
                    let why = format!("{place}: a rule that comes first redirects to HTTPS");
                    Host::new(host, Tls::No, Http::Redirect, why)
                } else {
                    let why = format!("{place}: HTTP, and the route forwards to the app there");
                    Host::new(host, Tls::No, Http::Serves, why)
                }
            }
            _ => {
                let why = format!("{place}: its protocol is not known");
                Host::unknown(host, Reason::ValueNotUnderstood, why)
            }
        }
    }

    /// Whether a redirect to HTTPS takes all requests for a path before this route does: same host, same path, and first
    /// in the order of the Gateway API (older route, then name; in one route the earlier rule).
    fn redirected_first(&self, attached: &Attached<'_>, host: &str, path: &Wanted<'_>) -> bool {
        let own_rules = self.route.spec.rules.iter();
        let before = own_rules.take_while(|rule| !self.leads(rule));
        let in_own = before.into_iter().any(|rule| covers(rule, path));
        in_own
            || self.others.iter().any(|other| {
                let listeners = other.attachment.listeners.iter();
                let same_host = listeners
                    .filter(|place| {
                        (place.gateway, place.number) == (attached.gateway, attached.number)
                    })
                    .any(|place| place.hosts.contains(host));
                same_host
                    && self.is_older(other.object)
                    && other.route.spec.rules.iter().any(|rule| covers(rule, path))
            })
    }

    fn is_older(&self, other: &Object) -> bool {
        let order = |object: &Object| {
            (
                object.identity.creation_timestamp.clone(),
                object.namespace().to_owned(),
                object.name().to_owned(),
            )
        };
        let times = [other, self.object].map(|object| object.identity.creation_timestamp.is_some());
        times == [true, true] && order(other) < order(self.object)
    }

    /// What plain listeners of the same Gateway do with a host where this route is not attached: a redirect that stays
    /// on HTTP leads nobody to TLS.
    fn redirects_elsewhere(
        &self,
        gateway: usize,
        host: &str,
        attachment: &Attachment<'_>,
    ) -> Vec<Host> {
        let Projection::Gateway(content) = self.model.object(gateway).projection.as_ref() else {
            return Vec::new();
        };
        let mut states = Vec::new();
        for (number, listener) in content.spec.listeners.iter().enumerate() {
            let attached = attachment
                .listeners
                .iter()
                .any(|place| (place.gateway, place.number) == (gateway, number));
            if listener.protocol != "HTTP" || attached {
                continue;
            }
            states.extend(self.redirect_on(gateway, number, listener, host));
        }
        states
    }

    fn redirect_on(
        &self,
        gateway: usize,
        number: usize,
        listener: &Listener,
        host: &str,
    ) -> Option<Host> {
        let here = self.others.iter().filter_map(|other| {
            let place = other
                .attachment
                .listeners
                .iter()
                .find(|place| (place.gateway, place.number) == (gateway, number))?;
            let best = place
                .hosts
                .iter()
                .filter(|served| hosts::includes(served, host))
                .max_by_key(|served| hosts::specificity(served))?;
            Some((hosts::specificity(best), other))
        });
        let (_, winner) = here.max_by_key(|(specificity, other)| {
            let older = std::cmp::Reverse(other.object.identity.creation_timestamp.clone());
            (*specificity, older)
        })?;
        let redirect = winner.route.spec.rules.iter().find_map(redirect_of)?;
        let place = format!("listener {}", listener.name);
        Some(if is_https(redirect) {
            let why = format!("{place}: redirects to HTTPS");
            Host::new(host, Tls::No, Http::Redirect, why)
        } else {
            let why = format!("{place}: its redirect names no scheme, so it stays on HTTP");
            Host::new(host, Tls::No, Http::Serves, why).because(Reason::RedirectNotHttps)
        })
    }
}

/// Whether a listener terminates TLS, as far as its spec and its state say.
fn terminated(model: &Model<'_>, attached: &Attached<'_>, host: &str, place: &str) -> Host {
    let tls = attached.listener.tls.as_ref();
    let mode = tls
        .and_then(|tls| tls.mode.as_deref())
        .unwrap_or("Terminate");
    if mode != "Terminate" {
        let why = format!(
            "{place}: TLS mode {}",
            if mode == "Passthrough" {
                mode
            } else {
                "unknown"
            }
        );
        return Host::new(host, Tls::Unknown, Http::Closed, why);
    }
    let certified = tls.is_some_and(|tls| !tls.certificate_refs.is_empty() || tls.options);
    if !certified {
        let why = format!("{place}: HTTPS without a certificate");
        return Host::new(host, Tls::No, Http::Closed, why);
    }
    if let Projection::Gateway(gateway) = model.object(attached.gateway).projection.as_ref()
        && let Some(condition) = broken(gateway, &attached.listener.name)
    {
        let why = format!("{place}: HTTPS, and {condition} is False");
        return Host::new(host, Tls::No, Http::Closed, why);
    }
    Host::new(host, Tls::Yes, Http::Closed, format!("{place}: HTTPS"))
}

fn broken(gateway: &Gateway, listener: &str) -> Option<&'static str> {
    let statuses = gateway.status.iter().flat_map(|status| &status.listeners);
    let status = statuses
        .into_iter()
        .find(|status| status.name == listener)?;
    ["Programmed", "ResolvedRefs"].into_iter().find(|kind| {
        let mut conditions = status.conditions.iter();
        conditions.any(|condition| condition.kind == *kind && condition.status == "False")
    })
}

fn not_attached(subject: Subject, attachment: &Attachment<'_>) -> Observation {
    if attachment.names_gateway {
        let message = "no listener of its Gateways admits it";
        Observation::not_applicable(subject, Reason::NotAdmitted, message)
    } else {
        let message = "names no Gateway, so nothing outside the mesh leads to it";
        Observation::not_applicable(subject, Reason::Value, message)
    }
}

fn doubtful(subject: Subject, doubt: Doubt) -> Observation {
    let (reason, message) = match doubt {
        Doubt::Unread(missing) => (
            missing.into(),
            format!(
                "Gateway {}, so its listeners are not known",
                missing.in_words()
            ),
        ),
        Doubt::NotReconciled => (
            Reason::NotReconciled,
            "no controller has written yet whether a Gateway accepts it".to_owned(),
        ),
        Doubt::OtherParent => (
            Reason::TlsNotVisible,
            "it is attached to a parent of a kind that is not read".to_owned(),
        ),
        Doubt::NamespaceLabels(missing) => (
            missing.into(),
            format!(
                "the labels of its namespace decide whether a listener admits it: Namespace {}",
                missing.in_words()
            ),
        ),
    };
    Observation::indeterminate(subject, reason, message)
}

/// A path that requests are matched by, and whether more is asked of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Wanted<'r> {
    kind: &'r str,
    path: &'r str,
    more: bool,
}

fn wanted(rule: &GatewayRule) -> Vec<Wanted<'_>> {
    if rule.matches.is_empty() {
        return vec![Wanted {
            kind: "PathPrefix",
            path: "/",
            more: false,
        }];
    }
    rule.matches.iter().map(of_match).collect()
}

fn of_match(matched: &GatewayMatch) -> Wanted<'_> {
    let path = matched.path.as_ref();
    Wanted {
        kind: path
            .and_then(|path| path.kind.as_deref())
            .unwrap_or("PathPrefix"),
        path: path.and_then(|path| path.value.as_deref()).unwrap_or("/"),
        more: matched.method || matched.headers || matched.query_params,
    }
}

/// Whether a rule redirects all requests for a path to HTTPS.
fn covers(rule: &GatewayRule, path: &Wanted<'_>) -> bool {
    redirect_of(rule).is_some_and(is_https)
        && wanted(rule)
            .iter()
            .any(|other| !other.more && (other.kind, other.path) == (path.kind, path.path))
}

fn redirect_of(rule: &GatewayRule) -> Option<&RequestRedirect> {
    rule.filters
        .iter()
        .find_map(|filter| filter.request_redirect.as_ref())
}

fn is_https(redirect: &RequestRedirect) -> bool {
    redirect
        .scheme
        .as_deref()
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case("https"))
}

fn some<T>(list: &Vec<T>) -> Option<&Vec<T>> {
    Some(list).filter(|list| !list.is_empty())
}
