//! One thing changed at a time, and how it is caught: as it is, and with the digest made again, as whoever forges
//! evidence would.

use serde_json::{Value, json};

use super::super::*;
use super::with_everything;
use crate::canonical;
use crate::render::{Format, RenderOptions, render};

/// Evidence on the sample, with a plan, waivers and gaps.
fn document() -> Value {
    let mut bytes = Vec::new();
    with_everything(|report| {
        render(Format::Json, report, &RenderOptions::default(), &mut bytes).unwrap();
    });
    serde_json::from_slice(&bytes).unwrap()
}

/// The text that the tool would write for a document.
fn text(document: &Value) -> String {
    String::from_utf8(canonical::to_bytes(document).unwrap()).unwrap()
}

fn seal(document: &mut Value) {
    let members = document.as_object_mut().unwrap();
    members.remove("integrity");
    let digest = canonical::sha256(&canonical::to_bytes(&members).unwrap());
    let integrity = json!({"contentDigest": format!("sha256:{digest}")});
    members.insert("integrity".to_owned(), integrity);
}

/// What is found in a text, as lines of check, place and words.
fn found(text: &str) -> Vec<String> {
    let evidence = match Evidence::parse("e.json", text) {
        Ok(evidence) => evidence,
        Err(error) => return vec![format!("unreadable: {error}")],
    };
    let catalog = match evidence.catalogue.catalog(None) {
        Ok(catalog) => catalog,
        Err(error) => return vec![format!("lacking: {error}")],
    };
    let verified = match verify(&evidence, &catalog, text) {
        Ok(verified) => verified,
        Err(error) => return vec![format!("lacking: {error}")],
    };
    let mut lines = Vec::new();
    for (check, kept, _) in verified.findings.by_check() {
        for Finding { pointer, message } in kept {
            lines.push(format!("{}: {pointer}: {message}", check.title()));
        }
    }
    lines
}

/// The index of the first element of a list for which something holds.
fn first(list: &Value, holds: impl Fn(&Value) -> bool) -> usize {
    list.as_array().unwrap().iter().position(holds).unwrap()
}

/// The index of the first result of a verdict.
fn of(document: &Value, verdict: &str) -> usize {
    first(&document["results"], |result| result["verdict"] == verdict)
}

/// Takes an element out of a list.
fn drop_from(document: &mut Value, pointer: &str, index: usize) -> Value {
    let list = document.pointer_mut(pointer).unwrap();
    list.as_array_mut().unwrap().remove(index)
}

fn swap(document: &mut Value, pointer: &str) {
    let list = document.pointer_mut(pointer).unwrap();
    list.as_array_mut().unwrap().swap(0, 1);
}

fn add_to(document: &mut Value, pointer: &str, change: i64) {
    let number = document.pointer_mut(pointer).unwrap();
    *number = json!(number.as_i64().unwrap() + change);
}

/// Exchanges the content of a pod, with or without its digest.
fn tame(document: &mut Value, with_digest: bool) {
    let index = first(&document["projections"], |value| {
        value["value"]["spec"]["hostPID"] == true
    });
    let projection = &mut document["projections"][index];
    projection["value"]["spec"]["hostPID"] = json!(false);
    if with_digest {
        let digest = canonical::sha256(&canonical::to_bytes(&projection["value"]).unwrap());
        projection["digest"] = json!(format!("sha256:{digest}"));
        rearrange(document, |projections| {
            projections.sort_by_key(|(_, value)| value["digest"].as_str().unwrap().to_owned());
        });
    }
}

/// Puts projections into another order, and lets objects point to where they are then.
fn rearrange(document: &mut Value, into: impl FnOnce(&mut Vec<(usize, Value)>)) {
    let list = document["projections"].take();
    let Value::Array(list) = list else {
        panic!("projections are a list");
    };
    let mut numbered: Vec<(usize, Value)> = list.into_iter().enumerate().collect();
    into(&mut numbered);
    for object in document["objects"].as_array_mut().unwrap() {
        let before = usize::try_from(object["projection"].as_u64().unwrap()).unwrap();
        let after = numbered.iter().position(|(index, _)| *index == before);
        object["projection"] = json!(after.unwrap());
    }
    document["projections"] = numbered.into_iter().map(|(_, value)| value).collect();
}

#[test]
fn nothing_is_found_in_what_was_not_touched() {
    let document = document();
    assert_eq!(found(&format!("{}\n", text(&document))), [""; 0]);
    // Another form of the same content is the same evidence.
    assert_eq!(found(&format!("{document:#}")), [""; 0]);
}

type Change = fn(&mut Value);

/// What is changed, how, and what must be among the findings.
const CASES: &[(&str, Change, &[&str])] = &[
    (
        "a verdict",
        |document| {
            let index = of(document, "fail");
            document["results"][index]["verdict"] = json!("pass");
        },
        &[
            "results: /results/",
            "/verdict: recorded \"pass\", derived again \"fail\"",
        ],
    ),
    (
        "a verdict that nothing read allows",
        |document| {
            let index = of(document, "indeterminate");
            document["results"][index]["verdict"] = json!("pass");
            document["results"][index]["effectiveVerdict"] = json!("pass");
        },
        &[
            "gaps: /results/",
            "/verdict: recorded \"pass\", derived again \"indeterminate\"",
        ],
    ),
    (
        "a read value",
        |document| {
            let index = first(&document["results"], |result| {
                result["reads"][0]["value"] == json!(true) && result["subjects"][0].is_u64()
            });
            document["results"][index]["reads"][0]["value"] = json!(false);
        },
        &[
            "values read: /results/",
            "says that false stands at /spec/",
            "and there stands true",
        ],
    ),
    (
        "a value read where nothing stands",
        |document| {
            let index = first(&document["results"], |result| {
                result["reads"][0]["present"] == json!(false) && result["subjects"][0].is_u64()
            });
            document["results"][index]["reads"][0]["present"] = json!(true);
            document["results"][index]["reads"][0]["value"] = json!(1);
        },
        &["values read: /results/", "and there stands nothing"],
    ),
    (
        "a pointer",
        |document| {
            let index = first(&document["results"], |result| {
                result["reads"][0]["present"] == true
            });
            document["results"][index]["reads"][0]["pointer"] = json!("/spec/hostIPC/x");
        },
        &[
            "values read: /results/",
            "/reads/0/pointer: recorded \"/spec/hostIPC/x\"",
        ],
    ),
    (
        "a projection",
        |document| tame(document, false),
        &[
            "projections: /projections/",
            "/digest: recorded sha256:",
            "and the value has sha256:",
        ],
    ),
    (
        "a projection and its digest",
        |document| tame(document, true),
        &[
            "results: /results",
            "/verdict: recorded \"fail\", derived again \"pass\"",
            "values read: /results/",
            "hostPID",
        ],
    ),
    (
        "a field that no projection has",
        |document| document["projections"][0]["value"]["sc39"] = json!("fine"),
        &["projections: /projections/0/value/sc39: recorded \"fine\", and nothing gives it"],
    ),
    (
        "a count of objects",
        |document| add_to(document, "/coverage/population/0/judged", 1),
        &["population: /coverage/population/0/judged: recorded "],
    ),
    (
        "a count of rows",
        |document| add_to(document, "/controls/0/counts/fail", -1),
        &["controls: /controls/0/counts/fail: recorded "],
    ),
    (
        "a total",
        |document| add_to(document, "/summary/bySeverity/high/fail", -1),
        &["totals: /summary/bySeverity/high/fail: recorded "],
    ),
    (
        "the exit code",
        |document| document["summary"]["gate"]["exitCode"] = json!(0),
        &["totals: /summary/gate/exitCode: recorded 0, derived again 1"],
    ),
    (
        "the threshold",
        |document| document["summary"]["gate"]["failOn"] = json!("critical"),
        &["totals: /summary/gate/meaning: recorded "],
    ),
    (
        "a determination",
        |document| document["controls"][0]["determination"] = json!("no-exceptions"),
        &[
            "controls: /controls/0/determination: recorded \"no-exceptions\", derived again \"exceptions\"",
        ],
    ),
    (
        "the date of a waiver",
        |document| document["waivers"][0]["expires"] = json!("2030-01-01"),
        &["waivers: /waivers/0/expires: recorded \"2030-01-01\", derived again \"2025-12-31\""],
    ),
    (
        "the date of a waiver in its file",
        |document| {
            document["waiverFile"]["document"]["waivers"][2]["expires"] = json!("2030-01-01")
        },
        &[
            "waivers: /waiverFile/digest: recorded ",
            "waivers: /waivers/0/status: recorded \"expired\", derived again \"applied\"",
        ],
    ),
    (
        "a waiver that fits nothing",
        |document| {
            let index = of(document, "fail");
            document["results"][index]["effectiveVerdict"] = json!("waived");
            document["results"][index]["waiverId"] = json!("W-1");
        },
        &[
            "waivers: /results/",
            "/effectiveVerdict: recorded \"waived\"",
        ],
    ),
    (
        "a dropped object",
        |document| {
            let index = first(&document["objects"], |object| object["kind"] == "Pod");
            drop_from(document, "/objects", index);
        },
        &["population: /coverage/sources: Pod: 7 were received, and the file holds 6"],
    ),
    (
        "an added object",
        |document| {
            let index = first(&document["objects"], |object| object["kind"] == "Node");
            let mut node = document["objects"][index].clone();
            node["name"] = json!("node-c");
            let objects = document["objects"].as_array_mut().unwrap();
            objects.insert(index + 2, node);
        },
        &["population: /coverage/sources: Node: 2 were received, and the file holds 3"],
    ),
    (
        "what an object is there for",
        |document| {
            let index = first(&document["objects"], |object| object["scope"] == "judged");
            document["objects"][index]["scope"] = json!("context");
        },
        &[
            "objects: /objects/",
            "/scope: recorded \"context\", derived again \"judged\"",
        ],
    ),
    (
        "a dropped gap",
        |document| drop(drop_from(document, "/coverage/gaps", 0)),
        &[
            "gaps: /coverage/gaps: an element is missing: ",
            "ClusterRoleBinding",
        ],
    ),
    (
        "a read that failed",
        |document| {
            let index = first(&document["coverage"]["sources"], |source| {
                source["status"] == "forbidden"
            });
            document["coverage"]["sources"][index]["status"] = json!("read");
        },
        &["gaps: /coverage/gaps/0: recorded ", "results: /results"],
    ),
    (
        "completeness",
        |document| document["coverage"]["complete"] = json!(true),
        &["gaps: /coverage/complete: recorded true, derived again false"],
    ),
    (
        "the order of results",
        |document| swap(document, "/results"),
        &["order: /results/1: stands in another place than its order gives"],
    ),
    (
        "the order of objects",
        |document| swap(document, "/objects"),
        &["order: /objects/1: stands in another place than its order gives"],
    ),
    (
        "the order of projections",
        |document| rearrange(document, |projections| projections.swap(0, 1)),
        &["order: /projections/1: stands in another place than its order gives"],
    ),
    (
        "the order of controls",
        |document| swap(document, "/controls"),
        &["order: /controls/1: stands in another place than its order gives"],
    ),
    (
        "the order of waivers",
        |document| swap(document, "/waivers"),
        &["order: /waivers/1: stands in another place than its order gives"],
    ),
    (
        "a dropped result",
        |document| {
            let index = of(document, "fail");
            drop_from(document, "/results", index);
        },
        &[
            "results: /results: an element is missing: ",
            "verdict \"fail\"",
        ],
    ),
    (
        "a result too many",
        |document| {
            let mut result = document["results"][0].clone();
            result["id"] = json!("0c9b2c27-0000-5000-8000-000000000000");
            document["results"].as_array_mut().unwrap().push(result);
        },
        &[
            "results: /results/",
            "0c9b2c27-0000-5000-8000-000000000000",
            "and nothing gives it",
        ],
    ),
    (
        "a result's words",
        |document| document["results"][3]["message"] = json!("all is well"),
        &["results: /results/3/message: recorded \"all is well\", derived again "],
    ),
    (
        "a severity",
        |document| document["results"][0]["severity"] = json!("info"),
        &["results: /results/0/severity: recorded \"info\", derived again "],
    ),
    (
        "an id",
        |document| document["results"][0]["id"] = json!("0c9b2c27-0000-5000-8000-000000000000"),
        &[
            "results: /results/0/id: recorded \"0c9b2c27-0000-5000-8000-000000000000\", derived again ",
        ],
    ),
    (
        "whom a result is about",
        |document| {
            let index = first(&document["results"], |result| {
                result["subjects"].as_array().unwrap().len() > 1
            });
            drop_from(document, &format!("/results/{index}/subjects"), 0);
        },
        &["results: /results/", "/subjects: an element is missing: "],
    ),
    (
        "a rule that did not run",
        |document| drop(drop_from(document, "/catalogue/selected", 0)),
        &[
            "catalogue: /catalogue/excluded",
            "results: /results/0: recorded ",
        ],
    ),
    (
        "a control's words",
        |document| document["catalogue"]["controls"][0]["statement"] = json!("Do as you like."),
        &[
            "catalogue: /catalogue/controls/0/statement: recorded \"Do as you like.\", derived again ",
        ],
    ),
    (
        "the plan",
        |document| document["plan"]["document"]["tiers"]["shop-prod"] = json!("test"),
        &["plan: /plan/digest: recorded ", "results: /results"],
    ),
    (
        "what was judged",
        |document| add_to(document, "/boundary/pods/judged", 1),
        &["run and boundary: /boundary/pods/judged: recorded "],
    ),
    (
        "the id of the run",
        |document| document["run"]["startedAt"] = json!("2026-01-01T00:00:01Z"),
        &["run and boundary: /run/id: recorded "],
    ),
    (
        "a member that is not known",
        |document| document["opinion"] = json!("compliant"),
        &["form: /opinion: recorded \"compliant\", and nothing gives it"],
    ),
    (
        "a member left out",
        |document| drop(document.as_object_mut().unwrap().remove("redaction")),
        &["form: /redaction: not recorded; derived again it is "],
    ),
    (
        "the version of a result's rule",
        |document| document["results"][0]["ruleVersion"] = json!(99),
        &["results: /results/0/ruleVersion: recorded 99, derived again "],
    ),
];

#[test]
fn each_change_is_caught_in_its_own_words() {
    let whole = document();
    let mut problems = Vec::new();
    for (what, change, expected) in CASES {
        let mut changed = whole.clone();
        change(&mut changed);
        assert_ne!(whole, changed, "{what}");
        let as_it_is = found(&text(&changed));
        seal(&mut changed);
        let forged = found(&text(&changed));
        let digest = "content digest: /integrity/contentDigest: recorded sha256:";
        if !as_it_is.iter().any(|line| line.starts_with(digest)) {
            problems.push(format!("{what}: the digest still fits"));
        }
        if forged.iter().any(|line| line.starts_with("content digest")) {
            problems.push(format!(
                "{what}: the digest that was made again does not fit"
            ));
        }
        for lines in [as_it_is, forged] {
            let lines = lines.join("\n");
            for words in expected.iter().filter(|words| !lines.contains(*words)) {
                problems.push(format!("{what}: {words:?} is not in\n{lines}\n"));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// What follows from nothing else in the file is under the digest alone; against a forger there is the signature.
#[test]
fn provenance_is_under_the_digest() {
    for pointer in [
        "/run/collector",
        "/tool/target",
        "/cluster/gitVersion",
        "/coverage/notes",
    ] {
        let mut changed = document();
        let value = changed.pointer_mut(pointer).unwrap();
        *value = if value.is_array() {
            json!(["note"])
        } else {
            json!("other")
        };
        let lines = found(&text(&changed));
        assert_eq!(lines.len(), 1, "{pointer}: {lines:?}");
        assert!(
            lines[0].starts_with("content digest: /integrity/contentDigest"),
            "{lines:?}"
        );
    }
}

#[test]
fn a_file_without_its_digest_is_not_verified() {
    let mut document = document();
    document.as_object_mut().unwrap().remove("integrity");
    assert_eq!(
        found(&text(&document)),
        ["content digest: /integrity: the member is missing"]
    );
}

#[test]
fn a_member_that_stands_twice_is_caught() {
    let text = text(&document());
    let twice = text.replacen(
        "\"verdict\":\"fail\"",
        "\"verdict\":\"pass\",\"verdict\":\"fail\"",
        1,
    );
    let lines = found(&twice).join("\n");
    assert!(
        lines.contains("the member \"verdict\" stands there twice"),
        "{lines}"
    );
}

#[test]
fn rules_and_catalogues_that_are_not_there_are_named() {
    let table: &[(Change, &str)] = &[
        (
            |document| document["catalogue"]["rules"][0]["version"] = json!(99),
            "lacking: it was made with version 99 of the rule pod-per-app, and this binary has version ",
        ),
        (
            |document| document["catalogue"]["selected"][0] = json!("no-such-rule"),
            "lacking: it was made with the rule no-such-rule",
        ),
        (
            |document| document["catalogue"]["digest"] = json!("sha256:00"),
            "lacking: it was made with the catalogue private-mendix-platform-sc-39 1.0.0 (sha256:00)",
        ),
        (
            |document| {
                document["catalogue"]["digest"] = json!("sha256:00");
                document["catalogue"]["source"] = json!("directory");
            },
            "lacking: it was made with a catalogue of its own",
        ),
    ];
    for (change, expected) in table {
        let mut changed = document();
        change(&mut changed);
        let lines = found(&text(&changed));
        assert!(lines[0].starts_with(expected), "{lines:?}");
    }
}
