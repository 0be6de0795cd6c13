//! What the files cover: for each kind, whether what they hold of it is all there is.

use std::collections::{BTreeMap, BTreeSet};

use super::ManifestOptions;
use crate::kind::{Kind, Presence, Product};
use crate::snapshot::{ReadStatus, SourceRead, Verb};

/// What was found of each kind, and of the products whose kinds need not be installed.
#[derive(Debug, Default)]
pub(super) struct Found {
    kinds: BTreeMap<Kind, Count>,
    /// Products of which anything shows that they are in use.
    products: BTreeSet<Product>,
}

#[derive(Debug, Default)]
struct Count {
    objects: u64,
    is_decoded: bool,
    versions: BTreeSet<String>,
}

impl Found {
    /// Notes that a product is in use, if it is.
    pub(super) fn product(&mut self, product: Product, is_shown: bool) {
        if is_shown {
            self.products.insert(product);
        }
    }

    /// Notes that files hold this kind, if only as an empty list.
    pub(super) fn kind(&mut self, kind: Kind, version: &str) {
        let count = self.kinds.entry(kind).or_default();
        if !count.versions.contains(version) {
            count.versions.insert(version.to_owned());
        }
    }

    /// Notes one more object of a kind.
    pub(super) fn object(&mut self, kind: Kind, is_decoded: bool) {
        let count = self.kinds.entry(kind).or_default();
        count.objects += 1;
        count.is_decoded |= is_decoded;
    }

    /// The coverage of every kind.
    pub(super) fn sources(&self, options: &ManifestOptions) -> Vec<SourceRead> {
        Kind::ALL
            .iter()
            .map(|kind| self.source(*kind, options.assume_complete))
            .collect()
    }

    fn source(&self, kind: Kind, assume_complete: bool) -> SourceRead {
        let count = self.kinds.get(&kind);
        let is_read = count.is_some() || assume_complete || self.is_covered_without_objects(kind);
        SourceRead {
            kind,
            version: count.and_then(Count::version),
            verb: Verb::File,
            namespace: None,
            name: None,
            status: if is_read {
                ReadStatus::Read
            } else {
                ReadStatus::NotCollected
            },
            http_status: None,
            count: count.map_or(0, |count| count.objects),
            pages: 0,
            resource_version: None,
            started_at: None,
            finished_at: None,
            message: None,
        }
    }

    fn is_covered_without_objects(&self, kind: Kind) -> bool {
        // A template says what its pods will be.
        let has_templates = || {
            Kind::WORKLOADS.iter().any(|workload| {
                self.kinds
                    .get(workload)
                    .is_some_and(|count| count.is_decoded)
            })
        };
        kind == Kind::Pod && has_templates()
            || match kind.api().presence {
                Presence::Product(product) => !self.products.contains(&product),
                Presence::BuiltIn | Presence::Mendix => false,
            }
    }
}

impl Count {
    /// The API version, if all objects have the same.
    fn version(&self) -> Option<String> {
        self.versions
            .first()
            .filter(|_| self.versions.len() == 1)
            .cloned()
    }
}
