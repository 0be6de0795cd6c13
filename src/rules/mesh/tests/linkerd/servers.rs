//! Which Server has a port.

use super::*;

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
fn where_an_older_server_may_have_the_port_both_must_agree() {
    let doubtful = "podSelector: {matchExpressions: [{key: app, operator: Like, values: [web]}]}, port: 8080, accessPolicy: ";
    let certain = "podSelector: {matchLabels: {app: web}}, port: 8080, accessPolicy: ";
    let of = |first: &str, second: &str| {
        let yaml = format!(
            "{}{}{}",
            under("deny"),
            server("a", Some(0), &format!("{doubtful}{first}")),
            server("b", Some(1), &format!("{certain}{second}"))
        );
        judge(&yaml, "8080").0
    };
    let (open, closed) = ("all-unauthenticated", "all-authenticated");
    assert_eq!(of(closed, closed), Pass);
    assert_eq!(of(open, open), Fail);
    assert_eq!(of(closed, open), Indeterminate);
    assert_eq!(of(open, closed), Indeterminate);
}
