//! Who may do what: roles with aggregation, bindings, and the groups of service accounts.

mod accounts;
mod defaults;
mod holders;
mod powers;

use std::collections::{BTreeMap, BTreeSet};

use super::selector;
use crate::kind::{Kind, MENDIX_GROUP};
use crate::projection::Projection;
use crate::projection::rbac::{Binding, PolicyRule, RbacSubject, Role};
use crate::snapshot::Snapshot;

pub use accounts::Account;
pub use holders::{Access, Held, Holders, Holding};
pub use powers::{Power, Source};

/// Verbs that change objects.
const WRITE_VERBS: &[&str] = &[
    "create",
    "update",
    "patch",
    "delete",
    "deletecollection",
    "*",
];

/// A binding that lets a service account write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Index of the RoleBinding or ClusterRoleBinding.
    pub binding: usize,
    /// Index of the Role or ClusterRole.
    pub role: usize,
}

/// A rule of a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RuleAt {
    /// Index of the Role or ClusterRole.
    pub role: usize,
    /// Its place in the role's `rules`.
    pub rule: usize,
}

/// The bindings whose roles write objects of Mendix, so that each operator and namespace looks at these alone.
///
/// Roles of a binding whose object was not read grant nothing here; whoever asks must state that the verdict rests
/// on the four RBAC kinds.
#[derive(Debug)]
pub struct Writers<'s> {
    local: BTreeMap<&'s str, Vec<Writer<'s>>>,
    global: Vec<Writer<'s>>,
}

#[derive(Debug)]
struct Writer<'s> {
    grant: Grant,
    binding: &'s Binding,
    namespace: &'s str,
}

impl<'s> Writers<'s> {
    /// Finds them.
    pub fn new(snapshot: &'s Snapshot) -> Self {
        let mut known: BTreeMap<usize, bool> = BTreeMap::new();
        let mut writers = |kind| {
            let bindings = snapshot.of_kind(kind);
            let writers = bindings.filter_map(|(index, object)| {
                let Projection::Binding(binding) = object.projection.as_ref() else {
                    return None;
                };
                let namespace = object.namespace();
                let role = role_of(snapshot, binding, namespace)?;
                let writes = known.entry(role).or_insert_with(|| writes(snapshot, role));
                writes.then_some(Writer {
                    grant: Grant {
                        binding: index,
                        role,
                    },
                    binding,
                    namespace,
                })
            });
            writers.collect::<Vec<_>>()
        };
        let mut local: BTreeMap<&str, Vec<Writer<'_>>> = BTreeMap::new();
        for writer in writers(Kind::RoleBinding) {
            local.entry(writer.namespace).or_default().push(writer);
        }
        Self {
            local,
            global: writers(Kind::ClusterRoleBinding),
        }
    }

    /// The binding through which a service account may write in `namespace`, if any.
    pub fn grant(&self, namespace: &str, account: (&str, &str)) -> Option<Grant> {
        let local = self.local.get(namespace).into_iter().flatten();
        local
            .chain(&self.global)
            .find(|writer| {
                let mut subjects = writer.binding.subjects.iter();
                subjects.any(|subject| names(subject, writer.namespace, account))
            })
            .map(|writer| writer.grant)
    }
}

/// Whether a subject of a binding is the service account, by name, as a user, or by one of its groups.
pub fn names(
    subject: &RbacSubject,
    binding_namespace: &str,
    (namespace, name): (&str, &str),
) -> bool {
    match subject.kind.as_str() {
        "ServiceAccount" => {
            let place = subject.namespace.as_deref().unwrap_or(binding_namespace);
            place == namespace && subject.name == name
        }
        "User" => {
            subject.name.strip_prefix("system:serviceaccount:")
                == Some(format!("{namespace}:{name}").as_str())
        }
        "Group" => {
            matches!(
                subject.name.as_str(),
                "system:serviceaccounts" | "system:authenticated"
            ) || subject.name.strip_prefix("system:serviceaccounts:") == Some(namespace)
        }
        _ => false,
    }
}

fn role_of(snapshot: &Snapshot, binding: &Binding, namespace: &str) -> Option<usize> {
    match binding.role_ref.kind.as_str() {
        "Role" => snapshot.find(Kind::Role, namespace, &binding.role_ref.name),
        "ClusterRole" => snapshot.find(Kind::ClusterRole, "", &binding.role_ref.name),
        _ => None,
    }
}

fn writes(snapshot: &Snapshot, role: usize) -> bool {
    effective_rules(snapshot, role).iter().any(|rule| {
        let of_group = rule.api_groups.iter().any(|given| given == MENDIX_GROUP);
        let of_all = rule.api_groups.iter().any(|given| given == "*");
        (of_group && !rule.resources.is_empty() || of_all && names_mendix_resource(rule))
            && rule
                .verbs
                .iter()
                .any(|verb| WRITE_VERBS.contains(&verb.as_str()))
    })
}

/// Resources of Mendix on Kubernetes. Where a rule is about all API groups, its resources tell whether it is about these.
const MENDIX_RESOURCES: &[&str] = &[
    "builds",
    "endpoints",
    "mendixapps",
    "operatorconfigurations",
    "operatorversions",
    "runtimes",
    "storageinstances",
    "storageplans",
];

fn names_mendix_resource(rule: &PolicyRule) -> bool {
    rule.resources.iter().any(|resource| {
        let resource = resource
            .split_once('/')
            .map_or(resource.as_str(), |(name, _)| name);
        resource == "*" || MENDIX_RESOURCES.contains(&resource)
    })
}

/// The rules of a role, with those it aggregates. A live server writes aggregated rules into the role itself; in
/// files they have to be gathered.
pub fn effective_rules(snapshot: &Snapshot, role: usize) -> Vec<&PolicyRule> {
    let mut rules = Vec::new();
    let mut seen = BTreeSet::new();
    let mut pending = vec![role];
    while let Some(index) = pending.pop() {
        if !seen.insert(index) {
            continue;
        }
        let Projection::Role(role) = snapshot.objects[index].projection.as_ref() else {
            continue;
        };
        rules.extend(&role.rules);
        pending.extend(aggregated(snapshot, role));
    }
    rules
}

fn aggregated<'s>(snapshot: &'s Snapshot, role: &'s Role) -> impl Iterator<Item = usize> {
    let selectors = role
        .aggregation_rule
        .iter()
        .flat_map(|rule| &rule.cluster_role_selectors);
    selectors.flat_map(move |wanted| {
        snapshot
            .of_kind(Kind::ClusterRole)
            .filter(move |(_, object)| {
                selector::matches(wanted, &object.projection.metadata().labels) == Some(true)
            })
            .map(|(index, _)| index)
    })
}
