//! What the caller may see: kinds that are not served, not allowed, or allowed in some namespaces only.

use serde_json::json;

use super::fake::groups;
use super::*;

const FORBIDDEN: ReadStatus = ReadStatus::Forbidden;

fn json(value: &serde_json::Value) -> Reply {
    Reply::Json(200, value.to_string())
}

fn namespaces() -> Reply {
    json(&json!({"metadata": {}, "items": [
        {"metadata": {"name": "a"}}, {"metadata": {"name": "b"}},
        {"metadata": {"name": "kube-system", "uid": "cluster"}},
    ]}))
}

#[tokio::test(start_paused = true)]
async fn provenance_is_what_the_server_says() {
    let fake = Fake::new(|path, _| path.starts_with("/api/v1/namespaces?").then(namespaces));
    let snapshot = collect(&fake, &[], &[]).await.unwrap();
    let origin = &snapshot.origin;
    assert_eq!(origin.cluster.uid.as_deref(), Some("cluster"));
    assert_eq!(origin.cluster.context.as_deref(), Some("test"));
    assert_eq!(origin.cluster.git_version.as_deref(), Some("v1.36.0"));
    assert_eq!(origin.operator.as_ref().unwrap().username, "auditor");
    assert_eq!(origin.clock_difference_ms, Some(119_500));
    assert_eq!(
        snapshot.coverage.notes,
        ["the local clock is 119 s ahead of the server's"]
    );
    assert_eq!(fake.count("/api/v1/namespaces/kube-system"), 0);
}

#[tokio::test(start_paused = true)]
async fn not_served_is_not_forbidden_is_not_failed() {
    let fake = Fake::new(|path, _| match path {
        "/apis" => {
            let mut document = groups(|kind| kind.api().group == "apps");
            let stale = json!({"metadata": {"name": "security.istio.io"}, "versions": [{"version": "v1", "freshness": "Stale"}]});
            document["items"].as_array_mut().unwrap().push(stale);
            Some(json(&document))
        }
        // Left out of the answer above, because the server behind it is down.
        "/apis/batch" => Some(json(
            &json!({"name": "batch", "versions": [{"version": "v1"}]}),
        )),
        "/apis/batch/v1" => Some(refused(503, "ServiceUnavailable")),
        path if path.starts_with("/api/v1/nodes") => Some(refused(403, "Forbidden")),
        _ => None,
    });
    let kinds = [
        Kind::Sidecar,
        Kind::PeerAuthentication,
        Kind::Job,
        Kind::Node,
        Kind::Deployment,
    ];
    let snapshot = collect(&fake, &kinds, &[]).await.unwrap();
    assert_eq!(status(&snapshot, Kind::Sidecar), ReadStatus::NotServed);
    assert_eq!(source(&snapshot, Kind::Sidecar).version, None);
    assert_eq!(
        status(&snapshot, Kind::PeerAuthentication),
        ReadStatus::Error
    );
    assert_eq!(status(&snapshot, Kind::Job), ReadStatus::Error);
    assert_eq!(source(&snapshot, Kind::Job).http_status, Some(503));
    assert_eq!(status(&snapshot, Kind::Node), FORBIDDEN);
    assert_eq!(source(&snapshot, Kind::Node).http_status, Some(403));
    assert_eq!(status(&snapshot, Kind::Deployment), ReadStatus::Read);
    assert_eq!(
        fake.count("/apis/networking.istio.io"),
        1,
        "absence is confirmed"
    );
}

#[tokio::test(start_paused = true)]
async fn servers_without_aggregated_discovery_are_asked_group_by_group() {
    let fake = Fake::new(|path, _| match path {
        "/api" => Some(json(&json!({"kind": "APIVersions", "versions": ["v1"]}))),
        "/apis" => Some(json(&json!({"kind": "APIGroupList", "groups": [
            {"name": "apps", "versions": [{"version": "v1"}]}, {"name": "batch", "versions": [{"version": "v1"}]},
        ]}))),
        "/api/v1" => Some(json(&json!({"resources": [
            {"name": "namespaces", "verbs": ["list"]}, {"name": "pods/log", "verbs": ["get"]},
        ]}))),
        "/apis/apps/v1" => Some(json(
            &json!({"resources": [{"name": "deployments", "verbs": ["list"]}]}),
        )),
        "/apis/batch/v1" => Some(refused(500, "InternalError")),
        _ => None,
    });
    let kinds = [Kind::Deployment, Kind::ReplicaSet, Kind::Job, Kind::Pod];
    let snapshot = collect(&fake, &kinds, &[]).await.unwrap();
    assert_eq!(status(&snapshot, Kind::Deployment), ReadStatus::Read);
    assert_eq!(status(&snapshot, Kind::ReplicaSet), ReadStatus::NotServed);
    assert_eq!(status(&snapshot, Kind::Pod), ReadStatus::NotServed);
    assert_eq!(status(&snapshot, Kind::Job), ReadStatus::Error);
}

#[tokio::test(start_paused = true)]
async fn what_is_forbidden_as_a_whole_is_listed_by_namespace() {
    let fake = Fake::new(|path, _| match path {
        "/api/v1/namespaces?limit=2" => Some(namespaces()),
        "/api/v1/pods?limit=2" | "/api/v1/namespaces/b/pods?limit=2" => {
            Some(refused(403, "Forbidden"))
        }
        "/api/v1/namespaces/a/pods?limit=2" => Some(json(
            &json!({"items": [{"metadata": {"name": "p", "namespace": "a"}}]}),
        )),
        _ => None,
    });
    let snapshot = collect(&fake, &[Kind::Pod, Kind::ConfigMap], &["elsewhere"])
        .await
        .unwrap();
    let told: Vec<_> = sources(&snapshot, Kind::Pod)
        .iter()
        .map(|source| (source.namespace.as_deref(), source.status, source.count))
        .collect();
    assert_eq!(
        told,
        [
            (None, FORBIDDEN, 0),
            (Some("a"), ReadStatus::Read, 1),
            (Some("b"), FORBIDDEN, 0),
            (Some("kube-system"), ReadStatus::Read, 0),
        ]
    );
    assert_eq!(names(&snapshot, Kind::Pod), ["p"]);
    assert_eq!(
        status(&snapshot, Kind::ConfigMap),
        FORBIDDEN,
        "istiod may run where pods were not read"
    );
}

#[tokio::test(start_paused = true)]
async fn a_namespace_that_does_not_decode_is_one_all_the_same() {
    let odd = json!({"items": [
        {"metadata": {"name": "a"}}, {"metadata": {"name": "odd", "labels": ["b"]}},
    ]});
    let fake = Fake::new(move |path, _| match path {
        "/api/v1/namespaces?limit=2" => Some(json(&odd)),
        "/api/v1/pods?limit=2" => Some(refused(403, "Forbidden")),
        _ => None,
    });
    let snapshot = collect(&fake, &[Kind::Pod], &[]).await.unwrap();
    assert_eq!(names(&snapshot, Kind::Namespace), ["a"]);
    let told: Vec<_> = sources(&snapshot, Kind::Pod)
        .iter()
        .map(|source| source.namespace.as_deref())
        .collect();
    assert_eq!(told, [None, Some("a"), Some("odd")]);
}

#[tokio::test(start_paused = true)]
async fn without_the_list_of_namespaces_the_flags_count() {
    let fake = Fake::new(|path, _| {
        let is_open = path.starts_with("/api/v1/namespaces/a/") || !path.contains('?');
        (!is_open).then(|| refused(403, "Forbidden"))
    });
    let snapshot = collect(&fake, &[Kind::Pod, Kind::Node], &["a", "../secrets"])
        .await
        .unwrap();
    let asked: Vec<_> = sources(&snapshot, Kind::Pod)
        .iter()
        .map(|source| source.namespace.as_deref())
        .collect();
    assert_eq!(asked, [None, Some("a")]);
    assert_eq!(
        sources(&snapshot, Kind::Node).len(),
        1,
        "nodes have no namespace"
    );
    let by_name = sources(&snapshot, Kind::Namespace)[1];
    assert_eq!(by_name.name.as_deref(), Some("kube-system"));
    assert_eq!(by_name.status, ReadStatus::Absent);
}

#[tokio::test(start_paused = true)]
async fn nothing_allowed_is_a_snapshot_full_of_gaps() {
    let fake = Fake::new(|_, _| Some(refused(403, "Forbidden")));
    let snapshot = collect(&fake, Kind::ALL, &[]).await.unwrap();
    for kind in Kind::ALL {
        for source in sources(&snapshot, *kind) {
            assert_eq!(source.status, FORBIDDEN, "{source:?}");
        }
    }
    assert!(snapshot.objects.is_empty());
    assert_eq!(
        snapshot.coverage.notes.len(),
        2,
        "{:?}",
        snapshot.coverage.notes
    );
    assert!(!format!("{:?}", snapshot.coverage).contains("canary"));
}

#[tokio::test(start_paused = true)]
async fn mesh_config_is_asked_for_by_name() {
    let fake = Fake::new(|path, _| match path {
        "/api/v1/pods?limit=2" => Some(json(&json!({"items": [{
            "metadata": {"name": "istiod-1", "namespace": "mesh", "labels": {"app": "istiod"}},
            "spec": {"containers": [{"name": "discovery", "env": [{"name": "REVISION", "value": "canary"}]}]},
        }]}))),
        "/api/v1/namespaces/mesh/configmaps/istio" => Some(json(
            &json!({"metadata": {"name": "istio", "namespace": "mesh"}, "data": {}}),
        )),
        _ => None,
    });
    let snapshot = collect(&fake, &[Kind::Pod, Kind::ConfigMap], &[])
        .await
        .unwrap();
    let told: Vec<_> = sources(&snapshot, Kind::ConfigMap)
        .iter()
        .map(|source| (source.name.as_deref(), source.status, source.http_status))
        .collect();
    assert_eq!(
        told,
        [
            (Some("istio"), ReadStatus::Read, Some(200)),
            (Some("istio-canary"), ReadStatus::Absent, Some(404)),
        ]
    );
    assert_eq!(names(&snapshot, Kind::ConfigMap), ["istio"]);
    let lists = fake
        .log()
        .into_iter()
        .filter(|path| path.contains("configmaps?"));
    assert_eq!(lists.count(), 0);
    assert!(fake.log().iter().all(|path| !path.contains("secrets")));
}

#[tokio::test(start_paused = true)]
async fn refused_credentials_end_everything() {
    let server = "https://server".to_owned();
    let unauthorized = LiveError::Unauthorized {
        server: server.clone(),
    };
    let early = Fake::new(|_, _| Some(refused(401, "Unauthorized")));
    assert_eq!(
        collect(&early, &[Kind::Pod], &[]).await.unwrap_err(),
        unauthorized
    );
    let later = Fake::new(|path, _| {
        path.starts_with("/api/v1/pods")
            .then(|| refused(401, "Unauthorized"))
    });
    assert_eq!(
        collect(&later, &[Kind::Pod], &[]).await.unwrap_err(),
        unauthorized
    );
}

#[tokio::test(start_paused = true)]
async fn no_server_is_an_error_at_once() {
    let start = tokio::time::Instant::now();
    let absent = Fake::new(|_, _| Some(Reply::Refuse));
    let error = collect(&absent, &[Kind::Pod], &[]).await.unwrap_err();
    assert!(matches!(error, LiveError::Unreachable { .. }), "{error}");
    assert!(start.elapsed() < Duration::from_secs(1));

    let silent = Fake::new(|_, _| Some(Reply::Hang));
    let error = collect(&silent, &[Kind::Pod], &[]).await.unwrap_err();
    assert!(matches!(error, LiveError::Unreachable { .. }), "{error}");
    assert!(start.elapsed() <= TIMEOUT + Duration::from_secs(1));

    let other = Fake::new(|_, _| Some(Reply::Html));
    let error = collect(&other, &[Kind::Pod], &[]).await.unwrap_err();
    assert!(matches!(error, LiveError::NotKubernetes { .. }), "{error}");
    assert!(!error.to_string().contains("canary"));
}

#[tokio::test(start_paused = true)]
async fn nothing_read_at_all_is_an_error() {
    let fake = Fake::new(|path, _| {
        path.contains('?')
            .then(|| refused(500, "InternalError"))
            .or_else(|| {
                path.ends_with("kube-system")
                    .then(|| refused(500, "InternalError"))
            })
    });
    let error = collect(&fake, &[Kind::Pod], &[]).await.unwrap_err();
    assert!(matches!(error, LiveError::NothingRead { .. }), "{error}");
}
