//! Inputs that fuzzing starts from, made of the fixtures; `scripts/fuzz` has them written to a folder.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use sc39::assess::{Options, assess};
use sc39::catalog::Catalog;
use sc39::collect::manifests::{self, Input, ManifestOptions};
use sc39::collect::{archive, demo};
use sc39::model::ScopeRequest;
use sc39::render::{Format, RenderOptions, render};
use sc39::rules::RULES;
use sc39::snapshot::{Mode, Snapshot};

use crate::live::repository;

/// Names and contents for one target.
pub(super) type Seeds = BTreeMap<String, Vec<u8>>;

/// Selectors, each with labels below it.
const SELECTORS: &[&str] = &[
    "app=x\napp=x",
    "app==x,tier!=test\napp=x\ntier=prod",
    "app in (x, y),tier notin (prod),!old,new\nnew=",
    "app.kubernetes.io/name = hr\napp.kubernetes.io/name=hr",
    r#"{"matchLabels": {"a": "b"}, "matchExpressions": [{"key": "c", "operator": "In", "values": ["d"]}]}"#,
    r#"{"matchExpressions": [{"key": "c", "operator": "DoesNotExist"}, {"key": "e", "operator": "NotIn", "values": []}]}"#,
];

/// Quantities of every form.
const QUANTITIES: &[&str] = &[
    "0",
    "1",
    "-1",
    "+1",
    "250m",
    "0.5",
    ".5",
    "1.",
    "1Ki",
    "1.5Gi",
    "1E",
    "1Ei",
    "1e3",
    "1E-3",
    "1e+3",
    "1n",
    "100u",
    "3k",
    "7M",
    "9G",
    "2T",
    "4P",
    "999999999999999999999999999999",
    "0.00000000000000000000000001",
    "1234567890.1234567890123456789Ei",
];

/// All seeds of a target.
pub(super) fn of(target: &str) -> Seeds {
    match target {
        "declarations" => declarations(),
        "evidence" => evidence(),
        "manifests" => fixtures().into_iter().chain(kept("clusters")).collect(),
        "scan" => examples().into_iter().chain(kept("clusters")).collect(),
        "quantities" => listed(QUANTITIES),
        "selectors" => listed(SELECTORS),
        "snapshot" => snapshots(),
        _ => Seeds::new(),
    }
}

/// What was found once, and what was thought of: the inputs in a folder of `fixtures/hostile`.
pub(super) fn kept(target: &str) -> Seeds {
    let folder = repository("fixtures/hostile").join(target);
    if !folder.is_dir() {
        return Seeds::new();
    }
    entries(&folder)
        .into_iter()
        .map(|file| read(&file))
        .collect()
}

/// Writes all seeds below the folder that the environment names, for `scripts/fuzz`.
#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "scripts/fuzz says through it where the corpus goes"
)]
fn seeds_are_written_where_they_are_asked_for() {
    let Ok(corpus) = std::env::var("SC39_FUZZ_CORPUS") else {
        return;
    };
    for (target, _) in super::targets::TARGETS {
        let folder = Path::new(&corpus).join(target);
        std::fs::create_dir_all(&folder).expect("the folder can be made");
        for (name, bytes) in of(target).into_iter().chain(kept(target)) {
            std::fs::write(folder.join(name), bytes).expect("the seed can be written");
        }
    }
    let words = words().into_iter().map(|word| format!("\"{word}\"\n"));
    let dictionary: Vec<String> = words.collect();
    std::fs::write(Path::new(&corpus).join("dictionary"), dictionary.concat())
        .expect("it can be written");
}

/// The words of the base and the example: keys and values that mean something.
fn words() -> BTreeSet<String> {
    let files = ["base", "demo"].map(|name| entries(&repository("fixtures").join(name)));
    let texts = files
        .iter()
        .flatten()
        .map(|file| std::fs::read_to_string(file).expect("fixtures are text"));
    texts
        .flat_map(|text| {
            let words = text.split(|letter: char| !letter.is_ascii_alphanumeric());
            words
                .filter(|word| (3..40).contains(&word.len()))
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
        .collect()
}

fn listed(texts: &[&str]) -> Seeds {
    let texts = texts.iter().enumerate();
    texts
        .map(|(number, text)| (format!("listed-{number}"), text.as_bytes().to_vec()))
        .collect()
}

/// Every fixture of a rule, the base, and the files of the example.
fn fixtures() -> Seeds {
    let rules = entries(&repository("fixtures/rules"));
    let folders = rules
        .into_iter()
        .chain(["base", "demo"].map(|name| repository("fixtures").join(name)));
    folders
        .flat_map(|folder| entries(&folder))
        .map(|file| read(&file))
        .collect()
}

/// One fixture of each rule and verdict, and the files of the example.
fn examples() -> Seeds {
    let mut seen = BTreeSet::new();
    let mut examples = fixtures();
    examples.retain(|name, _| {
        let mut words = name.splitn(2, "--");
        let (rule, fixture) = (
            words.next().unwrap_or_default(),
            words.next().unwrap_or_default(),
        );
        let verdict = fixture.split('-').next().unwrap_or_default();
        rule == "demo" || seen.insert((rule.to_owned(), verdict.to_owned()))
    });
    examples
}

/// Plans and waivers: the ones of transcripts, and those in fixtures.
fn declarations() -> Seeds {
    let folders = ["tests/cli/plan.in", "tests/cli/waivers.in"].map(repository);
    let mut seeds: Seeds = folders
        .iter()
        .flat_map(|folder| entries(folder))
        .map(|file| read(&file))
        .collect();
    let plan = repository("fixtures/demo/plan.yaml");
    seeds.extend([read(&plan)]);
    for (name, bytes) in fixtures() {
        let text = String::from_utf8(bytes).expect("fixtures are text");
        let Some((_, plan)) = text.split_once("\n$plan:") else {
            continue;
        };
        let plan = plan.split("\n---").next().unwrap_or_default();
        // On a line of its own it is a mapping in braces; else what is indented below.
        let plan = if plan.starts_with('\n') {
            undented(plan)
        } else {
            plan.trim().to_owned()
        };
        seeds.insert(name, plan.into_bytes());
    }
    seeds
}

fn undented(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let lines: Vec<&str> = lines.collect();
    let margin = |line: &&str| line.len() - line.trim_start().len();
    let margin = lines.iter().map(margin).min().unwrap_or_default();
    let lines: Vec<&str> = lines.iter().map(|line| &line[margin..]).collect();
    lines.join("\n")
}

/// The JSON of snapshots, and some as they are saved.
fn snapshots() -> Seeds {
    let mut seeds = Seeds::new();
    for (name, snapshot) in collected() {
        let mut packed = Vec::new();
        archive::write(&snapshot, &mut packed).expect("a snapshot can be written");
        let text = zstd::decode_all(packed.as_slice()).expect("it can be unpacked");
        if name.starts_with("capabilities") {
            seeds.insert(format!("{name}.zst"), packed);
        }
        seeds.insert(format!("{name}.json"), text);
    }
    seeds
}

/// Evidence of one rule on one of its fixtures, and of all rules on the example.
fn evidence() -> Seeds {
    let ids: Vec<&str> = RULES.iter().map(|rule| rule.id).collect();
    let catalog = Catalog::builtin(&ids).expect("the built-in catalogue is valid");
    let collected = collected().into_iter();
    collected
        .map(|(name, snapshot)| {
            let of_fixture = RULES
                .iter()
                .find(|rule| name.starts_with(&format!("{}--", rule.id)));
            let rules = of_fixture.map_or_else(|| ids.clone(), |rule| vec![rule.id]);
            let bytes = assessed(&snapshot, &catalog, &rules);
            (format!("{name}.json"), bytes)
        })
        .collect()
}

fn assessed(snapshot: &Snapshot, catalog: &Catalog, rules: &[&'static str]) -> Vec<u8> {
    let options = Options {
        rules: rules.iter().copied().collect(),
        scope: ScopeRequest {
            all: true,
            ..ScopeRequest::default()
        },
        ..Options::default()
    };
    let report = assess(snapshot, catalog, options);
    let mut bytes = Vec::new();
    let written = render(Format::Json, &report, &RenderOptions::default(), &mut bytes);
    written.expect("memory can be written to");
    bytes
}

/// The snapshots of a passing and a failing fixture of each rule, and of the example.
fn collected() -> BTreeMap<String, Snapshot> {
    let options = ManifestOptions {
        assume_complete: true,
        mode: Mode::Manifests,
    };
    let fixtures = examples().into_iter();
    let fixtures =
        fixtures.filter(|(name, _)| name.contains("--pass-") || name.contains("--fail-"));
    let mut collected: BTreeMap<String, Snapshot> = fixtures
        .map(|(name, bytes)| {
            let input = Input::Text {
                name: "fixture.yaml".to_owned(),
                bytes: bytes.into(),
            };
            let snapshot = manifests::read(&[input], &options, "2026-01-15T09:00:00Z");
            (name, snapshot.expect("fixtures can be read"))
        })
        .collect();
    let example = demo::snapshot().expect("the example can be read");
    collected.insert("demo".to_owned(), example);
    collected
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("the folder can be listed");
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.expect("the entry can be read").path())
        .collect();
    paths.sort();
    paths
}

/// A file, under its name with that of its folder before it.
fn read(file: &Path) -> (String, Vec<u8>) {
    let name = |path: &Path| {
        let name = path.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    };
    let folder = file.parent().map(name).unwrap_or_default();
    let bytes = std::fs::read(file).expect("the file can be read");
    (format!("{folder}--{}", name(file)), bytes)
}
