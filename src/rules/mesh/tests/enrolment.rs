//! Who is in the mesh.

use super::super::mesh_enrolment::RULE;
use super::*;
use crate::testing::mesh::{CAPTURE_ALL, Pod};

/// A pod of an app, without a proxy.
fn app() -> Pod {
    Pod::new("shop", "crm")
        .label("privatecloud.mendix.com/app", "crm")
        .container("{name: mendix}")
}

fn proxied(flags: &str) -> Pod {
    app()
        .init(&format!("{{name: istio-init, args: [{flags}]}}"))
        .container("{name: istio-proxy, args: [proxy, sidecar]}")
}

fn check(cases: Vec<(&str, Pod, Verdict, Reason)>) {
    let ztunnel = Pod::new("istio-system", "ztunnel")
        .label("app", "ztunnel")
        .container("{name: istio-proxy, args: [proxy, ztunnel]}")
        .spec("nodeName: a")
        .status("{phase: Running, conditions: [{type: Ready, status: 'True'}]}");
    for (why, pod, verdict, reason) in cases {
        let snapshot = testing::snapshot(&format!("{}{ztunnel}{pod}", strict_mesh()));
        let rows = rows_of(&RULE, &snapshot, "shop");
        assert_eq!(rows.len(), 1, "{why}");
        assert_eq!(
            (rows[0].verdict, rows[0].reason),
            (verdict, reason),
            "{why}: {}",
            rows[0].message
        );
    }
}

#[test]
fn a_proxy_counts_where_traffic_is_redirected_to_it() {
    let proxy = "{name: istio-proxy, args: [proxy, sidecar]}";
    let redirected = app()
        .spec("nodeName: a")
        .annotation("ambient.istio.io/redirection", "enabled");
    check(vec![
        ("sidecar", proxied(CAPTURE_ALL), Pass, Reason::Value),
        (
            "single ports do not matter",
            proxied("-b, '*', -d, '8080'"),
            Pass,
            Reason::Value,
        ),
        ("no proxy", app(), Fail, Reason::Absent),
        (
            "nothing redirects",
            app().container(proxy),
            Fail,
            Reason::Absent,
        ),
        (
            "mode NONE",
            proxied("-m, NONE, -b, '*'"),
            Fail,
            Reason::Value,
        ),
        (
            "nothing included",
            proxied("-m, REDIRECT, -b, ''"),
            Fail,
            Reason::Value,
        ),
        (
            "unexpected form",
            proxied("-m, '{a}', -b, '*'"),
            Indeterminate,
            Reason::Unrecognised,
        ),
        (
            "the node's network",
            proxied(CAPTURE_ALL).spec("hostNetwork: true"),
            Fail,
            Reason::Value,
        ),
        ("ambient", redirected.clone(), Pass, Reason::Value),
        (
            "ambient without inbound capture",
            redirected
                .clone()
                .annotation("ambient.istio.io/bypass-inbound-capture", "true"),
            Fail,
            Reason::Value,
        ),
        (
            "ambient not ready",
            redirected.annotation("ambient.istio.io/redirection", "pending"),
            Indeterminate,
            Reason::Absent,
        ),
        (
            "router beside an app",
            app().container("{name: istio-proxy, args: [proxy, router]}"),
            Fail,
            Reason::Value,
        ),
        (
            "waypoint beside an app",
            app().container("{name: istio-proxy, args: [proxy, waypoint]}"),
            Fail,
            Reason::Value,
        ),
        (
            "Linkerd",
            app()
                .init("{name: linkerd-init}")
                .init("{name: linkerd-proxy, restartPolicy: Always}"),
            Pass,
            Reason::Value,
        ),
        (
            "Linkerd with its CNI plugin",
            app()
                .init("{name: linkerd-network-validator}")
                .container("{name: linkerd-proxy}"),
            Pass,
            Reason::Value,
        ),
        (
            "Linkerd, nothing redirects",
            app().container("{name: linkerd-proxy}"),
            Fail,
            Reason::Absent,
        ),
        (
            "pending",
            app().status("{phase: Pending}"),
            Indeterminate,
            Reason::Absent,
        ),
        (
            "finished",
            app().status("{phase: Failed}"),
            NotApplicable,
            Reason::NoProcess,
        ),
        (
            "template",
            proxied(CAPTURE_ALL).template(1),
            Indeterminate,
            Reason::Template,
        ),
    ]);
}

#[test]
fn subjects_are_chosen_by_role_in_the_whole_cluster() {
    let pod = |namespace: &str, image: &str| {
        Pod::new(namespace, "a")
            .container(&format!("{{name: a, image: 'registry.example/x/{image}'}}"))
    };
    let yaml = [
        app(),
        pod("operators", "mendix-operator:2"),
        pod("edge", "traefik:3"),
        pod("builds", "image-builder:1"),
        pod("other", "anything:1"),
    ]
    .map(|pod| pod.to_string())
    .concat();
    let snapshot = testing::snapshot(&yaml);
    let only_shop = crate::model::ScopeRequest {
        namespaces: vec!["shop".to_owned()],
        ..crate::model::ScopeRequest::default()
    };
    let model = crate::model::Model::new(&snapshot, &only_shop);
    let mut namespaces: Vec<&str> = RULE
        .all(&model)
        .iter()
        .map(|row| match row.subject {
            crate::rules::Subject::Pods(index) => model.pods[index].namespace,
            _ => "",
        })
        .collect();
    namespaces.sort_unstable();
    assert_eq!(namespaces, ["edge", "operators", "shop"]);
}
