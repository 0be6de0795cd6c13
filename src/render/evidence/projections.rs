//! The projections of a snapshot, each once, in the order of their digests.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::canonical::{self, Ordered};
use crate::projection::Projection;
use crate::snapshot::Object;

/// Digests of all projections. Their texts together are most of the document, so none is kept.
pub(super) struct Index<'r> {
    /// By address: replicas share their projection.
    places: HashMap<*const Projection, usize>,
    /// Sorted by digest.
    entries: Vec<(String, &'r Projection)>,
}

impl<'r> Index<'r> {
    pub(super) fn new(objects: &'r [Object]) -> Result<Self, serde_json::Error> {
        let mut digests: HashMap<*const Projection, String> = HashMap::new();
        let mut projections: BTreeMap<String, &Projection> = BTreeMap::new();
        for object in objects {
            let address = Arc::as_ptr(&object.projection);
            if digests.contains_key(&address) {
                continue;
            }
            let value = serde_json::to_value(object.projection.as_ref())?;
            let text = serde_json::to_string(&Ordered(&value))?;
            let digest = format!("sha256:{}", canonical::sha256(text.as_bytes()));
            projections
                .entry(digest.clone())
                .or_insert(&object.projection);
            digests.insert(address, digest);
        }
        let entries: Vec<_> = projections.into_iter().collect();
        let place = |digest: &String| entries.partition_point(|(known, _)| known < digest);
        let places = digests
            .into_iter()
            .map(|(address, digest)| (address, place(&digest)))
            .collect();
        Ok(Self { places, entries })
    }

    /// Where the projection of an object stands among the entries.
    pub(super) fn place(&self, object: &Object) -> usize {
        *self
            .places
            .get(&Arc::as_ptr(&object.projection))
            .expect("the index was made of the same objects")
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = (&str, &'r Projection)> {
        self.entries
            .iter()
            .map(|(digest, projection)| (digest.as_str(), *projection))
    }
}
