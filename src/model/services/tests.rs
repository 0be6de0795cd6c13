use super::backends::{Backend, BackendPort};
use super::*;
use crate::model::{Model, ScopeRequest};
use crate::snapshot::ReadStatus;
use crate::testing::{snapshot, without};

/// A running pod with a port for each `name: number`, and a Service that selects it.
fn pod(name: &str, address: &str, ports: &str) -> String {
    format!(
        "
---
apiVersion: v1
kind: Pod
metadata: {{name: {name}, namespace: prod, labels: {{app: claims, pod: {name}}}}}
spec:
  containers: [{{name: mendix, ports: [{ports}]}}]
status: {{phase: Running, podIP: {address}, podIPs: [{{ip: {address}}}, {{ip: '2001:db8::1'}}]}}"
    )
}

fn service(name: &str, spec: &str) -> String {
    format!(
        "
---
apiVersion: v1
kind: Service
metadata: {{name: {name}, namespace: prod}}
spec: {spec}"
    )
}

const CLAIMS: &str = "
---
apiVersion: v1
kind: Pod
metadata: {name: claims, namespace: prod, labels: {app: claims}}
spec:
  initContainers:
  - {name: setup, ports: [{name: metrics, containerPort: 1}]}
  - {name: m2ee-sidecar, restartPolicy: Always, ports: [{name: metrics, containerPort: 8900}, {name: web, containerPort: 2}]}
  containers:
  - {name: mendix, ports: [{name: web, containerPort: 8080}, {name: metrics, containerPort: 5353, protocol: UDP}]}
status: {phase: Running, podIP: 10.0.0.1}";

/// `port/protocol` of every target, in order.
fn targets(yaml: &str, service: &str) -> Vec<String> {
    let snapshot = snapshot(yaml);
    let model = Model::new(&snapshot, &ScopeRequest::default());
    let service = snapshot.find(Kind::Service, "prod", service).unwrap();
    let targets = model.services.targets(service).iter();
    targets
        .map(|target| format!("{}/{}", target.port, target.protocol))
        .collect()
}

#[test]
fn target_ports_resolve_as_the_api_does() {
    let table: [(&str, &[&str], &str); 10] = [
        ("{port: 8900}", &["8900/TCP"], "absent means the port"),
        (
            "{port: 8900, targetPort: 0}",
            &["8900/TCP"],
            "0 means the port",
        ),
        (
            "{port: 80, targetPort: 9000}",
            &["9000/TCP"],
            "a number, declared or not",
        ),
        (
            "{port: 8900, targetPort: 8080}",
            &["8080/TCP"],
            "the target decides, not the port",
        ),
        (
            "{port: 80, targetPort: web}",
            &["8080/TCP"],
            "app containers come before native sidecars",
        ),
        (
            "{port: 80, targetPort: metrics}",
            &["8900/TCP"],
            "native sidecars count, other init containers don't, nor other protocols",
        ),
        (
            "{port: 80, targetPort: metrics, protocol: UDP}",
            &["5353/UDP"],
            "the protocol is part of the name",
        ),
        ("{port: 80, targetPort: nothing}", &[], "no such name"),
        (
            "{port: 80, targetPort: '9000'}",
            &["9000/TCP"],
            "digits in quotes",
        ),
        (
            "{port: 9000, protocol: SCTP}",
            &["9000/SCTP"],
            "other protocols",
        ),
    ];
    for (port, expected, why) in table {
        let spec = format!("{{selector: {{app: claims}}, ports: [{port}]}}");
        let yaml = format!("{CLAIMS}{}", service("claims", &spec));
        assert_eq!(targets(&yaml, "claims"), expected, "{port}: {why}");
    }
}

#[test]
fn selectors_match_whole_and_in_their_namespace_only() {
    let elsewhere = CLAIMS.replace("namespace: prod", "namespace: test");
    let finished = CLAIMS.replace("phase: Running", "phase: Succeeded");
    let template = "
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: claims, namespace: prod}
spec: {replicas: 0, template: {metadata: {labels: {app: claims}}, spec: {containers: [{name: mendix}]}}}";
    let table: [(&str, &str, &[&str], &str); 7] = [
        (CLAIMS, "{app: claims}", &["8900/TCP"], "equal"),
        (
            CLAIMS,
            "{app: claims, tier: a}",
            &[],
            "one label is missing",
        ),
        (CLAIMS, "{app: other}", &[], "another value"),
        (CLAIMS, "{}", &[], "no selector selects nothing"),
        (&elsewhere, "{app: claims}", &[], "another namespace"),
        (
            &finished,
            "{app: claims}",
            &[],
            "finished pods have no endpoint",
        ),
        (template, "{app: claims}", &["8900/TCP"], "templates count"),
    ];
    for (pods, selector, expected, why) in table {
        let spec = format!("{{selector: {selector}, ports: [{{port: 8900}}]}}");
        let yaml = format!("{pods}{}", service("claims", &spec));
        assert_eq!(targets(&yaml, "claims"), expected, "{selector}: {why}");
    }
}

#[test]
fn each_pod_resolves_a_name_by_itself() {
    let yaml = [
        pod("old", "10.0.0.1", "{name: metrics, containerPort: 8080}"),
        pod("new", "10.0.0.2", "{name: metrics, containerPort: 8900}"),
        pod("bare", "10.0.0.3", ""),
        service(
            "claims",
            "{selector: {app: claims}, ports: [{port: 80, targetPort: metrics}]}",
        ),
    ]
    .concat();
    assert_eq!(targets(&yaml, "claims"), ["8900/TCP", "8080/TCP"]);
}

fn slice(service: &str, address: &str, ports: &str) -> String {
    format!(
        "
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{name: {service}-slice, namespace: prod, labels: {{kubernetes.io/service-name: {service}}}}}
addressType: IPv4
endpoints: [{{addresses: ['{address}']}}]
ports: {ports}"
    )
}

#[test]
fn slices_lead_to_pods_by_address() {
    let bare = service("by-hand", "{ports: [{name: admin, port: 80}]}");
    let selecting = service(
        "by-hand",
        "{selector: {app: claims}, ports: [{name: web, port: 8080}]}",
    );
    let alias = service("by-hand", "{type: ExternalName, externalName: a.example}");
    let table: [(&str, &str, &str, &[&str], &str); 8] = [
        (
            &bare,
            "10.0.0.1",
            "[{name: admin, port: 9000}]",
            &["9000/TCP"],
            "by address",
        ),
        (
            &bare,
            "2001:0db8:0::1",
            "[{port: 9000}]",
            &["9000/TCP"],
            "however it is written",
        ),
        (&bare, "10.0.0.9", "[{port: 9000}]", &[], "nobody's address"),
        (&bare, "a.example", "[{port: 9000}]", &[], "a host name"),
        (&bare, "10.0.0.1", "[{name: admin}]", &[], "no port number"),
        (
            &selecting,
            "10.0.0.1",
            "[{name: web, port: 8080}]",
            &["8080/TCP"],
            "what the controller makes adds nothing",
        ),
        (
            &selecting,
            "10.0.0.1",
            "[{port: 9000}]",
            &["9000/TCP", "8080/TCP"],
            "what is made by hand adds targets",
        ),
        (
            &alias,
            "10.0.0.1",
            "[{port: 9000}]",
            &[],
            "an alias has no endpoints",
        ),
    ];
    for (service, address, ports, expected, why) in table {
        let pod = pod("claims", "10.0.0.1", "");
        let yaml = [&pod, service, slice("by-hand", address, ports).as_str()].concat();
        assert_eq!(targets(&yaml, "by-hand"), expected, "{why}");
    }
}

#[test]
fn pods_know_the_ports_that_services_lead_to() {
    let yaml = [
        CLAIMS,
        &service(
            "both",
            "{selector: {app: claims}, ports: [{name: a, port: 80, targetPort: web}, {name: b, port: 8080}]}",
        ),
        &service("udp", "{selector: {app: claims}, ports: [{port: 53, protocol: UDP}]}"),
        &service("other", "{selector: {app: other}, ports: [{port: 53}]}"),
    ]
    .concat();
    let snapshot = snapshot(&yaml);
    let model = Model::new(&snapshot, &ScopeRequest::default());
    let ports: Vec<String> = model
        .services
        .ports_of(0)
        .map(|(service, port)| format!("{} {port}", snapshot.objects[service].name()))
        .collect();
    assert_eq!(ports, ["both 8080", "udp 53/UDP"], "each once");
    assert_eq!(model.services.ports_of(1).count(), 0, "no such group");
    assert!(model.services.targets(0).is_empty(), "not a Service");
}

#[test]
fn publication_is_the_widest_one() {
    let table = [
        ("{}", Publication::ClusterIp, "the default type"),
        ("{clusterIP: None}", Publication::Headless, "no address"),
        (
            "{externalIPs: [192.0.2.1]}",
            Publication::ExternalIps,
            "an address from outside",
        ),
        (
            "{type: NodePort, externalIPs: [192.0.2.1]}",
            Publication::NodePort,
            "on all nodes",
        ),
        (
            "{type: LoadBalancer}",
            Publication::LoadBalancer,
            "from outside",
        ),
        (
            "{type: ExternalName, clusterIP: None}",
            Publication::ExternalName,
            "a name",
        ),
    ];
    for (spec, expected, why) in table {
        let spec: ServiceSpec = serde_saphyr::from_str(spec).unwrap();
        assert_eq!(Publication::of(&spec), expected, "{why}");
    }
}

#[test]
fn aliases_name_services_of_the_cluster() {
    let table = [
        ("claims.prod.svc.cluster.local", true, "in full"),
        ("claims.prod.svc.", true, "without a domain"),
        (
            "Claims.PROD.svc.agency.example",
            true,
            "any domain, any case",
        ),
        ("claims.prod", false, "no search list applies to it"),
        ("claims.prod.example", false, "a foreign name"),
        (".prod.svc", false, "no name"),
    ];
    for (name, expected, why) in table {
        let alias = Alias {
            namespace: "prod".to_owned(),
            name: "claims".to_owned(),
        };
        let found = Alias::parse(name);
        assert_eq!(found, expected.then_some(alias), "{name}: {why}");
    }
}

/// `prod/claims` serves 80 from 8080, and 8900; other Services stand for it.
fn world() -> String {
    [
        CLAIMS,
        &service(
            "claims",
            "{selector: {app: claims}, ports: [{name: http, port: 80, targetPort: web}, {name: m, port: 8900}]}",
        ),
        &service(
            "headless",
            "{clusterIP: None, selector: {app: claims}, ports: [{port: 80, targetPort: 8080}]}",
        ),
        &service(
            "alias",
            "{type: ExternalName, externalName: claims.prod.svc.cluster.local, ports: [{name: admin, port: 81, targetPort: 8900}]}",
        ),
        &service("to-headless", "{type: ExternalName, externalName: headless.prod.svc}"),
        &service("twice", "{type: ExternalName, externalName: alias.prod.svc}"),
        &service("lost", "{type: ExternalName, externalName: nothing.prod.svc}"),
        &service("far", "{type: ExternalName, externalName: claims.test.svc}"),
        &service("foreign", "{type: ExternalName, externalName: agency.example}"),
    ]
    .concat()
}

fn ports(backend: &Backend) -> String {
    match backend {
        Backend::Found { targets, .. } => {
            let ports: Vec<String> = targets
                .iter()
                .map(|target| target.port.to_string())
                .collect();
            ports.join(" ")
        }
        Backend::Dangling => "dangling".to_owned(),
        Backend::Unread(namespace) => format!("unread {namespace}"),
    }
}

#[test]
fn backends_resolve_by_number_and_name_and_through_aliases() {
    use BackendPort::{Name, Number};
    let table = [
        ("claims", Number(80), "8080", "port, not target port"),
        ("claims", Name("http"), "8080", "by name"),
        ("claims", Name("web"), "dangling", "no name of the Service"),
        ("claims", Number(8080), "dangling", "no port of the Service"),
        ("nothing", Number(80), "dangling", "no such Service"),
        ("alias", Number(80), "8080", "port of what it stands for"),
        ("alias", Number(9000), "9000", "any port that is named"),
        ("alias", Name("admin"), "81 8900", "a port of the alias"),
        ("alias", Name("http"), "dangling", "not a port of the alias"),
        (
            "to-headless",
            Number(80),
            "8080 80",
            "the pods' own addresses",
        ),
        ("twice", Number(80), "", "only one alias is followed"),
        ("lost", Number(80), "dangling", "stands for nothing"),
        ("foreign", Number(80), "", "not of this cluster"),
    ];
    let snapshot = snapshot(&world());
    let model = Model::new(&snapshot, &ScopeRequest::default());
    for (name, port, expected, why) in table {
        let backend = model.resolve_backend("prod", name, port);
        assert_eq!(ports(&backend), expected, "{name} {port:?}: {why}");
    }
}

#[test]
fn backends_are_not_dangling_where_services_were_not_read() {
    let all = snapshot(&world());
    let nothing = without(all, Kind::Service, ReadStatus::Forbidden);
    let model = Model::new(&nothing, &ScopeRequest::default());
    let backend = model.resolve_backend("prod", "claims", BackendPort::Number(80));
    assert_eq!(ports(&backend), "unread prod");

    let part = without(snapshot(&world()), Kind::Service, ReadStatus::Truncated);
    let model = Model::new(&part, &ScopeRequest::default());
    let table = [
        ("claims", "8080", "what was read is there"),
        ("nothing", "unread prod", "the rest may be"),
        ("far", "unread test", "what it stands for may be too"),
    ];
    for (name, expected, why) in table {
        let backend = model.resolve_backend("prod", name, BackendPort::Number(80));
        assert_eq!(ports(&backend), expected, "{name}: {why}");
    }
}
