//! What was not read may make a verdict uncertain, and never turn it around.

use std::collections::{BTreeMap, BTreeSet};

use sc39::catalog::Catalog;
use sc39::kind::Kind;
use sc39::rules::{ALWAYS_READ, Rule, Verdict};
use sc39::snapshot::{ReadStatus, Snapshot};

use super::fixture::{Fixture, hide_kind};
use super::rows::Rows;
use super::{CASES, Case, catalog, report};

/// Every kind that a rule reads is hidden from each of its fixtures, one at a time.
#[test]
fn nothing_unread_turns_a_verdict_around() {
    let problems = hunt(|case, fixture, snapshot| {
        let kinds = kinds(case.rule).into_iter();
        let kinds = kinds.filter(|kind| !fixture.hides(*kind));
        let hidden = kinds.map(|kind| {
            let mut hidden = snapshot.clone();
            hide_kind(&mut hidden, kind, ReadStatus::Forbidden);
            (kind.name().to_owned(), hidden)
        });
        hidden.collect()
    });
    assert!(
        problems.is_empty(),
        "{} problems\n{}",
        problems.len(),
        problems.join("\n")
    );
}

/// Lists break off before the objects that a fixture is about, one at a time.
#[test]
fn no_list_that_broke_off_turns_a_verdict_around() {
    let problems = hunt(|case, fixture, snapshot| {
        let kinds = kinds(case.rule);
        let objects = snapshot.objects.iter().enumerate();
        let objects = objects.filter(|(_, object)| {
            kinds.contains(&object.kind) && fixture.is_about(object) && !fixture.hides(object.kind)
        });
        let hidden = objects.map(|(index, object)| {
            let mut hidden = snapshot.clone();
            hidden.objects.remove(index);
            hide_kind(&mut hidden, object.kind, ReadStatus::Truncated);
            (format!("{} {}", object.kind, object.name()), hidden)
        });
        hidden.collect()
    });
    assert!(
        problems.is_empty(),
        "{} problems\n{}",
        problems.len(),
        problems.join("\n")
    );
}

/// Holds each fixture against what `hide` makes of its snapshot.
fn hunt(hide: impl Fn(&Case, &Fixture, &Snapshot) -> Vec<(String, Snapshot)>) -> Vec<String> {
    let catalog = catalog();
    let mut problems = Vec::new();
    for case in CASES.iter() {
        let Ok((fixture, snapshot)) = &case.read else {
            continue;
        };
        let before = verdicts(snapshot, &catalog, fixture, case.rule);
        for (what, hidden) in hide(case, fixture, snapshot) {
            let after = verdicts(&hidden, &catalog, fixture, case.rule);
            let found = contradictions(&before, &after);
            problems
                .extend(found.map(|problem| format!("{} without {what}: {problem}", case.name())));
        }
    }
    problems
}

/// What is hidden from a rule.
fn kinds(rule: &Rule) -> BTreeSet<Kind> {
    let reads = rule.reads.iter().map(|read| read.kind);
    reads.chain(ALWAYS_READ.iter().copied()).collect()
}

type Verdicts = BTreeMap<String, Verdict>;

fn verdicts(
    snapshot: &Snapshot,
    catalog: &Catalog,
    fixture: &Fixture,
    rule: &'static Rule,
) -> Verdicts {
    let (scope, plan) = (&fixture.scope, &fixture.plan);
    Rows::of(&report(snapshot, catalog, scope, plan, &[rule.id]), rule).verdicts()
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
