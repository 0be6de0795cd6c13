//! What rows say, and what they rest on.

use super::*;

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
