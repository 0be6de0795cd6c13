//! The built-in example: it must read without gaps, and show good and bad.

use std::collections::BTreeSet;

use sc39::collect::demo;
use sc39::kind::Kind;
use sc39::model::ScopeRequest;
use sc39::rules::{Subjects, Verdict};
use sc39::snapshot::Object;

use super::{CASES, catalog, every_rule, readings, report, rows};

#[test]
fn the_demo_reads_without_gaps() {
    let snapshot = demo::snapshot().unwrap();
    assert_eq!(snapshot.coverage.unreadable, []);
    assert!(
        snapshot.coverage.notes.is_empty(),
        "{:?}",
        snapshot.coverage.notes
    );
    let pods = snapshot.of_kind(Kind::Pod).count();
    assert!((25..=40).contains(&pods), "{pods} pods");
    let undated = snapshot.objects.iter().filter(|object| {
        let identity = &object.identity;
        identity.uid.is_none() || identity.creation_timestamp.is_none()
    });
    let undated: Vec<&str> = undated.map(Object::name).collect();
    assert!(
        undated.is_empty(),
        "not as a live list would have it: {undated:?}"
    );
}

#[test]
fn the_demo_shows_good_and_bad() {
    let snapshot = demo::snapshot().unwrap();
    let plan = demo::plan().unwrap();
    let catalog = catalog();
    let report = report(
        &snapshot,
        &catalog,
        &ScopeRequest::default(),
        &plan,
        &every_rule(),
    );
    assert_eq!(readings::unresolved(&report), [] as [String; 0]);
    let mut lines = Vec::new();
    for rule in &report.rules {
        let shown: BTreeSet<Verdict> = rule.results.iter().map(|result| result.verdict).collect();
        if matches!(rule.rule.subjects, Subjects::Cluster) {
            // One cluster has one verdict: the other one is left to the fixtures.
            assert_eq!(rule.results.len(), 1, "{}", rule.rule.id);
            assert_eq!(shown, [Verdict::Fail].into(), "{}", rule.rule.id);
            assert!(has_fixture(rule.rule.id, "pass-"), "{}", rule.rule.id);
        } else {
            for verdict in [Verdict::Fail, Verdict::Pass] {
                let (id, name) = (rule.rule.id, verdict.name());
                assert!(shown.contains(&verdict), "{id}: no {name} in {shown:?}");
            }
        }
        let rows = rows::not_passed(&report, rule).into_iter();
        lines.extend(rows.map(|row| format!("{}: {row}", rule.rule.id)));
    }
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../golden");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!("demo", lines.join("\n")));
}

/// Whether a fixture of a rule has a name that begins so.
fn has_fixture(rule: &str, start: &str) -> bool {
    let start = format!("{rule}/{start}");
    CASES.iter().any(|case| case.name().starts_with(&start))
}
