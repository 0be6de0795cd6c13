//! Namespaces: labels and environment tier.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::gaps::{Gaps, Missing};
use crate::kind::Kind;
use crate::plan::Plan;
use crate::projection::metadata::StringMap;
use crate::snapshot::{Mode, Snapshot};

/// Labels that name the environment tier; the first that is set counts.
pub const TIER_LABELS: &[&str] = &[
    "privatecloud.mendix.com/environment-tier",
    "tier",
    "environment",
    "env",
];

/// An environment tier: free text, trimmed and in lower case; `prod` is `production`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tier(String);

impl Tier {
    /// The tier that labels state, and under which key.
    pub fn from_labels(labels: &StringMap) -> Option<(&'static str, Self)> {
        TIER_LABELS
            .iter()
            .find_map(|key| Some((*key, Self::parse(labels.get(*key)?)?)))
    }

    /// Reads a tier; empty text states none.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_lowercase();
        match text.as_str() {
            "" => None,
            "prod" => Some(Self("production".to_owned())),
            _ => Some(Self(text)),
        }
    }

    /// Whether it is the production tier.
    pub fn is_production(&self) -> bool {
        self.0 == "production"
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Where a tier is stated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TierSource {
    /// A label of the object itself.
    Label(&'static str),
    /// The assessment plan, at this JSON pointer.
    Plan(String),
}

/// A tier, and where it is stated.
pub type StatedTier = (TierSource, Tier);

impl Tier {
    /// The tier that the plan states, or else labels.
    fn stated(planned: Option<(String, &str)>, labels: &StringMap) -> Option<StatedTier> {
        if let Some((pointer, tier)) = planned {
            return Some((TierSource::Plan(pointer), Self::parse(tier)?));
        }
        let (label, tier) = Self::from_labels(labels)?;
        Some((TierSource::Label(label), tier))
    }

    /// The tier of a namespace: what the plan says, or else its labels.
    pub(super) fn of_namespace(
        plan: &Plan,
        namespace: &str,
        labels: &StringMap,
    ) -> Option<StatedTier> {
        Self::stated(plan.tier_of(namespace), labels)
    }

    /// The tier that an app has of its own: what the plan says of it, or else its labels.
    pub(super) fn of_app(
        plan: &Plan,
        namespace: &str,
        app: &str,
        labels: &StringMap,
    ) -> Option<StatedTier> {
        Self::stated(plan.tier_of_app(namespace, app), labels)
    }
}

/// One namespace.
#[derive(Clone, Debug)]
pub struct Namespace<'s> {
    /// Index of its object, if that was read.
    pub object: Option<usize>,
    /// Its labels; only those the API sets when its object was not read.
    pub labels: &'s StringMap,
    /// Why its labels are not known.
    pub unread: Option<Missing>,
    /// Its tier, and where that is stated.
    pub tier: Option<StatedTier>,
}

/// All namespaces that exist or that objects name.
#[derive(Clone, Debug)]
pub struct Namespaces<'s> {
    by_name: BTreeMap<&'s str, Namespace<'s>>,
}

impl<'s> Namespaces<'s> {
    pub(super) fn new(snapshot: &'s Snapshot, gaps: &Gaps, plan: &Plan) -> Self {
        static NO_LABELS: StringMap = StringMap::new();
        let mut by_name = BTreeMap::new();
        for (index, object) in snapshot.of_kind(Kind::Namespace) {
            let labels = &object.projection.metadata().labels;
            let tier = Tier::of_namespace(plan, object.name(), labels);
            by_name.insert(
                object.name(),
                Namespace {
                    object: Some(index),
                    labels,
                    unread: None,
                    tier,
                },
            );
        }
        // A namespace that objects name exists, but nothing more is known of it. On a live server one that was
        // created or deleted during the collection looks the same.
        let unread = gaps
            .anywhere(Kind::Namespace)
            .unwrap_or(match snapshot.origin.mode {
                Mode::Live => Missing::Truncated,
                Mode::Manifests | Mode::Demo => Missing::NotCollected,
            });
        let named: BTreeSet<&str> = snapshot
            .objects
            .iter()
            .filter_map(|object| object.identity.namespace.as_deref())
            .collect();
        for name in named {
            by_name.entry(name).or_insert(Namespace {
                object: None,
                labels: &NO_LABELS,
                unread: Some(unread),
                tier: Tier::of_namespace(plan, name, &NO_LABELS),
            });
        }
        Self { by_name }
    }

    /// A namespace by name.
    pub fn get(&self, name: &str) -> Option<&Namespace<'s>> {
        self.by_name.get(name)
    }

    /// Its tier.
    pub fn tier(&self, name: &str) -> Option<&Tier> {
        self.get(name)?.tier.as_ref().map(|(_, tier)| tier)
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&'s str, &Namespace<'s>)> {
        self.by_name
            .iter()
            .map(|(name, namespace)| (*name, namespace))
    }
}
