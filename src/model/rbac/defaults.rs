//! Roles that every API server makes (`plugin/pkg/auth/authorizer/rbac/bootstrappolicy` of Kubernetes), for files, which hardly
//! ever hold them.

use super::powers::Power;
use crate::kind::Kind;
use crate::model::selector;
use crate::projection::metadata::StringMap;
use crate::projection::rbac::Role;
use crate::snapshot::Snapshot;

/// Roles for users, each with the label of the roles that it unites; each has what the one before it has.
pub(super) const UNITING: [(&str, &str); 3] = [
    ("view", "rbac.authorization.k8s.io/aggregate-to-view"),
    ("edit", "rbac.authorization.k8s.io/aggregate-to-edit"),
    ("admin", "rbac.authorization.k8s.io/aggregate-to-admin"),
];

/// Label of every role that the API server makes.
const MADE: (&str, &str) = ("kubernetes.io/bootstrapping", "rbac-defaults");

/// Roles that have powers, and the label by which others unite them, besides that of all.
const NAMED: &[(&str, Option<&str>)] = &[
    ("admin", None),
    ("cluster-admin", None),
    // What may edit may also administrate.
    ("edit", Some("rbac.authorization.k8s.io/aggregate-to-admin")),
    (
        "system:aggregate-to-edit",
        Some("rbac.authorization.k8s.io/aggregate-to-edit"),
    ),
    ("system:controller:clusterrole-aggregation-controller", None),
    ("system:controller:cronjob-controller", None),
    ("system:controller:daemon-set-controller", None),
    ("system:controller:deployment-controller", None),
    ("system:controller:generic-garbage-collector", None),
    ("system:controller:job-controller", None),
    ("system:controller:namespace-controller", None),
    ("system:controller:persistent-volume-binder", None),
    ("system:controller:replicaset-controller", None),
    ("system:controller:replication-controller", None),
    ("system:controller:statefulset-controller", None),
    ("system:kube-controller-manager", None),
    ("system:kubelet-api-admin", None),
    ("system:node", None),
];

/// What a role that the API server makes allows.
pub(super) fn powers(name: &str) -> &'static [Power] {
    use Power::{Attach, CreatePods, Debug, Exec, NodeProxy, PortForward, TakeRights};
    match name {
        "cluster-admin" => &Power::ALL,
        "admin" | "edit" | "system:aggregate-to-edit" => {
            &[Exec, Attach, PortForward, CreatePods, TakeRights]
        }
        "system:kubelet-api-admin" => &[NodeProxy],
        // It may get, update and patch everything.
        "system:controller:generic-garbage-collector" => {
            &[Exec, Attach, PortForward, Debug, NodeProxy, CreatePods]
        }
        // It may get and delete everything.
        "system:controller:namespace-controller" => &[Exec, Attach, PortForward, NodeProxy],
        "system:controller:clusterrole-aggregation-controller"
        | "system:kube-controller-manager" => &[TakeRights],
        "system:node" => &[CreatePods, TakeRights],
        "system:controller:cronjob-controller"
        | "system:controller:daemon-set-controller"
        | "system:controller:deployment-controller"
        | "system:controller:job-controller"
        | "system:controller:persistent-volume-binder"
        | "system:controller:replicaset-controller"
        | "system:controller:replication-controller"
        | "system:controller:statefulset-controller" => &[CreatePods],
        _ => &[],
    }
}

/// Whether the API server makes a role of this name; nobody else may take one that begins with `system:`.
pub(super) fn is_one(name: &str) -> bool {
    name.starts_with("system:") || ["admin", "cluster-admin", "edit", "view"].contains(&name)
}

/// The roles that the API server makes, that were not read, and that a role unites.
pub(super) fn aggregated(snapshot: &Snapshot, role: &Role) -> Vec<&'static str> {
    let Some(uniting) = &role.aggregation_rule else {
        return Vec::new();
    };
    let unread = NAMED
        .iter()
        .filter(|(name, _)| snapshot.find(Kind::ClusterRole, "", name).is_none());
    let united = unread.filter(|(_, label)| {
        let own = label.iter().map(|label| (*label, "true"));
        let labels: StringMap = own
            .chain([MADE])
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect();
        let mut selectors = uniting.cluster_role_selectors.iter();
        selectors.any(|wanted| selector::matches(wanted, &labels) == Some(true))
    });
    united.map(|(name, _)| *name).collect()
}

/// Roles that were read and have a label that unites them with one of the API server's.
pub(super) fn labelled(snapshot: &Snapshot, label: &str) -> impl Iterator<Item = usize> {
    let roles = snapshot.of_kind(Kind::ClusterRole);
    roles
        .filter(move |(_, object)| {
            let labels = &object.projection.metadata().labels;
            labels.get(label).is_some_and(|value| value == "true")
        })
        .map(|(index, _)| index)
}
