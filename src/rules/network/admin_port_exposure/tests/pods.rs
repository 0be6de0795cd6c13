use super::*;

/// The row of the app pod after its spec was changed.
fn pod_row(from: &str, to: &str, more: &str) -> String {
    let snapshot = snapshot(&[PODS.replace(from, to).as_str(), more].concat());
    let model = Model::new(&snapshot, &ScopeRequest::default());
    let pods: Vec<Observation> = RULE
        .all(&model)
        .into_iter()
        .filter(|observation| matches!(observation.subject, Subject::Pods(_)))
        .collect();
    let [observation] = pods.as_slice() else {
        panic!("one row for the app pod: {pods:?}");
    };
    assert_repeatable(&model, observation);
    words(observation)
}

const CLOSED: &str = "pass value: no host port, host network or mesh listener opens an admin port";

#[test]
fn pods_that_open_admin_ports_on_their_node_fail() {
    let port = "{name: mendix-app, containerPort: 8080}";
    let table = [
        (port, port, CLOSED),
        (port, "{containerPort: 8080, hostPort: 80}", CLOSED),
        (
            port,
            "{containerPort: 8800, hostPort: 8800, protocol: UDP}",
            CLOSED,
        ),
        (
            port,
            "{containerPort: 8800, hostPort: 18800}",
            "fail value: container mendix opens 8800 as host port 18800",
        ),
        (
            port,
            "{containerPort: 8080, hostPort: 9000}",
            "fail value: container mendix opens 8080 as host port 9000",
        ),
        (
            "spec:\n",
            "spec:\n  hostNetwork: true\n",
            "fail value: hostNetwork is true",
        ),
        (
            "phase: Running",
            "phase: Failed",
            "not-applicable no-process: the pod has finished",
        ),
    ];
    for (from, to, expected) in table {
        assert_eq!(pod_row(from, to, ""), expected, "{to}");
    }
}

/// G29 and its neighbours.
#[test]
fn mesh_listeners_that_hand_traffic_to_admin_ports_fail() {
    let sidecar =
        |place: &str, spec: &str| object("networking.istio.io/v1", "Sidecar", place, spec);
    let listener = |endpoint: &str| {
        format!("ingress: [{{port: {{number: 9443}}, defaultEndpoint: '{endpoint}'}}]")
    };
    let published =
        "fail loopback-published: an Istio Sidecar hands port 9443 to 9000 inside the pod";
    let ours = "workloadSelector: {labels: {app: claims}}";
    let table = [
        (
            format!("{{{ours}, {}}}", listener("127.0.0.1:9000")),
            published,
        ),
        (format!("{{{}}}", listener("[::1]:9000")), published),
        (format!("{{{}}}", listener("0.0.0.0:9000")), published),
        (format!("{{{}}}", listener("127.0.0.1:8080")), CLOSED),
        (format!("{{{}}}", listener("unix:///run/a:9000")), CLOSED),
        (
            format!(
                "{{workloadSelector: {{labels: {{app: other}}}}, {}}}",
                listener("127.0.0.1:9000")
            ),
            CLOSED,
        ),
    ];
    for (spec, expected) in table {
        assert_eq!(
            pod_row("", "", &sidecar("prod/a", &spec)),
            expected,
            "{spec}"
        );
    }
    let open = format!("{{{}}}", listener("127.0.0.1:9000"));
    let elsewhere = sidecar("test/a", &open);
    assert_eq!(pod_row("", "", &elsewhere), CLOSED, "another namespace");
    let closed = sidecar("prod/b", &format!("{{{ours}}}"));
    let both = [sidecar("prod/a", &open), closed].concat();
    assert_eq!(
        pod_row("", "", &both),
        CLOSED,
        "the one with a selector counts alone"
    );
}
