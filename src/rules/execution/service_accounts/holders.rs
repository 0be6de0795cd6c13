//! Which app pods hold tokens of which service account.

use std::collections::{BTreeMap, BTreeSet};

use crate::kind::Kind;
use crate::model::rbac::Account;
use crate::model::{Model, PodGroup};
use crate::projection::Projection;

/// Groups of app pods, with their apps, and who holds tokens of which account.
pub(super) struct Holders<'m> {
    /// The app of each group, as an index.
    pub(super) apps: BTreeMap<usize, usize>,
    /// Groups with a token, by namespace and account.
    tokens: BTreeMap<(&'m str, &'m str), Vec<usize>>,
    /// Namespaces and accounts where an unread ServiceAccount leaves open who has one.
    pub(super) by_account: BTreeSet<(&'m str, &'m str)>,
    /// Owners that were not read of pods that use an account and that nothing else shows to be of an app.
    owners: BTreeMap<(&'m str, &'m str), BTreeSet<(Kind, &'m str)>>,
    /// The binding that names each account, if one does.
    pub(super) bindings: BTreeMap<(&'m str, &'m str), (usize, usize, &'m str)>,
}

impl<'m> Holders<'m> {
    pub(super) fn new(model: &'m Model<'_>) -> Self {
        let mut holders = Self {
            apps: BTreeMap::new(),
            tokens: BTreeMap::new(),
            by_account: BTreeSet::new(),
            owners: BTreeMap::new(),
            bindings: bindings(model),
        };
        for (app, entry) in model.apps.iter().enumerate() {
            for index in &entry.pods {
                holders.apps.insert(*index, app);
                let pod = &model.pods[*index];
                if pod.is_finished() {
                    continue;
                }
                let key = (pod.namespace, pod.service_account());
                let tokens = model.tokens(pod);
                if tokens.by_account {
                    holders.by_account.insert(key);
                }
                if tokens.usable().next().is_some() {
                    holders.tokens.entry(key).or_default().push(*index);
                }
            }
        }
        for pod in model.pods.iter().filter(|pod| !pod.is_finished()) {
            if let Some(owner) = model.unread_owner(pod) {
                let key = (pod.namespace, pod.service_account());
                holders.owners.entry(key).or_default().insert(owner);
            }
        }
        holders
    }

    /// Owners that would show, had they been read, whether pods of another app use the account of a pod.
    pub(super) fn unread_owners(&self, pod: &PodGroup<'_>) -> Vec<(Kind, &'m str)> {
        let owners = self.owners.get(&(pod.namespace, pod.service_account()));
        owners.into_iter().flatten().copied().collect()
    }

    /// Groups of other apps that hold a token of the same account.
    pub(super) fn others(&self, pod: &PodGroup<'_>, app: usize) -> Vec<usize> {
        let holders = self.tokens.get(&(pod.namespace, pod.service_account()));
        let holders = holders.into_iter().flatten().copied();
        holders
            .filter(|index| self.apps.get(index) != Some(&app))
            .collect()
    }
}

/// Service accounts that bindings name, each with one binding and its place there.
fn bindings<'m>(model: &'m Model<'_>) -> BTreeMap<(&'m str, &'m str), (usize, usize, &'m str)> {
    let mut bindings = BTreeMap::new();
    for kind in [Kind::RoleBinding, Kind::ClusterRoleBinding] {
        for (index, object) in model.snapshot.of_kind(kind) {
            let Projection::Binding(binding) = object.projection.as_ref() else {
                continue;
            };
            for (place, subject) in binding.subjects.iter().enumerate() {
                if let Some(Account::ServiceAccount(namespace, name)) =
                    Account::of(subject, object.namespace())
                {
                    bindings.entry((namespace, name)).or_insert((
                        index,
                        place,
                        subject.name.as_str(),
                    ));
                }
            }
        }
    }
    bindings
}
