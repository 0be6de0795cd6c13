//! What policies come to behind a ztunnel, beside what they come to behind a sidecar.

use super::*;
use crate::testing::mesh::{Pod, policy_of_revision};

const SELECTED: &str = "selector: {matchLabels: {app: web}}";

fn ztunnel() -> Pod {
    ztunnel_in("istio-system")
}

fn ambient() -> Pod {
    Pod::web()
        .spec("nodeName: a")
        .annotation("ambient.istio.io/redirection", "enabled")
}

/// Verdicts behind a sidecar and behind a ztunnel for a port.
fn both(policies: &str, port: &str) -> (Verdict, Verdict) {
    let of = |pod: Pod| {
        let yaml = format!("{}{}{pod}{policies}", control_plane(), ztunnel());
        judge(&yaml, port).0
    };
    (of(Pod::sidecar()), of(ambient()))
}

fn mesh(mode: &str) -> String {
    policy(
        "istio-system",
        "default",
        Some(0),
        &format!("{{mtls: {{mode: {mode}}}}}"),
    )
}

fn workload(rest: &str) -> String {
    let spec = format!("{{{SELECTED}, {rest}}}");
    policy("shop", "web", Some(1), &spec)
}

#[test]
fn modes_mean_the_same_where_nothing_is_said_of_ports() {
    let of_namespace = |mode: &str, made: u8| {
        let spec = format!("{{mtls: {{mode: {mode}}}}}");
        policy(
            "shop",
            &format!("{}-{made}", mode.to_lowercase()),
            Some(made),
            &spec,
        )
    };
    let table = [
        (String::new(), Fail, "no policy"),
        (mesh("STRICT"), Pass, "the mesh's"),
        (mesh("UNSET"), Fail, "the mesh's sets none"),
        (mesh("PERMISSIVE"), Fail, "permissive"),
        (
            mesh("DISABLE"),
            Fail,
            "disabled, which a ztunnel takes for permissive",
        ),
        (
            mesh("STRICT") + &of_namespace("PERMISSIVE", 1),
            Fail,
            "the namespace's overrides",
        ),
        (
            mesh("PERMISSIVE") + &of_namespace("STRICT", 1),
            Pass,
            "the namespace's overrides",
        ),
        (
            mesh("STRICT") + &of_namespace("UNSET", 1),
            Pass,
            "the namespace's inherits",
        ),
        (
            mesh("STRICT") + &of_namespace("STRICT", 1) + &of_namespace("DISABLE", 2),
            Pass,
            "the older one counts",
        ),
        (
            mesh("STRICT") + &workload("mtls: {mode: PERMISSIVE}"),
            Fail,
            "the workload's overrides",
        ),
        (
            mesh("PERMISSIVE") + &workload("mtls: {mode: STRICT}"),
            Pass,
            "the workload's overrides",
        ),
        (
            mesh("STRICT")
                + &policy_of_revision("shop", "canary", "canary", "{mtls: {mode: DISABLE}}"),
            Pass,
            "another revision's is not read",
        ),
    ];
    for (policies, expected, why) in table {
        assert_eq!(both(&policies, "8080"), (expected, expected), "{why}");
    }
}

#[test]
fn ports_mean_something_else_behind_a_ztunnel() {
    let open = |mode: &str| format!("portLevelMtls: {{'8080': {{mode: {mode}}}}}");
    let two = "portLevelMtls: {'8080': {mode: DISABLE}, '8443': {mode: PERMISSIVE}}";
    let strict = || mesh("STRICT");
    let unset = || policy("shop", "default", Some(1), "{}");
    let table = [
        (
            strict() + &workload(&open("PERMISSIVE")),
            (Fail, Fail),
            "opened",
        ),
        (
            strict() + &workload(&open("DISABLE")),
            (Fail, Pass),
            "only PERMISSIVE is looked for under an inherited STRICT",
        ),
        (
            strict() + &workload(two),
            (Fail, Fail),
            "one that is PERMISSIVE makes all count",
        ),
        (
            strict() + &workload(&format!("mtls: {{mode: STRICT}}, {}", open("DISABLE"))),
            (Fail, Fail),
            "a mode of its own",
        ),
        (
            workload(&open("STRICT")),
            (Pass, Pass),
            "closed by itself where nothing is strict",
        ),
        (
            strict() + &workload(&format!("mtls: {{mode: PERMISSIVE}}, {}", open("STRICT"))),
            (Pass, Indeterminate),
            "closed again under a strict mesh",
        ),
        (
            strict() + &workload(&open("ODD")),
            (Indeterminate, Indeterminate),
            "no mode of the API",
        ),
        (
            strict() + &unset() + &workload("portLevelMtls: {'9090': {mode: PERMISSIVE}}"),
            (Pass, Indeterminate),
            "a policy without a mode between the two",
        ),
    ];
    for (policies, expected, why) in table {
        assert_eq!(both(&policies, "8080"), expected, "{why}");
    }
}

#[test]
fn ports_that_are_not_named_keep_the_mode() {
    let ports = "portLevelMtls: {'8080': {mode: PERMISSIVE}}";
    assert_eq!(
        both(&(mesh("STRICT") + &workload(ports)), "9090"),
        (Pass, Pass)
    );
    assert_eq!(both(&workload(ports), "9090"), (Fail, Fail));
}

#[test]
fn empty_selectors_and_ties_count_for_less_behind_a_ztunnel() {
    let empty = policy(
        "istio-system",
        "default",
        Some(0),
        "{selector: {}, mtls: {mode: STRICT}}",
    );
    assert_eq!(both(&empty, "8080"), (Pass, Fail), "of the mesh");
    let of_namespace = empty.replace("istio-system", "shop");
    assert_eq!(both(&of_namespace, "8080"), (Pass, Pass), "of a namespace");
    let tie = policy("shop", "a", Some(1), "{mtls: {mode: STRICT}}")
        + &policy("shop", "b", Some(1), "{mtls: {mode: PERMISSIVE}}");
    assert_eq!(both(&tie, "8080"), (Pass, Indeterminate), "names decide");
    let later = tie.replace(
        ":00:01Z'}\nspec: {mtls: {mode: PERMISSIVE}}",
        ":00:02Z'}\nspec: {mtls: {mode: PERMISSIVE}}",
    );
    assert_eq!(both(&later, "8080"), (Pass, Pass), "times decide");
}

#[test]
fn ztunnels_count_where_a_control_plane_trusts_them() {
    let on = |ztunnel: Pod, istiod: &str| {
        let yaml = format!(
            "{istiod}{}{}{ztunnel}{}",
            mesh_config("istio-system", "istio", "{}"),
            mesh("STRICT"),
            ambient()
        );
        judge(&yaml, "8080").0
    };
    let istiod = istiod("istio-system", "default");
    let trusting = Pod::new("istio-system", "istiod")
        .label("app", "istiod")
        .container("{name: discovery, env: [{name: REVISION, value: default}, {name: CA_TRUSTED_NODE_ACCOUNTS, value: 'kube-system/ztunnel,x/y'}]}")
        .to_string();
    assert_eq!(on(ztunnel(), &istiod), Pass);
    assert_eq!(on(ztunnel_in("shop"), &istiod), Indeterminate, "a tenant's");
    assert_eq!(on(ztunnel_in("kube-system"), &trusting), Pass, "named");
    assert_eq!(
        on(ztunnel(), &trusting),
        Indeterminate,
        "others than those named are not trusted"
    );
    let tenant = Pod::new("shop", "tenant").container("{name: discovery}");
    assert_eq!(
        on(ztunnel_in("shop"), &format!("{istiod}{tenant}")),
        Indeterminate,
        "a container's name alone makes nobody trusted"
    );
    let silent = trusting.replace("kube-system/ztunnel,x/y", "");
    assert_eq!(on(ztunnel(), &silent), Pass, "nobody named");
    let labelled = Pod::new("istio-system", "ztunnel")
        .label("app", "ztunnel")
        .container("{name: web, image: web}")
        .spec("nodeName: a")
        .status("{phase: Running, conditions: [{type: Ready, status: 'True'}]}");
    assert_eq!(on(labelled.clone(), &istiod), Indeterminate, "in name only");
    let owned = |kind: &str| {
        let owner = format!("ownerReferences: [{{kind: {kind}, name: a, controller: true}}]");
        labelled
            .to_string()
            .replace("name: ztunnel,", &format!("name: ztunnel, {owner},"))
    };
    let by = |kind: &str| {
        let config = mesh_config("istio-system", "istio", "{}");
        let yaml = format!(
            "{istiod}{config}{}{}{}",
            mesh("STRICT"),
            ambient(),
            owned(kind)
        );
        judge(&yaml, "8080").0
    };
    assert_eq!(by("DaemonSet"), Pass, "a DaemonSet's");
    assert_eq!(by("ReplicaSet"), Indeterminate, "another workload's");
    let unready =
        ztunnel().status("{phase: Running, conditions: [{type: Ready, status: 'False'}]}");
    assert_eq!(on(unready, &istiod), Indeterminate, "not ready");
    let ended = ztunnel().status("{phase: Failed, conditions: [{type: Ready, status: 'True'}]}");
    assert_eq!(on(ended, &istiod), Indeterminate, "ended");
}

#[test]
fn without_names_the_control_planes_own_namespace_is_trusted() {
    let istiod = Pod::new("mesh", "istiod")
        .label("app", "istiod")
        .container("{name: discovery, env: [{name: REVISION, value: default}, {name: CA_TRUSTED_NODE_ACCOUNTS, value: ''}]}");
    let config = mesh_config("mesh", "istio", "rootNamespace: istio-system");
    let on = |ztunnel: Pod| {
        let yaml = format!("{istiod}{config}{}{}{ztunnel}", mesh("STRICT"), ambient());
        judge(&yaml, "8080").0
    };
    assert_eq!(on(ztunnel_in("mesh")), Pass);
    assert_eq!(on(ztunnel()), Indeterminate);
}

#[test]
fn a_strict_port_of_a_strict_pod_stays_strict() {
    let unset = policy("shop", "default", Some(0), "{}");
    let strict = workload("mtls: {mode: STRICT}, portLevelMtls: {'8080': {mode: STRICT}}");
    let found = both(&format!("{}{unset}{strict}", mesh("STRICT")), "8080");
    assert_eq!(found, (Pass, Pass));
}

fn ztunnel_in(namespace: &str) -> Pod {
    Pod::new(namespace, "ztunnel")
        .label("app", "ztunnel")
        .container("{name: istio-proxy, args: [proxy, ztunnel]}")
        .spec("nodeName: a")
        .status("{phase: Running, conditions: [{type: Ready, status: 'True'}]}")
}
