//! Rules: data plus a pure function from the model to observations, one file each.
//!
//! A rule reports on every object in its scope, passes too. It knows no control, no waiver and no gap of the
//! collection: what was not read is turned into verdicts by the assessor, from what each rule says it reads.

pub mod observation;

use crate::kind::Kind;
use crate::model::Model;

pub use observation::{Observation, Port, Reading, Reason, Severity, Subject, Verdict};

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
    pub check: fn(&Model<'_>) -> Vec<Observation>,
}

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
