//! Pods that somebody could make: whether any choice of labels gets one through.
//!
//! Policies ask a finite number of questions about labels, so the labels are chosen one after another, as they are
//! asked for: each value that a selector names, any other value, or none.

use std::collections::{BTreeMap, BTreeSet};

use super::labels::{Free, Id, OTHER, Selector, Test, Tri};
use super::path::{Finding, Path, Source};
use super::policies::{Action, ClusterPolicy, Direction};
use super::ports::{Covered, Interval, PortRule, Protocol};
use super::target::Target;
use super::view::{Labels, View};
use super::{Ports, Reach};
use crate::model::enforcement::{Answer, Enforcement};

/// Choices of labels that are tried before the question is left open.
const CHOICES: usize = 4096;

/// Labels chosen so far; `None` for one that is left out.
pub(super) type Chosen = BTreeMap<Id, Option<Id>>;

/// What is known of one flow: whether it is certain, and whether it is possible.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flows {
    pub(super) certain: bool,
    pub(super) possible: bool,
}

impl Flows {
    const fn both(flows: bool) -> Self {
        Self {
            certain: flows,
            possible: flows,
        }
    }

    const fn and(self, other: Self) -> Self {
        Self {
            certain: self.certain && other.certain,
            possible: self.possible && other.possible,
        }
    }
}

/// What may become of traffic in one tier of policies over the cluster.
#[derive(Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "a set of outcomes, each possible or not"
)]
struct Outcome {
    allowed: bool,
    denied: bool,
    passed: bool,
    left: bool,
}

impl Reach {
    /// Whether any pod that somebody could make in one of the namespaces could reach a group of pods.
    ///
    /// `sources` tells the namespaces; a pod in the network of its node is not considered.
    pub fn permitted(
        &self,
        destination: usize,
        ports: &Ports,
        sources: impl Fn(&str) -> bool,
    ) -> Finding {
        let mut finding = Finding::default();
        let Some(place) = self.class_of(destination) else {
            return finding;
        };
        let Some(target) = Target::new(self, place) else {
            return finding;
        };
        let mut complete = None;
        for (index, namespace) in self.classes.namespaces.iter().enumerate() {
            if !target.may_let_in_from(index) || !sources(&namespace.name) {
                continue;
            }
            let target = complete.get_or_insert_with(|| {
                Target::new(self, place).map(|target| target.with_exits(place))
            });
            let Some(target) = target else { continue };
            for interval in Self::asked(target, ports, &[]) {
                let (flows, labels) = self.made(target, place, index, interval);
                let path = || {
                    let source = Source::Made {
                        namespace: namespace.name.clone(),
                        labels: self.words(&labels),
                    };
                    Some(Path::new(source, interval, ports).choosing(labels.clone()))
                };
                if flows.certain {
                    finding.certain = path();
                    finding.possible = None;
                    return finding.to(destination);
                }
                if flows.possible && finding.possible.is_none() {
                    finding.possible = path();
                }
            }
        }
        finding.to(destination)
    }

    /// The best that a choice of labels achieves.
    fn made(
        &self,
        target: &Target<'_>,
        place: usize,
        namespace: usize,
        interval: Interval,
    ) -> (Flows, Chosen) {
        let mut open: Vec<Chosen> = vec![Chosen::new()];
        let mut best = (Flows::both(false), Chosen::new());
        for _ in 0..CHOICES {
            let Some(chosen) = open.pop() else {
                return best;
            };
            let view = View {
                namespace,
                class: None,
                labels: Labels::Chosen(&chosen),
            };
            match self.pair(target, place, &view, interval) {
                Ok(flows) if flows.certain => return (flows, chosen),
                Ok(flows) => {
                    if flows.possible && !best.0.possible {
                        best = (flows, chosen);
                    }
                }
                Err(Free(key)) => {
                    let values = self.values(target, namespace, key).into_iter().map(Some);
                    for value in values.chain([Some(OTHER), None]) {
                        let mut next = chosen.clone();
                        next.insert(key, value);
                        open.push(next);
                    }
                }
            }
        }
        // Not all choices were tried, so that none gets through is not known.
        best.0.possible = true;
        best
    }

    /// Values of a label that some policy between a namespace and a target names.
    fn values(&self, target: &Target<'_>, namespace: usize, key: Id) -> BTreeSet<Id> {
        let mut values = BTreeSet::new();
        let mut take = |selector: &Selector| {
            for (known, test) in &selector.tests {
                if let (true, Test::In(named) | Test::NotIn(named)) = (*known == key, test) {
                    values.extend(named);
                }
            }
        };
        for peers in target.entrances() {
            self.policies.pod_selectors(peers).for_each(&mut take);
        }
        for policy in self.egress_policies(namespace) {
            take(&policy.selector);
        }
        for policy in &self.policies.clusters {
            policy.subject.selector().into_iter().for_each(&mut take);
            for rule in &policy.ingress {
                self.policies.pod_selectors(rule.peers).for_each(&mut take);
            }
        }
        values
    }

    fn egress_policies(
        &self,
        namespace: usize,
    ) -> impl Iterator<Item = &super::policies::NetworkPolicy> {
        let known = self.egress_in.get(namespace).into_iter().flatten();
        known.filter_map(|place| self.policies.networks.get(*place))
    }

    /// Whether traffic flows from one pod to a class on the first port of an interval.
    pub(super) fn pair(
        &self,
        target: &Target<'_>,
        place: usize,
        source: &View<'_>,
        interval: Interval,
    ) -> Result<Flows, Free> {
        if target.class.host {
            return Ok(Flows::both(true));
        }
        let port = (interval.protocol, interval.first);
        let mut all: Option<Flows> = None;
        for with_open in self.scenarios() {
            let ingress = self.ingress(target, place, source, port, *with_open)?;
            let flows = if ingress.possible {
                ingress.and(self.egress(target, place, source, port, *with_open)?)
            } else {
                ingress
            };
            all = Some(all.map_or(flows, |known| Flows {
                certain: known.certain && flows.certain,
                possible: known.possible || flows.possible,
            }));
        }
        let mut flows = all.unwrap_or(Flows::both(false));
        flows.possible |= target.class.second_network;
        Ok(flows)
    }

    fn ingress(
        &self,
        target: &Target<'_>,
        place: usize,
        source: &View<'_>,
        port: (Protocol, u16),
        with_open: bool,
    ) -> Result<Flows, Free> {
        if target.class.enforcement == Enforcement::Unenforced {
            return Ok(Flows::both(true));
        }
        let mut rules = Flows::both(false);
        let mut isolated = Tri::No;
        for policy in self.selecting(Direction::Ingress, place) {
            let selects = Tri::of(policy.yes.contains(place)).or(Tri::Maybe);
            isolated = isolated.or(selects);
            for rule in policy.ingress.iter().flatten() {
                let covers = Self::covers(&rule.ports, target, port);
                if covers == Tri::No {
                    continue;
                }
                let named = self.policies.names(rule.peers, source)?;
                rules.certain |= named.and(covers).and(selects) == Tri::Yes;
                rules.possible |= named != Tri::No;
            }
        }
        let here = self.view(place);
        let concerns = |policy: &ClusterPolicy, peers: usize| -> Result<Tri, Free> {
            let subject = self.policies.subject(&policy.subject, &here)?;
            if subject == Tri::No {
                return Ok(Tri::No);
            }
            Ok(subject.and(self.policies.names(peers, source)?))
        };
        let mut flows = self.layered_pair(
            Direction::Ingress,
            target,
            (port, with_open),
            (isolated, rules),
            &concerns,
        )?;
        flows.certain &= !self.foreign.may_deny(Direction::Ingress, place);
        flows.possible |= self.is_loose(Direction::Ingress, target.class);
        Ok(flows)
    }

    fn egress(
        &self,
        target: &Target<'_>,
        place: usize,
        source: &View<'_>,
        port: (Protocol, u16),
        with_open: bool,
    ) -> Result<Flows, Free> {
        let (enforcement, second_network, may_allow, may_deny) = match source.class {
            Some(class) => {
                let known = self.classes.list.get(class);
                (
                    known.map_or(Enforcement::Unknown, |class| class.enforcement),
                    known.is_some_and(|class| class.second_network),
                    self.foreign.may_allow(Direction::Egress, class),
                    self.foreign.may_deny(Direction::Egress, class),
                )
            }
            None => (
                self.new_pods,
                false,
                self.foreign.may_allow_in(source.namespace),
                self.foreign.may_deny_in(source.namespace),
            ),
        };
        if enforcement == Enforcement::Unenforced {
            return Ok(Flows::both(true));
        }
        let here = self.view(place);
        let mut rules = Flows::both(false);
        let mut isolated = Tri::No;
        for policy in self.egress_policies(source.namespace) {
            let selects = policy.selector.matches(|key| source.value(key))?;
            if selects == Tri::No {
                continue;
            }
            isolated = isolated.or(selects);
            for rule in policy.egress.iter().flatten() {
                let named = self.policies.names(rule.peers, &here)?;
                let covers = Self::covers(&rule.ports, target, port);
                let admits = named.and(covers);
                rules.certain |= admits.and(selects) == Tri::Yes;
                rules.possible |= admits != Tri::No;
            }
        }
        let concerns = |policy: &ClusterPolicy, peers: usize| -> Result<Tri, Free> {
            let named = self.policies.names(peers, &here)?;
            if named == Tri::No {
                return Ok(Tri::No);
            }
            Ok(named.and(self.policies.subject(&policy.subject, source)?))
        };
        let mut flows = self.layered_pair(
            Direction::Egress,
            target,
            (port, with_open),
            (isolated, rules),
            &concerns,
        )?;
        flows.certain &= !may_deny;
        flows.possible |= enforcement == Enforcement::Unknown || second_network || may_allow;
        Ok(flows)
    }

    fn covers(ports: &PortRule, target: &Target<'_>, port: (Protocol, u16)) -> Tri {
        if ports.is_all() {
            return Tri::Yes;
        }
        let covered: Covered = ports.on(&target.class.named_ports);
        covered.holds(port.0, port.1)
    }

    fn layered_pair(
        &self,
        direction: Direction,
        target: &Target<'_>,
        asked: ((Protocol, u16), bool),
        (isolated, rules): (Tri, Flows),
        concerns: &dyn Fn(&ClusterPolicy, usize) -> Result<Tri, Free>,
    ) -> Result<Flows, Free> {
        let admin = self.tier_pair(direction, target, asked, false, concerns)?;
        let undecided = admin.left || admin.passed;
        if !undecided {
            return Ok(Flows {
                certain: admin.allowed && !admin.denied,
                possible: admin.allowed,
            });
        }
        let base = self.tier_pair(direction, target, asked, true, concerns)?;
        let baseline = Flows {
            certain: !base.denied,
            possible: base.allowed || base.left || base.passed,
        };
        let by_network = match isolated {
            Tri::Yes => rules,
            Tri::No => baseline,
            Tri::Maybe => Flows {
                certain: rules.certain && baseline.certain,
                possible: rules.possible || baseline.possible,
            },
        };
        Ok(Flows {
            certain: by_network.certain && !admin.denied,
            possible: by_network.possible || admin.allowed,
        })
    }

    fn tier_pair(
        &self,
        direction: Direction,
        target: &Target<'_>,
        (port, with_open): ((Protocol, u16), bool),
        baseline: bool,
        concerns: &dyn Fn(&ClusterPolicy, usize) -> Result<Tri, Free>,
    ) -> Result<Outcome, Free> {
        let mut outcome = Outcome {
            left: true,
            ..Outcome::default()
        };
        let mut policies = self
            .policies
            .clusters
            .iter()
            .filter(|policy| policy.baseline == baseline)
            .filter(|policy| with_open || policy.counts == Answer::Yes)
            .peekable();
        while let Some(policy) = policies.next() {
            let mut left = Self::chapter(direction, target, port, policy, concerns, &mut outcome)?;
            while let Some(next) = policies.next_if(|next| next.priority == policy.priority) {
                left &= Self::chapter(direction, target, port, next, concerns, &mut outcome)?;
            }
            outcome.left = left;
            if !left {
                break;
            }
        }
        Ok(outcome)
    }

    /// Adds what one policy decides; returns whether it may leave it undecided.
    fn chapter(
        direction: Direction,
        target: &Target<'_>,
        port: (Protocol, u16),
        policy: &ClusterPolicy,
        concerns: &dyn Fn(&ClusterPolicy, usize) -> Result<Tri, Free>,
        outcome: &mut Outcome,
    ) -> Result<bool, Free> {
        for rule in policy.rules(direction) {
            let covers = Self::covers(&rule.ports, target, port);
            if covers == Tri::No {
                continue;
            }
            let applies = concerns(policy, rule.peers)?.and(covers);
            if applies == Tri::No {
                continue;
            }
            match rule.action {
                Action::Allow => outcome.allowed = true,
                Action::Deny => outcome.denied = true,
                Action::Pass => outcome.passed = true,
                Action::Unknown => {
                    outcome.allowed = true;
                    outcome.denied = true;
                    continue;
                }
            }
            if applies == Tri::Yes {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Chosen labels as they are written; of a value that no selector names, any will do.
    fn words(&self, labels: &Chosen) -> Vec<(String, String)> {
        let written = labels.iter().filter_map(|(key, value)| {
            let value = value.as_ref()?;
            Some((self.names.key_name(*key), self.names.value_name(*value)))
        });
        written.collect()
    }
}
