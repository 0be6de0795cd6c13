//! The mesh as a whole.

use super::super::global_strict_mtls::RULE;
use super::*;
use crate::testing::mesh::{Pod, policy_of_revision};

fn judge(yaml: &str) -> Observation {
    judge_snapshot(&testing::snapshot(yaml))
}

fn judge_snapshot(snapshot: &Snapshot) -> Observation {
    let mut rows = RULE.all(&testing::model(snapshot));
    assert_eq!(rows.len(), 1, "one row about the cluster");
    rows.remove(0)
}

fn check(base: &str, cases: &[(&str, String, Verdict, Reason)]) {
    for (why, yaml, verdict, reason) in cases {
        let row = judge(&format!("{base}{yaml}"));
        assert_eq!(
            (row.verdict, row.reason),
            (*verdict, *reason),
            "{why}: {}",
            row.message
        );
    }
}

fn shop(name: &str, made: u8, spec: &str) -> String {
    policy("shop", name, Some(made), spec)
}

fn of(app: &str, rest: &str) -> String {
    format!("{{selector: {{matchLabels: {{app: {app}}}}}, {rest}}}")
}

const WEAK: &str = "mtls: {mode: PERMISSIVE}";
const STRICT: &str = "mtls: {mode: STRICT}";

#[test]
fn a_strict_mesh_passes_until_something_weakens_it() {
    check(
        &strict_mesh(),
        &[
            ("nothing else", String::new(), Pass, Reason::Value),
            (
                "STRICT again",
                shop("a", 1, "{mtls: {mode: STRICT}}"),
                Pass,
                Reason::Value,
            ),
            ("inherits", shop("a", 1, "{}"), Pass, Reason::Value),
            (
                "a namespace without pods",
                shop("a", 1, "{mtls: {mode: PERMISSIVE}}"),
                Fail,
                Reason::Value,
            ),
            (
                "DISABLE",
                shop("a", 1, "{mtls: {mode: DISABLE}}"),
                Fail,
                Reason::Value,
            ),
            (
                "ignored beside an older one",
                shop("a", 2, "{mtls: {mode: PERMISSIVE}}") + &shop("b", 1, "{}"),
                Pass,
                Reason::Value,
            ),
            (
                "pods that need not exist",
                shop("a", 1, &of("web", WEAK)),
                Fail,
                Reason::Value,
            ),
            (
                "one port",
                shop(
                    "a",
                    1,
                    &of("web", "portLevelMtls: {'8080': {mode: DISABLE}}"),
                ),
                Fail,
                Reason::Value,
            ),
            (
                "a port without a selector is ignored",
                shop("a", 1, "{portLevelMtls: {'8080': {mode: DISABLE}}}"),
                Pass,
                Reason::Value,
            ),
            (
                "selector in the root namespace is ignored",
                policy("istio-system", "a", Some(1), &of("web", WEAK)),
                Pass,
                Reason::Value,
            ),
            (
                "another revision's",
                policy_of_revision("shop", "a", "canary", &format!("{{{WEAK}}}")),
                Pass,
                Reason::Value,
            ),
            (
                "no mode",
                shop("a", 1, "{mtls: {mode: Permissive}}"),
                Indeterminate,
                Reason::Unrecognised,
            ),
        ],
    );
}

#[test]
fn a_policy_that_an_older_one_covers_has_no_effect() {
    let undated = |name: &str, spec: &str| policy("shop", name, None, spec);
    let narrow = "{selector: {matchLabels: {app: web, version: b}}, mtls: {mode: PERMISSIVE}}";
    check(
        &strict_mesh(),
        &[
            (
                "covered",
                shop("a", 1, &of("web", STRICT)) + &shop("b", 2, narrow),
                Pass,
                Reason::Value,
            ),
            (
                "older",
                shop("a", 2, &of("web", STRICT)) + &shop("b", 1, narrow),
                Fail,
                Reason::Value,
            ),
            (
                "other pods",
                shop("a", 1, &of("api", STRICT)) + &shop("b", 2, narrow),
                Fail,
                Reason::Value,
            ),
            (
                "wider than the older one",
                shop("a", 1, narrow) + &shop("b", 2, &of("web", WEAK)),
                Fail,
                Reason::Value,
            ),
            (
                "order not known",
                undated("a", &of("web", STRICT)) + &undated("b", narrow),
                Indeterminate,
                Reason::Absent,
            ),
            (
                "order not known, and all weak",
                undated("a", &of("web", WEAK)) + &undated("b", narrow),
                Fail,
                Reason::Value,
            ),
            (
                "order not known of two for the namespace",
                undated("a", "{mtls: {mode: STRICT}}") + &undated("b", "{mtls: {mode: DISABLE}}"),
                Indeterminate,
                Reason::Absent,
            ),
        ],
    );
}

#[test]
fn without_a_mesh_wide_strict_policy_it_fails() {
    let strict = "{mtls: {mode: STRICT}}";
    let root = |name: &str, made: u8, spec: &str| policy("istio-system", name, Some(made), spec);
    check(
        &control_plane(),
        &[
            ("none", String::new(), Fail, Reason::Default),
            (
                "I17: one namespace only",
                shop("a", 1, strict),
                Fail,
                Reason::Default,
            ),
            (
                "UNSET",
                root("default", 1, "{mtls: {mode: UNSET}}"),
                Fail,
                Reason::Default,
            ),
            (
                "PERMISSIVE",
                root("default", 1, "{mtls: {mode: PERMISSIVE}}"),
                Fail,
                Reason::Value,
            ),
            (
                "the older counts, whatever its name",
                root("default", 2, strict) + &root("older", 1, "{mtls: {mode: DISABLE}}"),
                Fail,
                Reason::Value,
            ),
            (
                "no mode",
                root("default", 1, "{mtls: {mode: strict}}"),
                Indeterminate,
                Reason::Unrecognised,
            ),
        ],
    );
}

#[test]
fn the_worst_of_several_revisions_counts() {
    let canary = |mesh: &str| {
        istiod("istio-canary", "canary") + &mesh_config("istio-canary", "istio-canary", mesh)
    };
    let own_root = canary("rootNamespace: istio-canary");
    let base = strict_mesh();
    let pass = judge(&(base.clone() + &canary("rootNamespace: istio-system")));
    assert_eq!(pass.verdict, Pass, "they share a root namespace");
    let fail = judge(&(base.clone() + &own_root));
    assert_eq!((fail.verdict, fail.reason), (Fail, Reason::Default));
    assert!(
        fail.message.starts_with("revision canary: "),
        "{}",
        fail.message
    );
    let unread = testing::without_named(
        testing::snapshot(&(base + &own_root)),
        Kind::ConfigMap,
        "istio-canary",
        "istio-canary",
        ReadStatus::Timeout,
    );
    let unknown = judge_snapshot(&unread);
    assert_eq!(
        (unknown.verdict, unknown.reason),
        (Indeterminate, Reason::Timeout)
    );
}

#[test]
fn what_there_is_of_meshes_decides_what_can_be_said() {
    let linkerd = Pod::web().container("{name: linkerd-proxy}").to_string();
    let webhook = |client: &str| {
        format!(
            "---\napiVersion: admissionregistration.k8s.io/v1\nkind: MutatingWebhookConfiguration\nmetadata: {{name: istio-sidecar-injector-main}}\nwebhooks: [{{name: a, clientConfig: {client}}}]\n"
        )
    };
    let service = testing::mesh::object("v1", "Service", "istio-system", "istiod-main", "{}");
    check(
        "",
        &[
            ("nothing", Pod::web().to_string(), Fail, Reason::Absent),
            ("Linkerd", linkerd.clone(), NotApplicable, Reason::Absent),
            (
                "Linkerd beside Istio",
                strict_mesh() + &linkerd,
                Pass,
                Reason::Value,
            ),
            (
                "a sidecar",
                Pod::sidecar().to_string(),
                Indeterminate,
                Reason::Absent,
            ),
            (
                "a policy",
                shop("a", 1, "{}"),
                Indeterminate,
                Reason::Absent,
            ),
            (
                "an injector elsewhere",
                webhook("{url: 'https://istiod.example'}"),
                Indeterminate,
                Reason::Absent,
            ),
            (
                "a webhook of a mesh that is gone",
                webhook("{service: {name: gone}}"),
                Fail,
                Reason::Absent,
            ),
            (
                "a Service of istiod",
                service,
                Indeterminate,
                Reason::Absent,
            ),
        ],
    );
    let unread = testing::without(
        testing::snapshot(&linkerd),
        Kind::PeerAuthentication,
        ReadStatus::Forbidden,
    );
    let row = judge_snapshot(&unread);
    assert_eq!(
        (row.verdict, row.reason),
        (Indeterminate, Reason::Forbidden),
        "Istio may be in what was not read"
    );
}

#[test]
fn files_define_a_control_plane_by_template_or_configuration() {
    let strict = policy("istio-system", "default", None, "{mtls: {mode: STRICT}}");
    let config = mesh_config("istio-system", "istio", "enableAutoMtls: true");
    let template = |replicas: u32| {
        Pod::new("istio-system", "istiod")
            .label("app", "istiod")
            .container("{name: discovery}")
            .template(replicas)
            .to_string()
    };
    let files = |yaml: String| judge_snapshot(&testing::manifests(&yaml)).verdict;
    assert_eq!(files(config.clone() + &strict), Pass);
    assert_eq!(files(template(1) + &strict), Pass);
    assert_eq!(
        files(template(0) + &strict),
        Indeterminate,
        "scaled to none"
    );
    assert_eq!(
        files(strict.clone()),
        Indeterminate,
        "its control plane may be anywhere"
    );
    let live = judge(&(config + &template(1) + &strict));
    assert_eq!(live.verdict, Indeterminate, "live, only running ones count");
}

#[test]
fn messages_name_policies_and_no_more_than_a_few() {
    let open = |name: &str| policy(name, "open", Some(1), "{mtls: {mode: PERMISSIVE}}");
    let row =
        judge(&(strict_mesh() + &open("a") + &open("b") + &open("c") + &open("d") + &open("e")));
    assert_eq!(
        row.message,
        "mesh-wide, PeerAuthentication istio-system/default sets STRICT; weaker: a/open PERMISSIVE, b/open PERMISSIVE, c/open PERMISSIVE, 2 more"
    );
    let modes = row
        .reads
        .iter()
        .filter(|read| read.pointer == "/spec/mtls/mode");
    assert_eq!(modes.count(), 6, "the values read hold them all");
}

#[test]
fn of_policies_for_the_same_pods_the_oldest_counts() {
    let web = |name: &str, made: Option<u8>, mode: &str| {
        let spec = format!("{{selector: {{matchLabels: {{app: web}}}}, mtls: {{mode: {mode}}}}}");
        policy("shop", name, made, &spec)
    };
    let ambient = Pod::web()
        .spec("nodeName: a")
        .annotation("ambient.istio.io/redirection", "enabled")
        .to_string();
    let all =
        |name: &str, mode: &str| policy("shop", name, None, &format!("{{mtls: {{mode: {mode}}}}}"));
    check(
        &strict_mesh(),
        &[
            (
                "of one second, the first by name",
                web("a", Some(5), "STRICT") + &web("b", Some(5), "PERMISSIVE"),
                Pass,
                Reason::Value,
            ),
            (
                "to a ztunnel, either",
                web("a", Some(5), "STRICT") + &web("b", Some(5), "PERMISSIVE") + &ambient,
                Indeterminate,
                Reason::Absent,
            ),
            (
                "to a ztunnel, the older",
                web("a", Some(4), "STRICT") + &web("b", Some(5), "PERMISSIVE") + &ambient,
                Pass,
                Reason::Value,
            ),
            (
                "either, where one has no time",
                web("a", None, "STRICT") + &web("b", Some(5), "PERMISSIVE"),
                Indeterminate,
                Reason::Absent,
            ),
            (
                "two weak ones, whichever counts",
                all("a", "PERMISSIVE") + &all("b", "DISABLE"),
                Fail,
                Reason::Value,
            ),
        ],
    );
}

#[test]
fn messages_name_each_policy_once() {
    let ambient = Pod::web()
        .spec("nodeName: a")
        .annotation("ambient.istio.io/redirection", "enabled");
    let ports = "{selector: {matchLabels: {app: web}}, mtls: {mode: STRICT}, portLevelMtls: {'8080': {mode: DISABLE}, '9090': {mode: PERMISSIVE}}}";
    let weaker = policy("shop", "open", Some(1), "{mtls: {mode: PERMISSIVE}}")
        + &policy("shop", "ports", Some(2), ports);
    let row = judge(&format!("{}{ambient}{weaker}", strict_mesh()));
    assert_eq!(row.verdict, Fail);
    assert_eq!(
        row.message.matches("shop/open").count(),
        1,
        "{}",
        row.message
    );
    assert_eq!(
        row.message.matches("shop/ports").count(),
        2,
        "{}",
        row.message
    );
}
