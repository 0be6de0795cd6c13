//! What decides on traffic to one class of pods, on which ports.

use std::collections::HashSet;
use std::net::IpAddr;

use super::Reach;
use super::bits::Bits;
use super::classes::Class;
use super::labels::Tri;
use super::policies::{Action, Direction, NetworkPolicy};
use super::ports::{Covered, Interval, Protocol};
use super::view::View;
use crate::model::enforcement::{Answer, Enforcement};

/// A set of which some members are certain, and others possible.
#[derive(Clone, Debug)]
pub(super) struct Both {
    pub(super) certain: Bits,
    pub(super) possible: Bits,
}

/// A rule that lets traffic in, and the ports that it covers.
#[derive(Debug)]
struct Entrance {
    peers: usize,
    /// Whether its policy selects the pods.
    selects: Tri,
    covered: Covered,
}

/// A rule that lets traffic out to the class.
#[derive(Debug)]
struct Exit {
    policy: usize,
    /// Whether it names the pods.
    names: Tri,
    covered: Covered,
}

/// A rule of a policy over the cluster that may decide.
#[derive(Debug)]
struct Verdict {
    action: Action,
    peers: usize,
    /// Whether policy and rule concern the class.
    concerns: Tri,
    covered: Covered,
}

/// Rules of one policy over the cluster, in their order.
#[derive(Debug)]
struct Chapter {
    policy: usize,
    verdicts: Vec<Verdict>,
}

/// What decides on traffic to one class.
#[derive(Debug)]
pub(super) struct Target<'r> {
    reach: &'r Reach,
    pub(super) class: &'r Class,
    isolated: Tri,
    entrances: Vec<Entrance>,
    exits: Vec<Exit>,
    ingress: Vec<Chapter>,
    egress: Vec<Chapter>,
}

impl<'r> Target<'r> {
    pub(super) fn new(reach: &'r Reach, place: usize) -> Option<Self> {
        let class = reach.classes.list.get(place)?;
        let mut target = Self {
            reach,
            class,
            isolated: Tri::No,
            entrances: Vec::new(),
            exits: Vec::new(),
            ingress: Vec::new(),
            egress: Vec::new(),
        };
        if class.host {
            return Some(target);
        }
        for policy in reach.selecting(Direction::Ingress, place) {
            let selects = selects(policy, place);
            target.isolated = target.isolated.or(selects);
            let rules = policy.ingress.iter().flatten();
            target.entrances.extend(rules.map(|rule| Entrance {
                peers: rule.peers,
                selects,
                covered: rule.ports.on(&class.named_ports),
            }));
        }
        target.ingress = target.chapters(Direction::Ingress, place);
        Some(target)
    }

    /// Looks up what lets traffic out to the class; most questions are answered without.
    pub(super) fn with_exits(mut self, place: usize) -> Self {
        if self.class.host {
            return self;
        }
        for (peers, rules) in &self.reach.exits {
            let Some(known) = self.reach.policies.peers.get(*peers) else {
                continue;
            };
            if !known.may.contains(place) {
                continue;
            }
            let names = if known.yes.contains(place) {
                Tri::Yes
            } else {
                Tri::Maybe
            };
            for (policy, rule) in rules {
                let rules = self.reach.policies.networks.get(*policy);
                let rule = rules.and_then(|policy| policy.egress.as_ref()?.get(*rule));
                self.exits.extend(rule.map(|rule| Exit {
                    policy: *policy,
                    names,
                    covered: rule.ports.on(&self.class.named_ports),
                }));
            }
        }
        self.egress = self.chapters(Direction::Egress, place);
        self
    }

    /// Of ingress the policies that select the class, of egress those whose rules name it.
    fn chapters(&self, direction: Direction, place: usize) -> Vec<Chapter> {
        let policies = &self.reach.policies;
        let view = self.reach.view(place);
        let chapters = policies.clusters.iter().enumerate().map(|(index, policy)| {
            let subject = match direction {
                Direction::Ingress => policies
                    .subject(&policy.subject, &view)
                    .unwrap_or(Tri::Maybe),
                Direction::Egress => Tri::Yes,
            };
            let rules = policy.rules(direction).iter();
            let verdicts = rules
                .filter(|_| subject != Tri::No)
                .filter_map(|rule| {
                    let concerns = match direction {
                        Direction::Ingress => subject,
                        Direction::Egress => {
                            policies.names(rule.peers, &view).unwrap_or(Tri::Maybe)
                        }
                    };
                    (concerns != Tri::No).then(|| Verdict {
                        action: rule.action,
                        peers: rule.peers,
                        concerns,
                        covered: rule.ports.on(&self.class.named_ports),
                    })
                })
                .collect();
            Chapter {
                policy: index,
                verdicts,
            }
        });
        chapters
            .filter(|chapter| !chapter.verdicts.is_empty())
            .collect()
    }

    /// Whom the rules that let traffic in name.
    pub(super) fn entrances(&self) -> impl Iterator<Item = usize> {
        self.entrances.iter().map(|entrance| entrance.peers)
    }

    /// Whether traffic from an address that belongs to no pod gets in for certain.
    pub(super) fn lets_address_in(
        &self,
        addresses: &[IpAddr],
        protocol: Protocol,
        port: u16,
    ) -> bool {
        if self.class.enforcement == Enforcement::Unenforced || self.isolated == Tri::No {
            return true;
        }
        self.entrances.iter().any(|entrance| {
            let covers = entrance.covered.holds(protocol, port);
            let named = self.reach.policies.names_address(entrance.peers, addresses);
            covers.and(entrance.selects).and(named) == Tri::Yes
        })
    }

    /// Whether anybody among the sources may get in, ports aside.
    pub(super) fn may_let_in(&self, sources: &Bits) -> bool {
        self.isolated != Tri::Yes
            || self.class.host
            || !self.ingress.is_empty()
            || self.reach.is_loose(Direction::Ingress, self.class)
            || self.entrances.iter().any(|entrance| {
                let peers = self.reach.policies.peers.get(entrance.peers);
                peers.is_some_and(|peers| sources.meets_packed(&peers.may))
            })
    }

    /// Whether it lets in somebody from a namespace, with whatever labels, ports aside.
    pub(super) fn may_let_in_from(&self, namespace: usize) -> bool {
        self.isolated != Tri::Yes
            || self.class.host
            || !self.ingress.is_empty()
            || self.reach.is_loose(Direction::Ingress, self.class)
            || self
                .entrances
                .iter()
                .any(|entrance| self.reach.policies.may_name(entrance.peers, namespace))
    }

    /// Intervals of ports that rules do not tell apart, each once.
    pub(super) fn intervals(&self, further: &[Covered]) -> Vec<Interval> {
        let chapters = self.ingress.iter().chain(&self.egress);
        let verdicts =
            chapters.flat_map(|chapter| chapter.verdicts.iter().map(|rule| &rule.covered));
        let covered: Vec<&Covered> = self
            .entrances
            .iter()
            .map(|entrance| &entrance.covered)
            .chain(self.exits.iter().map(|exit| &exit.covered))
            .chain(verdicts)
            .chain(further)
            .collect();
        intervals(&covered)
    }

    /// Who may reach the class on a port, as far as policies decide.
    pub(super) fn sources(&self, protocol: Protocol, port: u16) -> Both {
        let mut both: Option<Both> = None;
        for with_open in self.reach.scenarios() {
            let mut found = self.ingress_by_policy(protocol, port, *with_open);
            let out = self.egress_by_policy(protocol, port, *with_open);
            found.certain.keep(&out.certain);
            found.possible.keep(&out.possible);
            match &mut both {
                None => both = Some(found),
                Some(both) => {
                    both.certain.keep(&found.certain);
                    both.possible.add(&found.possible);
                }
            }
        }
        let mut both = both.unwrap_or_else(|| self.nobody());
        if self.class.second_network {
            // It is there for whoever shares it.
            both.possible = self.everybody().possible;
        }
        both
    }

    fn nobody(&self) -> Both {
        let none = Bits::none(self.reach.classes.len());
        Both {
            certain: none.clone(),
            possible: none,
        }
    }

    fn everybody(&self) -> Both {
        let all = self.reach.classes.pods.clone();
        Both {
            certain: all.clone(),
            possible: all,
        }
    }

    fn ingress_by_policy(&self, protocol: Protocol, port: u16, with_open: bool) -> Both {
        let all = &self.reach.classes.pods;
        let mut rules = self.nobody();
        for entrance in &self.entrances {
            let covers = entrance.covered.holds(protocol, port);
            let Some(peers) = self.reach.policies.peers.get(entrance.peers) else {
                continue;
            };
            if covers != Tri::No {
                rules.possible.add_packed(&peers.may);
            }
            if covers.and(entrance.selects) == Tri::Yes {
                rules.certain.add_packed(&peers.yes);
            }
        }
        let isolated = self.everybody_if(self.isolated);
        let mut both = self.layered(
            &self.ingress,
            (protocol, port),
            with_open,
            &isolated,
            &rules,
            false,
        );
        self.reach
            .loosen(Direction::Ingress, self.class, &mut both, all);
        both
    }

    fn everybody_if(&self, isolated: Tri) -> Both {
        match isolated {
            Tri::Yes => self.everybody(),
            Tri::No => self.nobody(),
            Tri::Maybe => Both {
                certain: self.nobody().certain,
                possible: self.everybody().possible,
            },
        }
    }

    fn egress_by_policy(&self, protocol: Protocol, port: u16, with_open: bool) -> Both {
        let mut rules = self.nobody();
        for exit in &self.exits {
            let covers = exit.covered.holds(protocol, port);
            let Some(policy) = self.reach.policies.networks.get(exit.policy) else {
                continue;
            };
            if covers != Tri::No {
                rules.possible.add_packed(&policy.may);
            }
            if covers.and(exit.names) == Tri::Yes {
                rules.certain.add_packed(&policy.yes);
            }
        }
        let isolated = &self.reach.isolated_egress;
        let mut both = self.layered(
            &self.egress,
            (protocol, port),
            with_open,
            isolated,
            &rules,
            true,
        );
        both.certain.remove(&self.reach.foreign.denied_egress);
        both.certain.add(&self.reach.free_egress.certain);
        both.possible.add(&self.reach.free_egress.possible);
        both
    }

    /// Policies over the cluster first, then `NetworkPolicies` where they isolate, then the baseline.
    fn layered(
        &self,
        chapters: &[Chapter],
        port: (Protocol, u16),
        with_open: bool,
        isolated: &Both,
        rules: &Both,
        by_subject: bool,
    ) -> Both {
        let all = &self.reach.classes.pods;
        let admin = self.tier(chapters, port, with_open, false, by_subject, all);
        let mut left = admin.left.clone();
        left.add(&admin.passed);
        let base = self.tier(chapters, port, with_open, true, by_subject, &left);
        let mut undecided = base.left;
        undecided.add(&base.passed);

        let mut possible = all.clone();
        possible.remove(&isolated.certain);
        let mut baseline = base.allowed;
        baseline.add(&undecided);
        possible.keep(&baseline);
        possible.add(&rules.possible);
        possible.keep(&left);
        possible.add(&admin.allowed);

        let mut certain = all.clone();
        certain.remove(&base.denied);
        // Where it is not certain which of the two decides, both must allow.
        let mut by_rule = rules.certain.clone();
        let mut unisolated = all.clone();
        unisolated.remove(&isolated.possible);
        let mut both_allow = by_rule.clone();
        both_allow.keep(&certain);
        certain.keep(&unisolated);
        by_rule.keep(&isolated.certain);
        certain.add(&by_rule);
        certain.add(&both_allow);
        let mut decided = all.clone();
        decided.remove(&left);
        certain.add(&decided);
        certain.remove(&admin.denied);
        Both { certain, possible }
    }

    /// What policies of one tier decide; of equal priority, whose order is undefined, any may come first.
    fn tier(
        &self,
        chapters: &[Chapter],
        port: (Protocol, u16),
        with_open: bool,
        baseline: bool,
        by_subject: bool,
        from: &Bits,
    ) -> Outcomes {
        let none = Bits::none(self.reach.classes.len());
        let mut outcomes = Outcomes {
            allowed: none.clone(),
            denied: none.clone(),
            passed: none,
            left: from.clone(),
        };
        let policies = &self.reach.policies.clusters;
        let mut chapters = chapters
            .iter()
            .filter_map(|chapter| Some((chapter, policies.get(chapter.policy)?)))
            .filter(|(_, policy)| policy.baseline == baseline)
            .filter(|(_, policy)| with_open || policy.counts == Answer::Yes)
            .peekable();
        while let Some((chapter, policy)) = chapters.next() {
            let mut left = outcomes.read(self, chapter, port, by_subject);
            while let Some((next, _)) =
                chapters.next_if(|(_, next)| next.priority == policy.priority)
            {
                left.keep(&outcomes.read(self, next, port, by_subject));
            }
            outcomes.left = left;
        }
        outcomes
    }
}

/// What may become of traffic; a source stands in several sets where it is not certain.
struct Outcomes {
    allowed: Bits,
    denied: Bits,
    passed: Bits,
    left: Bits,
}

impl Outcomes {
    /// Adds what one policy decides; returns what it may leave undecided.
    fn read(
        &mut self,
        target: &Target<'_>,
        chapter: &Chapter,
        port: (Protocol, u16),
        by_subject: bool,
    ) -> Bits {
        let policies = &target.reach.policies;
        let mut left = self.left.clone();
        let Some(policy) = policies.clusters.get(chapter.policy) else {
            return left;
        };
        for verdict in &chapter.verdicts {
            let covers = verdict.covered.holds(port.0, port.1);
            let Some(peers) = policies.peers.get(verdict.peers) else {
                continue;
            };
            if covers == Tri::No {
                continue;
            }
            let (yes, may) = if by_subject {
                (&policy.subject.yes, &policy.subject.may)
            } else {
                (&peers.yes, &peers.may)
            };
            match verdict.action {
                Action::Allow => self.allowed.add_packed_within(may, &left),
                Action::Deny => self.denied.add_packed_within(may, &left),
                Action::Pass => self.passed.add_packed_within(may, &left),
                Action::Unknown => {
                    self.allowed.add_packed_within(may, &left);
                    self.denied.add_packed_within(may, &left);
                }
            }
            let certain = covers.and(verdict.concerns) == Tri::Yes;
            if certain && verdict.action != Action::Unknown {
                left.remove_packed(yes);
            }
        }
        left
    }
}

fn selects(policy: &NetworkPolicy, class: usize) -> Tri {
    if policy.yes.contains(class) {
        Tri::Yes
    } else {
        Tri::Maybe
    }
}

/// Cuts the ports where coverage begins or ends, and keeps one interval for each different coverage.
pub(super) fn intervals(covered: &[&Covered]) -> Vec<Interval> {
    let mut cuts: Vec<(Protocol, u16)> = Protocol::ALL.map(|protocol| (protocol, 1)).to_vec();
    for covered in covered {
        covered.cuts(&mut cuts);
    }
    cuts.sort_unstable();
    cuts.dedup();
    let mut seen: HashSet<(Protocol, Vec<Tri>)> = HashSet::new();
    let mut intervals = Vec::new();
    for (place, (protocol, first)) in cuts.iter().enumerate() {
        let last = match cuts.get(place + 1) {
            Some((same, next)) if same == protocol => next - 1,
            _ => u16::MAX,
        };
        let signature = covered
            .iter()
            .map(|covered| covered.holds(*protocol, *first));
        if seen.insert((*protocol, signature.collect())) {
            intervals.push(Interval {
                protocol: *protocol,
                first: *first,
                last,
            });
        }
    }
    intervals
}

impl Reach {
    /// A class as policies see it.
    pub(super) fn view(&self, class: usize) -> View<'_> {
        let known = self.classes.list.get(class);
        View {
            namespace: known.map_or(usize::MAX, |class| class.namespace),
            class: Some(class),
            labels: super::view::Labels::Known(known.map_or(&[], |class| &class.labels)),
        }
    }
}
