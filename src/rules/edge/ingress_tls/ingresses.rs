//! Ingresses: by the controller that serves them.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::super::backends::{Backends, leads};
use super::super::{Apps, annotation_pointer, is_app_port, with_facts};
use super::state::{Host, Http, Tls, conclude};
use super::{balancers, haproxy, nginx, open_shift, other_controllers, traefik};
use crate::kind::Kind;
use crate::model::Model;
use crate::model::edge::classes::{Known, Serving, Unserved, go_bool, serving};
use crate::model::edge::hosts;
use crate::model::edge::ingresses::{Path, each, paths};
use crate::model::ingress_controllers::Family;
use crate::projection::Projection;
use crate::projection::annotations::is_snippet;
use crate::projection::network::Ingress;
use crate::rules::{Observation, Reason, Subject};
use crate::snapshot::Object;

/// An Ingress that leads to apps, and what serves it.
pub(super) struct Context<'m> {
    pub(super) model: &'m Model<'m>,
    pub(super) index: usize,
    pub(super) object: &'m Object,
    pub(super) ingress: &'m Ingress,
    pub(super) serving: Serving<'m>,
    /// All paths, in their order.
    pub(super) paths: Vec<Path<'m>>,
    /// Hosts that lead to apps.
    pub(super) hosts: BTreeSet<String>,
    apps: &'m Apps,
}

/// A setting that is on or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Switch {
    On,
    Off,
    Unread,
}

impl Switch {
    pub(super) const fn of(on: bool) -> Self {
        if on { Self::On } else { Self::Off }
    }
}

impl Context<'_> {
    /// An annotation of the Ingress.
    pub(super) fn annotation(&self, key: &str) -> Option<&str> {
        let annotations = &self.object.projection.metadata().annotations;
        annotations.get(key).map(String::as_str)
    }

    /// A boolean of the object, else of the ConfigMap, else the default; what Go can't parse counts as absent.
    pub(super) fn switch(&self, annotation: &str, key: &str, default: bool) -> Switch {
        if let Some(own) = self.annotation(annotation).and_then(go_bool) {
            return Switch::of(own);
        }
        match self.serving.key(key) {
            Known::Is(value) => {
                let value = value.as_deref().and_then(go_bool);
                Switch::of(value.unwrap_or(default))
            }
            Known::Unread => Switch::Unread,
        }
    }

    /// A flag that is on where it is there, unless it is false.
    pub(super) fn flag(&self, name: &str) -> Switch {
        match self.serving.flag(name) {
            Known::Is(None) => Switch::Off,
            Known::Is(Some(value)) => Switch::of(go_bool(&value) != Some(false)),
            Known::Unread => Switch::Unread,
        }
    }

    /// The paths of a host that lead to apps.
    pub(super) fn app_paths<'c>(&'c self, host: &'c str) -> impl Iterator<Item = &'c Path<'c>> {
        self.paths
            .iter()
            .filter(move |path| path.host == host && self.leads(path))
    }

    /// Whether a path leads to an app.
    pub(super) fn leads(&self, path: &Path<'_>) -> bool {
        leads(&path.backend, self.apps)
    }

    /// Whether an entry of `tls` lists a host, with a Secret or without.
    pub(super) fn tls_entry(&self, host: &str) -> Option<bool> {
        entry(self.ingress, |listed| listed == host)
    }

    /// TLS that is passed through: the app itself would have to terminate it, and it speaks HTTP only.
    pub(super) fn passed_through(&self, host: &str, http: Http, why: &str) -> Host {
        let mut targets = self.app_paths(host).flat_map(|path| path.backend.targets());
        if targets.any(|target| is_app_port(self.model, target)) {
            Host::new(host, Tls::No, http, why).because(Reason::PassthroughWithoutTlsServer)
        } else {
            Host::new(host, Tls::Unknown, http, why)
        }
    }

    /// The other Ingresses of the cluster.
    pub(super) fn others(&self) -> impl Iterator<Item = (&Object, &Ingress)> {
        each(self.model.snapshot)
            .filter(|(index, ..)| *index != self.index)
            .map(|(_, object, ingress)| (object, ingress))
    }

    /// Whether another Ingress names the same class, in the same way.
    pub(super) fn same_class(&self, object: &Object, ingress: &Ingress) -> bool {
        let annotation = |object: &Object| {
            let annotations = &object.projection.metadata().annotations;
            annotations
                .get(crate::model::edge::classes::CLASS_ANNOTATION)
                .cloned()
        };
        ingress.spec.ingress_class_name == self.ingress.spec.ingress_class_name
            && (ingress.spec.ingress_class_name.is_some()
                || annotation(object) == annotation(self.object))
    }
}

/// Whether an entry of `tls` lists a host that fits, and whether one of these names a Secret.
pub(super) fn entry(ingress: &Ingress, fits: impl Fn(&str) -> bool) -> Option<bool> {
    ingress
        .spec
        .tls
        .iter()
        .filter(|tls| {
            let mut listed = tls.hosts.iter().map(|host| hosts::normal(Some(host)));
            listed.any(|listed| fits(&listed))
        })
        .map(has_secret)
        .max()
}

pub(super) fn has_secret(tls: &crate::projection::network::IngressTls) -> bool {
    tls.secret_name
        .as_deref()
        .is_some_and(|name| !name.is_empty())
}

pub(super) fn observe<'m>(
    model: &'m Model<'_>,
    apps: Rc<Apps>,
) -> impl Iterator<Item = Observation> + 'm {
    each(model.snapshot)
        .filter_map(move |(index, object, ingress)| judge(model, &apps, index, object, ingress))
}

/// Whether hosts of an Ingress that lead to apps are served over TLS and not without; those of which that is not known are
/// left out.
pub(in crate::rules::edge) fn encrypted_hosts(
    model: &Model<'_>,
    apps: &Apps,
    index: usize,
) -> BTreeMap<String, bool> {
    let object = model.object(index);
    let Projection::Ingress(ingress) = object.projection.as_ref() else {
        return BTreeMap::new();
    };
    let Ok(serving) = serving(model, object, ingress) else {
        return BTreeMap::new();
    };
    let paths = paths(model, object.namespace(), ingress);
    let hosts = paths.iter().filter(|path| leads(&path.backend, apps));
    let context = Context {
        model,
        index,
        object,
        ingress,
        serving,
        hosts: hosts.map(|path| path.host.clone()).collect(),
        paths,
        apps,
    };
    let states = states(&context).into_iter();
    let known = states.filter_map(|host| Some((host.is_encrypted()?, host.name)));
    known.map(|(encrypted, name)| (name, encrypted)).collect()
}

fn judge(
    model: &Model<'_>,
    apps: &Apps,
    index: usize,
    object: &Object,
    ingress: &Ingress,
) -> Option<Observation> {
    let subject = Subject::Object(index);
    let paths = paths(model, object.namespace(), ingress);
    let hosts: BTreeSet<String> = paths
        .iter()
        .filter(|path| leads(&path.backend, apps))
        .map(|path| path.host.clone())
        .collect();
    let backends = Backends::new(model, paths.iter().map(|path| &path.backend));
    if hosts.is_empty() {
        return backends.lead_nowhere(model, subject, object);
    }
    let facts = facts_of(ingress, object);
    let observation = match serving(model, object, ingress) {
        Err(unserved) => unknown_controller(subject, &unserved, &hosts),
        Ok(serving) => {
            let context = Context {
                model,
                index,
                object,
                ingress,
                serving,
                paths,
                hosts,
                apps,
            };
            let states = states(&context);
            let observation = conclude(subject, &states)?;
            let observation = with_facts(observation, context.serving.facts.iter().cloned());
            let observation = read_plan(model, observation, context.serving.planned);
            let observation = with_facts(observation, context.serving.config_facts(model));
            with_facts(observation, other_controllers::cilium_facts(&context))
        }
    };
    let observation = with_facts(observation, facts);
    let everywhere = [Kind::Ingress, Kind::IngressClass, Kind::Pod];
    let observation = everywhere
        .into_iter()
        .fold(observation, |observation, kind| observation.needs(kind, ""));
    Some(backends.bear(observation))
}

/// The entry of the plan that says what serves the class.
pub(in crate::rules) fn read_plan(
    model: &Model<'_>,
    observation: Observation,
    planned: Option<usize>,
) -> Observation {
    match planned {
        None => observation,
        Some(index) => {
            let pointer = format!("/ingressControllers/{index}");
            let value = model.plan.value_at(&pointer).cloned();
            observation.read_plan(pointer, value)
        }
    }
}

fn unknown_controller(
    subject: Subject,
    unserved: &Unserved,
    hosts: &BTreeSet<String>,
) -> Observation {
    let (reason, words) = words(unserved);
    let hosts: Vec<&str> = hosts.iter().map(String::as_str).take(20).collect();
    let message = format!("{}: {words}", hosts.join(", "));
    Observation::indeterminate(subject, reason, message)
}

/// Why it is not known what serves an Ingress.
pub(in crate::rules) fn words(unserved: &Unserved) -> (Reason, String) {
    match unserved {
        Unserved::ClassMissing(name) => (
            Reason::IngressClassMissing,
            format!("there is no IngressClass {name}, so nobody known serves it"),
        ),
        Unserved::Several(words) => (
            Reason::SeveralControllers,
            format!("several controllers may serve it: {words}"),
        ),
        Unserved::NoClass => (
            Reason::NoClass,
            "it names no class, and no controller is known to serve it".to_owned(),
        ),
        Unserved::Unknown(name) => (
            Reason::ControllerUnknown,
            format!("its controller {name} is not known"),
        ),
        Unserved::Unread(missing) => (
            (*missing).into(),
            format!("IngressClass {}", missing.in_words()),
        ),
    }
}

/// What an Ingress says of itself.
pub(in crate::rules) fn facts_of(
    ingress: &Ingress,
    object: &Object,
) -> Vec<crate::model::mesh::Fact> {
    let fact = |pointer: String, value: Option<serde_json::Value>| crate::model::mesh::Fact {
        object: None,
        pointer,
        value,
    };
    let spec = &ingress.spec;
    let class = spec.ingress_class_name.clone().map(Into::into);
    let mut facts = vec![fact("/spec/ingressClassName".to_owned(), class)];
    let tls = Some(&spec.tls).filter(|tls| !tls.is_empty());
    let tls = tls.and_then(|tls| serde_json::to_value(tls).ok());
    facts.push(fact("/spec/tls".to_owned(), tls));
    facts.extend(spec.rules.iter().enumerate().map(|(index, rule)| {
        let host = rule.host.clone().map(Into::into);
        fact(format!("/spec/rules/{index}/host"), host)
    }));
    let annotations = &object.projection.metadata().annotations;
    facts.extend(
        annotations
            .iter()
            .map(|(key, value)| fact(annotation_pointer(key), Some(value.clone().into()))),
    );
    facts
}

fn states(context: &Context<'_>) -> Vec<Host> {
    let by_host: BTreeMap<&String, Host> = context
        .hosts
        .iter()
        .map(|host| {
            let state = match context.serving.family {
                Family::Ng => nginx::of_ng(context, host),
                Family::Nic => nginx::of_nic(context, host),
                Family::Tr => traefik::of(context, host),
                Family::Ha => haproxy::of_ha(context, host),
                Family::Hao => haproxy::of_hao(context, host),
                Family::Aws => balancers::of_aws(context, host),
                Family::Ag => balancers::of_ag(context, host),
                Family::Gke => balancers::of_gke(context, host),
                Family::Ocp => open_shift::of_ingress(context, host),
                Family::Istio => other_controllers::of_istio(context, host),
                Family::Kong => other_controllers::of_kong(context, host),
                Family::Cilium => other_controllers::of_cilium(context, host),
                Family::Contour | Family::Agc => {
                    let why = format!("{} is not evaluated", context.serving.family.name());
                    Host::new(host, Tls::Unknown, Http::Unknown, why)
                }
            };
            let snippet = context.object.projection.metadata().annotations.keys();
            let state = if snippet.into_iter().any(|key| is_snippet(key)) {
                state.note("snippets in annotations were not read")
            } else {
                state
            };
            (host, state)
        })
        .collect();
    by_host.into_values().collect()
}
