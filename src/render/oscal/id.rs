//! Ids: UUIDs of version 5 in a space of their own.

use std::fmt::{self, Write as _};

use serde::{Serialize, Serializer};
use uuid::Uuid;

/// Makes the ids of one document.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ids<'r> {
    /// Uid of the cluster, or empty.
    cluster: &'r str,
}

/// An id, written as a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Id(Uuid);

impl<'r> Ids<'r> {
    pub(super) fn new(cluster: Option<&'r str>) -> Self {
        Self {
            cluster: cluster.unwrap_or_default(),
        }
    }

    /// Of something in the cluster: the same in every run.
    pub(super) fn of(self, what: &str, parts: &[&str]) -> Id {
        Self::fixed(what, &[&[self.cluster], parts].concat())
    }

    /// Of something that is the same whatever cluster is looked at.
    pub(super) fn fixed(what: &str, parts: &[&str]) -> Id {
        let space = Uuid::new_v5(&Uuid::NAMESPACE_URL, b"urn:sc39:oscal");
        // The length of each part keeps ("a", "b") from ("ab"), whatever characters names have.
        let mut name = what.to_owned();
        for part in parts {
            // Writing to a String cannot fail.
            let _ = write!(name, "\u{1f}{}:{part}", part.len());
        }
        Id(Uuid::new_v5(&space, name.as_bytes()))
    }
}

impl Id {
    /// As a reference within the document.
    pub(super) fn fragment(self) -> String {
        format!("#{self}")
    }
}

impl fmt::Display for Id {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cannot_be_shifted_into_one_another() {
        let ids = Ids::new(Some("uid"));
        let all = [
            ids.of("item", &["a", "b"]),
            ids.of("item", &["ab"]),
            ids.of("item", &["a\u{1f}1:b"]),
            ids.of("item", &["a", "b", ""]),
            ids.of("risk", &["a", "b"]),
            Ids::new(None).of("item", &["a", "b"]),
            Ids::fixed("item", &["a", "b"]),
        ];
        let mut distinct = all.to_vec();
        distinct.sort();
        distinct.dedup();
        assert_eq!(distinct.len(), all.len());
    }

    #[test]
    fn ids_are_of_version_5() {
        let id = Ids::fixed("item", &[]).to_string();
        assert_eq!(&id[14..15], "5", "{id}");
    }
}
