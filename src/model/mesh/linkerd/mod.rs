//! Linkerd: what its policies demand of those who connect to a pod.
//!
//! Follows linkerd2 `policy-controller/k8s/index/src/inbound` at commit b24cd40: the Server that selects a port decides,
//! with everything that authorizes on it; where none does, the default policy of the pod counts. Mutual TLS is demanded
//! if every authorization demands it: they are alternatives.

pub mod capture;
pub mod defaults;
pub mod policies;

use std::collections::{BTreeMap, BTreeSet};

use super::super::pods::PodGroup;
use super::Fact;
use super::data_plane::LINKERD_PROXY;
use super::inbound::listening;
use crate::gaps::{Gaps, Missing};
use crate::projection::linkerd::{CNI_CONFIG_MAP, CONFIG_MAP};
use crate::snapshot::Snapshot;

use capture::{Bypass, Capture, Captured, Cni};
use defaults::{DefaultPolicy, Defaults, OfPod};
use policies::{Policies, Selecting};

/// Linkerd's policies and defaults.
#[derive(Debug)]
pub struct Linkerd<'s> {
    defaults: Defaults<'s>,
    cni: Cni<'s>,
    policies: BTreeMap<&'s str, Policies<'s>>,
}

/// Why what Linkerd does can't be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Doubt {
    /// Pods were not read, and the control plane may be among them.
    Pods(Missing),
    /// The values that Linkerd was installed with were not read.
    Values(Missing),
    /// The default policy is a word that Linkerd does not know.
    DefaultPolicy,
    /// The default policy of the proxy's environment and the one that the control plane goes by differ in strength.
    DefaultsDiffer,
    /// Nothing says which of several control planes serves the pod, and their defaults differ.
    ControlPlanes,
    /// The configuration of the CNI plugin was not read.
    CniConfig(Missing),
    /// There is no configuration of the CNI plugin.
    NoCniConfig,
    /// A list of ports has an unexpected form.
    Ports,
    /// An annotation keeps a port from the proxy, and the flags of the init container do not.
    PortsDiffer,
    /// The oldest of several Servers counts, and not all of them have a creation time.
    CreationTimes,
    /// A selector has an operator that the API does not know.
    Selector,
    /// A policy may let anybody in from networks that were not read.
    Networks(Missing),
}

/// What decides about a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Basis {
    /// The Server that selects the port; none where the default policy counts.
    pub server: Option<usize>,
    /// What of it decides.
    pub by: By,
}

/// What lets clients in, or whom it keeps out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum By {
    /// A default policy, and what states it.
    Default(DefaultPolicy, Stated),
    /// The access policy of the Server.
    AccessPolicy(DefaultPolicy),
    /// An authorization, by index.
    Authorization(usize),
    /// An authorization of a route that is attached to the Server, both by index.
    Route(usize, usize),
    /// Nothing lets anybody in.
    Nothing,
}

/// What states a default policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stated {
    /// The pod's annotation.
    Annotation,
    /// The annotation that names ports on which identity is demanded.
    IdentityPorts,
    /// The environment of the proxy.
    Environment,
    /// A flag of the control plane, or the values it was installed with; by index.
    ControlPlane(usize),
    /// Nothing: the built-in default.
    BuiltIn,
}

/// What is demanded on a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Demand {
    /// Nothing, of some clients at least.
    Open(Basis),
    /// It can't be told.
    Unknown(Doubt),
    /// The identity of a client in the mesh.
    Identity(Basis),
}

/// What comes of a connection to a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It goes past the proxy.
    Past(Bypass),
    /// The proxy decides, by policies.
    Decided(Demand),
}

/// The way into one pod.
#[derive(Debug)]
pub struct Way<'m> {
    capture: Capture,
    /// Ports of the containers beside the proxy.
    listening: Vec<u16>,
    default: OfPod,
    servers: Vec<Selecting<'m>>,
}

impl<'s> Linkerd<'s> {
    pub(super) fn new(snapshot: &'s Snapshot, gaps: &Gaps, pods: &[PodGroup<'s>]) -> Self {
        Self {
            defaults: Defaults::new(snapshot, gaps, pods),
            cni: Cni::new(snapshot, gaps, pods),
            policies: policies::by_namespace(snapshot, gaps),
        }
    }

    /// The ConfigMaps that count, by namespace and name, where control planes and agents run.
    pub fn config_maps(&self) -> impl Iterator<Item = (&'s str, &'static str)> {
        let control_planes = self.defaults.namespaces();
        let agents = self.cni.namespace.into_iter();
        control_planes
            .map(|namespace| (namespace, CONFIG_MAP))
            .chain(agents.map(|namespace| (namespace, CNI_CONFIG_MAP)))
    }

    /// The way into a pod that has Linkerd's proxy.
    pub(super) fn way<'m>(&'m self, pod: &PodGroup<'_>) -> Way<'m> {
        let servers = self
            .policies
            .get(pod.namespace)
            .map(|policies| policies.servers_of(pod));
        Way {
            capture: Capture::new(pod, &self.cni),
            listening: listening(pod, LINKERD_PROXY),
            default: self.defaults.of_pod(pod),
            servers: servers.unwrap_or_default(),
        }
    }
}

impl Way<'_> {
    /// Why all inbound traffic goes past the proxy, where the pod itself says that it does.
    pub(super) fn past_all(&self) -> Option<Bypass> {
        self.capture.past_all(&self.listening)
    }

    /// The values behind [`Way::past_all`].
    pub(super) fn redirection_facts(&self) -> impl Iterator<Item = &Fact> {
        let facts = self.capture.facts().iter();
        facts.filter(|fact| fact.object.is_none())
    }

    /// What comes of a connection to a port; without one, of connections to any port that nobody declared.
    pub(super) fn outcome(&self, port: Option<u16>) -> Outcome {
        let demand = self.demand(port);
        match (self.capture.of_port(port), demand) {
            (Captured::No(bypass), _) => Outcome::Past(bypass),
            (_, Demand::Open(_)) | (Captured::Yes, _) => Outcome::Decided(demand),
            (Captured::Unknown(doubt), _) => Outcome::Decided(Demand::Unknown(doubt)),
        }
    }

    fn demand(&self, port: Option<u16>) -> Demand {
        let Some(number) = port else {
            let servers = self.servers.iter().map(Selecting::demand);
            let default = self.default.demand(None);
            return servers.chain([default]).min().unwrap_or(default);
        };
        let (possible, doubt) = self.possible(number);
        let mut demands = possible.iter().map(|server| match server {
            Some(selecting) => selecting.demand(),
            None => self.default.demand(Some(number)),
        });
        let Some(first) = demands.next() else {
            return self.default.demand(Some(number));
        };
        let Some(doubt) = doubt else {
            return first;
        };
        demands.fold(first, |one, other| match (one, other) {
            (Demand::Open(_), Demand::Open(_)) | (Demand::Identity(_), Demand::Identity(_)) => one,
            (Demand::Unknown(doubt), _) | (_, Demand::Unknown(doubt)) => Demand::Unknown(doubt),
            _ => Demand::Unknown(doubt),
        })
    }

    /// The Servers that may decide on a port, of which the oldest does; `None` stands for the default policy.
    fn possible(&self, port: u16) -> (Vec<Option<&Selecting<'_>>>, Option<Doubt>) {
        let selecting: Vec<&Selecting<'_>> = self
            .servers
            .iter()
            .filter(|selecting| selecting.has_port(port))
            .collect();
        let dated = selecting.len() < 2 || selecting.iter().all(|one| one.server.is_dated());
        let mut possible: Vec<Option<&Selecting<'_>>> = Vec::new();
        for one in &selecting {
            possible.push(Some(*one));
            if dated && one.certain {
                let doubt = (possible.len() > 1).then_some(Doubt::Selector);
                return (possible, doubt);
            }
        }
        if !selecting.iter().any(|one| one.certain) {
            possible.push(None);
        }
        let doubt = if dated {
            Doubt::Selector
        } else {
            Doubt::CreationTimes
        };
        let doubt = (possible.len() > 1).then_some(doubt);
        (possible, doubt)
    }

    /// The values behind [`Way::outcome`].
    pub(super) fn facts(&self, port: Option<u16>) -> Vec<Fact> {
        let mut facts = self.capture.facts().to_vec();
        let mut defaults = true;
        for selecting in &self.servers {
            if port.is_none_or(|port| selecting.has_port(port)) {
                defaults &= !selecting.certain || port.is_none();
                facts.extend(selecting.facts());
            }
        }
        if defaults {
            facts.extend(self.default.facts().iter().cloned());
        }
        let mut seen = BTreeSet::new();
        facts.retain(|fact| seen.insert((fact.object, fact.pointer.clone())));
        facts
    }
}
