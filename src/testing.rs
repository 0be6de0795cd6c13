//! Small snapshots for unit tests, written as the YAML that a user would apply.

pub(crate) mod mesh;

use serde_json::Value;

use crate::kind::Kind;
use crate::model::{Model, ScopeRequest};
use crate::projection::decode_value;
use crate::snapshot::{
    Cluster, Coverage, Interner, Mode, Origin, ReadStatus, Snapshot, SourceRead, Verb,
};

/// A live cluster that holds the documents; every kind was read.
pub(crate) fn snapshot(yaml: &str) -> Snapshot {
    of_documents(serde_saphyr::from_multiple(yaml).unwrap())
}

/// The same from documents that were parsed.
pub(crate) fn of_documents(documents: Vec<Value>) -> Snapshot {
    let mut interner = Interner::default();
    let objects = documents
        .into_iter()
        .filter(|document| !document.is_null())
        .map(|document| {
            let text = |field: &str| document[field].as_str().unwrap_or_default().to_owned();
            let (api_version, name) = (text("apiVersion"), text("kind"));
            let kind = Kind::find(&api_version, &name)
                .unwrap_or_else(|| panic!("the tool reads {api_version} {name}"));
            let version = api_version
                .rsplit_once('/')
                .map_or(api_version.as_str(), |(_, version)| version);
            interner.object(kind, version, decode_value(kind, document).unwrap())
        })
        .collect();
    let sources = Kind::ALL.iter().map(|kind| source(*kind, ReadStatus::Read));
    let coverage = Coverage {
        sources: sources.collect(),
        ..Coverage::default()
    };
    Snapshot::new(origin(Mode::Live), coverage, objects)
}

/// The same documents as files of a repository.
pub(crate) fn manifests(yaml: &str) -> Snapshot {
    Snapshot {
        origin: origin(Mode::Manifests),
        ..snapshot(yaml)
    }
}

/// The same snapshot after a read of `kind` that ended with `status`.
pub(crate) fn without(snapshot: Snapshot, kind: Kind, status: ReadStatus) -> Snapshot {
    let Snapshot {
        origin,
        mut coverage,
        mut objects,
    } = snapshot;
    if status != ReadStatus::Truncated {
        objects.retain(|object| object.kind != kind);
    }
    coverage.sources.retain(|source| source.kind != kind);
    coverage.sources.push(source(kind, status));
    Snapshot::new(origin, coverage, objects)
}

/// The same snapshot after a read of one object by name that ended with `status`.
pub(crate) fn without_named(
    snapshot: Snapshot,
    kind: Kind,
    namespace: &str,
    name: &str,
    status: ReadStatus,
) -> Snapshot {
    let Snapshot {
        origin,
        mut coverage,
        mut objects,
    } = snapshot;
    objects.retain(|object| {
        (object.kind, object.namespace(), object.name()) != (kind, namespace, name)
    });
    coverage.sources.push(SourceRead {
        verb: Verb::Get,
        namespace: Some(namespace.to_owned()),
        name: Some(name.to_owned()),
        ..source(kind, status)
    });
    Snapshot::new(origin, coverage, objects)
}

/// The model of a snapshot with every namespace in scope.
pub(crate) fn model(snapshot: &Snapshot) -> Model<'_> {
    let everything = ScopeRequest {
        all: true,
        ..ScopeRequest::default()
    };
    Model::new(snapshot, &everything)
}

fn origin(mode: Mode) -> Origin {
    Origin {
        mode,
        started_at: "2026-01-01T00:00:00Z".to_owned(),
        finished_at: "2026-01-01T00:00:01Z".to_owned(),
        cluster: Cluster::default(),
        operator: None,
        clock_difference_ms: None,
        files: Vec::new(),
        assume_complete: false,
        collector: "test".to_owned(),
    }
}

fn source(kind: Kind, status: ReadStatus) -> SourceRead {
    SourceRead {
        kind,
        version: None,
        verb: Verb::List,
        namespace: None,
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

/// A published schema or catalogue, which is not kept here; `None` beside a checkout that lacks it, and says so.
pub(crate) fn published(name: &str) -> Option<Value> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../shared/schemas")
        .join(name);
    let Ok(text) = std::fs::read_to_string(&path) else {
        println!("left out: {} is not there", path.display());
        return None;
    };
    // JSON is YAML, but much faster to read as JSON.
    let is_yaml = path
        .extension()
        .is_some_and(|extension| extension == "yaml");
    Some(if is_yaml {
        serde_saphyr::from_str(&text).unwrap()
    } else {
        serde_json::from_str(&text).unwrap()
    })
}
