//! No pod of one app can reach the pods of another.

use super::paths::{self, Unowned, Worst};
use crate::kind::Kind;
use crate::model::Model;
use crate::model::reach::{Ports, Sources};
use crate::model::tenants::Tenants;
use crate::rules::{Group, Observation, Observations, Reason, Rule, Severity, Subject, Subjects};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "app-isolation",
    version: 1,
    title: "App pods of a namespace are out of reach for other apps",
    severity: Severity::High,
    group: Group::Network,
    subjects: Subjects::Kinds(&[Kind::Namespace]),
    reads: paths::READS,
    docs: include_str!("../../../docs/rules/app-isolation.md"),
    check,
};

fn check<'m>(model: &'m Model<'_>) -> Observations<'m> {
    let tenants = Tenants::new(model);
    let unowned = Unowned::new(model);
    let running = running(model);
    let of_apps = model
        .reach()
        .sources(model, |group, _| tenants.app(group).is_some());
    let namespaces: Vec<&str> = model.scope.namespaces().collect();
    Box::new(
        namespaces.into_iter().map(move |namespace| {
            observe(model, &tenants, &unowned, &running, &of_apps, namespace)
        }),
    )
}

fn observe(
    model: &Model<'_>,
    tenants: &Tenants<'_>,
    unowned: &Unowned,
    running: &[usize],
    of_apps: &Sources,
    namespace: &str,
) -> Observation {
    let subject = Subject::Namespace(namespace.to_owned());
    let is_here = |app: usize| {
        let app = model.apps.get(app);
        app.is_some_and(|app| app.namespace == namespace)
    };
    let apps: Vec<usize> = running
        .iter()
        .copied()
        .filter(|app| is_here(*app))
        .collect();
    if apps.is_empty() {
        return Observation::none_there(model, namespace, &[]);
    }
    if running.len() < 2 {
        return unowned.nothing(model, subject, "there is no other app");
    }
    let mut worst = Worst::default();
    for app in apps.iter().copied() {
        let others = model.reach().without(of_apps, tenants.pods(model, app));
        for group in live(model, app) {
            worst.take(model.reach().current(group, &Ports::Any, &others, true));
            if worst.certain.is_some() {
                break;
            }
        }
    }
    worst.observation(model, &subject).unwrap_or_else(|| {
        let message = "no pod of another app can reach an app pod here";
        let observation = Observation::pass(subject, Reason::Value, message);
        let pods = apps.iter().flat_map(|app| live(model, *app));
        unowned
            .settle(model, observation, pods, &Ports::Any)
            .needs_owners(model, namespace)
    })
}

/// Apps that have pods.
fn running(model: &Model<'_>) -> Vec<usize> {
    (0..model.apps.len())
        .filter(|app| !live(model, *app).is_empty())
        .collect()
}

fn live(model: &Model<'_>, app: usize) -> Vec<usize> {
    let pods = model.apps.get(app).map(|app| app.pods.as_slice());
    let pods = pods.unwrap_or_default().iter().copied();
    pods.filter(|group| {
        let pod = model.pods.get(*group);
        pod.is_some_and(|pod| !pod.is_finished() && (!pod.is_template() || pod.replicas != Some(0)))
    })
    .collect()
}
