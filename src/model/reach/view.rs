//! A pod as policies see it: one that is there, or one that somebody may make.

use std::collections::BTreeMap;

use super::labels::{Id, Value, value_of};

/// A pod as policies see it.
#[derive(Debug)]
pub(super) struct View<'v> {
    pub(super) namespace: usize,
    /// Of a pod that is there: its class.
    pub(super) class: Option<usize>,
    pub(super) labels: Labels<'v>,
}

/// Labels that are there, or that are chosen so far; a chosen label may also be left out.
#[derive(Debug)]
pub(super) enum Labels<'v> {
    Known(&'v [(Id, Id)]),
    Chosen(&'v BTreeMap<Id, Option<Id>>),
}

impl View<'_> {
    pub(super) fn value(&self, key: Id) -> Value {
        match self.labels {
            Labels::Known(labels) => value_of(labels, key),
            Labels::Chosen(labels) => match labels.get(&key) {
                Some(Some(value)) => Value::Is(*value),
                Some(None) => Value::Absent,
                None => Value::Free,
            },
        }
    }
}
