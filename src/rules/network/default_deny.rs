//! Every namespace denies traffic by default, in and out, and no policy opens all of it again.

use std::collections::BTreeSet;

use super::paths;
use crate::kind::Kind;
use crate::model::Model;
use crate::model::reach::Direction;
use crate::projection::Projection;
use crate::projection::policy::NetworkPolicy;
use crate::rules::{
    Group, Observation, Observations, Reach, Read, Reason, Rule, Severity, Subject, Subjects,
};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "default-deny",
    version: 1,
    title: "Traffic into and out of a namespace is denied by default",
    severity: Severity::High,
    group: Group::Network,
    subjects: Subjects::Kinds(&[Kind::Namespace]),
    reads: &[
        Read::required(Kind::NetworkPolicy, Reach::Namespace),
        Read::refines(Kind::Namespace),
        Read::refines(Kind::Pod),
        // Policies of other kinds may isolate pods too.
        Read::refines(Kind::CiliumNetworkPolicy),
        Read::refines(Kind::CiliumClusterwideNetworkPolicy),
        Read::refines(Kind::CalicoNetworkPolicy),
        Read::refines(Kind::CalicoGlobalNetworkPolicy),
        Read::refines(Kind::CalicoStagedKubernetesNetworkPolicy),
    ],
    docs: include_str!("../../../docs/rules/default-deny.md"),
    check,
};

const DIRECTIONS: [Direction; 2] = [Direction::Ingress, Direction::Egress];

type Policies<'m> = Vec<(usize, &'m NetworkPolicy)>;

fn check<'m>(model: &'m Model<'_>) -> Observations<'m> {
    let namespaces = model.scope.namespaces();
    Box::new(namespaces.map(move |namespace| observe(model, namespace)))
}

fn observe(model: &Model<'_>, namespace: &str) -> Observation {
    let subject = Subject::Namespace(namespace.to_owned());
    let policies: Policies<'_> = model
        .snapshot
        .of_namespace(Kind::NetworkPolicy, namespace)
        .filter_map(|(index, object)| match object.projection.as_ref() {
            Projection::NetworkPolicy(policy) => Some((index, policy)),
            _ => None,
        })
        .collect();
    if policies.is_empty() && model.pods_in(namespace).next().is_none() {
        let message = "neither pods nor policies are here";
        // Without pods that were not read there is nothing to protect.
        return match model.gaps.in_namespace(Kind::Pod, namespace) {
            Some(_) => {
                Observation::pass(subject, Reason::Absent, message).needs(Kind::Pod, namespace)
            }
            None => Observation::not_applicable(subject, Reason::Absent, message),
        };
    }
    judge(model, namespace, subject, &policies)
}

fn judge(
    model: &Model<'_>,
    namespace: &str,
    subject: Subject,
    policies: &Policies<'_>,
) -> Observation {
    let mut faults: Vec<String> = Vec::new();
    let mut reads: Vec<(usize, String, Option<serde_json::Value>)> = Vec::new();
    let mut open = false;
    let mut lacking: Vec<Direction> = Vec::new();
    for direction in DIRECTIONS {
        if let Some((index, policy)) = default_of(policies, direction) {
            let types = Some(&policy.spec.policy_types).filter(|types| !types.is_empty());
            let value = types.and_then(|types| serde_json::to_value(types).ok());
            reads.push((index, "/spec/policyTypes".to_owned(), value));
        } else {
            faults.push(format!("no policy denies {} by default", direction.field()));
            lacking.push(direction);
        }
        for (index, place) in opening(policies, direction) {
            open = true;
            let name = paths::named(model, &[index]);
            faults.push(format!("{name} opens all {}", direction.field()));
            let pointer = format!("/spec/{}/{place}", direction.field());
            reads.push((index, pointer, Some(serde_json::json!({}))));
        }
    }
    let foreign: BTreeSet<usize> = lacking
        .iter()
        .flat_map(|direction| model.reach().isolating(*direction, namespace))
        .collect();
    let foreign: Vec<usize> = foreign.into_iter().collect();
    let observation = if faults.is_empty() {
        let message = "policies deny traffic in both directions by default";
        Observation::pass(subject, Reason::Value, message)
    } else if !open && !foreign.is_empty() {
        let message = format!(
            "{}, but {} may, and is not evaluated",
            faults.join(", "),
            paths::named(model, &foreign)
        );
        Observation::indeterminate(subject, Reason::ForeignPolicy, message)
    } else {
        let reason = if open { Reason::Value } else { Reason::Absent };
        Observation::fail(subject, reason, faults.join(", "))
    };
    let observation = reads
        .into_iter()
        .fold(observation, |observation, (index, pointer, value)| {
            observation.read_of(index, pointer, value)
        });
    if faults.is_empty() || open {
        observation
    } else {
        with_other_policies(observation, namespace)
    }
}

/// What other policies isolate can't be told without them.
fn with_other_policies(observation: Observation, namespace: &str) -> Observation {
    let places = [
        (Kind::CiliumNetworkPolicy, namespace),
        (Kind::CalicoNetworkPolicy, namespace),
        (Kind::CiliumClusterwideNetworkPolicy, ""),
        (Kind::CalicoGlobalNetworkPolicy, ""),
    ];
    places
        .into_iter()
        .fold(observation, |observation, (kind, namespace)| {
            observation.needs(kind, namespace)
        })
}

/// The policy that selects every pod and isolates it in a direction.
fn default_of<'m>(
    policies: &Policies<'m>,
    direction: Direction,
) -> Option<(usize, &'m NetworkPolicy)> {
    let is_default = |policy: &NetworkPolicy| {
        let selector = &policy.spec.pod_selector;
        selector.match_labels.is_empty()
            && selector.match_expressions.is_empty()
            && policy.isolates(direction)
    };
    policies
        .iter()
        .copied()
        .find(|(_, policy)| is_default(policy))
}

/// Rules of a direction without peers and without ports: they let everything through.
fn opening(policies: &Policies<'_>, direction: Direction) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    for (index, policy) in policies {
        if !policy.isolates(direction) {
            continue;
        }
        for (place, rule) in policy.rules(direction).iter().enumerate() {
            if rule.peers(direction).is_empty() && rule.ports.is_empty() {
                found.push((*index, place));
            }
        }
    }
    found
}
