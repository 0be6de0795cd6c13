//! `OpenReports` (`openreports.io/v1alpha1`), the successor of wgpolicyk8s: one `Report` for each namespace, one
//! `ClusterReport` for what lies in none, as YAML documents in one stream.
//!
//! There is an entry for each result and workload, not for each pod: what reads these reports looks at the first resource
//! of an entry alone. Nothing here is ever sent to a cluster.

mod yaml;

use std::collections::BTreeMap;
use std::io::{BufWriter, Write};

use chrono::DateTime;
use serde::Serialize;

use super::RenderError;
use super::escape::visible;
use crate::kind::Kind;
use crate::projection::uid::Uid;
use crate::report::{Effective, Gap, Place, Report, RuleReport, SubjectRef, Unit};
use crate::rules::Reason;

const API_VERSION: &str = "openreports.io/v1alpha1";

/// etcd takes objects of about 1.5 MB; a report that grows beyond this many bytes goes on in another.
const SIZE: usize = 1_000_000;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'r> {
    api_version: &'static str,
    kind: &'static str,
    metadata: Metadata<'r>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<Resource<'r>>,
    source: &'static str,
    summary: Summary,
}

#[derive(Serialize)]
struct Metadata<'r> {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<String>,
    annotations: BTreeMap<&'static str, &'r str>,
    labels: BTreeMap<&'static str, &'static str>,
}

#[derive(Clone, Copy, Debug, Default, Serialize)]
struct Summary {
    error: u64,
    fail: u64,
    pass: u64,
    skip: u64,
    warn: u64,
}

/// One statement about one workload.
#[derive(Serialize)]
struct Entry<'r> {
    source: &'static str,
    policy: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    category: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    severity: Option<&'static str>,
    result: &'static str,
    timestamp: Timestamp,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    resources: Vec<Resource<'r>>,
    message: String,
    properties: BTreeMap<&'static str, String>,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct Timestamp {
    seconds: i64,
    nanos: i32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Resource<'r> {
    #[serde(skip_serializing_if = "Option::is_none")]
    api_version: Option<String>,
    kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<String>,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    uid: Option<&'r Uid>,
}

/// Where an entry goes: the `ClusterReport` for the empty name.
type ByNamespace<'r> = BTreeMap<&'r str, Vec<(&'r RuleReport, Unit<'r>)>>;

pub(super) fn render(report: &Report<'_>, writer: &mut dyn Write) -> Result<(), RenderError> {
    let mut writer = BufWriter::new(writer);
    let mut entries = ByNamespace::new();
    // Where there is nothing else to say, an empty report says so.
    entries.insert("", Vec::new());
    for rule in &report.rules {
        for unit in report.units(rule) {
            entries
                .entry(namespace(&unit))
                .or_default()
                .push((rule, unit));
        }
    }
    for (namespace, entries) in &entries {
        let mut part = Part::new(report, namespace);
        if namespace.is_empty() {
            for gap in &report.gaps {
                part.add(&of_gap(report, gap), &mut writer)?;
            }
        }
        for (rule, unit) in entries {
            part.add(&of_unit(report, rule, unit), &mut writer)?;
        }
        part.end(&mut writer)?;
    }
    writer.flush()?;
    Ok(())
}

/// A Namespace lies in no namespace, although its rows name one.
fn namespace<'r>(unit: &Unit<'r>) -> &'r str {
    if unit.place.kind == Kind::Namespace.name() {
        return "";
    }
    unit.place.namespace
}

/// A report that is being filled.
struct Part<'a> {
    report: &'a Report<'a>,
    namespace: &'a str,
    /// How many reports of the namespace were written.
    written: u32,
    summary: Summary,
    /// The entries, as YAML.
    text: String,
}

impl<'a> Part<'a> {
    fn new(report: &'a Report<'a>, namespace: &'a str) -> Self {
        Self {
            report,
            namespace,
            written: 0,
            summary: Summary::default(),
            text: String::new(),
        }
    }

    fn add(&mut self, entry: &Entry<'_>, writer: &mut impl Write) -> Result<(), RenderError> {
        let mut text = String::new();
        yaml::item(&serde_json::to_value(entry)?, &mut text);
        if !self.text.is_empty() && self.text.len() + text.len() > SIZE {
            self.flush(writer)?;
        }
        *self.summary.slot(entry.result) += 1;
        self.text.push_str(&text);
        Ok(())
    }

    fn end(mut self, writer: &mut impl Write) -> Result<(), RenderError> {
        if self.text.is_empty() && (self.written > 0 || !self.namespace.is_empty()) {
            return Ok(());
        }
        self.flush(writer)
    }

    fn flush(&mut self, writer: &mut impl Write) -> Result<(), RenderError> {
        self.written += 1;
        let cluster = self.namespace.is_empty();
        let namespace = (!cluster).then(|| visible(self.namespace).into_owned());
        let document = Document {
            api_version: API_VERSION,
            kind: if cluster { "ClusterReport" } else { "Report" },
            metadata: Metadata {
                name: match self.written {
                    1 => "sc39".to_owned(),
                    number => format!("sc39-{number}"),
                },
                namespace: namespace.clone(),
                annotations: BTreeMap::from([("run-id", self.report.run.id.as_str())]),
                labels: BTreeMap::from([("app.kubernetes.io/managed-by", "sc39")]),
            },
            scope: namespace.map(|name| Resource {
                api_version: Some("v1".to_owned()),
                kind: "Namespace".to_owned(),
                namespace: None,
                name,
                uid: None,
            }),
            source: "sc39",
            summary: self.summary,
        };
        let mut head = String::from("---\n");
        yaml::members(&serde_json::to_value(&document)?, &mut head);
        writer.write_all(head.as_bytes())?;
        if self.text.is_empty() {
            writer.write_all(b"results: []\n")?;
        } else {
            writer.write_all(b"results:\n")?;
            writer.write_all(self.text.as_bytes())?;
        }
        self.text.clear();
        self.summary = Summary::default();
        Ok(())
    }
}

impl Summary {
    fn slot(&mut self, result: &str) -> &mut u64 {
        match result {
            "fail" => &mut self.fail,
            "pass" => &mut self.pass,
            "skip" => &mut self.skip,
            _ => &mut self.error,
        }
    }
}

fn of_unit<'r>(report: &'r Report<'r>, rule: &RuleReport, unit: &Unit<'r>) -> Entry<'r> {
    let result = unit.result;
    let mut properties = BTreeMap::from([
        ("reason", result.reason.code().to_owned()),
        ("resultId", result.id.to_string()),
        ("rows", unit.subjects.len().to_string()),
        ("verdict", result.effective.name().to_owned()),
    ]);
    let controls = (!rule.controls.is_empty()).then(|| rule.controls.join(";"));
    let optional = [
        ("controls", controls),
        ("container", result.container.as_deref().map(str::to_owned)),
        ("port", result.port.as_ref().map(ToString::to_string)),
        ("waiver", report.waiver_id(result).map(str::to_owned)),
    ];
    for (name, value) in optional {
        if let Some(value) = value {
            properties.insert(name, visible(&value).into_owned());
        }
    }
    Entry {
        source: "sc39",
        policy: rule.rule.id,
        category: Some(rule.rule.group.name()),
        severity: Some(result.severity.name()),
        result: match result.effective {
            Effective::Pass => "pass",
            Effective::Fail => "fail",
            Effective::Indeterminate => "error",
            Effective::Waived | Effective::NotApplicable => "skip",
        },
        timestamp: timestamp(report),
        resources: resource(report, unit).into_iter().collect(),
        message: visible(&result.message).into_owned(),
        properties,
    }
}

/// Something that was not read.
fn of_gap<'r>(report: &Report<'_>, gap: &Gap) -> Entry<'r> {
    let mut properties = BTreeMap::from([
        ("affectedRules", gap.rules.join(" ")),
        ("kind", gap.kind.label().to_owned()),
        ("reason", Reason::from(gap.missing).code().to_owned()),
    ]);
    for (name, value) in [("namespace", &gap.namespace), ("name", &gap.name)] {
        if let Some(value) = value {
            properties.insert(name, visible(value).into_owned());
        }
    }
    Entry {
        source: "sc39",
        policy: "coverage",
        category: None,
        severity: None,
        result: "error",
        timestamp: timestamp(report),
        resources: Vec::new(),
        message: format!("not read: {}", visible(&gap.message)),
        properties,
    }
}

/// The end of the collection; the first second of 1970 where a snapshot says no time.
fn timestamp(report: &Report<'_>) -> Timestamp {
    let time = DateTime::parse_from_rfc3339(&report.snapshot.origin.finished_at);
    let time = time.map(|time| time.to_utc()).unwrap_or_default();
    Timestamp {
        seconds: time.timestamp(),
        nanos: i32::try_from(time.timestamp_subsec_nanos()).unwrap_or_default(),
    }
}

/// Whom an entry is about; the cluster as a whole is no object.
fn resource<'r>(report: &Report<'r>, unit: &Unit<'r>) -> Option<Resource<'r>> {
    let Place {
        namespace,
        kind,
        name,
    } = unit.place;
    if namespace.is_empty() && name.is_empty() {
        return None;
    }
    let known = Kind::ALL
        .iter()
        .copied()
        .find(|known| known.label() == kind);
    let is_namespaced = known.is_none_or(|kind| kind.api().namespaced);
    let namespace = Some(namespace).filter(|namespace| is_namespaced && !namespace.is_empty());
    Some(Resource {
        api_version: known.and_then(api_version),
        kind: known.map_or_else(
            || visible(kind).into_owned(),
            |known| known.name().to_owned(),
        ),
        namespace: namespace.map(|namespace| visible(namespace).into_owned()),
        name: visible(name).into_owned(),
        uid: uid(report, unit),
    })
}

fn api_version(kind: Kind) -> Option<String> {
    let version = kind.api().versions.first()?;
    Some(match kind.group_at(version) {
        "" => (*version).to_owned(),
        group => format!("{group}/{version}"),
    })
}

/// Of an object that is itself the resource, and no pod of it.
fn uid<'r>(report: &Report<'r>, unit: &Unit<'r>) -> Option<&'r Uid> {
    let SubjectRef::Object(index) = unit.subjects.first()? else {
        return None;
    };
    let object = report.snapshot.objects.get(*index as usize)?;
    let same = object.name() == unit.place.name && object.kind.label() == unit.place.kind;
    let uid = object.identity.uid.as_ref().filter(|_| same)?;
    let text = uid.to_string();
    // Real ones need no escaping; a file may say anything.
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())).then_some(uid)
}

#[cfg(test)]
mod tests;
