//! Whose pods they are: the app and the environment tier of each group of pods.

use std::collections::{BTreeMap, BTreeSet};

use super::reach::Sources;
use super::{Model, Namespaces, PodGroup, Tier};
use crate::model::apps::App;

/// The environment tier that pods belong to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PodTier<'m> {
    /// This one.
    Known(&'m Tier),
    /// They are of an app, or share a namespace with apps, or their namespace was not read: they have one that is not
    /// known.
    Unknown,
    /// None: an untiered namespace without apps is no tier.
    None,
}

impl PodTier<'_> {
    /// Whether both are known and not the same. Both have to be of one [`Tenants`], in which equal tiers are one reference:
    /// each pod is held against each other one.
    pub fn differs(&self, other: &Self) -> bool {
        matches!((self, other), (Self::Known(own), Self::Known(other)) if !std::ptr::eq(*own, *other))
    }
}

/// App and tier of each group of pods.
#[derive(Debug)]
pub struct Tenants<'m> {
    apps: Vec<Option<usize>>,
    tiers: Vec<PodTier<'m>>,
}

impl<'m> Tenants<'m> {
    /// Looks all groups up.
    pub fn new(model: &'m Model<'_>) -> Self {
        let mut apps = vec![None; model.pods.len()];
        for (index, app) in model.apps.iter().enumerate() {
            for group in &app.pods {
                if let Some(known) = apps.get_mut(*group) {
                    *known = Some(index);
                }
            }
        }
        let tiers = model.pods.iter().zip(&apps).map(|(pod, app)| {
            let of_app = app.and_then(|app: usize| model.apps.get(app));
            match of_app.and_then(|app| app.tier.as_ref()) {
                Some(tier) => PodTier::Known(tier),
                None if of_app.is_some() => PodTier::Unknown,
                None if model.unread_owner(pod).is_some() => of_some_app(model, pod.namespace),
                None => of_namespace(&model.namespaces, &model.apps, pod.namespace),
            }
        });
        let mut known: BTreeSet<&Tier> = BTreeSet::new();
        let tiers = tiers.map(|tier| match tier {
            PodTier::Known(tier) => {
                known.insert(tier);
                PodTier::Known(known.get(tier).copied().unwrap_or(tier))
            }
            PodTier::Unknown | PodTier::None => tier,
        });
        Self {
            tiers: tiers.collect(),
            apps,
        }
    }

    /// Of each tier: the pods of every other known one.
    pub fn of_other_tiers(&self, model: &Model<'_>) -> BTreeMap<&'m Tier, Sources> {
        let known = self.tiers.iter().filter_map(|tier| match tier {
            PodTier::Known(tier) => Some(*tier),
            PodTier::Unknown | PodTier::None => None,
        });
        let known: BTreeSet<&'m Tier> = known.collect();
        let others = |tier| {
            let own = PodTier::Known(tier);
            let differs = |group, _: &PodGroup<'_>| own.differs(self.tier(group));
            (tier, model.reach().sources(model, differs))
        };
        known.into_iter().map(others).collect()
    }

    /// The pods of an app.
    pub fn pods<'t>(
        &'t self,
        model: &'t Model<'_>,
        app: usize,
    ) -> impl Iterator<Item = usize> + 't {
        let pods = model.apps.get(app).map(|app| app.pods.iter().copied());
        pods.into_iter()
            .flatten()
            .filter(move |group| self.app(*group) == Some(app))
    }

    /// The app of a group, as an index.
    pub fn app(&self, group: usize) -> Option<usize> {
        self.apps.get(group).copied().flatten()
    }

    /// The tier of a group.
    pub fn tier(&self, group: usize) -> &PodTier<'m> {
        self.tiers.get(group).unwrap_or(&PodTier::None)
    }
}

/// The tier of pods of which only an owner that was not read could show whether they are an app's: that of the namespace,
/// unless one of its apps has another.
fn of_some_app<'m>(model: &'m Model<'_>, namespace: &str) -> PodTier<'m> {
    let tier = model.namespaces.tier(namespace);
    let mut apps = model.apps_in(namespace);
    match tier {
        Some(tier) if apps.all(|app| app.tier.as_ref() == Some(tier)) => PodTier::Known(tier),
        Some(_) | None => PodTier::Unknown,
    }
}

/// The tier of pods that somebody makes in a namespace.
pub fn of_namespace<'m>(
    namespaces: &'m Namespaces<'_>,
    apps: &'m [App<'_>],
    name: &str,
) -> PodTier<'m> {
    if let Some(tier) = namespaces.tier(name) {
        return PodTier::Known(tier);
    }
    let unread = namespaces
        .get(name)
        .is_none_or(|namespace| namespace.unread.is_some());
    // Apps stand in the order of namespaces.
    let first = apps.partition_point(|app| app.namespace < name);
    let here = apps.get(first).is_some_and(|app| app.namespace == name);
    if unread || here {
        PodTier::Unknown
    } else {
        PodTier::None
    }
}
