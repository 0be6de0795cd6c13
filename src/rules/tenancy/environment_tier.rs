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
        // Owners of pods that nothing else shows to be an app's.
        Read::refines(Kind::ReplicaSet),
        Read::refines(Kind::Deployment),
        Read::refines(Kind::StatefulSet),
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

fn observe<'s>(model: &Model<'s>, namespace: &str) -> Observation {
    let subject = Subject::Namespace(namespace.to_owned());
    let apps: Vec<&App<'s>> = model.apps_in(namespace).collect();
    if apps.is_empty() {
        return Observation::none_there(model, namespace, &[]);
    }
    let tiers: BTreeSet<&Tier> = apps.iter().filter_map(|app| app.tier.as_ref()).collect();
    let known: Vec<String> = tiers.iter().map(ToString::to_string).collect();
    let all_known = apps.iter().all(|app| app.tier.is_some());
    let observation = match known.as_slice() {
        [_, _, ..] => several(model, subject, &apps, &known),
        [tier] if all_known => Observation::pass(subject, Reason::Value, format!("tier {tier}")),
        _ => {
            let message = "no label states the environment tier".to_owned();
            return Observation::tier_unknown(model, subject, namespace, message);
        }
    };
    reads(model, namespace, &apps, observation).needs_owners(model, namespace)
}

fn several<'s>(
    model: &Model<'s>,
    subject: Subject,
    apps: &[&App<'s>],
    known: &[String],
) -> Observation {
    let message = format!("apps of several tiers: {}", known.join(", "));
    let observation = Observation::fail(subject, Reason::Value, message);
    let mut unnamed = apps
        .iter()
        .filter_map(|app| model.unread_name(app))
        .peekable();
    if unnamed.peek().is_none() {
        observation.conclusive()
    } else {
        // Pods that name no app, of an owner that was not read, may be pods of one whose tier is its own.
        observation.needs_each(unnamed)
    }
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
