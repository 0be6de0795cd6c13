mod pods;

use super::*;
use crate::model::ScopeRequest;
use crate::rules::Observation;
use crate::rules::network::tests::assert_repeatable;
use crate::rules::{Subject, Verdict};
use crate::snapshot::{ReadStatus, Snapshot};
use crate::testing::{snapshot, without};

/// An app pod whose admin API listens on loopback only, and a pod that is none of Mendix'.
const PODS: &str = "
apiVersion: v1
kind: Pod
metadata: {name: claims, namespace: prod, labels: {privatecloud.mendix.com/app: claims, app: claims}}
spec:
  containers:
  - {name: mendix, ports: [{name: mendix-app, containerPort: 8080}], env: [{name: M2EE_ADMIN_LISTEN_ADDRESSES, value: 127.0.0.1}]}
  - {name: m2ee-sidecar, ports: [{name: health, containerPort: 8800}, {name: metrics, containerPort: 8900}]}
status: {phase: Running, podIP: 10.0.0.1}
---
apiVersion: v1
kind: Pod
metadata: {name: minio, namespace: prod, labels: {app: minio}}
spec: {containers: [{name: minio, ports: [{containerPort: 9000, hostPort: 9000}]}]}
status: {phase: Running, podIP: 10.0.0.2}
";

fn object(api_version: &str, kind: &str, place: &str, spec: &str) -> String {
    let (namespace, name) = place.split_once('/').unwrap();
    format!(
        "
---
apiVersion: {api_version}
kind: {kind}
metadata: {{name: {name}, namespace: {namespace}}}
spec: {spec}"
    )
}

fn service(place: &str, spec: &str) -> String {
    object("v1", "Service", place, spec)
}

fn ingress(place: &str, spec: &str) -> String {
    object("networking.k8s.io/v1", "Ingress", place, spec)
}

/// `kind namespace/name verdict severity reason: message` of every row but the pods'.
fn rows_of(snapshot: &Snapshot) -> Vec<String> {
    let model = Model::new(snapshot, &ScopeRequest::default());
    let rows = RULE.all(&model).into_iter().filter_map(|observation| {
        assert_repeatable(&model, &observation);
        let Subject::Object(index) = observation.subject else {
            return None;
        };
        let object = model.object(index);
        Some(format!(
            "{} {}/{} {}",
            object.kind,
            object.namespace(),
            object.name(),
            words(&observation)
        ))
    });
    rows.collect()
}

fn words(observation: &Observation) -> String {
    assert_eq!(
        observation.conclusive,
        observation.verdict == Verdict::Fail,
        "failures stand"
    );
    let severity = observation
        .severity
        .map_or_else(String::new, |severity| format!(" {}", severity.name()));
    format!(
        "{}{severity} {}: {}",
        observation.verdict.name(),
        observation.reason.code(),
        observation.message
    )
}

fn rows(objects: &[String]) -> Vec<String> {
    rows_of(&snapshot(&[PODS, &objects.concat()].concat()))
}

const LEADS_NOWHERE: &str = "pass value: leads to no admin port of an app pod";

#[test]
fn services_are_judged_by_their_targets_and_publication() {
    let silent = "9000 of an app pod; its admin API listens on loopback only today";
    let table = [
        ("ports: [{port: 80, targetPort: mendix-app}]", LEADS_NOWHERE.to_owned()),
        ("ports: [{port: 8900, targetPort: 8080}]", LEADS_NOWHERE.to_owned()),
        ("ports: [{port: 9000, protocol: UDP}]", LEADS_NOWHERE.to_owned()),
        ("type: LoadBalancer, ports: [{port: 8080}]", LEADS_NOWHERE.to_owned()),
        ("clusterIP: None", LEADS_NOWHERE.to_owned()),
        (
            "ports: [{port: 80, targetPort: metrics}]",
            "fail medium metrics-service: leads to 8900 of an app pod, inside the cluster".to_owned(),
        ),
        (
            "clusterIP: None, ports: [{port: 8900}]",
            "fail medium metrics-service: leads to 8900 of an app pod, inside the cluster".to_owned(),
        ),
        (
            "ports: [{port: 8800}, {port: 8900}]",
            "fail value: leads to 8800, 8900 of an app pod".to_owned(),
        ),
        ("ports: [{port: 9000}]", format!("fail value: leads to {silent}")),
        (
            "type: NodePort, ports: [{port: 8900}]",
            "fail admin-port-external: type NodePort leads to 8900 of an app pod from outside the cluster".to_owned(),
        ),
        (
            "type: LoadBalancer, ports: [{port: 80, targetPort: health}]",
            "fail admin-port-external: type LoadBalancer leads to 8800 of an app pod from outside the cluster"
                .to_owned(),
        ),
        (
            "externalIPs: [192.0.2.1], ports: [{port: 8900}]",
            "fail admin-port-external: an external address leads to 8900 of an app pod from outside the cluster"
                .to_owned(),
        ),
    ];
    for (spec, expected) in table {
        let service = service(
            "prod/claims",
            &format!("{{selector: {{app: claims}}, {spec}}}"),
        );
        assert_eq!(
            rows(&[service]),
            [format!("Service prod/claims {expected}")],
            "{spec}"
        );
    }
    let minio = service(
        "prod/minio",
        "{selector: {app: minio}, ports: [{port: 9000}]}",
    );
    assert!(
        rows(&[minio]).is_empty(),
        "9000 of other pods is none of it"
    );
}

/// G24: the name is 8900 in one of two pods' templates.
#[test]
fn one_pod_that_resolves_to_an_admin_port_suffices() {
    let second = "
---
apiVersion: v1
kind: Pod
metadata: {name: claims-2, namespace: prod, labels: {privatecloud.mendix.com/app: claims, app: claims}}
spec: {containers: [{name: mendix, ports: [{name: metrics, containerPort: 8080}]}]}
status: {phase: Running, podIP: 10.0.0.3}";
    let service = service(
        "prod/claims",
        "{selector: {app: claims}, ports: [{port: 80, targetPort: metrics}]}",
    );
    assert_eq!(
        rows(&[second.to_owned(), service]),
        [
            "Service prod/claims fail medium metrics-service: leads to 8900 of an app pod, inside the cluster"
        ]
    );
}

#[test]
fn templates_stand_for_pods_to_come() {
    let deployment = object(
        "apps/v1",
        "Deployment",
        "prod/claims",
        "{replicas: 0, template: {metadata: {labels: {privatecloud.mendix.com/app: claims, tier: a}}, \
         spec: {containers: [{name: mendix, ports: [{name: admin, containerPort: 9000, hostPort: 1}]}]}}}",
    );
    let service = service(
        "prod/to-come",
        "{selector: {tier: a}, ports: [{port: 80, targetPort: admin}]}",
    );
    assert_eq!(
        rows(&[deployment, service]),
        ["Service prod/to-come fail value: leads to 9000 of an app pod"]
    );
}

/// G27, in any namespace.
#[test]
fn services_without_selector_lead_by_address() {
    let slice = "
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: s, namespace: edge, labels: {kubernetes.io/service-name: by-hand}}
endpoints: [{addresses: [10.0.0.2]}, {addresses: [10.0.0.1]}]
ports: [{port: 8080}, {port: 9000}]"
        .to_owned();
    let by_hand = service("edge/by-hand", "{ports: [{port: 443}]}");
    let all = snapshot(&[PODS, &by_hand, &slice].concat());
    assert_eq!(
        rows_of(&all),
        [
            "Service edge/by-hand fail value: leads to 9000 of an app pod; its admin API listens on loopback only today"
        ]
    );
    let model = Model::new(&all, &ScopeRequest::default());
    let reads = &RULE.all(&model)[0].reads;
    let pointers: Vec<&str> = reads.iter().map(|read| read.pointer.as_str()).collect();
    assert!(pointers.contains(&"/endpoints/1/addresses"), "{pointers:?}");
    assert!(pointers.contains(&"/ports/1"), "{pointers:?}");

    let unread = without(all, Kind::EndpointSlice, ReadStatus::Forbidden);
    let model = Model::new(&unread, &ScopeRequest::default());
    let observation = &RULE.all(&model)[0];
    assert_eq!(
        words(observation),
        "pass no-app-backend: no endpoint is known to be an app pod"
    );
    assert_eq!(
        observation.needs,
        [(Kind::EndpointSlice, "edge".to_owned())],
        "taken away by the assessor"
    );
}

#[test]
fn passes_of_services_rest_on_pods_and_slices() {
    let service = service(
        "prod/claims",
        "{selector: {app: claims}, ports: [{port: 80, targetPort: mendix-app}]}",
    );
    let snapshot = snapshot(&[PODS, &service].concat());
    let model = Model::new(&snapshot, &ScopeRequest::default());
    let observation = &RULE.all(&model)[0];
    let needs: Vec<Kind> = observation.needs.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(needs, [Kind::Pod, Kind::EndpointSlice]);
    let reads: Vec<String> = observation
        .reads
        .iter()
        .map(|read| {
            let object = read
                .object()
                .map_or("", |index| snapshot.objects[index].name());
            format!("{object}{}", read.pointer)
        })
        .collect();
    assert_eq!(
        reads,
        [
            "/spec/type",
            "/spec/selector",
            "/spec/ports",
            "claims/metadata/labels/app",
            "claims/spec/containers/0/ports/0"
        ]
    );
}

fn backend(service: &str, port: &str) -> String {
    format!(
        "{{rules: [{{http: {{paths: [{{backend: {{service: {{name: {service}, port: {{{port}}}}}}}}}]}}}}]}}"
    )
}

/// The row of an Ingress beside Services for an app, for another pod and for a foreign name.
fn ingress_row(spec: &str) -> String {
    let objects = [
        service(
            "prod/claims",
            "{selector: {app: claims}, ports: [{name: http, port: 80, targetPort: mendix-app}, {name: m, port: 81, targetPort: 8900}]}",
        ),
        service(
            "prod/minio",
            "{selector: {app: minio}, ports: [{port: 9000}]}",
        ),
        service(
            "prod/foreign",
            "{type: ExternalName, externalName: agency.example}",
        ),
        ingress("prod/web", spec),
    ];
    let row = rows(&objects).pop().unwrap();
    row.strip_prefix("Ingress prod/web ").unwrap().to_owned()
}

#[test]
fn ingresses_are_judged_by_their_backends() {
    let harmless = "pass value: no backend leads to an admin port of an app pod";
    let default = "{defaultBackend: {service: {name: claims, port: {number: 81}}}}".to_owned();
    let table = [
        (backend("claims", "number: 80"), harmless),
        (backend("claims", "name: http"), harmless),
        (
            backend("claims", "name: m"),
            "fail value: backend claims:m leads to 8900 of an app pod",
        ),
        (
            backend("claims", "number: 81"),
            "fail value: backend claims:81 leads to 8900 of an app pod",
        ),
        (
            default,
            "fail value: backend claims:81 leads to 8900 of an app pod",
        ),
    ];
    for (spec, expected) in table {
        assert_eq!(ingress_row(&spec), expected, "{spec}");
    }
}

#[test]
fn backends_that_lead_to_no_app_pod_are_told_from_dangling_ones() {
    let none = "not-applicable no-app-backend: no backend leads to an app pod";
    let both = backend("gone", "number: 80").replace(
        "{rules:",
        "{defaultBackend: {service: {name: claims, port: {name: http}}}, rules:",
    );
    let table = [
        (backend("minio", "number: 9000"), none),
        (backend("foreign", "number: 9000"), none),
        ("{}".to_owned(), none),
        (
            backend("claims", "number: 8900"),
            "pass absent: backend claims:8900 does not exist",
        ),
        (
            backend("claims", ""),
            "pass absent: backend claims without a port does not exist",
        ),
        (
            both,
            "pass value: no backend leads to an admin port of an app pod; backend gone:80 does not exist",
        ),
    ];
    for (spec, expected) in table {
        assert_eq!(ingress_row(&spec), expected, "{spec}");
    }
    let elsewhere = ingress("edge/web", &backend("claims", "number: 80"));
    assert!(
        rows(&[elsewhere]).is_empty(),
        "out of scope, leads to no app pod"
    );
}

/// G28: an alias in another namespace; any port that the Ingress names is dialled.
#[test]
fn aliases_are_followed_from_any_namespace() {
    let objects = [
        service(
            "prod/claims",
            "{selector: {app: claims}, ports: [{port: 80, targetPort: mendix-app}]}",
        ),
        service(
            "edge/claims",
            "{type: ExternalName, externalName: claims.prod.svc.cluster.local}",
        ),
        ingress("edge/admin", &backend("claims", "number: 8900")),
        ingress("edge/web", &backend("claims", "number: 80")),
    ];
    assert_eq!(
        rows(&objects),
        [
            &format!("Service edge/claims {LEADS_NOWHERE}"),
            &format!("Service prod/claims {LEADS_NOWHERE}"),
            "Ingress edge/admin fail value: backend claims:8900 leads to 8900 of an app pod",
            "Ingress edge/web pass value: no backend leads to an admin port of an app pod",
        ]
    );
    let listing = service(
        "edge/claims",
        "{type: ExternalName, externalName: claims.prod.svc, ports: [{port: 8800}]}",
    );
    assert_eq!(
        rows(&[objects[0].clone(), listing])[0],
        "Service edge/claims fail value: leads to 8800 of an app pod"
    );
}

#[test]
fn backends_that_were_not_read_are_indeterminate() {
    let web = ingress("prod/web", &backend("claims", "number: 80"));
    let all = snapshot(&[PODS, &web].concat());
    let unread = without(all, Kind::Service, ReadStatus::Forbidden);
    assert_eq!(
        rows_of(&unread),
        [
            "Ingress prod/web indeterminate backend-unresolved: backend claims:80 could not be resolved: Services \
             were not read"
        ]
    );
    let minio = service(
        "prod/minio",
        "{selector: {app: minio}, ports: [{port: 80}]}",
    );
    let web = ingress("prod/web", &backend("minio", "number: 80"));
    let all = snapshot(&[PODS, &minio, &web].concat());
    let unread = without(all, Kind::EndpointSlice, ReadStatus::NotCollected);
    assert_eq!(
        rows_of(&unread),
        ["Ingress prod/web pass no-app-backend: no backend is known to lead to an app pod"],
        "taken away by the assessor: slices may lead there"
    );
}
