//! The built-in example: it must read without gaps, and show good and bad.

use sc39::collect::demo;
use sc39::kind::Kind;
use sc39::model::ScopeRequest;
use sc39::plan::Plan;
use sc39::rules::Verdict;
use sc39::snapshot::Object;

use super::{catalog, every_rule, readings, report, rows};

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
    let catalog = catalog();
    let report = report(
        &snapshot,
        &catalog,
        &ScopeRequest::default(),
        Plan::none(),
        &every_rule(),
    );
    assert_eq!(readings::unresolved(&report), [] as [String; 0]);
    let mut lines = Vec::new();
    for rule in &report.rules {
        let verdicts = || rule.results.iter().map(|result| result.verdict);
        let bad = verdicts()
            .filter(|verdict| *verdict != Verdict::Pass)
            .count();
        assert!(bad > 0, "{}: nothing to show", rule.rule.id);
        let passed = verdicts().any(|verdict| verdict == Verdict::Pass);
        let cluster_wide = rule.results.len() == 1;
        assert!(passed || cluster_wide, "{}: nothing passes", rule.rule.id);
        let rows = rows::not_passed(&report, rule).into_iter();
        lines.extend(rows.map(|row| format!("{}: {row}", rule.rule.id)));
    }
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../golden");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!("demo", lines.join("\n")));
}
