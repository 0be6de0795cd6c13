//! The figures of `docs/benchmarks.md`: scans of many pods, against a raw paged list of the same kinds in the same run.
//! Left out unless `scripts/bench` asks for it: times are printed, never asserted.

#![expect(clippy::print_stdout, reason = "the figures are what it is run for")]

mod load;
pub(crate) mod measure;
pub(crate) mod pods;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use http::Request;
use http_body_util::BodyExt as _;
use kube::Client;
use sc39::collect::archive;
use sc39::kind::Kind;
use serde_json::Value;
use tempfile::TempDir;

use crate::live::{install_kinds, sc39};
use crate::servers::{Cluster, Options, private};
use measure::{Run, run};
use pods::PER_NAMESPACE;

/// How often a live scan and a raw list beside it are made: server, list and tool share the processors, and single rounds
/// differ by half.
const ROUNDS: usize = 5;

/// Every format but JSON, which scans write.
const FORMATS: [&str; 8] = [
    "table",
    "csv",
    "markdown",
    "html",
    "junit",
    "sarif",
    "oscal",
    "openreports",
];

#[expect(
    clippy::disallowed_methods,
    reason = "scripts/bench says through it how many pods to load"
)]
fn sizes(variable: &str) -> Vec<usize> {
    let value = std::env::var(variable).unwrap_or_default();
    let sizes = value.split_whitespace().map(|size| {
        let pods: usize = size.parse().expect("a number of pods");
        pods.next_multiple_of(PER_NAMESPACE)
    });
    sizes.collect()
}

/// One after another in one server, each with the pods of those before it.
#[test]
fn of_a_live_cluster() {
    let sizes = sizes("SC39_BENCH_PODS");
    if sizes.is_empty() {
        return;
    }
    let flags = [
        "--max-requests-inflight=2000",
        "--max-mutating-requests-inflight=1000",
    ];
    let options = Options {
        controllers: false,
        api_server_flags: &flags,
    };
    let Some(cluster) = private(options) else {
        return;
    };
    install_kinds(&cluster);
    let mut loaded = 0;
    for pods in sizes {
        let started = Instant::now();
        load::load(&cluster, loaded..pods);
        loaded = pods;
        println!(
            "\n### {pods} pods, live\n\nLoaded in {:.0} s.\n",
            started.elapsed().as_secs_f64()
        );
        live(&cluster);
        encodings(&cluster);
    }
}

/// From a saved snapshot that no server ever held.
#[test]
fn of_a_saved_snapshot() {
    for pods in sizes("SC39_BENCH_SNAPSHOT_PODS") {
        println!("\n### {pods} pods, from a snapshot\n");
        let folder = Folder::new();
        let snapshot = folder.path("cluster.sc39.zst");
        let file = File::create(&snapshot).expect("a file can be made");
        archive::write(&pods::snapshot(pods), file).expect("the snapshot can be written");
        heading();
        offline(&folder, &snapshot);
    }
}

fn live(cluster: &Cluster) {
    let folder = Folder::new();
    let evidence = folder.path("live.json");
    let snapshot = folder.path("live.sc39.zst");
    let kubeconfig = cluster.kubeconfig("admin").display().to_string();
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let raw = raw_list(cluster);
        let arguments = [
            "scan",
            "--quiet",
            "--kubeconfig",
            &kubeconfig,
            "-o",
            &format!("json={evidence}"),
        ];
        rounds.push((raw, sc39_run(&arguments)));
    }
    let each = |value: &dyn Fn(&(Raw, Run)) -> String| {
        rounds.iter().map(value).collect::<Vec<_>>().join(" / ")
    };
    let (raw, _) = &rounds[0];
    println!(
        "- raw paged list: {} s, {} MB of JSON in {} requests",
        each(&|(raw, _)| format!("{:.2}", raw.wall.as_secs_f64())),
        raw.bytes / 1_000_000,
        raw.requests
    );
    println!(
        "- scan of all rules, evidence written: {} s, {} requests",
        each(&|(_, scan)| format!("{:.2}", scan.wall.as_secs_f64())),
        requests(&evidence)
    );
    let ratio = |(raw, scan): &(Raw, Run)| scan.wall.as_secs_f64() / raw.wall.as_secs_f64();
    let mut ratios: Vec<f64> = rounds.iter().map(ratio).collect();
    ratios.sort_by(f64::total_cmp);
    println!(
        "- **ratio: {}; median {:.2}**",
        each(&|round| format!("{:.2}", ratio(round))),
        ratios[ROUNDS / 2]
    );
    println!(
        "- **peak memory of the scan: {} MB**",
        each(&|(_, scan)| peak(scan).to_string())
    );
    println!(
        "- from start to the first page asked for: {} ms\n",
        start_up(&kubeconfig, &folder)
    );
    heading();
    row("scan, live", &rounds[ROUNDS - 1].1, Some(&evidence));
    let capture = sc39_run(&[
        "capture",
        "--quiet",
        "--kubeconfig",
        &kubeconfig,
        "-o",
        &snapshot,
    ]);
    row("capture", &capture, Some(&snapshot));
    offline(&folder, &snapshot);
}

/// What needs no server: a scan of the snapshot, and all that is made of its evidence.
fn offline(folder: &Folder, snapshot: &str) {
    let evidence = folder.path("evidence.json");
    let scan = sc39_run(&[
        "scan",
        "--quiet",
        "--from",
        snapshot,
        "-o",
        &format!("json={evidence}"),
    ]);
    row("scan, from the snapshot", &scan, Some(&evidence));
    row("verify", &sc39_run(&["verify", "--quiet", &evidence]), None);
    for format in FORMATS {
        let file = folder.path(format);
        let render = sc39_run(&[
            "render",
            "--quiet",
            &evidence,
            "-o",
            &format!("{format}={file}"),
        ]);
        row(&format!("render, {format}"), &render, Some(&file));
    }
}

fn heading() {
    println!("| run | wall s | user s | system s | peak MB | written MB | exit code |");
    println!("|---|---|---|---|---|---|---|");
}

fn row(name: &str, run: &Run, written: Option<&str>) {
    let size = written.map_or_else(String::new, |file| format!("{:.1}", size(file)));
    println!(
        "| {name} | {:.2} | {:.2} | {:.2} | {} | {size} | {} |",
        run.wall.as_secs_f64(),
        run.user,
        run.system,
        peak(run),
        run.code.map_or_else(String::new, |code| code.to_string()),
    );
}

fn peak(run: &Run) -> u64 {
    run.peak * 1024 / 1_000_000
}

#[expect(
    clippy::cast_precision_loss,
    reason = "of megabytes one digit is shown"
)]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

fn size(file: &str) -> f64 {
    std::fs::metadata(file).map_or(0.0, |file| megabytes(file.len()))
}

fn sc39_run(arguments: &[&str]) -> Run {
    run(Path::new(sc39().get_program()), arguments)
}

/// Pages and single objects that were asked for, by the evidence.
fn requests(evidence: &str) -> u64 {
    sources(evidence)
        .iter()
        .map(|source| source["pages"].as_u64().unwrap_or(1).max(1))
        .sum()
}

fn sources(evidence: &str) -> Vec<Value> {
    let text = std::fs::read(evidence).expect("there is evidence");
    let mut evidence: Value = serde_json::from_slice(&text).expect("it is JSON");
    let sources = evidence.pointer_mut("/coverage/sources").map(Value::take);
    match sources {
        Some(Value::Array(sources)) => sources,
        _ => Vec::new(),
    }
}

/// Milliseconds from the start of the program to the first list, by the clock that both processes see.
#[expect(
    clippy::disallowed_methods,
    reason = "held against the times that the program writes"
)]
fn start_up(kubeconfig: &str, folder: &Folder) -> i64 {
    let evidence = folder.path("start.json");
    let started = chrono::Utc::now();
    sc39_run(&[
        "scan",
        "--quiet",
        "--kubeconfig",
        kubeconfig,
        "-n",
        "ns-0",
        "-o",
        &format!("json={evidence}"),
    ]);
    let first = sources(&evidence)
        .iter()
        .filter_map(|source| {
            source["startedAt"]
                .as_str()?
                .parse::<chrono::DateTime<chrono::Utc>>()
                .ok()
        })
        .min();
    let first = first.expect("something was read");
    (first - started).num_milliseconds()
}

/// What a list took that looks at nothing.
struct Raw {
    wall: Duration,
    bytes: usize,
    requests: usize,
}

/// What one page of pods takes in each form that the server has.
fn encodings(cluster: &Cluster) {
    println!("\n| one page of 500 pods | fastest of 5, ms | MB |");
    println!("|---|---|---|");
    let json = "application/json";
    let protobuf = "application/vnd.kubernetes.protobuf";
    for (name, accept, encoding) in [
        ("JSON", json, "identity"),
        ("JSON, gzip", json, "gzip"),
        ("protobuf", protobuf, "identity"),
        ("protobuf, gzip", protobuf, "gzip"),
    ] {
        let pages = (0..5).map(|_| cluster.block_on(page(&cluster.client(), accept, encoding)));
        let (wall, bytes) = pages.min().expect("there are five");
        println!(
            "| {name} | {:.0} | {:.1} |",
            wall.as_secs_f64() * 1e3,
            megabytes(bytes)
        );
    }
}

async fn page(client: &Client, accept: &str, encoding: &str) -> (Duration, u64) {
    let request = Request::get("/api/v1/pods?limit=500")
        .header("Accept", accept)
        .header("Accept-Encoding", encoding)
        .body(kube::client::Body::empty())
        .expect("the request is well-formed");
    let started = Instant::now();
    let answer = client.send(request).await.expect("the server answers");
    let body = answer.into_body().collect().await;
    let body = body.expect("the page comes whole").to_bytes();
    (started.elapsed(), body.len() as u64)
}

/// Lists everything that a scan lists and the server serves, page by page, and looks at nothing but the continue token.
fn raw_list(cluster: &Cluster) -> Raw {
    let client = cluster.client();
    let started = Instant::now();
    let (bytes, requests) = cluster.block_on(async {
        let mut sum = (0, 0);
        for kind in Kind::ALL.iter().filter(|kind| !kind.by_name_only()) {
            let (bytes, requests) = raw_kind(&client, *kind).await;
            sum = (sum.0 + bytes, sum.1 + requests);
        }
        sum
    });
    Raw {
        wall: started.elapsed(),
        bytes,
        requests,
    }
}

async fn raw_kind(client: &Client, kind: Kind) -> (usize, usize) {
    let api = kind.api();
    let version = api.versions[0];
    let root = if api.group.is_empty() {
        format!("/api/{version}")
    } else {
        format!("/apis/{}/{version}", api.group)
    };
    let (mut bytes, mut requests, mut token) = (0, 0, String::new());
    loop {
        let uri = format!("{root}/{}?limit=500&continue={token}", api.plural);
        let request = Request::get(uri)
            .body(Vec::new())
            .expect("the URI is well-formed");
        let text = match client.request_text(request).await {
            Err(kube::Error::Api(status)) if status.code == 404 => return (bytes, requests),
            answer => answer.expect("the list can be read"),
        };
        bytes += text.len();
        requests += 1;
        match text
            .split_once("\"continue\":\"")
            .and_then(|(_, rest)| rest.split_once('"'))
        {
            Some((next, _)) if !next.is_empty() => next.clone_into(&mut token),
            _ => return (bytes, requests),
        }
    }
}

/// Where a run writes.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder can be made"))
    }

    fn path(&self, name: &str) -> String {
        let path: PathBuf = self.0.path().join(name);
        path.display().to_string()
    }
}
