//! Whether a pod is in the mesh: policies bind only where a proxy takes the traffic.

use super::words;
use crate::kind::Kind;
use crate::model::mesh::inbound::Enrolment;
use crate::model::{Model, PodGroup, Role};
use crate::rules::{
    Group, Observation, Observations, Reach, Read, Reason, Rule, Severity, Subject, Subjects,
};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "mesh-enrolment",
    version: 1,
    title: "Apps, operators, agents, the platform and ingress controllers are in the mesh",
    severity: Severity::High,
    group: Group::Mesh,
    subjects: Subjects::Kinds(&[Kind::Pod]),
    reads: &[
        Read::required(Kind::Pod, Reach::Namespace),
        // A label of theirs asks for ambient mode, which explains a failure.
        Read::refines(Kind::Namespace),
        // Owners of pods that nothing else shows to be an app's.
        Read::refines(Kind::ReplicaSet),
        Read::refines(Kind::Deployment),
        Read::refines(Kind::StatefulSet),
    ],
    docs: include_str!("../../../docs/rules/mesh-enrolment.md"),
    check,
};

/// These are judged wherever they run: one that is out of scope is the other end of what is in scope.
fn check<'m>(model: &'m Model<'_>) -> Observations<'m> {
    Box::new(
        model
            .pods
            .iter()
            .enumerate()
            .filter_map(move |(index, pod)| {
                let subject = Subject::Pods(index);
                if belongs(pod.role) {
                    return Some(observe(model, subject, pod));
                }
                let owner = model.unread_owner(pod)?;
                let observation = Observation::may_be_of_app(subject, pod, owner);
                model.scope.judges(pod).then_some(observation)
            }),
    )
}

fn belongs(role: Role) -> bool {
    match role {
        Role::App | Role::Operator | Role::Agent | Role::Platform | Role::IngressController => true,
        Role::Task | Role::MeshControlPlane | Role::Other => false,
    }
}

fn observe(model: &Model<'_>, subject: Subject, pod: &PodGroup<'_>) -> Observation {
    if pod.is_finished() {
        return Observation::finished(subject);
    }
    let inbound = model.mesh.inbound(pod);
    let observation = match inbound.enrolment() {
        Enrolment::Enrolled(data_plane) => {
            Observation::pass(subject, Reason::Value, words::data_plane(data_plane))
        }
        Enrolment::NotEnrolled(cause) => Observation::fail(
            subject,
            words::reason_of_cause(cause),
            format!("not in a mesh: {}", words::cause(model, cause)),
        )
        .conclusive(),
        Enrolment::Unknown(doubt) => {
            Observation::indeterminate(subject, words::reason_of_doubt(doubt), words::doubt(doubt))
        }
    };
    observation.facts(inbound.enrolment_facts())
}
