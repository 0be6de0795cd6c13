//! Runs that are compared with earlier ones, from evidence to exit code.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Output;

use sc39::collect::{archive, demo};
use sc39::kind::Kind;
use sc39::snapshot::{ReadStatus, Snapshot};
use serde_json::Value;

use crate::live::sc39;

/// The example, changed, as a snapshot.
fn snapshot(folder: &Path, name: &str, change: impl FnOnce(&mut Snapshot)) -> PathBuf {
    let mut snapshot = demo::snapshot().expect("the example can be read");
    change(&mut snapshot);
    let path = folder.join(name);
    let file = File::create(&path).expect("the file can be made");
    archive::write(&snapshot, file).expect("the snapshot can be written");
    path
}

/// Runs the program in a folder; arguments are divided at spaces.
fn run(folder: &Path, arguments: &str) -> Output {
    let mut command = sc39();
    command.current_dir(folder).args(arguments.split(' '));
    command.output().expect("the program runs")
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("the program ends by itself")
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The Pods of a namespace fail no more, and are no more.
fn without_pods(snapshot: &mut Snapshot, namespace: &str) {
    let before = snapshot.objects.len();
    snapshot
        .objects
        .retain(|object| object.kind != Kind::Pod || object.namespace() != namespace);
    let gone = before - snapshot.objects.len();
    let mut sources = snapshot.coverage.sources.iter_mut();
    let pods = sources.find(|source| source.kind == Kind::Pod);
    pods.expect("Pods were read").count -= gone as u64;
}

const RULES: &str = "--rule host-namespaces,ephemeral-containers,container-runtime";

#[test]
fn only_what_is_new_fails_the_gate() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let folder = folder.path();
    snapshot(folder, "before.zst", |snapshot| {
        without_pods(snapshot, "claims-production");
    });
    snapshot(folder, "now.zst", |_| {});
    let before = run(
        folder,
        &format!("scan --from before.zst {RULES} -o json=old.json"),
    );
    let now = run(
        folder,
        &format!("scan --from now.zst {RULES} -o json=now.json"),
    );
    assert_eq!((code(&before), code(&now)), (1, 1));

    let against_itself =
        format!("scan --from now.zst {RULES} --baseline now.json -o json=same.json");
    let same = run(folder, &against_itself);
    assert_eq!(code(&same), 0, "{}", stderr(&same));
    let evidence = fs::read_to_string(folder.join("same.json")).expect("it was written");
    let evidence: Value = serde_json::from_str(&evidence).expect("evidence is JSON");
    let recorded = fs::read_to_string(folder.join("now.json")).expect("it was written");
    let recorded: Value = serde_json::from_str(&recorded).expect("evidence is JSON");
    let previous = &evidence["previous"];
    assert_eq!(
        previous["contentDigest"],
        recorded["integrity"]["contentDigest"]
    );
    assert_eq!(previous["runId"], recorded["run"]["id"]);
    let still = previous["stillFailing"].as_array().expect("it is a list");
    assert!(!still.is_empty());
    assert_eq!(still[0]["since"], recorded["run"]["startedAt"]);

    // The evidence is enough to come to the same exit code again.
    let again = run(folder, "render same.json -o json=again.json");
    assert_eq!(code(&again), 0, "{}", stderr(&again));
    let bytes = |name: &str| fs::read(folder.join(name)).expect("it was written");
    assert!(bytes("same.json") == bytes("again.json"));

    let new = run(
        folder,
        &format!("scan --from now.zst {RULES} --baseline old.json"),
    );
    assert_eq!(code(&new), 1);
    let words = stdout(&new);
    let words: Vec<&str> = words.split_whitespace().collect();
    assert!(words.join(" ").contains("that the baseline has"));

    let diff = run(folder, "diff old.json now.json");
    let words = stdout(&diff);
    assert_eq!(code(&diff), 1, "{words}");
    assert!(words.contains("ephemeral-containers") && words.contains("was not there"));
    assert!(
        words.contains("container-runtime Node") && words.contains("since 2026-11-02T09:00:00Z")
    );
    let back = run(folder, "diff now.json old.json");
    assert_eq!(code(&back), 0, "{}", stdout(&back));
    assert!(stdout(&back).contains("is no longer there"));
    let same = run(folder, "diff now.json same.json");
    assert_eq!(code(&same), 0, "{}", stdout(&same));
}

#[test]
fn what_was_not_read_is_not_let_through() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let folder = folder.path();
    snapshot(folder, "blind.zst", |snapshot| {
        snapshot.objects.retain(|object| object.kind != Kind::Pod);
        let pods = snapshot.coverage.sources.iter_mut();
        pods.filter(|source| source.kind == Kind::Pod)
            .for_each(|source| source.status = ReadStatus::Forbidden);
    });
    snapshot(folder, "now.zst", |_| {});
    let rule = "--rule ephemeral-containers";
    run(
        folder,
        &format!("scan --from blind.zst {rule} -o json=blind.json"),
    );
    run(
        folder,
        &format!("scan --from now.zst {rule} -o json=now.json"),
    );
    let diff = run(folder, "diff blind.json now.json");
    let words = stdout(&diff);
    assert_eq!(code(&diff), 3, "{words}");
    assert!(words.contains("New failures: 0") && words.contains("can't be told from the first"));
    let allowed = run(folder, "diff blind.json now.json --allow-indeterminate");
    assert_eq!(code(&allowed), 0);
    let scan = run(
        folder,
        &format!("scan --from now.zst {rule} --baseline blind.json"),
    );
    assert_eq!(code(&scan), 1, "what fails now did not in the baseline");
    let narrow = run(folder, "diff now.json now.json");
    assert_eq!(code(&narrow), 0);
    run(
        folder,
        "scan --from now.zst --rule container-runtime -o json=other.json",
    );
    let diff = run(folder, "diff now.json other.json");
    assert_eq!(code(&diff), 3, "{}", stdout(&diff));
    assert!(stdout(&diff).contains("ephemeral-containers: the rule ran for the first only"));
}

#[test]
fn files_that_prove_nothing_are_refused() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let folder = folder.path();
    snapshot(folder, "other.zst", |snapshot| {
        snapshot.origin.cluster.uid = Some("another".to_owned());
    });
    snapshot(folder, "now.zst", |_| {});
    for name in ["other", "now"] {
        run(
            folder,
            &format!("scan --from {name}.zst {RULES} -o json={name}.json"),
        );
    }
    let text = fs::read_to_string(folder.join("now.json")).expect("it was written");
    let altered = text.replace("\"verdict\":\"pass\"", "\"verdict\":\"fail\"");
    assert_ne!(text, altered);
    fs::write(folder.join("altered.json"), altered).expect("it can be written");
    let scan = format!("scan --from now.zst {RULES} --baseline");
    for (arguments, words) in [
        (
            "diff other.json now.json".to_owned(),
            "they are of two clusters",
        ),
        (format!("{scan} other.json"), "they are of two clusters"),
        (
            "diff altered.json now.json".to_owned(),
            "is not what its own objects give",
        ),
        (
            format!("{scan} altered.json"),
            "is not what its own objects give",
        ),
        (format!("{scan} now.zst"), "unable to use now.zst"),
        (format!("{scan} none.json"), "unable to open none.json"),
        (
            format!("{scan} now.json -o json=now.json"),
            "can't be written over",
        ),
    ] {
        let output = run(folder, &arguments);
        assert_eq!(code(&output), 2, "{arguments}");
        assert!(
            stderr(&output).contains(words),
            "{arguments}: {}",
            stderr(&output)
        );
    }
}
