//! What plans may say, and what is wrong with others.

use serde_json::json;

use super::*;

pub(crate) const WHOLE: &str = r"
version: 1
system: {name: HR, fedrampId: FR123}
tiers: {hr-production: production}
appTiers: [{namespace: hr, app: claims, tier: production}]
platformNamespaces: [mendix-platform]
managementNamespaces: [mendix-global]
excludedNamespaces: [{name: kube-system, reason: judged by the provider}]
attestations:
- {parameter: seccompDefault, value: true, nodeSelector: {pool: a}, by: Jo Doe, on: 2026-01-31, evidence: CHG-1}
- {parameter: seccompDefault, value: false, nodeSelector: {pool: b}, by: Jo Doe, on: 2026-01-31, evidence: CHG-2}
ingressControllers: [{class: nginx, family: nginx, namespace: ingress-nginx, labels: {app: x}}]
execSubjects:
- {kind: User, name: jo}
- {kind: ServiceAccount, name: break-glass, namespace: ops}
allowedFlows:
- {from: {namespace: monitoring, podLabels: {app: prometheus}}, to: {namespaceLabels: {apps: 'yes'}}, ports: [8900, 53/UDP], reason: metrics}
accessRestrictions:
- {host: HR.example.com, ranges: [10.0.0.0/8, '2001:db8::/32']}
- {app: {namespace: hr, name: claims}}
databaseClients: [{namespace: backup, podLabels: {app: velero}}]
manualEvidence: [{id: sc-39_proof.soc-3, title: SOC 3 report, location: 'https://example.com/soc3', date: 2026-01-31}]
";

fn error(text: &str) -> String {
    let plan = Plan::parse("plan.yaml", text);
    plan.map_or_else(|error| error.to_string(), |_| "none".to_owned())
}

#[test]
fn everything_a_plan_may_say_is_read() {
    let plan = Plan::parse("plan.yaml", WHOLE).unwrap();
    assert!(plan.is_given() && plan.digest.starts_with("sha256:"));
    assert_eq!(
        plan.value_at("/tiers/hr-production"),
        Some(&json!("production"))
    );
    assert_eq!(plan.value_at("/attestations/0/value"), Some(&json!(true)));
    let json = plan.document.to_string();
    assert_eq!(
        Plan::parse("plan.json", &json).unwrap().digest,
        plan.digest,
        "JSON is as good"
    );
    assert!(!Plan::none().is_given());
    assert!(
        Plan::parse("plan.yaml", "version: 1\nattestations:\n").is_ok(),
        "a key with nothing behind it"
    );
}

/// Plans, and what is said of them.
const WRONG: &[(&str, &str)] = &[
    (
        "version: 2\n",
        "plan.yaml:1: version: version 2 is not known; this program reads version 1",
    ),
    ("tier: {}\n", "plan.yaml:1: tier: unknown key; there are "),
    (
        "tiers:\n  A: x\n",
        "plan.yaml:2: tiers.A: expected the name of a namespace",
    ),
    (
        "tiers:\n  a: ' '\n",
        "plan.yaml:2: tiers.a: a text is expected here, it is empty",
    ),
    (
        "tiers:\n  a: 1\n",
        "plan.yaml:2: tiers.a: invalid type: integer `1`, expected a string",
    ),
    (
        "tiers:\n  a: x\n  a: y\n",
        "plan.yaml:3: duplicate key \"a\"",
    ),
    (
        "excludedNamespaces:\n- {name: a}\n",
        "plan.yaml:2: excludedNamespaces[0]: missing field `reason`",
    ),
    (
        "excludedNamespaces:\n- {name: a, reason: x}\n- {name: b, reason: x}\n- name: a\n  reason: y\n",
        "plan.yaml:4: excludedNamespaces[2].name: the same stands here twice",
    ),
    (
        "platformNamespaces:\n- a\n- a_b\n",
        "plan.yaml:3: platformNamespaces[1]: expected the name",
    ),
    (
        "platformNamespaces:\n- a\n- a\n",
        "plan.yaml:3: platformNamespaces[1]: the same stands here twice",
    ),
    (
        "attestations:\n- parameter: p\n  value: 1\n  by: a\n  on: 2026-02-30\n  evidence: e\n",
        "plan.yaml:5: attestations[0].on: expected a date such as 2026-01-31, found \"2026-02-30\"",
    ),
    (
        "attestations:\n- parameter: p\n  value: []\n  by: a\n  on: 2026-02-20\n  evidence: e\n",
        "plan.yaml:3: attestations[0].value: expected true, false, a number or a text",
    ),
    (
        "ingressControllers:\n- class: a\n  family: squid\n",
        "plan.yaml:3: ingressControllers[0].family: unknown family \"squid\"; there are nginx, ",
    ),
    (
        "execSubjects:\n- kind: ServiceAccount\n  name: a\n",
        "plan.yaml:2: execSubjects[0]: a service account has a namespace, and none is named",
    ),
    (
        "execSubjects:\n- kind: Role\n  name: a\n",
        "plan.yaml:2: execSubjects[0].kind: unknown variant `Role`, expected one of ",
    ),
    (
        "allowedFlows:\n- from: {namespace: a}\n  to: {}\n",
        "plan.yaml:3: allowedFlows[0].to: this is every pod; ",
    ),
    (
        "allowedFlows:\n- from: {namespace: a}\n  to: {namespace: b}\n  ports:\n  - 0\n",
        "plan.yaml:5: allowedFlows[0].ports[0]: expected a port such as 8900 or 53/UDP, found 0",
    ),
    (
        "accessRestrictions:\n- host: a\n  ranges: [10.0.0.0/33]\n",
        "plan.yaml:3: accessRestrictions[0].ranges: expected an address range such as 10.0.0.0/8",
    ),
    (
        "accessRestrictions:\n- {}\n",
        "plan.yaml:2: accessRestrictions[0]: a host or an app is expected",
    ),
    (
        "manualEvidence: 1\n",
        "plan.yaml:1: manualEvidence: invalid type: integer `1`, expected a sequence",
    ),
    (
        "- a\n",
        "plan.yaml:1: the file: invalid type: sequence, expected a map",
    ),
    (
        "",
        "plan.yaml:1: the file: invalid type: null, expected struct Plan",
    ),
    (
        "excludedNamespaces:\n- [a, b]\n",
        "plan.yaml:2: excludedNamespaces[0]: invalid type: sequence, expected a map",
    ),
    (
        "system: [a]\n",
        "plan.yaml:1: system: invalid type: sequence, expected a map",
    ),
];

#[test]
fn what_is_wrong_names_file_line_and_key() {
    for (text, expected) in WRONG {
        let error = error(text);
        assert!(error.starts_with(expected), "{text}: {error}");
    }
}

#[test]
fn dates_have_one_form() {
    for text in [
        "2026-1-31",
        "31.01.2026",
        "2026-01-31T00:00:00Z",
        "2026-13-01",
        "20260131",
        "+026-01-31",
        "",
    ] {
        assert_eq!(Date::parse(text), None, "{text}");
    }
    assert_eq!(Date::parse("2028-02-29").unwrap().to_string(), "2028-02-29");
}

#[test]
fn attestations_hold_for_the_nodes_they_name() {
    let plan = Plan::parse("plan.yaml", WHOLE).unwrap();
    let on = |pool: Option<&'static str>| {
        let day = Date::parse("2026-01-31");
        plan.attestations_on(day, &move |key| pool.filter(|_| key == "pool"))
    };
    let the_day_before = Date::parse("2026-01-30");
    assert!(
        plan.attestations_on(the_day_before, &|_| Some("a"))
            .is_empty()
    );
    assert!(plan.attestations_on(None, &|_| Some("a")).is_empty());
    let attesting = |pool, value: Value| plan.attesting(&on(pool), "seccompDefault", &value);
    assert_eq!(attesting(Some("a"), json!(true)), [0]);
    assert_eq!(
        attesting(Some("b"), json!(true)),
        [0_usize; 0],
        "attested otherwise"
    );
    assert_eq!(attesting(Some("b"), json!(false)), [1]);
    assert_eq!(
        attesting(None, json!(true)),
        [0_usize; 0],
        "a node that none names"
    );
    assert_eq!(
        plan.attesting(&[0, 1], "seccompDefault", &json!(true)),
        [0_usize; 0],
        "two that disagree"
    );
}

#[test]
fn subjects_flows_and_restrictions_are_found() {
    let plan = Plan::parse("plan.yaml", WHOLE).unwrap();
    let subject = |kind, name, namespace| plan.exec_subject(kind, name, namespace);
    assert_eq!(subject(SubjectKind::User, "jo", ""), Some(0));
    assert_eq!(subject(SubjectKind::Group, "jo", ""), None);
    assert_eq!(
        subject(SubjectKind::ServiceAccount, "break-glass", "ops"),
        Some(1)
    );
    assert_eq!(
        subject(SubjectKind::ServiceAccount, "break-glass", "dev"),
        None
    );
    assert_eq!(
        subject(
            SubjectKind::User,
            "system:serviceaccount:ops:break-glass",
            ""
        ),
        Some(1)
    );
    let flow = &plan.allowed_flows[0];
    let prometheus = |key: &str| (key == "app").then_some("prometheus");
    assert!(flow.from.matches("monitoring", &|_| None, &prometheus));
    assert!(!flow.from.matches("other", &|_| None, &prometheus));
    assert!(!flow.from.matches("monitoring", &|_| None, &|_| None));
    assert!(flow.has_port(8900, "TCP") && flow.has_port(53, "UDP") && !flow.has_port(53, "TCP"));
    let found = |host, namespace, app| {
        plan.restrictions(host, namespace, app)
            .map(|(index, _)| index)
            .collect::<Vec<_>>()
    };
    assert_eq!(found("hr.EXAMPLE.com", "x", "y"), [0]);
    assert_eq!(found("hr.example.com", "hr", "claims"), [0, 1]);
    assert_eq!(plan.evidence_for("sc-39_proof.soc-3").count(), 1);
}

#[test]
fn families_are_those_of_the_model() {
    let known = |id: &str| {
        let mut all = crate::model::ingress_controllers::Family::ALL.iter();
        all.any(|family| family.id() == id)
    };
    let unknown: Vec<&&str> = FAMILIES.iter().filter(|id| !known(id)).collect();
    assert_eq!(unknown, [&"other"]);
    let short = WHOLE.replace("family: nginx", "family: ng");
    let plan = Plan::parse("plan.yaml", &short).unwrap();
    assert_eq!(
        plan.ingress_controllers[0].family, "nginx",
        "an abbreviation stands for the id"
    );
}
