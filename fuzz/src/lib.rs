//! What each fuzz target does with its bytes, and what must hold of every answer.
//!
//! A test of the tool takes this file in, too, and runs every fixture and every kept finding through the same functions
//! (`tests/integration/hostile/replay.rs`): whatever was found stays found, without a nightly compiler.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::LazyLock;

use clap::ValueEnum as _;
use sc39::assess::{self, Options};
use sc39::canonical;
use sc39::catalog::Catalog;
use sc39::collect::archive;
use sc39::collect::manifests::{self as files, Input, ManifestOptions};
use sc39::compare::{self, Change, Side};
use sc39::declaration::Declaration;
use sc39::evidence::{self as written, Evidence};
use sc39::kind::Kind;
use sc39::model::{ScopeRequest, quantity, selector};
use sc39::plan::{Date, Plan};
use sc39::projection;
use sc39::projection::metadata::StringMap;
use sc39::projection::rbac::LabelSelector;
use sc39::render::changes::{self, Frame};
use sc39::render::{self, Format, RenderOptions};
use sc39::report::Report;
use sc39::rules::RULES;
use sc39::snapshot::{Mode, Snapshot};
use sc39::verify;
use sc39::waivers::Waivers;
use serde_json::Value;

/// What a target does with some bytes.
pub type Target = fn(&[u8]);

/// All targets by name.
pub const TARGETS: &[(&str, Target)] = &[
    ("declarations", declarations),
    ("evidence", evidence),
    ("manifests", manifests),
    ("quantities", quantities),
    ("scan", scan),
    ("selectors", selectors),
    ("snapshot", snapshot),
];

const COLLECTED_AT: &str = "2026-01-15T09:00:00Z";

static IDS: LazyLock<Vec<&'static str>> =
    LazyLock::new(|| RULES.iter().map(|rule| rule.id).collect());

static CATALOG: LazyLock<Catalog> =
    LazyLock::new(|| Catalog::builtin(&IDS).expect("the built-in catalogue is valid"));

/// The reader of plain manifests. What it makes of a file survives being saved.
pub fn manifests(data: &[u8]) {
    if let Some(snapshot) = read_manifests(data) {
        saved_and_read(&snapshot);
    }
}

/// All of a scan of plain manifests, in every format. A document whose one key is `$plan` is the plan, and one whose
/// key is `$waivers` are the waivers.
pub fn scan(data: &[u8]) {
    let Some(snapshot) = read_manifests(data) else {
        return;
    };
    let text = String::from_utf8_lossy(data);
    let plan = declared(&text, "$plan").and_then(|it| Plan::of_value("plan", it).ok());
    let waivers = declared(&text, "$waivers");
    let waivers = waivers.and_then(|it| Waivers::of_value("waivers", it, &IDS).ok());
    assessed(
        &snapshot,
        &plan.unwrap_or_default(),
        &waivers.unwrap_or_default(),
    );
}

/// The reader of saved snapshots. Bytes that are not compressed are taken for the JSON in one, and tried with the
/// digests that belong to it, too, so that what is inside can be changed.
pub fn snapshot(data: &[u8]) {
    if archive::sniff(data) {
        read_snapshot(data);
        return;
    }
    if read_snapshot(&packed(data)) {
        return;
    }
    if let Some(text) = with_digests(data) {
        read_snapshot(&packed(text.as_bytes()));
    }
}

/// `verify`, `render` and `diff`. Whatever a file says, what its objects give is evidence that verifies.
pub fn evidence(data: &[u8]) {
    let Ok(text) = written::read(data) else {
        return;
    };
    let mut evidence = match Evidence::parse("evidence.json", &text) {
        Ok(evidence) => evidence,
        Err(error) => return explained(&error),
    };
    // Inputs outlive versions of the catalogue and of rules.
    for (id, version) in &mut evidence.catalogue.rules {
        if let Some(rule) = RULES.iter().find(|rule| rule.id == id) {
            *version = rule.version;
        }
    }
    evidence.catalogue.digest.clone_from(&CATALOG.digest);
    let Ok(catalog) = evidence.catalogue.catalog(Some(CATALOG.clone())) else {
        return;
    };
    // Whatever it says is verified or not; that it comes to an end is what counts here.
    if let Err(error) = verify::verify(&evidence, &catalog, &text) {
        return explained(&error);
    }
    let report = verify::derive(&evidence, &catalog).expect("what was verified can be derived");
    // Derived from what was taken out of or added to a file, evidence does not verify either.
    if evidence.snapshot.miscounted().next().is_some() {
        return;
    }
    consistent(&report);
    unchanged(&report, &evidence);
}

/// Selectors as people type them, and as objects hold them.
pub fn selectors(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (first, rest) = text.split_once('\n').unwrap_or((&text, ""));
    let labels: StringMap = rest
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect();
    if let Ok(selector) = selector::parse(first) {
        assert!(selector::matches(&selector, &labels).is_some(), "{first}");
        let again = selector::parse(&typed(&selector)).expect("what was read can be typed");
        assert_eq!(selector.match_expressions, again.match_expressions);
    }
    if let Ok(selector) = serde_json::from_str::<LabelSelector>(first) {
        let _ = selector::matches(&selector, &labels);
    }
}

/// Quantities. The oracle counts in floating point.
pub fn quantities(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let Some(found) = quantity::parse(text) else {
        return;
    };
    let about = thousandths(text);
    #[expect(clippy::cast_precision_loss, reason = "the bound is looser than that")]
    let found = found.0 as f64;
    // The least step is a thousandth, and what is beyond all resources need only stay beyond them.
    let is_near = (found - about).abs() <= 1.0 + about.abs() * 1e-9;
    let is_huge = found.abs() >= HUGE && about.abs() >= HUGE && (found < 0.0) == (about < 0.0);
    assert!(is_near || is_huge, "{text:?}: {found} is not {about}");
}

/// Assessment plans and waivers.
pub fn declarations(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    match Plan::parse("plan.yaml", text) {
        Ok(plan) => {
            let again = Plan::of_value("plan", plan.document.clone());
            let again = again.expect("what was read once can be read from evidence");
            assert_eq!(plan.digest, again.digest);
        }
        Err(error) => explained(&error),
    }
    match Waivers::parse("waivers.yaml", text, &IDS) {
        Ok(waivers) => {
            let again = Waivers::of_value("waivers", waivers.document.clone(), &IDS);
            let again = again.expect("what was read once can be read from evidence");
            assert_eq!(waivers.digest, again.digest);
        }
        Err(error) => explained(&error),
    }
    let _ = Date::parse(text.trim());
}

/// An error says something, whatever it is about.
fn explained(error: &dyn std::error::Error) {
    assert!(!error.to_string().is_empty());
}

fn read_manifests(data: &[u8]) -> Option<Snapshot> {
    let input = Input::Text {
        name: "input".to_owned(),
        bytes: Cow::Owned(data.to_vec()),
    };
    let options = ManifestOptions {
        // Both ways are worth taking; so the input says which.
        assume_complete: data.len().is_multiple_of(2),
        mode: Mode::Manifests,
    };
    files::read(&[input], &options, COLLECTED_AT)
        .inspect_err(|error| explained(error))
        .ok()
}

fn saved_and_read(snapshot: &Snapshot) {
    let mut bytes = Vec::new();
    archive::write(snapshot, &mut bytes).expect("a snapshot can be written");
    let read = archive::read(bytes.as_slice()).expect("what was written can be read");
    assert!(*snapshot == read, "a saved snapshot is another one");
}

/// Whether it could be read.
fn read_snapshot(bytes: &[u8]) -> bool {
    match archive::read(bytes) {
        Ok(snapshot) => {
            saved_and_read(&snapshot);
            assessed(&snapshot, Plan::none(), Waivers::none());
            true
        }
        Err(error) => {
            explained(&error);
            false
        }
    }
}

fn packed(text: &[u8]) -> Vec<u8> {
    zstd::encode_all(text, 1).expect("bytes in memory can be compressed")
}

/// The JSON of a snapshot with the digest of each projection that decodes.
fn with_digests(data: &[u8]) -> Option<String> {
    let mut file: Value = serde_json::from_slice(data).ok()?;
    for written in file.get_mut("projections")?.as_array_mut()? {
        let kind: Kind = serde_json::from_value(written.get("kind")?.clone()).ok()?;
        let decoded = projection::decode_evidence(kind, written.get("value")?.clone()).ok()?;
        let bytes = canonical::to_bytes(&decoded.projection).ok()?;
        let digest = format!("sha256:{}", canonical::sha256(&bytes));
        written
            .as_object_mut()?
            .insert("digest".to_owned(), digest.into());
    }
    // The file has its members in this order.
    let order = [
        "kind",
        "schemaVersion",
        "origin",
        "coverage",
        "projections",
        "objects",
    ];
    let members = order.map(|name| format!("\"{name}\":{}", file[name]));
    Some(format!("{{{}}}", members.join(",")))
}

/// What a document of a stream declares under this key.
fn declared(text: &str, key: &str) -> Option<Value> {
    let documents = text.split("\n---\n");
    let document = documents
        .map(str::trim_start)
        .find(|document| document.starts_with(key))?;
    let declaration = Declaration::parse("input", document).ok()?;
    Some(declaration.value().get(key)?.clone())
}

fn assessed(snapshot: &Snapshot, plan: &Plan, waivers: &Waivers) {
    let options = Options {
        scope: ScopeRequest {
            all: true,
            ..ScopeRequest::default()
        },
        plan,
        waivers,
        ..Options::default()
    };
    consistent(&assess::assess(snapshot, &CATALOG, options));
}

/// Every format can be written, and the evidence is what its own objects give.
fn consistent(report: &Report<'_>) {
    let text = rendered(Format::Json, report);
    let evidence = Evidence::parse("evidence.json", &text).expect("own evidence can be read");
    let catalog = evidence.catalogue.catalog(Some(CATALOG.clone()));
    let catalog = catalog.expect("it names the catalogue that it was made with");
    let verified = verify::verify(&evidence, &catalog, &text).expect("own evidence can be derived");
    if let Some(first) = verified.findings.first() {
        panic!(
            "own evidence does not verify: {}: {}",
            first.pointer, first.message
        );
    }
    for format in Format::value_variants() {
        let text = rendered(*format, report);
        match format {
            Format::Json | Format::Sarif | Format::Oscal | Format::Sdr => {
                serde_json::from_str::<Value>(&text).expect("it is JSON");
            }
            Format::Table | Format::Csv | Format::Junit | Format::Markdown | Format::Html => {
                inert(&text);
            }
            Format::OpenReports => {}
        }
    }
}

fn rendered(format: Format, report: &Report<'_>) -> String {
    let options = RenderOptions {
        verbose: true,
        ..RenderOptions::default()
    };
    let mut bytes = Vec::new();
    render::render(format, report, &options, &mut bytes).expect("memory can be written to");
    String::from_utf8(bytes).expect("formats are text")
}

/// Nothing in it drives a terminal or the runner of a pipeline, or hides what is there.
fn inert(text: &str) {
    for line in text.lines() {
        let shown = sc39::escape(line);
        assert!(matches!(shown, Cow::Borrowed(_)), "not escaped: {shown}");
    }
}

/// A report is the same as itself, as far as it is known of which cluster it is.
fn unchanged(report: &Report<'_>, evidence: &Evidence) {
    let ran: BTreeMap<String, u32> = evidence.catalogue.rules.iter().cloned().collect();
    let side = || Side {
        report,
        ran: ran.clone(),
    };
    let (old, new) = (side(), side());
    let Ok(comparison) = compare::compare(&old, &new) else {
        return;
    };
    let is_new = |change: Change| matches!(change, Change::New | Change::Fixed);
    let changed = comparison.items.iter().find(|item| is_new(item.change));
    assert!(changed.is_none(), "changed without a change: {changed:?}");
    let frame = Frame {
        old: ("old.json", COLLECTED_AT),
        new: ("new.json", COLLECTED_AT),
        gate: (0, "no failures"),
        verbose: true,
    };
    let mut bytes = Vec::new();
    changes::render(&comparison, &frame, &mut bytes).expect("memory can be written to");
    inert(&String::from_utf8(bytes).expect("a comparison is text"));
}

/// A selector as kubectl writes it.
fn typed(selector: &LabelSelector) -> String {
    let expressions = selector.match_expressions.iter();
    let requirements = expressions.map(|it| match it.operator.as_str() {
        "Exists" => it.key.clone(),
        "DoesNotExist" => format!("!{}", it.key),
        operator => {
            let operator = operator.to_lowercase();
            format!("{} {operator} ({})", it.key, it.values.join(","))
        }
    });
    requirements.collect::<Vec<_>>().join(",")
}

/// Thousandths that no resource has: a thousand exabytes.
const HUGE: f64 = 1e24;

/// The quantity in thousandths, in floating point.
fn thousandths(text: &str) -> f64 {
    let text = text.trim();
    let is_of_number = |letter: char| letter.is_ascii_digit() || ".+-".contains(letter);
    let end = text.find(|letter: char| !is_of_number(letter));
    let (number, suffix) = text.split_at(end.unwrap_or(text.len()));
    let number: f64 = number.parse().expect("what was read is a number");
    let binary = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
    let decimal = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"];
    let place = |list: &[&str]| list.iter().position(|known| *known == suffix);
    let power = |place: usize| i32::try_from(place).expect("lists are short");
    let factor = match (place(&binary), place(&decimal)) {
        (Some(place), _) => 1024_f64.powi(power(place) + 1),
        (None, Some(place)) => 1000_f64.powi(power(place) - 3),
        (None, None) => {
            let exponent = suffix[1..].parse().expect("what was read has an exponent");
            10_f64.powi(exponent)
        }
    };
    number * factor * 1000.0
}
