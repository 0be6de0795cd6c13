//! Ingresses that lead to an app pod, and those of judged namespaces.

use std::rc::Rc;

use super::Apps;
use super::backends::{Reference, judge};
use crate::model::Model;
use crate::model::edge::ingresses::each;
use crate::model::services::backends::{Backend, BackendPort};
use crate::projection::network::{Ingress, IngressService};
use crate::rules::Observation;

pub(super) fn observe<'m>(
    model: &'m Model<'_>,
    apps: Rc<Apps>,
) -> impl Iterator<Item = Observation> + 'm {
    each(model.snapshot).filter_map(move |(index, object, ingress)| {
        let references: Vec<Reference> = backends(ingress)
            .map(|(pointer, service)| refer(model, object.namespace(), pointer, service))
            .collect();
        judge(model, &apps, index, &references)
    })
}

/// All backends that are Services, with their place.
fn backends(ingress: &Ingress) -> impl Iterator<Item = (String, &IngressService)> {
    let default = ingress.spec.default_backend.iter().filter_map(|backend| {
        let service = backend.service.as_ref()?;
        Some(("/spec/defaultBackend/service".to_owned(), service))
    });
    let rules = ingress.spec.rules.iter().enumerate();
    let paths = rules.flat_map(|(rule, content)| {
        let paths = content.http.iter().flat_map(|http| &http.paths);
        paths.enumerate().filter_map(move |(path, content)| {
            let service = content.backend.service.as_ref()?;
            let place = format!("/spec/rules/{rule}/http/paths/{path}/backend/service");
            Some((place, service))
        })
    });
    default.chain(paths)
}

fn refer(
    model: &Model<'_>,
    namespace: &str,
    pointer: String,
    service: &IngressService,
) -> Reference {
    let service_name = &service.name;
    let resolve = |port| model.resolve_backend(namespace, service_name, port);
    let (name, backend) = match (service.port.number, service.port.name.as_deref()) {
        (Some(number), _) => (
            format!("{service_name}:{number}"),
            resolve(BackendPort::Number(number)),
        ),
        (None, Some(name)) => (
            format!("{service_name}:{name}"),
            resolve(BackendPort::Name(name)),
        ),
        // The API requires one of the two; a file may lack both.
        (None, None) => (format!("{service_name} without a port"), Backend::Dangling),
    };
    Reference::new(pointer, serde_json::to_value(service).ok(), name, backend)
}
