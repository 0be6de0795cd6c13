//! The projections of a snapshot, each once, in the order of their digests.

use std::collections::HashMap;
use std::sync::Arc;

use rayon::prelude::*;

use crate::canonical;
use crate::projection::Projection;
use crate::snapshot::Object;

/// Digests of all projections. Their texts together are most of the document, so none is kept.
pub(super) struct Index<'r> {
    /// By address: replicas share their projection.
    places: HashMap<usize, usize>,
    /// Sorted by digest.
    entries: Vec<(String, &'r Projection)>,
}

impl<'r> Index<'r> {
    pub(super) fn new(objects: &'r [Object]) -> Result<Self, serde_json::Error> {
        let mut numbers: HashMap<usize, usize> = HashMap::new();
        let mut distinct: Vec<&Projection> = Vec::new();
        for object in objects {
            numbers
                .entry(Arc::as_ptr(&object.projection).addr())
                .or_insert_with(|| {
                    distinct.push(&object.projection);
                    distinct.len() - 1
                });
        }
        let digests: Vec<String> = distinct
            .par_iter()
            .map(canonical::digest_of)
            .collect::<Result<_, _>>()?;
        let mut entries: Vec<_> = digests.iter().cloned().zip(distinct).collect();
        entries.sort_by(|(left, _), (right, _)| left.cmp(right));
        entries.dedup_by(|(left, _), (right, _)| left == right);
        let place = |number: usize| {
            let digest = &digests[number];
            entries.partition_point(|(known, _)| known < digest)
        };
        let places = numbers
            .into_iter()
            .map(|(address, number)| (address, place(number)))
            .collect();
        Ok(Self { places, entries })
    }

    /// Where the projection of an object stands among the entries.
    pub(super) fn place(&self, object: &Object) -> usize {
        *self
            .places
            .get(&Arc::as_ptr(&object.projection).addr())
            .expect("the index was made of the same objects")
    }

    /// Digests and projections.
    pub(super) fn entries(&self) -> &[(String, &'r Projection)] {
        &self.entries
    }
}
