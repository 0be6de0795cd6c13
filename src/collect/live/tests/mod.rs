//! Whole collections from servers that behave in every way a server can, behind the real client but without a network.

mod fake;
mod lists;
mod reach;

use std::time::Duration;

use chrono::{DateTime, Utc};
use fake::{Fake, Reply};

use super::connect::Connected;
use super::{LiveError, Patience, Request, stages};
use crate::kind::Kind;
use crate::snapshot::{ReadStatus, Snapshot, SourceRead};

const TIMEOUT: Duration = Duration::from_secs(30);

fn noon() -> DateTime<Utc> {
    "2025-11-21T12:00:00Z".parse().unwrap()
}

async fn collect(fake: &Fake, kinds: &[Kind], namespaces: &[&str]) -> Result<Snapshot, LiveError> {
    let connected = Connected {
        client: fake.client(),
        server: "https://server".to_owned(),
        context: Some("test".to_owned()),
        namespace: None,
        notes: Vec::new(),
    };
    let request = Request {
        kinds: kinds.to_vec(),
        namespaces: namespaces.iter().map(ToString::to_string).collect(),
        page_size: 2,
    };
    let patience = Patience::new(TIMEOUT);
    stages::run(connected, patience, &request, noon(), &noon, &()).await
}

/// Callers may run a collection beside other things and drop it.
#[test]
fn a_collection_can_move_between_threads() {
    fn is_send<T: Send>(_: T) {}
    let connection = super::Connection {
        kubeconfig: None,
        kubeconfig_list: Vec::new(),
        context: None,
        cluster: None,
        user: None,
        impersonate: None,
        impersonate_groups: Vec::new(),
        patience: Patience::new(TIMEOUT),
    };
    let request = Request {
        kinds: Vec::new(),
        namespaces: Vec::new(),
        page_size: 1,
    };
    is_send(super::collect(&connection, &request, &noon, &()));
}

fn sources(snapshot: &Snapshot, kind: Kind) -> Vec<&SourceRead> {
    let sources = snapshot.coverage.sources.iter();
    sources.filter(|source| source.kind == kind).collect()
}

fn source(snapshot: &Snapshot, kind: Kind) -> &SourceRead {
    let sources = sources(snapshot, kind);
    assert_eq!(sources.len(), 1, "{sources:?}");
    sources[0]
}

fn status(snapshot: &Snapshot, kind: Kind) -> ReadStatus {
    source(snapshot, kind).status
}

fn names(snapshot: &Snapshot, kind: Kind) -> Vec<&str> {
    snapshot
        .of_kind(kind)
        .map(|(_, object)| object.name())
        .collect()
}

/// A page of services.
fn page(names: &[&str], token: &str) -> Reply {
    let items: Vec<_> = names
        .iter()
        .map(|name| serde_json::json!({"metadata": {"name": name, "namespace": "n"}, "spec": {}}))
        .collect();
    // Written by hand, because the head of the page must come first.
    Reply::Json(
        200,
        format!(
            r#"{{"kind":"List","apiVersion":"v1","metadata":{{"resourceVersion":"9","continue":"{token}"}},"items":{}}}"#,
            serde_json::Value::from(items)
        ),
    )
}

fn refused(code: u16, reason: &str) -> Reply {
    let status =
        serde_json::json!({"kind": "Status", "code": code, "reason": reason, "message": "canary"});
    Reply::Json(code, status.to_string())
}
