//! What was not read may make a verdict uncertain, and never turn it around.

use std::collections::{BTreeMap, BTreeSet};

use sc39::catalog::Catalog;
use sc39::kind::Kind;
use sc39::model::ScopeRequest;
use sc39::rules::{ALWAYS_READ, Rule, Verdict};
use sc39::snapshot::{ReadStatus, Snapshot};

use super::fixture::hide_kind;
use super::rows::Rows;
use super::{CASES, catalog, report};

/// Every kind that a rule reads is hidden from each of its fixtures, one at a time. Workloads stand for pods that do not
/// exist yet; they are hidden only where the rule says that it reads them.
#[test]
fn nothing_unread_turns_a_verdict_around() {
    let catalog = catalog();
    let mut problems = BTreeSet::new();
    for case in CASES.iter() {
        let Ok((fixture, snapshot)) = &case.read else {
            continue;
        };
        let reads = case.rule.reads.iter().map(|read| read.kind);
        let objects = ALWAYS_READ
            .iter()
            .filter(|kind| !Kind::WORKLOADS.contains(kind));
        let kinds: BTreeSet<Kind> = reads.chain(objects.copied()).collect();
        let before = verdicts(snapshot, &catalog, &fixture.scope, case.rule);
        for kind in kinds.into_iter().filter(|kind| !fixture.hides(*kind)) {
            let mut hidden = snapshot.clone();
            hide_kind(&mut hidden, kind, ReadStatus::Forbidden);
            let after = verdicts(&hidden, &catalog, &fixture.scope, case.rule);
            let found = contradictions(&before, &after);
            problems
                .extend(found.map(|problem| format!("{} without {kind}: {problem}", case.name())));
        }
    }
    let count = problems.len();
    let problems: Vec<String> = problems.into_iter().collect();
    assert!(
        problems.is_empty(),
        "{count} problems\n{}",
        problems.join("\n")
    );
}

type Verdicts = BTreeMap<String, Verdict>;

fn verdicts(
    snapshot: &Snapshot,
    catalog: &Catalog,
    scope: &ScopeRequest,
    rule: &'static Rule,
) -> Verdicts {
    Rows::of(&report(snapshot, catalog, scope, &[rule.id]), rule).verdicts()
}

fn contradictions(before: &Verdicts, after: &Verdicts) -> impl Iterator<Item = String> {
    let uncertain = after
        .values()
        .any(|verdict| *verdict == Verdict::Indeterminate);
    let turned = after.iter().filter_map(|(subject, now)| {
        let then = before.get(subject);
        let certain = *now != Verdict::Indeterminate;
        let is_turned = certain && then.is_none_or(|then| then != now);
        is_turned.then(|| {
            let then = then.map_or("nothing", |then| then.name());
            format!("{subject} is {}, with it {then}", now.name())
        })
    });
    let gone = before
        .keys()
        .filter(move |subject| !after.contains_key(*subject) && !uncertain)
        .map(|subject| format!("{subject} has no row, and nothing is uncertain"));
    turned.chain(gone)
}
