//! Whether it is known which environment a namespace belongs to, and whether its apps agree.

use std::collections::BTreeSet;

use crate::kind::Kind;
use crate::model::{App, Model, Tier};
use crate::rules::{
    Group, Observation, Observations, Reach, Read, Reason, Rule, Severity, Subject, Subjects,
};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "environment-tier",
    version: 1,
    title: "An app namespace belongs to one known environment tier",
    severity: Severity::Medium,
    group: Group::Tenancy,
    subjects: Subjects::Kinds(&[Kind::Namespace]),
    reads: &[
        Read::required(Kind::MendixApp, Reach::Namespace),
        Read::required(Kind::Pod, Reach::Namespace),
        Read::refines(Kind::Namespace),
    ],
    docs: include_str!("../../../docs/rules/environment-tier.md"),
    check,
};

fn check<'m>(model: &'m Model<'_>) -> Observations<'m> {
    Box::new(
        model
            .scope
            .namespaces()
            .map(move |namespace| observe(model, namespace)),
    )
}

fn observe(model: &Model<'_>, namespace: &str) -> Observation {
    let subject = Subject::Namespace(namespace.to_owned());
    let apps: Vec<&App<'_>> = model.apps_in(namespace).collect();
    if apps.is_empty() {
        return Observation::none_there(model, namespace, &[]);
    }
    let tiers: BTreeSet<&Tier> = apps.iter().filter_map(|app| app.tier.as_ref()).collect();
    let known: Vec<String> = tiers.iter().map(ToString::to_string).collect();
    let all_known = apps.iter().all(|app| app.tier.is_some());
    let observation = match known.as_slice() {
        [_, _, ..] => Observation::fail(
            subject,
            Reason::Value,
            format!("apps of several tiers: {}", known.join(", ")),
        )
        .conclusive(),
        [tier] if all_known => Observation::pass(subject, Reason::Value, format!("tier {tier}")),
        _ => {
            let message = "no label states the environment tier".to_owned();
            return Observation::tier_unknown(model, subject, namespace, message);
        }
    };
    reads(model, namespace, &apps, observation)
}

fn reads(
    model: &Model<'_>,
    namespace: &str,
    apps: &[&App<'_>],
    observation: Observation,
) -> Observation {
    let observation = observation.read_tier_of(model, namespace);
    apps.iter().fold(observation, |observation, app| {
        observation.read_own_tier(model, app)
    })
}
