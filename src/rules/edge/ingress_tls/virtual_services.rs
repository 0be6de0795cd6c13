//! VirtualServices: by the servers of the Gateways that they are bound to.

use std::collections::{BTreeMap, BTreeSet};

use super::super::backends::Backends;
use super::super::{Apps, is_app_port, with_facts};
use super::state::{Host, Http, Tls, conclude, unite};
use crate::kind::Kind;
use crate::model::Model;
use crate::model::edge::hosts;
use crate::model::edge::virtual_services::{Bound, Routes, gateway_name, resolve_destination};
use crate::model::mesh::Fact;
use crate::model::selector::matches_labels;
use crate::model::services::backends::Backend;
use crate::model::services::entries::Entries;
use crate::projection::Projection;
use crate::projection::routing::{
    IstioGateway, Server, StringMatch, VirtualMatch, VirtualRoute, VirtualService,
};
use crate::rules::{Observation, Reason, Subject};
use crate::snapshot::Object;

pub(super) fn observe(model: &Model<'_>, apps: &Apps) -> Vec<Observation> {
    let entries = Entries::new(model);
    model
        .snapshot
        .of_kind(Kind::VirtualService)
        .filter_map(|(index, object)| match object.projection.as_ref() {
            Projection::VirtualService(service) => {
                let edge = Edge {
                    model,
                    apps,
                    object,
                    service,
                    entries: &entries,
                    bound: Bound::new(model, object.namespace(), service),
                    http: Routes::new(model, object.namespace(), service),
                };
                edge.judge(index)
            }
            _ => None,
        })
        .collect()
}

struct Edge<'e, 'm> {
    model: &'e Model<'m>,
    apps: &'e Apps,
    object: &'e Object,
    service: &'e VirtualService,
    entries: &'e Entries,
    bound: Bound<'e>,
    http: Routes<'e>,
}

impl Edge<'_, '_> {
    /// All rules, and the namespaces in which short hosts of each are names.
    fn routes(&self) -> impl Iterator<Item = (&str, &VirtualRoute)> {
        let http = self.http.all.iter();
        let http = http.map(|followed| (followed.namespace, followed.route.as_ref()));
        let spec = &self.service.spec;
        let own = spec.tls.iter().chain(&spec.tcp);
        http.chain(own.map(|route| (self.object.namespace(), route)))
    }

    fn backends(&self, namespace: &str, route: &VirtualRoute) -> Vec<Backend> {
        let destinations = route.route.iter().map(|weighted| &weighted.destination);
        destinations
            .map(|destination| {
                resolve_destination(
                    self.model,
                    self.entries,
                    namespace,
                    &self.bound,
                    destination,
                )
            })
            .collect()
    }

    fn leads(&self, namespace: &str, route: &VirtualRoute) -> bool {
        let backends = self.backends(namespace, route);
        let mut groups = backends.iter().flat_map(Backend::groups);
        groups.any(|group| self.apps.contains(group))
    }

    fn judge(&self, index: usize) -> Option<Observation> {
        let subject = Subject::Object(index);
        let spec = &self.service.spec;
        let backends: Vec<Backend> = self
            .routes()
            .flat_map(|(namespace, route)| self.backends(namespace, route))
            .collect();
        let mut all = Backends::new(self.model, &backends);
        if backends.contains(&Backend::Dangling) {
            all.also(Kind::ServiceEntry);
        }
        let bound = !self.bound.gateways.is_empty() || !self.bound.missing.is_empty();
        let leads = self
            .routes()
            .any(|(namespace, route)| self.leads(namespace, route));
        let may_lead = leads || bound && self.is_left_open();
        if !may_lead {
            return all.lead_nowhere(self.model, subject, self.object);
        }
        if !bound {
            let message = if spec.hosts.is_empty() {
                "has no host of its own: it counts where another VirtualService leaves requests to it"
            } else {
                "counts for sidecars of the mesh alone, not for a gateway"
            };
            let observation = Observation::not_applicable(subject, Reason::Value, message);
            return Some(observation.read("/spec/gateways", some(&spec.gateways)));
        }
        let (hosts, facts) = self.hosts();
        let observation = conclude(subject.clone(), &hosts).unwrap_or_else(|| {
            let message = "no server of its gateways has one of its hosts";
            Observation::indeterminate(subject.clone(), Reason::GatewayNotServed, message)
        });
        let observation = observation
            .read("/spec/hosts", some(&spec.hosts))
            .read("/spec/gateways", some(&spec.gateways))
            .read("/spec/http", some(&spec.http));
        let observation = with_facts(observation, facts)
            .needs(Kind::Pod, "")
            .needs(Kind::EnvoyFilter, "");
        let delegates = self.delegate_namespaces().into_iter();
        let observation = delegates.fold(observation, |observation, namespace| {
            observation.needs(Kind::VirtualService, namespace)
        });
        Some(all.bear(observation))
    }

    /// Whether requests are left to an object that was not found.
    fn is_left_open(&self) -> bool {
        self.routes().any(|(_, route)| route.delegate.is_some())
    }

    /// Where objects live that requests are left to.
    fn delegate_namespaces(&self) -> BTreeSet<&str> {
        let routes = self.service.spec.http.iter();
        let delegates = routes.filter_map(|route| route.delegate.as_ref());
        delegates
            .map(|delegate| {
                let place = delegate.namespace.as_deref();
                let place = place.filter(|place| !place.is_empty());
                place.unwrap_or(self.object.namespace())
            })
            .collect()
    }

    fn hosts(&self) -> (Vec<Host>, Vec<Fact>) {
        let mut parts: BTreeMap<String, Vec<Host>> = BTreeMap::new();
        let mut facts: Vec<Fact> = self.delegate_facts().collect();
        let names = || {
            self.service
                .spec
                .hosts
                .iter()
                .map(|host| hosts::normal(Some(host)))
        };
        for (namespace, name) in &self.bound.missing {
            let (reason, why) = match self.model.gaps.in_namespace(Kind::IstioGateway, namespace) {
                Some(missing) => (missing.into(), format!("Gateway {}", missing.in_words())),
                None => (
                    Reason::GatewayNotServed,
                    format!("there is no Gateway {namespace}/{name}"),
                ),
            };
            for host in names() {
                let state = Host::unknown(&host, reason, why.clone());
                parts.entry(host).or_default().push(state);
            }
        }
        for (index, gateway) in &self.bound.gateways {
            facts.push(Fact {
                object: Some(*index),
                pointer: "/spec/servers".to_owned(),
                value: some(&gateway.spec.servers)
                    .and_then(|servers| serde_json::to_value(servers).ok()),
            });
            facts.push(Fact {
                object: Some(*index),
                pointer: "/spec/selector".to_owned(),
                value: Some(&gateway.spec.selector)
                    .filter(|selector| !selector.is_empty())
                    .and_then(|selector| serde_json::to_value(selector).ok()),
            });
            for state in self.of_gateway(*index, gateway) {
                parts.entry(state.name.clone()).or_default().push(state);
            }
        }
        let hosts = parts.values().filter_map(|parts| unite(parts)).collect();
        (hosts, facts)
    }

    fn delegate_facts(&self) -> impl Iterator<Item = Fact> {
        let delegates = self.http.delegates.iter();
        delegates.filter_map(|index| {
            let object = self.model.object(*index);
            let Projection::VirtualService(content) = object.projection.as_ref() else {
                return None;
            };
            let http = some(&content.spec.http);
            Some(Fact {
                object: Some(*index),
                pointer: "/spec/http".to_owned(),
                value: http.and_then(|http| serde_json::to_value(http).ok()),
            })
        })
    }

    fn of_gateway(&self, index: usize, gateway: &IstioGateway) -> Vec<Host> {
        let object = self.model.object(index);
        let pods: Vec<_> = self
            .model
            .pods
            .iter()
            .filter(|pod| !pod.is_finished() && matches_labels(&gateway.spec.selector, *pod))
            .filter(|pod| pod.replicas != Some(0))
            .collect();
        let filtered =
            self.model
                .snapshot
                .of_kind(Kind::EnvoyFilter)
                .any(|(_, filter)| match filter.projection.as_ref() {
                    Projection::EnvoyFilter(content) => {
                        let gateway_context = content.spec.config_patches.iter().any(|patch| {
                            matches!(
                                patch.matches.context.as_deref(),
                                None | Some("ANY" | "GATEWAY")
                            )
                        });
                        let selects = pods.iter().any(|pod| {
                            let here = filter.namespace() == pod.namespace
                                || self
                                    .model
                                    .mesh
                                    .root_namespaces()
                                    .contains(&filter.namespace());
                            let selector = content.spec.workload_selector.as_ref();
                            here && selector
                                .is_none_or(|selector| matches_labels(&selector.labels, *pod))
                        });
                        gateway_context && selects
                    }
                    _ => false,
                });
        let mut states = Vec::new();
        for server in &gateway.spec.servers {
            for host in self.common_hosts(server, object.namespace()) {
                if pods.is_empty() {
                    let why = "the Gateway's selector matches no running pod";
                    states.push(Host::unknown(&host, Reason::GatewayNotServed, why));
                    continue;
                }
                if let Some(state) = self.of_server(server, &host, object) {
                    states.push(if filtered { patched(state) } else { state });
                }
            }
        }
        states
    }

    /// Hosts that a server and this object have in common; `namespace/host` admits objects of that namespace only.
    fn common_hosts(&self, server: &Server, gateway_namespace: &str) -> BTreeSet<String> {
        let own = self.object.namespace();
        let mut common = BTreeSet::new();
        for entry in &server.hosts {
            let (namespace, name) = entry.split_once('/').unwrap_or(("*", entry));
            let admitted = match namespace {
                "*" => true,
                "." => own == gateway_namespace,
                namespace => own == namespace,
            };
            if !admitted {
                continue;
            }
            let name = hosts::normal(Some(name));
            let wanted = self.service.spec.hosts.iter();
            common.extend(
                wanted.filter_map(|host| hosts::intersection(&name, &hosts::normal(Some(host)))),
            );
        }
        common
    }

    fn of_server(&self, server: &Server, host: &str, gateway: &Object) -> Option<Host> {
        let place = format!("port {}", server.port.number);
        let protocol = server.port.protocol.to_uppercase();
        let mode = server.tls.as_ref().map(|tls| {
            let mode = tls.mode.as_deref().filter(|mode| !mode.is_empty());
            mode.unwrap_or("PASSTHROUGH")
        });
        let routes = &self.service.spec;
        match protocol.as_str() {
            "HTTP" | "HTTP2" | "GRPC" | "GRPC-WEB" => {
                let redirects = server
                    .tls
                    .as_ref()
                    .is_some_and(|tls| tls.https_redirect == Some(true));
                if redirects {
                    let why = format!("{place}: httpsRedirect is on");
                    return Some(Host::new(host, Tls::No, Http::Redirect, why));
                }
                Some(self.plain(server, host, gateway, &place))
            }
            "HTTPS" | "TLS" | "TCP" => match mode {
                Some("SIMPLE" | "MUTUAL" | "OPTIONAL_MUTUAL" | "ISTIO_MUTUAL") => {
                    let why = format!("{place}: {}", mode.unwrap_or_default());
                    Some(Host::new(host, Tls::Yes, Http::Closed, why))
                }
                Some("AUTO_PASSTHROUGH") => None,
                Some("PASSTHROUGH") => {
                    let why = format!("{place}: TLS is passed through");
                    let mut targets = routes
                        .tls
                        .iter()
                        .chain(&routes.tcp)
                        .flat_map(|route| self.backends(self.object.namespace(), route))
                        .flat_map(|backend| backend.targets().to_vec());
                    Some(if targets.any(|target| is_app_port(self.model, &target)) {
                        Host::new(host, Tls::No, Http::Closed, why)
                            .because(Reason::PassthroughWithoutTlsServer)
                    } else {
                        Host::new(host, Tls::Unknown, Http::Closed, why)
                    })
                }
                None if protocol == "TCP" => {
                    let own = self.object.namespace();
                    let leads = routes.tcp.iter().any(|route| self.leads(own, route));
                    leads.then(|| {
                        let why = format!("{place}: TCP without TLS");
                        Host::new(host, Tls::No, Http::Serves, why)
                    })
                }
                Some(_) | None => {
                    let why = format!("{place}: its TLS mode is not known");
                    Some(Host::unknown(host, Reason::ValueNotUnderstood, why))
                }
            },
            _ => {
                let why = format!("{place}: its protocol is not known");
                Some(Host::unknown(host, Reason::ValueNotUnderstood, why))
            }
        }
    }

    /// What a server without TLS makes of a plain request: the first rule that fits counts.
    fn plain(&self, server: &Server, host: &str, gateway: &Object, place: &str) -> Host {
        for followed in &self.http.all {
            let route = followed.route.as_ref();
            let matches: Vec<&VirtualMatch> = route
                .matches
                .iter()
                .filter(|request| self.counts(request, server, gateway))
                .collect();
            if !route.matches.is_empty() && matches.is_empty() {
                continue;
            }
            if let Some(redirect) = &route.redirect {
                let all =
                    route.matches.is_empty() || matches.iter().any(|wanted| is_for_all(wanted));
                if !all {
                    continue;
                }
                let https = redirect
                    .scheme
                    .as_deref()
                    .is_some_and(|scheme| scheme.eq_ignore_ascii_case("https"));
                return if https {
                    let why = format!("{place}: the first rule redirects to HTTPS");
                    Host::new(host, Tls::No, Http::Redirect, why)
                } else {
                    let why = format!("{place}: the first rule redirects, and not to HTTPS");
                    Host::new(host, Tls::No, Http::Serves, why).because(Reason::RedirectNotHttps)
                };
            }
            if route.delegate.is_some() {
                let why = format!("{place}: another VirtualService goes on, which was not found");
                return Host::new(host, Tls::No, Http::Unknown, why);
            }
            if self.leads(followed.namespace, route) {
                let why = format!("{place}: plain HTTP without httpsRedirect");
                return Host::new(host, Tls::No, Http::Serves, why);
            }
        }
        let why = format!("{place}: no rule leads to an app");
        Host::new(host, Tls::No, Http::Closed, why)
    }

    /// Whether a match can fit a plain request on a server.
    fn counts(&self, wanted: &VirtualMatch, server: &Server, gateway: &Object) -> bool {
        let own = self.object.namespace();
        let names = |name: &String| {
            let (namespace, name) = gateway_name(name, own);
            namespace == gateway.namespace() && name == gateway.name()
        };
        let here = wanted.gateways.is_empty() || wanted.gateways.iter().any(names);
        let port = wanted.port.is_none_or(|port| port == server.port.number);
        let scheme = wanted.scheme.as_ref().is_none_or(|scheme| {
            scheme
                .exact
                .as_deref()
                .is_none_or(|scheme| scheme == "http")
        });
        here && port && scheme
    }
}

/// A match that every plain request on its listener fits.
fn is_for_all(wanted: &VirtualMatch) -> bool {
    let all_paths = |uri: &StringMatch| uri.prefix.as_deref() == Some("/");
    wanted.uri.as_ref().is_none_or(all_paths)
        && !wanted.method
        && !wanted.headers
        && !wanted.authority
        && !wanted.query_params
        && !wanted.source_labels
        && !wanted.without_headers
}

/// Where a filter patches the gateway's listeners, what would pass is not known any more.
fn patched(mut state: Host) -> Host {
    if state.tls == Tls::Yes {
        state.tls = Tls::Unknown;
    }
    if matches!(state.http, Http::Redirect | Http::Closed) {
        state.http = Http::Unknown;
    }
    state.note("an EnvoyFilter patches the gateway")
}

fn some<T>(list: &Vec<T>) -> Option<&Vec<T>> {
    Some(list).filter(|list| !list.is_empty())
}
