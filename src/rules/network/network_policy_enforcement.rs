//! A network plugin that enforces `NetworkPolicies` runs on every node.

use std::collections::BTreeMap;

use crate::kind::Kind;
use crate::model::Model;
use crate::model::enforcement::{Enforcement, NodeState, Why};
use crate::rules::{
    Group, Observation, Observations, Reach, Read, Reason, Rule, Severity, Subject, Subjects,
};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "network-policy-enforcement",
    version: 1,
    title: "NetworkPolicies are enforced on every node",
    severity: Severity::High,
    group: Group::Network,
    subjects: Subjects::Cluster,
    reads: &[
        Read::to_pass(Kind::Node, Reach::Cluster),
        Read::refines(Kind::Pod),
        Read::refines(Kind::DaemonSet),
        Read::refines(Kind::ConfigMap),
        Read::refines(Kind::NetworkPolicy),
        Read::refines(Kind::PolicyEndpoint),
    ],
    docs: include_str!("../../../docs/rules/network-policy-enforcement.md"),
    check,
};

fn check<'m>(model: &'m Model<'_>) -> Observations<'m> {
    Box::new(std::iter::once(observe(model)))
}

fn observe(model: &Model<'_>) -> Observation {
    let subject = Subject::Cluster;
    let nodes = &model.plugins.nodes;
    if nodes.is_empty() {
        let message = "no node is known, so nothing shows what enforces policies";
        let reason = model
            .gaps
            .anywhere(Kind::Node)
            .map_or(Reason::Absent, Reason::from);
        return Observation::indeterminate(subject, reason, message);
    }
    // One fact for each cause, worst first.
    let mut causes: BTreeMap<(u8, Why), (usize, &NodeState)> = BTreeMap::new();
    for state in nodes.values() {
        let rank = match state.enforcement {
            Enforcement::Unenforced => 0,
            Enforcement::Unknown => 1,
            Enforcement::Enforced => 2,
        };
        causes.entry((rank, state.why)).or_insert((0, state)).0 += 1;
    }
    let count = nodes.len();
    let facts: Vec<String> = causes
        .iter()
        .map(|((rank, why), (number, _))| {
            let doubt = if *rank == 1 && is_definite(*why) {
                ", though pods that were not read may enforce"
            } else {
                ""
            };
            format!("on {number} of {count} nodes {}{doubt}", words(*why))
        })
        .collect();
    let message = facts.join("; ");
    let worst = causes
        .keys()
        .next()
        .map_or((1, Why::Unrecognised), |key| *key);
    let observation = match worst {
        (0, _) => Observation::fail(subject, Reason::Unenforced, message),
        (1, Why::Unrecognised) => {
            Observation::indeterminate(subject, Reason::Unrecognised, message)
        }
        (1, _) => Observation::indeterminate(subject, Reason::Unenforced, message),
        _ => Observation::pass(subject, Reason::Value, message),
    };
    causes
        .values()
        .flat_map(|(_, state)| &state.seen)
        .fold(observation, |observation, seen| {
            observation.read_of(seen.object, seen.pointer.clone(), seen.value.clone())
        })
}

/// Whether a cause by itself says that nothing enforces.
const fn is_definite(why: Why) -> bool {
    match why {
        Why::K3sOff | Why::SwitchedOff(_) | Why::NoEnforcer(_) | Why::Fargate | Why::Windows => {
            true
        }
        Why::Agent(_) | Why::K3s | Why::NotReady(_) | Why::Unclear(_) | Why::Unrecognised => false,
    }
}

fn words(why: Why) -> String {
    match why {
        Why::Agent(plugin) => format!("{plugin} enforces policies"),
        Why::K3s => "the controller inside k3s enforces policies".to_owned(),
        Why::K3sOff => "the controller inside k3s is switched off".to_owned(),
        Why::SwitchedOff(plugin) => format!("{plugin} is set not to enforce policies"),
        Why::NoEnforcer(plugin) => format!("{plugin} has no part that enforces policies"),
        Why::NotReady(plugin) => format!("the agent of {plugin} is not ready"),
        Why::Unclear(plugin) => format!("it can't be told whether {plugin} enforces policies"),
        Why::Fargate => "Fargate runs the pods, where no agent enforces policies".to_owned(),
        Why::Windows => "Windows runs, where the plugin does not enforce policies".to_owned(),
        Why::Unrecognised => "no enforcing agent is recognised".to_owned(),
    }
}
