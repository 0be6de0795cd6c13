//! References to ports of Services: what Ingresses and routes name, resolved to pods.

use super::{Publication, Target, TargetPort, Via, list, protocol};
use crate::kind::Kind;
use crate::model::Model;
use crate::projection::Projection;
use crate::projection::network::{Service, ServicePort, ServiceSpec};

/// How a referrer names a port of a Service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackendPort<'p> {
    /// `port` of one of its ports.
    Number(u16),
    /// `name` of one of its ports.
    Name(&'p str),
    /// A number of the pods' ports, whatever port of the Service leads there.
    OfPods(u16),
    /// Any of its ports.
    Any,
}

/// Name and namespace of a Service that a host of the mesh stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeshHost {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl MeshHost {
    /// Reads a host as Istio does: a name without a dot is a Service of the object's own namespace (istio
    /// `pilot/pkg/model/push_context.go`, `ResolveShortnameToFQDN`); others are taken as they are.
    pub fn parse(host: &str, namespace: &str) -> Option<Self> {
        if host.is_empty() || host.starts_with('*') {
            return None;
        }
        if !host.contains('.') {
            return Some(Self {
                namespace: namespace.to_owned(),
                name: host.to_owned(),
            });
        }
        super::Alias::parse(host).map(|alias| Self {
            namespace: alias.namespace,
            name: alias.name,
        })
    }
}

/// What a reference to a port of a Service leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Backend {
    /// A Service with that port; no targets when it leads to no pod.
    Found {
        /// Index of the Service.
        service: usize,
        /// Index of the Service that it is an alias of.
        alias: Option<usize>,
        /// All pods behind it, as indexes of groups, whatever the port.
        groups: Vec<usize>,
        /// Pods and ports behind the port that was named.
        targets: Vec<Target>,
    },
    /// Services of the namespace were read, and there is no such Service or port.
    Dangling,
    /// Services of this namespace were not read.
    Unread(String),
}

impl<'s> Model<'s> {
    /// Services, with their index.
    pub fn each_service(&self) -> impl Iterator<Item = (usize, &'s Service)> {
        list(self.snapshot).map(|(index, _, service)| (index, service))
    }

    /// The Service that an `ExternalName` is an alias of; only one alias is followed.
    pub fn alias_of(&self, service: usize) -> Option<usize> {
        let alias = self.services.alias(service)?;
        let (index, spec) = self.find_service(&alias.namespace, &alias.name).ok()?;
        (Publication::of(spec) != Publication::ExternalName).then_some(index)
    }

    /// What a reference to a Service of `namespace` leads to.
    pub fn resolve_backend(&self, namespace: &str, name: &str, port: BackendPort<'_>) -> Backend {
        let (service, spec) = match self.find_service(namespace, name) {
            Ok(found) => found,
            Err(backend) => return backend,
        };
        if Publication::of(spec) == Publication::ExternalName {
            return self.resolve_alias(service, spec, port);
        }
        if matching(spec, port).next().is_none() {
            return Backend::Dangling;
        }
        Backend::Found {
            service,
            alias: None,
            groups: self.services.groups(service).to_vec(),
            targets: self.targets_of(service, spec, port),
        }
    }

    /// An `ExternalName` has no endpoints: whoever refers to it dials the port on what the name stands for.
    fn resolve_alias(&self, service: usize, spec: &ServiceSpec, port: BackendPort<'_>) -> Backend {
        let found = |alias, groups, targets| Backend::Found {
            service,
            alias,
            groups,
            targets,
        };
        let numbers = dialled(spec, port);
        if numbers.is_empty() {
            return Backend::Dangling;
        }
        let Some(alias) = self.services.alias(service) else {
            return found(None, Vec::new(), Vec::new());
        };
        match self.find_service(&alias.namespace, &alias.name) {
            // Only one alias is followed.
            Ok((_, spec)) if Publication::of(spec) == Publication::ExternalName => {
                found(None, Vec::new(), Vec::new())
            }
            Ok((index, spec)) => {
                let targets = numbers
                    .into_iter()
                    .flat_map(|number| self.dial(index, spec, number))
                    .collect();
                found(Some(index), self.services.groups(index).to_vec(), targets)
            }
            Err(backend) => backend,
        }
    }

    /// What answers on a port of a Service that is dialled by name: the target of that port. A headless Service gives
    /// the pods' own addresses, and a port that is not in its list may be added later; then the pods answer.
    fn dial(&self, service: usize, spec: &ServiceSpec, number: u16) -> Vec<Target> {
        let mut targets = self.targets_of(service, spec, BackendPort::Number(number));
        if targets.is_empty() || Publication::of(spec) == Publication::Headless {
            targets.extend(self.services.groups(service).iter().map(|group| Target {
                group: *group,
                service_port: None,
                port: number,
                protocol: protocol(None),
                via: Via::Selector,
            }));
        }
        targets
    }

    fn targets_of(&self, service: usize, spec: &ServiceSpec, port: BackendPort<'_>) -> Vec<Target> {
        let named: Vec<usize> = matching(spec, port).map(|(index, _)| index).collect();
        let targets = self.services.targets(service).iter();
        targets
            .filter(|target| match port {
                BackendPort::OfPods(number) => target.port == number,
                BackendPort::Any => true,
                BackendPort::Number(_) | BackendPort::Name(_) => target
                    .service_port
                    .is_some_and(|port| named.contains(&port)),
            })
            .cloned()
            .collect()
    }

    fn find_service(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<(usize, &'s ServiceSpec), Backend> {
        let found = self.snapshot.find(Kind::Service, namespace, name);
        match found.map(|index| (index, self.object(index).projection.as_ref())) {
            Some((index, Projection::Service(service))) => Ok((index, &service.spec)),
            _ if self.gaps.in_namespace(Kind::Service, namespace).is_some() => {
                Err(Backend::Unread(namespace.to_owned()))
            }
            _ => Err(Backend::Dangling),
        }
    }
}

fn matching<'p>(
    spec: &'p ServiceSpec,
    wanted: BackendPort<'p>,
) -> impl Iterator<Item = (usize, &'p ServicePort)> {
    let ports = spec.ports.iter().enumerate();
    ports.filter(move |(_, port)| match wanted {
        BackendPort::Number(number) => port.port == number,
        BackendPort::Name(name) => port.name.as_deref() == Some(name),
        BackendPort::OfPods(_) | BackendPort::Any => true,
    })
}

/// The numbers that a referrer may dial on an `ExternalName`: what it names, or what the alias makes of that. Some
/// ingress controllers take `targetPort` of the alias, others its `port`.
fn dialled(spec: &ServiceSpec, wanted: BackendPort<'_>) -> Vec<u16> {
    let own = match wanted {
        BackendPort::Number(number) | BackendPort::OfPods(number) => Some(number),
        BackendPort::Name(_) | BackendPort::Any => None,
    };
    let mut numbers: Vec<u16> = matching(spec, wanted)
        .flat_map(|(_, port)| match TargetPort::of(port) {
            Some(TargetPort::Number(number)) => vec![port.port, number],
            Some(TargetPort::Name(_)) | None => vec![port.port],
        })
        .chain(own)
        .collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}
