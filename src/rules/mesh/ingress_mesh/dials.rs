//! What a controller sends requests of a path to: addresses of pods or of the Service, on which ports, under which host.

use super::Hop;
use crate::model::edge::classes::{Known, go_bool};
use crate::model::edge::ingresses::Path;
use crate::model::ingress_controllers::Family;
use crate::model::services::Publication;
use crate::model::services::backends::Backend;
use crate::projection::Projection;
use crate::projection::network::{Service, ServicePort};

/// How a controller addresses a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dials {
    PodAddresses,
    ServiceAddress,
    /// What decides was not read.
    Unread,
}

impl Hop<'_> {
    pub(super) fn backend(&self, path: &Path<'_>) -> Option<(&Service, &ServicePort)> {
        let Backend::Found { service, alias, .. } = &path.backend else {
            return None;
        };
        let holder = alias.unwrap_or(*service);
        let Projection::Service(content) = self.model.object(holder).projection.as_ref() else {
            return None;
        };
        let named = path.service?;
        let port = content.spec.ports.iter().find(|port| {
            match (named.port.number, named.port.name.as_deref()) {
                (Some(number), _) => port.port == number,
                (None, Some(name)) => port.name.as_deref() == Some(name),
                (None, None) => false,
            }
        });
        // An alias may be dialled on a port that is not in its list.
        Some((content, port.or_else(|| content.spec.ports.first())?))
    }

    pub(super) fn dials(&self, service: &Service) -> Dials {
        let headless = Publication::of(&service.spec) == Publication::Headless
            || service
                .spec
                .cluster_ip
                .as_deref()
                .is_some_and(str::is_empty);
        let on = |value: Option<&str>| value.and_then(go_bool) == Some(true);
        let by = |on: bool| {
            if on && !headless {
                Dials::ServiceAddress
            } else {
                Dials::PodAddresses
            }
        };
        let of_service = |key: &str| service.metadata.annotations.get(key).map(String::as_str);
        match self.serving.family {
            Family::Ng => self.ng_dials(headless),
            Family::Nic => by(on(self.annotation("nginx.org/use-cluster-ip"))),
            Family::Tr => {
                let own = of_service("traefik.ingress.kubernetes.io/service.nativelb");
                match own.and_then(go_bool) {
                    Some(own) => by(own),
                    None => match self
                        .serving
                        .flag("--providers.kubernetesingress.nativelbbydefault")
                    {
                        Known::Is(value) => by(on(value.as_deref())),
                        Known::Unread => Dials::Unread,
                    },
                }
            }
            Family::Hao => by(on(
                self.annotation("haproxy-ingress.github.io/service-upstream")
            )),
            Family::Kong => by(on(of_service("ingress.kubernetes.io/service-upstream"))),
            _ => Dials::PodAddresses,
        }
    }

    /// The object's value comes before the ConfigMap's (ingress-nginx `internal/ingress/annotations/serviceupstream`).
    fn ng_dials(&self, headless: bool) -> Dials {
        if headless {
            return Dials::PodAddresses;
        }
        // Annotations of another prefix are not kept.
        match self.serving.flag("--annotations-prefix") {
            Known::Is(Some(prefix)) if prefix != "nginx.ingress.kubernetes.io" => {
                return Dials::Unread;
            }
            Known::Is(_) | Known::Unread => {}
        }
        let passthrough = self.annotation("nginx.ingress.kubernetes.io/ssl-passthrough");
        let flag = self.serving.flag("--enable-ssl-passthrough");
        if passthrough.and_then(go_bool) == Some(true) {
            match flag {
                Known::Is(Some(value)) if go_bool(&value) != Some(false) => {
                    return Dials::ServiceAddress;
                }
                Known::Is(_) => {}
                Known::Unread => return Dials::Unread,
            }
        }
        let own = self.annotation("nginx.ingress.kubernetes.io/service-upstream");
        let value = match own.and_then(go_bool) {
            Some(own) => own,
            None => match self.serving.key("service-upstream") {
                Known::Is(value) => value.as_deref().and_then(go_bool) == Some(true),
                Known::Unread => return Dials::Unread,
            },
        };
        if value {
            Dials::ServiceAddress
        } else {
            Dials::PodAddresses
        }
    }

    /// Ports that the controller may send requests of a path to: that of the Service, and those of pods.
    pub(super) fn dialled_ports(&self, path: &Path<'_>) -> Vec<u16> {
        let of_pods = path.backend.targets().iter().map(|target| target.port);
        let found = self.backend(path);
        let dials = found.map(|(service, _)| self.dials(service));
        let of_service = found.map(|(_, port)| port.port);
        match dials {
            Some(Dials::ServiceAddress) => of_service.into_iter().collect(),
            Some(Dials::PodAddresses) | None => of_pods.collect(),
            Some(Dials::Unread) => of_service.into_iter().chain(of_pods).collect(),
        }
    }

    /// Whether a host is a name of the backend: short only where controller and Service share a namespace.
    pub(super) fn names(&self, host: &str, service: &str, controller: &str) -> bool {
        let host = host.trim().to_lowercase();
        let host = host.split_once(':').map_or(host.as_str(), |(host, _)| host);
        let own = self.object.namespace();
        let in_namespace = format!("{service}.{own}");
        let full = format!("{in_namespace}.svc");
        host == service && controller == own
            || host == in_namespace
            || host == full
            || host
                .strip_prefix(full.as_str())
                .is_some_and(|domain| domain.len() > 1 && domain.starts_with('.'))
    }

    pub(super) fn annotation(&self, key: &str) -> Option<&str> {
        let annotations = &self.object.projection.metadata().annotations;
        annotations.get(key).map(String::as_str)
    }
}

/// Whether Istio takes a port for HTTP because it is declared so (istio `pkg/config/kube/conversion.go`).
pub(super) fn is_http(port: &ServicePort) -> bool {
    let declared = port.app_protocol.as_deref().filter(|text| !text.is_empty());
    let text = declared.or(port.name.as_deref()).unwrap_or_default();
    let text = text.to_lowercase();
    let text = match declared {
        Some(_) => text.as_str(),
        None => text.split('-').next().unwrap_or_default(),
    };
    matches!(
        text,
        "http" | "http2" | "grpc" | "kubernetes.io/h2c" | "kubernetes.io/ws"
    ) || declared.is_none()
        && port
            .name
            .as_deref()
            .is_some_and(|name| name.to_lowercase().starts_with("grpc-web"))
}
