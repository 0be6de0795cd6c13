//! What the data plane of single pods comes to.

use super::data_plane::{DataPlane, Unmeshed};
use super::inbound::{Accepts, Cause, Inbound, Proof};
use super::*;
use crate::model::{Model, Port};

/// What `look` finds of the pods in `shop`.
fn of<T>(yaml: &str, look: impl Fn(&Model<'_>, &PodGroup<'_>) -> T) -> T {
    let snapshot = testing::snapshot(yaml);
    let model = testing::model(&snapshot);
    let pod = model.pods.iter().find(|pod| pod.namespace == "shop");
    look(&model, pod.unwrap())
}

fn data_plane(yaml: impl Into<String>) -> DataPlane {
    of(&yaml.into(), |model, pod| {
        model.mesh.data_plane(pod).data_plane
    })
}

fn port(number: u16) -> Port {
    Port {
        number,
        protocol: "TCP".to_owned(),
    }
}

#[test]
fn why_a_pod_has_no_proxy_is_told() {
    let asking = |value: &str| {
        format!(
            "---\napiVersion: v1\nkind: Namespace\nmetadata: {{name: shop, annotations: {{linkerd.io/inject: {value}}}}}\n"
        )
    };
    let opted_out = || Pod::web().annotation(data_plane::INJECT, "disabled");
    let table = [
        (Pod::web().into(), Unmeshed::NoProxy, "nothing asks for one"),
        (
            Pod::web().init("{name: migrate}").into(),
            Unmeshed::NoProxy,
            "another init container",
        ),
        (
            Pod::web().init("{name: istio-proxy}").into(),
            Unmeshed::ProxyEnds,
            "the proxy ends",
        ),
        (
            format!("{}{}", asking("enabled"), Pod::web()),
            Unmeshed::NotInjected,
            "its namespace asks",
        ),
        (
            format!("{}{}", asking("enabled"), opted_out()),
            Unmeshed::InjectDisabled,
            "its namespace asks, and it does not want",
        ),
        (
            format!("{}{}", asking("disabled"), opted_out()),
            Unmeshed::NoProxy,
            "neither wants",
        ),
    ];
    for (yaml, expected, why) in table {
        assert_eq!(data_plane(yaml), DataPlane::Unmeshed(expected), "{why}");
    }
}

#[test]
fn an_agent_runs_without_envoy_unless_that_is_certainly_off() {
    let with = |variable: &str| {
        data_plane(Pod::web().container(&format!(
            "{{name: istio-proxy, args: [proxy, sidecar], env: [{{name: DISABLE_ENVOY, {variable}}}]}}"
        )))
    };
    for off in ["value: ''", "value: 'false'", "value: '0'"] {
        assert_eq!(with(off), DataPlane::Sidecar, "{off}");
    }
    for on in ["value: 'true'", "value: odd", "valueFrom: {}"] {
        assert_eq!(with(on), DataPlane::NoEnvoy, "{on}");
    }
}

#[test]
fn beside_a_waypoint_an_app_stands_open() {
    let waypoint =
        || Pod::new("shop", "waypoint").container("{name: istio-proxy, args: [proxy, waypoint]}");
    let app = || {
        waypoint()
            .label("privatecloud.mendix.com/app", "crm")
            .container("{name: mendix}")
    };
    let accepts = |pod: Pod, number: Option<u16>| {
        of(&pod.to_string(), |model, pod| {
            let port = number.map(port);
            model.mesh.inbound(pod).accepts(port.as_ref())
        })
    };
    let tunnel = Accepts::MutualTls(Proof::Waypoint);
    let beside = Accepts::Plaintext(Cause::BesideProxy);
    let table = [
        (waypoint(), Some(15008), tunnel, "the tunnel"),
        (waypoint(), Some(9999), tunnel, "any other port"),
        (waypoint(), None, tunnel, "the pod as a whole"),
        (app(), Some(15008), tunnel, "the tunnel, beside an app"),
        (app(), Some(9999), beside, "another port, beside an app"),
        (app(), None, beside, "an app as a whole"),
    ];
    for (pod, number, expected, why) in table {
        assert_eq!(accepts(pod, number), expected, "{why}");
    }
}

#[test]
fn linkerds_proxies_meet_on_the_inbound_port() {
    let tunnel = |value: Option<&str>| {
        let pod = Pod::web()
            .init("{name: linkerd-init}")
            .init("{name: linkerd-proxy, restartPolicy: Always}");
        let pod = match value {
            Some(value) => pod.annotation("config.linkerd.io/inbound-port", value),
            None => pod,
        };
        of(&pod.to_string(), |model, pod| model.mesh.tunnel_port(pod))
    };
    assert_eq!(tunnel(None), Some(4143), "the usual one");
    assert_eq!(tunnel(Some("5143")), Some(5143), "moved");
    assert_eq!(tunnel(Some("0")), Some(4143), "no port");
}

/// What `look` finds of a gateway under a control plane of revision `default`.
fn gateway<T>(label: &str, more: &str, look: impl Fn(&Inbound<'_>) -> T) -> T {
    let pod = Pod::new("shop", "gateway")
        .label("app", "gateway")
        .label("istio", label)
        .annotation("istio.io/rev", "default")
        .container("{name: istio-proxy, args: [proxy, router]}");
    let control_plane =
        istiod("istio-system", "default") + &mesh_config("istio-system", "istio", "{}");
    of(&format!("{control_plane}{pod}{more}"), |model, pod| {
        look(&model.mesh.inbound(pod))
    })
}

fn serving(name: &str, app: &str, server: &str) -> String {
    let spec = format!("{{selector: {{app: {app}}}, servers: [{{hosts: ['*'], port: {server}}}]}}");
    object("networking.istio.io/v1", "Gateway", "shop", name, &spec)
}

#[test]
fn servers_open_the_ports_of_the_pods_that_they_are_for() {
    let server = "{number: 443, protocol: HTTPS, name: a}, tls: {mode: MUTUAL}";
    let own = serving("a", "gateway", server);
    let service = |app: &str, target: u16| {
        let ports = format!("ports: [{{port: 443, targetPort: {target}}}]");
        let spec = format!("{{selector: {{app: {app}}}, {ports}}}");
        object("v1", "Service", "shop", app, &spec)
    };
    let canary = serving("a, labels: {istio.io/rev: canary}", "gateway", server);
    let ingress = object(
        "networking.k8s.io/v1",
        "Ingress",
        "shop",
        "a, annotations: {kubernetes.io/ingress.class: istio}",
        "{}",
    );
    let table: [(&str, String, &[u16], &str); 8] = [
        ("a", String::new(), &[], "no server"),
        ("a", own.clone(), &[443], "its own"),
        ("a", serving("a", "other", server), &[], "of other pods"),
        ("a", canary, &[], "of another revision"),
        (
            "a",
            own.clone() + &service("gateway", 8443),
            &[8443],
            "behind a Service",
        ),
        (
            "a",
            own + &service("other", 9999),
            &[443],
            "a Service of other pods",
        ),
        ("ingressgateway", ingress.clone(), &[80], "an Ingress"),
        ("a", ingress, &[], "an Ingress that others serve"),
    ];
    for (label, more, expected, why) in table {
        gateway(label, &more, |inbound| {
            let expected = expected.iter().copied().collect();
            assert_eq!(inbound.opened_ports(), expected, "{why}");
            let serves_ingresses = label == "ingressgateway";
            assert_eq!(inbound.serves_ingresses(), serves_ingresses, "{why}");
            assert_eq!(inbound.namespace(), "shop");
        });
    }
}

#[test]
fn a_server_for_tls_without_settings_is_none_that_the_api_takes() {
    let accepts = |protocol: &str| {
        let server = format!("{{number: 443, protocol: {protocol}, name: a}}");
        gateway("a", &serving("a", "gateway", &server), |inbound| {
            inbound.accepts(Some(&port(443)))
        })
    };
    for protocol in ["HTTPS", "TLS", "https"] {
        assert_eq!(
            accepts(protocol),
            Accepts::Unknown(Doubt::Mode),
            "{protocol}"
        );
    }
    for protocol in ["HTTP", "TCP"] {
        let found = accepts(protocol);
        assert!(
            matches!(found, Accepts::Plaintext(Cause::Server(_))),
            "{protocol}: {found:?}"
        );
    }
}

#[test]
fn a_port_behind_a_service_is_written_where_the_service_names_it() {
    let ports =
        "ports: [{name: a, port: 80, targetPort: 8080}, {name: b, port: 81, targetPort: 9091}]";
    let spec = format!("{{selector: {{app: web}}, {ports}}}");
    let yaml = format!(
        "{}{}",
        Pod::web(),
        object("v1", "Service", "shop", "web", &spec)
    );
    let snapshot = testing::snapshot(&yaml);
    let model = testing::model(&snapshot);
    let ports = model.inbound_ports(0);
    let written = |number: u16| -> Vec<&str> {
        let facts = ports[&port(number)].iter();
        facts.map(|fact| &*fact.pointer).collect()
    };
    let declared = "/spec/containers/0/ports/0/containerPort";
    assert_eq!(written(8080), [declared, "/spec/ports/0/targetPort"]);
    assert_eq!(written(9091), ["/spec/ports/1/targetPort"]);
}

#[test]
fn linkerds_default_is_read_where_no_server_certainly_has_the_port() {
    let pod = Pod::web()
        .annotation("config.linkerd.io/default-inbound-policy", "deny")
        .init("{name: linkerd-init}")
        .init("{name: linkerd-proxy, restartPolicy: Always}");
    let odd = "{matchExpressions: [{key: a, operator: Odd}]}";
    let table = [
        ("{}", Some(8080), false, "a Server has it"),
        ("{}", Some(9090), true, "another port"),
        ("{}", None, true, "any port"),
        (odd, Some(8080), true, "a Server may have it"),
    ];
    for (selector, number, expected, why) in table {
        let spec = format!("{{podSelector: {selector}, port: 8080}}");
        let server = object("policy.linkerd.io/v1beta3", "Server", "shop", "web", &spec);
        let facts = of(&format!("{pod}{server}"), |model, pod| {
            model.mesh.linkerd_policies.way(pod).facts(number)
        });
        let default = "/metadata/annotations/config.linkerd.io~1default-inbound-policy";
        let found = facts.iter().any(|fact| fact.pointer == default);
        assert_eq!(found, expected, "{why}");
    }
}
