//! Which policies count, and what they add up to.

use super::super::workload_strict_mtls::RULE;
use super::*;
use crate::testing::mesh::Pod;

#[test]
fn policies_resolve_by_age_and_level() {
    let strict = "{mtls: {mode: STRICT}}";
    let permissive = "{mtls: {mode: PERMISSIVE}}";
    let of_web = |rest: &str| format!("{{selector: {{matchLabels: {{app: web}}}}, {rest}}}");
    let shop = |name: &str, made: u8, spec: &str| policy("shop", name, Some(made), spec);
    let open_port = of_web("portLevelMtls: {'8080': {mode: PERMISSIVE}}");
    check(
        &format!("{}{}", strict_mesh(), Pod::sidecar()),
        vec![
            case(
                "I4: no mtls inherits",
                shop("a", 1, "{}"),
                "8080",
                Pass,
                Reason::Value,
            ),
            case(
                "UNSET inherits",
                shop("a", 1, "{mtls: {mode: UNSET}}"),
                "8080",
                Pass,
                Reason::Value,
            ),
            case(
                "namespace beats mesh",
                shop("a", 1, permissive),
                "8080",
                Fail,
                Reason::Value,
            ),
            case(
                "DISABLE is plaintext",
                shop("a", 1, "{mtls: {mode: DISABLE}}"),
                "8080",
                Fail,
                Reason::Value,
            ),
            case(
                "the oldest of a namespace counts",
                shop("a", 2, permissive) + &shop("b", 1, strict),
                "8080",
                Pass,
                Reason::Value,
            ),
            case(
                "in one second the name decides",
                shop("a", 1, permissive) + &shop("b", 1, strict),
                "8080",
                Fail,
                Reason::Value,
            ),
            case(
                "an empty selector selects all",
                shop("a", 1, "{selector: {}, mtls: {mode: PERMISSIVE}}"),
                "8080",
                Fail,
                Reason::Value,
            ),
            case(
                "I5: one open port",
                shop("a", 1, &open_port),
                "8080",
                Fail,
                Reason::Value,
            ),
            case(
                "I5: its neighbour",
                shop("a", 1, &open_port),
                "9090",
                Pass,
                Reason::Value,
            ),
            case(
                "a port that is UNSET inherits",
                shop("a", 1, &of_web("portLevelMtls: {'8080': {mode: UNSET}}")),
                "8080",
                Pass,
                Reason::Value,
            ),
            case(
                "a port may be stricter than its pod",
                shop(
                    "a",
                    1,
                    &of_web("mtls: {mode: DISABLE}, portLevelMtls: {'8080': {mode: STRICT}}"),
                ),
                "8080",
                Pass,
                Reason::Value,
            ),
            case(
                "workload beats namespace",
                shop("a", 1, permissive) + &shop("b", 2, &of_web("mtls: {mode: STRICT}")),
                "8080",
                Pass,
                Reason::Value,
            ),
            case(
                "the oldest policy of a pod counts whole: ports of the others are dropped",
                shop("b", 1, &of_web("mtls: {mode: UNSET}")) + &shop("a", 2, &open_port),
                "8080",
                Pass,
                Reason::Value,
            ),
            case(
                "a policy for other pods",
                shop(
                    "a",
                    1,
                    "{selector: {matchLabels: {app: other}}, mtls: {mode: DISABLE}}",
                ),
                "8080",
                Pass,
                Reason::Value,
            ),
            case(
                "ports without a selector are ignored",
                shop("a", 1, "{portLevelMtls: {'8080': {mode: DISABLE}}}"),
                "8080",
                Pass,
                Reason::Value,
            ),
            case(
                "policies with a selector in the root namespace are ignored",
                policy(
                    "istio-system",
                    "a",
                    Some(1),
                    &of_web("mtls: {mode: DISABLE}"),
                ),
                "8080",
                Pass,
                Reason::Value,
            ),
            case(
                "a word that is no mode is never STRICT",
                shop("a", 1, "{mtls: {mode: strict}}"),
                "8080",
                Indeterminate,
                Reason::Unrecognised,
            ),
            case(
                "a word that is no mode, overridden",
                shop("a", 1, "{mtls: {mode: strict}}")
                    + &shop("b", 2, &of_web("mtls: {mode: STRICT}")),
                "8080",
                Pass,
                Reason::Value,
            ),
        ],
    );
}

#[test]
fn without_a_strict_policy_plaintext_is_accepted() {
    let strict = "{mtls: {mode: STRICT}}";
    check(
        &format!("{}{}", control_plane(), Pod::sidecar()),
        vec![
            case("no policy", "", "8080", Fail, Reason::Default),
            case(
                "mesh policy without a mode",
                policy("istio-system", "default", Some(0), "{}"),
                "8080",
                Fail,
                Reason::Default,
            ),
            case(
                "I17: STRICT here only",
                policy("shop", "a", Some(0), strict),
                "8080",
                Pass,
                Reason::Value,
            ),
            case(
                "another namespace's policy",
                policy("other", "a", Some(0), strict),
                "8080",
                Fail,
                Reason::Default,
            ),
        ],
    );
}

#[test]
fn policies_without_a_creation_time_count_where_their_order_does_not_matter() {
    let shop =
        |name: &str, mode: &str| policy("shop", name, None, &format!("{{mtls: {{mode: {mode}}}}}"));
    check(
        &format!("{}{}", strict_mesh(), Pod::sidecar()),
        vec![
            case("one", shop("a", "PERMISSIVE"), "8080", Fail, Reason::Value),
            case(
                "two alike",
                shop("a", "STRICT") + &shop("b", "STRICT"),
                "8080",
                Pass,
                Reason::Value,
            ),
            case(
                "two weak ones",
                shop("a", "PERMISSIVE") + &shop("b", "DISABLE"),
                "8080",
                Fail,
                Reason::Value,
            ),
            case(
                "two that differ",
                shop("a", "STRICT") + &shop("b", "PERMISSIVE"),
                "8080",
                Indeterminate,
                Reason::Absent,
            ),
        ],
    );
}

#[test]
fn a_key_that_is_no_port_leaves_the_policy_open() {
    for key in ["0", "+8080", "65536", "http", ""] {
        let spec = format!(
            "{{selector: {{matchLabels: {{app: web}}}}, portLevelMtls: {{'{key}': {{mode: STRICT}}}}}}"
        );
        let yaml = format!(
            "{}{}{}",
            strict_mesh(),
            Pod::sidecar(),
            policy("shop", "a", Some(0), &spec)
        );
        let snapshot = testing::snapshot(&yaml);
        let rows = rows_of(&RULE, &snapshot, "shop");
        let row = row(&rows, "8080");
        assert_eq!(row.verdict, Indeterminate, "{key}");
        let pointer = format!("/spec/portLevelMtls/{key}/mode");
        assert!(
            row.reads.iter().any(|read| read.pointer == pointer),
            "{key}"
        );
    }
}

#[test]
fn a_pod_in_the_root_namespace_is_under_the_policy_of_the_mesh() {
    let pod = Pod::sidecar().to_string();
    let pod = pod.replace("namespace: shop", "namespace: istio-system");
    let snapshot = testing::snapshot(&(strict_mesh() + &pod));
    let rows = rows_of(&RULE, &snapshot, "istio-system");
    assert_eq!(row(&rows, "8080").verdict, Pass);
}

#[test]
fn a_row_carries_every_value_it_rests_on() {
    let yaml = format!(
        "{}{}{}",
        strict_mesh().replace("enableAutoMtls: true", "rootNamespace: istio-system"),
        Pod::sidecar(),
        policy(
            "shop",
            "a",
            Some(0),
            "{selector: {matchLabels: {app: web}}, portLevelMtls: {'8080': {mode: UNSET}, '9090': {mode: DISABLE}}}"
        ),
    );
    let snapshot = testing::snapshot(&yaml);
    let rows = rows_of(&RULE, &snapshot, "shop");
    let reads: Vec<String> = row(&rows, "9090")
        .reads
        .iter()
        .map(|read| {
            let object = read
                .object()
                .map_or("pod", |index| snapshot.objects[index].name());
            let value = read
                .value
                .as_ref()
                .map_or("-".to_owned(), ToString::to_string);
            format!("{object} {} {value}", read.pointer)
        })
        .collect();
    assert_eq!(
        reads,
        [
            "pod /spec/containers/0/ports/1/containerPort 9090",
            "pod /spec/containers/1/args/proxy \"sidecar\"",
            "pod /spec/initContainers/0/args/-m \"REDIRECT\"",
            "pod /spec/initContainers/0/args/-b \"*\"",
            "pod /spec/initContainers/0/args/-d \"15090,15021,15020\"",
            "pod /spec/initContainers/0/args/-c -",
            "pod /metadata/annotations/istio.io~1rev \"default\"",
            "istiod-default /spec/containers/0/env/REVISION \"default\"",
            "istio /data/mesh/rootNamespace \"istio-system\"",
            "default /spec/mtls/mode \"STRICT\"",
            "a /spec/mtls/mode -",
            "a /spec/portLevelMtls/9090/mode \"DISABLE\"",
        ]
    );
}
