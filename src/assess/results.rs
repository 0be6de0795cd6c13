//! Results: equal statements about several subjects become one, with a stable id.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

use super::settle::Settled;
use super::waive::Waiving;
use crate::canonical::{Shelf, Texts};
use crate::model::{Model, Port};
use crate::report::order::Order;
use crate::report::{Effective, Place, ResultRead, RuleResult, SubjectRef, Workloads};
use crate::rules::{Observation, ReadFrom, Reason, Rule, Severity, Verdict};

/// Between the parts of what an id is made from: in no name of the API.
const SEPARATOR: &str = "\u{1f}";

/// Turns settled observations into results.
pub(super) struct Builder<'m> {
    model: &'m Model<'m>,
    cluster: &'m str,
    waiving: &'m Waiving<'m>,
    workloads: &'m Workloads,
    order: Order<'m>,
    texts: Texts,
    reads: Shelf<[ResultRead]>,
    /// Subjects of results so far, with what `workloads_of` says of them.
    subjects: Mutex<Shared>,
}

/// Subjects that results share, with their workloads in words.
type Shared = HashMap<Arc<[SubjectRef]>, Option<Arc<str>>>;

/// Everything that results have in common with their like; only the subjects differ.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Statement {
    waiver: Option<u32>,
    container: Option<Arc<str>>,
    port: Option<Port>,
    verdict: Verdict,
    severity: Severity,
    reason: Reason,
    message: Arc<str>,
    reads: Arc<[ResultRead]>,
}

/// Statements with their number, in the order of the rule, and their subjects.
type Statements = HashMap<Statement, (usize, Vec<SubjectRef>)>;

fn add(statements: &mut Statements, statement: Statement, subjects: Vec<SubjectRef>) {
    let number = statements.len();
    let (_, known) = statements
        .entry(statement)
        .or_insert_with(|| (number, Vec::new()));
    if known.is_empty() {
        *known = subjects;
    } else {
        known.extend(subjects);
    }
}

impl Statement {
    fn result(self, subjects: Arc<[SubjectRef]>) -> RuleResult {
        RuleResult {
            id: Uuid::nil(),
            container: self.container,
            port: self.port,
            verdict: self.verdict,
            effective: match self.waiver {
                Some(_) => Effective::Waived,
                None => Effective::from(self.verdict),
            },
            waiver: self.waiver,
            severity: self.severity,
            reason: self.reason,
            message: self.message,
            reads: self.reads,
            subjects,
        }
    }
}

impl<'m> Builder<'m> {
    pub(super) fn new(
        model: &'m Model<'m>,
        cluster: &'m str,
        waiving: &'m Waiving<'m>,
        workloads: &'m Workloads,
    ) -> Self {
        Self {
            model,
            cluster,
            waiving,
            workloads,
            order: Order::new(model.snapshot),
            texts: Texts::default(),
            reads: Shelf::default(),
            subjects: Mutex::default(),
        }
    }

    /// Unites equal statements and orders them worst first.
    pub(super) fn build(
        &self,
        rule: &Rule,
        settled: impl Iterator<Item = Settled>,
    ) -> Vec<RuleResult> {
        let mut statements = Statements::new();
        for Settled {
            subjects,
            prefix,
            observation,
        } in settled
        {
            let snapshot = self.model.snapshot;
            let mut parts = self
                .waiving
                .split(rule.id, snapshot, &observation, subjects);
            let statement = self.statement(rule, prefix, observation);
            let last = parts.pop();
            for (waiver, subjects) in parts {
                let statement = statement.clone();
                add(
                    &mut statements,
                    Statement {
                        waiver,
                        ..statement
                    },
                    subjects,
                );
            }
            if let Some((waiver, subjects)) = last {
                add(
                    &mut statements,
                    Statement {
                        waiver,
                        ..statement
                    },
                    subjects,
                );
            }
        }
        // In the order of the rule, which decides between statements that differ in their values alone.
        let mut statements: Vec<_> = statements.into_iter().collect();
        statements.sort_unstable_by_key(|(_, (number, _))| *number);
        let mut results: Vec<RuleResult> = statements
            .into_iter()
            .map(|(statement, (_, subjects))| statement.result(self.share(subjects)))
            .collect();
        self.order.results(&mut results);
        self.name(rule, &mut results);
        results
    }

    fn statement(&self, rule: &Rule, prefix: &str, observation: Observation) -> Statement {
        let texts = &self.texts;
        let reads = observation.reads.into_iter().map(|read| ResultRead {
            pointer: match read.from {
                ReadFrom::Subject if !prefix.is_empty() => {
                    texts.share(format!("{prefix}{}", read.pointer))
                }
                _ => texts.share(read.pointer),
            },
            from: read.from,
            // What is no JSON cannot have been read from any.
            value: read.value.and_then(|value| texts.text(&value).ok()),
        });
        Statement {
            waiver: None,
            container: observation.container.map(|name| texts.share(name)),
            port: observation.port,
            verdict: observation.verdict,
            severity: observation.severity.unwrap_or(rule.severity),
            reason: observation.reason,
            reads: self.reads.share(reads.collect::<Vec<_>>()),
            message: texts.share(observation.message),
        }
    }

    /// Orders subjects. The replicas of a template are the subjects of many results, and kept once.
    fn share(&self, mut subjects: Vec<SubjectRef>) -> Arc<[SubjectRef]> {
        subjects.sort_by(|left, right| self.order.by_place(left, right));
        subjects.dedup();
        let mut shared = self.shared();
        if let Some((known, _)) = shared.get_key_value(subjects.as_slice()) {
            return Arc::clone(known);
        }
        let subjects: Arc<[SubjectRef]> = subjects.into();
        shared.insert(Arc::clone(&subjects), None);
        subjects
    }

    /// Ids name cluster, rule, workloads, container, port and reason: the same after a restart of pods.
    fn name(&self, rule: &Rule, results: &mut [RuleResult]) {
        let space = Uuid::new_v5(&Uuid::NAMESPACE_URL, b"urn:sc39:result");
        let mut given: HashMap<Uuid, u32> = HashMap::new();
        for result in results {
            let workloads = self.workloads_of(&result.subjects);
            let port = result.port.as_ref().map(ToString::to_string);
            let mut parts = vec![self.cluster, rule.id];
            parts.extend(workloads.as_deref());
            parts.push(result.container.as_deref().unwrap_or_default());
            parts.push(port.as_deref().unwrap_or_default());
            parts.push(result.reason.code());
            let mut name = parts.join(SEPARATOR);
            // Two statements may differ in their message or values alone; their order is stable.
            let id = Uuid::new_v5(&space, name.as_bytes());
            let seen = given.entry(id).or_insert(0);
            *seen += 1;
            if *seen > 1 {
                name = format!("{name}{SEPARATOR}{seen}");
            }
            result.id = Uuid::new_v5(&space, name.as_bytes());
        }
    }

    /// A thread that ended in the middle leaves nothing half done.
    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.subjects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Workloads of subjects, sorted and joined; none without any.
    fn workloads_of(&self, subjects: &Arc<[SubjectRef]>) -> Option<Arc<str>> {
        let mut shared = self.shared();
        let joined = shared.entry(Arc::clone(subjects)).or_default();
        if joined.is_none() {
            let places: BTreeSet<Place<'_>> = subjects
                .iter()
                .map(|subject| self.workloads.place(self.model.snapshot, subject))
                .collect();
            let mut workloads: Vec<String> = places
                .iter()
                .map(|place| format!("{}/{}/{}", place.namespace, place.kind, place.name))
                .collect();
            workloads.sort_unstable();
            *joined = (!workloads.is_empty()).then(|| workloads.join(SEPARATOR).into());
        }
        joined.clone()
    }
}

/// Id of a run: the same cluster, start and catalogue give the same.
pub(super) fn run_id(cluster: &str, started_at: &str, catalog_digest: &str) -> String {
    let space = Uuid::new_v5(&Uuid::NAMESPACE_URL, b"urn:sc39:run");
    Uuid::new_v5(
        &space,
        [cluster, started_at, catalog_digest]
            .join("\u{1f}")
            .as_bytes(),
    )
    .to_string()
}
