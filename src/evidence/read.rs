//! Reads what an evidence file rests on.

use std::collections::HashMap;
use std::io::Read;
use std::sync::Arc;

use clap::ValueEnum as _;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;

use super::parts::{Members, elements, strict};
use super::{Evidence, EvidenceError, Recorded};
use crate::kind::Kind;
use crate::model::{ScopeRequest, selector};
use crate::plan::Plan;
use crate::projection::form::Form;
use crate::projection::uid::Uid;
use crate::projection::{self, Identity, PodInstance, Projection};
use crate::report::gate::GateOptions;
use crate::report::{Baseline, Known, RowKey, Run, Tool};
use crate::rules::{RULES, Severity};
use crate::snapshot::{self, Coverage, Interner, Mode, Object, Operator, Origin, Snapshot};
use crate::waivers::Waivers;

/// The largest file that is read, in bytes. A cluster of 150,000 pods has about half of it.
pub const LIMIT: u64 = 512 << 20;

/// Bytes of one member that is no list of objects, projections or results.
const MEMBER_BYTES: usize = 128 << 20;

/// Bytes of a plan or of waivers as people write them.
const DECLARED_BYTES: usize = 4 << 20;

/// What `kind` says.
const KIND: &str = "SC39Evidence";

/// What `$schema` says, of every form that this binary reads.
const SCHEMA: &str = "urn:sc39:schema:evidence:1";

/// The text of an evidence file.
pub fn read(reader: impl Read) -> Result<String, EvidenceError> {
    let mut bytes = Vec::new();
    let mut bounded = reader.take(LIMIT + 1);
    bounded
        .read_to_end(&mut bytes)
        .map_err(EvidenceError::Read)?;
    if bytes.len() as u64 > LIMIT {
        return Err(EvidenceError::TooLarge);
    }
    String::from_utf8(bytes)
        .map_err(|error| EvidenceError::NotUtf8(error.utf8_error().valid_up_to()))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WrittenRun {
    assessed_at: String,
    assume_complete: bool,
    #[serde(default)]
    clock: Option<WrittenClock>,
    collector: String,
    command: Vec<String>,
    files: Vec<String>,
    finished_at: String,
    mode: Mode,
    #[serde(default)]
    operator: Option<Operator>,
    started_at: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WrittenClock {
    local_minus_server_ms: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WrittenTool {
    crypto_provider: String,
    fips: bool,
    name: String,
    target: String,
    version: String,
}

#[derive(Deserialize)]
struct WrittenBoundary {
    namespaces: WrittenNamespaces,
    #[serde(default)]
    selector: Option<String>,
}

#[derive(Deserialize)]
struct WrittenNamespaces {
    basis: String,
    included: Vec<String>,
}

#[derive(Deserialize)]
struct WrittenCatalogue {
    digest: String,
    id: String,
    rules: Vec<WrittenRule>,
    selected: Vec<String>,
    source: String,
    version: String,
}

#[derive(Deserialize)]
struct WrittenRule {
    id: String,
    version: u32,
}

#[derive(Deserialize)]
struct WrittenSummary {
    gate: WrittenGate,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WrittenGate {
    allow_indeterminate: bool,
    fail_on: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WrittenPrevious {
    content_digest: String,
    run_id: String,
    started_at: String,
    still_failing: Vec<WrittenFailing>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WrittenFailing {
    #[serde(default)]
    container: Option<String>,
    kind: String,
    name: String,
    namespace: String,
    #[serde(default)]
    port: Option<String>,
    rule_id: String,
    severity: String,
    since: String,
}

/// A plan or a file of waivers, with its digest, which is not read.
#[derive(Deserialize)]
struct WrittenDocument {
    document: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WrittenObject {
    api_version: String,
    #[serde(default)]
    creation_timestamp: Option<Arc<str>>,
    #[serde(default)]
    deletion_timestamp: Option<Box<str>>,
    #[serde(default)]
    generate_name: Option<Arc<str>>,
    kind: String,
    name: String,
    #[serde(default)]
    namespace: Option<Arc<str>>,
    #[serde(default)]
    owner_uids: Arc<[Uid]>,
    #[serde(default)]
    per_pod: Option<Box<PodInstance>>,
    projection: usize,
    #[serde(default)]
    resource_version: Option<Box<str>>,
    #[serde(default)]
    uid: Option<Uid>,
}

#[derive(Deserialize)]
struct WrittenProjection<'t> {
    #[serde(borrow)]
    value: &'t RawValue,
}

impl Evidence {
    /// Reads what a file of this name and text rests on.
    pub fn parse(file: &str, text: &str) -> Result<Self, EvidenceError> {
        let members =
            Members::of(text).map_err(|error| EvidenceError::Malformed(error.to_string()))?;
        let document = Document { file, members };
        document.check_form()?;
        let (run, origin) = document.run()?;
        let (scope, selector) = document.scope()?;
        Ok(Self {
            snapshot: Snapshot::new(origin, document.coverage()?, document.objects()?),
            plan: document.plan()?,
            waivers: document.waivers()?,
            scope,
            selector,
            gate: document.gate()?,
            previous: document.previous()?,
            run,
            catalogue: document.catalogue()?,
        })
    }
}

/// A document, and the name of its file for messages.
struct Document<'t> {
    file: &'t str,
    members: Members<'t>,
}

fn wrong(pointer: impl Into<String>, message: impl Into<String>) -> EvidenceError {
    EvidenceError::Member {
        pointer: pointer.into(),
        message: message.into(),
    }
}

impl<'t> Document<'t> {
    fn check_form(&self) -> Result<(), EvidenceError> {
        let kind: String = self.typed("kind")?;
        if kind != KIND {
            return Err(EvidenceError::NotEvidence(kind));
        }
        let schema: String = self.typed("$schema")?;
        let version: String = self.typed("schemaVersion")?;
        let patch = version.strip_prefix("1.0.").unwrap_or_default();
        let is_known = !patch.is_empty() && patch.bytes().all(|byte| byte.is_ascii_digit());
        let form = |member, found, known| EvidenceError::Form {
            member,
            found,
            known,
        };
        if schema != SCHEMA {
            return Err(form("$schema", schema, SCHEMA));
        }
        if !is_known {
            return Err(form("schemaVersion", version, "1.0"));
        }
        Ok(())
    }

    fn member(&self, name: &str) -> Result<&'t str, EvidenceError> {
        let text = self.members.get(name);
        text.ok_or_else(|| wrong(format!("/{name}"), "the member is missing"))
    }

    fn typed<T: DeserializeOwned>(&self, name: &str) -> Result<T, EvidenceError> {
        let text = self.member(name)?;
        if text.len() > MEMBER_BYTES {
            return Err(wrong(format!("/{name}"), "larger than in any cluster"));
        }
        decoded(&format!("/{name}"), text)
    }

    /// A plan or waivers: what people wrote.
    fn declared(&self, name: &str) -> Result<Value, EvidenceError> {
        let text = self.member(name)?;
        if text.len() > DECLARED_BYTES {
            // That of values is the bound that counts; to look for it first is for the few that may exceed it.
            strict(text).map_err(|error| wrong(format!("/{name}"), error.to_string()))?;
        }
        let WrittenDocument { document } = self.typed(name)?;
        Ok(document)
    }

    fn list(&self, name: &str) -> Result<Vec<&'t RawValue>, EvidenceError> {
        let text = self.member(name)?;
        elements(text).map_err(|error| wrong(format!("/{name}"), error.to_string()))
    }

    fn run(&self) -> Result<(Run, Origin), EvidenceError> {
        let run: WrittenRun = self.typed("run")?;
        let tool: WrittenTool = self.typed("tool")?;
        let origin = Origin {
            mode: run.mode,
            started_at: run.started_at,
            finished_at: run.finished_at,
            cluster: self.typed::<snapshot::Cluster>("cluster")?,
            operator: run.operator,
            clock_difference_ms: run.clock.map(|clock| clock.local_minus_server_ms),
            files: run.files,
            assume_complete: run.assume_complete,
            collector: run.collector,
        };
        let tool = Tool {
            name: tool.name,
            version: tool.version,
            target: tool.target,
            crypto_provider: tool.crypto_provider,
            fips: tool.fips,
        };
        let run = Run {
            id: String::new(),
            assessed_at: run.assessed_at,
            command: run.command,
            tool,
        };
        Ok((run, origin))
    }

    /// Where namespaces were named, the ones that were judged are these.
    fn scope(&self) -> Result<(ScopeRequest, Option<String>), EvidenceError> {
        let boundary: WrittenBoundary = self.typed("boundary")?;
        let request = boundary
            .selector
            .as_deref()
            .map(selector::parse)
            .transpose();
        let selector = request.map_err(|message| wrong("/boundary/selector", message))?;
        let WrittenNamespaces { basis, included } = boundary.namespaces;
        let (all, namespaces) = match basis.as_str() {
            "mendix" => (false, Vec::new()),
            "all" => (true, Vec::new()),
            "named" => (false, included),
            _ => {
                let message = format!("unknown basis {basis:?}; there are mendix, named and all");
                return Err(wrong("/boundary/namespaces/basis", message));
            }
        };
        let scope = ScopeRequest {
            namespaces,
            all,
            selector,
        };
        Ok((scope, boundary.selector))
    }

    fn gate(&self) -> Result<GateOptions, EvidenceError> {
        let WrittenSummary { gate } = self.typed("summary")?;
        let fail_on = Severity::from_str(&gate.fail_on, false)
            .map_err(|_| wrong("/summary/gate/failOn", "no such severity"))?;
        Ok(GateOptions {
            fail_on,
            allow_indeterminate: gate.allow_indeterminate,
        })
    }

    fn previous(&self) -> Result<Option<Baseline>, EvidenceError> {
        if self.members.get("previous").is_none() {
            return Ok(None);
        }
        let previous: WrittenPrevious = self.typed("previous")?;
        let failing = previous.still_failing.into_iter().enumerate();
        let failing = failing.map(|(index, written)| {
            let severity = Severity::from_str(&written.severity, false).map_err(|_| {
                let pointer = format!("/previous/stillFailing/{index}/severity");
                wrong(pointer, "no such severity")
            })?;
            let key = RowKey {
                rule: written.rule_id,
                namespace: written.namespace,
                kind: written.kind,
                name: written.name,
                container: written.container,
                port: written.port,
            };
            let since = written.since;
            Ok((key, Known { severity, since }))
        });
        Ok(Some(Baseline {
            run_id: previous.run_id,
            digest: previous.content_digest,
            started_at: previous.started_at,
            failing: failing.collect::<Result<_, EvidenceError>>()?,
        }))
    }

    fn catalogue(&self) -> Result<Recorded, EvidenceError> {
        let catalogue: WrittenCatalogue = self.typed("catalogue")?;
        let is_own = match catalogue.source.as_str() {
            "builtin" => false,
            "directory" => true,
            _ => return Err(wrong("/catalogue/source", "expected builtin or directory")),
        };
        let rules = catalogue.rules.into_iter();
        Ok(Recorded {
            id: catalogue.id,
            version: catalogue.version,
            digest: catalogue.digest,
            is_own,
            rules: rules.map(|rule| (rule.id, rule.version)).collect(),
            selected: catalogue.selected,
        })
    }

    fn plan(&self) -> Result<Plan, EvidenceError> {
        if self.members.get("plan").is_none() {
            return Ok(Plan::default());
        }
        let document = self.declared("plan")?;
        Ok(Plan::of_value(&format!("{}: plan", self.file), document)?)
    }

    fn waivers(&self) -> Result<Waivers, EvidenceError> {
        if self.members.get("waiverFile").is_none() {
            return Ok(Waivers::default());
        }
        let document = self.declared("waiverFile")?;
        let ids: Vec<&str> = RULES.iter().map(|rule| rule.id).collect();
        let name = format!("{}: waiverFile", self.file);
        Ok(Waivers::of_value(&name, document, &ids)?)
    }

    fn coverage(&self) -> Result<Coverage, EvidenceError> {
        self.typed("coverage")
    }

    fn objects(&self) -> Result<Vec<Object>, EvidenceError> {
        let projections = self.list("projections")?;
        let mut shared = Shared {
            texts: projections,
            known: HashMap::new(),
            interner: Interner::default(),
        };
        let written = self.list("objects")?;
        let objects = written.iter().enumerate().map(|(index, text)| {
            let pointer = format!("/objects/{index}");
            object(decoded(&pointer, text.get())?, &mut shared, &pointer)
        });
        objects.collect()
    }
}

/// A value in the form of evidence; what is wrong is named by its pointer.
fn decoded<T: DeserializeOwned>(pointer: &str, text: &str) -> Result<T, EvidenceError> {
    let mut json = serde_json::Deserializer::from_str(text);
    serde_path_to_error::deserialize(Form::evidence(&mut json)).map_err(|error| {
        let mut pointer = pointer.to_owned();
        // A hostile path may be as long as the reader goes deep.
        for segment in error.path().iter().take(20) {
            match segment {
                serde_path_to_error::Segment::Seq { index } => {
                    pointer = format!("{pointer}/{index}");
                }
                serde_path_to_error::Segment::Map { key } => pointer = format!("{pointer}/{key}"),
                serde_path_to_error::Segment::Enum { .. }
                | serde_path_to_error::Segment::Unknown => {}
            }
        }
        wrong(pointer, without_place(&error.into_inner().to_string()))
    })
}

/// Line and column are those within a part of the file, and mean nothing to a reader.
fn without_place(message: &str) -> &str {
    message
        .rsplit_once(" at line ")
        .map_or(message, |(message, _)| message)
}

/// Projections as they are asked for. Different types may have one content, and so one entry.
struct Shared<'t> {
    texts: Vec<&'t RawValue>,
    known: HashMap<(usize, &'static str), Arc<Projection>>,
    interner: Interner,
}

impl Shared<'_> {
    fn get(&mut self, index: usize, kind: Kind) -> Result<Arc<Projection>, EvidenceError> {
        let key = (index, projection::type_name(kind));
        if let Some(known) = self.known.get(&key) {
            return Ok(Arc::clone(known));
        }
        let pointer = format!("/projections/{index}");
        let text = self.texts.get(index);
        let text =
            text.ok_or_else(|| wrong(&pointer, "an object points here, and there is none"))?;
        let WrittenProjection { value } =
            serde_json::from_str(text.get()).map_err(|error| wrong(&pointer, error.to_string()))?;
        let decoded = projection::decode_evidence_text(kind, value.get()).map_err(|error| {
            let message = error.to_string();
            wrong(
                format!("{pointer}/value"),
                format!("not a {kind}: {}", without_place(&message)),
            )
        })?;
        let projection = self.interner.share(decoded.projection);
        self.known.insert(key, Arc::clone(&projection));
        Ok(projection)
    }
}

fn object(
    written: WrittenObject,
    shared: &mut Shared<'_>,
    pointer: &str,
) -> Result<Object, EvidenceError> {
    let Some(kind) = Kind::find(&written.api_version, &written.kind) else {
        let message = format!("unknown kind {} {}", written.api_version, written.kind);
        return Err(wrong(format!("{pointer}/kind"), message));
    };
    if written.per_pod.is_some() != (kind == Kind::Pod) {
        let message = "Pods have this member, and no other kind";
        return Err(wrong(format!("{pointer}/perPod"), message));
    }
    let version = written.api_version.rsplit_once('/');
    let version = version.map_or(written.api_version.as_str(), |(_, version)| version);
    let projection = shared.get(written.projection, kind)?;
    let identity = Identity {
        name: written.name,
        namespace: written.namespace,
        uid: written.uid,
        resource_version: written.resource_version,
        generate_name: written.generate_name,
        creation_timestamp: written.creation_timestamp,
        deletion_timestamp: written.deletion_timestamp,
        owner_uids: written.owner_uids,
    };
    let interner = &mut shared.interner;
    Ok(interner.object_of(kind, version, identity, written.per_pod, projection))
}
