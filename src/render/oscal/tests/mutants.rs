//! Documents that are wrong in one thing each. Schema or reference test must refuse every one.

use serde_json::{Value, json};

use super::references::problems;
use super::{Model, SCHEMAS, parsed};
use crate::render::documents::Cluster;
use crate::testing;

/// Who finds a mutant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    /// The published schemas; also the reference test, perhaps.
    Schema,
    /// The reference test alone.
    References,
}

type Mutate = fn(&mut Value);

const RESULT: &str = "/assessment-results/results/0";

fn at<'v>(document: &'v mut Value, pointer: &str) -> &'v mut Value {
    document
        .pointer_mut(pointer)
        .unwrap_or_else(|| panic!("{pointer} is there"))
}

fn in_result<'v>(document: &'v mut Value, pointer: &str) -> &'v mut Value {
    at(document, &format!("{RESULT}{pointer}"))
}

fn first_with_subjects(document: &mut Value) -> &mut Value {
    let observations = in_result(document, "/observations").as_array_mut().unwrap();
    observations
        .iter_mut()
        .find(|observation| observation.get("subjects").is_some())
        .unwrap()
}

const ELSEWHERE: &str = "3c9d0b1e-7c43-5c5e-9a1c-0d8f6b2f4a10";

const MUTANTS: [(&str, By, Mutate); 19] = [
    ("a state that does not exist", By::Schema, |document| {
        *in_result(document, "/findings/0/target/status/state") = json!("unknown");
    }),
    ("no import-ap", By::Schema, |document| {
        let results = at(document, "/assessment-results").as_object_mut().unwrap();
        results.remove("import-ap").unwrap();
    }),
    ("a name that is no token", By::Schema, |document| {
        *in_result(document, "/props/0/name") = json!("run id");
    }),
    ("an empty value", By::Schema, |document| {
        *in_result(document, "/props/0/value") = json!("");
    }),
    ("a value of two lines", By::Schema, |document| {
        *in_result(document, "/props/0/value") = json!("one\ntwo");
    }),
    ("a uuid of version 1", By::Schema, |document| {
        *in_result(document, "/uuid") = json!("c232ab00-9414-11ec-b3c8-9f6bdeced846");
    }),
    ("a time without an offset", By::Schema, |document| {
        *in_result(document, "/start") = json!("2026-01-01T00:00:00");
    }),
    (
        "a member that OSCAL does not know",
        By::Schema,
        |document| {
            in_result(document, "")["verdict"] = json!("pass");
        },
    ),
    ("an empty list", By::Schema, |document| {
        *in_result(document, "/findings") = json!([]);
    }),
    ("a colon in a target", By::Schema, |document| {
        *in_result(document, "/findings/0/target/target-id") = json!("sc-39:obj");
    }),
    ("a uuid twice", By::References, |document| {
        let first = in_result(document, "/observations/0/uuid").clone();
        *in_result(document, "/observations/1/uuid") = first;
    }),
    (
        "an observation that is not there",
        By::References,
        |document| {
            *in_result(
                document,
                "/findings/0/related-observations/0/observation-uuid",
            ) = json!(ELSEWHERE);
        },
    ),
    ("a subject that is not there", By::References, |document| {
        first_with_subjects(document)["subjects"][0]["subject-uuid"] = json!(ELSEWHERE);
    }),
    ("an actor that is not there", By::References, |document| {
        *in_result(document, "/observations/0/origins/0/actors/0/actor-uuid") = json!(ELSEWHERE);
    }),
    (
        "a release that does not exist",
        By::References,
        |document| {
            *at(document, "/assessment-results/metadata/oscal-version") = json!("9.9.9");
        },
    ),
    (
        "a type of subject that does not exist",
        By::References,
        |document| {
            first_with_subjects(document)["subjects"][0]["type"] = json!("kubernetes-pod");
        },
    ),
    (
        "a name without a namespace that NIST does not list",
        By::References,
        |document| {
            let props = in_result(document, "/observations/0/props/0")
                .as_object_mut()
                .unwrap();
            props.remove("ns").unwrap();
        },
    ),
    ("a digest that is too short", By::References, |document| {
        *at(
            document,
            "/assessment-results/back-matter/resources/0/rlinks/0/hashes/0/value",
        ) = json!("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
    }),
    ("a resource without content", By::References, |document| {
        let resource = at(document, "/assessment-results/back-matter/resources/1");
        resource.as_object_mut().unwrap().remove("base64").unwrap();
    }),
];

#[test]
fn every_mutant_is_refused() {
    let document = Cluster::sample().with_report(|report| parsed(report, Model::AssessmentResults));
    let schemas: Vec<_> = SCHEMAS
        .iter()
        .filter_map(|name| testing::published(name))
        .map(|schema| jsonschema::validator_for(&schema).unwrap())
        .collect();
    for (what, by, mutate) in MUTANTS {
        let mut mutant = document.clone();
        mutate(&mut mutant);
        match by {
            By::Schema => {
                assert!(
                    schemas.iter().all(|schema| !schema.is_valid(&mutant)),
                    "{what}"
                );
            }
            By::References => assert!(!problems(&mutant).is_empty(), "{what}"),
        }
    }
}
