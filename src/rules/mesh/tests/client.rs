//! What DestinationRules come to, by the place that they stand in.

use super::super::mesh_client_tls::RULE;
use super::*;
use crate::rules::Subject;
use crate::testing::mesh::{Pod, object, second};

/// A strict mesh with the pod and the Service `shop/web`, and its rules.
fn world(rules: &str) -> String {
    let service = "{selector: {app: web}, ports: [{name: http, port: 80, targetPort: 8080}]}";
    let service = object("v1", "Service", "shop", "web", service);
    format!("{}{}{service}{rules}", strict_mesh(), Pod::sidecar())
}

fn rule(namespace: &str, name: &str, made: u8, spec: &str) -> String {
    object(
        "networking.istio.io/v1",
        "DestinationRule",
        namespace,
        &format!("{name}, creationTimestamp: '{}'", second(made)),
        spec,
    )
}

fn sends(host: &str, mode: &str) -> String {
    format!("{{host: '{host}', trafficPolicy: {{tls: {{mode: {mode}}}}}}}")
}

/// The verdict for the rule of this name.
fn of(rules: &str, name: &str) -> Verdict {
    let snapshot = testing::snapshot(&world(rules));
    let model = testing::model(&snapshot);
    let rows = RULE.all(&model);
    let row = rows.iter().find(|row| match row.subject {
        Subject::Object(index) => model.object(index).name() == name,
        _ => false,
    });
    row.unwrap_or_else(|| panic!("a row for {name} among {rows:#?}"))
        .verdict
}

#[test]
fn modes_are_told_apart_at_every_level() {
    let table = [
        ("{host: web}", Pass, "nothing is said"),
        ("{host: web, trafficPolicy: {}}", Pass, "an empty policy"),
        (
            "{host: web, trafficPolicy: {tls: {}}}",
            Fail,
            "no mode is DISABLE",
        ),
        (&sends("web", "DISABLE"), Fail, "plaintext"),
        (&sends("web", "SIMPLE"), Fail, "TLS of one side"),
        (&sends("web", "MUTUAL"), Fail, "other certificates"),
        (&sends("web", "ISTIO_MUTUAL"), Pass, "the mesh's"),
        (
            &sends("web", "istio_mutual"),
            Indeterminate,
            "no word of the API",
        ),
        (
            "{host: web, trafficPolicy: {portLevelSettings: [{port: {number: 80}, tls: {mode: SIMPLE}}]}}",
            Fail,
            "a port",
        ),
        (
            "{host: web, trafficPolicy: {portLevelSettings: [{tls: {mode: SIMPLE}}]}}",
            Pass,
            "settings for no port",
        ),
        (
            "{host: web, trafficPolicy: {tls: {mode: ISTIO_MUTUAL}, portLevelSettings: [{port: {number: 80}}]}}",
            Indeterminate,
            "inherited or not",
        ),
        (
            "{host: web, subsets: [{name: a, labels: {app: web}, trafficPolicy: {tls: {mode: DISABLE}}}]}",
            Fail,
            "a subset",
        ),
        (
            "{host: web, subsets: [{name: a, labels: {app: web}, trafficPolicy: {portLevelSettings: [{port: {number: 80}, tls: {mode: DISABLE}}]}}]}",
            Fail,
            "a port of a subset",
        ),
    ];
    for (spec, expected, why) in table {
        assert_eq!(of(&rule("shop", "r", 1, spec), "r"), expected, "{why}");
    }
}

#[test]
fn a_subset_is_judged_by_the_pods_that_it_selects() {
    let outside = Pod::new("shop", "old")
        .label("app", "web")
        .label("version", "old")
        .container("{name: web}");
    let subset = |version: &str| {
        let spec = format!(
            "{{host: web, subsets: [{{name: a, labels: {{version: {version}}}, trafficPolicy: {{tls: {{mode: DISABLE}}}}}}]}}"
        );
        format!("{}{outside}", rule("shop", "r", 1, &spec))
    };
    assert_eq!(of(&subset("old"), "r"), Pass, "all outside the mesh");
    assert_eq!(of(&subset("new"), "r"), Fail, "none there yet");
}

#[test]
fn places_and_audiences_decide_which_rule_counts() {
    let full = "web.shop.svc.cluster.local";
    let off = |namespace: &str, more: &str| {
        let spec = format!("{{host: {full}, trafficPolicy: {{tls: {{mode: DISABLE}}}}{more}}}");
        rule(namespace, "r", 5, &spec)
    };
    let shield = |made: u8, host: &str, more: &str| {
        let spec =
            format!("{{host: '{host}', trafficPolicy: {{tls: {{mode: ISTIO_MUTUAL}}}}{more}}}");
        rule("shop", "shield", made, &spec)
    };
    let undated = |rule: &str| rule.replace("creationTimestamp", "of");
    let wild = || {
        rule(
            "shop",
            "r",
            5,
            &sends("*.shop.svc.cluster.local", "DISABLE"),
        )
    };
    let table = [
        (off("shop", ""), Fail, "beside the service"),
        (off("client", ""), Fail, "where clients may be"),
        (off("istio-system", ""), Fail, "in the root namespace"),
        (
            off("shop", ", exportTo: ['.']"),
            Fail,
            "for its own clients",
        ),
        (
            off("shop", ", exportTo: [client]"),
            Fail,
            "for other clients of the service",
        ),
        (off("shop", ", exportTo: ['~']"), Pass, "for nobody"),
        (
            off("client", ", exportTo: [shop]"),
            Pass,
            "for others, from nowhere",
        ),
        (off("client", ", exportTo: ['*']"), Fail, "for all"),
        (
            off("istio-system", ", exportTo: [shop]"),
            Fail,
            "for others, from the root",
        ),
        (
            off("shop", "") + &shield(1, "web", ""),
            Pass,
            "an older one counts",
        ),
        (
            off("shop", "") + &shield(9, "web", ""),
            Fail,
            "a newer one does not",
        ),
        (
            off("shop", "") + &shield(1, "web", ", workloadSelector: {matchLabels: {a: b}}"),
            Fail,
            "an older one for some clients alone",
        ),
        (wild() + &shield(9, "web", ""), Pass, "a full name wins"),
        (
            wild().replace(
                "spec: {",
                "spec: {workloadSelector: {matchLabels: {a: b}}, ",
            ) + &shield(9, "web", ""),
            Pass,
            "a full name for all wins over some",
        ),
        (
            off("shop", "") + &undated(&shield(1, "web", "")),
            Indeterminate,
            "which is older is not known",
        ),
        (
            undated(&off("shop", "")) + &shield(1, "web", ""),
            Indeterminate,
            "nor here",
        ),
        (
            wild() + &shield(1, "*.local", ""),
            Fail,
            "a shorter wildcard does not",
        ),
        (
            wild() + &shield(9, "web", ", exportTo: ['.']"),
            Fail,
            "a full name that others do not see",
        ),
        (
            off("client", "") + &shield(1, "web", ""),
            Fail,
            "clients ask their own namespace first",
        ),
    ];
    for (rules, expected, why) in table {
        assert_eq!(of(&rules, "r"), expected, "{why}");
    }
}

#[test]
fn auto_mtls_may_be_off() {
    let silent = rule("shop", "r", 1, "{host: web}");
    let off = world(&silent).replace("enableAutoMtls: true", "enableAutoMtls: false");
    let snapshot = testing::snapshot(&off);
    let model = testing::model(&snapshot);
    let verdicts: Vec<Verdict> = RULE.all(&model).iter().map(|row| row.verdict).collect();
    assert_eq!(verdicts, [Fail]);
}

#[test]
fn hosts_that_lead_nowhere_have_a_row_that_says_so() {
    for host in ["web.shop", "api.example", "other", "*.example"] {
        let rules = rule("shop", "r", 1, &sends(host, "DISABLE"));
        assert_eq!(of(&rules, "r"), NotApplicable, "{host}");
    }
}
