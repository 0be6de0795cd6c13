//! Real servers for live tests: etcd, kube-apiserver and kube-controller-manager on 127.0.0.1.
//!
//! They are found through `KUBEBUILDER_ASSETS` (`scripts/servers` builds them); without it a live test says that it was
//! left out and ends. There is no scheduler and no kubelet: pods stay Pending until a test calls [`Cluster::run_pod`].
//!
//! Functions block, so call them from plain `#[test]` functions, and [`Cluster::block_on`] for whatever is async.
//! Tests share one cluster ([`shared`]) and keep apart by namespaces of their own ([`Cluster::namespace`]) and by
//! service accounts of their own ([`Cluster::service_account`]); a test that breaks its servers starts [`private`] ones.

mod control_plane;
mod self_test;

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::future::Future;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use k8s_openapi::api::authentication::v1::TokenRequest;
use k8s_openapi::api::core::v1::{Container, Pod, ServiceAccount};
use kube::api::{
    Api, ApiResource, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams, PostParams,
};
use kube::core::discovery::{ApiCapabilities, Scope};
use kube::{Client, ResourceExt as _, discovery};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use control_plane::ControlPlane;

/// How long to wait for anything; generous, because a test run may share two cores with a build.
const PATIENCE: Duration = Duration::from_mins(2);

/// What a [`private`] cluster has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options<'a> {
    /// Whether Deployments become pods, aggregated cluster roles get rules and namespaces get a service account. Without
    /// it objects stay as applied, and the API server takes pods whose service account does not exist.
    pub controllers: bool,
    /// Further flags of the API server.
    pub api_server_flags: &'a [&'a str],
}

/// A request that the API server took in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    /// The verb of authorization: `get`, `list`, `create`…
    pub verb: String,
    /// The plural of the resource with its subresource, as in `pods/log`; empty for paths such as `/version`.
    pub resource: String,
    /// Path and query.
    pub uri: String,
}

/// An API server with what belongs to it. It ends with the value, and with the process however that ends.
pub(crate) struct Cluster {
    client: Client,
    control_plane: ControlPlane,
    assets: PathBuf,
    has_controllers: bool,
    namespaces: AtomicU32,
    runtime: Runtime,
}

/// The cluster that all tests of this process share, with controllers; `None` if live tests are left out.
pub(crate) fn shared() -> Option<&'static Cluster> {
    static SHARED: OnceLock<Cluster> = OnceLock::new();
    let assets = assets()?;
    let options = Options {
        controllers: true,
        api_server_flags: &[],
    };
    Some(SHARED.get_or_init(|| Cluster::start(assets, options)))
}

/// A cluster for one test; `None` if live tests are left out.
pub(crate) fn private(options: Options<'_>) -> Option<Cluster> {
    Some(Cluster::start(assets()?, options))
}

/// Calls `probe` until it returns something, and fails the test when that takes too long.
pub(crate) fn eventually<T>(what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = probe() {
            return value;
        }
        assert!(Instant::now() < deadline, "gave up waiting for {what}");
        thread::sleep(Duration::from_millis(50));
    }
}

impl Cluster {
    fn start(assets: PathBuf, options: Options<'_>) -> Self {
        let runtime = Runtime::new().expect("an async runtime can be made");
        let (control_plane, client) = ControlPlane::start(&assets, options, &runtime);
        Self {
            client,
            control_plane,
            assets,
            has_controllers: options.controllers,
            namespaces: AtomicU32::new(0),
            runtime,
        }
    }

    /// A client with all rights, for use within [`Cluster::block_on`].
    pub(crate) fn client(&self) -> Client {
        self.client.clone()
    }

    /// Runs a future to its end.
    pub(crate) fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }

    /// The folder with the servers; `crds/` in it holds the definitions of Istio and of Gateway API.
    pub(crate) fn assets(&self) -> &Path {
        &self.assets
    }

    /// The kubeconfig of one of the users `admin`, `auditor` and `restricted`.
    pub(crate) fn kubeconfig(&self, user: &str) -> PathBuf {
        self.control_plane.kubeconfig(user)
    }

    /// Makes a service account without rights and returns the path of a kubeconfig with its token.
    pub(crate) fn service_account(&self, namespace: &str, name: &str) -> PathBuf {
        let yaml = format!("{{apiVersion: v1, kind: ServiceAccount, metadata: {{name: {name}}}}}");
        self.apply_in(namespace, &yaml);
        let accounts: Api<ServiceAccount> = Api::namespaced(self.client(), namespace);
        let (parameters, request) = (PostParams::default(), TokenRequest::default());
        let token = self
            .block_on(accounts.create_token_request(name, &parameters, &request))
            .expect("the admin may create tokens");
        let token = token.status.and_then(|status| status.token);
        let token = token.expect("a token request is answered with a token");
        self.control_plane
            .write_kubeconfig(&format!("{namespace}-{name}"), &token)
    }

    /// Makes a namespace that no other test uses and returns its name.
    pub(crate) fn namespace(&self, prefix: &str) -> String {
        let number = self.namespaces.fetch_add(1, Ordering::Relaxed);
        let name = format!("{prefix}-{number}");
        let yaml = format!("{{apiVersion: v1, kind: Namespace, metadata: {{name: {name}}}}}");
        self.apply(&yaml);
        name
    }

    /// Applies the documents of a YAML file, see [`Cluster::apply_in`].
    pub(crate) fn apply_file(&self, path: &Path) {
        let yaml = fs::read_to_string(path);
        self.apply(
            &yaml.unwrap_or_else(|error| panic!("failed to read {}: {error}", path.display())),
        );
    }

    /// Applies YAML documents; what names no namespace goes to `default`. See [`Cluster::apply_in`].
    pub(crate) fn apply(&self, yaml: &str) {
        self.apply_in("default", yaml);
    }

    /// Creates or updates each YAML document in turn; what is namespaced and names no namespace goes to `namespace`.
    ///
    /// A `status` is set as well. Owner references by the uid that an earlier document claims are made good; with
    /// controllers, an object whose other owners do not exist is collected as garbage. Custom resource definitions are
    /// established when this returns, and new namespaces have their service account.
    pub(crate) fn apply_in(&self, namespace: &str, yaml: &str) {
        let documents: Vec<Value> =
            serde_saphyr::from_multiple(yaml).expect("the YAML is well-formed");
        let mut uids = BTreeMap::new();
        for document in documents.into_iter().filter(|document| !document.is_null()) {
            let object = serde_json::from_value(document).expect("each document is an object");
            self.block_on(self.apply_object(object, namespace, &mut uids));
        }
    }

    /// Waits until a namespace has `count` pods and returns their names in order.
    pub(crate) fn pods(&self, namespace: &str, count: usize) -> Vec<String> {
        let pods: Api<Pod> = Api::namespaced(self.client(), namespace);
        eventually(&format!("{count} pods in namespace {namespace}"), || {
            let list = self
                .block_on(pods.list(&ListParams::default()))
                .expect("pods can be listed");
            let mut names: Vec<_> = list.items.iter().map(kube::ResourceExt::name_any).collect();
            names.sort();
            (names.len() == count).then_some(names)
        })
    }

    /// Plays scheduler and kubelet: binds a pod to `node`, if one is given, and reports all its containers as running
    /// (init containers other than sidecars as completed).
    pub(crate) fn run_pod(&self, namespace: &str, name: &str, node: Option<&str>, address: &str) {
        let pods: Api<Pod> = Api::namespaced(self.client(), namespace);
        self.block_on(async {
            let pod = pods.get(name).await.expect("the pod exists");
            if let Some(node) = node {
                let binding = json!({
                    "apiVersion": "v1", "kind": "Binding", "metadata": {"name": name},
                    "target": {"apiVersion": "v1", "kind": "Node", "name": node},
                });
                let parameters = PostParams::default();
                let bound: Result<Value, _> = pods
                    .create_subresource("binding", name, &parameters, &binding)
                    .await;
                bound.expect("the pod can be bound");
            }
            let status = json!({"status": running_status(&pod, address)});
            let parameters = PatchParams::default();
            let patched = pods
                .patch_status(name, &parameters, &Patch::Merge(&status))
                .await;
            patched.expect("the status of the pod can be patched");
        });
    }

    /// What a user asked of the API server so far: `auditor`, or `system:serviceaccount:<namespace>:<name>`.
    pub(crate) fn requests_of(&self, user: &str) -> Vec<Request> {
        let log = self.control_plane.audit_log();
        // A last line without an end is still being written.
        log.split_inclusive('\n')
            .filter(|line| line.ends_with('\n'))
            .map(|line| {
                serde_json::from_str::<Value>(line).expect("the audit log holds JSON lines")
            })
            .filter(|event| {
                event["stage"] == "RequestReceived" && event["user"]["username"] == user
            })
            .map(|event| Request::from_event(&event))
            .collect()
    }

    /// Ends the API server as a crash would.
    pub(crate) fn stop_api_server(&mut self) {
        self.control_plane.stop_api_server();
    }

    /// Applies one object and its status. `uids` has the live uids by the ones that documents claim.
    async fn apply_object(
        &self,
        mut object: DynamicObject,
        namespace: &str,
        uids: &mut BTreeMap<String, String>,
    ) {
        let types = object.types.clone();
        let types = types.expect("each document has an apiVersion and a kind");
        let kind = types.try_into().expect("the apiVersion is well-formed");
        let (resource, capabilities) = self.resolve(&kind).await;
        let api: Api<DynamicObject> = if capabilities.scope == Scope::Namespaced {
            let own = &mut object.metadata.namespace;
            let namespace = own.get_or_insert_with(|| namespace.to_owned());
            Api::namespaced_with(self.client(), namespace, &resource)
        } else {
            Api::all_with(self.client(), &resource)
        };
        let claimed = take_server_fields(&mut object, uids);
        let fields = object.data.as_object_mut();
        let status = fields.and_then(|fields| fields.remove("status"));
        let (name, kind) = (object.name_any(), kind.kind);

        let parameters = PatchParams::apply("sc39-tests").force();
        let applied = api.patch(&name, &parameters, &Patch::Apply(&object)).await;
        let applied =
            applied.unwrap_or_else(|error| panic!("failed to apply {kind} {name}: {error}"));
        uids.extend(claimed.zip(applied.metadata.uid));

        let mut subresources = capabilities.subresources.iter();
        let has_status = subresources.any(|(subresource, _)| subresource.plural == "status");
        // The definitions that generators write carry an empty status, which would undo what the server found out.
        if let Some(status) = status.filter(|_| has_status && kind != "CustomResourceDefinition") {
            let patch = Patch::Merge(json!({"status": status}));
            let set = api
                .patch_status(&name, &PatchParams::default(), &patch)
                .await;
            set.unwrap_or_else(|error| {
                panic!("failed to set the status of {kind} {name}: {error}")
            });
        }
        self.settle(&kind, &name).await;
    }

    /// Finds how a kind is served; a kind whose definition was just applied takes a moment to appear.
    async fn resolve(&self, kind: &GroupVersionKind) -> (ApiResource, ApiCapabilities) {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            match discovery::pinned_kind(&self.client, kind).await {
                Ok(found) => return found,
                Err(error) if Instant::now() > deadline => {
                    panic!("the API server does not serve {kind:?}: {error}")
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }

    /// Waits for what the server or a controller adds to an object after it was created.
    async fn settle(&self, kind: &str, name: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !self.is_settled(kind, name).await {
            assert!(
                Instant::now() < deadline,
                "gave up waiting for {kind} {name}"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn is_settled(&self, kind: &str, name: &str) -> bool {
        match kind {
            "Namespace" if self.has_controllers => {
                let accounts: Api<ServiceAccount> = Api::namespaced(self.client(), name);
                accounts
                    .get_opt("default")
                    .await
                    .expect("service accounts can be read")
                    .is_some()
            }
            "CustomResourceDefinition" => {
                let kind = GroupVersionKind::gvk("apiextensions.k8s.io", "v1", kind);
                let resource = ApiResource::from_gvk(&kind);
                let api: Api<DynamicObject> = Api::all_with(self.client(), &resource);
                let definition = api.get(name).await.expect("definitions can be read");
                let conditions = definition.data["status"]["conditions"].as_array();
                conditions.into_iter().flatten().any(|condition| {
                    condition["type"] == "Established" && condition["status"] == "True"
                })
            }
            _ => true,
        }
    }
}

impl Request {
    fn from_event(event: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let reference = &event["objectRef"];
        let mut resource = text(&reference["resource"]);
        if let Some(subresource) = reference["subresource"].as_str() {
            resource = format!("{resource}/{subresource}");
        }
        Self {
            verb: text(&event["verb"]),
            resource,
            uri: text(&event["requestURI"]),
        }
    }
}

/// Removes what only the server sets, points owner references to live uids, and returns the uid that was claimed.
fn take_server_fields(
    object: &mut DynamicObject,
    uids: &BTreeMap<String, String>,
) -> Option<String> {
    let metadata = &mut object.metadata;
    metadata.resource_version = None;
    metadata.creation_timestamp = None;
    metadata.generation = None;
    metadata.managed_fields = None;
    for owner in metadata.owner_references.iter_mut().flatten() {
        if let Some(uid) = uids.get(&owner.uid) {
            owner.uid.clone_from(uid);
        }
    }
    metadata.uid.take()
}

/// Where the servers are, or `None` after having said that the test does not run.
fn assets() -> Option<PathBuf> {
    let assets = env::var_os("KUBEBUILDER_ASSETS").filter(|value| !value.is_empty());
    if assets.is_none() {
        let thread = thread::current();
        let test = thread.name().unwrap_or("a live test");
        // Not `eprintln`, whose output is shown for failing tests only.
        let _ = writeln!(
            io::stderr(),
            "{test} was left out: KUBEBUILDER_ASSETS is not set"
        );
    }
    assets.map(PathBuf::from)
}

/// The status that a kubelet would report for a healthy pod.
fn running_status(pod: &Pod, address: &str) -> Value {
    const TIME: &str = "2026-01-01T00:00:00Z";
    let status = |container: &Container, state: Value| {
        let id = format!("containerd://{}-{}", pod.name_any(), container.name);
        let running = state.get("running").is_some();
        json!({
            "name": container.name, "image": container.image, "imageID": "", "containerID": id, "restartCount": 0,
            "ready": true, "started": running, "state": state,
        })
    };
    let running = || json!({"running": {"startedAt": TIME}});
    let completed =
        || json!({"terminated": {"exitCode": 0, "reason": "Completed", "finishedAt": TIME}});
    let spec = pod.spec.as_ref().expect("a pod has a spec");
    let containers: Vec<_> = spec
        .containers
        .iter()
        .map(|container| status(container, running()))
        .collect();
    let init_containers = spec.init_containers.iter().flatten().map(|container| {
        let is_sidecar = container.restart_policy.as_deref() == Some("Always");
        status(container, if is_sidecar { running() } else { completed() })
    });
    let conditions = ["PodScheduled", "Initialized", "ContainersReady", "Ready"];
    json!({
        "phase": "Running", "startTime": TIME, "podIP": address, "podIPs": [{"ip": address}],
        "conditions": conditions.map(|name| json!({"type": name, "status": "True"})),
        "containerStatuses": containers, "initContainerStatuses": init_containers.collect::<Vec<_>>(),
    })
}
