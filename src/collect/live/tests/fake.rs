//! An API server that answers as a test says.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use http::{Request, Response, header};
use http_body_util::BodyExt as _;
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};
use tower::BoxError;

use crate::kind::Kind;

/// One answer.
#[derive(Clone)]
pub(super) enum Reply {
    Json(u16, String),
    /// Too many requests: come back after so many seconds.
    Busy(u64),
    /// A body that breaks off.
    Cut(String),
    Html,
    Hang,
    Refuse,
}

/// Answers a path; the number says how often it has been asked before.
type Script = dyn Fn(&str, usize) -> Option<Reply> + Send + Sync;

#[derive(Clone)]
pub(super) struct Fake {
    script: Arc<Script>,
    log: Arc<Mutex<Vec<String>>>,
}

impl Fake {
    /// A server that serves every kind, with a script for what it does not answer by itself.
    pub(super) fn new(
        script: impl Fn(&str, usize) -> Option<Reply> + Send + Sync + 'static,
    ) -> Self {
        Self {
            script: Arc::new(script),
            log: Arc::default(),
        }
    }

    /// Every path that was asked for, in order.
    pub(super) fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    /// How often a path was asked for.
    pub(super) fn count(&self, path: &str) -> usize {
        self.log().iter().filter(|asked| *asked == path).count()
    }

    pub(super) fn client(&self) -> Client {
        let fake = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let fake = fake.clone();
            // Written here, where the type of the body need not be named.
            async move {
                let Answer { head, body, is_cut } = fake.answer(request.uri().to_string()).await?;
                let body = Body::from(body.into_bytes()).map_err(BoxError::from);
                let end = async move { is_cut.then(|| Err(BoxError::from("cut"))) };
                Ok::<_, BoxError>(head.body(body.with_trailers(end))?)
            }
        });
        Client::new(service, "default")
    }

    async fn answer(&self, path: String) -> Result<Answer, BoxError> {
        let before = self.count(&path);
        self.log.lock().unwrap().push(path.clone());
        let reply = (self.script)(&path, before).unwrap_or_else(|| default_reply(&path));
        let mut head = Response::builder().header(header::DATE, "Fri, 21 Nov 2025 11:58:00 GMT");
        if let Reply::Busy(seconds) = reply {
            head = head.header(header::RETRY_AFTER, seconds);
        }
        let is_cut = matches!(reply, Reply::Cut(_));
        let (code, content_type, body) = match reply {
            Reply::Json(code, body) => (code, "application/json", body),
            Reply::Busy(_) => (429, "application/json", String::new()),
            Reply::Cut(body) => (200, "application/json", body),
            Reply::Html => (200, "text/html", "<html>canary</html>".to_owned()),
            Reply::Hang => std::future::pending().await,
            Reply::Refuse => return Err("connection refused".into()),
        };
        let head = head.status(code).header(header::CONTENT_TYPE, content_type);
        Ok(Answer { head, body, is_cut })
    }
}

struct Answer {
    head: http::response::Builder,
    body: String,
    is_cut: bool,
}

fn default_reply(path: &str) -> Reply {
    let json = match path {
        "/api" => groups(|kind| kind.api().group.is_empty()),
        "/apis" => groups(|kind| !kind.api().group.is_empty()),
        "/version" => json!({"gitVersion": "v1.36.0", "platform": "linux/amd64"}),
        "/apis/authentication.k8s.io/v1/selfsubjectreviews" => {
            json!({"status": {"userInfo": {"username": "auditor", "groups": ["system:authenticated"]}}})
        }
        "/api/v1/namespaces?limit=2" => {
            json!({"items": [{"metadata": {"name": "kube-system", "uid": "cluster"}}]})
        }
        path if path.contains('?') => json!({"metadata": {"resourceVersion": "1"}, "items": []}),
        _ => {
            return Reply::Json(
                404,
                json!({"kind": "Status", "reason": "NotFound"}).to_string(),
            );
        }
    };
    Reply::Json(200, json.to_string())
}

/// Aggregated discovery of the kinds that a predicate holds for.
pub(super) fn groups(served: impl Fn(Kind) -> bool) -> Value {
    let mut groups: HashMap<&str, HashMap<&str, Vec<Value>>> = HashMap::new();
    for kind in Kind::ALL.iter().copied().filter(|kind| served(*kind)) {
        let api = kind.api();
        groups
            .entry(api.group)
            .or_default()
            .entry(api.versions[0])
            .or_default()
            .push(json!({"resource": api.plural, "verbs": ["get", "list"]}));
    }
    let groups: Vec<Value> = groups
        .into_iter()
        .map(|(group, versions)| {
            let versions: Vec<Value> = versions
                .into_iter()
                .map(|(version, resources)| json!({"version": version, "resources": resources, "freshness": "Current"}))
                .collect();
            json!({"metadata": {"name": group}, "versions": versions})
        })
        .collect();
    json!({"kind": "APIGroupDiscoveryList", "items": groups})
}
