//! The whole program behind the proxy: its exit code, and the files that it leaves behind.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use tempfile::TempDir;

use super::invariant::{Assessed, Ending};
use super::known::{SCOPES, known};
use super::proxy::TOKEN;
use super::schedule::Schedule;
use super::{none, schedules};
use crate::live::{rows, sc39};

/// No run takes as long as this; one that does hangs.
const HANG: Duration = Duration::from_mins(3);

#[test]
fn faults_leave_whole_files_or_none() {
    let Some(known) = known() else { return };
    let runs = schedules().step_by(10).map(async |schedule| {
        let proxy = known.proxy(&schedule).await;
        let folder = tempfile::tempdir().expect("a folder can be made");
        let kubeconfig = proxy.kubeconfig(folder.path());
        let command = command(&schedule, &kubeconfig);
        let scan = tokio::task::spawn_blocking(move || scan(command, &folder));
        let (ending, problems) = scan.await.expect("no check panics");
        let turned = known.violations(schedule.scope, &ending).into_iter();
        let problems = problems.into_iter().chain(turned);
        problems
            .map(|problem| format!("{schedule}\n    {problem}"))
            .collect::<Vec<_>>()
    });
    let runs = futures::stream::iter(runs).buffer_unordered(4);
    let problems: Vec<Vec<String>> = known.block_on(runs.collect());
    none(problems.iter().flatten());
}

fn command(schedule: &Schedule, kubeconfig: &Path) -> Command {
    let mut command = sc39();
    command.args(["scan", "--no-progress", "--request-timeout", "1s"]);
    command.args(["--page-size", &schedule.page_size.to_string()]);
    command.args(SCOPES[schedule.scope]);
    command.arg("--kubeconfig").arg(kubeconfig);
    command
}

/// Runs the program and looks at what it left.
fn scan(mut command: Command, folder: &TempDir) -> (Ending, Vec<String>) {
    let outputs = folder.path().join("outputs");
    fs::create_dir(&outputs).expect("a folder can be made");
    let (json, csv) = (outputs.join("evidence.json"), outputs.join("rows.csv"));
    command.arg("-o").arg(format!("json={}", json.display()));
    command.arg("-o").arg(format!("csv={}", csv.display()));
    let (code, stdout, stderr) = run(command, folder.path());
    let mut left: Vec<String> = fs::read_dir(&outputs)
        .expect("the folder is there")
        .map(|entry| {
            entry
                .expect("and can be read")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    left.sort();
    let mut problems = Vec::new();
    if stderr.contains(TOKEN) {
        problems.push(format!("standard error holds the credential: {stderr}"));
    }
    if !stdout.is_empty() {
        problems.push(format!("something is on standard output: {stdout}"));
    }
    if code == 2 {
        if !left.is_empty() {
            problems.push(format!("exit 2 leaves {left:?} behind"));
        }
        return (Ending::Refused(stderr), problems);
    }
    assert_eq!(left, ["evidence.json", "rows.csv"], "exit {code}: {stderr}");
    let (verified, _, complaint) = run(verify(&json), folder.path());
    if verified != 0 {
        problems.push(format!("the evidence does not verify: {complaint}"));
    }
    let read = |path| fs::read_to_string(path).expect("outputs are text");
    let (evidence, csv) = (read(&json), read(&csv));
    let assessed = Assessed {
        exit_code: code.try_into().expect("exit codes are no signals"),
        rows: rows(&csv).into_iter().collect(),
        evidence: serde_json::from_str(&evidence).expect("verified evidence is JSON"),
        texts: vec![evidence, csv, stderr],
    };
    (Ending::Assessed(Box::new(assessed)), problems)
}

fn verify(evidence: &Path) -> Command {
    let mut command = sc39();
    command.arg("verify").arg(evidence);
    command
}

/// Exit code, standard output and standard error.
fn run(mut command: Command, folder: &Path) -> (i32, String, String) {
    let (stdout, stderr) = (folder.join("stdout"), folder.join("stderr"));
    let file = |path| File::create(path).expect("the folder is writable");
    command.stdout(file(&stdout)).stderr(file(&stderr));
    let mut child = command.spawn().expect("the program runs");
    let started = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().expect("a child can be waited for") {
            break status;
        }
        if started.elapsed() > HANG {
            child.kill().expect("a child can be ended");
            panic!("the program hangs: {command:?}");
        }
        thread::sleep(Duration::from_millis(20));
    };
    let read = |path| fs::read_to_string(path).expect("what the program says is text");
    (
        status.code().expect("it ends by itself"),
        read(&stdout),
        read(&stderr),
    )
}
