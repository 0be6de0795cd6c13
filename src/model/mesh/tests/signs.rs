//! What shows that a mesh is in use, and what its control planes are.

use super::*;

const REMOTE: &str = "{url: 'https://istiod.example/inject'}";
const LOCAL: &str = "{service: {name: istiod, namespace: istio-system}}";

/// A webhook configuration of this name and label `app`.
fn webhook(name: &str, app: &str, client: &str) -> String {
    format!(
        "---\napiVersion: admissionregistration.k8s.io/v1\nkind: MutatingWebhookConfiguration\nmetadata: {{name: {name}, labels: {{app: {app}}}}}\nwebhooks: [{{name: a, clientConfig: {client}}}]\n"
    )
}

fn check<const N: usize>(table: [(String, Istio, bool, &str); N]) {
    for (yaml, istio, linkerd, why) in table {
        let snapshot = testing::snapshot(&yaml);
        let mesh = testing::model(&snapshot).mesh;
        assert_eq!((mesh.istio, mesh.linkerd), (istio, linkerd), "{why}");
        let expected = istio != Istio::Absent || linkerd;
        assert_eq!(mesh.is_present(), expected, "{why}");
    }
}

#[test]
fn each_sign_of_istio_is_enough() {
    let pod = || Pod::new("a", "a");
    let table = [
        (String::new(), Istio::Absent, false, "nothing"),
        (
            pod().label("app", "ztunnel").into(),
            Istio::Elsewhere,
            false,
            "a ztunnel",
        ),
        (
            pod().annotation(data_plane::REDIRECTION, "enabled").into(),
            Istio::Elsewhere,
            false,
            "a pod in ambient mode",
        ),
        (
            pod().container("{name: istio-proxy}").into(),
            Istio::Elsewhere,
            false,
            "a sidecar",
        ),
        (
            webhook("istio-sidecar-injector-a", "a", REMOTE),
            Istio::Elsewhere,
            false,
            "an injector by name",
        ),
        (
            webhook("a", "sidecar-injector", REMOTE),
            Istio::Elsewhere,
            false,
            "an injector by label",
        ),
        (
            webhook("a", "a", REMOTE),
            Istio::Absent,
            false,
            "another webhook",
        ),
        (
            webhook("istio-sidecar-injector", "a", LOCAL),
            Istio::Absent,
            false,
            "an injector of this cluster, without its istiod",
        ),
    ];
    check(table);
}

#[test]
fn each_sign_of_linkerd_is_enough() {
    let pod = || Pod::new("a", "a");
    let table = [
        (
            webhook("linkerd-proxy-injector-webhook-config", "a", LOCAL),
            Istio::Absent,
            true,
            "Linkerd's injector",
        ),
        (
            pod().container("{name: linkerd-proxy}").into(),
            Istio::Absent,
            true,
            "Linkerd's proxy",
        ),
    ];
    check(table);
}

#[test]
fn only_files_show_a_control_plane_by_its_configuration_alone() {
    let config = mesh_config("a", "istio", "{}");
    let found = |snapshot: &Snapshot| -> Vec<String> {
        let model = testing::model(snapshot);
        let found = model.mesh.control_planes.iter();
        found
            .map(|one| format!("{}/{}", one.namespace, one.revision))
            .collect()
    };
    assert_eq!(found(&testing::snapshot(&config)), [""; 0], "live");
    let table = [
        (String::new(), "a/default", "nothing else"),
        (istiod("b", "canary"), "b/canary", "istiod itself"),
        (
            webhook("istio-sidecar-injector", "a", REMOTE),
            "",
            "an injector elsewhere, by name",
        ),
        (
            webhook("a", "sidecar-injector", REMOTE),
            "",
            "an injector elsewhere, by label",
        ),
        (
            webhook("istio-sidecar-injector", "a", LOCAL),
            "a/default",
            "an injector here",
        ),
        (webhook("a", "a", REMOTE), "a/default", "another webhook"),
    ];
    for (more, expected, why) in table {
        let snapshot = testing::manifests(&format!("{config}{more}"));
        assert_eq!(found(&snapshot).join(" "), expected, "{why}");
    }
}

#[test]
fn root_namespaces_are_known_where_every_configuration_was_read() {
    let read = istiod("a", "default") + &mesh_config("a", "istio", "{}");
    let knows = |yaml: &str| {
        let snapshot = testing::snapshot(yaml);
        testing::model(&snapshot).mesh.knows_roots()
    };
    assert!(knows(&read));
    let odd = istiod("b", "canary") + &mesh_config("b", "istio-canary", "a: [");
    assert!(!knows(&(read + &odd)));
}

#[test]
fn configuration_of_linkerd_is_looked_for_where_its_pods_run() {
    let labelled = |pod: Pod| pod.label("linkerd.io/control-plane-component", "destination");
    let found = |pod: Pod| -> Vec<String> {
        let snapshot = testing::snapshot(&pod.to_string());
        let model = testing::model(&snapshot);
        let found = model.mesh.linkerd_policies.config_maps();
        found
            .map(|(namespace, name)| format!("{namespace}/{name}"))
            .collect()
    };
    assert_eq!(
        found(labelled(Pod::new("a", "a")).container("{name: policy}")),
        ["a/linkerd-config"]
    );
    assert_eq!(
        found(labelled(Pod::new("a", "a")).container("{name: web}")),
        [""; 0],
        "a label is anybody's to set"
    );
    assert_eq!(
        found(Pod::new("a", "a").label("k8s-app", "linkerd-cni")),
        ["a/linkerd-cni-config"]
    );
}

#[test]
fn a_second_configuration_leaves_the_first_one_open() {
    let is_known = |environment: &str| {
        let istiod = Pod::new("a", "istiod")
            .label("app", "istiod")
            .container(&format!("{{name: discovery, env: [{environment}]}}"));
        let yaml = format!("{istiod}{}", mesh_config("a", "istio", "{}"));
        let snapshot = testing::snapshot(&yaml);
        testing::model(&snapshot).mesh.control_planes[0]
            .config
            .is_ok()
    };
    let revision = "{name: REVISION, value: default}";
    let shared = "{name: SHARED_MESH_CONFIG, value: more}";
    assert!(is_known(""));
    assert!(!is_known(shared));
    assert!(is_known(revision));
    assert!(!is_known(&format!("{revision}, {shared}")));
}
