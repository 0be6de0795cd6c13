//! The table of the sample, as people see it.

use super::*;
use crate::render::sample;
use crate::rules::RULES;
use crate::snapshot::{ReadStatus, Unreadable};
use crate::testing;

fn text_of(snapshot: &Snapshot, options: &RenderOptions) -> String {
    let mut bytes = Vec::new();
    render(&sample::report(snapshot), options, &mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

fn text(options: &RenderOptions) -> String {
    text_of(&sample::snapshot(), options)
}

fn wide(width: u16) -> RenderOptions {
    RenderOptions {
        width: Some(width),
        ..RenderOptions::default()
    }
}

const VERBOSE: RenderOptions = RenderOptions {
    width: None,
    colour: false,
    verbose: true,
    evidence_name: None,
    oscal: crate::render::oscal::Model::AssessmentResults,
};

/// Pods that fail, each with a container of another name.
fn failing(pods: usize) -> Snapshot {
    let pods: Vec<String> = (0..pods)
        .map(|index| {
            format!(
                "{{apiVersion: v1, kind: Pod, metadata: {{name: pod-{index:03}, namespace: shop, labels: {{privatecloud.mendix.com/app: a}}}}, \
                 spec: {{hostPID: true, containers: [{{name: c-{index:03}, securityContext: {{privileged: true}}}}]}}, status: {{phase: Running}}}}\n"
            )
        })
        .collect();
    testing::snapshot(&pods.join("---\n"))
}

#[test]
fn at_80_columns() {
    insta::assert_snapshot!(text(&RenderOptions::default()));
}

#[test]
fn at_140_columns() {
    insta::assert_snapshot!(text(&wide(140)));
}

#[test]
fn every_line_fits() {
    for width in [60, 79, 80, 81, 100, 119, 120, 160, 240] {
        for verbose in [false, true] {
            let options = RenderOptions {
                verbose,
                ..wide(width)
            };
            for line in text(&options).lines() {
                let length = line.chars().count();
                assert!(length <= usize::from(width), "{length} > {width}: {line}");
                assert_eq!(line, line.trim_end(), "nothing trails");
            }
        }
    }
}

#[test]
fn colour_says_nothing_that_words_do_not() {
    let plain = text(&RenderOptions::default());
    let coloured = text(&RenderOptions {
        colour: true,
        ..RenderOptions::default()
    });
    assert!(coloured.contains("\u{1b}[31mfail\u{1b}[0m"));
    assert!(!plain.contains('\u{1b}'));
    let stripped: String = coloured
        .split("\u{1b}[")
        .enumerate()
        .map(|(index, piece)| match index {
            0 => piece,
            _ => piece.split_once('m').unwrap().1,
        })
        .collect();
    assert_eq!(stripped, plain);
}

#[test]
fn nothing_is_concluded() {
    let text = text(&VERBOSE).to_lowercase();
    for word in ["compliant", "compliance", "satisfied", "certif"] {
        assert!(!text.contains(word), "{word}");
    }
    assert!(text.contains("examine and interview"));
    assert!(
        text.trim_end()
            .lines()
            .last()
            .unwrap()
            .starts_with("exit code 1: ")
    );
}

#[test]
fn each_rule_is_detailed_once() {
    let text = text(&RenderOptions::default());
    for rule in RULES.iter() {
        let title = rule
            .title
            .split_whitespace()
            .take(6)
            .collect::<Vec<_>>()
            .join(" ");
        assert_eq!(text.matches(&format!("    {title}")).count(), 1, "{title}");
    }
    assert!(text.contains(", see above"));
    assert!(text.contains(", see SC-39"));
}

#[test]
fn long_lists_are_cut_and_say_so() {
    let snapshot = failing(30);
    let brief = text_of(&snapshot, &RenderOptions::default());
    assert!(brief.contains("Pod shop/pod-000\n"));
    assert!(brief.contains("and 28 more\n"), "subjects of one result");
    assert!(brief.contains("and 10 more results on 10 rows: all of them with --verbose"));
    assert!(!brief.contains("c-029"));
    let whole = text_of(&snapshot, &VERBOSE);
    assert!(!whole.contains("more results") && !whole.contains("and 28 more"));
    assert!(whole.contains("c-029"));
}

#[test]
fn names_from_the_cluster_are_harmless() {
    let yaml = r#"
        {apiVersion: v1, kind: Namespace, metadata: {name: "shop\e[2J", labels: {tier: "prod\u202e\u2066"}}}
---
        {apiVersion: v1, kind: Pod, metadata: {name: "a\nexit code 0: no failing rows", namespace: "shop\e[2J",
          labels: {privatecloud.mendix.com/app: "\u200bx\r"}}, spec: {hostPID: true, containers: [{name: "c\e]0;title\a", image: "=1+1"}]}, status: {phase: Running}}
    "#;
    let snapshot = testing::snapshot(yaml);
    let report = sample::report(&snapshot);
    for format in [crate::render::Format::Table, crate::render::Format::Csv] {
        let mut bytes = Vec::new();
        crate::render::render(format, &report, &VERBOSE, &mut bytes).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.contains("\\u{1b}[2J"), "{format:?}");
        for line in text.lines() {
            assert_eq!(crate::render::escape::visible(line), line, "{format:?}");
            assert!(!line.starts_with("exit code 0"), "{format:?}");
        }
    }
}

#[test]
fn what_was_not_read_is_told_in_lines() {
    let snapshot = testing::without(sample::snapshot(), Kind::Pod, ReadStatus::Timeout);
    let mut snapshot = testing::without(snapshot, Kind::MendixApp, ReadStatus::NotServed);
    snapshot.coverage.unreadable.push(Unreadable {
        kind: Kind::Service,
        namespace: Some("shop".to_owned()),
        name: "web\u{1b}".to_owned(),
        place: "page 2".to_owned(),
        message: "invalid type".to_owned(),
    });
    snapshot.coverage.notes.push("the clock is off".to_owned());
    let expected = [
        "ClusterRoleBinding: forbidden: clusterrolebindings is forbidden",
        "Pod: timeout",
        "MendixApp: not-served",
        "Service shop/web\\u{1b}: unreadable: page 2: invalid type",
        "the clock is off",
    ];
    let mut lines = warnings(&snapshot);
    lines.sort();
    let mut expected = expected.map(str::to_owned).to_vec();
    expected.sort();
    assert_eq!(
        lines, expected,
        "EnvoyFilter is not served, which is no gap"
    );
}
