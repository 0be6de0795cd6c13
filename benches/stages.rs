//! What each stage takes, as a multiple of a loop that never changes.
//!
//! Times differ between machines and from day to day; how many times as long a stage takes as the loop beside it differs
//! little. `benches/baseline.json` holds these ratios. `scripts/stages` fails when one has grown well beyond its own.

#[path = "../tests/integration/bench/pods.rs"]
mod pods;

use std::collections::{BTreeMap, HashMap};
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{BatchSize, BenchmarkGroup, Criterion};
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
const TOLERATED: f64 = 1.6;

fn main() -> ExitCode {
    let mut criterion = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(3))
        .configure_from_args();
    let page = page();
    stage(&mut criterion, "decode", |group| {
        let place = Place {
            kind: Kind::Pod,
            version: "v1",
            page: 1,
        };
        group.bench_function("stage", |bencher| {
            bencher.iter(|| decode::page(place, &page, &Mutex::new(Interner::default())));
        });
    });
    let snapshot = pods::snapshot(PODS);
    let everything = ScopeRequest {
        all: true,
        ..ScopeRequest::default()
    };
    stage(&mut criterion, "model", |group| {
        group.bench_function("stage", |bencher| {
            bencher.iter(|| black_box(Model::new(&snapshot, &everything)));
        });
    });
    stage(&mut criterion, "reachability", |group| {
        group.bench_function("stage", |bencher| {
            bencher.iter_batched_ref(
                || Model::new(&snapshot, &everything),
                |model| reachability(model),
                BatchSize::PerIteration,
            );
        });
    });
    let ids: Vec<&str> = RULES.iter().map(|rule| rule.id).collect();
    let catalog = Catalog::builtin(&ids).expect("the catalogue is whole");
    stage(&mut criterion, "rules", |group| {
        group.bench_function("stage", |bencher| {
            bencher.iter(|| black_box(report(&snapshot, &catalog, &everything)));
        });
    });
    let report = report(&snapshot, &catalog, &everything);
    for (name, format) in [("render-json", Format::Json), ("render-html", Format::Html)] {
        stage(&mut criterion, name, |group| {
            group.bench_function("stage", |bencher| {
                bencher.iter(|| {
                    let mut written = Vec::new();
                    let options = RenderOptions::default();
                    render(format, &report, &options, &mut written).expect("a list takes it");
                    written
                });
            });
        });
    }
    criterion.final_summary();
    compare()
}

/// One stage with the loop right before it, so that both meet the machine in the same state.
fn stage(
    criterion: &mut Criterion,
    name: &str,
    bench: impl FnOnce(&mut BenchmarkGroup<'_, WallTime>),
) {
    let mut group = criterion.benchmark_group(name);
    group.bench_function("reference", |bencher| bencher.iter(reference));
    bench(&mut group);
    group.finish();
}

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

fn report<'s>(snapshot: &'s Snapshot, catalog: &'s Catalog, scope: &ScopeRequest) -> Report<'s> {
    let options = Options {
        scope: scope.clone(),
        ..Options::default()
    };
    assess(snapshot, catalog, options)
}

/// Prints each stage as a multiple of the loop, beside its baseline.
#[expect(clippy::print_stdout, reason = "the figures are what it is run for")]
fn compare() -> ExitCode {
    let Some(action) = std::env::var_os("SC39_BASELINE") else {
        return ExitCode::SUCCESS;
    };
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
    let results =
        std::env::var_os("CRITERION_HOME").map_or_else(|| target.join("criterion"), PathBuf::from);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/baseline.json");
    let stages = [
        "decode",
        "model",
        "reachability",
        "rules",
        "render-json",
        "render-html",
    ];
    let found: BTreeMap<&str, f64> = stages
        .into_iter()
        .map(|stage| {
            let [reference, stage_time] =
                ["reference", "stage"].map(|bench| fastest(&results.join(stage).join(bench)));
            (stage, stage_time / reference)
        })
        .collect();
    if action == "write" {
        let rounded: BTreeMap<&str, f64> = found
            .iter()
            .map(|(stage, ratio)| (*stage, (ratio * 100.0).round() / 100.0))
            .collect();
        let text = serde_json::to_string_pretty(&rounded).expect("figures are JSON");
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

/// The fastest sample of a benchmark, in nanoseconds an iteration: what disturbs a run only ever adds to it.
fn fastest(benchmark: &Path) -> f64 {
    let path = benchmark.join("new/sample.json");
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let sample: Value = serde_json::from_str(&text).expect("criterion writes JSON");
    let list = |name: &str| -> Vec<f64> {
        let numbers = sample[name].as_array().expect("a list of numbers");
        numbers.iter().filter_map(Value::as_f64).collect()
    };
    let samples = list("times").into_iter().zip(list("iters"));
    samples
        .map(|(time, iterations)| time / iterations)
        .fold(f64::INFINITY, f64::min)
}
