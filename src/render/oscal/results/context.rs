//! What all parts of a document need.

use std::collections::BTreeSet;

use super::inventory::Inventory;
use crate::render::EvidenceFile;
use crate::render::oscal::id::{Id, Ids};
use crate::render::oscal::text::Moment;
use crate::report::{Gap, Report, RuleReport};
use crate::rules::Reason;

pub(super) struct Context<'r> {
    pub(super) report: &'r Report<'r>,
    pub(super) evidence: &'r EvidenceFile,
    pub(super) ids: Ids<'r>,
    /// The evidence, in the back matter.
    pub(super) evidence_resource: Id,
    /// When the objects were read.
    pub(super) collected: Moment,
    pub(super) inventory: Inventory<'r>,
    gaps: Vec<Id>,
}

impl<'r> Context<'r> {
    pub(super) fn new(report: &'r Report<'r>, evidence: &'r EvidenceFile) -> Self {
        let origin = &report.snapshot.origin;
        let ids = Ids::new(origin.cluster.uid.as_deref());
        Self {
            report,
            evidence,
            ids,
            evidence_resource: of_run("evidence", report, evidence),
            collected: Moment::of(&origin.finished_at),
            inventory: Inventory::new(report),
            gaps: gap_ids(ids, &report.gaps),
        }
    }

    /// The id of something that belongs to this run alone.
    pub(super) fn of_run(&self, what: &str) -> Id {
        of_run(what, self.report, self.evidence)
    }

    /// The id of a rule's observation.
    pub(super) fn observation(&self, rule: &str) -> Id {
        self.ids.of("observation", &[rule])
    }

    /// Rules that ran, with the index in the evidence of their first result.
    pub(super) fn rules(&self) -> impl Iterator<Item = (&'r RuleReport, usize)> {
        let mut first = 0;
        self.report.rules.iter().filter_map(move |rule| {
            let index = first;
            first += rule.results.len();
            rule.selected.then_some((rule, index))
        })
    }

    /// What was not read, with the ids of observations on it.
    pub(super) fn gaps(&self) -> impl Iterator<Item = (&'r Gap, Id)> {
        self.report.gaps.iter().zip(self.gaps.iter().copied())
    }
}

fn of_run(what: &str, report: &Report<'_>, evidence: &EvidenceFile) -> Id {
    Ids::fixed(what, &[&report.run.id, &evidence.sha256])
}

/// Objects that could not be decoded may be alike in all that is known of them.
fn gap_ids(ids: Ids<'_>, gaps: &[Gap]) -> Vec<Id> {
    let mut given = BTreeSet::new();
    let of_gap = |gap: &Gap| {
        let parts = [
            gap.kind.label(),
            gap.namespace.as_deref().unwrap_or_default(),
            gap.name.as_deref().unwrap_or_default(),
            Reason::from(gap.missing).code(),
            &gap.message,
        ];
        let mut number = 1_u64;
        let mut id = ids.of("gap", &parts);
        while !given.insert(id) {
            number += 1;
            id = ids.of("gap", &[&parts[..], &[&number.to_string()]].concat());
        }
        id
    };
    gaps.iter().map(of_gap).collect()
}
