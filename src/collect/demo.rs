//! The built-in example: a small Mendix cluster, good and bad, so that a first scan needs no cluster.

use super::manifests::{self, Input, ManifestError, ManifestOptions};
use crate::declaration::DeclarationError;
use crate::plan::Plan;
use crate::snapshot::{Mode, Snapshot};

/// When the example was collected; fixed, so that every run gives the same evidence.
const COLLECTED_AT: &str = "2026-11-02T09:00:00Z";

/// Reads the embedded files.
pub fn snapshot() -> Result<Snapshot, ManifestError> {
    let options = ManifestOptions {
        assume_complete: true,
        mode: Mode::Demo,
    };
    let inputs: Vec<Input> = FILES
        .iter()
        .map(|(name, text)| Input::built_in(name, text))
        .collect();
    manifests::read(&inputs, &options, COLLECTED_AT)
}

/// The plan that belongs to it.
pub fn plan() -> Result<Plan, DeclarationError> {
    Plan::parse("plan.yaml", include_str!("../../fixtures/demo/plan.yaml"))
}

/// Name and content of each file.
const FILES: &[(&str, &str)] = &[
    (
        "claims.yaml",
        include_str!("../../fixtures/demo/claims.yaml"),
    ),
    (
        "cluster.yaml",
        include_str!("../../fixtures/demo/cluster.yaml"),
    ),
    ("hr.yaml", include_str!("../../fixtures/demo/hr.yaml")),
    (
        "pilots.yaml",
        include_str!("../../fixtures/demo/pilots.yaml"),
    ),
    (
        "platform.yaml",
        include_str!("../../fixtures/demo/platform.yaml"),
    ),
    (
        "reports.yaml",
        include_str!("../../fixtures/demo/reports.yaml"),
    ),
];
