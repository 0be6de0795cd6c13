//! Waivers, and what became of them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::DIGEST;
use super::words::Written;
use crate::canonical::Ordered;
use crate::plan::FlowPort;
use crate::report::{Report, WaiverReport, WaiverStatus};
use crate::waivers::{Deviation, WaiverSelector, Waivers};

/// A waiver: failures that an approver accepts for a time.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Waiver<'r> {
    /// When it was approved.
    #[schemars(extend("format" = "date"))]
    approved_on: String,
    /// Who approved it.
    approver: &'r str,
    /// The last day on which it holds, to 23:59:59 UTC, compared with `run.startedAt`.
    #[schemars(extend("format" = "date"))]
    expires: String,
    /// SHA-256 of the canonical JSON (RFC 8785) of the file of waivers, as `sha256:` and hexadecimal digits.
    #[schemars(extend("pattern" = DIGEST))]
    file_digest: &'r str,
    /// Its id.
    id: &'r str,
    /// Why it is acceptable.
    justification: &'r str,
    /// Failing rows that its selector fits, whether or not it holds for them.
    matched: u64,
    /// Entry in the plan of action and milestones.
    #[serde(skip_serializing_if = "Option::is_none")]
    poam: Option<&'r str>,
    /// Ids of the results that it waives, sorted.
    #[schemars(with = "Vec<String>")]
    results: &'r [Uuid],
    /// The rule whose failures it is about.
    rule_id: &'r str,
    /// Which failures of the rule: those that fit all of it.
    selector: Selector<'r>,
    /// `applied`: it fits failing rows. `expired`: its time is over, it waives nothing. `not-yet-approved`: it was
    /// approved after the collection began, it waives nothing. `unmatched`: it fits no failing row. `not-selected`: its rule did not run.
    status: Written<WaiverStatus>,
    /// Kind of deviation: operational requirement, false positive, risk adjustment or vendor dependency.
    #[serde(rename = "type")]
    deviation: Written<Deviation>,
}

/// The file of waivers. What it says was not observed.
#[derive(Serialize, JsonSchema)]
pub(super) struct WaiverFile<'r> {
    /// SHA-256 of the canonical JSON (RFC 8785) of `document`, as `sha256:` and hexadecimal digits.
    #[schemars(extend("pattern" = DIGEST))]
    digest: &'r str,
    /// The file, whole; its form is that of `waivers-v1.json`. Of several waivers that fit, the first that holds counts.
    #[schemars(with = "Map<String, Value>")]
    document: Ordered<'r>,
}

impl<'r> WaiverFile<'r> {
    pub(super) fn new(file: &'r Waivers) -> Option<Self> {
        (!file.digest.is_empty()).then(|| Self {
            digest: &file.digest,
            document: Ordered(&file.document),
        })
    }
}

/// Which failures of a rule a waiver is about.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "WaiverSelector")]
struct Selector<'r> {
    /// Container.
    #[serde(skip_serializing_if = "Option::is_none")]
    container: Option<&'r str>,
    /// Kind of the subject.
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'r str>,
    /// Labels of the subject.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    labels: &'r BTreeMap<String, String>,
    /// Name of the subject.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'r str>,
    /// Namespace of the subject.
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<&'r str>,
    /// Port.
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<Port<'r>>,
    /// Uid of the subject.
    #[serde(skip_serializing_if = "Option::is_none")]
    uid: Option<&'r str>,
}

/// A port with its protocol.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "WaiverPort")]
struct Port<'r> {
    /// Number.
    number: u16,
    /// `TCP`, `UDP` or `SCTP`.
    protocol: &'r str,
}

impl<'r> Waiver<'r> {
    pub(super) fn new(report: &'r Report<'r>, of: &'r WaiverReport) -> Self {
        let waiver = &of.waiver;
        Self {
            approved_on: waiver.approved_on.to_string(),
            approver: &waiver.approver,
            expires: waiver.expires.to_string(),
            file_digest: &report.waiver_file.digest,
            id: &waiver.id,
            justification: &waiver.justification,
            matched: of.matched,
            poam: waiver.poam.as_deref(),
            results: &of.results,
            rule_id: &waiver.rule,
            selector: Selector::new(&waiver.selector),
            status: Written(of.status),
            deviation: Written(waiver.deviation),
        }
    }
}

impl<'r> Selector<'r> {
    fn new(selector: &'r WaiverSelector) -> Self {
        Self {
            container: selector.container.as_deref(),
            kind: selector.kind.as_deref(),
            labels: &selector.labels,
            name: selector.name.as_deref(),
            namespace: selector.namespace.as_deref(),
            port: selector.port.as_ref().map(Port::new),
            uid: selector.uid.as_deref(),
        }
    }
}

impl<'r> Port<'r> {
    fn new(port: &'r FlowPort) -> Self {
        Self {
            number: port.number,
            protocol: &port.protocol,
        }
    }
}
