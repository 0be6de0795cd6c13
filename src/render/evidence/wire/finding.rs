//! Results of rules.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::words::Written;
use crate::canonical::Text;
use crate::report::{Effective, Report, ResultRead, RuleResult, SubjectRef};
use crate::rules::{self, Rule, Severity, Verdict};

/// One statement of a rule, the same about each of its subjects.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Result")]
pub(super) struct Finding<'r> {
    /// The container that it is about; absent when it is about the subject as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    container: Option<&'r str>,
    /// The verdict after waivers: a failure under a waiver that holds is `waived`.
    effective_verdict: Written<Effective>,
    /// UUID (version 5) of the cluster's uid, the rule, the workloads of the subjects, container, port and reason: the same after
    /// a restart of pods.
    #[schemars(with = "String", extend("format" = "uuid"))]
    id: Uuid,
    /// The fact in words, without names of pods, addresses and nodes.
    message: &'r str,
    /// The port that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<Port<'r>>,
    /// The values that the verdict rests on.
    reads: Vec<Read<'r>>,
    /// Why, as a word of a closed list, such as `value`, `default`, `absent` or `forbidden`.
    #[schemars(extend("pattern" = "^[a-z]+(-[a-z]+)*$"))]
    reason_code: &'static str,
    /// The rule, by its id in `catalogue.rules`.
    rule_id: &'static str,
    /// Version of the rule's logic.
    rule_version: u32,
    /// How much a failure matters; of other verdicts, how much one would.
    severity: Written<Severity>,
    /// Whom it is about, sorted by namespace, kind and name.
    subjects: Vec<Subject<'r>>,
    /// What was found. `indeterminate`: not read, not readable, or the API can't prove it either way.
    verdict: Written<Verdict>,
    /// The waiver that holds for it, by its id in `waivers`.
    #[serde(skip_serializing_if = "Option::is_none")]
    waiver_id: Option<&'r str>,
}

/// A port with its protocol.
#[derive(Serialize, JsonSchema)]
struct Port<'r> {
    /// Number.
    number: u16,
    /// `TCP`, `UDP` or `SCTP`.
    protocol: &'r str,
}

/// A value that was read.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ValueRead")]
struct Read<'r> {
    /// `subject` for each subject itself, `plan` for `plan.document`, or the index of another object in `objects`.
    object: ReadFrom,
    /// JSON pointer (RFC 6901) into that object as the API gives it: its projection, with `perPod` laid over it, and
    /// with its name and the other members of its entry in `metadata`.
    pointer: &'r str,
    /// Whether something stands there. What does not is unset, and has the default of the API.
    present: bool,
    /// What stands there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Value>")]
    value: Option<&'r Text>,
}

#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
enum ReadFrom {
    /// Each subject itself, or the assessment plan.
    Word(PlaceWord),
    /// Another object, by index in `objects`.
    Object(usize),
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
enum PlaceWord {
    Subject,
    Plan,
}

/// Whom a result is about: an object that was read, by index in `objects`, or something known by name only.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
enum Subject<'r> {
    /// Index in `objects`.
    Object(usize),
    /// The cluster as a whole (kind `Cluster`, both names empty), or an object whose content was not read.
    Named {
        /// Kind.
        kind: String,
        /// Name.
        name: &'r str,
        /// Namespace, or empty; of a Namespace its own name.
        namespace: &'r str,
    },
}

impl<'r> Finding<'r> {
    pub(super) fn new(report: &'r Report<'r>, rule: &'static Rule, result: &'r RuleResult) -> Self {
        Self {
            container: result.container.as_deref(),
            effective_verdict: Written(result.effective),
            id: result.id,
            message: &result.message,
            port: result.port.as_ref().map(|port| Port {
                number: port.number,
                protocol: &port.protocol,
            }),
            reads: result.reads.iter().map(Read::new).collect(),
            reason_code: result.reason.code(),
            rule_id: rule.id,
            rule_version: rule.version,
            severity: Written(result.severity),
            subjects: result.subjects.iter().map(Subject::new).collect(),
            verdict: Written(result.verdict),
            waiver_id: report.waiver_id(result),
        }
    }
}

impl<'r> Read<'r> {
    fn new(read: &'r ResultRead) -> Self {
        Self {
            object: match read.from {
                rules::ReadFrom::Subject => ReadFrom::Word(PlaceWord::Subject),
                rules::ReadFrom::Plan => ReadFrom::Word(PlaceWord::Plan),
                rules::ReadFrom::Object(index) => ReadFrom::Object(index),
            },
            pointer: &read.pointer,
            present: read.value.is_some(),
            value: read.value.as_ref(),
        }
    }
}

impl<'r> Subject<'r> {
    fn new(subject: &'r SubjectRef) -> Self {
        match subject {
            SubjectRef::Object(index) => Self::Object(*index as usize),
            SubjectRef::Cluster => Self::Named {
                kind: "Cluster".to_owned(),
                name: "",
                namespace: "",
            },
            SubjectRef::Named(named) => Self::Named {
                kind: named.kind.label().to_owned(),
                name: &named.name,
                namespace: &named.namespace,
            },
        }
    }
}
