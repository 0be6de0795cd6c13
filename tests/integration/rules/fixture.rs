//! One fixture file: what its comments ask for, and the snapshot that it makes with the base.

use std::path::Path;

use sc39::kind::Kind;
use sc39::model::ScopeRequest;
use sc39::projection::decode_value;
use sc39::snapshot::{
    Cluster, Coverage, Interner, Mode, Origin, ReadStatus, Snapshot, SourceRead, Unreadable, Verb,
};
use serde_json::Value;

use super::overlay;

/// A fixture, read.
#[derive(Debug, Default)]
pub(super) struct Fixture {
    /// First line, without `# `.
    pub(super) why: String,
    /// Rules that must fail besides its own.
    pub(super) also_fails: Vec<String>,
    /// Kinds that could not be read.
    missing: Vec<Missing>,
    /// Which namespaces are judged.
    pub(super) scope: ScopeRequest,
    /// Whether the documents are all there is.
    complete: bool,
    documents: Vec<Value>,
}

/// A kind that was not read, in the whole cluster or in one namespace.
#[derive(Debug)]
struct Missing {
    kind: Kind,
    status: ReadStatus,
    namespace: Option<String>,
}

impl Fixture {
    /// The base with nothing over it.
    pub(super) fn default_over(base: &Self) -> Snapshot {
        let plain = Self {
            complete: true,
            ..Self::default()
        };
        plain
            .over(base)
            .expect("the base holds kinds that the tool reads")
    }

    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
        Self::parse(&text)
    }

    fn parse(text: &str) -> Result<Self, String> {
        let mut fixture = Self {
            complete: true,
            ..Self::default()
        };
        let comments = text.lines().map_while(|line| line.strip_prefix("# "));
        for comment in comments {
            fixture.comment(comment)?;
        }
        let documents: Vec<Value> =
            serde_saphyr::from_multiple(text).map_err(|error| error.to_string())?;
        fixture.documents = documents
            .into_iter()
            .filter(|value| !value.is_null())
            .collect();
        Ok(fixture)
    }

    fn comment(&mut self, comment: &str) -> Result<(), String> {
        if let Some(rules) = comment.strip_prefix("also fails: ") {
            self.also_fails = rules
                .split(',')
                .map(|rule| rule.trim().to_owned())
                .collect();
        } else if let Some(missing) = comment.strip_prefix("missing: ") {
            self.missing.push(missing.parse()?);
        } else if let Some(flags) = comment.strip_prefix("flags: ") {
            self.flags(flags)?;
        } else if self.why.is_empty() {
            comment.clone_into(&mut self.why);
        }
        Ok(())
    }

    fn flags(&mut self, flags: &str) -> Result<(), String> {
        let mut words = flags.split_whitespace();
        while let Some(word) = words.next() {
            match word {
                "-n" => {
                    let namespace = words.next().ok_or("-n without a namespace")?;
                    self.scope.namespaces.push(namespace.to_owned());
                }
                "-A" => self.scope.all = true,
                "--assume-complete=false" => self.complete = false,
                other => return Err(format!("unknown flag {other}")),
            }
        }
        Ok(())
    }

    /// The kinds that the fixture changes or hides, by name: the projection does not hold all of them.
    pub(super) fn touches(&self) -> Vec<String> {
        let documents = self
            .documents
            .iter()
            .filter_map(|document| document["kind"].as_str());
        let missing = self.missing.iter().map(|missing| missing.kind.name());
        documents.map(str::to_owned).chain(missing).collect()
    }

    /// The snapshot of the base with this fixture over it.
    pub(super) fn over(self, base: &Self) -> Result<Snapshot, String> {
        let mut documents = base.documents.clone();
        overlay::lay(&mut documents, self.documents)?;
        Ok(snapshot(&documents, &self.missing, self.complete))
    }
}

impl std::str::FromStr for Missing {
    type Err = String;

    /// `Kind status` or `Kind status in namespace`.
    fn from_str(text: &str) -> Result<Self, String> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let (kind, status, namespace) = match words.as_slice() {
            [kind, status] => (kind, status, None),
            [kind, status, "in", namespace] => (kind, status, Some((*namespace).to_owned())),
            _ => return Err(format!("no `Kind status [in namespace]`: {text}")),
        };
        let found = Kind::ALL.iter().find(|known| known.name() == *kind);
        let status = serde_json::from_value(Value::from(*status));
        Ok(Self {
            kind: *found.ok_or_else(|| format!("unknown kind {kind}"))?,
            status: status.map_err(|error| error.to_string())?,
            namespace,
        })
    }
}

fn snapshot(documents: &[Value], missing: &[Missing], complete: bool) -> Snapshot {
    let mut interner = Interner::default();
    let mut coverage = Coverage::default();
    let mut objects = Vec::new();
    for document in documents {
        let text = |pointer: &str| {
            document
                .pointer(pointer)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        let (api_version, namespace) = (text("/apiVersion"), text("/metadata/namespace"));
        let Some(kind) = Kind::find(api_version, text("/kind")) else {
            continue;
        };
        if missing.iter().any(|gap| gap.hides(kind, namespace)) {
            continue;
        }
        match decode_value(kind, document.clone()) {
            Ok(decoded) => objects.push(interner.object(kind, api_version, decoded)),
            Err(error) => coverage.unreadable.push(Unreadable {
                kind,
                namespace: Some(namespace.to_owned()).filter(|namespace| !namespace.is_empty()),
                name: text("/metadata/name").to_owned(),
                place: "fixture".to_owned(),
                message: error.to_string(),
            }),
        }
    }
    let held = |kind: Kind| objects.iter().any(|object| object.kind == kind);
    for kind in Kind::ALL {
        let status = if complete || held(*kind) {
            ReadStatus::Read
        } else {
            ReadStatus::NotCollected
        };
        coverage
            .sources
            .extend(sources(*kind, status, missing, documents));
    }
    let uid = objects
        .iter()
        .find(|object| object.kind == Kind::Namespace && object.name() == "kube-system")
        .and_then(|object| object.identity.uid.clone());
    Snapshot::new(origin(uid, complete), coverage, objects)
}

impl Missing {
    /// Of a list that was cut off, the part that was read remains.
    fn hides(&self, kind: Kind, namespace: &str) -> bool {
        self.kind == kind
            && self.status != ReadStatus::Truncated
            && self
                .namespace
                .as_deref()
                .is_none_or(|missing| missing == namespace)
    }
}

/// A kind that failed in one namespace was forbidden as a whole and then listed namespace by namespace.
fn sources(
    kind: Kind,
    status: ReadStatus,
    missing: &[Missing],
    documents: &[Value],
) -> Vec<SourceRead> {
    let gaps: Vec<&Missing> = missing.iter().filter(|gap| gap.kind == kind).collect();
    let whole = match gaps.as_slice() {
        [] => status,
        [gap] if gap.namespace.is_none() => gap.status,
        _ => ReadStatus::Forbidden,
    };
    let mut sources = vec![source(kind, whole, None)];
    if gaps.iter().any(|gap| gap.namespace.is_some()) {
        let namespaces = documents
            .iter()
            .filter(|document| document["kind"] == "Namespace");
        sources.extend(namespaces.filter_map(|document| {
            let name = document.pointer("/metadata/name")?.as_str()?;
            let gap = gaps
                .iter()
                .find(|gap| gap.namespace.as_deref() == Some(name));
            let status = gap.map_or(ReadStatus::Read, |gap| gap.status);
            Some(source(kind, status, Some(name)))
        }));
    }
    sources
}

fn source(kind: Kind, status: ReadStatus, namespace: Option<&str>) -> SourceRead {
    SourceRead {
        kind,
        version: None,
        verb: Verb::File,
        namespace: namespace.map(str::to_owned),
        name: None,
        status,
        http_status: None,
        count: 0,
        pages: 0,
        resource_version: None,
        started_at: None,
        finished_at: None,
        message: None,
    }
}

fn origin(uid: Option<String>, complete: bool) -> Origin {
    let time = "2026-01-15T09:00:00Z";
    Origin {
        mode: Mode::Manifests,
        started_at: time.to_owned(),
        finished_at: time.to_owned(),
        cluster: Cluster {
            uid,
            ..Cluster::default()
        },
        operator: None,
        clock_difference_ms: None,
        files: Vec::new(),
        assume_complete: complete,
        collector: "fixture".to_owned(),
    }
}
