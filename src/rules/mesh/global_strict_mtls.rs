//! Whether mutual TLS is demanded mesh-wide, with nothing that weakens it anywhere.

use super::words;
use crate::kind::Kind;
use crate::model::Model;
use crate::model::mesh::mesh_wide::{MeshWide, Weaker};
use crate::model::mesh::peer_authentication::Enforcement;
use crate::model::mesh::{Doubt, Istio};
use crate::rules::{
    Group, Observation, Observations, Reach, Read, Reason, Rule, Severity, Subject, Subjects,
};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "global-strict-mtls",
    version: 1,
    title: "The mesh demands mutual TLS everywhere",
    severity: Severity::Critical,
    group: Group::Mesh,
    subjects: Subjects::Cluster,
    reads: &[
        Read::required(Kind::PeerAuthentication, Reach::Cluster),
        // Control planes are found by their pods.
        Read::required(Kind::Pod, Reach::Cluster),
        // The mesh configuration and the labels that it selects namespaces by: the model says where they count.
        Read::refines(Kind::ConfigMap),
        Read::refines(Kind::Namespace),
        // They tell a mesh that is run from another cluster from none.
        Read::refines(Kind::MutatingWebhookConfiguration),
        Read::refines(Kind::Service),
    ],
    docs: include_str!("../../../docs/rules/global-strict-mtls.md"),
    check,
};

/// Policies named in a message; the values read hold them all.
const NAMED: usize = 3;

fn check<'m>(model: &'m Model<'_>) -> Observations<'m> {
    let observation = match model.mesh.istio {
        Istio::Here => worst(model),
        Istio::Elsewhere => unknown(Doubt::ControlPlaneElsewhere),
        Istio::Absent if model.mesh.linkerd => only_linkerd(model),
        Istio::Absent => Observation::fail(
            Subject::Cluster,
            Reason::Absent,
            "no service mesh was found",
        )
        .needs(Kind::MutatingWebhookConfiguration, "")
        .needs(Kind::Service, ""),
    };
    Box::new(std::iter::once(observation))
}

fn unknown(doubt: Doubt) -> Observation {
    Observation::indeterminate(
        Subject::Cluster,
        words::reason_of_doubt(doubt),
        words::doubt(doubt),
    )
}

/// Linkerd has no policy for the whole mesh.
fn only_linkerd(model: &Model<'_>) -> Observation {
    match model.mesh.signs_unread {
        // Not applicable would stand whatever is missing, and Istio may be in what is.
        Some(missing) => Observation::indeterminate(
            Subject::Cluster,
            missing.into(),
            "Linkerd is in use; whether Istio is too is not known",
        ),
        None => Observation::not_applicable(
            Subject::Cluster,
            Reason::Absent,
            "Linkerd is the only mesh, and has no mesh-wide policy to judge",
        ),
    }
}

/// Several revisions are several meshes: the worst counts, and the values of all are given.
fn worst(model: &Model<'_>) -> Observation {
    let all: Vec<MeshWide<'_>> = model.mesh.mesh_wide().collect();
    let several = all.len() > 1;
    let mut facts = Vec::new();
    let mut worst: Option<Observation> = None;
    for found in all {
        let mut observation = of_control_plane(model, &found);
        if several {
            observation.message = format!("revision {}: {}", found.revision, observation.message);
        }
        facts.extend(found.facts);
        // Verdicts are ordered worst first.
        if worst
            .as_ref()
            .is_none_or(|worst| observation.verdict < worst.verdict)
        {
            worst = Some(observation);
        }
    }
    worst
        .unwrap_or_else(|| unknown(Doubt::ControlPlaneElsewhere))
        .facts(facts)
}

fn of_control_plane(model: &Model<'_>, found: &MeshWide<'_>) -> Observation {
    let root = found.root_namespace;
    let weaker = weaker(&found.weaker);
    let fail = |reason, message| Observation::fail(Subject::Cluster, reason, message);
    match (found.mesh, weaker) {
        (Enforcement::Weak(setting), weaker) => {
            let (reason, message) = match setting {
                (_, Some(_)) => (
                    Reason::Value,
                    format!("mesh-wide, {}", words::setting(model, setting)),
                ),
                (mode, None) => (
                    Reason::Default,
                    format!(
                        "no policy without a selector in the root namespace {root} sets a mode, so it is {}",
                        mode.name()
                    ),
                ),
            };
            let more = weaker.map(|weaker| format!("; weaker: {weaker}"));
            fail(reason, message + &more.unwrap_or_default())
        }
        (Enforcement::Strict(setting), Some(weaker)) => fail(
            Reason::Value,
            format!(
                "mesh-wide, {}; weaker: {weaker}",
                words::setting(model, setting)
            ),
        ),
        (Enforcement::Unknown(_), Some(weaker)) => fail(
            Reason::Value,
            format!("weaker than mesh-wide STRICT: {weaker}"),
        ),
        (Enforcement::Unknown(doubt), None) => unknown(doubt),
        (Enforcement::Strict(setting), None) => match found.doubt {
            Some(doubt) => unknown(doubt),
            None => Observation::pass(
                Subject::Cluster,
                Reason::Value,
                format!(
                    "mesh-wide, {}, and no policy is weaker; root namespace {root}",
                    words::setting(model, setting)
                ),
            ),
        },
    }
}

/// The first few policies that weaken the mesh, and how many more there are.
fn weaker(policies: &[Weaker<'_>]) -> Option<String> {
    if policies.is_empty() {
        return None;
    }
    let mut named: Vec<String> = policies
        .iter()
        .take(NAMED)
        .map(|weaker| {
            let port = weaker
                .port
                .map(|port| format!(" port {port}"))
                .unwrap_or_default();
            let policy = weaker.policy;
            format!(
                "{}/{}{port} {}",
                policy.namespace,
                policy.name,
                weaker.mode.name()
            )
        })
        .collect();
    if policies.len() > NAMED {
        named.push(format!("{} more", policies.len() - NAMED));
    }
    Some(named.join(", "))
}
