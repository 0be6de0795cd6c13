//! One fixture file: what its comments ask for, and the snapshot that it makes with the base.

use std::path::Path;

use sc39::collect::manifests::{self, Input, ManifestOptions};
use sc39::kind::Kind;
use sc39::model::ScopeRequest;
use sc39::plan::Plan;
use sc39::snapshot::{Mode, Object, ReadStatus, Snapshot, SourceRead};
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
    /// What people say of the system.
    pub(super) plan: Plan,
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
        let (plans, documents): (Vec<Value>, Vec<Value>) = documents
            .into_iter()
            .filter(|value| !value.is_null())
            .partition(|document| document.get(PLAN).is_some());
        fixture.documents = documents;
        if let Some(plan) = plans.first() {
            let text = plan[PLAN].to_string();
            fixture.plan = Plan::parse("plan", &text).map_err(|error| error.to_string())?;
        }
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
        } else if self.why.ends_with('.') {
            return Err(format!("the comment {comment:?} says nothing that counts"));
        } else {
            self.why.push_str(comment);
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

    /// Whether one of its documents changes an object.
    pub(super) fn is_about(&self, object: &Object) -> bool {
        self.documents.iter().any(|document| {
            let text = |pointer| document.pointer(pointer).and_then(Value::as_str);
            let namespace = text("/metadata/namespace").unwrap_or_default();
            text("/kind") == Some(object.kind.name())
                && text("/metadata/name") == Some(object.name())
                && namespace == object.namespace()
        })
    }

    /// Whether it hides a kind itself.
    pub(super) fn hides(&self, kind: Kind) -> bool {
        self.missing.iter().any(|missing| missing.kind == kind)
    }

    /// The kinds that the fixture changes or hides, by name; where the files need not be all there is, or a plan says
    /// more, any kind.
    pub(super) fn touches(&self) -> Vec<String> {
        if !self.complete || self.plan.is_given() {
            return Kind::ALL
                .iter()
                .map(|kind| kind.name().to_owned())
                .collect();
        }
        let documents = self
            .documents
            .iter()
            .filter_map(|document| document["kind"].as_str());
        let missing = self
            .missing
            .iter()
            .map(|missing| missing.kind.name().to_owned());
        documents.map(str::to_owned).chain(missing).collect()
    }

    /// The snapshot of the base with this fixture over it.
    pub(super) fn over(&self, base: &Self) -> Result<Snapshot, String> {
        let mut documents = base.documents.clone();
        overlay::lay(&mut documents, self.documents.clone())?;
        let list = serde_json::json!({"apiVersion": "v1", "kind": "List", "items": documents});
        let input = Input::Text {
            name: "fixture.json".to_owned(),
            bytes: list.to_string().into_bytes().into(),
        };
        let options = ManifestOptions {
            assume_complete: self.complete,
            mode: Mode::Manifests,
        };
        let mut snapshot =
            manifests::read(&[input], &options, COLLECTED_AT).map_err(|error| error.to_string())?;
        hide(&mut snapshot, &self.missing);
        Ok(snapshot)
    }
}

/// The one key of a document that holds an assessment plan.
const PLAN: &str = "$plan";

/// When fixtures were collected.
const COLLECTED_AT: &str = "2026-01-15T09:00:00Z";

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
        let found = Kind::ALL.iter().find(|known| known.label() == *kind);
        let status = serde_json::from_value(Value::from(*status));
        Ok(Self {
            kind: *found.ok_or_else(|| format!("unknown kind {kind}"))?,
            status: status.map_err(|error| error.to_string())?,
            namespace,
        })
    }
}

/// Takes all objects of a kind out, and notes why.
pub(super) fn hide_kind(snapshot: &mut Snapshot, kind: Kind, status: ReadStatus) {
    let namespace = None;
    hide(
        snapshot,
        &[Missing {
            kind,
            status,
            namespace,
        }],
    );
}

/// Takes out what could not be read, and notes why.
fn hide(snapshot: &mut Snapshot, missing: &[Missing]) {
    let kept = |object: &Object| {
        let hides = |gap: &Missing| gap.hides(object.kind, object.namespace());
        !missing.iter().any(hides)
    };
    snapshot.objects.retain(kept);
    let namespaces: Vec<String> = snapshot
        .of_kind(Kind::Namespace)
        .map(|(_, object)| object.name().to_owned())
        .collect();
    for gap in missing {
        let sources = &mut snapshot.coverage.sources;
        let whole = sources
            .iter_mut()
            .find(|source| source.kind == gap.kind && source.namespace.is_none())
            .expect("the reader notes every kind");
        let Some(namespace) = &gap.namespace else {
            whole.status = gap.status;
            continue;
        };
        // A list that is refused for the whole cluster is tried namespace by namespace.
        whole.status = ReadStatus::Forbidden;
        let whole = whole.clone();
        sources.extend(namespaces.iter().map(|name| SourceRead {
            namespace: Some(name.clone()),
            status: if name == namespace {
                gap.status
            } else {
                ReadStatus::Read
            },
            ..whole.clone()
        }));
    }
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
