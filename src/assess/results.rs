//! Results: equal statements about several subjects become one, with a stable id.

use std::collections::{BTreeSet, HashMap};

use uuid::Uuid;

use super::settle::Settled;
use crate::model::{Model, Port};
use crate::report::{self, Effective, ResultRead, RuleResult, SubjectRef};
use crate::rules::{ReadFrom, Rule, Severity};

/// Turns settled observations into results.
pub(super) struct Builder<'m> {
    model: &'m Model<'m>,
    cluster: &'m str,
    /// Of each pod or workload by index: its group.
    groups: HashMap<u32, usize>,
}

/// Everything that results have in common with their like; only the subjects differ.
#[derive(PartialEq, Eq, Hash)]
struct Key {
    container: Option<String>,
    port: Option<Port>,
    verdict: crate::rules::Verdict,
    severity: Severity,
    reason: crate::rules::Reason,
    message: String,
    reads: Vec<ResultRead>,
}

impl<'m> Builder<'m> {
    pub(super) fn new(model: &'m Model<'m>, cluster: &'m str) -> Self {
        let groups = (0..)
            .zip(&model.pods)
            .flat_map(|(group, pod)| {
                let members = pod
                    .members
                    .iter()
                    .filter_map(|member| u32::try_from(*member).ok());
                members.map(move |member| (member, group))
            })
            .collect();
        Self {
            model,
            cluster,
            groups,
        }
    }

    /// Unites equal statements and orders them worst first.
    pub(super) fn build(
        &self,
        rule: &Rule,
        settled: impl Iterator<Item = Settled>,
    ) -> Vec<RuleResult> {
        let mut indexes: HashMap<Key, usize> = HashMap::new();
        let mut results: Vec<RuleResult> = Vec::new();
        for Settled {
            subjects,
            prefix,
            observation,
        } in settled
        {
            let reads = observation
                .reads
                .into_iter()
                .map(|read| ResultRead {
                    pointer: match read.from {
                        ReadFrom::Subject => format!("{prefix}{}", read.pointer),
                        ReadFrom::Object(_) | ReadFrom::Plan => read.pointer,
                    },
                    from: read.from,
                    value: read.value,
                })
                .collect();
            let key = Key {
                container: observation.container,
                port: observation.port,
                verdict: observation.verdict,
                severity: observation.severity.unwrap_or(rule.severity),
                reason: observation.reason,
                message: observation.message,
                reads,
            };
            if let Some(index) = indexes.get(&key) {
                results[*index].subjects.extend(subjects);
                continue;
            }
            results.push(RuleResult {
                id: String::new(),
                container: key.container.clone(),
                port: key.port.clone(),
                verdict: key.verdict,
                effective: Effective::from(key.verdict),
                severity: key.severity,
                reason: key.reason,
                message: key.message.clone(),
                reads: key.reads.clone(),
                subjects,
            });
            indexes.insert(key, results.len() - 1);
        }
        self.order(&mut results);
        self.name(rule, &mut results);
        results
    }

    fn order(&self, results: &mut [RuleResult]) {
        for result in results.iter_mut() {
            result
                .subjects
                .sort_by(|left, right| self.place(left).cmp(&self.place(right)));
            result.subjects.dedup();
        }
        results.sort_by(|left, right| {
            let place = |subject| self.place(subject);
            let (one, other) = (left.subjects.first(), right.subjects.first());
            let by_rank = rank(left.effective).cmp(&rank(right.effective));
            by_rank
                .then_with(|| one.map(place).cmp(&other.map(place)))
                .then_with(|| statement(left).cmp(&statement(right)))
        });
    }

    /// Ids name cluster, rule, workloads, container, port and reason: the same after a restart of pods.
    fn name(&self, rule: &Rule, results: &mut [RuleResult]) {
        let space = Uuid::new_v5(&Uuid::NAMESPACE_URL, b"urn:sc39:result");
        let mut given: HashMap<Uuid, u32> = HashMap::new();
        for result in results {
            let workloads: BTreeSet<String> = result
                .subjects
                .iter()
                .map(|subject| self.identity(subject))
                .collect();
            let mut parts = vec![self.cluster.to_owned(), rule.id.to_owned()];
            parts.extend(workloads);
            parts.push(result.container.clone().unwrap_or_default());
            parts.push(
                result
                    .port
                    .as_ref()
                    .map(ToString::to_string)
                    .unwrap_or_default(),
            );
            parts.push(result.reason.code().to_owned());
            let mut name = parts.join("\u{1f}");
            // Two statements may differ in their message or values alone; their order is stable.
            let id = Uuid::new_v5(&space, name.as_bytes());
            let seen = given.entry(id).or_insert(0);
            *seen += 1;
            if *seen > 1 {
                name = format!("{name}\u{1f}{seen}");
            }
            result.id = Uuid::new_v5(&space, name.as_bytes()).to_string();
        }
    }

    fn identity(&self, subject: &SubjectRef) -> String {
        if let SubjectRef::Object(index) = subject
            && let Some(group) = self.groups.get(index)
        {
            let pod = &self.model.pods[*group];
            let (kind, name) = &pod.workload;
            return format!("{}/{kind}/{name}", pod.namespace);
        }
        let (kind, namespace, name) = report::place(self.model.snapshot, subject);
        format!("{namespace}/{kind}/{name}")
    }

    /// Namespace, kind and name, as CSV is sorted.
    fn place<'a>(&'a self, subject: &'a SubjectRef) -> (&'a str, &'a str, &'a str) {
        let (kind, namespace, name) = report::place(self.model.snapshot, subject);
        (namespace, kind, name)
    }

    /// `(result, subject)` of every row: by effective verdict, namespace, kind, name, container and port.
    pub(super) fn rows(&self, results: &[RuleResult]) -> Vec<(u32, u32)> {
        let count = results.iter().map(|result| result.subjects.len()).sum();
        let mut rows: Vec<(u32, u32)> = Vec::with_capacity(count);
        for (result, index) in results.iter().zip(0_u32..) {
            rows.extend(
                (0_u32..)
                    .zip(&result.subjects)
                    .map(|(subject, _)| (index, subject)),
            );
        }
        rows.sort_by(|left, right| {
            let result = |row: &(u32, u32)| &results[row.0 as usize];
            let (one, other) = (result(left), result(right));
            let by_rank = rank(one.effective).cmp(&rank(other.effective));
            by_rank
                .then_with(|| {
                    let one = self.place(&one.subjects[left.1 as usize]);
                    one.cmp(&self.place(&other.subjects[right.1 as usize]))
                })
                .then_with(|| statement(one).cmp(&statement(other)))
        });
        rows
    }
}

/// What orders results about the same subject.
fn statement(result: &RuleResult) -> (Option<&str>, Option<&Port>, &str, &str) {
    let container = result.container.as_deref();
    (
        container,
        result.port.as_ref(),
        result.reason.code(),
        &result.message,
    )
}

fn rank(effective: Effective) -> usize {
    Effective::ALL
        .iter()
        .position(|known| *known == effective)
        .unwrap_or_default()
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
