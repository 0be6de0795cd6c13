//! The decision tables of the mesh rules, case by case.
#![expect(clippy::too_many_lines, reason = "tables")]

mod ambient;
mod capture;
mod client;
mod control_planes;
mod enrolment;
mod global;
mod linkerd;
mod pods;
mod policies;
mod readings;

use super::workload_strict_mtls;
use crate::kind::Kind;
use crate::rules::{Observation, Reason, Rule, Verdict};
use crate::snapshot::{ReadStatus, Snapshot};
use crate::testing;
use crate::testing::mesh::{istiod, mesh_config, policy};

use Verdict::{Fail, Indeterminate, NotApplicable, Pass};

/// A control plane of revision `default` in `istio-system`.
fn control_plane() -> String {
    istiod("istio-system", "default")
        + &mesh_config("istio-system", "istio", "enableAutoMtls: true")
}

/// The same under a mesh-wide STRICT policy.
fn strict_mesh() -> String {
    control_plane() + &policy("istio-system", "default", Some(0), "{mtls: {mode: STRICT}}")
}

/// The rows about the pods of one namespace.
fn rows_of(rule: &Rule, snapshot: &Snapshot, namespace: &str) -> Vec<Observation> {
    let model = testing::model(snapshot);
    let observations = rule.all(&model).into_iter();
    observations
        .filter(|observation| match observation.subject {
            crate::rules::Subject::Pods(index) => model.pods[index].namespace == namespace,
            _ => false,
        })
        .collect()
}

/// Verdict and reason for a port of the pods in `shop`; `*` is the row without a port.
fn judge(yaml: &str, port: &str) -> (Verdict, Reason) {
    judge_snapshot(&testing::snapshot(yaml), port)
}

fn judge_snapshot(snapshot: &Snapshot, port: &str) -> (Verdict, Reason) {
    let rows = rows_of(&workload_strict_mtls::RULE, snapshot, "shop");
    let row = row(&rows, port);
    (row.verdict, row.reason)
}

fn row<'r>(rows: &'r [Observation], port: &str) -> &'r Observation {
    let named = |row: &&Observation| {
        row.port
            .as_ref()
            .map_or_else(|| "*".to_owned(), ToString::to_string)
            == port
    };
    rows.iter()
        .find(named)
        .unwrap_or_else(|| panic!("a row for port {port} among {rows:#?}"))
}

struct Case {
    why: &'static str,
    yaml: String,
    port: &'static str,
    expected: (Verdict, Reason),
}

fn case(
    why: &'static str,
    yaml: impl Into<String>,
    port: &'static str,
    verdict: Verdict,
    reason: Reason,
) -> Case {
    Case {
        why,
        yaml: yaml.into(),
        port,
        expected: (verdict, reason),
    }
}

fn check(base: &str, cases: Vec<Case>) {
    for Case {
        why,
        yaml,
        port,
        expected,
    } in cases
    {
        assert_eq!(judge(&format!("{base}{yaml}"), port), expected, "{why}");
    }
}
