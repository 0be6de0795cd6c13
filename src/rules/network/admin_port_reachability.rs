//! The admin ports of an app pod are out of reach for other apps and tiers.

use std::collections::BTreeMap;

use super::paths::{self, Unowned, Worst};
use crate::kind::Kind;
use crate::model::reach::{Ports, Sources};
use crate::model::tenants::{PodTier, Tenants};
use crate::model::{Model, Port, Tier};
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
    let survey = Survey::new(model);
    let unowned = Unowned::new(model);
    each_app_pod(model, move |subject, _| {
        let Subject::Pods(group) = subject else {
            return Vec::new();
        };
        let strangers = survey.strangers(group);
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

/// The pods that strangers to any app are among.
struct Survey<'m> {
    model: &'m Model<'m>,
    tenants: Tenants<'m>,
    of_apps: Sources,
    /// Of each tier: the pods of every other known one.
    of_other_tiers: BTreeMap<&'m Tier, Sources>,
    /// Pods of no app, of a tier that is not known.
    unknown: Sources,
    /// Pods of no app, of any tier, known or not.
    tiered: Sources,
}

/// Pods that must not get at the admin ports of one app.
struct Strangers<'m> {
    model: &'m Model<'m>,
    sources: Sources,
    /// Pods that are strangers if their tier, or the app's, is another.
    doubtful: Sources,
}

impl<'m> Survey<'m> {
    fn new(model: &'m Model<'_>) -> Self {
        let tenants = Tenants::new(model);
        let reach = model.reach();
        let unowned = |group: usize| tenants.app(group).is_none();
        Self {
            of_apps: reach.sources(model, |group, _| !unowned(group)),
            of_other_tiers: tenants.of_other_tiers(model),
            unknown: reach.sources(model, |group, _| {
                unowned(group) && *tenants.tier(group) == PodTier::Unknown
            }),
            tiered: reach.sources(model, |group, _| {
                unowned(group) && *tenants.tier(group) != PodTier::None
            }),
            model,
            tenants,
        }
    }

    fn strangers(&self, group: usize) -> Strangers<'m> {
        let reach = self.model.reach();
        let own = self.tenants.app(group).into_iter();
        let own = own.flat_map(|app| self.tenants.pods(self.model, app));
        let mut sources = reach.without(&self.of_apps, own);
        let tier = self.tenants.tier(group);
        if let PodTier::Known(tier) = tier
            && let Some(others) = self.of_other_tiers.get(tier)
        {
            sources.add(others);
        }
        let doubtful = if *tier == PodTier::Unknown {
            &self.tiered
        } else {
            &self.unknown
        };
        let namespace = self.model.pods.get(group).map_or("", |pod| pod.namespace);
        let here = self.model.pods_in(namespace).map(|(group, _)| group);
        Strangers {
            model: self.model,
            sources,
            doubtful: reach.without(doubtful, here),
        }
    }
}

impl Strangers<'_> {
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
