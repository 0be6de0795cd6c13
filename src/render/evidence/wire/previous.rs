//! The baseline that a run was held against.

use schemars::JsonSchema;
use serde::Serialize;

use super::DIGEST;
use super::words::Written;
use crate::report::{Baseline, Known, RowKey};
use crate::rules::Severity;

/// An earlier evidence file, whose failures the exit code lets through.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Previous<'r> {
    /// Its content digest: the link of the chain.
    #[schemars(extend("pattern" = DIGEST))]
    content_digest: &'r str,
    /// Id of its run.
    run_id: &'r str,
    /// Start of its collection, RFC 3339 UTC.
    started_at: &'r str,
    /// What failed in it and still fails, no more severely; sorted by rule, namespace, kind, name, container and port.
    still_failing: Vec<StillFailing<'r>>,
}

/// A failure that was there before.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct StillFailing<'r> {
    /// Container.
    #[serde(skip_serializing_if = "Option::is_none")]
    container: Option<&'r str>,
    /// Kind of the workload or object.
    kind: &'r str,
    /// Its name.
    name: &'r str,
    /// Its namespace, or empty; of a Namespace its own name.
    namespace: &'r str,
    /// Port, a bare number for TCP, else with its protocol.
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<&'r str>,
    /// The rule, by its id in `catalogue.rules`.
    rule_id: &'r str,
    /// How severe it was.
    severity: Written<Severity>,
    /// Start of the first collection in the chain that shows it, RFC 3339 UTC.
    since: &'r str,
}

impl<'r> Previous<'r> {
    pub(super) fn new(baseline: &'r Baseline) -> Self {
        let failing = baseline.failing.iter();
        Self {
            content_digest: &baseline.digest,
            run_id: &baseline.run_id,
            started_at: &baseline.started_at,
            still_failing: failing
                .map(|(key, known)| StillFailing::new(key, known))
                .collect(),
        }
    }
}

impl<'r> StillFailing<'r> {
    fn new(key: &'r RowKey, known: &'r Known) -> Self {
        Self {
            container: key.container.as_deref(),
            kind: &key.kind,
            name: &key.name,
            namespace: &key.namespace,
            port: key.port.as_deref(),
            rule_id: &key.rule,
            severity: Written(known.severity),
            since: &known.since,
        }
    }
}
