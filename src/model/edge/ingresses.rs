//! Ingresses: the hosts and paths that they serve, and what these lead to.

use std::collections::BTreeSet;

use super::hosts;
use crate::kind::Kind;
use crate::model::Model;
use crate::model::services::Target;
use crate::model::services::backends::{Backend, BackendPort};
use crate::projection::Projection;
use crate::projection::network::{Ingress, IngressBackend, IngressPath, IngressService};
use crate::snapshot::{Object, Snapshot};

/// All Ingresses, with their index.
pub fn each(snapshot: &Snapshot) -> impl Iterator<Item = (usize, &Object, &Ingress)> {
    let ingresses = snapshot.of_kind(Kind::Ingress);
    ingresses.filter_map(|(index, object)| match object.projection.as_ref() {
        Projection::Ingress(ingress) => Some((index, object, ingress)),
        _ => None,
    })
}

/// One path of one host.
#[derive(Debug)]
pub struct Path<'m> {
    /// The host in lower case; `*` for every host.
    pub host: String,
    /// The path; none means every path.
    pub path: Option<&'m str>,
    /// How it is compared.
    pub path_type: Option<&'m str>,
    /// The rule that it stands in, by its place; none for the default backend.
    pub rule: Option<usize>,
    /// What is named as its backend, if it is a Service.
    pub service: Option<&'m IngressService>,
    /// What that leads to.
    pub backend: Backend,
}

/// All paths of an Ingress. Its default backend serves every host.
pub fn paths<'m>(model: &Model<'_>, namespace: &str, ingress: &'m Ingress) -> Vec<Path<'m>> {
    let default = ingress.spec.default_backend.as_ref();
    let mut paths = Vec::new();
    let mut add =
        |host: String, rule, path: Option<&'m IngressPath>, backend: &'m IngressBackend| {
            let service = backend.service.as_ref();
            paths.push(Path {
                host,
                path: path.and_then(|path| path.path.as_deref()),
                path_type: path.and_then(|path| path.path_type.as_deref()),
                rule,
                service,
                backend: service.map_or(Backend::Dangling, |service| {
                    resolve(model, namespace, service)
                }),
            });
        };
    for (place, rule) in ingress.spec.rules.iter().enumerate() {
        let host = hosts::normal(rule.host.as_deref());
        match &rule.http {
            Some(http) => {
                for path in &http.paths {
                    add(host.clone(), Some(place), Some(path), &path.backend);
                }
            }
            None => {
                if let Some(default) = default {
                    add(host, None, None, default);
                }
            }
        }
    }
    if let Some(default) = default {
        add(hosts::ANY.to_owned(), None, None, default);
    }
    paths
}

fn resolve(model: &Model<'_>, namespace: &str, service: &IngressService) -> Backend {
    let resolve = |port| model.resolve_backend(namespace, &service.name, port);
    match (service.port.number, service.port.name.as_deref()) {
        (Some(number), _) => resolve(BackendPort::Number(number)),
        (None, Some(name)) => resolve(BackendPort::Name(name)),
        (None, None) => Backend::Dangling,
    }
}

impl Backend {
    /// Groups of pods behind it.
    pub fn groups(&self) -> &[usize] {
        match self {
            Self::Found { groups, .. } => groups,
            Self::Dangling | Self::Unread(_) => &[],
        }
    }

    /// Pods and ports behind it.
    pub fn targets(&self) -> &[Target] {
        match self {
            Self::Found { targets, .. } => targets,
            Self::Dangling | Self::Unread(_) => &[],
        }
    }

    /// The Services on the way.
    pub fn services(&self) -> impl Iterator<Item = usize> {
        let (service, alias) = match self {
            Self::Found { service, alias, .. } => (Some(*service), *alias),
            Self::Dangling | Self::Unread(_) => (None, None),
        };
        alias.into_iter().chain(service)
    }

    /// Kinds and namespaces that what it leads to rests on.
    pub fn rests_on(&self, model: &Model<'_>) -> BTreeSet<(Kind, String)> {
        self.services()
            .flat_map(|service| {
                let namespace = model.object(service).namespace().to_owned();
                // A template that was not read may be that of an app.
                let workloads = model.gaps.unread_workloads(&namespace);
                let kinds: Vec<Kind> = [Kind::Pod, Kind::EndpointSlice]
                    .into_iter()
                    .chain(workloads)
                    .collect();
                kinds.into_iter().map(move |kind| (kind, namespace.clone()))
            })
            .collect()
    }
}
