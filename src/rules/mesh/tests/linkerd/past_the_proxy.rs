//! What goes past the proxy, and its own ports.

use super::*;

#[test]
fn what_goes_past_the_proxy_is_open() {
    let flags = |flags: &str| with_flags(flags).annotation(DEFAULT, "deny");
    let plugin = || {
        Pod::web()
            .init("{name: linkerd-network-validator}")
            .init(PROXY)
            .annotation(DEFAULT, "deny")
    };
    let config = |options: &str| {
        format!(
            "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: linkerd-cni-config, namespace: linkerd-cni}}\ndata:\n  cni_network_config: '{{\"linkerd\": {{{options}}}}}'\n"
        )
    };
    let ignoring = |ports: &str| config(&format!("\"inbound-ports-to-ignore\": [{ports}]"));
    let agent = Pod::new("plugins", "agent").label("k8s-app", "linkerd-cni");
    let moved = format!(
        "{}{agent}",
        ignoring("\"8080\"").replace("namespace: linkerd-cni", "namespace: plugins")
    );
    check(
        "",
        vec![
            case(
                "L11",
                flags("--inbound-ports-to-ignore, '4190,8080'"),
                "8080",
                Fail,
                Reason::Value,
            ),
            case(
                "the other port",
                flags("--inbound-ports-to-ignore, '4190,8080'"),
                "9090",
                Pass,
                Reason::Value,
            ),
            case(
                "one word",
                flags("--inbound-ports-to-ignore=8080-8090"),
                "8080",
                Fail,
                Reason::Value,
            ),
            case(
                "given twice",
                flags("--inbound-ports-to-ignore=1, --inbound-ports-to-ignore=8080"),
                "8080",
                Fail,
                Reason::Value,
            ),
            case(
                "odd",
                flags("--inbound-ports-to-ignore=http"),
                "8080",
                Indeterminate,
                Reason::Unrecognised,
            ),
            case(
                "odd, and the port",
                flags("'--inbound-ports-to-ignore=http,8080'"),
                "8080",
                Fail,
                Reason::Value,
            ),
            case(
                "a list to redirect",
                flags("--ports-to-redirect=9090"),
                "8080",
                Fail,
                Reason::Value,
            ),
            case(
                "in the list",
                flags("--ports-to-redirect=9090"),
                "9090",
                Pass,
                Reason::Value,
            ),
            case(
                "odd list",
                flags("--ports-to-redirect=http"),
                "9090",
                Indeterminate,
                Reason::Unrecognised,
            ),
            case(
                "subnets",
                flags("--subnets-to-ignore=10.0.0.0/8"),
                "8080",
                Fail,
                Reason::Value,
            ),
            case(
                "no subnets",
                flags("--subnets-to-ignore, ''"),
                "8080",
                Pass,
                Reason::Value,
            ),
            case(
                "odd subnets",
                flags("'--subnets-to-ignore={a}'"),
                "8080",
                Indeterminate,
                Reason::Unrecognised,
            ),
            case(
                "annotation without flags",
                flags("").annotation(SKIPPED, "8080"),
                "8080",
                Fail,
                Reason::Value,
            ),
            case(
                "annotation against flags",
                flags("--inbound-ports-to-ignore=4190").annotation(SKIPPED, "8080"),
                "8080",
                Indeterminate,
                Reason::Value,
            ),
            case(
                "annotation as flags",
                flags("--inbound-ports-to-ignore=8080").annotation(SKIPPED, "8080"),
                "8080",
                Fail,
                Reason::Value,
            ),
            case(
                "annotation of another port",
                flags("--inbound-ports-to-ignore=4190").annotation(SKIPPED, "1"),
                "8080",
                Pass,
                Reason::Value,
            ),
            case(
                "open is open",
                meshed().annotation(SKIPPED, "8080"),
                "8080",
                Fail,
                Reason::Default,
            ),
            case(
                "L13: opaque",
                under("deny").annotation("config.linkerd.io/opaque-ports", "8080"),
                "8080",
                Pass,
                Reason::Value,
            ),
            case(
                "plugin",
                format!("{}{}", plugin(), ignoring("4190, \"4191\"")),
                "8080",
                Pass,
                Reason::Value,
            ),
            case(
                "plugin leaves it out",
                format!("{}{}", plugin(), ignoring("\"8000-8080\"")),
                "8080",
                Fail,
                Reason::Value,
            ),
            case(
                "the annotation replaces it",
                format!(
                    "{}{}",
                    plugin().annotation(SKIPPED, "9090"),
                    ignoring("8080")
                ),
                "8080",
                Pass,
                Reason::Value,
            ),
            case(
                "an empty one does not",
                format!("{}{}", plugin().annotation(SKIPPED, ""), ignoring("8080")),
                "8080",
                Fail,
                Reason::Value,
            ),
            case(
                "annotated",
                format!("{}{}", plugin().annotation(SKIPPED, "8080"), ignoring("")),
                "8080",
                Fail,
                Reason::Value,
            ),
            case(
                "annotated, not configured",
                plugin().annotation(SKIPPED, "8080"),
                "8080",
                Fail,
                Reason::Value,
            ),
            case(
                "not configured",
                plugin(),
                "8080",
                Indeterminate,
                Reason::Absent,
            ),
            case(
                "not readable",
                format!("{}{}", plugin(), config("\"ports-to-redirect\": {}")),
                "8080",
                Indeterminate,
                Reason::Unreadable,
            ),
            case(
                "subnets by annotation",
                format!(
                    "{}{}",
                    plugin().annotation("config.linkerd.io/skip-subnets", "10.0.0.0/8"),
                    ignoring("")
                ),
                "8080",
                Fail,
                Reason::Value,
            ),
            case(
                "subnets of the plugin",
                format!(
                    "{}{}",
                    plugin(),
                    config("\"subnets-to-ignore\": [\"10.0.0.0/8\"]")
                ),
                "8080",
                Fail,
                Reason::Value,
            ),
            case(
                "a list of the plugin",
                format!("{}{}", plugin(), config("\"ports-to-redirect\": [9090]")),
                "8080",
                Fail,
                Reason::Value,
            ),
            case(
                "beside its agents",
                format!("{}{moved}", plugin()),
                "8080",
                Fail,
                Reason::Value,
            ),
            case(
                "nothing redirects",
                Pod::web().init(PROXY).annotation(DEFAULT, "deny"),
                "8080",
                Fail,
                Reason::Absent,
            ),
        ],
    );
}

#[test]
fn a_pod_without_ports_is_judged_by_what_it_may_open() {
    let bare = |policy: &str| {
        Pod::new("shop", "web")
            .label("app", "web")
            .container("{name: web}")
            .init("{name: linkerd-init}")
            .init(PROXY)
            .annotation(DEFAULT, policy)
    };
    let open = web(", accessPolicy: audit");
    check(
        "",
        vec![
            case("strict", bare("deny"), "*", Pass, Reason::Value),
            case("open", bare("audit"), "*", Fail, Reason::Value),
            case(
                "a Server opens one",
                format!("{}{open}", bare("deny")),
                "*",
                Fail,
                Reason::Value,
            ),
            case(
                "a Server closes one",
                format!("{}{}", bare("audit"), web("")),
                "*",
                Fail,
                Reason::Value,
            ),
        ],
    );
}

#[test]
fn moved_ports_of_the_proxy_are_its_own_unless_taken() {
    let moved = |annotation: &str, to: u16| {
        meshed()
            .annotation(&format!("config.linkerd.io/{annotation}"), &to.to_string())
            .container("{name: other, ports: [{containerPort: 4191}]}")
            .container("{name: linkerd-proxy, ports: [{containerPort: 5191}]}")
    };
    check(
        "",
        vec![
            case(
                "moved",
                moved("admin-port", 5191),
                "5191",
                Pass,
                Reason::MeshOwnPort,
            ),
            case(
                "no longer its own",
                moved("admin-port", 5191),
                "4191",
                Fail,
                Reason::Value,
            ),
            case(
                "taken",
                moved("admin-port", 9090),
                "9090",
                Fail,
                Reason::Default,
            ),
            case(
                "of an app",
                moved("inbound-port", 8080),
                "8080",
                Fail,
                Reason::Default,
            ),
            case(
                "the others stay",
                moved("admin-port", 5191).container("{name: c, ports: [{containerPort: 4190}]}"),
                "4190",
                Pass,
                Reason::MeshOwnPort,
            ),
        ],
    );
}

#[test]
fn redirecting_the_ports_that_are_listened_on_is_enough() {
    let of = |ports: &str| {
        let pod = with_flags(&format!("--ports-to-redirect, '{ports}'"))
            .label("privatecloud.mendix.com/app", "crm");
        let snapshot = testing::snapshot(&pod.to_string());
        rows_of(&mesh_enrolment::RULE, &snapshot, "shop")[0].verdict
    };
    assert_eq!(of("8080"), Pass);
    assert_eq!(of("7000"), Fail);
}

#[test]
fn a_range_from_0_is_no_range_of_ports() {
    let pod = with_flags("--inbound-ports-to-ignore, '0-9000'").annotation(DEFAULT, "deny");
    assert_eq!(judge(&pod.to_string(), "8080").0, Indeterminate);
}
