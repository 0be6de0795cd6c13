//! The inventory: what results are about, pods by what they belong to.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::projection::uid::Uid;
use crate::render::oscal::id::{Id, Ids};
use crate::render::oscal::text::markup;
use crate::render::oscal::wire::Prop;
use crate::report::{Place, Report, SubjectRef};

/// Every item, sorted.
pub(super) struct Inventory<'r> {
    /// With the uid of the object, where the item is an object that a result is about.
    items: BTreeMap<Place<'r>, Option<&'r Uid>>,
}

#[derive(Serialize)]
pub(super) struct Item<'r> {
    uuid: Id,
    description: String,
    props: Vec<Prop<'r>>,
}

impl<'r> Inventory<'r> {
    pub(super) fn new(report: &'r Report<'r>) -> Self {
        let mut known = vec![false; report.snapshot.objects.len()];
        let mut items = BTreeMap::new();
        let results = report.rules.iter().flat_map(|rule| &rule.results);
        for subject in results.flat_map(|result| result.subjects.iter()) {
            if let SubjectRef::Object(index) = subject
                && let Some(known) = known.get_mut(*index as usize)
                && std::mem::replace(known, true)
            {
                continue;
            }
            let place = report.workloads.place(report.snapshot, subject);
            items.insert(place, uid(report, subject, place));
        }
        Self { items }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    pub(super) fn items(&self) -> impl Iterator<Item = (Place<'r>, Option<&'r Uid>)> {
        self.items.iter().map(|(place, uid)| (*place, *uid))
    }
}

/// The id of an item.
pub(super) fn id(place: Place<'_>, ids: Ids<'_>) -> Id {
    ids.of("inventory-item", &[place.namespace, place.kind, place.name])
}

/// The uid of an object that is itself the item, and no pod of it.
fn uid<'r>(report: &Report<'r>, subject: &SubjectRef, place: Place<'_>) -> Option<&'r Uid> {
    let SubjectRef::Object(index) = subject else {
        return None;
    };
    let object = report.snapshot.objects.get(*index as usize)?;
    let is_item = place.name == object.name() && place.kind == object.kind.label();
    object.identity.uid.as_ref().filter(|_| is_item)
}

impl<'r> Item<'r> {
    pub(super) fn new(ids: Ids<'_>, (place, uid): (Place<'r>, Option<&'r Uid>)) -> Self {
        let asset_type = format!("kubernetes-{}", place.kind.to_lowercase());
        let mut props = vec![
            Prop::nist("asset-id", place.to_string()),
            Prop::nist("asset-type", asset_type),
        ];
        let named = [("namespace", place.namespace), ("name", place.name)];
        let named = named.into_iter().filter(|(_, value)| !value.is_empty());
        props.extend(named.map(|(name, value)| Prop::own(name, value)));
        props.extend(uid.map(|uid| Prop::own("uid", uid.to_string())));
        Self {
            uuid: id(place, ids),
            description: markup(&place.to_string()),
            props,
        }
    }
}
