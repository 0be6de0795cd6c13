//! No pod of one app can reach the pods of another.

use std::collections::BTreeMap;

use super::paths::{self, Unowned, Worst};
use crate::kind::Kind;
use crate::model::reach::{Ports, Sources};
use crate::model::tenants::Tenants;
use crate::model::{Model, PodGroup};
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
    let survey = Survey::new(model);
    let namespaces: Vec<&str> = model.scope.namespaces().collect();
    Box::new(
        namespaces
            .into_iter()
            .map(move |namespace| survey.observe(namespace)),
    )
}

/// Whose pods there are.
struct Survey<'m> {
    model: &'m Model<'m>,
    tenants: Tenants<'m>,
    unowned: Unowned,
    of_apps: Sources,
    /// Of each namespace: its apps that have pods.
    running: BTreeMap<&'m str, Vec<usize>>,
}

impl<'m> Survey<'m> {
    fn new(model: &'m Model<'_>) -> Self {
        let tenants = Tenants::new(model);
        let mut running: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (index, app) in model.apps.iter().enumerate() {
            if !live(model, index).is_empty() {
                running.entry(app.namespace).or_default().push(index);
            }
        }
        let is_of_app = |group, _: &PodGroup<'_>| tenants.app(group).is_some();
        Self {
            of_apps: model.reach().sources(model, is_of_app),
            unowned: Unowned::new(model),
            model,
            tenants,
            running,
        }
    }

    fn observe(&self, namespace: &str) -> Observation {
        let model = self.model;
        let subject = Subject::Namespace(namespace.to_owned());
        let Some(apps) = self.running.get(namespace) else {
            return Observation::none_there(model, namespace, &[]);
        };
        if self.running.values().map(Vec::len).sum::<usize>() < 2 {
            let message = "there is no other app";
            return self.unowned.nothing(model, subject, message);
        }
        let mut worst = Worst::default();
        for app in apps {
            let own = self.tenants.pods(model, *app);
            let others = model.reach().without(&self.of_apps, own);
            for group in live(model, *app) {
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
            self.unowned
                .settle(model, observation, pods, &Ports::Any)
                .needs_owners(model, namespace)
        })
    }
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
