//! What an evidence file looks like, version 1. The comments of these structs are the descriptions in its JSON Schema.
//!
//! Members stand in the order of RFC 8785: by name, upper case before lower case. A test holds a whole document
//! against its canonical form.

mod catalogue;
mod coverage;
mod finding;
mod object;
mod outcome;
mod previous;
mod run;
mod waiver;
mod words;

use std::fmt::Write as _;

use rayon::prelude::*;
use schemars::JsonSchema;
use serde::ser::{Error as _, SerializeSeq as _};
use serde::{Serialize, Serializer};
use serde_json::value::to_raw_value;

use super::projections::Index;
use super::{SCHEMA_ID, SCHEMA_VERSION};
use crate::report::{Report, SubjectRef};
use catalogue::{Catalogue, Framework};
use coverage::Coverage;
use finding::Finding;
use object::{Canonical, Object, Projection};
use outcome::{Control, ManualEvidence, Summary};
use previous::Previous;
use run::{Boundary, Cluster, Plan, Redaction, Run, Tool};
use waiver::{Waiver, WaiverFile};

/// What digests look like.
const DIGEST: &str = "^sha256:[0-9a-f]{64}$";

/// What the document is made of.
pub(super) struct Sources<'r> {
    report: &'r Report<'r>,
    projections: Index<'r>,
    /// Of each object, whether a result is about it.
    judged: Vec<bool>,
}

impl<'r> Sources<'r> {
    pub(super) fn new(report: &'r Report<'r>) -> Result<Self, serde_json::Error> {
        let mut judged = vec![false; report.snapshot.objects.len()];
        let results = report.rules.iter().flat_map(|rule| &rule.results);
        for subject in results.flat_map(|result| result.subjects.iter()) {
            if let SubjectRef::Object(index) = subject {
                judged[*index as usize] = true;
            }
        }
        Ok(Self {
            report,
            projections: Index::new(&report.snapshot.objects)?,
            judged,
        })
    }
}

/// Evidence on process isolation in one Kubernetes cluster: what was read, what each rule found in it, and what that
/// says of each control. It supports an assessment and does not conclude one. Unless the collection itself differs, two
/// files differ in `run` and `integrity` alone.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Evidence<'r> {
    /// The schema of this document.
    #[serde(rename = "$schema")]
    #[schemars(extend("const" = SCHEMA_ID))]
    schema: &'static str,
    /// What was judged.
    boundary: Boundary<'r>,
    /// Rules and controls, whole: what was held against the objects.
    catalogue: Catalogue<'r>,
    /// The cluster that was read.
    cluster: Cluster<'r>,
    /// What the rules say of each control, in the order of the catalogue.
    controls: Vec<Control<'r>>,
    /// What was read, and what was not.
    coverage: Coverage<'r>,
    /// Where the controls are taken from.
    frameworks: Vec<Framework<'r>>,
    /// What the document is: `SC39Evidence`.
    #[schemars(extend("const" = "SC39Evidence"))]
    kind: &'static str,
    /// Evidence that people have to look at, in the order of the catalogue.
    #[serde(rename = "manualEvidence")]
    manual: Vec<ManualEvidence<'r>>,
    /// Every object that was read, sorted by API group, kind, namespace and name. Results point here by index.
    #[schemars(with = "Vec<Object<'static>>")]
    objects: Objects<'r>,
    /// What people say of the system, in a run with an assessment plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<Plan<'r>>,
    /// The evidence that the run was held against, in a run with a baseline.
    #[serde(skip_serializing_if = "Option::is_none")]
    previous: Option<Previous<'r>>,
    /// The fields of objects that rules may read, each content once, sorted by digest. Objects point here by index.
    #[schemars(with = "Vec<Projection<'static>>")]
    projections: Projections<'r>,
    /// What never gets into this document.
    redaction: Redaction,
    /// What the rules found, in the order of `catalogue.rules`, worst first within a rule.
    #[schemars(with = "Vec<Finding<'static>>")]
    results: Results<'r>,
    /// About this run: all that may differ between two runs on the same snapshot.
    run: Run<'r>,
    /// Version of this form. Readers of 1.x ignore members that they do not know.
    #[schemars(extend("pattern" = "^1\\.[0-9]+\\.[0-9]+$"))]
    schema_version: &'static str,
    /// Totals and the exit code.
    summary: Summary<'r>,
    /// The program that made the assessment.
    tool: Tool<'r>,
    /// The file of waivers, in a run with one.
    #[serde(skip_serializing_if = "Option::is_none")]
    waiver_file: Option<WaiverFile<'r>>,
    /// What became of each waiver, sorted by id.
    waivers: Vec<Waiver<'r>>,
}

struct Objects<'r>(&'r Sources<'r>);
struct Projections<'r>(&'r Sources<'r>);
struct Results<'r>(&'r Sources<'r>);

/// Says whether the document is as it was written. It does not say who wrote it; that is for a signature.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Integrity {
    /// SHA-256, as `sha256:` and hexadecimal digits, of the canonical JSON (RFC 8785) of the document without the
    /// member `integrity`. In a file as the tool writes it, these are the bytes before `,"integrity":`, and a closing
    /// brace. Integers beyond 2^53 stand as strings.
    #[schemars(extend("pattern" = DIGEST))]
    content_digest: String,
}

impl<'r> Evidence<'r> {
    pub(super) fn new(sources: &'r Sources<'r>) -> Self {
        let report = sources.report;
        let frameworks = &report.catalog.frameworks;
        Self {
            schema: SCHEMA_ID,
            boundary: Boundary::new(report),
            catalogue: Catalogue::new(report),
            cluster: Cluster::new(report.snapshot),
            controls: report
                .controls
                .iter()
                .map(|control| Control::new(control, report))
                .collect(),
            coverage: Coverage::new(sources),
            frameworks: frameworks.iter().map(Framework::new).collect(),
            kind: "SC39Evidence",
            manual: report.manual.iter().map(ManualEvidence::new).collect(),
            objects: Objects(sources),
            plan: Plan::new(report),
            previous: report.previous.as_ref().map(Previous::new),
            projections: Projections(sources),
            redaction: Redaction::new(),
            results: Results(sources),
            run: Run::new(report),
            schema_version: SCHEMA_VERSION,
            summary: Summary::new(report),
            tool: Tool::new(&report.run.tool),
            waiver_file: WaiverFile::new(report.waiver_file),
            waivers: report
                .waivers
                .iter()
                .map(|waiver| Waiver::new(report, waiver))
                .collect(),
        }
    }
}

impl Serialize for Objects<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let sources = self.0;
        let objects = &sources.report.snapshot.objects;
        side_by_side(serializer, objects.len(), |index| {
            let object = &objects[index];
            let place = sources.projections.place(object);
            Object::new(object, sources.judged[index], place)
        })
    }
}

impl Serialize for Projections<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let entries = self.0.projections.entries();
        side_by_side(serializer, entries.len(), |index| {
            let (digest, projection) = &entries[index];
            Projection {
                digest,
                value: Canonical(*projection),
            }
        })
    }
}

impl Serialize for Results<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let report = self.0.report;
        let rules = report.rules.iter();
        let results = rules.flat_map(|rule| rule.results.iter().map(|result| (rule.rule, result)));
        let results: Vec<_> = results.collect();
        side_by_side(serializer, results.len(), |index| {
            let (rule, result) = results[index];
            Finding::new(report, rule, result)
        })
    }
}

/// Writes one of the lists that hold most of the document: some elements at a time are made on all processors, written and
/// dropped.
fn side_by_side<S: Serializer, T: Serialize>(
    serializer: S,
    count: usize,
    element: impl Fn(usize) -> T + Sync,
) -> Result<S::Ok, S::Error> {
    const AT_ONCE: usize = 512;
    let mut list = serializer.serialize_seq(Some(count))?;
    for start in (0..count).step_by(AT_ONCE) {
        let indexes = start..count.min(start + AT_ONCE);
        let texts = indexes
            .into_par_iter()
            .map(|index| to_raw_value(&element(index)))
            .collect::<Result<Vec<_>, _>>();
        for text in texts.map_err(S::Error::custom)? {
            list.serialize_element(&text)?;
        }
    }
    list.end()
}

impl Integrity {
    pub(super) fn new(digest: &[u8]) -> Self {
        let mut content_digest = String::from("sha256:");
        for byte in digest {
            // Writing to a String cannot fail.
            let _ = write!(content_digest, "{byte:02x}");
        }
        Self { content_digest }
    }
}
