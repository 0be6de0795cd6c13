//! What Linkerd's policies come to, port by port.

use super::super::{mesh_enrolment, workload_strict_mtls};
use super::*;
use crate::testing::mesh::{Pod, namespace, object, second};

const PROXY: &str = "{name: linkerd-proxy, restartPolicy: Always}";
const DEFAULT: &str = "config.linkerd.io/default-inbound-policy";
const SKIPPED: &str = "config.linkerd.io/skip-inbound-ports";
const IDENTITY: &str = "config.linkerd.io/proxy-require-identity-inbound-ports";

/// `shop/web` with Linkerd's proxy and these flags of `linkerd-init`.
fn with_flags(flags: &str) -> Pod {
    Pod::web()
        .init(&format!("{{name: linkerd-init, args: [{flags}]}}"))
        .init(PROXY)
}

/// The same with the usual flags.
fn meshed() -> Pod {
    with_flags("--inbound-ports-to-ignore, '4190,4191,4567,4568'")
}

/// The same under a default policy by annotation.
fn under(policy: &str) -> Pod {
    meshed().annotation(DEFAULT, policy)
}

/// The same with a default policy in the environment of the proxy.
fn told(policy: &str) -> Pod {
    let variable = format!("{{name: LINKERD2_PROXY_INBOUND_DEFAULT_POLICY, value: {policy}}}");
    Pod::web().init("{name: linkerd-init}").init(&format!(
        "{{name: linkerd-proxy, restartPolicy: Always, env: [{variable}]}}"
    ))
}

fn server(name: &str, made: Option<u8>, spec: &str) -> String {
    let made = made.map_or_else(String::new, |number| {
        format!(", creationTimestamp: '{}'", second(number))
    });
    format!(
        "---\napiVersion: policy.linkerd.io/v1beta3\nkind: Server\nmetadata: {{name: {name}, namespace: shop, labels: {{for: {name}}}{made}}}\nspec: {{{spec}}}\n"
    )
}

/// A Server for 8080 of `shop/web`.
fn web(more: &str) -> String {
    server(
        "web",
        Some(0),
        &format!("podSelector: {{matchLabels: {{app: web}}}}, port: 8080{more}"),
    )
}

fn policy(name: &str, target: &str, references: &str) -> String {
    object(
        "policy.linkerd.io/v1alpha1",
        "AuthorizationPolicy",
        "shop",
        name,
        &format!("{{targetRef: {target}, requiredAuthenticationRefs: [{references}]}}"),
    )
}

/// A policy for the Server of 8080.
fn for_web(references: &str) -> String {
    let target = "{group: policy.linkerd.io, kind: Server, name: web}";
    policy("web", target, references)
}

fn authentications() -> String {
    let of_group =
        |kind: &str, spec: &str| object("policy.linkerd.io/v1alpha1", kind, "shop", "known", spec);
    of_group("MeshTLSAuthentication", "{identities: ['*']}")
        + &of_group("NetworkAuthentication", "{networks: [{cidr: 10.0.0.0/8}]}")
        + &of_group("NetworkAuthentication", "{networks: []}").replace("known", "empty")
        + &of_group("MeshTLSAuthentication", "{}").replace("known", "empty")
}

const MESH: &str = "{group: policy.linkerd.io, kind: MeshTLSAuthentication, name: known}";
const NETWORK: &str = "{group: policy.linkerd.io, kind: NetworkAuthentication, name: known}";
const ACCOUNT: &str = "{kind: ServiceAccount, name: a, namespace: b}";

fn authorization(server: &str, client: &str) -> String {
    object(
        "policy.linkerd.io/v1beta1",
        "ServerAuthorization",
        "shop",
        "authorization",
        &format!("{{server: {server}, client: {client}}}"),
    )
}

fn values(namespace: &str, values: &str) -> String {
    format!(
        "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: linkerd-config, namespace: {namespace}}}\ndata:\n  values: |\n    {values}\n"
    )
}

fn controller(namespace: &str, name: &str, argument: &str) -> String {
    Pod::new(namespace, name)
        .label("linkerd.io/control-plane-component", "destination")
        .container("{name: destination}")
        .container(&format!("{{name: policy, args: ['{argument}']}}"))
        .to_string()
}

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
fn the_oldest_server_of_a_port_decides() {
    let all = "podSelector: {}, port: 8080, accessPolicy: ";
    let of =
        |name: &str, made: Option<u8>, policy: &str| server(name, made, &format!("{all}{policy}"));
    let selecting = |selector: &str| {
        server(
            "web",
            Some(0),
            &format!("podSelector: {selector}, port: http, accessPolicy: audit"),
        )
    };
    let strict = under("deny").to_string();
    let with = |more: &str| format!("{strict}{more}");
    check(
        "",
        vec![
            case(
                "nothing lets in",
                format!("{}{}", meshed(), web("")),
                "8080",
                Pass,
                Reason::Value,
            ),
            case(
                "L5: the other port",
                format!("{}{}", meshed(), web(", accessPolicy: deny")),
                "9090",
                Fail,
                Reason::Default,
            ),
            case(
                "L7",
                with(&web(", accessPolicy: audit")),
                "8080",
                Fail,
                Reason::Value,
            ),
            case(
                "the other port",
                with(&web(", accessPolicy: audit")),
                "9090",
                Pass,
                Reason::Value,
            ),
            case(
                "strict",
                format!("{}{}", meshed(), web(", accessPolicy: all-authenticated")),
                "8080",
                Pass,
                Reason::Value,
            ),
            case(
                "a word of no meaning",
                with(&web(", accessPolicy: all_unauthenticated")),
                "8080",
                Pass,
                Reason::Value,
            ),
            case(
                "oldest",
                with(&(of("b", Some(1), "audit") + &of("a", Some(2), "deny"))),
                "8080",
                Fail,
                Reason::Value,
            ),
            case(
                "oldest",
                with(&(of("b", Some(1), "deny") + &of("a", Some(2), "audit"))),
                "8080",
                Pass,
                Reason::Value,
            ),
            case(
                "name",
                with(&(of("b", Some(1), "deny") + &of("a", Some(1), "audit"))),
                "8080",
                Fail,
                Reason::Value,
            ),
            case(
                "undated",
                with(&(of("b", None, "deny") + &of("a", Some(1), "audit"))),
                "8080",
                Indeterminate,
                Reason::Absent,
            ),
            case(
                "undated, alike",
                with(&(of("b", None, "deny") + &of("a", None, "all-authenticated"))),
                "8080",
                Pass,
                Reason::Value,
            ),
            case(
                "undated, alike",
                with(&(of("b", None, "audit") + &of("a", None, "all-unauthenticated"))),
                "8080",
                Fail,
                Reason::Value,
            ),
            case(
                "one undated",
                with(&of("b", None, "audit")),
                "8080",
                Fail,
                Reason::Value,
            ),
            case(
                "by name of the port",
                with(&selecting("{}")),
                "8080",
                Fail,
                Reason::Value,
            ),
            case(
                "an expression",
                with(&selecting(
                    "{matchExpressions: [{key: app, operator: NotIn, values: [db]}]}",
                )),
                "8080",
                Fail,
                Reason::Value,
            ),
            case(
                "other pods",
                with(&selecting("{matchLabels: {app: db}}")),
                "8080",
                Pass,
                Reason::Value,
            ),
            case(
                "an operator of no meaning",
                with(&selecting(
                    "{matchExpressions: [{key: app, operator: Like}]}",
                )),
                "8080",
                Indeterminate,
                Reason::Unrecognised,
            ),
            case(
                "outside workloads",
                with(&server(
                    "web",
                    Some(0),
                    "externalWorkloadSelector: {}, port: 8080, accessPolicy: audit",
                )),
                "8080",
                Pass,
                Reason::Value,
            ),
            case(
                "a number in quotes is a name",
                with(&server(
                    "web",
                    Some(0),
                    "podSelector: {}, port: '8080', accessPolicy: audit",
                )),
                "8080",
                Pass,
                Reason::Value,
            ),
            case(
                "no port",
                with(&server(
                    "web",
                    Some(0),
                    "podSelector: {}, port: 0, accessPolicy: audit",
                )),
                "8080",
                Pass,
                Reason::Value,
            ),
            case(
                "of another namespace",
                with(&web(", accessPolicy: audit").replace("namespace: shop", "namespace: other")),
                "8080",
                Pass,
                Reason::Value,
            ),
        ],
    );
}

#[test]
fn a_name_is_that_of_a_tcp_port() {
    let named = server(
        "web",
        Some(0),
        "podSelector: {}, port: dns, accessPolicy: audit",
    );
    let udp = under("deny").container(
        "{name: dns, ports: [{name: dns, containerPort: 53, protocol: UDP}, {containerPort: 53}]}",
    );
    let tcp = under("deny").container("{name: dns, ports: [{name: dns, containerPort: 53}]}");
    check(
        &named,
        vec![
            case("UDP", udp, "53", Pass, Reason::Value),
            case("TCP", tcp, "53", Fail, Reason::Value),
        ],
    );
}

#[test]
fn whoever_is_let_in_must_have_an_identity() {
    let base = format!("{}{}{}", under("deny"), web(""), authentications());
    let route = |parent: &str, more: &str| {
        object(
            "policy.linkerd.io/v1beta3",
            "HTTPRoute",
            "shop",
            "health",
            &format!("{{parentRefs: [{parent}]}}{more}"),
        )
    };
    let parent = "{group: policy.linkerd.io, kind: Server, name: web}";
    let on_route = policy(
        "r",
        "{group: policy.linkerd.io, kind: HTTPRoute, name: health}",
        "",
    );
    let elsewhere = |kind: &str, references: &str| {
        policy(
            "r",
            &format!("{{group: gateway.networking.k8s.io, kind: {kind}, name: health}}"),
            references,
        )
    };
    let gateway_route = |kind: &str| {
        object(
            "gateway.networking.k8s.io/v1",
            kind,
            "shop",
            "health",
            &format!("{{parentRefs: [{parent}]}}"),
        )
    };
    let said = |status: &str| {
        format!(
            "\nstatus: {{parents: [{{controllerName: linkerd.io/policy-controller, parentRef: {parent}, conditions: [{{type: Accepted, status: '{status}'}}]}}]}}"
        )
    };
    let namespaced = |references: &str| policy("all", "{kind: namespace, name: other}", references);
    let client = |client: &str| authorization("{name: web}", client);
    let selected = |selector: &str| {
        authorization(
            &format!("{{selector: {selector}}}"),
            "{unauthenticated: true}",
        )
    };
    check(
        &base,
        vec![
            case("identity", for_web(MESH), "8080", Pass, Reason::Value),
            case("L8", for_web(""), "8080", Fail, Reason::Value),
            case(
                "network alone",
                for_web(NETWORK),
                "8080",
                Fail,
                Reason::Value,
            ),
            case(
                "L10",
                for_web(&format!("{NETWORK}, {MESH}")),
                "8080",
                Pass,
                Reason::Value,
            ),
            case("account", for_web(ACCOUNT), "8080", Pass, Reason::Value),
            case(
                "account and network",
                for_web(&format!("{ACCOUNT}, {NETWORK}")),
                "8080",
                Pass,
                Reason::Value,
            ),
            case(
                "leads nowhere",
                for_web(&NETWORK.replace("known", "gone")),
                "8080",
                Pass,
                Reason::Value,
            ),
            case(
                "leads to nothing",
                for_web(&NETWORK.replace("known", "empty")),
                "8080",
                Pass,
                Reason::Value,
            ),
            case(
                "two networks",
                for_web(&format!("{NETWORK}, {NETWORK}")),
                "8080",
                Pass,
                Reason::Value,
            ),
            case(
                "of no known kind",
                for_web("{kind: Other, name: a}"),
                "8080",
                Pass,
                Reason::Value,
            ),
            case(
                "known and unknown",
                for_web(&format!("{NETWORK}, {{kind: Other, name: a}}")),
                "8080",
                Pass,
                Reason::Value,
            ),
            case(
                "in another namespace",
                for_web(&NETWORK.replace("name: known", "name: known, namespace: other")),
                "8080",
                Pass,
                Reason::Value,
            ),
            case(
                "case does not count",
                for_web(&NETWORK.to_lowercase()),
                "8080",
                Fail,
                Reason::Value,
            ),
            case(
                "alternatives",
                for_web(MESH)
                    + &policy(
                        "b",
                        "{group: policy.linkerd.io, kind: Server, name: web}",
                        NETWORK,
                    ),
                "8080",
                Fail,
                Reason::Value,
            ),
            case(
                "another Server",
                policy(
                    "b",
                    "{group: policy.linkerd.io, kind: Server, name: other}",
                    "",
                ),
                "8080",
                Pass,
                Reason::Value,
            ),
            case(
                "no group is the core group",
                policy("b", "{kind: Server, name: web}", ""),
                "8080",
                Pass,
                Reason::Value,
            ),
            case(
                "namespace",
                namespaced(NETWORK),
                "8080",
                Fail,
                Reason::Value,
            ),
            case("namespace", namespaced(MESH), "8080", Pass, Reason::Value),
            case(
                "namespace, no Server",
                namespaced(""),
                "9090",
                Pass,
                Reason::Value,
            ),
            case(
                "authorization",
                client("{unauthenticated: true}"),
                "8080",
                Fail,
                Reason::Value,
            ),
            case(
                "TLS alone",
                client("{meshTLS: {unauthenticatedTLS: true}}"),
                "8080",
                Fail,
                Reason::Value,
            ),
            case(
                "identities",
                client("{unauthenticated: false, meshTLS: {identities: ['*']}}"),
                "8080",
                Pass,
                Reason::Value,
            ),
            case(
                "accounts",
                client("{meshTLS: {serviceAccounts: [{name: a}]}}"),
                "8080",
                Pass,
                Reason::Value,
            ),
            case(
                "nobody",
                client("{networks: [{cidr: 0.0.0.0/0}]}"),
                "8080",
                Pass,
                Reason::Value,
            ),
            case(
                "by label",
                selected("{matchLabels: {for: web}}"),
                "8080",
                Fail,
                Reason::Value,
            ),
            case(
                "by other labels",
                selected("{matchLabels: {for: other}}"),
                "8080",
                Pass,
                Reason::Value,
            ),
            case(
                "by an operator of no meaning",
                selected("{matchExpressions: [{key: for, operator: Like}]}"),
                "8080",
                Indeterminate,
                Reason::Unrecognised,
            ),
            case(
                "for all",
                authorization("{}", "{unauthenticated: true}"),
                "8080",
                Fail,
                Reason::Value,
            ),
            case(
                "name before labels",
                authorization("{name: other, selector: {}}", "{unauthenticated: true}"),
                "8080",
                Pass,
                Reason::Value,
            ),
            case(
                "L22",
                route(parent, "") + &on_route,
                "8080",
                Fail,
                Reason::Value,
            ),
            case(
                "L22, beside an identity",
                for_web(MESH) + &route(parent, "") + &on_route,
                "8080",
                Fail,
                Reason::Value,
            ),
            case(
                "accepted",
                route(parent, &said("True")) + &on_route,
                "8080",
                Fail,
                Reason::Value,
            ),
            case(
                "refused",
                route(parent, &said("False")) + &on_route,
                "8080",
                Pass,
                Reason::Value,
            ),
            case(
                "refused by another controller",
                route(
                    parent,
                    &said("False").replace("linkerd.io/", "example.com/"),
                ) + &on_route,
                "8080",
                Fail,
                Reason::Value,
            ),
            case(
                "attached elsewhere",
                route(&parent.replace("web", "other"), "") + &on_route,
                "8080",
                Pass,
                Reason::Value,
            ),
            case(
                "a Server elsewhere",
                route(&parent.replace("name:", "namespace: other, name:"), "") + &on_route,
                "8080",
                Pass,
                Reason::Value,
            ),
            case(
                "a part of a Server",
                route(&parent.replace("name:", "port: 1, name:"), "") + &on_route,
                "8080",
                Pass,
                Reason::Value,
            ),
            case(
                "a Service",
                route("{group: core, kind: Service, name: web}", "") + &on_route,
                "8080",
                Pass,
                Reason::Value,
            ),
            case("no route", on_route.clone(), "8080", Pass, Reason::Value),
            case(
                "a route of the Gateway API",
                gateway_route("HTTPRoute") + &elsewhere("HTTPRoute", ""),
                "8080",
                Fail,
                Reason::Value,
            ),
            case(
                "another",
                gateway_route("GRPCRoute") + &elsewhere("GRPCRoute", NETWORK),
                "8080",
                Fail,
                Reason::Value,
            ),
            case(
                "of another kind",
                gateway_route("GRPCRoute") + &elsewhere("HTTPRoute", ""),
                "8080",
                Pass,
                Reason::Value,
            ),
            case(
                "of another group",
                route(parent, "") + &elsewhere("HTTPRoute", ""),
                "8080",
                Pass,
                Reason::Value,
            ),
            case(
                "it adds identities",
                elsewhere("GRPCRoute", MESH),
                "8080",
                Pass,
                Reason::Value,
            ),
            case(
                "no Server",
                elsewhere("HTTPRoute", ""),
                "9090",
                Pass,
                Reason::Value,
            ),
        ],
    );
}

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
fn unread_kinds_count_where_a_row_rests_on_them() {
    let judge_without = |yaml: &str, kind: Kind| {
        let snapshot = testing::without(testing::snapshot(yaml), kind, ReadStatus::Forbidden);
        let model = testing::model(&snapshot);
        let rule = &workload_strict_mtls::RULE;
        let observations = rule.all(&model);
        observations
            .into_iter()
            .find(|row| row.port.as_ref().is_some_and(|port| port.number == 8080))
            .map(|row| {
                (
                    row.verdict,
                    row.needs.clone(),
                    row.apart_from.contains(&Kind::PeerAuthentication),
                )
            })
            .unwrap()
    };
    let needs = |yaml: &str| judge_without(yaml, Kind::PeerAuthentication).1.len();
    let by_server = format!("{}{}", under("audit"), web(""));
    assert_eq!(
        needs(&under("deny").to_string()),
        1,
        "a Server could open it"
    );
    assert_eq!(
        needs(&under("audit").to_string()),
        1,
        "a Server could close it"
    );
    assert_eq!(needs(&by_server), 6, "a policy could let somebody in");
    let open = format!("{}{}", under("deny"), web(", accessPolicy: audit"));
    assert_eq!(needs(&open), 1, "no policy could close it");
    assert!(
        judge_without(&by_server, Kind::PeerAuthentication).2,
        "Istio's do not matter"
    );
    let networks = format!("{by_server}{}{}", authentications(), for_web(NETWORK));
    assert_eq!(
        judge_without(&networks, Kind::NetworkAuthentication).0,
        Indeterminate
    );
    let identities = format!("{by_server}{}{}", authentications(), for_web(MESH));
    assert_eq!(
        judge_without(&identities, Kind::MeshTlsAuthentication).0,
        Pass
    );
    let undated = format!(
        "{}{}",
        meshed(),
        controller("linkerd", "a", "--default-policy=deny")
    );
    assert_eq!(
        judge_without(&undated, Kind::ConfigMap).0,
        Pass,
        "the flag says it"
    );
    assert_eq!(
        judge_without(&meshed().to_string(), Kind::ConfigMap).0,
        Indeterminate
    );
    assert_eq!(
        judge_without(&told("deny").to_string(), Kind::ConfigMap).0,
        Indeterminate
    );
    assert_eq!(
        judge_without(&under("deny").to_string(), Kind::ConfigMap).0,
        Pass
    );
}

#[test]
fn rows_name_what_decides() {
    let message = |yaml: String| {
        let rows = rows_of(
            &workload_strict_mtls::RULE,
            &testing::snapshot(&yaml),
            "shop",
        );
        row(&rows, "8080").message.clone()
    };
    let base = format!("{}{}{}", under("deny"), web(""), authentications());
    let table = [
        (
            under("audit").to_string(),
            "default policy is audit, stated by the pod's annotation",
        ),
        (
            meshed().to_string(),
            "all-unauthenticated, stated by nothing",
        ),
        (
            told("deny").to_string(),
            "deny, stated by the proxy's environment",
        ),
        (
            format!(
                "{}{}",
                controller("linkerd", "a", "--default-policy=deny"),
                meshed()
            ),
            "stated by Linkerd's control plane",
        ),
        (
            meshed().annotation(IDENTITY, "8080").to_string(),
            "all-authenticated, stated by the pod's annotation that demands identity",
        ),
        (base.clone(), "nothing lets anybody in on Server shop/web"),
        (
            format!("{base}{}", for_web(MESH)),
            "AuthorizationPolicy shop/web asks for an identity on Server shop/web",
        ),
        (
            format!("{}{}", under("deny"), web(", accessPolicy: audit")),
            "the access policy audit of Server shop/web lets in clients without an identity",
        ),
        (
            format!(
                "{base}{}",
                authorization("{name: web}", "{unauthenticated: true}")
            ),
            "ServerAuthorization shop/authorization lets in clients without an identity on Server shop/web",
        ),
        (
            with_flags("--inbound-ports-to-ignore=8080").to_string(),
            "among the inbound ports that go past",
        ),
    ];
    for (yaml, words) in table {
        let found = message(yaml);
        assert!(found.contains(words), "{words:?} in {found:?}");
    }
}

#[test]
fn pods_that_a_server_tells_apart_are_two_groups() {
    let job = |name: &str| {
        under("deny").label("job-name", name).to_string().replace(
            "name: web, namespace",
            &format!("name: web-{name}, namespace"),
        )
    };
    let selecting = server(
        "web",
        Some(0),
        "podSelector: {matchExpressions: [{key: job-name, operator: In, values: [b]}]}, port: 8080, accessPolicy: audit",
    );
    let yaml = format!("{}{}{selecting}", job("a"), job("b"));
    let rows = rows_of(
        &workload_strict_mtls::RULE,
        &testing::snapshot(&yaml),
        "shop",
    );
    let verdicts: Vec<Verdict> = rows
        .iter()
        .filter(|row| row.port.as_ref().is_some_and(|port| port.number == 8080))
        .map(|row| row.verdict)
        .collect();
    assert_eq!(verdicts, [Pass, Fail]);
}

#[test]
fn why_no_proxy_was_injected_is_said() {
    let app = |annotation: Option<&str>| {
        let pod = Pod::new("shop", "crm")
            .label("privatecloud.mendix.com/app", "crm")
            .container("{name: mendix}");
        annotation.map_or(pod.clone(), |value| {
            pod.annotation("linkerd.io/inject", value)
        })
    };
    let annotated = |value: &str| {
        namespace("shop", "{}").replace(
            "labels: {}",
            &format!("annotations: {{linkerd.io/inject: '{value}'}}"),
        )
    };
    let table = [
        (
            app(Some("enabled")).to_string(),
            "was not injected",
            Reason::Absent,
        ),
        (
            app(Some("ingress")).to_string(),
            "was not injected",
            Reason::Absent,
        ),
        (
            app(Some("true")).to_string(),
            "a word that Linkerd does not know",
            Reason::Absent,
        ),
        (
            format!("{}{}", annotated("true"), app(None)),
            "a word that Linkerd does not know",
            Reason::Absent,
        ),
        (
            format!("{}{}", annotated("enabled"), app(None)),
            "was not injected",
            Reason::Absent,
        ),
        (
            format!("{}{}", annotated("enabled"), app(Some("disabled"))),
            "opted out",
            Reason::Value,
        ),
        (
            format!("{}{}", annotated("disabled"), app(Some("enabled"))),
            "was not injected",
            Reason::Absent,
        ),
        (
            format!("{}{}", annotated("disabled"), app(None)),
            "no mesh proxy",
            Reason::Absent,
        ),
        (
            app(Some("disabled")).to_string(),
            "no mesh proxy",
            Reason::Absent,
        ),
        (
            app(None).init("{name: linkerd-proxy}").to_string(),
            "ends before the app starts",
            Reason::Value,
        ),
    ];
    for (yaml, words, reason) in table {
        let rows = rows_of(&mesh_enrolment::RULE, &testing::snapshot(&yaml), "shop");
        assert_eq!((rows[0].verdict, rows[0].reason), (Fail, reason), "{words}");
        assert!(
            rows[0].message.contains(words),
            "{words:?} in {:?}",
            rows[0].message
        );
    }
}
