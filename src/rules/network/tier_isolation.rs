//! No pod of another environment tier can reach the pods of a namespace.

use std::collections::BTreeMap;

use super::paths::{self, Worst};
use crate::kind::Kind;
use crate::model::mesh::data_plane::DataPlane;
use crate::model::reach::{Ports, Sources};
use crate::model::tenants::{self, PodTier, Tenants};
use crate::model::{Model, PodGroup, Role, Tier};
use crate::rules::{Group, Observation, Observations, Reason, Rule, Severity, Subject, Subjects};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "tier-isolation",
    version: 1,
    title: "No pod of another environment tier can reach the pods of a namespace",
    severity: Severity::Critical,
    group: Group::Network,
    subjects: Subjects::Kinds(&[Kind::Namespace]),
    reads: paths::READS,
    docs: include_str!("../../../docs/rules/tier-isolation.md"),
    check,
};

/// What is asked of every namespace, looked up once.
struct Survey<'m> {
    model: &'m Model<'m>,
    tenants: Tenants<'m>,
    /// Of each tier: the pods of every other known one.
    others: BTreeMap<&'m Tier, Sources>,
    /// Pods of a tier that is not known.
    unknown: Sources,
    /// Of each namespace: the tier of pods that somebody makes there.
    namespaces: BTreeMap<&'m str, PodTier<'m>>,
    /// Each with itself as a source.
    relays: Vec<(usize, Sources)>,
}

fn check<'m>(model: &'m Model<'_>) -> Observations<'m> {
    let survey = Survey::new(model);
    let namespaces: Vec<&str> = model.scope.namespaces().collect();
    Box::new(
        namespaces
            .into_iter()
            .filter_map(move |namespace| survey.observe(namespace)),
    )
}

impl<'m> Survey<'m> {
    fn new(model: &'m Model<'_>) -> Self {
        let tenants = Tenants::new(model);
        let reach = model.reach();
        let others = tenants.of_other_tiers(model);
        let unknown = reach.sources(model, |group, _| *tenants.tier(group) == PodTier::Unknown);
        let of_namespace = |name| tenants::of_namespace(&model.namespaces, &model.apps, name);
        let namespaces = model.namespaces.iter();
        let namespaces = namespaces
            .map(|(name, _)| (name, of_namespace(name)))
            .collect();
        let relays = model.pods.iter().enumerate();
        let relays = relays.filter(|(group, pod)| {
            !pod.is_finished() && *tenants.tier(*group) == PodTier::None && is_relay(model, pod)
        });
        let relays = relays.map(|(relay, _)| {
            let itself = reach.sources(model, |group, _| group == relay);
            (relay, itself)
        });
        Self {
            relays: relays.collect(),
            model,
            tenants,
            others,
            unknown,
            namespaces,
        }
    }

    fn observe(&self, namespace: &str) -> Option<Observation> {
        let model = self.model;
        let subject = Subject::Namespace(namespace.to_owned());
        let here = self.namespaces.get(namespace).unwrap_or(&PodTier::None);
        if *here == PodTier::None && model.apps_in(namespace).next().is_none() {
            // Pods or apps that were not read may give it a tier, and so may owners of pods.
            let kinds = [Kind::Pod, Kind::MendixApp].into_iter();
            let unread = kinds
                .filter(|kind| model.gaps.in_namespace(*kind, namespace).is_some())
                .map(|kind| (kind, namespace));
            let owners = model.unread_owners(namespace);
            let (kind, namespace) = unread.chain(owners).next()?;
            let message = "no tier and no app is known here";
            return Some(
                Observation::pass(subject, Reason::Absent, message).needs(kind, namespace),
            );
        }
        let pods: Vec<usize> = self.pods(namespace);
        if pods.is_empty() {
            return Some(paths::nothing(model, subject, "no pods run here"));
        }
        let unknown = pods
            .iter()
            .any(|group| *self.tenants.tier(*group) == PodTier::Unknown);
        let is_alone = |group: &usize| match self.tenants.tier(*group) {
            PodTier::Known(tier) => !self.has_others(tier),
            PodTier::Unknown | PodTier::None => true,
        };
        if !unknown && pods.iter().all(is_alone) && !self.has_unknown(namespace) {
            return Some(paths::nothing(
                model,
                subject,
                "there is no other environment tier",
            ));
        }
        Some(self.judge(namespace, subject, &pods, unknown))
    }

    fn judge(
        &self,
        namespace: &str,
        subject: Subject,
        pods: &[usize],
        unknown: bool,
    ) -> Observation {
        let model = self.model;
        let mut worst = Worst::default();
        let mut from_unknown = Worst::default();
        for group in pods {
            let PodTier::Known(tier) = self.tenants.tier(*group) else {
                continue;
            };
            if let Some(others) = self.others.get(tier) {
                worst.take(model.reach().current(*group, &Ports::Any, others, false));
            }
            if worst.certain.is_some() {
                break;
            }
            self.permitted(*group, tier, &mut worst, &mut from_unknown);
            from_unknown.take(
                model
                    .reach()
                    .current(*group, &Ports::Any, &self.unknown, false),
            );
        }
        if let Some(observation) = worst.observation(model, &subject)
            && (worst.certain.is_some() || !unknown)
        {
            return self.with_tier(namespace, observation);
        }
        if unknown {
            let message = "the tier of pods here is not known".to_owned();
            return Observation::tier_unknown(model, subject, namespace, message);
        }
        if let Some(path) = from_unknown.certain.or(from_unknown.possible) {
            return self.reached_by_unknown(subject, &path);
        }
        self.with_tier(namespace, self.pass(subject, pods))
    }

    /// Pods that somebody could make in namespaces of other tiers.
    fn permitted(&self, group: usize, tier: &Tier, worst: &mut Worst, from_unknown: &mut Worst) {
        let reach = self.model.reach();
        let of = |name: &str| self.namespaces.get(name);
        let other = |name: &str| matches!(of(name), Some(PodTier::Known(known)) if *known != tier);
        worst.take(reach.permitted(group, &Ports::Any, other));
        if worst.certain.is_none() && from_unknown.certain.is_none() {
            let unknown = |name: &str| of(name) == Some(&PodTier::Unknown);
            from_unknown.take(reach.permitted(group, &Ports::Any, unknown));
        }
    }

    fn reached_by_unknown(
        &self,
        subject: Subject,
        path: &crate::model::reach::Path,
    ) -> Observation {
        let model = self.model;
        let source = match &path.source {
            crate::model::reach::Source::Pods(group) => {
                model.pods.get(*group).map(|pod| pod.namespace.to_owned())
            }
            crate::model::reach::Source::Made { namespace, .. } => Some(namespace.clone()),
        };
        let source = source.unwrap_or_default();
        let message =
            format!("pods of {source}, whose tier is not known, may reach this namespace");
        Observation::tier_unknown(model, subject, &source, message)
    }

    fn pass(&self, subject: Subject, pods: &[usize]) -> Observation {
        let relays = self.shared_relays(pods);
        if relays.is_empty() {
            let message = "no pod of another known tier can reach a pod here, present or new";
            return Observation::pass(subject, Reason::Value, message);
        }
        let names: Vec<String> = relays
            .iter()
            .map(|group| paths::workload(self.model, *group))
            .collect();
        let message = format!(
            "no pod of another known tier can reach a pod here but through relays that other tiers share: {}",
            names.join(", ")
        );
        Observation::pass(subject, Reason::RelayListed, message)
    }

    /// Relays that reach a pod here, and that a pod of another tier reaches or that reach one.
    fn shared_relays(&self, pods: &[usize]) -> Vec<usize> {
        let model = self.model;
        let reach = model.reach();
        let mut found: Vec<usize> = Vec::new();
        for (relay, itself) in &self.relays {
            let reaches = |to: usize| {
                let finding = reach.current(to, &Ports::Any, itself, false);
                finding.certain.is_some() || finding.possible.is_some()
            };
            let mut known = pods
                .iter()
                .filter_map(|group| match self.tenants.tier(*group) {
                    PodTier::Known(tier) if reaches(*group) => Some(*tier),
                    PodTier::Known(_) | PodTier::Unknown | PodTier::None => None,
                });
            let Some(tier) = known.next() else { continue };
            let is_open = self.others.get(tier).is_some_and(|others| {
                let finding = reach.current(*relay, &Ports::Any, others, false);
                finding.certain.is_some() || finding.possible.is_some()
            });
            let is_other = |group: &usize| matches!(self.tenants.tier(*group), PodTier::Known(known) if *known != tier);
            let shared = is_open || (0..model.pods.len()).filter(is_other).any(reaches);
            if shared {
                found.push(*relay);
            }
        }
        found.dedup_by_key(|group| paths::workload(model, *group));
        found
    }

    fn pods(&self, namespace: &str) -> Vec<usize> {
        let pods = self.model.pods_in(namespace);
        pods.filter(|(_, pod)| !pod.is_finished() && is_there(pod))
            .map(|(group, _)| group)
            .collect()
    }

    fn has_others(&self, tier: &Tier) -> bool {
        let known = |other: &PodTier<'_>| matches!(other, PodTier::Known(known) if *known != tier);
        // The tiers of pods are the keys of `others`.
        self.namespaces.values().any(known) || self.others.keys().any(|other| *other != tier)
    }

    fn has_unknown(&self, namespace: &str) -> bool {
        let mut namespaces = self.namespaces.iter();
        let mut pods = self.model.pods.iter().enumerate();
        namespaces.any(|(name, tier)| *name != namespace && *tier == PodTier::Unknown)
            || pods.any(|(group, pod)| {
                *self.tenants.tier(group) == PodTier::Unknown
                    && !pod.is_finished()
                    && pod.namespace != namespace
            })
    }

    /// Reads what states the tier of the namespace.
    fn with_tier(&self, namespace: &str, observation: Observation) -> Observation {
        let known = self.model.namespaces.get(namespace);
        match known.and_then(|known| known.tier.as_ref()) {
            Some((crate::model::TierSource::Label(label), _)) => {
                let value = known.and_then(|known| known.labels.get(*label));
                let pointer = format!("/metadata/labels/{}", label.replace('/', "~1"));
                observation.read(pointer, value)
            }
            Some((crate::model::TierSource::Plan(pointer), _)) => {
                let value = self.model.plan.value_at(pointer).cloned();
                observation.read_plan(pointer.clone(), value)
            }
            None => observation,
        }
    }
}

/// Pods that are there, or whose template says that they will be.
fn is_there(pod: &PodGroup<'_>) -> bool {
    !pod.is_template() || pod.replicas != Some(0)
}

/// Whether a pod carries requests on at their own level, for whoever may reach it.
fn is_relay(model: &Model<'_>, pod: &PodGroup<'_>) -> bool {
    pod.role == Role::IngressController
        || matches!(
            model.mesh.data_plane(pod).data_plane,
            DataPlane::Gateway | DataPlane::Waypoint
        )
        || model.plan.ingress_controllers.iter().any(|controller| {
            controller.matches(pod.namespace, &|key| {
                crate::model::selector::Labels::label(pod, key)
            })
        })
}
