//! Which data plane a pod has, and which ports.

use super::super::workload_strict_mtls::RULE;
use super::*;
use crate::testing::mesh::{CAPTURE_ALL, Pod, namespace, object};

#[test]
fn a_strict_mesh_binds_where_a_sidecar_stands() {
    let proxy = "{name: istio-proxy, args: [proxy, sidecar]}";
    let native = "{name: istio-proxy, restartPolicy: Always, args: [proxy, sidecar]}";
    let init = "{name: istio-init, args: [-m, REDIRECT, -b, '*']}";
    check(
        &strict_mesh(),
        vec![
            case("sidecar", Pod::sidecar(), "8080", Pass, Reason::Value),
            case("I1: no proxy", Pod::web(), "8080", Fail, Reason::Absent),
            case(
                "I12: native sidecar",
                Pod::web().init(init).init(native),
                "8080",
                Pass,
                Reason::Value,
            ),
            case(
                "I13: proxy as an init container that ends",
                Pod::web().init(init).init(proxy),
                "8080",
                Fail,
                Reason::Value,
            ),
            case(
                "I16: in the node's network, whatever stands in the pod",
                Pod::sidecar().spec("hostNetwork: true"),
                "8080",
                Fail,
                Reason::Value,
            ),
            case(
                "a name is no proxy",
                Pod::web().init(init).container("{name: istio-proxy}"),
                "8080",
                Fail,
                Reason::Absent,
            ),
            case(
                "I24: agent without Envoy",
                Pod::web().container(
                    "{name: istio-proxy, args: [proxy, sidecar], env: [{name: DISABLE_ENVOY, value: 'true'}]}",
                ),
                "8080",
                Indeterminate,
                Reason::Unenforced,
            ),
            case(
                "DISABLE_ENVOY from a reference may be true",
                Pod::web().container(
                    "{name: istio-proxy, args: [proxy, sidecar], env: [{name: DISABLE_ENVOY, valueFrom: {}}]}",
                ),
                "8080",
                Indeterminate,
                Reason::Unenforced,
            ),
            case(
                "a role of unexpected form",
                Pod::web().container("{name: istio-proxy, args: [proxy, '{{ role }}']}"),
                "8080",
                Indeterminate,
                Reason::Unrecognised,
            ),
            case(
                "gateways take no traffic for containers beside them",
                Pod::web().container("{name: istio-proxy, args: [proxy, router]}"),
                "8080",
                Fail,
                Reason::Value,
            ),
            case(
                "I23: finished",
                Pod::web().status("{phase: Succeeded}"),
                "*",
                NotApplicable,
                Reason::NoProcess,
            ),
            case(
                "no address yet",
                Pod::sidecar().status("{phase: Pending}"),
                "8080",
                Indeterminate,
                Reason::Absent,
            ),
        ],
    );
}

#[test]
fn what_no_proxy_can_carry_fails_for_good() {
    let pod = Pod::web().container("{name: dns, ports: [{containerPort: 53, protocol: UDP}, {containerPort: 99, protocol: SCTP}]}");
    let meshed = format!("{}{}", strict_mesh(), Pod::sidecar()).replace(
        "{containerPort: 9090}",
        "{containerPort: 53, protocol: UDP}",
    );
    assert_eq!(judge(&meshed, "53/UDP"), (Fail, Reason::Value), "I22");
    let rows = rows_of(
        &RULE,
        &testing::snapshot(&format!("{}{pod}", strict_mesh())),
        "shop",
    );
    assert_eq!(rows.len(), 4);
    assert!(
        rows.iter().all(|row| row.verdict == Fail && row.conclusive),
        "nothing unread gives a pod without a proxy mutual TLS: {rows:#?}"
    );
}

#[test]
fn ambient_pods_are_told_apart() {
    let ztunnel = Pod::new("istio-system", "ztunnel")
        .label("app", "ztunnel")
        .container("{name: istio-proxy, args: [proxy, ztunnel]}")
        .spec("nodeName: a")
        .status("{phase: Running, conditions: [{type: Ready, status: 'True'}]}");
    let on = |node: &str| {
        Pod::web()
            .spec(&format!("nodeName: {node}"))
            .annotation("ambient.istio.io/redirection", "enabled")
    };
    let asked = Pod::web().label("istio.io/dataplane-mode", "ambient");
    check(
        &format!("{}{ztunnel}", strict_mesh()),
        vec![
            case("redirected", on("a"), "8080", Pass, Reason::Value),
            case(
                "no ztunnel there",
                on("b"),
                "8080",
                Indeterminate,
                Reason::Absent,
            ),
            case(
                "inbound kept out",
                on("a").annotation("ambient.istio.io/bypass-inbound-capture", "true"),
                "8080",
                Fail,
                Reason::Value,
            ),
            case(
                "pending",
                on("a").annotation("ambient.istio.io/redirection", "pending"),
                "8080",
                Indeterminate,
                Reason::Absent,
            ),
            case("asked for only", asked, "8080", Fail, Reason::Absent),
            case(
                "I14: opted out",
                Pod::web()
                    .label("istio.io/dataplane-mode", "none")
                    .to_string()
                    + &namespace("shop", "{istio.io/dataplane-mode: ambient}"),
                "8080",
                Fail,
                Reason::Value,
            ),
        ],
    );
}

#[test]
fn templates_are_judged_as_far_as_they_say() {
    let files = |yaml: String| {
        let snapshot = testing::manifests(&yaml);
        judge_snapshot(&snapshot, "8080")
    };
    let base = strict_mesh();
    let template = |pod: Pod| base.clone() + &pod.template(1).to_string();
    assert_eq!(
        files(template(Pod::web())),
        (Indeterminate, Reason::Template)
    );
    assert_eq!(files(template(Pod::sidecar())), (Pass, Reason::Value));
    assert_eq!(
        files(template(Pod::web().spec("hostNetwork: true"))),
        (Fail, Reason::Value),
        "never injected"
    );
}

#[test]
fn ports_are_those_declared_targeted_and_known() {
    let service = |spec: &str| object("v1", "Service", "shop", "web", spec);
    let snapshot = |yaml: String| testing::snapshot(&(strict_mesh() + &yaml));
    let ports = |yaml: String| -> Vec<String> {
        rows_of(&RULE, &snapshot(yaml), "shop")
            .iter()
            .filter_map(|row| row.port.as_ref().map(ToString::to_string))
            .collect()
    };
    let pod = Pod::sidecar().to_string();
    let selecting = |port: &str| {
        pod.clone() + &service(&format!("{{selector: {{app: web}}, ports: [{port}]}}"))
    };
    assert_eq!(ports(pod.clone()), ["8080", "9090"]);
    assert_eq!(
        ports(selecting("{port: 7000}")),
        ["7000", "8080", "9090"],
        "no target is the port"
    );
    assert_eq!(
        ports(selecting("{port: 7000, targetPort: 7001}")),
        ["7001", "8080", "9090"]
    );
    assert_eq!(
        ports(selecting("{port: 80, targetPort: http}")),
        ["8080", "9090"],
        "by name"
    );
    assert_eq!(
        ports(selecting("{port: 80, targetPort: none}")),
        ["8080", "9090"],
        "no such name"
    );
    assert_eq!(
        ports(selecting("{port: 53, protocol: UDP, targetPort: http}")),
        ["8080", "9090"],
        "names are of one protocol"
    );
    assert_eq!(
        ports(pod.clone() + &service("{selector: {app: other}, ports: [{port: 7000}]}")),
        ["8080", "9090"]
    );
    assert_eq!(
        ports(pod + &service("{ports: [{port: 7000}]}")),
        ["8080", "9090"],
        "no selector selects nothing"
    );
    let app = Pod::new("shop", "app")
        .label("privatecloud.mendix.com/app", "crm")
        .container("{name: mendix}");
    assert_eq!(ports(app.to_string()), ["8080", "8800", "8900"]);
}

#[test]
fn a_pod_without_ports_has_one_row() {
    let bare = |flags: &str| {
        Pod::captured(flags).to_string().replace(
            "ports: [{name: http, containerPort: 8080}, {containerPort: 9090}]",
            "ports: []",
        )
    };
    let of_port = |mode: &str| {
        policy(
            "shop",
            "a",
            Some(0),
            &format!(
                "{{selector: {{matchLabels: {{app: web}}}}, portLevelMtls: {{'7000': {{mode: {mode}}}}}}}"
            ),
        )
    };
    check(
        &strict_mesh(),
        vec![
            case("all captured", bare(CAPTURE_ALL), "*", Pass, Reason::Value),
            case(
                "a port is not",
                bare("-b, '*', -d, '15020,7000'"),
                "*",
                Fail,
                Reason::Value,
            ),
            case(
                "only some are",
                bare("-b, '7000'"),
                "*",
                Fail,
                Reason::Value,
            ),
            case(
                "a port is open",
                bare(CAPTURE_ALL) + &of_port("DISABLE"),
                "*",
                Fail,
                Reason::Value,
            ),
            case(
                "a port is strict",
                bare(CAPTURE_ALL) + &of_port("STRICT"),
                "*",
                Pass,
                Reason::Value,
            ),
            case(
                "no proxy",
                Pod::new("shop", "a").container("{name: a}"),
                "*",
                Fail,
                Reason::Absent,
            ),
        ],
    );
}

#[test]
fn ports_of_the_proxy_pass_as_such() {
    let with_port = |pod: Pod, port: u16| {
        pod.container(&format!(
            "{{name: other, ports: [{{containerPort: {port}}}]}}"
        ))
    };
    let moved = Pod::captured("-b, '*', -d, '15090,15021,7777'")
        .annotation("status.sidecar.istio.io/port", "7777");
    let service = object(
        "v1",
        "Service",
        "shop",
        "web",
        "{selector: {app: web}, ports: [{port: 7777}]}",
    );
    let linkerd = Pod::web()
        .init("{name: linkerd-init}")
        .container("{name: linkerd-proxy, ports: [{containerPort: 4191}]}");
    check(
        &control_plane(),
        vec![
            case(
                "metrics",
                with_port(Pod::sidecar(), 15090),
                "15090",
                Pass,
                Reason::MeshOwnPort,
            ),
            case(
                "without a proxy they are ordinary ports",
                with_port(Pod::web(), 15090),
                "15090",
                Fail,
                Reason::Absent,
            ),
            case(
                "moved health port",
                format!("{moved}{service}"),
                "7777",
                Pass,
                Reason::MeshOwnPort,
            ),
            case(
                "unless something else listens there",
                with_port(moved, 7777),
                "7777",
                Fail,
                Reason::Value,
            ),
            case(
                "Linkerd's",
                linkerd.clone(),
                "4191",
                Pass,
                Reason::MeshOwnPort,
            ),
            case(
                "Linkerd's other ports",
                linkerd,
                "8080",
                Fail,
                Reason::Default,
            ),
        ],
    );
}
