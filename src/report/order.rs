//! The order of results and rows.

use std::cmp::Ordering;

use super::{Effective, RuleReport, RuleResult, SubjectRef, place};
use crate::model::Port;
use crate::snapshot::Snapshot;

/// Orders what is about objects of a snapshot.
#[derive(Debug)]
pub struct Order<'s> {
    snapshot: &'s Snapshot,
    /// Of each object by index: where it comes by namespace, kind and name. Strings are compared once for each object,
    /// and not once for each row.
    ranks: Vec<u32>,
}

impl<'s> Order<'s> {
    /// Takes the names of all objects.
    pub fn new(snapshot: &'s Snapshot) -> Self {
        let mut order: Vec<(SubjectRef, usize)> = (0..snapshot.objects.len())
            .map(|index| (SubjectRef::object(index), index))
            .collect();
        order.sort_by(|(left, _), (right, _)| {
            sort_key(snapshot, left).cmp(&sort_key(snapshot, right))
        });
        let mut ranks = vec![0; order.len()];
        for ((_, index), rank) in order.into_iter().zip(0..) {
            ranks[index] = rank;
        }
        Self { snapshot, ranks }
    }

    /// By namespace, kind and name.
    pub fn by_place(&self, left: &SubjectRef, right: &SubjectRef) -> Ordering {
        if let (SubjectRef::Object(left), SubjectRef::Object(right)) = (left, right) {
            return self.ranks[*left as usize].cmp(&self.ranks[*right as usize]);
        }
        sort_key(self.snapshot, left).cmp(&sort_key(self.snapshot, right))
    }

    /// Worst first, then by the first subject, container and port.
    pub fn results(&self, results: &mut [RuleResult]) {
        results.sort_by(|left, right| {
            let by_rank = rank(left.effective).cmp(&rank(right.effective));
            by_rank
                .then_with(|| match (left.subjects.first(), right.subjects.first()) {
                    (Some(one), Some(other)) => self.by_place(one, other),
                    (one, other) => one.is_some().cmp(&other.is_some()),
                })
                .then_with(|| order_key(left).cmp(&order_key(right)))
        });
    }

    /// Every row: worst first, then by namespace, kind, name, container and port.
    pub fn rows<'r>(&self, rule: &'r RuleReport) -> Vec<(&'r RuleResult, &'r SubjectRef)> {
        let results = rule.results.iter();
        let mut rows: Vec<_> = results
            .flat_map(|result| result.subjects.iter().map(move |subject| (result, subject)))
            .collect();
        rows.sort_by(|(one, subject), (other, of_other)| {
            let by_rank = rank(one.effective).cmp(&rank(other.effective));
            by_rank
                .then_with(|| self.by_place(subject, of_other))
                .then_with(|| order_key(one).cmp(&order_key(other)))
        });
        rows
    }
}

fn sort_key<'a>(snapshot: &'a Snapshot, subject: &'a SubjectRef) -> (&'a str, &'a str, &'a str) {
    let (kind, namespace, name) = place(snapshot, subject);
    (namespace, kind, name)
}

/// What orders results about the same subject.
fn order_key(result: &RuleResult) -> (Option<&str>, Option<&Port>, &str, &str) {
    let container = result.container.as_deref();
    (
        container,
        result.port.as_ref(),
        result.reason.code(),
        &result.message,
    )
}

fn rank(effective: Effective) -> usize {
    Effective::ALL
        .iter()
        .position(|known| *known == effective)
        .unwrap_or_default()
}
