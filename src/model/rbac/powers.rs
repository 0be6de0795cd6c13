//! What roles let their holders do to running pods, past every isolation of the pods themselves.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::defaults;
use super::{RuleAt, aggregated};
use crate::kind::Kind;
use crate::projection::Projection;
use crate::projection::rbac::PolicyRule;
use crate::snapshot::Snapshot;

/// Something that a role may let its holder do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Power {
    /// Run commands in a container.
    Exec,
    /// Attach to a container's main process.
    Attach,
    /// Open a connection to any port of a pod, its loopback address included.
    PortForward,
    /// Add a debug container to a running pod.
    Debug,
    /// Speak to kubelets through the API server, which allows all of the above on every pod of a node.
    NodeProxy,
    /// Create pods, directly or by a workload.
    CreatePods,
    /// Act as somebody else, or grant rights that one does not have.
    TakeRights,
}

impl Power {
    /// All of them.
    pub(super) const ALL: [Self; 7] = [
        Self::Exec,
        Self::Attach,
        Self::PortForward,
        Self::Debug,
        Self::NodeProxy,
        Self::CreatePods,
        Self::TakeRights,
    ];

    /// Those that reach into a running pod.
    pub const INTO_PODS: [Self; 5] = [
        Self::Exec,
        Self::Attach,
        Self::PortForward,
        Self::Debug,
        Self::NodeProxy,
    ];

    /// As a verb, after "may".
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::Exec => "exec",
            Self::Attach => "attach",
            Self::PortForward => "port-forward",
            Self::Debug => "add debug containers",
            Self::NodeProxy => "use nodes/proxy",
            Self::CreatePods => "create pods",
            Self::TakeRights => "take on other rights",
        }
    }

    /// Requests that need the power: API group, resource, verbs.
    const fn requests(self) -> &'static [Request] {
        match self {
            Self::Exec => EXEC,
            Self::Attach => ATTACH,
            Self::PortForward => PORT_FORWARD,
            Self::Debug => DEBUG,
            Self::NodeProxy => NODE_PROXY,
            Self::CreatePods => CREATE_PODS,
            Self::TakeRights => TAKE_RIGHTS,
        }
    }
}

/// A connection is opened by POST, or by GET as a `WebSocket` is.
const CONNECT: &[&str] = &["create", "get"];
/// The method of a proxied request is the verb.
const PROXY: &[&str] = &["get", "create", "update", "patch", "delete"];

const EXEC: &[Request] = &[Request::named("", "pods/exec", CONNECT)];
const ATTACH: &[Request] = &[Request::named("", "pods/attach", CONNECT)];
const PORT_FORWARD: &[Request] = &[Request::named("", "pods/portforward", CONNECT)];
const DEBUG: &[Request] = &[Request::named(
    "",
    "pods/ephemeralcontainers",
    &["update", "patch"],
)];
const NODE_PROXY: &[Request] = &[Request::named("", "nodes/proxy", PROXY).of_cluster()];

/// Verbs that write a pod template.
const WRITE: &[&str] = &["create", "update", "patch"];

const CREATE_PODS: &[Request] = &[
    Request::unnamed("", "pods", &["create"]),
    Request::named("", "replicationcontrollers", WRITE),
    Request::named("apps", "daemonsets", WRITE),
    Request::named("apps", "deployments", WRITE),
    Request::named("apps", "replicasets", WRITE),
    Request::named("apps", "statefulsets", WRITE),
    Request::named("batch", "cronjobs", WRITE),
    Request::named("batch", "jobs", WRITE),
];

const TAKE_RIGHTS: &[Request] = &[
    Request::named("", "users", &["impersonate"]).of_cluster(),
    Request::named("", "groups", &["impersonate"]).of_cluster(),
    Request::named("", "serviceaccounts", &["impersonate"]),
    Request::named("", "serviceaccounts/token", &["create"]),
    Request::named(RBAC, "roles", &["bind", "escalate"]),
    Request::named(RBAC, "clusterroles", &["bind", "escalate"]),
];

const RBAC: &str = "rbac.authorization.k8s.io";

/// A request as the authorizer of the API server sees it.
#[derive(Clone, Copy, Debug)]
struct Request {
    group: &'static str,
    /// With its subresource: `pods/exec`.
    resource: &'static str,
    /// Any of them will do.
    verbs: &'static [&'static str],
    /// Whether the request names an object, so that a rule may be restricted by name.
    names_object: bool,
    /// Whether the resource lives outside namespaces, where a RoleBinding grants nothing.
    of_cluster: bool,
}

impl Request {
    const fn named(
        group: &'static str,
        resource: &'static str,
        verbs: &'static [&'static str],
    ) -> Self {
        Self {
            group,
            resource,
            verbs,
            names_object: true,
            of_cluster: false,
        }
    }

    const fn unnamed(
        group: &'static str,
        resource: &'static str,
        verbs: &'static [&'static str],
    ) -> Self {
        Self {
            names_object: false,
            ..Self::named(group, resource, verbs)
        }
    }

    const fn of_cluster(self) -> Self {
        Self {
            of_cluster: true,
            ..self
        }
    }

    /// Whether a rule allows it. Follows `ResourceMatches` and its neighbours in
    /// `pkg/apis/rbac/v1/evaluation_helpers.go` of Kubernetes: `*` is every resource with every subresource,
    /// `*/exec` that subresource of every resource, and `pods/*` means nothing.
    fn is_allowed_by(&self, rule: &PolicyRule) -> bool {
        let any = |given: &[String], wanted: &str| {
            given.iter().any(|given| given == "*" || given == wanted)
        };
        any(&rule.api_groups, self.group)
            && self.verbs.iter().any(|verb| any(&rule.verbs, verb))
            && rule
                .resources
                .iter()
                .any(|resource| self.is_of_resource(resource))
            && self.is_of_named(rule)
    }

    fn is_of_resource(&self, given: &str) -> bool {
        let subresource = self.resource.split_once('/').map(|(_, name)| name);
        given == "*"
            || given == self.resource
            || subresource.is_some_and(|name| given.strip_prefix("*/") == Some(name))
    }

    /// A rule with names allows requests that name one of them; a request without a name counts as naming "".
    fn is_of_named(&self, rule: &PolicyRule) -> bool {
        rule.resource_names.is_empty()
            || rule
                .resource_names
                .iter()
                .any(|name| name.is_empty() != self.names_object)
    }
}

/// How a role comes by a power.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Source {
    /// Whether the rule is restricted to objects of some names.
    pub by_name: bool,
    /// Whether the request is about a resource outside namespaces, so that only a ClusterRoleBinding grants it.
    pub of_cluster: bool,
    /// The rule; `None` of a role that every API server makes and no file holds.
    pub rule: Option<RuleAt>,
}

/// The powers of one role: for each, where it comes from inside a namespace, and where in the whole cluster.
pub(super) type Powers = BTreeMap<(Power, bool), Source>;

/// The powers of all roles, aggregation included.
#[derive(Debug, Default)]
pub(super) struct RolePowers {
    read: HashMap<usize, Powers>,
    /// Of roles that every API server makes and no file holds.
    defaults: BTreeMap<&'static str, Powers>,
}

impl RolePowers {
    /// Reads all roles once. `lacks_defaults` says that roles which every API server makes may be in no file.
    pub(super) fn new(snapshot: &Snapshot, lacks_defaults: bool) -> Self {
        let mut powers = HashMap::new();
        let mut parents: HashMap<usize, Vec<usize>> = HashMap::new();
        for kind in [Kind::ClusterRole, Kind::Role] {
            for (index, object) in snapshot.of_kind(kind) {
                let Projection::Role(role) = object.projection.as_ref() else {
                    continue;
                };
                let mut own = of_rules(index, &role.rules);
                if lacks_defaults {
                    for name in defaults::aggregated(snapshot, role) {
                        unite(&mut own, &Self::of_default_role(name));
                    }
                }
                powers.insert(index, own);
                for child in aggregated(snapshot, role) {
                    parents.entry(child).or_default().push(index);
                }
            }
        }
        // The controller writes the rules of the roles that a role unites into that role itself, so on a server this
        // finds nothing new. Files may hold a role before that happened.
        let mut changed: BTreeSet<usize> = parents.keys().copied().collect();
        while let Some(child) = changed.pop_first() {
            let inherited = powers.get(&child).cloned().unwrap_or_default();
            for parent in parents.get(&child).into_iter().flatten() {
                let own = powers.entry(*parent).or_default();
                if unite(own, &inherited) {
                    changed.insert(*parent);
                }
            }
        }
        let mut all = Self {
            read: powers,
            defaults: BTreeMap::new(),
        };
        if lacks_defaults {
            all.unite_defaults(snapshot);
        }
        all
    }

    /// Roles in files may add to those that every API server makes: each of these has what the one before it has.
    fn unite_defaults(&mut self, snapshot: &Snapshot) {
        let mut inherited = Powers::new();
        for (name, label) in defaults::UNITING {
            unite(&mut inherited, &Self::of_default_role(name));
            for role in defaults::labelled(snapshot, label) {
                if let Some(powers) = self.read.get(&role) {
                    unite(&mut inherited, powers);
                }
            }
            self.defaults.insert(name, inherited.clone());
        }
    }

    /// The powers of a role that was read.
    pub(super) fn of(&self, role: usize) -> Option<&Powers> {
        self.read.get(&role)
    }

    /// The powers of a role that every API server makes, where no file holds it.
    pub(super) fn of_default(&self, name: &str) -> Powers {
        let united = self.defaults.get(name).cloned();
        united.unwrap_or_else(|| Self::of_default_role(name))
    }

    fn of_default_role(name: &str) -> Powers {
        let powers = defaults::powers(name);
        let source = |power| Source {
            by_name: false,
            of_cluster: power == Power::NodeProxy,
            rule: None,
        };
        powers
            .iter()
            .map(|power| ((*power, *power == Power::NodeProxy), source(*power)))
            .collect()
    }
}

/// Adds what `from` has and `into` lacks, or has by name only; says whether that changed anything.
fn unite(into: &mut Powers, from: &Powers) -> bool {
    let mut changed = false;
    for (key, source) in from {
        let better = into
            .get(key)
            .is_none_or(|own| own.by_name && !source.by_name);
        if better {
            into.insert(*key, *source);
            changed = true;
        }
    }
    changed
}

fn of_rules(role: usize, rules: &[PolicyRule]) -> Powers {
    let mut powers = Powers::new();
    for power in Power::ALL {
        for (index, rule) in rules.iter().enumerate() {
            let allowed = power.requests().iter();
            for request in allowed.filter(|request| request.is_allowed_by(rule)) {
                let source = Source {
                    by_name: !rule.resource_names.is_empty(),
                    of_cluster: request.of_cluster,
                    rule: Some(RuleAt { role, rule: index }),
                };
                unite(
                    &mut powers,
                    &Powers::from([((power, request.of_cluster), source)]),
                );
            }
        }
    }
    powers
}

#[cfg(test)]
mod tests {
    use super::*;

    fn powers(groups: &[&str], resources: &[&str], names: &[&str], verbs: &[&str]) -> Vec<Power> {
        let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        let rule = PolicyRule {
            api_groups: owned(groups),
            resources: owned(resources),
            resource_names: owned(names),
            verbs: owned(verbs),
        };
        let powers: BTreeSet<Power> = of_rules(0, &[rule])
            .into_keys()
            .map(|(power, _)| power)
            .collect();
        powers.into_iter().collect()
    }

    /// API groups, resources and verbs, each in one text; the powers, and why.
    type Case = (
        &'static str,
        &'static str,
        &'static str,
        &'static [Power],
        &'static str,
    );

    fn check(table: &[Case]) {
        let words = |text: &'static str| text.split(' ').collect::<Vec<_>>();
        for (groups, resources, verbs, expected, why) in table {
            // The core group is the empty text.
            let groups: Vec<&str> = words(groups)
                .into_iter()
                .map(|group| if group == "core" { "" } else { group })
                .collect();
            let found = powers(&groups, &words(resources), &[], &words(verbs));
            assert_eq!(found, *expected, "{why}");
        }
    }

    use super::Power::{Attach, CreatePods, Debug, Exec, NodeProxy, PortForward, TakeRights};

    #[test]
    fn rules_grant_what_the_authorizer_allows() {
        let all: &[Power] = &[
            Exec,
            Attach,
            PortForward,
            Debug,
            NodeProxy,
            CreatePods,
            TakeRights,
        ];
        check(&[
            ("core", "pods/exec", "create", &[Exec], "by POST"),
            ("core", "pods/exec", "get", &[Exec], "by WebSocket"),
            (
                "core",
                "pods/ephemeralcontainers",
                "patch",
                &[Debug],
                "patch",
            ),
            (
                "core",
                "pods/ephemeralcontainers",
                "update",
                &[Debug],
                "update",
            ),
            (
                "core",
                "nodes/proxy",
                "get",
                &[NodeProxy],
                "reading is enough",
            ),
            ("core", "*/exec", "create", &[Exec], "of any resource"),
            ("core", "pods", "create", &[CreatePods], "pods"),
            ("apps", "deployments", "patch", &[CreatePods], "by template"),
            (RBAC, "clusterroles", "bind", &[TakeRights], "any role"),
        ]);
        assert_eq!(powers(&["*"], &["*"], &[], &["*"]), all, "everything");
        assert_eq!(powers(&[""], &["*"], &[], &["*"]), all, "the core group");
    }

    #[test]
    fn rules_grant_no_more_than_the_authorizer_allows() {
        check(&[
            (
                "core",
                "pods/exec",
                "list watch delete",
                &[],
                "verbs that open nothing",
            ),
            ("core", "pods/*", "*", &[], "no wildcard of the API"),
            ("core", "*/*", "*", &[], "neither"),
            ("apps", "pods/exec", "create", &[], "another API group"),
            (
                "core",
                "pods",
                "get update patch",
                &[],
                "without its subresources",
            ),
            (
                "core",
                "pods/ephemeralcontainers",
                "get create",
                &[],
                "no such verbs",
            ),
            ("core", "nodes/proxy", "list", &[], "no such request"),
            ("core", "PODS/EXEC", "create", &[], "names are exact"),
        ]);
        assert_eq!(
            powers(&[], &["pods/exec"], &[], &["create"]),
            [],
            "no group"
        );
    }

    #[test]
    fn names_restrict_requests_that_name_an_object() {
        let exec = |names: &[&str]| powers(&[""], &["pods/exec"], names, &["create"]);
        assert_eq!(exec(&["claims-0"]), [Exec], "one pod is enough");
        assert_eq!(exec(&[""]), [], "no pod has no name");
        let create = |names: &[&str]| powers(&[""], &["pods"], names, &["create"]);
        assert_eq!(create(&["claims-0"]), [], "a request to create has no name");
    }
}
