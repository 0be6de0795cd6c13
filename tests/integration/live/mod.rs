//! The whole program against a real kube-apiserver: what it says, what it asks for, and what it does when it may not.

mod clusters;
mod faults;
mod gateways;
mod istio;
mod linkerd;
mod outputs;
mod permissions;
pub(crate) mod secrecy;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::servers::Cluster;

/// One run of `sc39 scan`, with its evidence and CSV.
pub(crate) struct Scan {
    pub code: i32,
    pub stderr: String,
    /// Null when no evidence was written.
    pub evidence: Value,
    pub rows: Vec<Row>,
    pub folder: TempDir,
}

/// One row of CSV.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Row {
    pub rule: String,
    pub verdict: String,
    pub kind: String,
    pub namespace: String,
    pub name: String,
    pub container: String,
    pub port: String,
    pub reason: String,
}

/// The program, without anything of the environment that could change what it does.
#[expect(
    clippy::disallowed_methods,
    reason = "the program needs its path and certificates, and nothing else"
)]
pub(crate) fn sc39() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sc39"));
    let kept = ["PATH", "SSL_CERT_FILE", "SSL_CERT_DIR"];
    command
        .env_clear()
        .envs(std::env::vars().filter(|(name, _)| kept.contains(&name.as_str())));
    command.stdin(Stdio::null());
    command
}

/// Scans with this kubeconfig and writes evidence and CSV into a new folder.
pub(crate) fn scan(kubeconfig: &Path, arguments: &[&str]) -> Scan {
    let mut full = vec![
        "--kubeconfig",
        kubeconfig.to_str().expect("paths of tests are UTF-8"),
    ];
    full.extend(arguments);
    scan_with(&full)
}

/// Scans with these arguments.
pub(crate) fn scan_with(arguments: &[&str]) -> Scan {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let evidence = format!("json={}", folder.path().join("evidence.json").display());
    let csv = format!("csv={}", folder.path().join("rows.csv").display());
    let output = sc39()
        .args(["scan", "-o", &evidence, "-o", &csv, "--no-progress"])
        .args(arguments)
        .output()
        .expect("the program runs");
    finish(&output, folder)
}

fn finish(output: &Output, folder: TempDir) -> Scan {
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).ok();
    let evidence = read("evidence.json").map_or(Value::Null, |text| {
        serde_json::from_str(&text).expect("evidence is JSON")
    });
    let rows = read("rows.csv").map(|text| rows(&text)).unwrap_or_default();
    Scan {
        code: output.status.code().expect("the program ends by itself"),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        evidence,
        rows,
        folder,
    }
}

/// Reads CSV with quoted cells.
pub(crate) fn rows(text: &str) -> Vec<Row> {
    let mut lines = text.lines();
    let header = lines.next().expect("there is a header");
    assert_eq!(
        header,
        "rule,control,verdict,effective_verdict,severity,kind,namespace,name,container,port,reason,message"
    );
    lines
        .map(|line| {
            let cells = cells(line);
            let cell = |index: usize| cells[index].clone();
            Row {
                rule: cell(0),
                verdict: cell(2),
                kind: cell(5),
                namespace: cell(6),
                name: cell(7),
                container: cell(8),
                port: cell(9),
                reason: cell(10),
            }
        })
        .collect()
}

fn cells(line: &str) -> Vec<String> {
    let (mut cells, mut cell, mut quoted) = (Vec::new(), String::new(), false);
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        match (letter, quoted) {
            ('"', true) if letters.peek() == Some(&'"') => cell.extend(letters.next()),
            ('"', _) => quoted = !quoted,
            (',', false) => cells.push(std::mem::take(&mut cell)),
            _ => cell.push(letter),
        }
    }
    cells.push(cell);
    cells
}

impl Scan {
    /// Rows of a rule.
    pub(crate) fn of<'a>(&'a self, rule: &'a str) -> impl Iterator<Item = &'a Row> {
        self.rows.iter().filter(move |row| row.rule == rule)
    }

    /// Rows by rule and verdict.
    pub(crate) fn counts(&self) -> BTreeMap<(&str, &str), usize> {
        let mut counts = BTreeMap::new();
        for row in &self.rows {
            *counts
                .entry((row.rule.as_str(), row.verdict.as_str()))
                .or_default() += 1;
        }
        counts
    }

    /// Fails unless every rule's verdicts are among these.
    pub(crate) fn only(&self, verdicts: &[&str]) {
        let others: Vec<_> = self
            .rows
            .iter()
            .filter(|row| !verdicts.contains(&row.verdict.as_str()))
            .collect();
        assert!(
            others.is_empty(),
            "only {verdicts:?} expected: {others:#?}\n{}",
            self.stderr
        );
    }

    /// Status of each source by kind and namespace.
    pub(crate) fn sources(&self) -> Vec<(String, String, String)> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        self.evidence["coverage"]["sources"]
            .as_array()
            .expect("evidence has sources")
            .iter()
            .map(|source| {
                (
                    text(&source["kind"]),
                    text(&source["namespace"]),
                    text(&source["status"]),
                )
            })
            .collect()
    }
}

/// A file of the repository.
pub(crate) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Installs the kinds of Istio and Mendix, and a cluster on which every rule passes.
pub(crate) fn install(cluster: &Cluster) {
    install_kinds(cluster);
    cluster.apply_file(&repository("fixtures/base/clean.yaml"));
}

/// Installs the kinds of Istio and Mendix.
pub(crate) fn install_kinds(cluster: &Cluster) {
    // The printed roles name the namespace of the mesh.
    cluster.apply("{apiVersion: v1, kind: Namespace, metadata: {name: istio-system}}");
    cluster.apply_file(&cluster.assets().join("crds/istio.yaml"));
    cluster.apply_file(&repository("fixtures/crds/mendix.yaml"));
}

/// A service account with its kubeconfig, and its name in the audit log.
pub(crate) struct Auditor {
    pub kubeconfig: PathBuf,
    pub user: String,
}

/// Gives a service account the roles that `sc39 rbac` prints, less what `spare` names.
pub(crate) fn auditor(cluster: &Cluster, name: &str, spare: &[&str]) -> Auditor {
    let namespace = cluster.namespace("audit");
    let kubeconfig = cluster.service_account(&namespace, name);
    let account = format!("{namespace}:{name}");
    let printed = sc39()
        .args(["rbac", "--name", &namespace, "--service-account", &account])
        .output()
        .expect("the program runs");
    assert!(
        printed.status.success(),
        "{}",
        String::from_utf8_lossy(&printed.stderr)
    );
    let mut yaml = String::from_utf8(printed.stdout).expect("YAML is UTF-8");
    for resource in spare {
        assert!(yaml.contains(resource), "{resource} is in the printed role");
        yaml = yaml
            .replace(&format!(", {resource}"), "")
            .replace(&format!("[{resource}]"), "[none]");
    }
    cluster.apply(&yaml);
    wait_for(&kubeconfig);
    Auditor {
        kubeconfig,
        user: format!("system:serviceaccount:{account}"),
    }
}

/// Grants reach the authorizer a moment after they are made.
fn wait_for(kubeconfig: &Path) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    crate::servers::eventually("the role to be in force", || {
        let capture = sc39()
            .args(["capture", "--kubeconfig"])
            .arg(kubeconfig)
            .arg("-o")
            .arg(folder.path().join("capture.zst"))
            .output()
            .expect("the program runs");
        let refused =
            String::from_utf8_lossy(&capture.stderr).contains("MendixApp may not be read");
        (capture.status.success() && !refused).then_some(())
    });
}
