//! Ways from one pod to another, in words and as readings. Names of pods, addresses and nodes are in neither.

use crate::kind::Kind;
use crate::model::reach::{Admission, Doubt, Finding, Path, Ports, Source, Sources};
use crate::model::{Model, Port, Role};
use crate::projection::Projection;
use crate::rules::{Observation, Reach, Read, Reason, Subject, Verdict};

/// Names that a message holds at most.
const NAMED: usize = 3;

/// What decides on who reaches whom, for rules over the whole cluster.
pub(in crate::rules) const READS: &[Read] = &[
    Read::to_pass(Kind::Pod, Reach::Cluster),
    Read::to_pass(Kind::Namespace, Reach::Cluster),
    Read::to_pass(Kind::Node, Reach::Cluster),
    Read::to_pass(Kind::MendixApp, Reach::Cluster),
    Read::to_pass(Kind::NetworkPolicy, Reach::Cluster),
    Read::to_pass(Kind::AdminNetworkPolicy, Reach::Cluster),
    Read::to_pass(Kind::BaselineAdminNetworkPolicy, Reach::Cluster),
    Read::to_pass(Kind::ClusterNetworkPolicy, Reach::Cluster),
    Read::to_pass(Kind::CiliumNetworkPolicy, Reach::Cluster),
    Read::to_pass(Kind::CiliumClusterwideNetworkPolicy, Reach::Cluster),
    Read::to_pass(Kind::CalicoNetworkPolicy, Reach::Cluster),
    Read::to_pass(Kind::CalicoGlobalNetworkPolicy, Reach::Cluster),
    Read::refines(Kind::CalicoStagedNetworkPolicy),
    Read::refines(Kind::CalicoStagedGlobalNetworkPolicy),
    Read::refines(Kind::CalicoStagedKubernetesNetworkPolicy),
    Read::refines(Kind::CalicoTier),
    // They tell which nodes enforce policies.
    Read::refines(Kind::DaemonSet),
    Read::refines(Kind::ConfigMap),
    Read::refines(Kind::PolicyEndpoint),
    // Owners of pods, which tell one app from another.
    Read::refines(Kind::ReplicaSet),
    Read::refines(Kind::Deployment),
    Read::refines(Kind::StatefulSet),
];

/// Policies that could undo a way through, were they not read.
const UNDOING: &[Kind] = &[
    Kind::AdminNetworkPolicy,
    Kind::BaselineAdminNetworkPolicy,
    Kind::ClusterNetworkPolicy,
    Kind::CiliumClusterwideNetworkPolicy,
    Kind::CalicoGlobalNetworkPolicy,
];

/// The same in the namespaces at both ends.
const UNDOING_THERE: &[Kind] = &[
    Kind::NetworkPolicy,
    Kind::CiliumNetworkPolicy,
    Kind::CalicoNetworkPolicy,
];

/// What was found of several destinations: the first way that is certain, else the first that is possible.
#[derive(Debug, Default)]
pub(in crate::rules) struct Worst {
    pub(in crate::rules) certain: Option<Path>,
    pub(in crate::rules) possible: Option<Path>,
}

impl Worst {
    pub(in crate::rules) fn take(&mut self, finding: Finding) {
        if self.certain.is_none() {
            self.certain = finding.certain;
        }
        if self.possible.is_none() {
            self.possible = finding.possible;
        }
    }

    /// A failure or an open question, if there is a way.
    pub(in crate::rules) fn observation(
        &self,
        model: &Model<'_>,
        subject: &Subject,
    ) -> Option<Observation> {
        if let Some(path) = &self.certain {
            return Some(failure(model, subject.clone(), path));
        }
        let path = self.possible.as_ref()?;
        Some(open_question(model, subject.clone(), path))
    }
}

/// A way that is certain fails.
fn failure(model: &Model<'_>, subject: Subject, path: &Path) -> Observation {
    let (out, into) = model.reach().admissions(model, path);
    let unenforced = [&out, &into].contains(&&Admission::Unenforced);
    let reason = if unenforced {
        Reason::Unenforced
    } else {
        Reason::Value
    };
    let message = format!(
        "{}: {}; {}",
        way(model, path, "every"),
        way_out(model, &out),
        way_in(model, &into)
    );
    let mut observation = Observation::fail(subject, reason, message);
    for (object, pointer) in [&out, &into].into_iter().flat_map(rules) {
        let value = value_at(model, *object, pointer);
        observation = observation.read_of(*object, pointer.clone(), value);
    }
    let ends = [
        Some(model.pods[path.destination].namespace),
        source_namespace(model, path),
    ];
    let sources = match &path.source {
        Source::Pods(group) => Some(*group),
        Source::Made { .. } => None,
    };
    for group in sources.into_iter().chain([path.destination]) {
        observation = observation.needs_each(unnamed(model, group));
    }
    if into == Admission::HostNetwork {
        return observation;
    }
    for kind in UNDOING {
        observation = observation.needs(*kind, "");
    }
    for namespace in ends.into_iter().flatten() {
        for kind in UNDOING_THERE {
            observation = observation.needs(*kind, namespace);
        }
    }
    observation
}

/// The owner that was not read of pods of an app that nothing else names: they may be pods of another one.
fn unnamed<'m>(model: &'m Model<'_>, group: usize) -> Option<(Kind, &'m str)> {
    let pod = model.pods.get(group)?;
    let (kind, namespace) = pod.chain.unread.as_ref()?;
    let named = pod.app.as_ref().is_some_and(|claim| claim.name().is_some());
    (pod.role == Role::App && !named).then_some((*kind, namespace.as_str()))
}

/// Pods that may be of any app, for all that was read: an owner of theirs was not.
pub(super) struct Unowned {
    first: Option<(Kind, String)>,
    sources: Option<Sources>,
}

impl Unowned {
    pub(super) fn new(model: &Model<'_>) -> Self {
        let mut running = model.pods.iter().filter(|pod| !pod.is_finished());
        let first = running.find_map(|pod| model.unread_owner(pod));
        let sources = first.map(|_| {
            model
                .reach()
                .sources(model, |_, pod| model.unread_owner(pod).is_some())
        });
        Self {
            first: first.map(|(kind, namespace)| (kind, namespace.to_owned())),
            sources,
        }
    }

    /// States that there is no other app, which rests on the owners of all pods.
    pub(super) fn nothing(
        &self,
        model: &Model<'_>,
        subject: Subject,
        message: &str,
    ) -> Observation {
        match &self.first {
            Some((kind, namespace)) => {
                Observation::pass(subject, Reason::Absent, message).needs(*kind, namespace)
            }
            None => nothing(model, subject, message),
        }
    }

    /// Lets a pass rest on the owner of one of these pods that reaches a destination.
    pub(super) fn settle(
        &self,
        model: &Model<'_>,
        observation: Observation,
        destinations: impl IntoIterator<Item = usize>,
        ports: &Ports,
    ) -> Observation {
        let Some(sources) = &self.sources else {
            return observation;
        };
        if observation.verdict != Verdict::Pass {
            return observation;
        }
        let mut owners = destinations.into_iter().filter_map(|destination| {
            let finding = model.reach().current(destination, ports, sources, true);
            match finding.certain.or(finding.possible)?.source {
                Source::Pods(group) => model.unread_owner(model.pods.get(group)?),
                Source::Made { .. } => None,
            }
        });
        match owners.next() {
            Some((kind, namespace)) => observation.needs(kind, namespace),
            None => observation,
        }
    }
}

/// A way that is possible and not certain leaves it open.
fn open_question(model: &Model<'_>, subject: Subject, path: &Path) -> Observation {
    let doubt = model.reach().doubt(model, path);
    let (reason, why) = match &doubt {
        Doubt::Enforcement => (
            Reason::Unenforced,
            "it is not known whether policies are enforced on the nodes".to_owned(),
        ),
        Doubt::Foreign(objects) => (
            Reason::ForeignPolicy,
            format!("{} may decide, and is not evaluated", named(model, objects)),
        ),
        Doubt::HostNetwork => (
            Reason::Unenforced,
            "the source is in the network of its node, where policies are not defined".to_owned(),
        ),
        Doubt::SecondNetwork => (
            Reason::Unenforced,
            "a second network is attached, which no policy covers".to_owned(),
        ),
        Doubt::ClusterPolicies(objects) => (
            Reason::ForeignPolicy,
            format!(
                "whether {} is implemented, or in which order, can't be told",
                named(model, objects)
            ),
        ),
        Doubt::Unclear => unclear(model),
    };
    let message = format!(
        "it can't be told whether {}: {why}",
        way(model, path, "any")
    );
    let mut observation = Observation::indeterminate(subject, reason, message);
    if let Doubt::Foreign(objects) | Doubt::ClusterPolicies(objects) = &doubt {
        for object in objects.iter().take(NAMED) {
            let name = model.object(*object).name().to_owned();
            observation = observation.read_of(*object, "/metadata/name", Some(name));
        }
    }
    observation
}

fn unclear(model: &Model<'_>) -> (Reason, String) {
    let mut namespaces = model.namespaces.iter();
    let unread = namespaces.find_map(|(_, namespace)| namespace.unread);
    match unread {
        Some(missing) => (
            missing.into(),
            "the labels of a namespace that decide were not read".to_owned(),
        ),
        None => (
            Reason::Unrecognised,
            "a policy that decides holds what can't be evaluated for certain".to_owned(),
        ),
    }
}

/// Source, destination and ports.
fn way(model: &Model<'_>, path: &Path, all: &str) -> String {
    let destination = workload(model, path.destination);
    let tunnel = if path.tunnel {
        ", the mesh tunnel to every port"
    } else {
        ""
    };
    let port = format!("{}{tunnel}", ports(path, all));
    match &path.source {
        Source::Pods(group) => {
            format!(
                "{} reaches {destination} on {port}",
                workload(model, *group)
            )
        }
        Source::Made { namespace, labels } if labels.is_empty() => {
            format!("any new pod in {namespace} could reach {destination} on {port}")
        }
        Source::Made { namespace, labels } => {
            let labels: Vec<String> = labels
                .iter()
                .map(|(key, value)| format!("{key}={value}"))
                .collect();
            format!(
                "a new pod in {namespace} with the labels {} could reach {destination} on {port}",
                labels.join(",")
            )
        }
    }
}

/// The ports that a way is open on: one, some, or all of a protocol.
fn ports(path: &Path, all: &str) -> String {
    let Port { number, protocol } = &path.port;
    match (*number, path.last) {
        (1, u16::MAX) => format!("{all} {protocol} port"),
        (first, last) if first < last && protocol == "TCP" => format!("ports {first}-{last}"),
        (first, last) if first < last => format!("ports {first}-{last}/{protocol}"),
        _ => format!("port {}", path.port),
    }
}

/// A workload by kind, namespace and name; of a pod by itself only the namespace.
pub(super) fn workload(model: &Model<'_>, group: usize) -> String {
    let Some(pod) = model.pods.get(group) else {
        return "a pod".to_owned();
    };
    match (pod.workload.0.as_str(), &pod.workload.1) {
        ("Pod", _) => format!("a pod in {}", pod.namespace),
        (kind, name) => format!("{kind} {}/{name}", pod.namespace),
    }
}

fn way_out(model: &Model<'_>, out: &Admission) -> String {
    match out {
        Admission::Open => "no policy restricts where the source connects to".to_owned(),
        Admission::Unenforced => "policies are not enforced where the source runs".to_owned(),
        Admission::HostNetwork => "the source is in the network of its node".to_owned(),
        Admission::Rules(rules) => format!("let out by {}", policies(model, rules)),
        Admission::Unclear => "nothing certain keeps the source from connecting".to_owned(),
    }
}

fn way_in(model: &Model<'_>, into: &Admission) -> String {
    match into {
        Admission::Open => "no policy restricts what connects to the destination".to_owned(),
        Admission::Unenforced => "policies are not enforced where the destination runs".to_owned(),
        Admission::HostNetwork => {
            "policies do not stop traffic from the node or to its network".to_owned()
        }
        Admission::Rules(rules) => format!("let in by {}", policies(model, rules)),
        Admission::Unclear => "nothing certain keeps it out of the destination".to_owned(),
    }
}

fn rules(admission: &Admission) -> &[(usize, String)] {
    match admission {
        Admission::Rules(rules) => rules.get(..rules.len().min(NAMED)).unwrap_or_default(),
        Admission::Open | Admission::Unenforced | Admission::HostNetwork | Admission::Unclear => {
            &[]
        }
    }
}

fn policies(model: &Model<'_>, rules: &[(usize, String)]) -> String {
    let mut objects: Vec<usize> = rules.iter().map(|(object, _)| *object).collect();
    objects.dedup();
    named(model, &objects)
}

/// Policies by namespace and name; of kinds other than NetworkPolicy with the kind.
pub(super) fn named(model: &Model<'_>, objects: &[usize]) -> String {
    let names = objects.iter().take(NAMED).map(|object| {
        let object = model.object(*object);
        let place = match object.namespace() {
            "" => object.name().to_owned(),
            namespace => format!("{namespace}/{}", object.name()),
        };
        if object.kind == Kind::NetworkPolicy {
            place
        } else {
            format!("{} {place}", object.kind)
        }
    });
    let mut names: Vec<String> = names.collect();
    if objects.len() > NAMED {
        names.push(format!("{} more", objects.len() - NAMED));
    }
    names.join(", ")
}

fn source_namespace<'m>(model: &'m Model<'_>, path: &'m Path) -> Option<&'m str> {
    match &path.source {
        Source::Pods(group) => model.pods.get(*group).map(|pod| pod.namespace),
        Source::Made { namespace, .. } => Some(namespace),
    }
}

/// A rule as it stands in its policy.
fn value_at(model: &Model<'_>, object: usize, pointer: &str) -> Option<serde_json::Value> {
    let mut parts = pointer.strip_prefix("/spec/")?.split('/');
    let (field, place) = (parts.next()?, parts.next()?.parse::<usize>().ok()?);
    let value = match (model.object(object).projection.as_ref(), field) {
        (Projection::NetworkPolicy(policy), "ingress") => {
            serde_json::to_value(policy.spec.ingress.get(place)?)
        }
        (Projection::NetworkPolicy(policy), _) => {
            serde_json::to_value(policy.spec.egress.get(place)?)
        }
        (Projection::ClusterPolicy(policy), "ingress") => {
            serde_json::to_value(policy.spec.ingress.get(place)?)
        }
        (Projection::ClusterPolicy(policy), _) => {
            serde_json::to_value(policy.spec.egress.get(place)?)
        }
        _ => return None,
    };
    value.ok()
}

/// Nothing to judge; where something that might be there was not read, a pass that rests on it, which the assessor
/// takes away.
pub(super) fn nothing(model: &Model<'_>, subject: Subject, message: &str) -> Observation {
    let kinds = [Kind::Pod, Kind::Namespace, Kind::MendixApp];
    match kinds
        .into_iter()
        .find(|kind| model.gaps.anywhere(*kind).is_some())
    {
        Some(kind) => Observation::pass(subject, Reason::Absent, message).needs(kind, ""),
        None => Observation::not_applicable(subject, Reason::Absent, message),
    }
}
