//! What results are about, told by workloads: pods come and go, what they belong to stays.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use super::{Report, RuleReport, RuleResult, SubjectRef, place};
use crate::kind::Kind;
use crate::model::{Model, PodGroup};
use crate::snapshot::Snapshot;

/// Kind, namespace and name of something that keeps them when its pods are replaced. A namespace has its name in both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place<'a> {
    /// Namespace, or empty.
    pub namespace: &'a str,
    /// Kind.
    pub kind: &'a str,
    /// Name; empty of the cluster as a whole, and of objects that show none.
    pub name: &'a str,
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            namespace,
            kind,
            name,
        } = self;
        match (*namespace, *name) {
            ("", "") => write!(formatter, "{kind}"),
            ("", name) => write!(formatter, "{kind} {name}"),
            (namespace, name) if *kind == "Namespace" && namespace == name => {
                write!(formatter, "{kind} {name}")
            }
            (namespace, name) => write!(formatter, "{kind} {namespace}/{name}"),
        }
    }
}

/// What each pod, and each workload that is judged by its template, belongs to.
#[derive(Clone, Debug, Default)]
pub struct Workloads {
    /// Of pods and workloads by index of their object: where theirs stands in `known`.
    of: HashMap<u32, u32>,
    known: Vec<(String, String, String)>,
}

impl Workloads {
    /// Follows the owners of all pods.
    pub fn new(model: &Model<'_>) -> Self {
        let mut workloads = Self::default();
        for pod in &model.pods {
            workloads.add(model, pod);
        }
        workloads
    }

    fn add(&mut self, model: &Model<'_>, pod: &PodGroup<'_>) {
        let (kind, name) = &pod.workload;
        // A static pod is its node's, as others of that node are, and keeps its own name.
        let is_static = kind == Kind::Node.name();
        for member in &pod.members {
            let Ok(index) = u32::try_from(*member) else {
                continue;
            };
            let first = pod.members.first() == Some(member);
            if is_static {
                let own = (Kind::Pod.name(), model.object(*member).name());
                self.push(pod.namespace, own);
            } else if first {
                self.push(pod.namespace, (kind, name));
            }
            let last = self.known.len().saturating_sub(1);
            self.of
                .insert(index, u32::try_from(last).unwrap_or(u32::MAX));
        }
    }

    fn push(&mut self, namespace: &str, (kind, name): (&str, &str)) {
        let workload = (namespace.to_owned(), kind.to_owned(), name.to_owned());
        self.known.push(workload);
    }

    /// What a subject belongs to; the subject itself, of whatever is no pod.
    pub fn place<'a>(&'a self, snapshot: &'a Snapshot, subject: &'a SubjectRef) -> Place<'a> {
        if let SubjectRef::Object(index) = subject
            && let Some(known) = self.of.get(index)
            && let Some((namespace, kind, name)) = self.known.get(*known as usize)
        {
            return Place {
                namespace,
                kind,
                name,
            };
        }
        let (kind, namespace, name) = place(snapshot, subject);
        Place {
            namespace,
            kind,
            name,
        }
    }
}

/// One statement about one workload: less than a result, which may be about many, and more than a row, which is about
/// one pod.
#[derive(Clone, Debug)]
pub struct Unit<'r> {
    /// The statement.
    pub result: &'r RuleResult,
    /// Whom it is about.
    pub place: Place<'r>,
    /// The rows of it: the pods of that workload, or the one subject.
    pub subjects: Vec<&'r SubjectRef>,
}

impl fmt::Display for Unit<'_> {
    /// Whom it is about, with container and port.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.place)?;
        if let Some(container) = &self.result.container {
            write!(formatter, ", container {container}")?;
        }
        if let Some(port) = &self.result.port {
            write!(formatter, ", port {port}")?;
        }
        Ok(())
    }
}

impl Report<'_> {
    /// The statements of a rule by workload, in the order of its results.
    pub fn units<'a>(&'a self, rule: &'a RuleReport) -> impl Iterator<Item = Unit<'a>> {
        rule.results.iter().flat_map(|result| self.units_of(result))
    }

    /// One result by workload.
    pub fn units_of<'a>(&'a self, result: &'a RuleResult) -> impl Iterator<Item = Unit<'a>> {
        let mut places: BTreeMap<Place<'a>, Vec<&SubjectRef>> = BTreeMap::new();
        for subject in result.subjects.iter() {
            let place = self.workloads.place(self.snapshot, subject);
            places.entry(place).or_default().push(subject);
        }
        places.into_iter().map(move |(place, subjects)| Unit {
            result,
            place,
            subjects,
        })
    }
}
