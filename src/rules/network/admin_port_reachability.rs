//! The admin ports of an app pod are out of reach for other apps and tiers.

use super::paths::{self, Unowned, Worst};
use crate::kind::Kind;
use crate::model::reach::{Ports, Sources};
use crate::model::tenants::{PodTier, Tenants};
use crate::model::{Model, Port};
use crate::rules::{
    Group, Observation, Observations, Reason, Rule, Severity, Subject, Subjects, each_app_pod,
};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "admin-port-reachability",
    version: 1,
    title: "Pods of other apps and tiers cannot reach the admin ports of an app",
    severity: Severity::High,
    group: Group::Network,
    subjects: Subjects::Kinds(&[Kind::Pod]),
    reads: paths::READS,
    docs: include_str!("../../../docs/rules/admin-port-reachability.md"),
    check,
};

/// Health and metrics of an app, declared or not.
const PORTS: [u16; 2] = [8800, 8900];

fn check<'m>(model: &'m Model<'_>) -> Observations<'m> {
    let tenants = Tenants::new(model);
    let unowned = Unowned::new(model);
    each_app_pod(model, move |subject, _| {
        let Subject::Pods(group) = subject else {
            return Vec::new();
        };
        let strangers = Strangers::new(model, &tenants, group);
        let ports = PORTS.map(|number| Port {
            number,
            protocol: "TCP".to_owned(),
        });
        ports
            .into_iter()
            .map(|port| {
                let observation = strangers.observe(group, &port);
                let asked = Ports::One(port.clone());
                unowned
                    .settle(model, observation, [group], &asked)
                    .port(port)
            })
            .collect()
    })
}

/// Pods that must not get at the admin ports of one app.
struct Strangers<'m> {
    model: &'m Model<'m>,
    sources: Sources,
    /// Pods that are strangers if their tier, or the app's, is another.
    doubtful: Sources,
}

impl<'m> Strangers<'m> {
    fn new(model: &'m Model<'_>, tenants: &Tenants<'_>, group: usize) -> Self {
        let own = tenants.app(group);
        let tier = tenants.tier(group);
        let is_of_other_app = |other: usize| tenants.app(other).is_some_and(|app| Some(app) != own);
        let sources = model.reach().sources(model, |other, _| {
            is_of_other_app(other) || tier.differs(tenants.tier(other))
        });
        let doubtful = model.reach().sources(model, |other, pod| {
            let theirs = tenants.tier(other);
            let unknown = [tier, theirs].contains(&&PodTier::Unknown) && *theirs != PodTier::None;
            let elsewhere = || {
                let own = model.pods.get(group);
                own.is_some_and(|own| own.namespace != pod.namespace)
            };
            unknown && !is_of_other_app(other) && elsewhere()
        });
        Self {
            model,
            sources,
            doubtful,
        }
    }

    fn observe(&self, group: usize, port: &Port) -> Observation {
        let model = self.model;
        let subject = Subject::Pods(group);
        let asked = Ports::One(port.clone());
        let mut worst = Worst::default();
        worst.take(model.reach().current(group, &asked, &self.sources, true));
        if let Some(observation) = worst.observation(model, &subject) {
            return observation;
        }
        let finding = model.reach().current(group, &asked, &self.doubtful, true);
        if finding.certain.is_some() || finding.possible.is_some() {
            let namespace = model.pods.get(group).map_or("", |pod| pod.namespace);
            let message = format!("a pod that may be of another tier reaches port {port}");
            return Observation::tier_unknown(model, subject, namespace, message);
        }
        let message = format!("no pod of another app or tier can reach port {port}");
        Observation::pass(subject, Reason::Value, message)
    }
}
