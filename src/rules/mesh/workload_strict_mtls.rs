//! Whether a port accepts mutual TLS alone: a STRICT policy and a proxy that all traffic to the port passes.

use std::collections::BTreeMap;

use super::words;
use crate::kind::Kind;
use crate::model::mesh::Fact;
use crate::model::mesh::inbound::{Accepts, Inbound, Proof};
use crate::model::mesh::linkerd::Basis;
use crate::model::mesh::ports::APP_PORTS;
use crate::model::{Model, PodGroup, Role};
use crate::rules::{
    Group, Observation, Observations, Port, Reach, Read, Reason, Rule, Severity, Subject, Subjects,
    Verdict,
};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "workload-strict-mtls",
    version: 1,
    title: "Every port accepts mutual TLS alone",
    severity: Severity::Critical,
    group: Group::Mesh,
    subjects: Subjects::Kinds(&[Kind::Pod]),
    reads: &[
        Read::required(Kind::PeerAuthentication, Reach::NamespaceAndMeshRoot),
        Read::required(Kind::Pod, Reach::Namespace),
        // They may open, or unhook, what modes and flags close.
        Read::to_pass(Kind::Sidecar, Reach::NamespaceAndMeshRoot),
        Read::to_pass(Kind::EnvoyFilter, Reach::NamespaceAndMeshRoot),
        // Their targets are ports too.
        Read::to_pass(Kind::Service, Reach::Namespace),
        // Servers of gateways: they count for pods of theirs alone.
        Read::refines(Kind::IstioGateway),
        Read::refines(Kind::Gateway),
        // Istio makes servers of them for its own gateway.
        Read::refines(Kind::Ingress),
        Read::refines(Kind::IngressClass),
        // The mesh configuration and the labels that it selects namespaces by: the model says where they count.
        Read::refines(Kind::ConfigMap),
        // Linkerd's, which count for pods with its proxy alone; rows of theirs say which they rest on.
        Read::refines(Kind::Server),
        Read::refines(Kind::ServerAuthorization),
        Read::refines(Kind::LinkerdAuthorizationPolicy),
        Read::refines(Kind::LinkerdHttpRoute),
        Read::refines(Kind::HttpRoute),
        Read::refines(Kind::GrpcRoute),
        // The model says where one of these decides.
        Read::refines(Kind::MeshTlsAuthentication),
        Read::refines(Kind::NetworkAuthentication),
        Read::refines(Kind::Namespace),
        // Owners of pods that nothing else shows to be an app's.
        Read::refines(Kind::ReplicaSet),
        Read::refines(Kind::Deployment),
        Read::refines(Kind::StatefulSet),
    ],
    docs: include_str!("../../../docs/rules/workload-strict-mtls.md"),
    check,
};

fn check<'m>(model: &'m Model<'_>) -> Observations<'m> {
    Box::new(
        model
            .judged_pods()
            .flat_map(move |(index, pod)| rows(model, index, pod)),
    )
}

fn rows(model: &Model<'_>, index: usize, pod: &PodGroup<'_>) -> Vec<Observation> {
    let subject = Subject::Pods(index);
    if pod.is_finished() {
        return vec![Observation::finished(subject)];
    }
    if pod.role == Role::MeshControlPlane {
        let message = "part of the mesh's own control plane";
        return vec![Observation::not_applicable(subject, Reason::Value, message)];
    }
    let inbound = model.mesh.inbound(pod);
    let mut ports = model.inbound_ports(index);
    for number in inbound.opened_ports() {
        let protocol = "TCP".to_owned();
        ports.entry(Port { number, protocol }).or_default();
    }
    // Ports that the proxy opens for itself say nothing of what the pod may open.
    let none_of_its_own = ports
        .keys()
        .all(|port| inbound.accepts(Some(port)) == Accepts::OwnPort);
    let as_a_whole =
        none_of_its_own.then(|| observe(model, index, &inbound, None).facts(inbound.facts(None)));
    let further = further_ports(model, subject, pod, &ports);
    let by_port = ports.into_iter().map(|(port, facts)| {
        observe(model, index, &inbound, Some(&port))
            .facts(facts)
            .facts(inbound.facts(Some(&port)))
            .port(port)
    });
    let whole = match (as_a_whole, further) {
        // What the pod accepts on any port it accepts on those too.
        (Some(whole), _) if whole.verdict == Verdict::Fail => Some(whole),
        (whole, further) => further.or(whole),
    };
    whole.into_iter().chain(by_port).collect()
}

/// Pods that only their owners could show to be an app's may have ports that an app has without declaring them.
fn further_ports(
    model: &Model<'_>,
    subject: Subject,
    pod: &PodGroup<'_>,
    ports: &BTreeMap<Port, Vec<Fact>>,
) -> Option<Observation> {
    let owner = model.unread_owner(pod)?;
    let is_known = |number: &u16| ports.keys().any(|port| port.number == *number);
    let all_known = APP_PORTS.iter().all(is_known);
    (!all_known).then(|| Observation::may_be_of_app(subject, pod, owner))
}

/// Kinds of Istio, which say nothing of a pod with Linkerd's proxy.
const OF_ISTIO: &[Kind] = &[Kind::PeerAuthentication, Kind::Sidecar, Kind::EnvoyFilter];

fn observe(
    model: &Model<'_>,
    group: usize,
    inbound: &Inbound<'_>,
    port: Option<&Port>,
) -> Observation {
    let accepts = inbound.accepts(port);
    let observation = weigh(model, Subject::Pods(group), inbound, accepts);
    if inbound.is_gateway() {
        // Servers name ports of the Services before the pods, and may stand in any namespace.
        let observation = observation
            .needs(Kind::IstioGateway, "")
            .needs(Kind::Gateway, inbound.namespace())
            .needs(Kind::Service, inbound.namespace());
        if !inbound.serves_ingresses() {
            return observation;
        }
        return observation
            .needs(Kind::Ingress, "")
            .needs(Kind::IngressClass, "");
    }
    if !inbound.is_linkerd() {
        return observation;
    }
    let namespace = model.pods[group].namespace;
    let observation = observation
        .apart_from(OF_ISTIO)
        .needs(Kind::Server, namespace);
    // On a Server, further policies may let others in; what lets somebody in already is not undone by any.
    match accepts {
        Accepts::MutualTls(Proof::Linkerd(Basis {
            server: Some(_), ..
        })) => observation
            .needs(Kind::ServerAuthorization, namespace)
            .needs(Kind::LinkerdAuthorizationPolicy, namespace)
            .needs(Kind::LinkerdHttpRoute, namespace)
            .needs(Kind::HttpRoute, namespace)
            .needs(Kind::GrpcRoute, namespace),
        _ => observation,
    }
}

fn weigh(
    model: &Model<'_>,
    subject: Subject,
    inbound: &Inbound<'_>,
    accepts: Accepts,
) -> Observation {
    match accepts {
        Accepts::ServerTls(gateway) => Observation::fail(
            subject,
            Reason::Value,
            format!(
                "accepts TLS without a certificate of the client: {}",
                words::named(model, gateway)
            ),
        ),
        Accepts::MutualTls(proof) => Observation::pass(
            subject,
            Reason::Value,
            format!(
                "accepts mutual TLS alone: {}",
                words::proof(model, proof, inbound.neighbours())
            ),
        ),
        Accepts::OwnPort => Observation::pass(
            subject,
            Reason::MeshOwnPort,
            "the proxy's own port for metrics or health, in plaintext by design",
        ),
        Accepts::Plaintext(cause) => {
            let message = format!("accepts plaintext: {}", words::cause(model, cause));
            let observation = Observation::fail(subject, words::reason_of_cause(cause), message);
            if cause.is_final() {
                observation.conclusive()
            } else {
                observation
            }
        }
        Accepts::Unknown(doubt) => {
            Observation::indeterminate(subject, words::reason_of_doubt(doubt), words::doubt(doubt))
        }
    }
}
