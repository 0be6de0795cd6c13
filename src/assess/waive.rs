//! Which failures are waived, and what became of each waiver.

use std::collections::BTreeMap;

use crate::model::Port;
use crate::model::selector::Labels as _;
use crate::plan::Date;
use crate::projection::uid::Uid;
use crate::report::{self, RuleReport, SubjectRef, WaiverReport, WaiverStatus};
use crate::rules::{Observation, Verdict};
use crate::snapshot::{Object, Snapshot};
use crate::waivers::{Waiver, WaiverSelector, Waivers};

/// The waivers of a run, held against its collection.
pub(super) struct Waiving<'w> {
    waivers: &'w [Waiver],
    /// When each waiver holds, seen from the start of the collection.
    times: Vec<Time>,
}

/// The time of a waiver, seen from the start of a collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Time {
    /// Approved, and not over.
    Holds,
    /// Approved on a later day.
    ToCome,
    Over,
}

impl Time {
    fn of(waiver: &Waiver, started: Option<Date>) -> Self {
        match started {
            Some(started) if waiver.approved_on > started => Self::ToCome,
            Some(started) if waiver.expires >= started => Self::Holds,
            // A collection that does not say when it was made can't show that a waiver held.
            Some(_) | None => Self::Over,
        }
    }
}

impl<'w> Waiving<'w> {
    pub(super) fn new(waivers: &'w Waivers, snapshot: &Snapshot) -> Self {
        let started = Date::of_time(&snapshot.origin.started_at);
        let waivers = &waivers.waivers;
        Self {
            waivers,
            times: waivers
                .iter()
                .map(|waiver| Time::of(waiver, started))
                .collect(),
        }
    }

    /// Takes the subjects of a statement apart by the waiver that holds for each.
    pub(super) fn split(
        &self,
        rule: &str,
        snapshot: &Snapshot,
        observation: &Observation,
        subjects: Vec<SubjectRef>,
    ) -> Vec<(Option<u32>, Vec<SubjectRef>)> {
        if observation.verdict != Verdict::Fail || self.holding(rule).next().is_none() {
            return vec![(None, subjects)];
        }
        let mut parts: BTreeMap<Option<u32>, Vec<SubjectRef>> = BTreeMap::new();
        for subject in subjects {
            let place = Place {
                snapshot,
                subject: &subject,
                container: observation.container.as_deref(),
                port: observation.port.as_ref(),
            };
            let waiver = self
                .holding(rule)
                .find(|(_, waiver)| place.is_meant(&waiver.selector));
            parts
                .entry(waiver.map(|(index, _)| index))
                .or_default()
                .push(subject);
        }
        parts.into_iter().collect()
    }

    /// The waivers of a rule that hold at this time, with their place in the file.
    fn holding(&self, rule: &str) -> impl Iterator<Item = (u32, &'w Waiver)> {
        let all = (0..).zip(self.waivers).zip(&self.times);
        all.filter(move |((_, waiver), time)| waiver.rule == rule && **time == Time::Holds)
            .map(|(waiver, _)| waiver)
    }

    /// What became of each waiver, in the order of their ids.
    pub(super) fn report(&self, snapshot: &Snapshot, rules: &[RuleReport]) -> Vec<WaiverReport> {
        let mut reports: Vec<WaiverReport> = self
            .waivers
            .iter()
            .zip(&self.times)
            .zip(0_u32..)
            .map(|((waiver, time), index)| {
                let rule = rules.iter().find(|report| report.rule.id == waiver.rule);
                one(index, waiver, *time, snapshot, rule)
            })
            .collect();
        reports.sort_by(|left, right| left.waiver.id.cmp(&right.waiver.id));
        reports
    }
}

fn one(
    index: u32,
    waiver: &Waiver,
    time: Time,
    snapshot: &Snapshot,
    rule: Option<&RuleReport>,
) -> WaiverReport {
    let (mut matched, mut rows, mut results) = (0, 0, Vec::new());
    for result in rule.into_iter().flat_map(|rule| &rule.results) {
        if result.verdict != Verdict::Fail {
            continue;
        }
        let is_meant = |subject: &&SubjectRef| {
            let place = Place {
                snapshot,
                subject,
                container: result.container.as_deref(),
                port: result.port.as_ref(),
            };
            place.is_meant(&waiver.selector)
        };
        matched += result.subjects.iter().filter(is_meant).count() as u64;
        if result.waiver == Some(index) {
            rows += result.subjects.len() as u64;
            results.push(result.id);
        }
    }
    results.sort();
    let selected = rule.is_some_and(|rule| rule.selected);
    WaiverReport {
        status: match (time, selected, matched) {
            (Time::Over, _, _) => WaiverStatus::Expired,
            (Time::ToCome, _, _) => WaiverStatus::NotYetApproved,
            (Time::Holds, false, _) => WaiverStatus::NotSelected,
            (Time::Holds, true, 0) => WaiverStatus::Unmatched,
            (Time::Holds, true, _) => WaiverStatus::Applied,
        },
        waiver: waiver.clone(),
        index,
        matched,
        waived: rows,
        results,
    }
}

/// One row: a subject, a container and a port.
struct Place<'p> {
    snapshot: &'p Snapshot,
    subject: &'p SubjectRef,
    container: Option<&'p str>,
    port: Option<&'p Port>,
}

impl Place<'_> {
    fn is_meant(&self, selector: &WaiverSelector) -> bool {
        let (kind, namespace, name) = report::place(self.snapshot, self.subject);
        let fits = |wanted: &Option<String>, found: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| found == Some(wanted))
        };
        let object = self.object();
        let port = self.port.map(|port| (port.number, port.protocol.as_str()));
        let wanted_port = selector
            .port
            .as_ref()
            .map(|port| (port.number, port.protocol.as_str()));
        fits(&selector.namespace, Some(namespace))
            && fits(&selector.kind, Some(kind))
            && fits(&selector.name, Some(name))
            && fits(&selector.container, self.container)
            && wanted_port.is_none_or(|wanted| port == Some(wanted))
            && selector.uid.as_deref().is_none_or(|wanted| {
                object.and_then(|object| object.identity.uid.as_ref()) == Some(&Uid::from(wanted))
            })
            && selector.labels.iter().all(|(key, value)| {
                object.and_then(|object| label(object, key)) == Some(value.as_str())
            })
    }

    fn object(&self) -> Option<&Object> {
        match self.subject {
            SubjectRef::Object(index) => self.snapshot.objects.get(*index as usize),
            SubjectRef::Cluster | SubjectRef::Named(_) => None,
        }
    }
}

/// A label of an object; of pods some stand apart from those that replicas share.
fn label<'o>(object: &'o Object, key: &str) -> Option<&'o str> {
    let of_instance = object
        .instance
        .as_ref()
        .and_then(|instance| instance.metadata.labels.label(key));
    of_instance.or_else(|| object.projection.metadata().labels.label(key))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::assess::{Options, assess};
    use crate::catalog::Catalog;
    use crate::model::ScopeRequest;
    use crate::report::gate::GateOptions;
    use crate::rules::{RULES, Severity};
    use crate::testing;

    #[test]
    fn a_waiver_holds_through_its_last_day() {
        let day = |text: &str| Date::parse(text).unwrap();
        let table = [
            ("2026-01-31T00:00:00Z", false),
            ("2026-01-31T23:59:59Z", false),
            ("2026-02-01T00:00:00Z", true),
            ("2026-02-01T00:30:00+01:00", false),
            ("2026-01-31T23:30:00-01:00", true),
        ];
        for (time, expired) in table {
            assert_eq!(
                day("2026-01-31") < Date::of_time(time).unwrap(),
                expired,
                "{time}"
            );
        }
        assert_eq!(Date::of_time("yesterday"), None);
    }

    const CLUSTER: &str = r"
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {tier: test}}
---
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: web, namespace: shop, uid: u}
---
apiVersion: v1
kind: Pod
metadata: {name: web-1, namespace: shop, uid: one, labels: {app: web, pod-template-hash: x}, ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: web, uid: u, controller: true}]}
spec: {hostPID: true, containers: [{name: c, securityContext: {privileged: true}}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web-2, namespace: shop, uid: two, labels: {app: web, pod-template-hash: x}, ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: web, uid: u, controller: true}]}
spec: {hostPID: true, containers: [{name: c, securityContext: {privileged: true}}]}
";

    /// What the rows of a rule count as, with the waivers that hold, and what became of the waivers.
    fn assessed(waivers: &str) -> (Vec<String>, Vec<String>, Vec<String>) {
        let rules: Vec<&str> = RULES.iter().map(|rule| rule.id).collect();
        let catalog = Catalog::builtin(&rules).unwrap();
        let snapshot = testing::snapshot(CLUSTER);
        let waivers = Waivers::parse("w.yaml", waivers, &rules).unwrap();
        let options = Options {
            rules: BTreeSet::from(["host-namespaces", "privileged-containers"]),
            scope: ScopeRequest {
                all: true,
                ..ScopeRequest::default()
            },
            waivers: &waivers,
            gate: GateOptions {
                fail_on: Severity::Low,
                allow_indeterminate: true,
            },
            ..Options::default()
        };
        let report = assess(&snapshot, &catalog, options);
        let results = report.rules.iter().flat_map(|rule| &rule.results);
        let rows = results.map(|result| {
            let names: Vec<&str> = result
                .subjects
                .iter()
                .map(|subject| report.subject(subject).2)
                .collect();
            let waiver = report.waiver_id(result).unwrap_or("-");
            format!("{} {} {waiver}", result.effective.name(), names.join("+"))
        });
        let states = report.waivers.iter().map(|of| {
            format!(
                "{} {} {}/{} {}",
                of.waiver.id,
                of.status.name(),
                of.waived,
                of.matched,
                of.results.len()
            )
        });
        let sc39 = report
            .controls
            .iter()
            .find(|control| catalog.controls[control.control].id == "sc-39");
        let gate = [
            report.gate.exit_code.to_string(),
            report.gate.meaning.clone(),
            sc39.unwrap().determination.name().to_owned(),
        ];
        (rows.collect(), states.collect(), gate.to_vec())
    }

    fn waiver(id: &str, rule: &str, selector: &str, expires: &str) -> String {
        format!(
            "- {{id: {id}, rule: {rule}, selector: {{{selector}}}, type: RA, justification: j, approver: a, approvedOn: 2025-01-01, expires: {expires}}}\n"
        )
    }

    fn file(waivers: &[String]) -> String {
        format!("waivers:\n{}", waivers.concat())
    }

    #[test]
    fn a_waiver_that_fits_some_subjects_splits_their_result() {
        let by_uid = waiver("W", "host-namespaces", "uid: two", "2026-01-01");
        let (rows, states, gate) = assessed(&file(&[by_uid]));
        assert_eq!(
            rows,
            ["fail web-1 -", "waived web-2 W", "fail web-1+web-2 -"]
        );
        assert_eq!(states, ["W applied 1/1 1"]);
        assert_eq!(gate[0], "1");
    }

    #[test]
    fn waived_failures_pass_the_gate_and_stay_exceptions() {
        let waivers = [
            waiver(
                "A",
                "host-namespaces",
                "labels: {app: web, pod-template-hash: x}",
                "2026-01-01",
            ),
            waiver(
                "B",
                "privileged-containers",
                "container: c, kind: Pod, namespace: shop",
                "2026-01-01",
            ),
        ];
        let (rows, states, gate) = assessed(&file(&waivers));
        assert_eq!(rows, ["waived web-1+web-2 A", "waived web-1+web-2 B"]);
        assert_eq!(states, ["A applied 2/2 1", "B applied 2/2 1"]);
        assert_eq!(gate, ["0", "no failing rows, 4 waived", "exceptions"]);
    }

    #[test]
    fn what_does_not_fit_or_hold_waives_nothing() {
        let waivers = [
            waiver(
                "expired",
                "host-namespaces",
                "namespace: shop",
                "2025-12-31",
            ),
            waiver(
                "port",
                "host-namespaces",
                "namespace: shop, port: 80",
                "2026-01-01",
            ),
            waiver(
                "label",
                "host-namespaces",
                "labels: {app: other}",
                "2026-01-01",
            ),
            waiver("name", "privileged-containers", "name: web", "2026-01-01"),
            waiver(
                "other-rule",
                "seccomp-profile",
                "namespace: shop",
                "2026-01-01",
            ),
        ];
        let (rows, states, _) = assessed(&file(&waivers));
        assert_eq!(rows, ["fail web-1+web-2 -", "fail web-1+web-2 -"]);
        let expected = [
            "expired expired 0/2 0",
            "label unmatched 0/0 0",
            "name unmatched 0/0 0",
            "other-rule not-selected 0/0 0",
            "port unmatched 0/0 0",
        ];
        assert_eq!(states, expected);
    }

    #[test]
    fn a_waiver_holds_from_the_day_of_its_approval() {
        let approved = |id: &str, on: &str| {
            let waiver = waiver(id, "host-namespaces", "namespace: shop", "2027-01-01");
            waiver.replace("2025-01-01", on)
        };
        let (rows, states, _) = assessed(&file(&[approved("W", "2026-01-02")]));
        assert_eq!(rows[0], "fail web-1+web-2 -");
        assert_eq!(states, ["W not-yet-approved 0/2 0"]);
        let (rows, states, _) = assessed(&file(&[approved("W", "2026-01-01")]));
        assert_eq!(rows[0], "waived web-1+web-2 W");
        assert_eq!(states, ["W applied 2/2 1"]);
    }

    #[test]
    fn of_several_waivers_the_first_that_holds_counts() {
        let waivers = [
            waiver("C", "host-namespaces", "namespace: shop", "2025-12-31"),
            waiver("B", "host-namespaces", "name: web-1", "2026-01-01"),
            waiver("A", "host-namespaces", "namespace: shop", "2026-01-01"),
        ];
        let (rows, states, _) = assessed(&file(&waivers));
        assert_eq!(rows[..2], ["waived web-1 B", "waived web-2 A"]);
        assert_eq!(
            states,
            ["A applied 1/2 1", "B applied 1/1 1", "C expired 0/2 0"]
        );
    }
}
