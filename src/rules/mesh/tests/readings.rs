//! The values that rows rest on, beside those of policies.

use super::super::{mesh_client_tls, mesh_enrolment};
use super::*;
use crate::testing::mesh::{Pod, namespace, object};

/// Everything that the rows of a rule rest on, as object, pointer and value.
fn readings(rule: &Rule, yaml: &str) -> Vec<String> {
    let snapshot = testing::snapshot(yaml);
    let model = testing::model(&snapshot);
    let rows = rule.all(&model);
    let reads = rows.iter().flat_map(|row| &row.reads);
    reads
        .map(|read| {
            let object = read.object().map(|index| snapshot.objects[index].name());
            let value = read.value.as_ref().map(ToString::to_string);
            let (object, value) = (object.unwrap_or("it"), value.unwrap_or("-".to_owned()));
            format!("{object} {} {value}", read.pointer)
        })
        .collect()
}

fn check(rule: &Rule, table: Vec<(&str, String, &[&str])>) {
    for (why, yaml, expected) in table {
        let found = readings(rule, &yaml);
        for reading in expected {
            let holds = found.iter().any(|known| known == reading);
            assert!(holds, "{why}: {reading} among {found:#?}");
        }
    }
}

fn ztunnel() -> Pod {
    Pod::new("istio-system", "ztunnel")
        .label("app", "ztunnel")
        .container("{name: istio-proxy, args: [proxy, ztunnel]}")
        .spec("nodeName: a")
        .status("{phase: Running, conditions: [{type: Ready, status: 'True'}]}")
}

fn ambient() -> Pod {
    Pod::web()
        .spec("nodeName: a")
        .annotation("ambient.istio.io/redirection", "enabled")
}

fn linkerd() -> Pod {
    Pod::web()
        .init("{name: linkerd-init, args: [--inbound-ports-to-ignore, '4190']}")
        .init("{name: linkerd-proxy, restartPolicy: Always}")
}

#[test]
fn enrolment_rests_on_what_redirects_to_the_proxy() {
    let app = |pod: Pod| pod.label("privatecloud.mendix.com/app", "crm");
    check(
        &mesh_enrolment::RULE,
        vec![
            (
                "a sidecar",
                format!("{}{}", strict_mesh(), app(Pod::sidecar())),
                &[
                    "it /spec/containers/1/args/proxy \"sidecar\"",
                    "it /spec/initContainers/0/args/-m \"REDIRECT\"",
                ],
            ),
            (
                "nothing that redirects",
                format!(
                    "{}{}",
                    strict_mesh(),
                    app(Pod::web()).container("{name: istio-proxy, args: [proxy, sidecar]}")
                ),
                &["it /spec/initContainers -"],
            ),
            (
                "a ztunnel",
                format!("{}{}{}", strict_mesh(), ztunnel(), app(ambient())),
                &[
                    "ztunnel /metadata/labels/app \"ztunnel\"",
                    "ztunnel /status/conditions/0/status \"True\"",
                ],
            ),
            (
                "Linkerd",
                app(linkerd()).to_string(),
                &["it /spec/initContainers/0/args/--inbound-ports-to-ignore \"4190\""],
            ),
        ],
    );
}

#[test]
fn what_a_port_accepts_rests_on_every_object_that_decides() {
    let namespaces = namespace("shop", "{team: a}") + &namespace("istio-system", "{team: a}");
    let selecting = strict_mesh().replace(
        "enableAutoMtls: true",
        "discoverySelectors: [{matchLabels: {team: a}}]",
    );
    let service = |port: &str| {
        let spec = format!("{{selector: {{app: web}}, ports: [{port}]}}");
        object("v1", "Service", "shop", "web", &spec)
    };
    let ports = "{name: a, port: 80, targetPort: 7000}, {name: b, port: 81, targetPort: 7001}, {name: c, port: 81, targetPort: 7001, protocol: UDP}";
    let sidecar = object("networking.istio.io/v1", "Sidecar", "shop", "own", "{}");
    check(
        &workload_strict_mtls::RULE,
        vec![
            (
                "a ztunnel",
                format!("{}{}{}", strict_mesh(), ztunnel(), ambient()),
                &["ztunnel /status/conditions/0/status \"True\""],
            ),
            (
                "labels of namespaces",
                format!("{selecting}{namespaces}{}", Pod::sidecar()),
                &["shop /metadata/labels {\"team\":\"a\"}"],
            ),
            (
                "a Sidecar",
                format!("{}{}{sidecar}", strict_mesh(), Pod::sidecar()),
                &["own /spec/workloadSelector -"],
            ),
            (
                "ports of Services",
                format!("{}{}{}", strict_mesh(), Pod::sidecar(), service(ports)),
                &[
                    "web /spec/ports/0/targetPort 7000",
                    "web /spec/ports/1/targetPort 7001",
                    "web /spec/ports/2/targetPort 7001",
                ],
            ),
        ],
    );
}

#[test]
fn gateways_rest_on_their_servers() {
    let pod = Pod::new("shop", "gateway")
        .label("app", "gateway")
        .label("gateway.networking.k8s.io/gateway-name", "listening")
        .annotation("istio.io/rev", "default")
        .container("{name: istio-proxy, args: [proxy, router], ports: [{containerPort: 8443}]}");
    let server =
        "{hosts: ['*'], port: {number: 8443, protocol: HTTPS, name: a}, tls: {mode: SIMPLE}}";
    let spec = format!("{{selector: {{app: gateway}}, servers: [{server}]}}");
    let istio = object(
        "networking.istio.io/v1",
        "Gateway",
        "shop",
        "serving",
        &spec,
    );
    let listener = "{name: a, port: 8443, protocol: HTTPS, tls: {mode: Terminate}}";
    let spec = format!("{{gatewayClassName: istio, listeners: [{listener}]}}");
    let api = object(
        "gateway.networking.k8s.io/v1",
        "Gateway",
        "shop",
        "listening",
        &spec,
    );
    check(
        &workload_strict_mtls::RULE,
        vec![
            (
                "a Gateway of Istio",
                format!("{}{pod}{istio}", strict_mesh()),
                &["serving /spec/servers/0/tls/mode \"SIMPLE\""],
            ),
            (
                "a Gateway of the Gateway API",
                format!("{}{pod}{api}", strict_mesh()),
                &["listening /spec/listeners/0/tls/mode \"Terminate\""],
            ),
        ],
    );
}

#[test]
fn linkerds_policies_rest_on_servers_defaults_and_whom_they_let_in() {
    let pod = linkerd().annotation("config.linkerd.io/default-inbound-policy", "deny");
    let of = |kind: &str, name: &str, spec: &str| {
        object("policy.linkerd.io/v1alpha1", kind, "shop", name, spec)
    };
    let server = object(
        "policy.linkerd.io/v1beta3",
        "Server",
        "shop",
        "server",
        "{podSelector: {matchLabels: {app: web}}, port: 8080}",
    );
    let references = |kind: &str| {
        let spec = format!(
            "{{targetRef: {{group: policy.linkerd.io, kind: Server, name: server}}, requiredAuthenticationRefs: [{{group: policy.linkerd.io, kind: {kind}, name: known}}]}}"
        );
        of("AuthorizationPolicy", "policy", &spec)
    };
    let identities = of("MeshTLSAuthentication", "known", "{identities: ['*']}");
    let accounts = of(
        "MeshTLSAuthentication",
        "known",
        "{identityRefs: [{kind: ServiceAccount, name: a}]}",
    );
    let client = object(
        "policy.linkerd.io/v1beta1",
        "ServerAuthorization",
        "shop",
        "authorization",
        "{server: {name: server}, client: {unauthenticated: true}}",
    );
    check(
        &workload_strict_mtls::RULE,
        vec![
            (
                "the default",
                pod.to_string(),
                &[
                    "it /metadata/annotations/config.linkerd.io~1default-inbound-policy \"deny\"",
                    "it /spec/initContainers/0/args/--inbound-ports-to-ignore \"4190\"",
                ],
            ),
            (
                "identities",
                format!(
                    "{pod}{server}{identities}{}",
                    references("MeshTLSAuthentication")
                ),
                &[
                    "server /spec/podSelector {\"matchLabels\":{\"app\":\"web\"}}",
                    "server /spec/port 8080",
                    "known /spec/identities [\"*\"]",
                ],
            ),
            (
                "accounts",
                format!(
                    "{pod}{server}{accounts}{}",
                    references("MeshTLSAuthentication")
                ),
                &["known /spec/identityRefs [{\"kind\":\"ServiceAccount\",\"name\":\"a\"}]"],
            ),
            (
                "a client",
                format!("{pod}{server}{client}"),
                &["authorization /spec/client/unauthenticated true"],
            ),
        ],
    );
    let default = "it /metadata/annotations/config.linkerd.io~1default-inbound-policy \"deny\"";
    let snapshot = testing::snapshot(&format!("{pod}{server}"));
    let rows = rows_of(&workload_strict_mtls::RULE, &snapshot, "shop");
    let on_default = |port: &str| {
        let pointer = default.split(' ').nth(1);
        let mut reads = row(&rows, port).reads.iter();
        reads.any(|read| Some(read.pointer.as_str()) == pointer)
    };
    assert!(!on_default("8080"), "a Server has this port");
    assert!(on_default("9090"), "and not this one");
}

#[test]
fn destinations_rest_on_what_leads_to_them() {
    let off = "trafficPolicy: {tls: {mode: DISABLE}}";
    let rule = |spec: &str| {
        object(
            "networking.istio.io/v1",
            "DestinationRule",
            "shop",
            "rule",
            spec,
        )
    };
    let service = "{selector: {app: web}, ports: [{name: http, port: 80, targetPort: 8080}]}";
    let service = object("v1", "Service", "shop", "web", service);
    let entry = "{hosts: [api.example], workloadSelector: {labels: {app: web}}}";
    let entry = object(
        "networking.istio.io/v1",
        "ServiceEntry",
        "shop",
        "entry",
        entry,
    );
    let base = format!("{}{}", strict_mesh(), Pod::sidecar());
    check(
        &mesh_client_tls::RULE,
        vec![
            (
                "a Service",
                format!(
                    "{base}{service}{}",
                    rule(&format!("{{host: web, exportTo: ['.'], {off}}}"))
                ),
                &[
                    "it /spec/host \"web\"",
                    "it /spec/exportTo [\".\"]",
                    "web /spec/selector {\"app\":\"web\"}",
                    "web /spec/containers/1/args/proxy \"sidecar\"",
                ],
            ),
            (
                "a ServiceEntry",
                format!(
                    "{base}{entry}{}",
                    rule(&format!("{{host: api.example, {off}}}"))
                ),
                &["entry /spec/hosts [\"api.example\"]"],
            ),
        ],
    );
}
