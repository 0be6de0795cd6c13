//! Rules: data plus a pure function from the model to observations, one file each.
//!
//! A rule reports on every object in its scope, passes too. It knows no control, no waiver and no gap of the
//! collection: what was not read is turned into verdicts by the assessor, from what each rule says it reads.

mod edge;
mod execution;
mod mesh;
mod network;
pub mod observation;
mod resources;
mod tenancy;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use crate::kind::Kind;
use crate::model::{Container, Model, PodGroup, Role};

pub use crate::model::Port;
pub use observation::{Observation, ReadFrom, Reading, Reason, Severity, Subject, Verdict};

/// Every rule, in the order of reports.
pub static RULES: LazyLock<Vec<&'static Rule>> = LazyLock::new(|| {
    [
        execution::RULES,
        tenancy::RULES,
        resources::RULES,
        mesh::RULES,
        network::RULES,
        edge::RULES,
    ]
    .concat()
});

/// Kinds that are read whatever rules are selected: they say what there is to judge.
pub const ALWAYS_READ: &[Kind] = &[
    Kind::Namespace,
    Kind::Pod,
    Kind::ReplicationController,
    Kind::DaemonSet,
    Kind::Deployment,
    Kind::ReplicaSet,
    Kind::StatefulSet,
    Kind::CronJob,
    Kind::Job,
    Kind::MendixApp,
    Kind::Runtime,
];

/// The rule of this id.
pub fn find(id: &str) -> Option<&'static Rule> {
    RULES.iter().copied().find(|rule| rule.id == id)
}

/// One rule.
#[derive(Debug)]
pub struct Rule {
    /// Stable id, kebab-case.
    pub id: &'static str,
    /// Version of its logic; raised when the same objects may get another verdict.
    pub version: u32,
    /// What holds when it passes.
    pub title: &'static str,
    /// Severity of a failure, unless the observation states another.
    pub severity: Severity,
    /// What part of the system it looks at.
    pub group: Group,
    /// Kinds of its subjects, as in design and CSV.
    pub subjects: Subjects,
    /// What it reads, and what it means when that is missing.
    pub reads: &'static [Read],
    /// Its page.
    pub docs: &'static str,
    /// The rule itself.
    pub check: for<'m> fn(&'m Model<'_>) -> Observations<'m>,
}

/// What a rule says, one statement at a time: all of them at once would be the largest thing in memory.
pub type Observations<'m> = Box<dyn Iterator<Item = Observation> + 'm>;

/// Groups of rules, in the order of reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// One process from another, inside a pod and on a node.
    ExecutionDomain,
    /// One app and environment from another.
    Tenancy,
    /// CPU and memory.
    Resources,
    /// Mutual TLS.
    Mesh,
    /// What can reach what.
    Network,
    /// Ways in from outside.
    Edge,
}

impl Group {
    /// As in every output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ExecutionDomain => "execution-domain",
            Self::Tenancy => "tenancy",
            Self::Resources => "resources",
            Self::Mesh => "mesh",
            Self::Network => "network",
            Self::Edge => "edge",
        }
    }
}

/// What a rule's results name.
#[derive(Clone, Copy, Debug)]
pub enum Subjects {
    /// The cluster as a whole.
    Cluster,
    /// Objects of these kinds.
    Kinds(&'static [Kind]),
}

/// A kind that a rule reads.
#[derive(Clone, Copy, Debug)]
pub struct Read {
    /// The kind.
    pub kind: Kind,
    /// What it means when it is missing.
    pub need: Need,
    /// Where a gap of it matters.
    pub reach: Reach,
}

/// What it means for a rule when a kind is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Nothing can be said, unless the observation is conclusive whatever is missing.
    Required,
    /// Nothing may pass; failures stand.
    ToPass,
    /// The rule names it per observation, where a verdict really rests on it; or it only adds detail.
    Refines,
}

/// Which objects of a kind a verdict rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Those in the namespace of the subject.
    Namespace,
    /// All in the cluster.
    Cluster,
    /// Those in the namespace of the subject and in the root namespaces of the mesh.
    NamespaceAndMeshRoot,
}

impl Read {
    /// A kind without which nothing can be said.
    pub const fn required(kind: Kind, reach: Reach) -> Self {
        Self {
            kind,
            need: Need::Required,
            reach,
        }
    }

    /// A kind without which nothing may pass.
    pub const fn to_pass(kind: Kind, reach: Reach) -> Self {
        Self {
            kind,
            need: Need::ToPass,
            reach,
        }
    }

    /// A kind that single observations may rest on.
    pub const fn refines(kind: Kind) -> Self {
        Self {
            kind,
            need: Need::Refines,
            reach: Reach::Namespace,
        }
    }
}

/// Observes every container of every judged pod; a finished pod gets one row of its own.
fn each_container<'m>(
    model: &'m Model<'_>,
    observe: impl Fn(Subject, &PodGroup<'_>, &Container<'_>) -> Observation + 'm,
) -> Observations<'m> {
    Box::new(model.judged_pods().flat_map(move |(index, pod)| {
        let subject = Subject::Pods(index);
        if pod.is_finished() {
            return vec![Observation::finished(subject)];
        }
        let mut containers = pod.containers().peekable();
        if containers.peek().is_none() {
            // The API server takes no such pod.
            let message = "the pod lists no container";
            return vec![Observation::indeterminate(subject, Reason::Absent, message)];
        }
        containers
            .map(|container| observe(subject.clone(), pod, &container))
            .collect()
    }))
}

/// Observes every judged app pod that has not finished; pods that may be an app's, for all that was read, get a row that
/// says so.
fn each_app_pod<'m>(
    model: &'m Model<'_>,
    observe: impl Fn(Subject, &PodGroup<'_>) -> Vec<Observation> + 'm,
) -> Observations<'m> {
    Box::new(model.judged_pods().flat_map(move |(index, pod)| {
        let subject = Subject::Pods(index);
        match model.unread_owner(pod) {
            _ if pod.role == Role::App && pod.is_finished() => {
                vec![Observation::finished(subject)]
            }
            _ if pod.role == Role::App => observe(subject, pod),
            Some(owner) => vec![Observation::may_be_of_app(subject, pod, owner)],
            None => Vec::new(),
        }
    }))
}

impl Observation {
    /// No app lives in a namespace, whose apps and pods would show it, and nothing that the further kinds would show:
    /// where one of them was not read, that is not known.
    fn none_there(model: &Model<'_>, namespace: &str, further: &[Kind]) -> Self {
        let subject = Subject::Namespace(namespace.to_owned());
        let message = "no app lives here";
        let unread = [Kind::MendixApp, Kind::Pod]
            .into_iter()
            .chain(further.iter().copied())
            .find(|kind| model.gaps.in_namespace(*kind, namespace).is_some());
        let owners = model.unread_owners(namespace);
        let unread = unread.map(|kind| (kind, namespace));
        match unread.or_else(|| owners.first().copied()) {
            // A pass that rests on the unread kind: the assessor takes it away, and says why.
            Some((kind, namespace)) => {
                Self::pass(subject, Reason::Absent, message).needs(kind, namespace)
            }
            None => Self::not_applicable(subject, Reason::Absent, message),
        }
    }

    /// Nothing but an owner that was not read could show whether pods are an app's.
    fn may_be_of_app(
        subject: Subject,
        pod: &PodGroup<'_>,
        (kind, namespace): (Kind, &str),
    ) -> Self {
        if pod.is_finished() {
            return Self::finished(subject);
        }
        let message = "nothing shows whether it is a pod of an app";
        Self::pass(subject, Reason::Absent, message).needs(kind, namespace)
    }

    /// Adds the owners that were not read of pods in a namespace that may be pods of a further app.
    fn needs_owners(self, model: &Model<'_>, namespace: &str) -> Self {
        self.needs_each(model.unread_owners(namespace))
    }

    /// States that a failure by what is not declared would be none on Windows, which a node that was not read may run.
    fn unless_windows(self, pod: &PodGroup<'_>) -> Self {
        if pod.spec.os.is_none() && pod.node_unread {
            self.needs(Kind::Node, "")
        } else {
            self
        }
    }

    /// No label states the tier; where the namespace itself was not read, that is the reason.
    fn tier_unknown(model: &Model<'_>, subject: Subject, namespace: &str, message: String) -> Self {
        let unread = model
            .namespaces
            .get(namespace)
            .and_then(|namespace| namespace.unread);
        match unread {
            Some(missing) => {
                let message = format!("the labels of the namespace were not read; {message}");
                Self::indeterminate(subject, missing.into(), message)
            }
            None => Self::indeterminate(subject, Reason::TierUnknown, message),
        }
    }
}

#[cfg(test)]
impl Rule {
    /// Everything the rule says, at once.
    fn all(&self, model: &Model<'_>) -> Vec<Observation> {
        (self.check)(model).collect()
    }
}
