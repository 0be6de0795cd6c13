//! Whom bindings name.

use std::fmt;

use crate::projection::rbac::RbacSubject;

/// A subject of a binding. A service account that is named as a user is that service account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Account<'s> {
    /// A group, which may be everybody.
    Group(&'s str),
    /// Namespace and name.
    ServiceAccount(&'s str, &'s str),
    /// Anybody else who authenticates under this name.
    User(&'s str),
}

/// Groups that the API server itself gives to its own parts and to nodes (`pkg/apis/.../user` of Kubernetes).
const CONTROL_PLANE_GROUPS: &[&str] = &["system:masters", "system:monitoring", "system:nodes"];
/// Users that the control plane authenticates as.
const CONTROL_PLANE_USERS: &[&str] = &[
    "system:apiserver",
    "system:kube-controller-manager",
    "system:kube-proxy",
    "system:kube-scheduler",
];
/// Prefix of the bindings and roles that the API server makes for its controllers.
const CONTROLLER: &str = "system:controller:";
/// A name is cut to this many characters in messages; those of Kubernetes' objects are shorter.
const LONGEST_NAME: usize = 253;

impl<'s> Account<'s> {
    /// Whom a subject names; `None` of a kind that no authenticator knows. The namespace of the binding stands in for
    /// that of a service account without one.
    pub fn of(subject: &'s RbacSubject, binding_namespace: &'s str) -> Option<Self> {
        match subject.kind.as_str() {
            "Group" => Some(Self::Group(&subject.name)),
            "ServiceAccount" => {
                let namespace = subject.namespace.as_deref().unwrap_or(binding_namespace);
                Some(Self::ServiceAccount(namespace, &subject.name))
            }
            "User" => Some(Self::user(&subject.name)),
            _ => None,
        }
    }

    /// A user by name.
    pub fn user(name: &'s str) -> Self {
        let account = name
            .strip_prefix("system:serviceaccount:")
            .and_then(|account| account.split_once(':'));
        account.map_or(Self::User(name), |(namespace, name)| {
            Self::ServiceAccount(namespace, name)
        })
    }

    /// Whether it is a part of the control plane, by a closed list: `system:authenticated` and the groups of service
    /// accounts begin with `system:` too. Controllers count by the binding that the API server makes for them.
    pub fn is_control_plane(self, binding: &str, role: &str) -> bool {
        match self {
            Self::Group(name) => CONTROL_PLANE_GROUPS.contains(&name),
            Self::User(name) => {
                CONTROL_PLANE_USERS.contains(&name) || name.starts_with("system:node:")
            }
            Self::ServiceAccount("kube-system", name) => {
                binding == role && binding.strip_prefix(CONTROLLER) == Some(name)
            }
            Self::ServiceAccount(..) => false,
        }
    }

    /// Whether everybody of `self` is among those of `other`.
    pub fn is_within(self, other: Account<'_>) -> bool {
        match (self, other) {
            (Self::ServiceAccount(namespace, _), Account::Group(group)) => {
                group == "system:serviceaccounts"
                    || group.strip_prefix("system:serviceaccounts:") == Some(namespace)
            }
            _ => self == other,
        }
    }
}

impl fmt::Display for Account<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Group(name) => write!(formatter, "group {}", cut(name)),
            Self::ServiceAccount(namespace, name) => {
                write!(
                    formatter,
                    "service account {}/{}",
                    cut(namespace),
                    cut(name)
                )
            }
            Self::User(name) => write!(formatter, "user {}", cut(name)),
        }
    }
}

fn cut(name: &str) -> &str {
    name.char_indices()
        .nth(LONGEST_NAME)
        .map_or(name, |(end, _)| &name[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_control_plane_is_a_closed_list() {
        let controller = Account::ServiceAccount("kube-system", "namespace-controller");
        let own = "system:controller:namespace-controller";
        let table = [
            (Account::Group("system:masters"), "x", "y", true),
            (Account::Group("system:nodes"), "x", "y", true),
            (Account::Group("system:authenticated"), "x", "y", false),
            (Account::Group("system:unauthenticated"), "x", "y", false),
            (Account::Group("system:serviceaccounts:hr"), "x", "y", false),
            (Account::Group("system:anything"), "x", "y", false),
            (Account::user("system:kube-scheduler"), "x", "y", true),
            (Account::user("system:node:worker-a"), "x", "y", true),
            (Account::user("system:anonymous"), "x", "y", false),
            (Account::user("system:serviceaccount:hr:x"), "x", "y", false),
            (controller, own, own, true),
            (controller, own, "cluster-admin", false),
            (controller, "x", own, false),
        ];
        for (account, binding, role, expected) in table {
            let found = account.is_control_plane(binding, role);
            assert_eq!(found, expected, "{account} by {binding} to {role}");
        }
    }

    #[test]
    fn a_group_holds_its_service_accounts() {
        let account = Account::user("system:serviceaccount:hr:x");
        assert_eq!(account, Account::ServiceAccount("hr", "x"));
        assert!(account.is_within(Account::Group("system:serviceaccounts")));
        assert!(account.is_within(Account::Group("system:serviceaccounts:hr")));
        assert!(!account.is_within(Account::Group("system:serviceaccounts:h")));
        assert!(!Account::Group("a").is_within(account));
    }
}
