//! What holds for every format, those included that are added later.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use clap::ValueEnum as _;
use sc39::collect::{archive, demo};
use sc39::kind::Kind;
use sc39::render::Format;
use sc39::snapshot::ReadStatus;
use serde_json::Value;

use crate::live::{repository, sc39, secrecy};

/// What a run wrote, by format.
type Outputs = BTreeMap<String, String>;

fn names() -> Vec<String> {
    let values = Format::value_variants().iter();
    let values = values.filter_map(clap::ValueEnum::to_possible_value);
    values.map(|value| value.get_name().to_owned()).collect()
}

/// Runs a scan that writes every format into a folder.
pub(crate) fn scan_as_everything(folder: &Path, arguments: &[&str]) -> Outputs {
    let mut command = sc39();
    command.args(["scan", "-q"]).args(arguments);
    as_everything(folder, command)
}

fn as_everything(folder: &Path, mut command: Command) -> Outputs {
    let file = |name: &str| folder.join(format!("out.{name}"));
    for name in names() {
        command.arg("-o");
        command.arg(format!("{name}={}", file(&name).display()));
    }
    let output = command.output().expect("the program runs");
    let read = |name: String| {
        let text = fs::read_to_string(file(&name));
        let text = text.unwrap_or_else(|error| panic!("{name}: {error}: {output:?}"));
        assert!(text.len() > 100, "{name}: {text}");
        (name, text)
    };
    names().into_iter().map(read).collect()
}

/// The example, where some kinds may not be read.
fn example_without(kinds: &[Kind], folder: &Path) -> PathBuf {
    let mut snapshot = demo::snapshot().expect("the example can be read");
    snapshot
        .objects
        .retain(|object| !kinds.contains(&object.kind));
    for source in &mut snapshot.coverage.sources {
        if kinds.contains(&source.kind) {
            source.status = ReadStatus::Forbidden;
            source.count = 0;
        }
    }
    let path = folder.join("cluster.zst");
    let file = File::create(&path).expect("the file can be made");
    archive::write(&snapshot, file).expect("the snapshot can be written");
    path
}

#[test]
fn what_was_not_read_is_shown_and_nothing_passes() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let snapshot = example_without(&[Kind::Pod, Kind::Node], folder.path());
    let snapshot = snapshot.to_str().expect("paths of tests are UTF-8");
    let rules = ["--rule", "host-namespaces", "--rule", "container-runtime"];
    let arguments = [&["--from", snapshot], rules.as_slice()].concat();
    for (name, text) in scan_as_everything(folder.path(), &arguments) {
        for words in ["host-namespaces", "container-runtime", "Pod", "Node"] {
            assert!(text.contains(words), "{name} says nothing of {words}");
        }
        let told = text.contains("forbidden") || text.contains("may not be read");
        assert!(told, "{name} does not say why");
        let passes = passes(&text);
        assert!(passes.is_empty(), "{name}: {passes:?}");
    }
    // The same search finds passes where there are some.
    let rules = ["--demo", "--rule", "host-namespaces"];
    let found = scan_as_everything(folder.path(), &rules);
    for name in ["table", "json", "csv", "junit", "markdown", "sarif"] {
        assert!(!passes(&found[name]).is_empty(), "{name}");
    }
}

/// Everything in an output that says that something passed.
fn passes(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    if let Ok(value) = serde_json::from_str::<Value>(text) {
        passes_in_value(&value, &mut found);
    } else if text.starts_with("<?xml") {
        let tests = text.lines().filter(|line| line.contains("<testcase"));
        found.extend(tests.filter(|line| line.ends_with("/>")).map(str::to_owned));
    } else if text.starts_with("apiVersion:") || text.starts_with("---") {
        let documents: Vec<Value> = serde_saphyr::from_multiple(text).expect("it is YAML");
        for document in &documents {
            passes_in_value(document, &mut found);
        }
    } else {
        passes_in_text(text, &mut found);
    }
    found
}

fn passes_in_value(value: &Value, found: &mut Vec<String>) {
    const WORDS: [&str; 3] = ["pass", "passed", "satisfied"];
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                if WORDS.contains(&name.as_str()) && value.as_u64().is_some_and(|rows| rows > 0) {
                    found.push(format!("{name}: {value}"));
                }
                passes_in_value(value, found);
            }
        }
        Value::Array(list) => list.iter().for_each(|value| passes_in_value(value, found)),
        Value::String(text) if WORDS.contains(&text.as_str()) => found.push(text.clone()),
        Value::String(_) | Value::Number(_) | Value::Bool(_) | Value::Null => {}
    }
}

/// A verdict in a cell of CSV, or a number of passes that is not 0.
fn passes_in_text(text: &str, found: &mut Vec<String>) {
    for line in text.lines() {
        let words: Vec<&str> = line
            .split(|letter: char| !letter.is_ascii_alphanumeric())
            .filter(|word| !word.is_empty())
            .collect();
        let counted = words
            .windows(2)
            .any(|pair| pair[1] == "pass" && pair[0].parse::<u64>().is_ok_and(|rows| rows > 0));
        if counted || line.contains(",pass,") {
            found.push(line.to_owned());
        }
    }
}

#[test]
fn waived_failures_are_shown_as_such() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let waivers = repository("tests/cli/waivers.in/waivers.yaml");
    let waivers = waivers.to_str().expect("paths of tests are UTF-8");
    let arguments = [
        "--demo",
        "--rule",
        "container-runtime",
        "--waivers",
        waivers,
    ];
    for (name, text) in scan_as_everything(folder.path(), &arguments) {
        let shown = text.contains("W-1") || text.contains(",waived,");
        assert!(shown, "{name} shows no waiver");
    }
}

#[test]
fn values_that_are_not_kept_are_in_no_format() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let file = folder.path().join("objects.yaml");
    fs::write(&file, secrecy::CANARIES).expect("the file can be written");
    let file = file.to_str().expect("paths of tests are UTF-8");
    let namespace = ["--from", file, "-n", "claims-production"];
    for (name, text) in scan_as_everything(folder.path(), &namespace) {
        let text = text.to_lowercase();
        assert!(text.contains("leaky"), "{name} is about the objects");
        assert!(!text.contains("canary"), "{name} holds a canary");
    }
}

#[test]
fn neither_the_day_nor_the_time_zone_changes_a_byte() {
    let folders = [(); 3].map(|()| tempfile::tempdir().expect("a folder can be made"));
    let waivers = repository("tests/cli/waivers.in/waivers.yaml");
    let waivers = waivers.to_str().expect("paths of tests are UTF-8");
    let scanned = scan_as_everything(folders[0].path(), &["--demo", "--waivers", waivers]);
    let evidence = folders[0].path().join("out.json");
    let rendered = |folder: &Path, zone: &str| {
        let mut command = sc39();
        command
            .env("TZ", zone)
            .args(["render", "-q"])
            .arg(&evidence);
        as_everything(folder, command)
    };
    let first = rendered(folders[1].path(), "Asia/Tokyo");
    std::thread::sleep(Duration::from_millis(1100));
    let second = rendered(folders[2].path(), "America/New_York");
    for (name, text) in &scanned {
        assert!(*text == first[name], "{name} is not what the scan wrote");
        assert!(*text == second[name], "{name} differs");
    }
}
