//! Who holds which powers over pods, in the whole cluster and in each namespace.

use std::collections::BTreeMap;

use super::powers::{Power, Powers, RolePowers, Source};
use super::{Account, defaults, role_of};
use crate::gaps::Gaps;
use crate::kind::Kind;
use crate::projection::Projection;
use crate::projection::rbac::Binding;
use crate::snapshot::{Mode, Snapshot};

/// Accounts and what each holds; parts of the control plane are left out.
pub type Holders<'s> = BTreeMap<Account<'s>, Held>;

/// The powers of one account.
pub type Held = BTreeMap<Power, Holding>;

/// How an account comes by a power.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holding {
    /// Index of the RoleBinding or ClusterRoleBinding.
    pub binding: usize,
    /// Place of the account in its `subjects`.
    pub subject: usize,
    /// Where the role says so.
    pub source: Source,
}

/// All bindings, read once.
#[derive(Debug)]
pub struct Access<'s> {
    snapshot: &'s Snapshot,
    roles: RolePowers,
    /// Whether roles that every API server makes may be missing because files do not hold them.
    lacks_default_roles: bool,
    /// Whether other roles may be missing too.
    partial: bool,
    /// Bindings by namespace, empty for those of the whole cluster.
    bindings: BTreeMap<&'s str, Vec<usize>>,
}

impl<'s> Access<'s> {
    /// Reads roles and bindings.
    pub fn new(snapshot: &'s Snapshot, gaps: &Gaps) -> Self {
        let mut bindings: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for kind in [Kind::ClusterRoleBinding, Kind::RoleBinding] {
            for (index, object) in snapshot.of_kind(kind) {
                bindings.entry(object.namespace()).or_default().push(index);
            }
        }
        let origin = &snapshot.origin;
        let lacks_default_roles =
            origin.mode != Mode::Live && gaps.anywhere(Kind::ClusterRole).is_none();
        Self {
            snapshot,
            roles: RolePowers::new(snapshot, lacks_default_roles),
            lacks_default_roles,
            partial: origin.mode == Mode::Manifests && !origin.assume_complete,
            bindings,
        }
    }

    /// Bindings of a namespace, or of the whole cluster, to roles that may be on the server though no file holds them, with
    /// each account that they are for; where the files are all there is, there are none.
    pub fn unknown(&self, namespace: &str) -> Vec<(usize, Account<'s>)> {
        let bindings = self.bindings.get(namespace).into_iter().flatten();
        let unknown = bindings.filter(|_| self.partial).filter_map(|index| {
            let object = &self.snapshot.objects[*index];
            let Projection::Binding(binding) = object.projection.as_ref() else {
                return None;
            };
            let role = &binding.role_ref;
            let known = role_of(self.snapshot, binding, object.namespace()).is_some()
                || role.kind == "ClusterRole" && defaults::is_one(&role.name);
            (!known).then_some((*index, object, binding))
        });
        unknown
            .flat_map(|(index, object, binding)| {
                let accounts = binding.subjects.iter();
                let accounts =
                    accounts.filter_map(|subject| Account::of(subject, object.namespace()));
                accounts
                    .filter(|account| {
                        !account.is_control_plane(object.name(), &binding.role_ref.name)
                    })
                    .map(move |account| (index, account))
            })
            .collect()
    }

    /// Who holds powers by the bindings of a namespace; with an empty name, by those of the whole cluster.
    pub fn holders(&self, namespace: &str) -> Holders<'s> {
        let mut holders = Holders::new();
        for index in self.bindings.get(namespace).into_iter().flatten() {
            let object = &self.snapshot.objects[*index];
            if let Projection::Binding(binding) = object.projection.as_ref() {
                self.add(&mut holders, *index, binding);
            }
        }
        holders
    }

    fn add(&self, holders: &mut Holders<'s>, index: usize, binding: &'s Binding) {
        let object = &self.snapshot.objects[index];
        let powers = self.powers(binding, object.namespace());
        let of_cluster = object.kind == Kind::ClusterRoleBinding;
        let powers: Vec<(Power, Source)> = powers
            .into_iter()
            // A binding of a namespace grants nothing outside namespaces.
            .filter(|((_, outside), _)| of_cluster || !outside)
            .map(|((power, _), source)| (power, source))
            .collect();
        if powers.is_empty() {
            return;
        }
        for (place, subject) in binding.subjects.iter().enumerate() {
            let Some(account) = Account::of(subject, object.namespace()) else {
                continue;
            };
            if account.is_control_plane(object.name(), &binding.role_ref.name) {
                continue;
            }
            let held = holders.entry(account).or_default();
            for (power, source) in &powers {
                let holding = Holding {
                    binding: index,
                    subject: place,
                    source: *source,
                };
                let known = held.entry(*power).or_insert(holding);
                if known.source.by_name && !source.by_name {
                    *known = holding;
                }
            }
        }
    }

    fn powers(&self, binding: &Binding, namespace: &str) -> Powers {
        match role_of(self.snapshot, binding, namespace) {
            Some(role) => self.roles.of(role).cloned().unwrap_or_default(),
            None if self.lacks_default_roles && binding.role_ref.kind == "ClusterRole" => {
                self.roles.of_default(&binding.role_ref.name)
            }
            None => Powers::new(),
        }
    }
}
