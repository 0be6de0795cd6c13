//! Which pods can reach which pod on which port, as far as network policies decide.
//!
//! ```text
//! groups of pods ─▶ classes that no policy can tell apart ─┐
//! policies ───────▶ subjects and peers as sets of classes ─┼─▶ for one class of destinations and one interval of ports:
//! plugins ────────▶ where policies count ──────────────────┘   the set of sources that get out and in
//! ```
//!
//! Every answer is given twice: what is certain, and what is possible. Between the two lies what can't be told: nodes of
//! unknown plugins, policies of other kinds, selectors over labels that were not read. A failure rests on the first, a
//! pass on the second.
//!
//! **Current** reach is that of pods that are there. **Permitted** reach is that of any pod somebody could make in a
//! namespace: its labels are free, its namespace is not.

mod addresses;
mod bits;
mod blocks;
mod classes;
mod foreign;
mod labels;
mod made;
mod path;
mod policies;
mod ports;
mod target;
#[cfg(test)]
mod tests;
mod view;

use std::collections::{BTreeMap, BTreeSet};

use super::enforcement::Enforcement;
use super::pods::PodGroup;
use super::{Model, Port};
use crate::plan::{AllowedFlow, Peer};
use addresses::Addresses;
use bits::Bits;
use classes::{Class, Classes, share_a_node};
use foreign::Foreign;
use labels::{Names, Tri};
use policies::compile::Compiler;
use policies::{NetworkPolicy, Policies};
use ports::{Covered, Interval, Protocol};
use target::{Both, Target};

pub use path::{Admission, Doubt, Finding, Path, Source};
pub use policies::Direction;
pub(in crate::model) use policies::selectors;

/// What decides who reaches whom.
#[derive(Debug)]
pub struct Reach {
    names: Names,
    classes: Classes,
    policies: Policies,
    foreign: Foreign,
    /// Of each class: `NetworkPolicies` that may select it and isolate it for ingress.
    ingress_of: Vec<Vec<usize>>,
    /// Of each class: the same for egress.
    egress_of: Vec<Vec<usize>>,
    /// Of each namespace: `NetworkPolicies` with egress.
    egress_in: Vec<Vec<usize>>,
    /// Rules that let traffic out, as `(policy, rule)`, by whom they name.
    exits: Vec<(usize, Vec<(usize, usize)>)>,
    /// Classes that policies isolate for egress.
    isolated_egress: Both,
    /// Classes whose egress nothing restricts, for reasons other than policies.
    free_egress: Both,
    /// Whether policies over the cluster that may or may not be implemented count, in turn.
    scenarios: &'static [bool],
    /// What can be said of the node of a pod that somebody makes.
    new_pods: Enforcement,
    flows: Vec<Flow>,
}

/// A flow that the assessment plan declares as intended.
#[derive(Debug)]
struct Flow {
    from: Bits,
    to: Bits,
    ports: Vec<Interval>,
    every_port: bool,
}

/// Pods that may be sources, as a set.
#[derive(Clone, Debug)]
pub struct Sources {
    classes: Bits,
    groups: Vec<bool>,
}

impl Sources {
    /// Adds the pods of another set.
    pub fn add(&mut self, other: &Self) {
        self.classes.add(&other.classes);
        for (mine, theirs) in self.groups.iter_mut().zip(&other.groups) {
            *mine |= theirs;
        }
    }
}

/// Which ports are asked for.
#[derive(Clone, Debug)]
pub enum Ports {
    /// Any port of any protocol.
    Any,
    /// This one, or a tunnel that leads to it.
    One(Port),
}

impl Reach {
    /// Reads all policies.
    pub fn new(model: &Model<'_>) -> Self {
        let snapshot = model.snapshot;
        let plugins = &model.plugins;
        let mut names = Names::default();
        for object in &snapshot.objects {
            selectors(object.projection.as_ref(), &mut |selector| {
                names.selector(selector);
            });
        }
        let flows = &model.plan.allowed_flows;
        for peer in flows.iter().flat_map(|flow| [&flow.from, &flow.to]) {
            names.equal(&peer.namespace_labels);
            names.equal(&peer.pod_labels);
        }
        let classes = Classes::new(snapshot, &model.namespaces, &model.pods, &names, |pod| {
            model.mesh.tunnel_port(pod)
        });
        let addresses = Addresses::new(snapshot, &model.pods, plugins.blocks_match_pods);
        let compiler = Compiler::new(&mut names, &classes, &addresses, plugins.end_port);
        let policies = compiler.run(snapshot, plugins);
        let foreign = Foreign::new(model, &classes);
        let mut reach = Self {
            ingress_of: vec![Vec::new(); classes.len()],
            egress_of: vec![Vec::new(); classes.len()],
            egress_in: vec![Vec::new(); classes.namespaces.len()],
            exits: Vec::new(),
            isolated_egress: Both::none(classes.len()),
            free_egress: Both::none(classes.len()),
            scenarios: scenarios(&policies),
            new_pods: plugins.at_worst(),
            flows: Vec::new(),
            names,
            classes,
            policies,
            foreign,
        };
        reach.index();
        for flow in flows {
            let flow = reach.flow(flow);
            reach.flows.push(flow);
        }
        reach
    }

    fn index(&mut self) {
        let mut exits: BTreeMap<usize, Vec<(usize, usize)>> = BTreeMap::new();
        for (place, policy) in self.policies.networks.iter().enumerate() {
            for class in self.classes.in_namespace(policy.namespace) {
                if !policy.may.contains(class) {
                    continue;
                }
                if policy.ingress.is_some()
                    && let Some(known) = self.ingress_of.get_mut(class)
                {
                    known.push(place);
                }
                if policy.egress.is_some() {
                    if let Some(known) = self.egress_of.get_mut(class) {
                        known.push(place);
                    }
                    self.isolated_egress.possible.insert(class);
                    if policy.yes.contains(class) {
                        self.isolated_egress.certain.insert(class);
                    }
                }
            }
            if let Some(rules) = &policy.egress {
                if let Some(known) = self.egress_in.get_mut(policy.namespace) {
                    known.push(place);
                }
                for (rule, known) in rules.iter().enumerate() {
                    exits.entry(known.peers).or_default().push((place, rule));
                }
            }
        }
        self.exits = exits.into_iter().collect();
        for (place, class) in self.classes.list.iter().enumerate() {
            match class.enforcement {
                Enforcement::Enforced => {}
                Enforcement::Unenforced => {
                    self.free_egress.certain.insert(place);
                    self.free_egress.possible.insert(place);
                }
                Enforcement::Unknown => self.free_egress.possible.insert(place),
            }
            if class.second_network {
                self.free_egress.possible.insert(place);
            }
        }
        self.free_egress.possible.add(&self.foreign.allowed_egress);
        self.free_egress.certain.keep(&self.classes.pods);
        self.free_egress.possible.keep(&self.classes.pods);
    }

    fn flow(&mut self, flow: &AllowedFlow) -> Flow {
        let mut side = |side: &Peer| {
            let mut bits = Bits::none(self.classes.len());
            let namespaces = self.names.equal(&side.namespace_labels);
            let pods = self.names.equal(&side.pod_labels);
            for (place, namespace) in self.classes.namespaces.iter().enumerate() {
                let named = side
                    .namespace
                    .as_ref()
                    .is_none_or(|name| *name == namespace.name);
                if !named || self.classes.selects_namespace(&namespaces, place) != Tri::Yes {
                    continue;
                }
                let classes = self.classes.in_namespace(place);
                for class in
                    classes.filter(|class| self.classes.selected(*class, &pods) == Tri::Yes)
                {
                    bits.insert(class);
                }
            }
            bits
        };
        Flow {
            from: side(&flow.from),
            to: side(&flow.to),
            ports: flow
                .ports
                .iter()
                .filter_map(|port| {
                    let protocol = Protocol::of(Some(&port.protocol))?;
                    Some(Interval::one(protocol, port.number))
                })
                .collect(),
            every_port: flow.ports.is_empty(),
        }
    }

    /// `NetworkPolicies` that may select a class and isolate it.
    fn selecting(
        &self,
        direction: Direction,
        class: usize,
    ) -> impl Iterator<Item = &NetworkPolicy> {
        let known = match direction {
            Direction::Ingress => self.ingress_of.get(class),
            Direction::Egress => self.egress_of.get(class),
        };
        let places = known.into_iter().flatten();
        places.filter_map(|place| self.policies.networks.get(*place))
    }

    const fn scenarios(&self) -> &'static [bool] {
        self.scenarios
    }

    /// Whether something other than policies may open a class.
    fn is_loose(&self, direction: Direction, class: &Class) -> bool {
        class.enforcement != Enforcement::Enforced
            || class.second_network
            || class
                .groups
                .first()
                .and_then(|group| self.class_of(*group))
                .is_some_and(|place| self.foreign.may_allow(direction, place))
    }

    /// Opens what only policies that do not count, or of other kinds, might close or open.
    fn loosen(&self, direction: Direction, class: &Class, both: &mut Both, all: &Bits) {
        let place = class.groups.first().and_then(|group| self.class_of(*group));
        if place.is_some_and(|place| self.foreign.may_deny(direction, place)) {
            both.certain = Bits::none(self.classes.len());
        }
        if self.is_loose(direction, class) {
            both.possible = all.clone();
        }
        if class.enforcement == Enforcement::Unenforced {
            both.certain = all.clone();
        }
    }

    /// Policies of other kinds that may isolate every pod of a namespace in a direction, as indexes of objects.
    pub fn isolating(&self, direction: Direction, namespace: &str) -> Vec<usize> {
        self.foreign.isolating(direction, namespace)
    }

    /// How many classes of pods there are.
    pub fn classes(&self) -> usize {
        self.classes.len()
    }

    fn class_of(&self, group: usize) -> Option<usize> {
        self.classes.of_group.get(group).copied().flatten()
    }

    /// The pods that a predicate holds for, as sources; those that are there.
    pub fn sources(
        &self,
        model: &Model<'_>,
        wanted: impl Fn(usize, &PodGroup<'_>) -> bool,
    ) -> Sources {
        let mut classes = Bits::none(self.classes.len());
        let mut groups = vec![false; model.pods.len()];
        for ((index, pod), mark) in model.pods.iter().enumerate().zip(&mut groups) {
            let Some(class) = self.class_of(index) else {
                continue;
            };
            if self.classes.present.contains(class) && wanted(index, pod) {
                classes.insert(class);
                *mark = true;
            }
        }
        Sources { classes, groups }
    }

    /// The pods of a set that are not in these groups. Going through all pods once for each of them takes too long in
    /// large clusters.
    pub fn without(&self, sources: &Sources, groups: impl IntoIterator<Item = usize>) -> Sources {
        let mut rest = sources.clone();
        let mut touched = BTreeSet::new();
        for group in groups {
            if let Some(mark) = rest.groups.get_mut(group) {
                *mark = false;
                touched.extend(self.class_of(group));
            }
        }
        let marked = |group: &usize| rest.groups.get(*group).copied().unwrap_or(false);
        for place in touched {
            let class = self.classes.list.get(place);
            if !class.is_some_and(|class| class.groups.iter().any(marked)) {
                rest.classes.discard(place);
            }
        }
        rest
    }

    /// Whether any of the sources can reach a group of pods: the first that certainly can, and the first that may.
    ///
    /// `declared` says whether flows that the assessment plan declares are left out.
    pub fn current(
        &self,
        destination: usize,
        ports: &Ports,
        sources: &Sources,
        declared: bool,
    ) -> Finding {
        let Some(place) = self.class_of(destination) else {
            return Finding::default();
        };
        let Some(target) = Target::new(self, place) else {
            return Finding::default();
        };
        let mut finding = self.of_hosts(place, &target, ports, sources, declared);
        let mut own = sources.classes.clone();
        own.keep(&self.classes.pods);
        if finding.certain.is_some() || own.is_empty() || !target.may_let_in(&own) {
            return finding.to(destination);
        }
        let target = target.with_exits(place);
        for interval in Self::asked(&target, ports, &self.further()) {
            let both = self.reached(place, &target, interval, declared);
            let first = |bits: &Bits| {
                let mut both = bits.clone();
                both.keep(&own);
                both.iter().next()
            };
            let path = |class| self.path(class, sources, interval, ports);
            if let Some(class) = first(&both.certain) {
                finding.certain = path(class);
                finding.possible = None;
                return finding.to(destination);
            }
            if finding.possible.is_none() {
                finding.possible = first(&both.possible).and_then(path);
            }
        }
        finding.to(destination)
    }

    fn path(
        &self,
        class: usize,
        sources: &Sources,
        interval: Interval,
        ports: &Ports,
    ) -> Option<Path> {
        let groups = &self.classes.list.get(class)?.groups;
        let wanted = |group: &&usize| sources.groups.get(**group).copied().unwrap_or(false);
        let group = groups.iter().find(wanted)?;
        Some(Path::new(Source::Pods(*group), interval, ports))
    }

    /// Ports of the declared flows, which are kept apart from others.
    fn further(&self) -> Vec<Covered> {
        self.flows.iter().map(Flow::covered).collect()
    }

    /// The intervals of ports to look at.
    fn asked(target: &Target<'_>, ports: &Ports, further: &[Covered]) -> Vec<Interval> {
        match ports {
            Ports::Any => target.intervals(further),
            Ports::One(port) => {
                let Some(protocol) = Protocol::of(Some(&port.protocol)) else {
                    return Vec::new();
                };
                let tunnel = target.class.tunnel.filter(|_| protocol == Protocol::Tcp);
                let own = Interval::one(protocol, port.number);
                let tunnel = tunnel.map(|tunnel| Interval::one(Protocol::Tcp, tunnel));
                std::iter::once(own).chain(tunnel).collect()
            }
        }
    }

    /// Who reaches a class on the ports of an interval, declared flows left out where asked.
    fn reached(
        &self,
        place: usize,
        target: &Target<'_>,
        interval: Interval,
        declared: bool,
    ) -> Both {
        let mut both = if target.class.host {
            // No policy applies to the network of a node.
            Both {
                certain: self.classes.pods.clone(),
                possible: self.classes.pods.clone(),
            }
        } else {
            target.sources(interval.protocol, interval.first)
        };
        if declared {
            for flow in self.flows.iter().filter(|flow| flow.is_to(place, interval)) {
                both.certain.remove(&flow.from);
                both.possible.remove(&flow.from);
            }
        }
        both
    }

    /// Pods in the network of their node: no policy selects them reliably, and what is on the node of a pod reaches it.
    fn of_hosts(
        &self,
        place: usize,
        target: &Target<'_>,
        ports: &Ports,
        sources: &Sources,
        declared: bool,
    ) -> Finding {
        let mut finding = Finding::default();
        let port = match ports {
            Ports::Any => Interval::all(Protocol::Tcp),
            Ports::One(port) => {
                let protocol = Protocol::of(Some(&port.protocol)).unwrap_or(Protocol::Tcp);
                Interval::one(protocol, port.number)
            }
        };
        let mut hosts = sources.classes.clone();
        hosts.remove(&self.classes.pods);
        for class in hosts.iter() {
            let Some(source) = self.classes.list.get(class) else {
                continue;
            };
            let flows = self.flows.iter().filter(|_| declared);
            let is_declared = |port: Interval| {
                flows
                    .clone()
                    .any(|flow| flow.from.contains(class) && flow.is_to(place, port))
            };
            if is_declared(port) {
                continue;
            }
            let reached = self.host_reaches(source, (place, target), ports, port, &is_declared);
            if let Some(port) = reached {
                finding.certain = self.path(class, sources, port, ports);
                return finding;
            }
            if finding.possible.is_none() {
                finding.possible = self.path(class, sources, port, ports);
            }
        }
        finding
    }

    /// The ports on which a pod in the network of its node certainly reaches a class, other than declared ones.
    fn host_reaches(
        &self,
        source: &Class,
        (place, target): (usize, &Target<'_>),
        ports: &Ports,
        asked: Interval,
        is_declared: &dyn Fn(Interval) -> bool,
    ) -> Option<Interval> {
        if target.class.host || share_a_node(source, target.class) {
            return Some(asked);
        }
        let counts = target.class.enforcement != Enforcement::Unenforced;
        if counts && self.foreign.may_deny(Direction::Ingress, place) {
            return None;
        }
        let ports = match ports {
            Ports::Any => target.intervals(&self.further()),
            Ports::One(_) => Self::asked(target, ports, &[]),
        };
        let restricted = source
            .groups
            .first()
            .and_then(|group| self.class_of(*group))
            .is_some_and(|class| self.is_selected(Direction::Egress, source.namespace, class));
        let lets_in = |port: &Interval| {
            !is_declared(*port)
                && target.lets_address_in(&source.addresses, port.protocol, port.first)
        };
        ports.into_iter().find(lets_in).filter(|_| !restricted)
    }

    /// Whether a policy's selector fits the labels of a class, also of one in the network of its node.
    fn is_selected(&self, direction: Direction, namespace: usize, class: usize) -> bool {
        self.policies.networks.iter().any(|policy| {
            policy.namespace == namespace
                && policy.rules(direction).is_some()
                && self.classes.selected(class, &policy.selector) != Tri::No
        })
    }
}

/// Either all policies over the cluster that a plugin implements for certain, or also those of which it is not known.
fn scenarios(policies: &Policies) -> &'static [bool] {
    let open = policies
        .clusters
        .iter()
        .any(|policy| policy.counts == super::enforcement::Answer::Open);
    if open { &[false, true] } else { &[true] }
}

impl Both {
    fn none(len: usize) -> Self {
        Self {
            certain: Bits::none(len),
            possible: Bits::none(len),
        }
    }
}

impl Flow {
    /// Whether it leads to a class on every port of an interval.
    fn is_to(&self, class: usize, interval: Interval) -> bool {
        self.to.contains(class) && (self.every_port || self.ports.contains(&interval))
    }

    /// The ports as coverage, so that they are kept apart from others.
    fn covered(&self) -> Covered {
        Covered::of(self.ports.iter().copied())
    }
}
