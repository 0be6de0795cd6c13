//! What each stage takes, as a multiple of a loop that never changes.
//!
//! Times differ between machines and from day to day; how many times as long a stage takes as the loop beside it differs
//! little. `benches/baseline.json` holds these ratios. `scripts/stages` fails when one has grown well beyond its own.

#[path = "../tests/integration/bench/pods.rs"]
mod pods;

use std::collections::{BTreeMap, HashMap};
use std::hint::black_box;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use criterion::Criterion;
use sc39::assess::{Options, assess};
use sc39::catalog::Catalog;
use sc39::collect::live::decode::{self, Place};
use sc39::kind::Kind;
use sc39::model::{Model, ScopeRequest};
use sc39::render::{Format, RenderOptions, render};
use sc39::report::Report;
use sc39::rules::RULES;
use sc39::snapshot::{Interner, Snapshot};
use serde_json::{Value, json};

/// Pods on the page that is decoded, as live collections ask for them.
const PAGE: usize = 500;
/// Pods of the cluster that is judged.
const PODS: usize = 2_000;
/// A stage that takes this many times its baseline has become slower. Noise stays below; twice as slow is above.
const TOLERATED: f64 = 1.75;

fn main() -> ExitCode {
    let page = page();
    let snapshot = pods::snapshot(PODS);
    let everything = ScopeRequest {
        all: true,
        ..ScopeRequest::default()
    };
    let ids: Vec<&str> = RULES.iter().map(|rule| rule.id).collect();
    let catalog = Catalog::builtin(&ids).expect("the catalogue is whole");
    let report = report_of(&snapshot, &catalog, &everything);
    let rendered = |format| {
        let mut written = Vec::new();
        let options = RenderOptions::default();
        render(format, &report, &options, &mut written).expect("a list takes it");
        written
    };
    let place = Place {
        kind: Kind::Pod,
        version: "v1",
        page: 1,
    };
    let stages: [Stage<'_>; 6] = [
        ("decode", &|| {
            timed(|| decode::page(place, &page, &Mutex::new(Interner::default())))
        }),
        ("model", &|| timed(|| Model::new(&snapshot, &everything))),
        ("reachability", &|| {
            let model = Model::new(&snapshot, &everything);
            timed(|| reachability(&model))
        }),
        ("rules", &|| {
            timed(|| report_of(&snapshot, &catalog, &everything))
        }),
        ("render-json", &|| timed(|| rendered(Format::Json))),
        ("render-html", &|| timed(|| rendered(Format::Html))),
    ];
    match std::env::var_os("SC39_BASELINE") {
        Some(action) => compare(&stages, action == "write"),
        None => measure(&stages),
    }
}

/// A stage, and how long it takes once.
type Stage<'s> = (&'static str, &'s dyn Fn() -> Duration);

/// How long it takes to make something and to drop it again.
fn timed<T>(make: impl FnOnce() -> T) -> Duration {
    let started = Instant::now();
    drop(black_box(make()));
    started.elapsed()
}

/// What each stage takes, to be looked at.
fn measure(stages: &[Stage<'_>]) -> ExitCode {
    let mut criterion = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(3))
        .configure_from_args();
    for (name, stage) in stages.iter().chain([&REFERENCE]) {
        criterion.bench_function(name, |bencher| {
            bencher.iter_custom(|times| (0..times).map(|_| stage()).sum());
        });
    }
    criterion.final_summary();
    ExitCode::SUCCESS
}

/// Each stage as a multiple of the loop. A processor is now faster and now slower, for seconds at a time: the loop runs
/// right before and right after the stage, and the median of many such ratios counts.
fn ratio(stage: &dyn Fn() -> Duration) -> f64 {
    let reference = || (0..LOOPS).map(|_| REFERENCE.1()).sum::<Duration>();
    let mut ratios: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let before = reference();
            let time = stage();
            let around = before + reference();
            time.as_secs_f64() / (around / (2 * LOOPS)).as_secs_f64()
        })
        .collect();
    ratios.sort_by(f64::total_cmp);
    ratios[ratios.len() / 2]
}

/// The loop that never changes.
const REFERENCE: Stage<'_> = ("reference", &|| timed(reference));
/// How often it runs on either side of a stage.
const LOOPS: u32 = 3;
/// How often each stage runs.
const ROUNDS: usize = 41;

/// Texts made, hashed and sorted: allocation, memory and branches, as in the stages, and nothing of theirs.
fn reference() -> usize {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut counts: HashMap<String, usize> = HashMap::new();
    for _ in 0..20_000 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        *counts
            .entry(format!("ns-{}/app", state % 5_000))
            .or_default() += 1;
    }
    let sorted: BTreeMap<&String, &usize> = counts.iter().collect();
    sorted.len()
}

/// A page of pods as an API server writes it.
fn page() -> Vec<u8> {
    let items: Vec<Value> = (0..PAGE).map(pods::running).collect();
    let list = json!({"kind": "PodList", "apiVersion": "v1", "metadata": {"resourceVersion": "1"}, "items": items});
    list.to_string().into_bytes()
}

/// Builds the engine, and asks it what its rules ask.
fn reachability(model: &Model<'_>) -> usize {
    let rules = [
        "default-deny",
        "tier-isolation",
        "app-isolation",
        "admin-port-reachability",
    ];
    let rules = rules.map(|id| sc39::rules::find(id).expect("the rule is registered"));
    rules.iter().map(|rule| (rule.check)(model).count()).sum()
}

fn report_of<'s>(snapshot: &'s Snapshot, catalog: &'s Catalog, scope: &ScopeRequest) -> Report<'s> {
    let options = Options {
        scope: scope.clone(),
        ..Options::default()
    };
    assess(snapshot, catalog, options)
}

/// Prints each stage as a multiple of the loop, beside its baseline.
#[expect(clippy::print_stdout, reason = "the figures are what it is run for")]
fn compare(stages: &[Stage<'_>], write: bool) -> ExitCode {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/baseline.json");
    let found: BTreeMap<&str, f64> = stages
        .iter()
        .map(|(name, stage)| (*name, (ratio(stage) * 100.0).round() / 100.0))
        .collect();
    if write {
        let text = serde_json::to_string_pretty(&found).expect("figures are JSON");
        std::fs::write(&path, text + "\n").expect("the baseline can be written");
    }
    let text = std::fs::read_to_string(&path).expect("there is a baseline");
    let baseline: BTreeMap<String, f64> = serde_json::from_str(&text).expect("it is a baseline");
    let mut slower = false;
    for (stage, ratio) in found {
        let baseline = baseline.get(stage).copied().unwrap_or_default();
        let is_slower = ratio > baseline * TOLERATED;
        slower |= is_slower;
        println!(
            "{stage}: {ratio:.2} times the reference, baseline {baseline:.2}{}",
            if is_slower { ": SLOWER" } else { "" }
        );
    }
    if slower {
        println!("a stage takes more than {TOLERATED} times its baseline");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
