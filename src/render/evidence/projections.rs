//! The projections of a snapshot, each once, in the order of their digests.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde_json::value::RawValue;

use super::ordered::Ordered;
use crate::canonical;
use crate::projection::Projection;
use crate::snapshot::Object;

/// Digests and canonical texts of all projections.
pub(super) struct Index {
    /// By address: replicas share their projection.
    places: HashMap<*const Projection, usize>,
    /// `(digest, canonical JSON)`, sorted.
    entries: Vec<(String, Box<RawValue>)>,
}

impl Index {
    pub(super) fn new(objects: &[Object]) -> Result<Self, serde_json::Error> {
        let mut digests: HashMap<*const Projection, String> = HashMap::new();
        let mut texts: BTreeMap<String, Box<RawValue>> = BTreeMap::new();
        for object in objects {
            let address = Arc::as_ptr(&object.projection);
            if digests.contains_key(&address) {
                continue;
            }
            let value = serde_json::to_value(object.projection.as_ref())?;
            let text = serde_json::to_string(&Ordered(&value))?;
            let digest = format!("sha256:{}", canonical::sha256(text.as_bytes()));
            if !texts.contains_key(&digest) {
                texts.insert(digest.clone(), RawValue::from_string(text)?);
            }
            digests.insert(address, digest);
        }
        let entries: Vec<_> = texts.into_iter().collect();
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

    pub(super) fn entries(&self) -> impl Iterator<Item = (&str, &RawValue)> {
        self.entries
            .iter()
            .map(|(digest, text)| (digest.as_str(), text.as_ref()))
    }
}
