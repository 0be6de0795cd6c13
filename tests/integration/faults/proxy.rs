//! The proxy: an HTTP server between the tool and a real API server, which does to requests what a schedule says.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use http::{Method, Request, Response, header};
use http_body_util::BodyExt as _;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use kube::Client;
use sc39::kind::Kind;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

use super::answer::{self, Answer, Body};
use super::fault::Fault;
use super::schedule::{Incident, Schedule};

/// What the tool presents to the proxy. Faulty answers repeat it wherever the tool might look, and it must appear in
/// nothing that the tool says.
pub(super) const TOKEN: &str = "canarytoken7c1e5f";

/// A running proxy. It ends with the value.
pub(super) struct Proxy {
    address: SocketAddr,
    state: Arc<State>,
    server: JoinHandle<()>,
}

/// A request of the tool.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    method: Method,
    /// Path and query.
    pub(super) path: String,
    accept: String,
    body: Bytes,
}

/// A request and the fault that it met.
#[derive(Clone, Debug)]
pub(super) struct Met {
    pub(super) path: String,
    pub(super) fault: Option<Fault>,
}

struct State {
    /// Asks the API server with credentials that the tool does not have.
    upstream: Client,
    incidents: Vec<(Incident, AtomicUsize)>,
    log: Mutex<Vec<Met>>,
}

impl Proxy {
    /// Starts a proxy; needs a runtime.
    pub(super) async fn start(upstream: Client, schedule: &Schedule) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("a port is free");
        let incidents = schedule.incidents.iter();
        let incidents = incidents.map(|incident| (incident.clone(), AtomicUsize::new(0)));
        let state = Arc::new(State {
            upstream,
            incidents: incidents.collect(),
            log: Mutex::default(),
        });
        Self {
            address: listener.local_addr().expect("a listener has an address"),
            server: tokio::spawn(serve(listener, Arc::clone(&state))),
            state,
        }
    }

    /// Writes a kubeconfig that leads to the proxy.
    pub(super) fn kubeconfig(&self, folder: &Path) -> PathBuf {
        let content = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "faulty", "cluster": {"server": format!("http://{}", self.address)}}],
            "users": [{"name": "auditor", "user": {"token": TOKEN}}],
            "contexts": [{"name": "faulty", "context": {"cluster": "faulty", "user": "auditor"}}],
            "current-context": "faulty",
        });
        let path = folder.join("kubeconfig");
        std::fs::write(&path, content.to_string()).expect("the folder is writable");
        path
    }

    /// What was asked so far, and what became of it.
    pub(super) fn log(&self) -> Vec<Met> {
        self.state.log.lock().expect("no test panics here").clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn serve(listener: TcpListener, state: Arc<State>) {
    // Connections end with this task.
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        let state = Arc::clone(&state);
        let service = service_fn(move |request| {
            let state = Arc::clone(&state);
            async move { state.answer(request).await }
        });
        connections.spawn(async move {
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            // That connections fail is what the proxy is for.
            let _ = connection.await;
        });
        while connections.try_join_next().is_some() {}
    }
}

impl State {
    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Body>, io::Error> {
        let asked = Asked::read(request).await?;
        let fault = self.fault(&asked);
        let met = Met {
            path: asked.path.clone(),
            fault,
        };
        self.log.lock().expect("no test panics here").push(met);
        let Some(fault) = fault else {
            return Ok(self.pass_on(&asked).await?.whole());
        };
        if let Some(made_up) = answer::made_up(fault)? {
            return Ok(made_up);
        }
        let first = match fault {
            Fault::SamePage | Fault::NoEnd => Some(self.pass_on(&asked.first_page()).await?),
            _ => None,
        };
        answer::spoilt(fault, self.pass_on(&asked).await?, first).await
    }

    /// The fault whose turn it is.
    fn fault(&self, asked: &Asked) -> Option<Fault> {
        let mut found = None;
        for (incident, counter) in &self.incidents {
            if !incident.target.holds(asked) || !incident.fault.fits(asked) {
                continue;
            }
            let before = counter.fetch_add(1, Ordering::Relaxed);
            let is_due = before >= incident.after && before - incident.after < incident.times;
            if is_due && found.is_none() {
                found = Some(incident.fault);
            }
        }
        found
    }

    async fn pass_on(&self, asked: &Asked) -> Result<Answer, io::Error> {
        let request = Request::builder()
            .method(asked.method.clone())
            .uri(&asked.path)
            .header(header::ACCEPT, &asked.accept)
            .header(header::CONTENT_TYPE, "application/json")
            .body(kube::client::Body::from(asked.body.clone()))
            .map_err(io::Error::other)?;
        let answer = self.upstream.send(request).await;
        let (head, body) = answer.map_err(io::Error::other)?.into_parts();
        let content_type = head.headers.get(header::CONTENT_TYPE);
        Ok(Answer {
            status: head.status,
            content_type: content_type.cloned(),
            body: body.collect().await.map_err(io::Error::other)?.to_bytes(),
        })
    }
}

impl Asked {
    async fn read(request: Request<Incoming>) -> Result<Self, io::Error> {
        let (head, body) = request.into_parts();
        let text = |name| {
            let value = head.headers.get(name)?.to_str().ok()?;
            Some(value.to_owned())
        };
        let presented = text(header::AUTHORIZATION);
        assert_eq!(presented, Some(format!("Bearer {TOKEN}")), "{}", head.uri);
        Ok(Self {
            method: head.method,
            path: head.uri.to_string(),
            accept: text(header::ACCEPT).unwrap_or_default(),
            body: body.collect().await.map_err(io::Error::other)?.to_bytes(),
        })
    }

    fn segments(&self) -> Vec<&str> {
        let path = self
            .path
            .split_once('?')
            .map_or(&*self.path, |(path, _)| path);
        path.split('/').skip(1).collect()
    }

    /// Whether it asks for a page of a list.
    pub(super) fn is_page(&self) -> bool {
        self.path.contains("?limit=")
    }

    /// Whether it asks for another page than the first.
    pub(super) fn is_further_page(&self) -> bool {
        self.path.contains("&continue=")
    }

    /// Whether it asks for what the server serves.
    pub(super) fn is_discovery(&self) -> bool {
        matches!(
            self.segments()[..],
            ["api" | "apis"] | ["api" | "apis", _] | ["apis", _, _]
        )
    }

    /// Whether it asks for one object by its name.
    pub(super) fn is_object(&self) -> bool {
        let is_api = matches!(self.segments().first(), Some(&("api" | "apis")));
        self.method == Method::GET && is_api && !self.is_page() && !self.is_discovery()
    }

    /// Whether it asks for a list of this kind, over the cluster or in one namespace.
    pub(super) fn lists(&self, kind: Kind) -> bool {
        let segments = self.segments();
        let group = match segments.first() {
            Some(&"apis") => segments.get(1).copied(),
            _ => Some(""),
        };
        let plural = segments.last().copied();
        self.is_page() && group == Some(kind.api().group) && plural == Some(kind.api().plural)
    }

    /// The namespace that it is about, if it is about one.
    pub(super) fn namespace(&self) -> Option<&str> {
        let segments = self.segments();
        let place = segments
            .iter()
            .position(|segment| *segment == "namespaces")?;
        // What stands last is the list of namespaces.
        segments.get(place + 1).copied()
    }

    /// The request for the first page of the list that this is a page of.
    fn first_page(&self) -> Self {
        let path = self.path.split("&continue=").next().unwrap_or_default();
        Self {
            path: path.to_owned(),
            ..self.clone()
        }
    }
}
