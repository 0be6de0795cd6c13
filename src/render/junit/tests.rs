//! What readers of `JUnit` XML find in a report.

use quick_xml::Reader;
use quick_xml::events::Event;

use super::*;
use crate::kind::Kind;
use crate::plan::Plan;
use crate::render::sample;
use crate::snapshot::{ReadStatus, Snapshot};
use crate::testing;

fn written(report: &Report<'_>) -> String {
    let mut bytes = Vec::new();
    render(report, &mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

/// A test: suite, name, and what stands in it with its message.
#[derive(Clone, Debug, Default, PartialEq)]
struct Test {
    suite: String,
    class: String,
    name: String,
    outcome: Option<(String, String, String)>,
}

fn attribute(element: &BytesStart<'_>, name: &str) -> String {
    let attribute = element.try_get_attribute(name).unwrap();
    attribute.map_or_else(String::new, |attribute| {
        let value = attribute.normalized_value(quick_xml::XmlVersion::Implicit1_0);
        value.unwrap().into_owned()
    })
}

/// Reads a report back, and holds the totals of every element against its children.
#[expect(
    clippy::too_many_lines,
    reason = "one pass over the events of a document"
)]
fn tests(text: &str) -> Vec<Test> {
    let forbidden = |letter: char| {
        letter.is_control() && letter != '\n' || matches!(letter, '\u{fffe}' | '\u{ffff}')
    };
    assert!(!text.contains(forbidden), "XML 1.0 has no such character");
    let mut reader = Reader::from_str(text);
    let (mut tests, mut suite, mut declared) = (Vec::new(), String::new(), Vec::new());
    let mut current: Option<Test> = None;
    loop {
        let event = reader.read_event().unwrap();
        let (element, empty) = match &event {
            Event::Eof => break,
            Event::Start(element) => (element, false),
            Event::Empty(element) => (element, true),
            Event::End(element) => {
                if element.name().as_ref() == "testcase" {
                    tests.extend(current.take());
                }
                continue;
            }
            _ => continue,
        };
        match element.name().as_ref() {
            name @ ("testsuites" | "testsuite") => {
                suite = if name == "testsuite" {
                    attribute(element, "name")
                } else {
                    String::new()
                };
                let number = |name: &str| attribute(element, name).parse::<usize>().unwrap();
                let numbers = ["tests", "failures", "errors", "skipped"].map(number);
                declared.push((suite.clone(), numbers));
            }
            "testcase" => {
                let case = Test {
                    suite: suite.clone(),
                    class: attribute(element, "classname"),
                    name: attribute(element, "name"),
                    outcome: None,
                };
                if empty {
                    tests.push(case);
                } else {
                    current = Some(case);
                }
            }
            name @ ("failure" | "error" | "skipped") => {
                let outcome = (
                    name.to_owned(),
                    attribute(element, "type"),
                    attribute(element, "message"),
                );
                current.as_mut().unwrap().outcome = Some(outcome);
            }
            name => assert!(["properties", "property"].contains(&name), "{name}"),
        }
    }
    for (suite, numbers) in declared {
        let of: Vec<&Test> = tests
            .iter()
            .filter(|test| suite.is_empty() || test.suite == suite)
            .collect();
        let with = |wanted: &str| {
            let outcomes = of.iter().filter_map(|test| test.outcome.as_ref());
            outcomes.filter(|(name, _, _)| name == wanted).count()
        };
        let counted = [of.len(), with("failure"), with("error"), with("skipped")];
        assert_eq!(numbers, counted, "{suite}");
    }
    tests
}

fn of(snapshot: &Snapshot) -> Vec<Test> {
    tests(&written(&sample::report(snapshot)))
}

#[test]
fn verdicts_become_outcomes() {
    let snapshot = sample::snapshot();
    let report = sample::report(&snapshot);
    let tests = tests(&written(&report));
    let units = report.rules.iter().flat_map(|rule| report.units(rule));
    let expected: Vec<Option<&str>> = units
        .map(|unit| match unit.result.effective {
            Effective::Pass => None,
            Effective::Fail => Some("failure"),
            Effective::Indeterminate => Some("error"),
            Effective::Waived | Effective::NotApplicable => Some("skipped"),
        })
        .collect();
    let found: Vec<Option<&str>> = tests
        .iter()
        .filter(|test| test.suite != COVERAGE)
        .map(|test| test.outcome.as_ref().map(|(name, _, _)| name.as_str()))
        .collect();
    assert_eq!(found, expected);
    for wanted in [None, Some("failure"), Some("error"), Some("skipped")] {
        assert!(found.contains(&wanted), "{wanted:?}");
    }
}

#[test]
fn names_are_unique_and_tell_the_workload() {
    let tests = of(&sample::snapshot());
    let mut names: Vec<(&str, &str)> = tests
        .iter()
        .map(|test| (test.class.as_str(), test.name.as_str()))
        .collect();
    names.sort_unstable();
    let all = names.len();
    names.dedup();
    assert_eq!(names.len(), all);
    let known = (
        "shop-prod/Namespace",
        "environment-tier: Namespace shop-prod",
    );
    assert!(names.contains(&known));
}

#[test]
fn what_was_not_read_is_an_error_of_its_own_and_none_of_its_rules_passes() {
    let snapshot = testing::without(sample::snapshot(), Kind::Pod, ReadStatus::Forbidden);
    let tests = of(&snapshot);
    let gap = Test {
        suite: COVERAGE.to_owned(),
        class: COVERAGE.to_owned(),
        name: "Pod".to_owned(),
        outcome: None,
    };
    let found = tests
        .iter()
        .find(|test| test.suite == gap.suite && test.name == gap.name)
        .unwrap();
    let (element, kind, message) = found.outcome.as_ref().unwrap();
    assert_eq!((element.as_str(), kind.as_str()), ("error", COVERAGE));
    assert!(message.starts_with("forbidden: Pod may not be read; touches pod-per-app"));
    let of_rule = tests
        .iter()
        .filter(|test| test.name.starts_with("host-namespaces:"));
    for test in of_rule {
        let outcome = test
            .outcome
            .as_ref()
            .map(|(element, _, _)| element.as_str());
        assert_eq!(outcome, Some("error"), "{test:?}");
    }
    let complete = of(&testing::snapshot(""));
    let coverage: Vec<&Test> = complete
        .iter()
        .filter(|test| test.suite == COVERAGE)
        .collect();
    assert_eq!(coverage.len(), 1);
    assert_eq!(coverage[0].outcome, None);
}

#[test]
fn hostile_text_stays_text() {
    let (snapshot, waivers) = (sample::hostile(), sample::waivers());
    let report = sample::report_with(&snapshot, Plan::none(), &waivers);
    let text = written(&report);
    assert!(!text.contains("<script"));
    let tests = tests(&text);
    let waived = tests
        .iter()
        .filter_map(|test| test.outcome.as_ref())
        .find(|(_, _, message)| message.starts_with("waiver W-1 until 2026-01-01: "));
    let (element, _, message) = waived.unwrap();
    assert_eq!(element, "skipped");
    assert!(message.ends_with(&*visible(sample::HOSTILE)));
    let pod = tests.iter().find(|test| {
        test.name
            .starts_with("host-namespaces: Pod shop-prod/orders-master-5d8f-ddddd")
    });
    assert!(pod.unwrap().name.ends_with(&*visible(sample::HOSTILE)));
}

#[test]
fn the_sample_as_junit() {
    let (snapshot, waivers) = (sample::snapshot(), sample::waivers());
    let text = written(&sample::report_on_few(&snapshot, &waivers));
    tests(&text);
    insta::assert_snapshot!(text);
}
