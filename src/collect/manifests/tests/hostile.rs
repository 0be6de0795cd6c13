//! Input that is malformed, or made to exhaust the reader.

use std::fmt::Write as _;

use super::*;

const MALFORMED: &[(&str, &str, &str)] = &[
    (
        "a.yaml",
        "a: 1\n---\nb: 1\nc: {d: 1,\n  d: 2}\n",
        "a.yaml, document 2, line 5: duplicate key \"d\"",
    ),
    (
        "a.yaml",
        "---\n---\n1: a\n\"1\": b\n",
        "a.yaml, document 2: duplicate key \"1\"",
    ),
    (
        "a.yaml",
        "a:\n  items:\n  - {b: 1, b: 2}\n",
        "a.yaml, document 1, line 3: duplicate key \"b\"",
    ),
    (
        "a.yaml",
        "items: []\nitems: []\n",
        "a.yaml, document 1, line 2: duplicate key \"items\"",
    ),
    (
        "a.json",
        "{\"a\": 1}\n{\"b\": {\"c\": 1,\n\"c\": 2}}",
        "a.json, document 2, line 3: duplicate key \"c\"",
    ),
    (
        "a.json",
        "{\"items\": [], \"items\": []}",
        "a.json, document 1, line 1: duplicate key \"items\"",
    ),
    (
        "a.json",
        "{\"a\": 1",
        "a.json, document 1, line 1: EOF while parsing an object",
    ),
    (
        "a.json",
        "{} {\"a\": \"\\ud800\"}",
        "a.json, document 2, line 1: unexpected end of hex escape",
    ),
    (
        "a.json",
        "{\"a\": \"\\ud800\\u0041\"}",
        "a.json, document 1, line 1: lone leading surrogate in hex escape",
    ),
    (
        "a.json",
        "{\"a\": 1e999}",
        "a.json, document 1, line 1: number out of range",
    ),
    (
        "a.json",
        "{\"a\": \"\u{0}\"}",
        "a.json, document 1, line 1: control character",
    ),
    (
        "a.json",
        "apiVersion: v1\n",
        "a.json, document 1, line 1: expected value",
    ),
];

#[test]
fn what_is_malformed_ends_with_file_document_line_and_key() {
    for (name, text, expected) in MALFORMED {
        let message = refusal(name, *text);
        assert!(message.starts_with(expected), "{text:?}: {message}");
    }
    let syntax = [
        "a: b: c\n",
        "a: [1\n",
        "{{- if }}\n",
        "a: *x\n",
        "a: \"\\q\"\n",
        "a:\n\tb: 1\n",
        "a: \"\n---\n\"\n",
        "a: \u{0}\n",
    ];
    for text in syntax {
        let message = refusal("a.yaml", format!("b: c\n---\n{text}"));
        assert!(
            message.starts_with("a.yaml, document 2, line "),
            "{text:?}: {message}"
        );
    }
}

#[test]
fn messages_do_not_quote_values() {
    let texts = [
        "data: {password: canary, password: canary}",
        "password: \"canary\\q\"",
        "password: [canary",
        "password: !!int canary",
        "password: !!bool canary",
        "password: !!float canary",
        "password: canary: canary",
        "- *canary",
    ];
    for text in texts {
        if let Err(error) = read_all(&[input("a.yaml", text)], &GIVEN) {
            assert!(
                !format!("{error} {error:?}").contains("canary"),
                "{text}: {error}"
            );
        }
    }
}

#[test]
fn deep_nesting_ends_with_an_error() {
    let deep = 100_000;
    let block: String = (0..2_000).fold(String::new(), |mut text, depth| {
        let _ = writeln!(text, "{}a:", " ".repeat(depth));
        text
    });
    let cases = [
        ("a.yaml", "[".repeat(deep), "sequences"),
        ("a.yaml", "{a: ".repeat(deep), "mappings"),
        ("a.yaml", "- ".repeat(deep), "sequences on a line"),
        ("a.yaml", "? ".repeat(deep), "keys"),
        (
            "a.yaml",
            format!("items: [{{a: {}", "[".repeat(deep)),
            "in an item",
        ),
        ("a.yaml", block, "by indentation"),
        ("a.json", "[".repeat(deep) + &"]".repeat(deep), "JSON lists"),
        (
            "a.json",
            "{\"a\":".repeat(deep) + "1" + &"}".repeat(deep),
            "JSON objects",
        ),
        (
            "a.json",
            "{\"items\":[".repeat(deep) + &"]}".repeat(deep),
            "JSON items",
        ),
    ];
    for (name, text, why) in cases {
        let message = refusal(name, text);
        assert!(
            message.ends_with("nested deeper than 128 levels"),
            "{why}: {message}"
        );
    }
    let fair = format!(
        "{{apiVersion: example.com/v1, kind: A, spec: {}{}}}",
        "[".repeat(100),
        "]".repeat(100)
    );
    assert_eq!(
        snapshot(&fair).coverage.notes.len(),
        1,
        "as deep as any schema"
    );
    assert_eq!(
        json_snapshot(&format!(
            "{{\"a\": {}{}}}",
            "[".repeat(120),
            "]".repeat(120)
        ))
        .coverage
        .notes
        .len(),
        1
    );
}

#[test]
fn aliases_cannot_multiply_without_bound() {
    let mut laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let _ = writeln!(
            laughs,
            "a{level}: &a{level} [{}]",
            vec![format!("*a{}", level - 1); 10].join(", ")
        );
    }
    let large = format!(
        "a: &a {}\nb: [{}]\n",
        "x".repeat(1 << 20),
        vec!["*a"; 1_000].join(", ")
    );
    let merged = format!(
        "a: &a {{{}}}\n{}",
        (0..1_000)
            .map(|key| format!("k{key}: 1"))
            .collect::<Vec<_>>()
            .join(", "),
        (0..5_000).fold(String::new(), |mut text, key| {
            let _ = writeln!(text, "m{key}: {{<<: *a}}");
            text
        })
    );
    for (text, why) in [
        (laughs, "a billion laughs"),
        (large, "a large text"),
        (merged, "merge keys"),
    ] {
        let message = refusal("a.yaml", text);
        let is_bounded = ["beyond all bounds", "more than 500000 values"]
            .iter()
            .any(|words| message.contains(words));
        assert!(is_bounded, "{why}: {message}");
    }
    let fair = format!(
        "apiVersion: v1\nkind: List\nlabels: &labels {{app: a}}\nitems:\n{}",
        (0..500).fold(String::new(), |mut text, pod| {
            let _ = writeln!(
                text,
                "- {{apiVersion: v1, kind: Pod, metadata: {{name: p{pod}, labels: *labels}}, spec: {{containers: [{{name: a}}]}}}}"
            );
            text
        })
    );
    assert_eq!(
        snapshot(&fair).objects.len(),
        500,
        "labels that many objects share"
    );
    let own = refusal("a.yaml", "a: &a [*a]\n");
    assert!(own.starts_with("a.yaml, document 1"), "{own}");
}

#[test]
fn many_documents_are_no_hindrance() {
    let yaml = "---\n".repeat(100_000) + &pod("p");
    assert_eq!(names(&snapshot(&yaml)), ["Pod hr/p"]);
    let strangers = snapshot(&"a: b\n---\n".repeat(2_000));
    let notes = &strangers.coverage.notes;
    assert_eq!(notes.len(), 101);
    assert_eq!(notes[0], "a.yaml, document 1: not a Kubernetes object");
    assert_eq!(
        notes[100],
        "more documents that are not Kubernetes objects: 1900"
    );
    let json = json_snapshot(&"{}".repeat(100_000));
    assert_eq!(json.coverage.notes.len(), 101);
}

#[test]
fn odd_values_are_no_hindrance() {
    let huge = "x".repeat(10 << 20);
    let text = format!(
        "apiVersion: example.com/v1\nkind: Odd\nspec: {{a: {huge}, b: .nan, c: -.inf, d: 1e999, \
         e: 123456789012345678901234567890, f: !!binary aGk=, g: !Ref x, h: !!set {{a, b}}, ? [1, 2] : x, 08: y}}\n"
    );
    // Keys that are no scalars cannot be read; everything else can.
    let message = refusal("a.yaml", text.clone());
    assert!(
        message.starts_with("a.yaml, document 1, line 3"),
        "{message}"
    );
    let snapshot = snapshot(&text.replace("? [1, 2] : x, ", ""));
    assert_eq!(snapshot.coverage.notes, ["objects that no rule reads: 1"]);
    let number = "apiVersion: v1\nkind: LimitRange\nmetadata: {name: l}\nspec: {limits: [{type: Container, max: {cpu: 123456789012345678901234567890}}]}\n";
    assert_eq!(names(&self::snapshot(number)), ["LimitRange default/l"]);
    let json = r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p","labels":{"a":"\u0000\uD83D\uDE00"}},"spec":{"containers":[{"name":"a"}]},"x":18446744073709551616}"#;
    assert_eq!(names(&json_snapshot(json)), ["Pod default/p"]);
    let long = format!(
        "{{apiVersion: v1, kind: Pod, metadata: {{name: {}}}}}",
        "x".repeat(254)
    );
    assert_eq!(
        gaps(&self::snapshot(&long)),
        ["Pod default/ in a.yaml, document 1: metadata.name: expected a name"]
    );
}

#[test]
fn truncated_text_never_panics() {
    let text = "\u{feff}%YAML 1.2\n---\n{apiVersion: v1, kind: List, items: [{kind: Pod, metadata: &m {name: \"é\\u00e9\"}}, *m]}\n...\n# é\n--- |\n é\n";
    for (end, _) in text.char_indices() {
        for name in ["a.yaml", "a.json", "-"] {
            let _ = read_all(&[input(name, &text.as_bytes()[..end])], &GIVEN);
            let _ = read_all(&[input(name, &text.as_bytes()[..=end])], &GIVEN);
            let _ = read_all(&[input(name, &text[end..])], &GIVEN);
        }
    }
}
