//! Who may reach a database: the apps that it serves, and what works for them.

use std::collections::BTreeSet;

use crate::kind::Kind;
use crate::model::databases::Database;
use crate::model::reach::Source;
use crate::model::selector::Labels as _;
use crate::model::tenants::{PodTier, Tenants};
use crate::model::{App, Model, PodGroup, Role};

/// What shows that pods are an app's, or an operator's that manages it, or that a plan of theirs leads to the database.
const IN_NAMESPACE: [Kind; 3] = [Kind::MendixApp, Kind::StoragePlan, Kind::StorageInstance];
/// What makes an operator that of a namespace.
const MANAGING: [Kind; 5] = [
    Kind::OperatorConfiguration,
    Kind::ClusterRole,
    Kind::ClusterRoleBinding,
    Kind::Role,
    Kind::RoleBinding,
];

/// Pods that may reach a database: those of its apps, what provisions for them, their operators, the database's own, and
/// those that the plan names.
pub(super) struct Clients {
    strangers: Vec<bool>,
    /// Namespaces of clients, where a pod that somebody makes can have the labels of any of them.
    namespaces: BTreeSet<String>,
}

impl Clients {
    pub(super) fn new(model: &Model<'_>, tenants: &Tenants<'_>, database: &Database) -> Self {
        let apps: Vec<&App<'_>> = database
            .apps
            .iter()
            .filter_map(|app| model.apps.get(*app))
            .collect();
        let groups = certain(model, database, &apps);
        let mut namespaces: BTreeSet<String> =
            apps.iter().map(|app| app.namespace.to_owned()).collect();
        let pods = groups.iter().filter_map(|group| model.pods.get(*group));
        namespaces.extend(pods.map(|pod| pod.namespace.to_owned()));
        let planned = model.plan.database_clients.iter();
        namespaces.extend(planned.map(|client| client.namespace.clone()));
        namespaces.extend(declared(model, database));
        // No policy keeps a node from its own pods: its agents count only where they are of an app or a tier.
        let is_agent = |group: usize, pod: &PodGroup<'_>| {
            pod.spec.host_network == Some(true)
                && tenants.app(group).is_none()
                && *tenants.tier(group) == PodTier::None
        };
        let strangers = model.pods.iter().enumerate();
        let strangers =
            strangers.map(|(group, pod)| !groups.contains(&group) && !is_agent(group, pod));
        Self {
            strangers: strangers.collect(),
            namespaces,
        }
    }

    /// Whether pods that are there are none of its clients.
    pub(super) fn is_stranger(&self, group: usize) -> bool {
        self.strangers.get(group).copied().unwrap_or(true)
    }

    /// Whether no client lives in a namespace.
    pub(super) fn is_elsewhere(&self, namespace: &str) -> bool {
        !self.namespaces.contains(namespace)
    }
}

/// What would show, had it not been read, that a way from this source is that of a client.
pub(super) fn might_hold(model: &Model<'_>, source: Option<&Source>) -> Vec<(Kind, String)> {
    let (namespace, pod) = match source {
        Some(Source::Pods(group)) => match model.pods.get(*group) {
            Some(pod) => (pod.namespace, Some(pod)),
            None => return Vec::new(),
        },
        Some(Source::Made { namespace, .. }) => (namespace.as_str(), None),
        None => return Vec::new(),
    };
    let own = |kind: Kind| (kind, namespace.to_owned());
    let mut kinds: Vec<(Kind, String)> = IN_NAMESPACE.into_iter().map(own).collect();
    if let Some((kind, unread)) = pod.and_then(|pod| pod.chain.unread.as_ref()) {
        kinds.push((*kind, unread.clone()));
    }
    let operates = |pod: &PodGroup<'_>| pod.role == Role::Operator;
    let mut there = model.pods_in(namespace).map(|(_, pod)| pod);
    if pod.is_some_and(operates) || pod.is_none() && there.any(operates) {
        let anywhere = |kind: Kind| (kind, String::new());
        kinds.extend(MANAGING.into_iter().map(anywhere));
    }
    kinds
}

/// Groups of pods that are clients.
fn certain(model: &Model<'_>, database: &Database, apps: &[&App<'_>]) -> BTreeSet<usize> {
    let mut groups: BTreeSet<usize> = database.ports.keys().copied().collect();
    let workloads: BTreeSet<(&str, &(String, String))> = groups
        .iter()
        .filter_map(|group| model.pods.get(*group))
        .map(|pod| (pod.namespace, &pod.workload))
        .collect();
    for app in apps {
        groups.extend(&app.pods);
        let operators = model.managers_of(app.namespace).into_iter();
        groups.extend(operators.flat_map(|(operator, _)| operator.pods.iter().copied()));
    }
    let further = model.pods.iter().enumerate().filter(|(_, pod)| {
        workloads.contains(&(pod.namespace, &pod.workload))
            || pod.role == Role::Task && apps.iter().any(|app| provisions(pod, app))
            || model.database_client(pod).is_some()
    });
    groups.extend(further.map(|(group, _)| group));
    groups
}

/// Namespaces from which the plan declares a flow to the database.
fn declared<'m>(model: &'m Model<'_>, database: &'m Database) -> impl Iterator<Item = String> + 'm {
    let leads_there = |flow: &crate::plan::AllowedFlow| {
        database.ports.iter().any(|(group, ports)| {
            let is_to = model
                .pods
                .get(*group)
                .is_some_and(|pod| model.is_peer(&flow.to, pod));
            is_to
                && ports
                    .iter()
                    .all(|port| flow.has_port(port.number, &port.protocol))
        })
    };
    let flows = model.plan.allowed_flows.iter();
    flows
        .filter(move |flow| leads_there(flow))
        .flat_map(|flow| {
            let namespaces = model.namespaces.iter();
            namespaces
                .filter(|(name, namespace)| {
                    let label = |key: &str| namespace.labels.label(key);
                    flow.from.is_namespace(name, &label)
                })
                .map(|(name, _)| name.to_owned())
        })
}

/// The bare pods `<app>-database` and `<app>-file` that the operator makes for an app.
fn provisions(pod: &PodGroup<'_>, app: &App<'_>) -> bool {
    let name = pod
        .chain
        .mendix("StorageInstance")
        .map_or(pod.workload.1.as_str(), |link| link.name.as_str());
    let of_app = name.strip_prefix(app.name.as_str());
    pod.namespace == app.namespace && matches!(of_app, Some("-database" | "-file"))
}
