//! The in-toto statement over all files of a run: a test result, version 0.1.

use serde::{Deserialize, Serialize};

use crate::report::{Effective, Report};
use crate::rules::RULES;

/// `_type` of statements.
const TYPE: &str = "https://in-toto.io/Statement/v1";

/// `predicateType` of test results.
const PREDICATE: &str = "https://in-toto.io/attestation/test-result/v0.1";

/// A file, by its name without folders.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Subject {
    /// Its name.
    pub name: String,
    /// Its digests.
    pub digest: Digest,
}

/// Digests of a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Digest {
    /// SHA-256, hexadecimal.
    pub sha256: String,
}

/// A statement, as far as whoever checks it needs it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Statement {
    #[serde(rename = "_type")]
    kind: String,
    /// The files that it is about.
    pub subject: Vec<Subject>,
    predicate_type: String,
}

impl Statement {
    /// The statement in a payload.
    pub fn of(payload: &[u8]) -> Result<Self, String> {
        let statement: Self = serde_json::from_slice(payload).map_err(|error| error.to_string())?;
        if statement.kind != TYPE || statement.predicate_type != PREDICATE {
            let (kind, predicate) = (&statement.kind, &statement.predicate_type);
            return Err(format!(
                "it is {kind:?} with {predicate:?}, not a test result"
            ));
        }
        Ok(statement)
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Written<'s> {
    #[serde(rename = "_type")]
    kind: &'static str,
    subject: &'s [Subject],
    predicate_type: &'static str,
    predicate: Predicate,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Predicate {
    result: &'static str,
    configuration: Vec<Subject>,
    passed_tests: Vec<&'static str>,
    warned_tests: Vec<&'static str>,
    failed_tests: Vec<&'static str>,
}

impl Subject {
    /// A file of this name and content.
    pub fn new(name: &str, content: &[u8]) -> Self {
        Self::with_digest(name, &crate::canonical::sha256(content))
    }

    fn with_digest(name: &str, digest: &str) -> Self {
        let sha256 = digest.strip_prefix("sha256:").unwrap_or(digest);
        Self {
            name: name.to_owned(),
            digest: Digest {
                sha256: sha256.to_owned(),
            },
        }
    }
}

/// The statement over these files: which rules passed, failed, or gave no verdict or a waived one.
pub fn statement(report: &Report<'_>, subjects: &[Subject]) -> Result<Vec<u8>, serde_json::Error> {
    let (mut passed, mut warned, mut failed) = (Vec::new(), Vec::new(), Vec::new());
    for (rule, of) in RULES.iter().zip(&report.rules) {
        let has = |effective| of.counts.of(effective) > 0;
        if has(Effective::Fail) {
            failed.push(rule.id);
        } else if has(Effective::Indeterminate) || has(Effective::Waived) {
            warned.push(rule.id);
        } else if has(Effective::Pass) {
            passed.push(rule.id);
        }
    }
    let mut configuration = vec![Subject::with_digest("catalogue", &report.catalog.digest)];
    if report.plan.is_given() {
        configuration.push(Subject::with_digest("plan", &report.plan.digest));
    }
    let waivers = &report.waiver_file.digest;
    if !waivers.is_empty() {
        configuration.push(Subject::with_digest("waivers", waivers));
    }
    let result = match (failed.is_empty(), warned.is_empty()) {
        (false, _) => "FAILED",
        (true, false) => "WARNED",
        // What could not be told from an empty scope has not passed.
        (true, true) if report.scope.unknown.is_some() || passed.is_empty() => "WARNED",
        (true, true) => "PASSED",
    };
    serde_json::to_vec(&Written {
        kind: TYPE,
        subject: subjects,
        predicate_type: PREDICATE,
        predicate: Predicate {
            result,
            configuration,
            passed_tests: passed,
            warned_tests: warned,
            failed_tests: failed,
        },
    })
}
