//! Which default policy counts where no Server selects a port.

use super::*;

#[test]
fn the_default_policy_counts_where_no_server_selects() {
    let required = |policy: &str, ports: &str| under(policy).annotation(IDENTITY, ports);
    check(
        "",
        vec![
            case("L1: built in", meshed(), "8080", Fail, Reason::Default),
            case(
                "L19",
                under("cluster-authenticated"),
                "8080",
                Pass,
                Reason::Value,
            ),
            case(
                "all",
                under("all-authenticated"),
                "8080",
                Pass,
                Reason::Value,
            ),
            case("deny", under("deny"), "8080", Pass, Reason::Value),
            case("audit", under("audit"), "8080", Fail, Reason::Value),
            case(
                "addresses",
                under("cluster-unauthenticated"),
                "8080",
                Fail,
                Reason::Value,
            ),
            case(
                "anybody",
                under("all-unauthenticated"),
                "8080",
                Fail,
                Reason::Value,
            ),
            case(
                "another word",
                under("All-Authenticated"),
                "8080",
                Fail,
                Reason::Default,
            ),
            case(
                "spaces count",
                under(" deny"),
                "8080",
                Fail,
                Reason::Default,
            ),
            case("L16", under("deny"), "9090", Pass, Reason::Value),
            case(
                "own ports",
                meshed().container("{name: a, ports: [{containerPort: 4143}]}"),
                "4143",
                Pass,
                Reason::MeshOwnPort,
            ),
            case(
                "own ports",
                meshed().container("{name: a, ports: [{containerPort: 4190}]}"),
                "4190",
                Pass,
                Reason::MeshOwnPort,
            ),
            case(
                "another protocol",
                under("deny").container("{name: a, ports: [{containerPort: 53, protocol: SCTP}]}"),
                "53/SCTP",
                Fail,
                Reason::Value,
            ),
            case(
                "identity on the port",
                required("all-unauthenticated", "8080"),
                "8080",
                Pass,
                Reason::Value,
            ),
            case(
                "and not on others",
                required("all-unauthenticated", "8080"),
                "9090",
                Fail,
                Reason::Value,
            ),
            case(
                "a range",
                required("cluster-unauthenticated", "1-9000, 9089-9090"),
                "9090",
                Pass,
                Reason::Value,
            ),
            case(
                "audit stays",
                required("audit", "8080"),
                "8080",
                Fail,
                Reason::Value,
            ),
            case(
                "a bad list is empty",
                required("all-unauthenticated", "8080,http"),
                "8080",
                Fail,
                Reason::Value,
            ),
            case(
                "a range that falls is bad",
                required("all-unauthenticated", "8080,9-8"),
                "8080",
                Fail,
                Reason::Value,
            ),
        ],
    );
}

#[test]
fn the_default_policy_of_the_cluster_is_that_of_the_running_controller() {
    let strict = controller("linkerd", "a", "--default-policy=all-authenticated");
    let open = controller("linkerd", "a", "--default-policy=all-unauthenticated");
    let installed = |policy: &str| {
        values(
            "linkerd",
            &format!("proxy: {{defaultInboundPolicy: {policy}}}"),
        )
    };
    let labelled = |namespace: &str| meshed().label("linkerd.io/control-plane-ns", namespace);
    check(
        "",
        vec![
            case(
                "flag",
                format!("{strict}{}", meshed()),
                "8080",
                Pass,
                Reason::Value,
            ),
            case(
                "flag before values",
                format!("{strict}{}{}", installed("audit"), meshed()),
                "8080",
                Pass,
                Reason::Value,
            ),
            case(
                "flag before values",
                format!("{open}{}{}", installed("deny"), meshed()),
                "8080",
                Fail,
                Reason::Value,
            ),
            case(
                "values",
                format!("{}{}", installed("deny"), meshed()),
                "8080",
                Pass,
                Reason::Value,
            ),
            case(
                "values anywhere",
                format!(
                    "{}{}",
                    values("mesh", "proxy: {defaultInboundPolicy: deny}"),
                    meshed()
                ),
                "8080",
                Pass,
                Reason::Value,
            ),
            case(
                "values without it",
                format!("{}{}", values("linkerd", "proxy: {}"), meshed()),
                "8080",
                Fail,
                Reason::Default,
            ),
            case(
                "no values",
                format!("{}{}", values("linkerd", "[a]"), meshed()),
                "8080",
                Indeterminate,
                Reason::Unreadable,
            ),
            case(
                "a word of no meaning",
                format!("{}{}", installed("all_authenticated"), meshed()),
                "8080",
                Indeterminate,
                Reason::Unrecognised,
            ),
            case(
                "a flag of no meaning",
                format!(
                    "{}{}",
                    controller("linkerd", "a", "--default-policy=x"),
                    meshed()
                ),
                "8080",
                Indeterminate,
                Reason::Unrecognised,
            ),
            case(
                "the annotation wins",
                format!("{strict}{}", under("audit")),
                "8080",
                Fail,
                Reason::Value,
            ),
            case(
                "another namespace, found",
                format!(
                    "{}{}",
                    controller("mesh", "a", "--default-policy=deny"),
                    meshed()
                ),
                "8080",
                Pass,
                Reason::Value,
            ),
            case(
                "another namespace, by label",
                format!(
                    "{strict}{}{}",
                    values("mesh", "proxy: {defaultInboundPolicy: audit}"),
                    labelled("mesh")
                ),
                "8080",
                Fail,
                Reason::Value,
            ),
            case(
                "two control planes that differ",
                format!(
                    "{strict}{}{}",
                    controller("mesh", "b", "--default-policy=audit"),
                    meshed()
                ),
                "8080",
                Indeterminate,
                Reason::Absent,
            ),
            case(
                "two that agree",
                format!(
                    "{strict}{}{}",
                    controller("mesh", "b", "--default-policy=all-authenticated"),
                    meshed()
                ),
                "8080",
                Pass,
                Reason::Value,
            ),
            case(
                "the label says which",
                format!(
                    "{strict}{}{}",
                    controller("mesh", "b", "--default-policy=audit"),
                    labelled("linkerd")
                ),
                "8080",
                Pass,
                Reason::Value,
            ),
            case(
                "two flags in one namespace",
                format!(
                    "{strict}{}{}",
                    controller("linkerd", "b", "--default-policy=deny"),
                    meshed()
                ),
                "8080",
                Indeterminate,
                Reason::Absent,
            ),
            case(
                "a label alone is no controller",
                format!(
                    "{}{}",
                    Pod::new("linkerd", "a")
                        .label("linkerd.io/control-plane-component", "policy")
                        .container("{name: other, args: ['--default-policy=deny']}"),
                    meshed()
                ),
                "8080",
                Fail,
                Reason::Default,
            ),
            case(
                "a container alone is none",
                format!(
                    "{}{}",
                    Pod::new("linkerd", "a")
                        .container("{name: policy, args: ['--default-policy=deny']}"),
                    meshed()
                ),
                "8080",
                Fail,
                Reason::Default,
            ),
        ],
    );
}

#[test]
fn the_proxy_must_start_as_strict_as_the_controller_is() {
    let strict = controller("linkerd", "a", "--default-policy=all-authenticated");
    let reference = Pod::web()
        .init("{name: linkerd-init}")
        .init("{name: linkerd-proxy, restartPolicy: Always, env: [{name: LINKERD2_PROXY_INBOUND_DEFAULT_POLICY, valueFrom: {}}]}")
        .annotation(DEFAULT, "deny");
    check(
        "",
        vec![
            case(
                "nothing else states it",
                told("all-authenticated"),
                "8080",
                Pass,
                Reason::Value,
            ),
            case(
                "nothing else states it",
                told("audit"),
                "8080",
                Fail,
                Reason::Value,
            ),
            case(
                "both strict",
                format!("{strict}{}", told("deny")),
                "8080",
                Pass,
                Reason::Value,
            ),
            case(
                "weaker",
                format!("{strict}{}", told("audit")),
                "8080",
                Indeterminate,
                Reason::Value,
            ),
            case(
                "stronger",
                told("deny").annotation(DEFAULT, "audit"),
                "8080",
                Indeterminate,
                Reason::Value,
            ),
            case(
                "both weak",
                told("audit").annotation(DEFAULT, "cluster-unauthenticated"),
                "8080",
                Fail,
                Reason::Value,
            ),
            case(
                "both made strict",
                told("all-unauthenticated")
                    .annotation(DEFAULT, "cluster-unauthenticated")
                    .annotation(IDENTITY, "8080"),
                "8080",
                Pass,
                Reason::Value,
            ),
            case(
                "one made strict",
                told("audit")
                    .annotation(DEFAULT, "all-unauthenticated")
                    .annotation(IDENTITY, "8080"),
                "8080",
                Indeterminate,
                Reason::Value,
            ),
            case(
                "a word of no meaning",
                told("all_authenticated").annotation(DEFAULT, "deny"),
                "8080",
                Indeterminate,
                Reason::Unrecognised,
            ),
            case(
                "from a reference",
                reference,
                "8080",
                Indeterminate,
                Reason::Unrecognised,
            ),
        ],
    );
}

#[test]
fn the_default_is_that_of_the_control_plane_that_the_pod_names() {
    let deny = controller("linkerd", "a", "--default-policy=deny");
    let pod = Pod::new("shop", "web")
        .label("app", "web")
        .init("{name: linkerd-init}")
        .init("{name: linkerd-proxy, restartPolicy: Always, ports: [{containerPort: 8080}]}");
    let of = |pod: Pod| judge(&format!("{deny}{pod}"), "8080").0;
    assert_eq!(of(pod.clone()), Pass);
    let elsewhere = pod.label("linkerd.io/control-plane-ns", "mesh");
    assert_eq!(of(elsewhere), Fail, "nothing is said there");
}
