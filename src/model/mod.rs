//! The model: a snapshot turned into total types and indexes, once, so that rules never walk raw objects.
//!
//! ```text
//! Snapshot ─▶ namespaces (labels, tier) ─┐          (the plan has a say in tiers, scope and groups)
//!          ─▶ owners ─▶ pods (groups of equal pods, and templates without pods) ─▶ roles ─▶ apps, operators
//!          ─▶ rbac ──────────────────────────────────────────────────────────────────────▶ who manages what
//!          ─▶ mesh (control planes, policies, data plane of each pod)
//!          ─▶ enforcement (which nodes enforce network policies) ─▶ reach (which pods can reach which)
//!          ─▶ services (what leads to which pod on which port)
//! ```

pub mod apps;
mod booleans;
pub mod capabilities;
pub mod databases;
pub mod edge;
pub mod enforcement;
mod grouping;
pub mod host_paths;
pub mod ingress_controllers;
pub mod limits;
pub mod mendix;
pub mod mesh;
pub mod namespaces;
mod networks;
pub mod operators;
pub mod owners;
mod planned;
pub mod pods;
pub mod port;
pub mod quantity;
pub mod rbac;
pub mod reach;
pub mod scope;
pub mod security;
pub mod selector;
pub mod services;
pub mod sidecars;
pub mod storage;
pub mod tenants;
pub mod tokens;
pub mod user_namespaces;
pub mod volumes;

use std::sync::OnceLock;

use crate::gaps::Gaps;
use crate::kind::Kind;
use crate::plan::Plan;
use crate::projection::Projection;
use crate::projection::cluster::Node;
use crate::snapshot::{Object, Snapshot};

pub use apps::App;
pub use namespaces::{Namespaces, Tier, TierSource};
pub use operators::Operator;
pub use pods::{Container, ContainerClass, PodGroup, Role};
pub use port::Port;
pub use scope::{Scope, ScopeRequest};

/// Everything rules may ask.
#[derive(Debug)]
pub struct Model<'s> {
    /// The objects themselves.
    pub snapshot: &'s Snapshot,
    /// What people say of the system; empty without a plan.
    pub plan: &'s Plan,
    /// What is missing.
    pub gaps: Gaps,
    /// Which namespaces are judged.
    pub scope: Scope,
    /// Labels and tiers.
    pub namespaces: Namespaces<'s>,
    /// Groups of equal pods, in scope or not, sorted by namespace and workload.
    pub pods: Vec<PodGroup<'s>>,
    /// Apps, from MendixApp objects and from pods, sorted by namespace and name.
    pub apps: Vec<App<'s>>,
    /// Running operators.
    pub operators: Vec<Operator>,
    writers: rbac::Writers<'s>,
    /// The mesh.
    pub mesh: mesh::Mesh<'s>,
    /// What leads to which pod on which port.
    pub services: services::Services,
    /// Which nodes enforce network policies.
    pub plugins: enforcement::NetworkPlugins,
    reach: OnceLock<reach::Reach>,
    /// What the claims of pods lead to.
    pub volumes: volumes::Volumes<'s>,
}

impl<'s> Model<'s> {
    /// Builds all indexes, without a plan.
    pub fn new(snapshot: &'s Snapshot, request: &ScopeRequest) -> Self {
        Self::with_plan(snapshot, request, Plan::none())
    }

    /// Builds all indexes.
    pub fn with_plan(snapshot: &'s Snapshot, request: &ScopeRequest, plan: &'s Plan) -> Self {
        let gaps = Gaps::new(snapshot);
        let namespaces = Namespaces::new(snapshot, &gaps, plan);
        let owners = owners::Owners::new(snapshot);
        let plugins = enforcement::NetworkPlugins::new(snapshot, &gaps);
        let pods = grouping::groups(snapshot, &gaps, &owners, &plugins, plan);
        let apps = apps::find(snapshot, &namespaces, &pods, plan);
        let operators = operators::find(&pods);
        let scope = Scope::new(request, snapshot, &gaps, &pods, plan);
        let mesh = mesh::Mesh::new(snapshot, &gaps, &namespaces, &pods);
        let services = services::Services::new(snapshot, &pods);
        Self {
            snapshot,
            plan,
            gaps,
            scope,
            namespaces,
            pods,
            apps,
            operators,
            writers: rbac::Writers::new(snapshot),
            mesh,
            services,
            plugins,
            reach: OnceLock::new(),
            volumes: volumes::Volumes::new(snapshot),
        }
    }

    /// Which pods can reach which; worked out when a rule first asks.
    pub fn reach(&self) -> &reach::Reach {
        self.reach.get_or_init(|| reach::Reach::new(self))
    }

    /// An object by index.
    pub fn object(&self, index: usize) -> &'s Object {
        &self.snapshot.objects[index]
    }

    /// Groups whose pods are judged, with their index: those in scope that the selector does not filter out.
    pub fn judged_pods(&self) -> impl Iterator<Item = (usize, &PodGroup<'s>)> {
        self.pods
            .iter()
            .enumerate()
            .filter(|(_, pod)| self.scope.judges(pod))
    }

    /// The groups of a namespace, in scope or not, with their index.
    pub fn pods_in(&self, namespace: &str) -> impl Iterator<Item = (usize, &PodGroup<'s>)> {
        let start = self.pods.partition_point(|pod| pod.namespace < namespace);
        let end = self.pods.partition_point(|pod| pod.namespace <= namespace);
        (start..end).zip(&self.pods[start..end])
    }

    /// The apps of a namespace.
    pub fn apps_in(&self, namespace: &str) -> impl Iterator<Item = &App<'s>> {
        let start = self.apps.partition_point(|app| app.namespace < namespace);
        let end = self.apps.partition_point(|app| app.namespace <= namespace);
        self.apps[start..end].iter()
    }

    /// Nodes, with their index.
    pub fn nodes(&self) -> impl Iterator<Item = (usize, &'s Object, &'s Node)> {
        self.snapshot
            .of_kind(Kind::Node)
            .filter_map(|(index, object)| match object.projection.as_ref() {
                Projection::Node(node) => Some((index, object, node)),
                _ => None,
            })
    }
}
