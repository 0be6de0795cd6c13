//! What files cover.

use super::*;

fn status(text: &str, kind: Kind) -> (ReadStatus, u64) {
    let snapshot = snapshot(text);
    let source = source(&snapshot, kind);
    (source.status, source.count)
}

const ISTIO: &[Kind] = &[Kind::EnvoyFilter, Kind::Sidecar, Kind::PeerAuthentication];

#[test]
fn every_kind_has_an_entry() {
    let snapshot = snapshot(&pod("p"));
    let kinds: Vec<_> = snapshot
        .coverage
        .sources
        .iter()
        .map(|source| source.kind)
        .collect();
    assert_eq!(kinds, Kind::ALL);
    assert_eq!(source(&snapshot, Kind::Pod).version.as_deref(), Some("v1"));
    assert_eq!(
        source(&snapshot, Kind::Node).status,
        ReadStatus::NotCollected
    );
    assert_eq!(
        source(&snapshot, Kind::MendixApp).status,
        ReadStatus::NotCollected
    );
}

#[test]
fn files_that_are_all_there_is_leave_no_kind_out() {
    let proxy = "{apiVersion: v1, kind: Namespace, metadata: {name: istio-system}}";
    let snapshot = read_all(&[input("a.yaml", proxy)], &COMPLETE).unwrap();
    for source in &snapshot.coverage.sources {
        assert_eq!(source.status, ReadStatus::Read, "{}", source.kind);
    }
}

#[test]
fn an_empty_list_was_collected() {
    let cases = [
        (
            "{apiVersion: v1, kind: PodList, items: []}",
            ReadStatus::Read,
            "nothing runs",
        ),
        (
            "{apiVersion: v1, items: [], kind: PodList}",
            ReadStatus::Read,
            "its type last",
        ),
        (
            "{apiVersion: v1, kind: List, items: []}",
            ReadStatus::NotCollected,
            "of what, it does not say",
        ),
        (
            "{apiVersion: v1, kind: PodList, items: null}",
            ReadStatus::Read,
            "as Go writes an empty list",
        ),
        (
            "{apiVersion: v2, kind: PodList, items: []}",
            ReadStatus::NotCollected,
            "a version that is not read",
        ),
    ];
    for (text, expected, why) in cases {
        assert_eq!(status(text, Kind::Pod), (expected, 0), "{why}");
    }
}

#[test]
fn a_template_stands_for_its_pods() {
    let cases = [
        (
            "{apiVersion: apps/v1, kind: Deployment, metadata: {name: d}, spec: {template: {spec: {containers: [{name: a}]}}}}",
            ReadStatus::Read,
            "a workload",
        ),
        (
            "{apiVersion: batch/v1, kind: CronJob, metadata: {name: c}, spec: {jobTemplate: {spec: {template: {spec: {containers: [{name: a}]}}}}}}",
            ReadStatus::Read,
            "one level deeper",
        ),
        (
            "{apiVersion: v1, kind: Service, metadata: {name: s}}",
            ReadStatus::NotCollected,
            "no workload",
        ),
        (
            "{apiVersion: apps/v1, kind: DeploymentList, items: []}",
            ReadStatus::NotCollected,
            "no template",
        ),
        (
            "{apiVersion: apps/v1beta1, kind: Deployment, metadata: {name: d}}",
            ReadStatus::NotCollected,
            "unread",
        ),
        (
            "{apiVersion: apps/v1, kind: Deployment, metadata: {name: d}}",
            ReadStatus::NotCollected,
            "a workload without a template",
        ),
    ];
    for (text, expected, why) in cases {
        assert_eq!(status(text, Kind::Pod), (expected, 0), "{why}");
    }
    let text = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: d}, spec: {template: {spec: {containers: [{name: a}]}}}}";
    assert_eq!(
        status(text, Kind::ReplicaSet),
        (ReadStatus::NotCollected, 0),
        "other workloads are not implied"
    );
}

#[test]
fn config_maps_count_only_when_they_are_read() {
    let cases = [
        (
            "{apiVersion: v1, kind: ConfigMap, metadata: {name: settings}}",
            ReadStatus::NotCollected,
            0,
        ),
        (
            "{apiVersion: v1, kind: ConfigMap}",
            ReadStatus::NotCollected,
            0,
        ),
        (
            "{apiVersion: v1, kind: ConfigMap, metadata: {name: istio-1-29}}",
            ReadStatus::Read,
            1,
        ),
        (
            "{apiVersion: v1, kind: ConfigMapList, items: []}",
            ReadStatus::Read,
            0,
        ),
    ];
    for (text, expected, count) in cases {
        assert_eq!(status(text, Kind::ConfigMap), (expected, count), "{text}");
    }
}

#[test]
fn a_product_that_files_do_not_show_is_not_there() {
    let cases = [
        "{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: [{name: a, image: r/istio:1}]}}",
        "{apiVersion: v1, kind: Namespace, metadata: {name: existio, labels: {tier: prod}}}",
        "{apiVersion: example.com/v1, kind: Gateway, metadata: {name: istio}}",
        "{apiVersion: v1, kind: Pod, metadata: {name: p, labels: {myistio.io/a: b}}, spec: {containers: [{name: a}]}}",
    ];
    for text in cases {
        for kind in ISTIO {
            assert_eq!(status(text, *kind), (ReadStatus::Read, 0), "{text}");
        }
    }
}

#[test]
fn a_product_that_files_show_needs_its_files() {
    let pod = |rest: &str| format!("{{apiVersion: v1, kind: Pod, metadata: {{name: p}}, {rest}}}");
    let labelled = |kind: &str, metadata: &str| {
        format!("{{apiVersion: v1, kind: {kind}, metadata: {{name: x, {metadata}}}}}")
    };
    let cases = [
        (pod("spec: {containers: [{name: istio-proxy}]}"), "a sidecar"),
        (pod("spec: {initContainers: [{name: istio-init}]}"), "what redirects, in a pod that is a gap"),
        (pod("spec: {containers: [{name: a, image: r.example/proxyv2:1.29@sha256:0}]}"), "the proxy's image"),
        (labelled("Namespace", "labels: {istio-injection: disabled}"), "a label for injection"),
        (labelled("Namespace", "labels: {istio.io/rev: a}"), "a revision"),
        (labelled("Namespace", "labels: {istio.io/dataplane-mode: ambient}"), "ambient"),
        (labelled("Pod", "annotations: {sidecar.istio.io/inject: \"true\"}}, spec: {containers: [{name: a}]"), "an annotation"),
        (labelled("Pod", "annotations: {ambient.istio.io/redirection: enabled}}, spec: {containers: [{name: a}]"), "kept per pod"),
        ("{apiVersion: v1, kind: ConfigMap, metadata: {name: istio-1-29}}".to_owned(), "mesh configuration"),
        ("{apiVersion: v1, kind: Service, metadata: {name: istiod}}".to_owned(), "its control plane"),
        ("{apiVersion: networking.istio.io/v1, kind: Gateway, metadata: {name: g}}".to_owned(), "an unread kind"),
        ("{apiVersion: security.istio.io/v1, kind: RequestAuthentication, metadata: {name: g}}".to_owned(), "another"),
        (
            "{apiVersion: batch/v1, kind: CronJob, metadata: {name: c}, spec: {jobTemplate: {spec: {template: \
             {metadata: {labels: {sidecar.istio.io/inject: \"true\"}}, spec: {containers: [{name: a}]}}}}}}".to_owned(),
            "a template",
        ),
    ];
    for (text, why) in cases {
        for kind in ISTIO {
            assert_eq!(
                status(&text, *kind),
                (ReadStatus::NotCollected, 0),
                "{why}: {kind}"
            );
        }
    }
    let policy =
        "{apiVersion: security.istio.io/v1beta1, kind: PeerAuthentication, metadata: {name: p}}";
    assert_eq!(
        status(policy, Kind::PeerAuthentication),
        (ReadStatus::Read, 1)
    );
    assert_eq!(
        status(policy, Kind::Sidecar),
        (ReadStatus::NotCollected, 0),
        "one kind shows the product"
    );
    assert_eq!(
        source(&snapshot(policy), Kind::PeerAuthentication)
            .version
            .as_deref(),
        Some("v1beta1")
    );
    let both = format!(
        "{policy}\n---\n{}",
        policy
            .replace("v1beta1", "v1")
            .replace("name: p", "name: q")
    );
    assert_eq!(
        source(&snapshot(&both), Kind::PeerAuthentication).version,
        None,
        "there are two"
    );
}

#[test]
fn each_mesh_is_shown_by_signs_of_its_own() {
    let cases = [
        (
            "{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {initContainers: [{name: linkerd-proxy}]}}",
            "a proxy",
        ),
        (
            "{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {initContainers: [{name: linkerd-init}]}}",
            "what redirects",
        ),
        (
            "{apiVersion: v1, kind: Namespace, metadata: {name: shop, annotations: {linkerd.io/inject: enabled}}}",
            "a wish",
        ),
        (
            "{apiVersion: v1, kind: Pod, metadata: {name: p, labels: {linkerd.io/control-plane-ns: linkerd}}}",
            "a label",
        ),
        (
            "{apiVersion: v1, kind: ConfigMap, metadata: {name: linkerd-config}}",
            "its values",
        ),
        (
            "{apiVersion: v1, kind: Namespace, metadata: {name: linkerd}}",
            "its namespace",
        ),
        (
            "{apiVersion: linkerd.io/v1alpha2, kind: ServiceProfile, metadata: {name: p}}",
            "an unread kind",
        ),
        (
            "{apiVersion: policy.linkerd.io/v1beta1, kind: ServerAuthorization, metadata: {name: p}}",
            "another kind",
        ),
    ];
    for (text, why) in cases {
        assert_eq!(
            status(text, Kind::Server),
            (ReadStatus::NotCollected, 0),
            "{why}"
        );
        for kind in ISTIO {
            assert_eq!(status(text, *kind), (ReadStatus::Read, 0), "{why}: {kind}");
        }
    }
    let istio = "{apiVersion: v1, kind: Namespace, metadata: {name: istio-system}}";
    assert_eq!(status(istio, Kind::Server), (ReadStatus::Read, 0));
    let server = "{apiVersion: policy.linkerd.io/v1beta2, kind: Server, metadata: {name: p}}";
    assert_eq!(status(server, Kind::Server), (ReadStatus::Read, 1));
}
