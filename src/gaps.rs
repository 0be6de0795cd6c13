//! What is missing from a snapshot, by kind and namespace: the one place that tells unread from empty.

use std::collections::{BTreeMap, BTreeSet};

use crate::kind::{Kind, Presence};
use crate::snapshot::{Coverage, ReadStatus, Snapshot};

/// Why something is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Missing {
    /// The server refused.
    Forbidden,
    /// The server does not serve the kind.
    NotServed,
    /// Nobody asked: no file holds the kind.
    NotCollected,
    /// Only a part was read.
    Truncated,
    /// No answer within the time allowed.
    Timeout,
    /// Any other failure.
    Error,
    /// An object was there and could not be decoded.
    Unreadable,
}

impl Missing {
    /// The gap that a status leaves, if it leaves one.
    pub fn of(status: ReadStatus) -> Option<Self> {
        match status {
            ReadStatus::Read | ReadStatus::Absent => None,
            ReadStatus::NotServed => Some(Self::NotServed),
            ReadStatus::Forbidden => Some(Self::Forbidden),
            ReadStatus::Truncated => Some(Self::Truncated),
            ReadStatus::Timeout => Some(Self::Timeout),
            ReadStatus::Error => Some(Self::Error),
            ReadStatus::NotCollected => Some(Self::NotCollected),
        }
    }
}

impl Missing {
    /// In words that follow the kind.
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::Forbidden => "may not be read",
            Self::NotServed => "is not served",
            Self::NotCollected => "is in no file",
            Self::Truncated => "was read in part only",
            Self::Timeout => "was not read in time",
            Self::Error => "could not be read",
            Self::Unreadable => "could not be decoded",
        }
    }
}

/// Answers, for each kind and namespace, whether it was read.
#[derive(Clone, Debug, Default)]
pub struct Gaps {
    /// Kinds whose list over the whole cluster did not come through.
    whole: BTreeMap<Kind, Missing>,
    /// Of kinds that were listed namespace by namespace: what came of each.
    parts: BTreeMap<Kind, BTreeMap<String, Option<Missing>>>,
    /// Of objects that were asked for by name.
    named: BTreeMap<(Kind, String, String), Option<Missing>>,
    unreadable: BTreeMap<Kind, BTreeSet<Option<String>>>,
    /// All namespaces there are, if that list was read.
    namespaces: Option<BTreeSet<String>>,
}

impl Gaps {
    /// Reads the coverage of a snapshot.
    pub fn new(snapshot: &Snapshot) -> Self {
        let mut gaps = Self::of_coverage(&snapshot.coverage);
        if !gaps.whole.contains_key(&Kind::Namespace) {
            let names = snapshot
                .of_kind(Kind::Namespace)
                .map(|(_, object)| object.name().to_owned());
            // One that does not decode is one all the same; without a name no list is known to be of it.
            let unreadable = snapshot.coverage.unreadable.iter();
            let unreadable = unreadable
                .filter(|object| object.kind == Kind::Namespace)
                .map(|object| object.name.clone());
            gaps.namespaces = Some(names.chain(unreadable).collect());
        }
        gaps
    }

    fn of_coverage(coverage: &Coverage) -> Self {
        let mut gaps = Self::default();
        for source in &coverage.sources {
            let missing =
                Missing::of(source.status).filter(|missing| !is_harmless(source.kind, *missing));
            match (&source.namespace, &source.name) {
                (Some(namespace), Some(name)) => {
                    gaps.named
                        .insert((source.kind, namespace.clone(), name.clone()), missing);
                }
                (Some(namespace), None) => {
                    gaps.parts
                        .entry(source.kind)
                        .or_default()
                        .insert(namespace.clone(), missing);
                }
                (None, Some(name)) => {
                    let key = (source.kind, String::new(), name.clone());
                    gaps.named.insert(key, missing);
                }
                (None, None) => {
                    if let Some(missing) = missing {
                        gaps.whole.insert(source.kind, missing);
                    }
                }
            }
        }
        // What nobody asked for is not known to be empty, whatever the source.
        for kind in Kind::ALL {
            if !coverage
                .sources
                .iter()
                .any(|source| source.kind == *kind && source.name.is_none())
            {
                gaps.whole.insert(*kind, Missing::NotCollected);
            }
        }
        for object in &coverage.unreadable {
            gaps.unreadable
                .entry(object.kind)
                .or_default()
                .insert(object.namespace.clone());
        }
        gaps
    }

    /// Why objects of `kind` in `namespace` may be missing; `None` when all of them were read.
    pub fn in_namespace(&self, kind: Kind, namespace: &str) -> Option<Missing> {
        self.list_in_namespace(kind, namespace).or_else(|| {
            let namespaces = self.unreadable.get(&kind)?;
            let here = Some(namespace.to_owned()).filter(|namespace| !namespace.is_empty());
            (namespaces.contains(&here) || namespaces.contains(&None))
                .then_some(Missing::Unreadable)
        })
    }

    /// As [`Gaps::in_namespace`], but without objects that could not be decoded.
    pub fn list_in_namespace(&self, kind: Kind, namespace: &str) -> Option<Missing> {
        let whole = *self.whole.get(&kind)?;
        let part = self
            .parts
            .get(&kind)
            .and_then(|parts| parts.get(namespace))
            .copied();
        part.unwrap_or(Some(whole))
    }

    /// Why objects of `kind` may be missing in any namespace.
    pub fn anywhere(&self, kind: Kind) -> Option<Missing> {
        self.listing(kind).or_else(|| {
            self.unreadable
                .contains_key(&kind)
                .then_some(Missing::Unreadable)
        })
    }

    /// As [`Gaps::anywhere`], but without objects that could not be decoded.
    pub fn listing(&self, kind: Kind) -> Option<Missing> {
        let whole = *self.whole.get(&kind)?;
        let Some(parts) = self.parts.get(&kind) else {
            return Some(whole);
        };
        if let Some(missing) = parts.values().flatten().next() {
            return Some(*missing);
        }
        // When every namespace was listed by itself, nothing of the kind is missing after all.
        let complete = self
            .namespaces
            .as_ref()
            .is_some_and(|all| all.iter().all(|namespace| parts.contains_key(namespace)));
        (!complete).then_some(whole)
    }

    /// Why the object of this name may be missing.
    pub fn named(&self, kind: Kind, namespace: &str, name: &str) -> Option<Missing> {
        match self
            .named
            .get(&(kind, namespace.to_owned(), name.to_owned()))
        {
            Some(missing) => *missing,
            None => self.in_namespace(kind, namespace),
        }
    }

    /// Namespaces whose own list of `kind` did not come through, and why.
    pub fn parts(&self, kind: Kind) -> impl Iterator<Item = (&str, Missing)> {
        self.parts
            .get(&kind)
            .into_iter()
            .flatten()
            .filter_map(|(namespace, missing)| missing.map(|missing| (namespace.as_str(), missing)))
    }

    /// Kinds of workloads whose templates in `namespace` may be missing. Files hold the kinds that are used, and need
    /// not hold the others.
    pub fn unread_workloads(&self, namespace: &str) -> impl Iterator<Item = Kind> {
        Kind::WORKLOADS.iter().copied().filter(move |kind| {
            let missing = self.in_namespace(*kind, namespace);
            missing.is_some_and(|missing| {
                !matches!(missing, Missing::NotServed | Missing::NotCollected)
            })
        })
    }

    /// Whether `kind` was listed namespace by namespace.
    pub fn is_by_namespace(&self, kind: Kind) -> bool {
        self.whole.contains_key(&kind) && self.parts.contains_key(&kind)
    }
}

/// A product that is not installed leaves no gap: there is nothing of it.
pub fn is_harmless(kind: Kind, missing: Missing) -> bool {
    missing == Missing::NotServed && matches!(kind.api().presence, Presence::Product(_))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::{ReadStatus, SourceRead, Unreadable};
    use crate::testing::{snapshot, without};

    /// One namespace was read, and policies were listed there, since the list over the cluster was refused.
    fn by_namespace(unreadable: Option<&str>) -> Snapshot {
        let text = "apiVersion: v1\nkind: Namespace\nmetadata: {name: hr}\n";
        let forbidden = ReadStatus::Forbidden;
        let mut snapshot = without(snapshot(text), Kind::PeerAuthentication, forbidden);
        let sources = &mut snapshot.coverage.sources;
        let whole = sources
            .iter()
            .find(|source| source.kind == Kind::PeerAuthentication)
            .unwrap();
        let part = SourceRead {
            namespace: Some("hr".to_owned()),
            status: ReadStatus::Read,
            ..whole.clone()
        };
        sources.push(part);
        let unreadable = unreadable.map(|name| Unreadable {
            kind: Kind::Namespace,
            namespace: None,
            name: name.to_owned(),
            place: "page 1".to_owned(),
            message: "metadata.labels: expected a map".to_owned(),
        });
        snapshot.coverage.unreadable.extend(unreadable);
        snapshot
    }

    #[test]
    fn lists_of_every_namespace_make_up_for_one_over_the_cluster() {
        let table = [
            (None, None, "all namespaces were listed"),
            (Some("crm"), Some(Missing::Forbidden), "one does not decode"),
            (Some(""), Some(Missing::Forbidden), "and has no name"),
        ];
        for (unreadable, expected, why) in table {
            let gaps = Gaps::new(&by_namespace(unreadable));
            assert_eq!(gaps.listing(Kind::PeerAuthentication), expected, "{why}");
        }
    }
}
