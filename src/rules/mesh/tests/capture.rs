//! What is redirected to a sidecar, and what changes its listeners.

use super::super::workload_strict_mtls::RULE;
use super::*;
use crate::testing::mesh::{CAPTURE_ALL, Pod, object};

#[test]
fn what_is_not_redirected_is_open() {
    let flags = |flags: &str| Pod::captured(flags);
    let none = Pod::web().container("{name: istio-proxy, args: [proxy, sidecar]}");
    let excluded = "-m, REDIRECT, -b, '*', -d, '15090,15021,15020,8080'";
    check(
        &strict_mesh(),
        vec![
            case("nothing redirects", none, "8080", Fail, Reason::Absent),
            case(
                "mode NONE",
                flags("-m, NONE, -b, '*'"),
                "8080",
                Fail,
                Reason::Value,
            ),
            case(
                "mode TPROXY",
                flags("-m, TPROXY, -b, '*'"),
                "8080",
                Pass,
                Reason::Value,
            ),
            case(
                "I10: excluded",
                flags(excluded),
                "8080",
                Fail,
                Reason::Value,
            ),
            case(
                "I10: its neighbour",
                flags(excluded),
                "9090",
                Pass,
                Reason::Value,
            ),
            case(
                "a range",
                flags("-b, '*', -d, '8000:8100'"),
                "8080",
                Fail,
                Reason::Value,
            ),
            case(
                "included by number",
                flags("-m, REDIRECT, -b, '8080'"),
                "8080",
                Pass,
                Reason::Value,
            ),
            case(
                "not included",
                flags("-m, REDIRECT, -b, '8080'"),
                "9090",
                Fail,
                Reason::Value,
            ),
            case(
                "exclusions count only under *",
                flags("-b, '8080', -d, '8080'"),
                "8080",
                Pass,
                Reason::Value,
            ),
            case(
                "nothing included",
                flags("-m, REDIRECT, -b, ''"),
                "8080",
                Fail,
                Reason::Value,
            ),
            case(
                "inclusion not stated",
                flags("-m, REDIRECT"),
                "8080",
                Indeterminate,
                Reason::Absent,
            ),
            case(
                "an unexpected form",
                flags("-m, REDIRECT, -b, '{a}'"),
                "8080",
                Indeterminate,
                Reason::Unrecognised,
            ),
            case(
                "an excluded port beside an unexpected form",
                flags("-b, '*', -d, '8080,x y'"),
                "8080",
                Fail,
                Reason::Value,
            ),
            case(
                "an unexpected form of exclusion",
                flags("-b, '*', -d, '{a}'"),
                "8080",
                Indeterminate,
                Reason::Unrecognised,
            ),
            case(
                "an excluded interface",
                flags(&format!("{CAPTURE_ALL}, -c, eth0")),
                "8080",
                Fail,
                Reason::Value,
            ),
            case(
                "no excluded interface",
                flags(&format!("{CAPTURE_ALL}, -c, ''")),
                "8080",
                Pass,
                Reason::Value,
            ),
        ],
    );
    let open = testing::snapshot(&format!("{}{}", strict_mesh(), flags(excluded)));
    let rows = rows_of(&RULE, &open, "shop");
    assert!(
        row(&rows, "8080").conclusive,
        "no policy closes what goes past the proxy"
    );
}

#[test]
fn with_the_cni_plugin_annotations_count_too() {
    let pod = Pod::web()
        .init(&format!(
            "{{name: istio-validation, args: [istio-iptables, {CAPTURE_ALL}]}}"
        ))
        .container("{name: istio-proxy, args: [proxy, sidecar]}");
    let init = Pod::sidecar();
    let exclude = "traffic.sidecar.istio.io/excludeInboundPorts";
    let annotated = |key: &str, value: &str| pod.clone().annotation(key, value);
    check(
        &strict_mesh(),
        vec![
            case("no annotation", &pod, "8080", Pass, Reason::Value),
            case(
                "excluded",
                annotated(exclude, "8080"),
                "8080",
                Fail,
                Reason::Value,
            ),
            case(
                "its neighbour",
                annotated(exclude, "8080"),
                "9090",
                Pass,
                Reason::Value,
            ),
            case(
                "included",
                annotated("traffic.sidecar.istio.io/includeInboundPorts", "9090"),
                "8080",
                Fail,
                Reason::Value,
            ),
            case(
                "interface",
                annotated("traffic.sidecar.istio.io/excludeInterfaces", "eth1"),
                "8080",
                Fail,
                Reason::Value,
            ),
            case(
                "mode",
                annotated("sidecar.istio.io/interceptionMode", "NONE"),
                "8080",
                Fail,
                Reason::Value,
            ),
            case(
                "with istio-init the flags say all there is",
                init.annotation(exclude, "8080"),
                "8080",
                Pass,
                Reason::Value,
            ),
        ],
    );
}

#[test]
fn other_objects_can_take_a_pass_away_but_no_failure() {
    let networks = |value: &str| Pod::sidecar().annotation("k8s.v1.cni.cncf.io/networks", value);
    let sidecar = |selector: &str, mode: &str| {
        object(
            "networking.istio.io/v1",
            "Sidecar",
            "shop",
            "a",
            &format!(
                "{{workloadSelector: {{labels: {{app: {selector}}}}}, ingress: [{{port: {{number: 8080}}, captureMode: {mode}}}]}}"
            ),
        )
    };
    let filter = |namespace: &str, rest: &str| {
        object(
            "networking.istio.io/v1alpha3",
            "EnvoyFilter",
            namespace,
            "a",
            &format!("{{{rest}}}"),
        )
    };
    let patch = |apply_to: &str, context: &str| {
        format!("configPatches: [{{applyTo: {apply_to}, match: {{context: {context}}}}}]")
    };
    let pod = Pod::sidecar().to_string();
    let inbound = patch("NETWORK_FILTER", "SIDECAR_INBOUND");
    let root = "istio-system";
    check(
        &strict_mesh(),
        vec![
            case(
                "a further network",
                networks("storage"),
                "8080",
                Indeterminate,
                Reason::Unenforced,
            ),
            case(
                "as JSON",
                networks(r#"[{"name": "storage"}]"#),
                "8080",
                Indeterminate,
                Reason::Unenforced,
            ),
            case(
                "Istio's own",
                networks("istio-cni, default/istio-cni@net1"),
                "8080",
                Pass,
                Reason::Value,
            ),
            case(
                "listener",
                pod.clone() + &sidecar("web", "NONE"),
                "8080",
                Indeterminate,
                Reason::ForeignPolicy,
            ),
            case(
                "listener of another port",
                pod.clone() + &sidecar("web", "NONE"),
                "9090",
                Pass,
                Reason::Value,
            ),
            case(
                "listener of another pod",
                pod.clone() + &sidecar("other", "NONE"),
                "8080",
                Pass,
                Reason::Value,
            ),
            case(
                "redirected listener",
                pod.clone() + &sidecar("web", "IPTABLES"),
                "8080",
                Pass,
                Reason::Value,
            ),
            case(
                "patch",
                pod.clone() + &filter("shop", &inbound),
                "8080",
                Indeterminate,
                Reason::ForeignPolicy,
            ),
            case(
                "patch for the mesh",
                pod.clone() + &filter(root, &inbound),
                "8080",
                Indeterminate,
                Reason::ForeignPolicy,
            ),
            case(
                "patch elsewhere",
                pod.clone() + &filter("other", &inbound),
                "8080",
                Pass,
                Reason::Value,
            ),
            case(
                "no context is any",
                pod.clone() + &filter("shop", "configPatches: [{applyTo: LISTENER}]"),
                "8080",
                Indeterminate,
                Reason::ForeignPolicy,
            ),
            case(
                "outbound patch",
                pod.clone() + &filter("shop", &patch("LISTENER", "SIDECAR_OUTBOUND")),
                "8080",
                Pass,
                Reason::Value,
            ),
            case(
                "cluster patch",
                pod.clone() + &filter("shop", &patch("CLUSTER", "ANY")),
                "8080",
                Pass,
                Reason::Value,
            ),
            case(
                "patch of a gateway",
                pod.clone()
                    + &filter(
                        "shop",
                        &format!("targetRefs: [{{kind: Gateway, name: a}}], {inbound}"),
                    ),
                "8080",
                Pass,
                Reason::Value,
            ),
            case(
                "an open port stays open",
                pod + &filter("shop", &inbound)
                    + &policy("shop", "a", Some(0), "{mtls: {mode: PERMISSIVE}}"),
                "8080",
                Fail,
                Reason::Value,
            ),
        ],
    );
}

#[test]
fn of_the_root_namespace_only_sidecars_for_all_count() {
    let base = format!("{}{}", strict_mesh(), Pod::sidecar());
    let sidecar = |selector: &str| {
        let listener = "{port: {number: 8080, protocol: HTTP, name: a}, captureMode: NONE, defaultEndpoint: '127.0.0.1:8080'}";
        let spec = format!("{{{selector}ingress: [{listener}]}}");
        object(
            "networking.istio.io/v1",
            "Sidecar",
            "istio-system",
            "a",
            &spec,
        )
    };
    let of = |selector: &str| judge(&format!("{base}{}", sidecar(selector)), "8080").0;
    assert_eq!(of(""), Indeterminate);
    assert_eq!(of("workloadSelector: {labels: {app: web}}, "), Pass);
}
