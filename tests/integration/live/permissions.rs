//! What a scan says when it may not read everything.

use super::{auditor, install, scan};
use crate::servers::{Options, private};

const STATIC: Options<'_> = Options {
    controllers: true,
    api_server_flags: &[],
};

#[test]
fn without_any_permission_nothing_passes() {
    let Some(cluster) = private(STATIC) else {
        return;
    };
    super::install_kinds(&cluster);
    let scan = scan(&cluster.kubeconfig("restricted"), &[]);
    assert_eq!(scan.code, 3, "{}", scan.stderr);
    assert!(!scan.rows.is_empty());
    scan.only(&["indeterminate"]);
    assert!(
        scan.rows.iter().all(|row| row.reason == "forbidden"),
        "{:#?}",
        scan.rows
    );
}

#[test]
fn without_peer_authentications_no_mtls_rule_passes() {
    let Some(cluster) = private(Options {
        controllers: false,
        api_server_flags: &[],
    }) else {
        return;
    };
    install(&cluster);
    // One pod without a proxy, in the namespace of an app.
    cluster.apply(
        "{apiVersion: v1, kind: Pod, metadata: {name: bare, namespace: claims-production},
          spec: {containers: [{name: c, image: registry.example/c, ports: [{containerPort: 80}]}]},
          status: {phase: Running, podIP: 10.9.9.9, podIPs: [{ip: 10.9.9.9}]}}",
    );
    let auditor = auditor(&cluster, "no-policies", &["peerauthentications"]);
    let scan = scan(&auditor.kubeconfig, &[]);
    assert!(
        [1, 3].contains(&scan.code),
        "{}: {}",
        scan.code,
        scan.stderr
    );
    for rule in ["global-strict-mtls", "workload-strict-mtls"] {
        let passed: Vec<_> = scan.of(rule).filter(|row| row.verdict == "pass").collect();
        assert!(passed.is_empty(), "{passed:#?}");
        assert!(
            scan.of(rule)
                .any(|row| row.verdict == "indeterminate" && row.reason == "forbidden")
        );
    }
    let bare: Vec<_> = scan
        .of("workload-strict-mtls")
        .filter(|row| row.name == "bare")
        .collect();
    assert!(
        !bare.is_empty() && bare.iter().all(|row| row.verdict == "fail"),
        "{bare:#?}"
    );
}

#[test]
fn without_nodes_only_what_rests_on_nodes_is_open() {
    let Some(cluster) = private(Options {
        controllers: false,
        api_server_flags: &[],
    }) else {
        return;
    };
    install(&cluster);
    let auditor = auditor(&cluster, "no-nodes", &["nodes"]);
    let scan = scan(&auditor.kubeconfig, &[]);
    assert_eq!(scan.code, 3, "{}", scan.stderr);
    let open: Vec<_> = scan
        .rows
        .iter()
        .filter(|row| row.verdict == "indeterminate")
        .collect();
    // What reaches a pod from its own node, and what enforces policies there, rest on nodes as well.
    let resting = [
        "container-runtime",
        "network-policy-enforcement",
        "default-deny",
        "tier-isolation",
        "app-isolation",
        "management-isolation",
        "admin-port-reachability",
    ];
    assert!(
        open.iter()
            .all(|row| resting.contains(&row.rule.as_str()) && row.reason == "forbidden"),
        "{open:#?}"
    );
    let runtime: Vec<_> = scan.of("container-runtime").collect();
    assert!(
        matches!(runtime[..], [row] if row.kind == "Cluster" && row.verdict == "indeterminate"),
        "{runtime:#?}"
    );
    // What does not rest on nodes is judged as ever.
    assert!(
        scan.of("seccomp-profile")
            .all(|row| row.verdict != "indeterminate")
    );
    assert!(scan.of("seccomp-profile").next().is_some());
}

#[test]
fn pods_forbidden_in_one_namespace_leave_a_row_for_it() {
    let Some(cluster) = private(STATIC) else {
        return;
    };
    super::install_kinds(&cluster);
    for namespace in ["open", "closed"] {
        cluster.apply(&format!(
            "{{apiVersion: v1, kind: Namespace, metadata: {{name: {namespace}, labels: {{tier: test}}}}}}\n---\n\
             {{apiVersion: privatecloud.mendix.com/v1alpha1, kind: MendixApp, metadata: {{name: app, namespace: {namespace}}}, spec: {{runtime: {{dtapMode: P}}}}}}\n---\n\
             {{apiVersion: v1, kind: Pod, metadata: {{name: app, namespace: {namespace}, labels: {{app: app, component: mendix-app}}}}, spec: {{containers: [{{name: mendix, image: registry.example/app}}]}}}}\n"
        ));
    }
    let auditor = auditor(&cluster, "partial", &["pods"]);
    cluster.apply(
        "{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: pods, namespace: open}, rules: [{apiGroups: ['']  , resources: [pods], verbs: [list]}]}\n---\n\
         {apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: pods, namespace: open}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: pods}, subjects: [{kind: Group, apiGroup: rbac.authorization.k8s.io, name: 'system:serviceaccounts'}]}\n"
    );
    let scan = crate::servers::eventually("pods of one namespace", || {
        let scan = scan(&auditor.kubeconfig, &["-n", "open", "-n", "closed"]);
        let read = scan
            .sources()
            .contains(&("Pod".into(), "open".into(), "read".into()));
        read.then_some(scan)
    });
    assert!(
        scan.sources()
            .contains(&("Pod".into(), String::new(), "forbidden".into()))
    );
    let host: Vec<_> = scan.of("host-namespaces").collect();
    assert_eq!(host.len(), 2, "{host:#?}");
    assert!(
        host.iter()
            .any(|row| row.kind == "Pod" && row.namespace == "open" && row.verdict == "pass")
    );
    assert!(host.iter().any(|row| {
        row.kind == "Namespace"
            && row.name == "closed"
            && row.verdict == "indeterminate"
            && row.reason == "forbidden"
    }));
    // What these judge is in other objects than pods.
    let without_pods = [
        "dtap-mode",
        "exec-access",
        "pod-security-admission",
        "default-deny",
    ];
    let passed: Vec<_> = scan
        .rows
        .iter()
        .filter(|row| row.namespace == "closed" && row.verdict == "pass")
        .filter(|row| !without_pods.contains(&row.rule.as_str()))
        .collect();
    assert!(passed.is_empty(), "{passed:#?}");
}
