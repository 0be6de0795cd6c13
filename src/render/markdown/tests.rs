//! The summary of the sample, and what hostile text can do to it.

use super::*;
use crate::kind::Kind;
use crate::plan::Plan;
use crate::render::sample;
use crate::snapshot::{ReadStatus, Snapshot, Unreadable};
use crate::testing;

fn written(report: &Report<'_>) -> String {
    let mut bytes = Vec::new();
    render(report, &mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

fn of(snapshot: &Snapshot) -> String {
    written(&sample::report(snapshot))
}

#[test]
fn the_sample_as_markdown() {
    let (snapshot, waivers) = (sample::snapshot(), sample::waivers());
    let report = sample::report_on_few(&snapshot, &waivers);
    insta::assert_snapshot!(written(&report));
}

#[test]
fn gaps_stand_above_verdicts() {
    let text = of(&testing::without(
        sample::snapshot(),
        Kind::Pod,
        ReadStatus::Forbidden,
    ));
    let gap = text.find("- **Pod**, forbidden:").unwrap();
    assert!(gap < text.find("| determination |").unwrap());
    let row = text
        .lines()
        .find(|line| line.starts_with("| host-namespaces "))
        .unwrap();
    assert_eq!(row, "| host-namespaces | critical | 0 | 1 | 0 | 0 | 0 |");
    assert!(of(&testing::snapshot("")).contains("All that the selected rules read was read."));
}

/// Lines with their code spans taken out, as `CommonMark` finds them: a run of backticks to the next run of its length.
fn outside_code(line: &str) -> String {
    let (mut outside, mut rest) = (String::new(), line);
    while let Some(start) = rest.find('`') {
        outside.push_str(&rest[..start]);
        let fence = rest[start..]
            .chars()
            .take_while(|letter| *letter == '`')
            .count();
        rest = &rest[start + fence..];
        let mut from = 0;
        let end = loop {
            let Some(at) = rest[from..].find('`') else {
                panic!("a code span does not end: {line}");
            };
            let run = rest[from + at..]
                .chars()
                .take_while(|letter| *letter == '`')
                .count();
            if run == fence {
                break from + at;
            }
            from += at + run;
        };
        rest = &rest[end + fence..];
    }
    outside + rest
}

#[test]
fn hostile_text_stays_in_code_spans() {
    let (snapshot, waivers) = (sample::hostile(), sample::waivers());
    let report = sample::report_with(&snapshot, Plan::none(), &waivers);
    let text = written(&report);
    assert!(text.contains("script"), "it is there");
    for line in text.lines() {
        let outside = outside_code(line);
        for sign in [
            "<", "script", "http:", "@", "](", "##vso", "\u{1b}", "\u{202e}",
        ] {
            assert!(!outside.contains(sign), "{sign}: {line}");
        }
        assert!(!line.starts_with("# h"), "{line}");
    }
}

#[test]
fn code_spans_hold_anything() {
    let table = [
        ("", "(empty)"),
        (" ", "(empty)"),
        ("a", "`a`"),
        ("a`b", "`` a`b ``"),
        ("``", "``` `` ```"),
        (" a", "`  a `"),
        ("a\nb", "`a\\u{a}b`"),
    ];
    for (text, expected) in table {
        assert_eq!(code_span(text), expected);
    }
    let long = code_span(&"é".repeat(1000));
    assert_eq!(long.chars().count(), LONGEST + 3);
    assert!(long.ends_with("…`"));
}

#[test]
fn it_is_short_however_much_there_is_to_say() {
    let wide = "\u{1f4a9}".repeat(400);
    let pods: Vec<String> = (0..60)
        .map(|index| {
            format!(
                "{{apiVersion: v1, kind: Pod, metadata: {{name: pod-{index:03}-{wide}, namespace: shop-{wide}, \
                 labels: {{privatecloud.mendix.com/app: a}}}}, spec: {{hostPID: true, containers: [{{name: c}}]}}, \
                 status: {{phase: Running}}}}\n"
            )
        })
        .collect();
    let mut snapshot = testing::snapshot(&pods.join("---\n"));
    for index in 0..500 {
        snapshot.coverage.notes.push(format!("{index} {wide}"));
        snapshot.coverage.unreadable.push(Unreadable {
            kind: Kind::Pod,
            namespace: Some(wide.clone()),
            name: format!("{index} {wide}"),
            place: wide.clone(),
            message: wide.clone(),
        });
    }
    let text = of(&snapshot);
    assert!(text.len() < 256 * 1024, "{}", text.len());
    for words in [
        "and 480 more gaps",
        "and 490 more notes",
        "more findings, left out here",
    ] {
        assert!(text.contains(words), "{words}");
    }
}
