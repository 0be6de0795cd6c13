//! The model: a snapshot turned into total types and indexes, once, so that rules never walk raw objects.
//!
//! ```text
//! Snapshot ─▶ namespaces (labels, tier) ─┐
//!          ─▶ owners ─▶ pods (groups of equal pods, and templates without pods) ─▶ roles ─▶ apps, operators
//!          ─▶ rbac ──────────────────────────────────────────────────────────────────────▶ who manages what
//!          ─▶ mesh (control planes, policies, data plane of each pod)
//!          ─▶ enforcement (which nodes enforce network policies) ─▶ reach (which pods can reach which)
//!          ─▶ services (what leads to which pod on which port)
//! ```

pub mod apps;
pub mod enforcement;
mod grouping;
pub mod limits;
pub mod mendix;
pub mod mesh;
pub mod namespaces;
pub mod operators;
pub mod owners;
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

use std::sync::OnceLock;

use crate::gaps::Gaps;
use crate::kind::Kind;
use crate::projection::Projection;
use crate::projection::cluster::Node;
use crate::projection::rbac::LabelSelector;
use crate::snapshot::{Object, Snapshot};

pub use apps::App;
pub use namespaces::{Namespaces, Tier};
pub use operators::Operator;
pub use pods::{Container, ContainerClass, PodGroup, Role};
pub use port::Port;
pub use scope::{Scope, ScopeRequest};

/// Everything rules may ask.
#[derive(Debug)]
pub struct Model<'s> {
    /// The objects themselves.
    pub snapshot: &'s Snapshot,
    /// What is missing.
    pub gaps: Gaps,
    /// Which namespaces are judged.
    pub scope: Scope,
    /// Labels and tiers.
    pub namespaces: Namespaces<'s>,
    /// Groups of equal pods, in scope or not, sorted by namespace and workload.
    pub pods: Vec<PodGroup<'s>>,
    /// Apps, from MendixApp objects and from pods.
    pub apps: Vec<App<'s>>,
    /// Running operators.
    pub operators: Vec<Operator>,
    /// The mesh.
    pub mesh: mesh::Mesh<'s>,
    /// What leads to which pod on which port.
    pub services: services::Services,
    /// Which nodes enforce network policies.
    pub plugins: enforcement::NetworkPlugins,
    reach: OnceLock<reach::Reach>,
}

impl<'s> Model<'s> {
    /// Builds all indexes.
    pub fn new(snapshot: &'s Snapshot, request: &ScopeRequest) -> Self {
        let gaps = Gaps::new(snapshot);
        let namespaces = Namespaces::new(snapshot, &gaps);
        let owners = owners::Owners::new(snapshot);
        let plugins = enforcement::NetworkPlugins::new(snapshot, &gaps);
        let pods = grouping::groups(snapshot, &gaps, &owners, &plugins);
        let apps = apps::find(snapshot, &namespaces, &pods);
        let operators = operators::find(&pods);
        let scope = Scope::new(request, snapshot, &gaps, &pods);
        let mesh = mesh::Mesh::new(snapshot, &gaps, &namespaces, &pods);
        let services = services::Services::new(snapshot, &pods);
        Self {
            snapshot,
            gaps,
            scope,
            namespaces,
            pods,
            apps,
            operators,
            mesh,
            services,
            plugins,
            reach: OnceLock::new(),
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

    /// The apps of a namespace.
    pub fn apps_in(&self, namespace: &str) -> impl Iterator<Item = &App<'s>> {
        self.apps
            .iter()
            .filter(move |app| app.namespace == namespace)
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

/// One side of a flow that the assessment plan declares.
#[derive(Clone, Debug, Default)]
pub(crate) struct PlanSide {
    /// Absent means any.
    pub(crate) namespace: Option<String>,
    pub(crate) namespace_labels: LabelSelector,
    pub(crate) pod_labels: LabelSelector,
}

/// A flow that the assessment plan declares as intended.
#[derive(Clone, Debug, Default)]
pub(crate) struct PlanFlow<'p> {
    pub(crate) from: PlanSide,
    pub(crate) to: PlanSide,
    /// Absent means all.
    pub(crate) ports: &'p [u16],
}

impl PlanFlow<'_> {
    /// Every selector that it holds.
    fn selectors(&self) -> impl Iterator<Item = &LabelSelector> {
        [&self.from, &self.to]
            .into_iter()
            .flat_map(|side| [&side.namespace_labels, &side.pod_labels])
    }
}

/// The flows that the assessment plan declares.
fn plan_flows<'p>(_model: &'p Model<'_>) -> Vec<PlanFlow<'p>> {
    Vec::new()
}
