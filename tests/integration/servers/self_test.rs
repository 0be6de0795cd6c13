//! Shows that the servers do what live tests rely on.

use std::path::Path;

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::rbac::v1::ClusterRole;
use kube::api::{Api, DynamicObject, ListParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::{ApiResource, GroupVersionKind};
use kube::{Client, Config};

use super::{Cluster, Options, Request, eventually, private, shared};

const WORKLOAD: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: orders-master}
spec:
  replicas: 2
  selector: {matchLabels: {app: orders}}
  template:
    metadata: {labels: {app: orders}}
    spec:
      initContainers:
      - {name: prepare, image: prepare}
      - {name: proxy, image: proxy, restartPolicy: Always}
      containers:
      - {name: mendix, image: mendix}
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default}
spec: {mtls: {mode: STRICT}}
---
apiVersion: privatecloud.mendix.com/v1alpha1
kind: MendixApp
metadata: {name: orders}
spec: {replicas: 2, runtime: {dtapMode: P}, undocumented: {kept: true}}
status: {appState: Started}
";

/// A client of somebody else than the admin.
async fn client_of(kubeconfig: &Path) -> Client {
    let kubeconfig = Kubeconfig::read_from(kubeconfig).expect("the kubeconfig is well-formed");
    let options = KubeConfigOptions::default();
    let config = Config::from_custom_kubeconfig(kubeconfig, &options).await;
    Client::try_from(config.expect("the kubeconfig is complete")).expect("a client can be made")
}

fn apply_definitions(cluster: &Cluster) {
    cluster.apply_file(&cluster.assets().join("crds/istio.yaml"));
    cluster.apply_file(&cluster.assets().join("crds/gateway-api.yaml"));
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
    cluster.apply_file(&repository.join("fixtures/crds/mendix.yaml"));
}

#[test]
fn workloads_become_pods_that_can_run() {
    let Some(cluster) = shared() else { return };
    let version = cluster.block_on(async { cluster.client().apiserver_version().await.unwrap() });
    assert!(version.git_version.starts_with("v1.36."), "{version:?}");

    apply_definitions(cluster);
    let namespace = cluster.namespace("orders");
    cluster.apply_in(&namespace, WORKLOAD);
    let kind = GroupVersionKind::gvk("privatecloud.mendix.com", "v1alpha1", "MendixApp");
    let resource = ApiResource::from_gvk(&kind);
    let apps: Api<DynamicObject> = Api::namespaced_with(cluster.client(), &namespace, &resource);
    let app = cluster.block_on(apps.get("orders")).unwrap();
    assert_eq!(app.data["spec"]["runtime"]["dtapMode"], "P");
    assert_eq!(app.data["spec"]["undocumented"]["kept"], true);
    assert_eq!(app.data["status"]["appState"], "Started");

    let names = cluster.pods(&namespace, 2);
    cluster.run_pod(&namespace, &names[0], Some("node-1"), "10.1.0.1");
    cluster.run_pod(&namespace, &names[1], None, "10.1.0.2");

    let pods: Api<Pod> = Api::namespaced(cluster.client(), &namespace);
    let pod = cluster.block_on(pods.get_status(&names[0])).unwrap();
    assert_eq!(pod.spec.unwrap().node_name.as_deref(), Some("node-1"));
    let status = pod.status.unwrap();
    assert_eq!(status.phase.as_deref(), Some("Running"));
    assert_eq!(status.pod_ip.as_deref(), Some("10.1.0.1"));
    assert_eq!(status.init_container_statuses.unwrap().len(), 2);
}

#[test]
fn one_file_may_hold_a_namespace_and_its_pods_and_be_applied_twice() {
    let Some(cluster) = shared() else { return };
    let yaml = "
apiVersion: v1
kind: Namespace
metadata: {name: one-file}
---
# An empty document, as generators leave them.
---
apiVersion: v1
kind: Pod
metadata: {name: orders, namespace: one-file}
spec: {containers: [{name: mendix, image: mendix}]}
";
    cluster.apply(yaml);
    cluster.apply(yaml);
    assert_eq!(cluster.pods("one-file", 1), ["orders"]);
}

#[test]
fn cluster_roles_are_aggregated() {
    let Some(cluster) = shared() else { return };
    cluster.apply(
        "
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: self-test-part, labels: {self-test: 'true'}}
rules: [{apiGroups: [''], resources: [pods], verbs: [list]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: self-test-whole}
aggregationRule: {clusterRoleSelectors: [{matchLabels: {self-test: 'true'}}]}
",
    );
    let roles: Api<ClusterRole> = Api::all(cluster.client());
    eventually("the aggregated role to have rules", || {
        let role = cluster.block_on(roles.get("self-test-whole")).unwrap();
        role.rules.filter(|rules| !rules.is_empty())
    });
}

#[test]
fn users_have_no_rights_at_first_and_leave_a_trace() {
    let Some(cluster) = shared() else { return };
    let namespace = cluster.namespace("trace");
    let account = cluster.service_account(&namespace, "visitor");
    let list = |kubeconfig: &Path| {
        cluster.block_on(async {
            let pods: Api<Pod> = Api::namespaced(client_of(kubeconfig).await, &namespace);
            pods.list(&ListParams::default()).await.is_ok()
        })
    };
    assert!(list(&cluster.kubeconfig("admin")));
    assert!(!list(&cluster.kubeconfig("auditor")));
    assert!(!list(&cluster.kubeconfig("restricted")));
    assert!(!list(&account));

    let expected = Request {
        verb: "list".to_owned(),
        resource: "pods".to_owned(),
        uri: format!("/api/v1/namespaces/{namespace}/pods?"),
    };
    let requests = cluster.requests_of(&format!("system:serviceaccount:{namespace}:visitor"));
    assert_eq!(requests, [expected]);
}

#[test]
fn without_controllers_objects_stay_as_applied() {
    let options = Options {
        controllers: false,
        api_server_flags: &["--profiling=false"],
    };
    let Some(mut cluster) = private(options) else {
        return;
    };
    cluster.apply(
        "
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: orders, uid: replica-set-1}
spec:
  selector: {matchLabels: {app: orders}}
  template: {metadata: {labels: {app: orders}}, spec: {containers: [{name: mendix, image: mendix}]}}
---
apiVersion: v1
kind: Pod
metadata:
  name: orders-1
  uid: pod-1
  ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: orders, uid: replica-set-1}]
spec: {containers: [{name: mendix, image: mendix}]}
status: {phase: Running, podIP: 10.1.0.3}
",
    );
    assert_eq!(cluster.pods("default", 1), ["orders-1"]);
    let kind = GroupVersionKind::gvk("apps", "v1", "ReplicaSet");
    let resource = ApiResource::from_gvk(&kind);
    let sets: Api<DynamicObject> = Api::namespaced_with(cluster.client(), "default", &resource);
    let set = cluster.block_on(sets.get("orders")).unwrap();
    let pods: Api<Pod> = Api::namespaced(cluster.client(), "default");
    let pod = cluster.block_on(pods.get("orders-1")).unwrap();
    assert_eq!(
        pod.metadata.owner_references.unwrap()[0].uid,
        set.metadata.uid.unwrap()
    );
    assert_eq!(pod.status.unwrap().pod_ip.as_deref(), Some("10.1.0.3"));

    cluster.stop_api_server();
    assert!(cluster.block_on(pods.get("orders-1")).is_err());
}
