//! What GitHub and OASIS ask of a file, and what must stay the same between two of them.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use super::*;
use crate::collect::demo;
use crate::kind::Kind;
use crate::plan::Plan;
use crate::render::sample;
use crate::snapshot::{ReadStatus, Snapshot};
use crate::testing;

fn parsed(report: &Report<'_>) -> Value {
    let mut bytes = Vec::new();
    render(report, &mut bytes).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

fn of(snapshot: &Snapshot) -> Value {
    parsed(&sample::report(snapshot))
}

fn results(document: &Value) -> &Vec<Value> {
    document["runs"][0]["results"].as_array().unwrap()
}

fn without(kind: Kind) -> Snapshot {
    testing::without(sample::snapshot(), kind, ReadStatus::Forbidden)
}

/// Every kind of report that there is, by name.
fn documents() -> Vec<(&'static str, Value)> {
    let snapshot = sample::snapshot();
    let waivers = sample::waivers();
    vec![
        ("the sample", of(&snapshot)),
        ("the example", of(&demo::snapshot().unwrap())),
        ("an empty cluster", of(&testing::snapshot(""))),
        ("no pods read", of(&without(Kind::Pod))),
        ("no namespaces read", of(&without(Kind::Namespace))),
        ("hostile", of(&sample::hostile())),
        (
            "waivers",
            parsed(&sample::report_with(&snapshot, Plan::none(), &waivers)),
        ),
    ]
}

#[test]
fn the_published_schema_holds() {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/schemas/sarif/sarif-2.1.0.json");
    let Ok(text) = std::fs::read_to_string(&path) else {
        println!("left out: {} is not there", path.display());
        return;
    };
    let schema: Value = serde_json::from_str(&text).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for (name, document) in documents() {
        let errors: Vec<String> = validator
            .iter_errors(&document)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{name}: {errors:#?}");
    }
}

#[test]
fn github_takes_it() {
    for (name, document) in documents() {
        assert!(document["$schema"].is_string() && document["version"] == "2.1.0");
        let run = &document["runs"][0];
        let driver = &run["tool"]["driver"];
        let rules = driver["rules"].as_array().unwrap();
        for rule in rules {
            assert!(rule["name"].as_str().unwrap().len() <= 255);
            for member in ["shortDescription", "fullDescription", "help"] {
                let text = rule[member]["text"].as_str().unwrap();
                assert!((10..=1024).contains(&text.len()), "{name}: {member} {text}");
            }
            let tags = rule["properties"]["tags"].as_array().unwrap();
            assert!(tags.len() <= 10 && tags.contains(&json!("security")));
            let score = rule["properties"]["security-severity"].as_str().unwrap();
            assert!(score.parse::<f64>().is_ok_and(|score| score <= 10.0));
        }
        assert!(results(&document).len() <= 25_000);
        let mut fingerprints = BTreeSet::new();
        for result in results(&document) {
            let rule = result["ruleIndex"].as_u64().unwrap();
            let rule = usize::try_from(rule).unwrap();
            assert_eq!(rules[rule]["id"], result["ruleId"]);
            assert!(!result["message"]["text"].as_str().unwrap().is_empty());
            let location = &result["locations"][0]["physicalLocation"];
            let uri = location["artifactLocation"]["uri"].as_str().unwrap();
            let segments: Vec<&str> = uri.split('/').collect();
            assert!(
                segments.len() == 5 && segments[0] == "cluster",
                "{name}: {uri}"
            );
            assert!(!segments.iter().any(|part| ["", ".", ".."].contains(part)));
            let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/%".contains(&byte);
            assert!(uri.bytes().all(allowed), "{name}: {uri}");
            for member in ["startLine", "startColumn", "endLine", "endColumn"] {
                assert!(location["region"][member].is_u64(), "{name}: {member}");
            }
            let fingerprint = &result["partialFingerprints"]["primaryLocationLineHash"];
            let fingerprint = fingerprint.as_str().unwrap().to_owned();
            assert!(fingerprints.insert(fingerprint), "{name}: {result:#}");
        }
    }
}

#[test]
fn only_what_is_open_is_a_result() {
    for (name, document) in documents() {
        for result in results(&document) {
            let kinds = (result["kind"].as_str(), result["level"].as_str());
            match result["properties"]["verdict"].as_str().unwrap() {
                "fail" => {
                    assert_eq!(kinds.0, Some("fail"), "{name}");
                    assert!(matches!(kinds.1, Some("error" | "warning" | "note")));
                }
                "indeterminate" => assert_eq!(kinds, (Some("review"), Some("none")), "{name}"),
                other => panic!("{name}: {other} is listed"),
            }
        }
    }
}

#[test]
fn what_was_not_read_is_notified_and_fails_the_execution() {
    let document = of(&without(Kind::Pod));
    let invocation = &document["runs"][0]["invocations"][0];
    assert_eq!(invocation["executionSuccessful"], json!(false));
    assert_eq!(invocation["exitCode"], json!(1));
    let notifications = invocation["toolExecutionNotifications"].as_array().unwrap();
    let gap = notifications
        .iter()
        .find(|notification| notification["properties"]["kind"] == "Pod")
        .unwrap();
    assert_eq!(gap["level"], "error");
    assert_eq!(gap["properties"]["reason"], "forbidden");
    let rules = gap["properties"]["rules"].as_array().unwrap();
    assert!(rules.contains(&json!("host-namespaces")));
    let verdicts: BTreeSet<&str> = results(&document)
        .iter()
        .filter(|result| result["ruleId"] == "host-namespaces")
        .map(|result| result["kind"].as_str().unwrap())
        .collect();
    assert_eq!(verdicts, ["review"].into());
    let all_read = of(&testing::snapshot(
        "{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {tier: prod}}}",
    ));
    let invocation = &all_read["runs"][0]["invocations"][0];
    assert_eq!(invocation["executionSuccessful"], json!(true));
}

#[test]
fn waived_failures_are_suppressed_and_idle_waivers_notified() {
    let (snapshot, waivers) = (sample::snapshot(), sample::waivers());
    let document = parsed(&sample::report_with(&snapshot, Plan::none(), &waivers));
    let suppressed: Vec<&Value> = results(&document)
        .iter()
        .filter(|result| result["suppressions"].is_array())
        .collect();
    assert_eq!(suppressed.len(), 1);
    assert_eq!(suppressed[0]["ruleId"], "container-runtime");
    let justification = &suppressed[0]["suppressions"][0]["justification"];
    let justification = justification.as_str().unwrap();
    assert!(justification.starts_with("waiver W-1 (OR), approved by a on 2025-12-01"));
    let notifications = &document["runs"][0]["invocations"][0]["toolExecutionNotifications"];
    let notifications = notifications.to_string();
    assert!(notifications.contains("waiver W-2 expired"));
    assert!(notifications.contains("waiver W-3 is unmatched"));
}

/// Paths and fingerprints, which GitHub tells alerts by.
fn alerts(document: &Value) -> BTreeSet<String> {
    let of_result = |result: &Value| {
        let uri = &result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
        format!("{uri} {}", result["partialFingerprints"])
    };
    results(document).iter().map(of_result).collect()
}

#[test]
fn replaced_pods_leave_the_alerts_as_they_were() {
    let of_replica = |name: &str, uid: u32| {
        let owner = "{apiVersion: apps/v1, kind: Deployment, name: web, uid: d, controller: true}";
        format!(
            "{{apiVersion: v1, kind: Pod, metadata: {{name: {name}, namespace: shop, uid: u-{uid}, ownerReferences: [{owner}], \
             labels: {{privatecloud.mendix.com/app: a}}}}, spec: {{hostPID: true, nodeName: n-{uid}, \
             containers: [{{name: mendix, image: i}}]}}, status: {{phase: Running, podIP: 10.0.0.{uid}}}}}\n---\n"
        )
    };
    let deployment = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, namespace: shop, uid: d}, \
                      spec: {template: {spec: {containers: [{name: mendix, image: i}]}}}}";
    let before = of_replica("web-aaaaa", 1) + &of_replica("web-bbbbb", 2) + deployment;
    let after = of_replica("web-ccccc", 3) + deployment;
    let (before, after) = (
        of(&testing::snapshot(&before)),
        of(&testing::snapshot(&after)),
    );
    assert_eq!(alerts(&before), alerts(&after));
    let host = results(&after)
        .iter()
        .find(|result| result["ruleId"] == "host-namespaces")
        .unwrap();
    let uri = &host["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
    assert_eq!(uri, "cluster/unknown/shop/Deployment/web.yaml");
}

#[test]
fn what_does_not_fit_is_left_out_from_the_end_and_said() {
    let snapshot = sample::snapshot();
    let report = sample::report(&snapshot);
    let all = results(&parsed(&report)).clone();
    assert!(all.len() > 30);
    let sizes: Vec<usize> = all.iter().map(|result| result.to_string().len()).collect();
    let ten: usize = sizes.iter().take(10).sum();
    for (tally, written) in [
        (Tally::new(20, usize::MAX), 20),
        (Tally::new(usize::MAX, ten), 10),
        (Tally::new(0, 0), 0),
    ] {
        let mut bytes = Vec::new();
        render_within(&tally, &report, &mut bytes).unwrap();
        let document: Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(results(&document)[..], all[..written]);
        let run = &document["runs"][0];
        assert_eq!(run["properties"]["resultsWritten"], json!(written));
        let rest = all.len() - written;
        assert_eq!(run["properties"]["resultsLeftOut"], json!(rest));
        let notifications = run["invocations"][0]["toolExecutionNotifications"].to_string();
        let words = format!("{rest} of {} results are left out", all.len());
        assert!(notifications.contains(&words), "{notifications}");
    }
    let ranks: Vec<(Option<&str>, Option<&str>)> = all
        .iter()
        .map(|result| {
            (
                result["kind"].as_str(),
                result["properties"]["severity"].as_str(),
            )
        })
        .collect();
    let mut seen = Vec::new();
    for rank in ranks {
        if seen.last() != Some(&rank) {
            assert!(!seen.contains(&rank), "{rank:?} comes twice");
            seen.push(rank);
        }
    }
    assert_eq!(seen.first(), Some(&(Some("fail"), Some("critical"))));
}

#[test]
fn messages_hold_no_placeholder_and_no_link() {
    assert_eq!(
        text("{0} [a](b) c\\d \u{1b}"),
        "{{0}} \\[a\\](b) c\\\\d \\\\u{{1b}}"
    );
}

#[test]
fn the_sample_as_sarif() {
    let (snapshot, waivers) = (sample::snapshot(), sample::waivers());
    let mut document = parsed(&sample::report_on_few(&snapshot, &waivers));
    // Pages of rules and texts of controls are not what this is about.
    let run = &mut document["runs"][0];
    for rule in run["tool"]["driver"]["rules"].as_array_mut().unwrap() {
        rule["help"]["markdown"] = json!("…");
    }
    let taxa = run["taxonomies"][0]["taxa"].as_array_mut();
    taxa.unwrap().truncate(1);
    run["properties"]["controls"]
        .as_array_mut()
        .unwrap()
        .truncate(1);
    insta::assert_snapshot!(format!("{document:#}"));
}
