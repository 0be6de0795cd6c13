//! What evidence keeps of every fixture is enough to derive it again.

use sc39::evidence::Evidence;
use sc39::render::{Format, RenderOptions, render};
use sc39::report::Report;
use sc39::snapshot::Snapshot;
use sc39::verify::{self, Check};

use super::{CASES, catalog, every_rule, report};

fn written(report: &Report<'_>) -> String {
    let mut bytes = Vec::new();
    render(Format::Json, report, &RenderOptions::default(), &mut bytes).expect("it is written");
    String::from_utf8(bytes).expect("JSON is UTF-8")
}

fn in_order(snapshot: &Snapshot) -> Snapshot {
    let snapshot = snapshot.clone();
    Snapshot::new(snapshot.origin, snapshot.coverage, snapshot.objects)
}

#[test]
fn every_fixture_can_be_derived_again_from_its_evidence() {
    let catalog = catalog();
    let mut problems = Vec::new();
    for case in CASES.iter() {
        let (fixture, snapshot) = case.read.as_ref().expect("fixtures can be read");
        // Only the command line knows the text of a selector.
        if fixture.scope.selector.is_some() {
            continue;
        }
        // Fixtures add what is missing at the end, and snapshots are in order.
        let snapshot = &in_order(snapshot);
        // All rules on all fixtures take long; the values that one rule reads are those that its fixtures are about.
        let report = report(
            snapshot,
            &catalog,
            &fixture.scope,
            &fixture.plan,
            &[case.rule.id],
        );
        let text = written(&report);
        let evidence = match Evidence::parse("evidence.json", &text) {
            Ok(evidence) => evidence,
            Err(error) => {
                problems.push(format!("{}: {error}", case.name()));
                continue;
            }
        };
        let verified = verify::verify(&evidence, &catalog, &text).expect("it can be verified");
        // Fixtures do not say how many objects their lists brought.
        let checks = verified.findings.by_check();
        for (_, findings, _) in checks.filter(|(check, _, _)| *check != Check::Population) {
            let lines = findings.iter().map(|finding| {
                format!("{}: {}: {}", case.name(), finding.pointer, finding.message)
            });
            problems.extend(lines);
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn all_rules_can_be_derived_again() {
    let catalog = catalog();
    let (fixture, snapshot) = CASES[0].read.as_ref().expect("fixtures can be read");
    let report = report(
        snapshot,
        &catalog,
        &fixture.scope,
        &fixture.plan,
        &every_rule(),
    );
    let text = written(&report);
    let evidence = Evidence::parse("evidence.json", &text).expect("it can be read");
    let derived = verify::derive(&evidence, &catalog).expect("this binary has its rules");
    let findings = verify::compare(&derived, &text).expect("it can be compared");
    assert!(findings.is_empty(), "{findings:?}");
}
