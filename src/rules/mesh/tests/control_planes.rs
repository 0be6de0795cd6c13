//! Which control plane serves a pod, and what it reads.

use super::super::workload_strict_mtls::RULE;
use super::*;
use crate::testing::mesh::{Pod, namespace, policy_of_revision};

#[test]
fn a_pod_answers_to_the_control_plane_of_its_revision() {
    let strict = "{mtls: {mode: STRICT}}";
    let canary = istiod("istio-canary", "canary")
        + &mesh_config(
            "istio-canary",
            "istio-canary",
            "rootNamespace: istio-canary",
        );
    let of_canary = Pod::sidecar().annotation("istio.io/rev", "canary");
    let by_status = Pod::sidecar().annotation("istio.io/rev", "").annotation(
        "sidecar.istio.io/status",
        r#"{"revision": "canary", "containers": []}"#,
    );
    let unmarked = Pod::sidecar().annotation("istio.io/rev", "");
    let both = policy("istio-canary", "default", Some(0), strict);
    let for_default = policy_of_revision("shop", "a", "default", "{mtls: {mode: PERMISSIVE}}");
    let base = strict_mesh() + &canary;
    check(
        &base,
        vec![
            case("default", Pod::sidecar(), "8080", Pass, Reason::Value),
            case(
                "canary has a root namespace of its own",
                &of_canary,
                "8080",
                Fail,
                Reason::Default,
            ),
            case(
                "revision by status",
                by_status,
                "8080",
                Fail,
                Reason::Default,
            ),
            case(
                "unmarked, and they differ",
                &unmarked,
                "8080",
                Indeterminate,
                Reason::Absent,
            ),
            case(
                "unmarked, and they agree",
                format!("{unmarked}{both}"),
                "8080",
                Pass,
                Reason::Value,
            ),
            case(
                "a revision without a control plane",
                Pod::sidecar().annotation("istio.io/rev", "1-20"),
                "8080",
                Indeterminate,
                Reason::Absent,
            ),
            case(
                "policies of another revision are ignored",
                format!("{of_canary}{both}{for_default}"),
                "8080",
                Pass,
                Reason::Value,
            ),
            case(
                "and those of the own revision count",
                format!("{}{for_default}", Pod::sidecar()),
                "8080",
                Fail,
                Reason::Value,
            ),
        ],
    );
}

#[test]
fn the_root_namespace_is_what_the_mesh_configuration_says() {
    let strict = "{mtls: {mode: STRICT}}";
    let elsewhere =
        istiod("mesh", "default") + &mesh_config("mesh", "istio", "rootNamespace: policies");
    let unstated = istiod("mesh", "default") + &mesh_config("mesh", "istio", "enableTracing: true");
    let none = istiod("mesh", "default");
    let broken = istiod("mesh", "default") + &mesh_config("mesh", "istio", "'a: ['");
    let in_namespace = |namespace: &str| policy(namespace, "default", Some(0), strict);
    check(
        &Pod::sidecar().to_string(),
        vec![
            case(
                "named",
                elsewhere.clone() + &in_namespace("policies"),
                "8080",
                Pass,
                Reason::Value,
            ),
            case(
                "not where istiod runs",
                elsewhere + &in_namespace("mesh"),
                "8080",
                Fail,
                Reason::Default,
            ),
            case(
                "built in",
                unstated.clone() + &in_namespace("istio-system"),
                "8080",
                Pass,
                Reason::Value,
            ),
            case(
                "built in is not where istiod runs",
                unstated + &in_namespace("mesh"),
                "8080",
                Fail,
                Reason::Default,
            ),
            case(
                "no ConfigMap",
                none + &in_namespace("istio-system"),
                "8080",
                Pass,
                Reason::Value,
            ),
            case(
                "no YAML",
                broken + &in_namespace("istio-system"),
                "8080",
                Indeterminate,
                Reason::Unreadable,
            ),
        ],
    );
}

#[test]
fn discovery_selectors_hide_policies_also_of_the_root_namespace() {
    let selecting = |selector: &str| {
        istiod("istio-system", "default")
            + &mesh_config(
                "istio-system",
                "istio",
                &format!("discoverySelectors: [{selector}]"),
            )
            + &policy("istio-system", "default", Some(0), "{mtls: {mode: STRICT}}")
            + &Pod::sidecar().to_string()
    };
    let labelled = namespace("istio-system", "{mesh: 'on'}") + &namespace("shop", "{mesh: 'on'}");
    let by_label = selecting("{matchLabels: {mesh: 'on'}}");
    let by_name = selecting(
        "{matchExpressions: [{key: kubernetes.io/metadata.name, operator: In, values: [istio-system, shop]}]}",
    );
    let open = policy("shop", "a", Some(0), "{mtls: {mode: PERMISSIVE}}");
    check(
        "",
        vec![
            case(
                "both selected",
                by_label.clone() + &labelled,
                "8080",
                Pass,
                Reason::Value,
            ),
            case(
                "the root namespace is not exempt",
                by_label.clone()
                    + &namespace("istio-system", "{}")
                    + &namespace("shop", "{mesh: 'on'}"),
                "8080",
                Fail,
                Reason::Default,
            ),
            case(
                "selectors are alternatives",
                selecting("{matchLabels: {a: b}}, {matchLabels: {mesh: 'on'}}") + &labelled,
                "8080",
                Pass,
                Reason::Value,
            ),
            case(
                "policies of a namespace that is not selected are ignored",
                by_label.clone()
                    + &namespace("istio-system", "{mesh: 'on'}")
                    + &namespace("shop", "{}")
                    + &open,
                "8080",
                Pass,
                Reason::Value,
            ),
            case(
                "and count where it is",
                by_label.clone() + &labelled + &open,
                "8080",
                Fail,
                Reason::Value,
            ),
            case(
                "labels not read",
                by_label.clone(),
                "8080",
                Indeterminate,
                Reason::Truncated,
            ),
            case(
                "names are always known",
                by_name,
                "8080",
                Pass,
                Reason::Value,
            ),
            case(
                "an operator that the API does not know",
                selecting("{matchExpressions: [{key: a, operator: Gt}]}") + &labelled,
                "8080",
                Indeterminate,
                Reason::Unrecognised,
            ),
        ],
    );
    let unread = testing::without(
        testing::snapshot(&(by_label + &labelled)),
        Kind::Namespace,
        ReadStatus::Forbidden,
    );
    assert_eq!(
        judge_snapshot(&unread, "8080"),
        (Indeterminate, Reason::Forbidden)
    );
}

#[test]
fn what_was_not_read_is_no_answer() {
    let yaml = format!("{}{}", strict_mesh(), Pod::sidecar());
    let read = testing::snapshot(&yaml);
    let unread = testing::without_named(
        read.clone(),
        Kind::ConfigMap,
        "istio-system",
        "istio",
        ReadStatus::Forbidden,
    );
    assert_eq!(
        judge_snapshot(&unread, "8080"),
        (Indeterminate, Reason::Forbidden)
    );
    let absent = testing::without_named(
        read.clone(),
        Kind::ConfigMap,
        "istio-system",
        "istio",
        ReadStatus::Absent,
    );
    assert_eq!(
        judge_snapshot(&absent, "8080"),
        (Pass, Reason::Value),
        "built-in values"
    );
    let mut never_asked = testing::without(read, Kind::ConfigMap, ReadStatus::Read);
    never_asked
        .coverage
        .sources
        .retain(|source| source.kind != Kind::ConfigMap);
    assert_eq!(
        judge_snapshot(&never_asked, "8080"),
        (Indeterminate, Reason::NotCollected)
    );
    let unmarked = Pod::sidecar().annotation("istio.io/rev", "");
    let partial = testing::without(
        testing::snapshot(&format!("{}{unmarked}", strict_mesh())),
        Kind::Pod,
        ReadStatus::Truncated,
    );
    assert_eq!(
        judge_snapshot(&partial, "8080"),
        (Indeterminate, Reason::Truncated)
    );
}

#[test]
fn policies_of_a_control_plane_elsewhere_are_not_these() {
    let policy = policy("istio-system", "default", Some(0), "{mtls: {mode: STRICT}}");
    assert_eq!(
        judge(&format!("{policy}{}", Pod::sidecar()), "8080"),
        (Indeterminate, Reason::Absent)
    );
    assert_eq!(
        judge(&format!("{policy}{}", Pod::web()), "8080"),
        (Fail, Reason::Absent)
    );
}

#[test]
fn the_control_plane_itself_is_not_judged() {
    let rows = rows_of(&RULE, &testing::snapshot(&strict_mesh()), "istio-system");
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].verdict, NotApplicable);
}
