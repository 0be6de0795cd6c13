//! Who is let in, and whether they need an identity.

use super::*;

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
fn a_route_of_another_group_is_attached_to_no_server() {
    let base = format!("{}{}{}", under("deny"), web(""), authentications());
    let route = |group: &str| {
        let parent = format!("{{{group}kind: Server, name: web}}");
        object(
            "policy.linkerd.io/v1beta3",
            "HTTPRoute",
            "shop",
            "health",
            &format!("{{parentRefs: [{parent}]}}"),
        )
    };
    let target = "{group: policy.linkerd.io, kind: HTTPRoute, name: health}";
    let of = |group: &str| {
        let yaml = format!("{base}{}{}", route(group), policy("r", target, ""));
        judge(&yaml, "8080").0
    };
    assert_eq!(of("group: policy.linkerd.io, "), Fail);
    assert_eq!(of(""), Pass, "of the Gateway API by default");
}
