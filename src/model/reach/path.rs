//! A way from one pod to another, and what lets it through.

use super::classes::{Class, share_a_node};
use super::labels::Tri;
use super::made::Chosen;
use super::policies::{Action, Direction};
use super::ports::{Interval, Protocol};
use super::target::Target;
use super::view::{Labels, View};
use super::{Ports, Reach};
use crate::kind::Kind;
use crate::model::enforcement::{Answer, Enforcement};
use crate::model::{Model, Port};

/// Whether pods are reached: for certain, or possibly.
#[derive(Clone, Debug, Default)]
pub struct Finding {
    /// The first way that is certain.
    pub certain: Option<Path>,
    /// Where none is certain: the first that may be one.
    pub possible: Option<Path>,
}

/// A way from a source to a destination.
#[derive(Clone, Debug)]
pub struct Path {
    /// Where it begins.
    pub source: Source,
    /// The group of pods that it leads to.
    pub destination: usize,
    /// The first port of those that it is open on.
    pub port: Port,
    /// The last of them, in the same protocol.
    pub last: u16,
    /// Whether the port is a mesh tunnel that leads to the port asked for.
    pub tunnel: bool,
    chosen: Chosen,
}

/// Where a way begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A group of pods that are there.
    Pods(usize),
    /// A pod that somebody could make.
    Made {
        /// In this namespace.
        namespace: String,
        /// With these labels.
        labels: Vec<(String, String)>,
    },
}

/// What lets traffic through at one end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// No policy isolates the pods.
    Open,
    /// Policies do not count on the node.
    Unenforced,
    /// The pods share the network of their node, which policies do not cover.
    HostNetwork,
    /// Rules: index of the object, and pointer to the rule.
    Rules(Vec<(usize, String)>),
    /// It can't be told.
    Unclear,
}

/// Why a way is possible and not certain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// It is not known whether policies count on a node.
    Enforcement,
    /// Policies of these kinds may decide, as indexes of objects.
    Foreign(Vec<usize>),
    /// A pod shares the network of its node, where policies are not defined.
    HostNetwork,
    /// A second network that no policy covers.
    SecondNetwork,
    /// Policies over the cluster that may not be implemented, or have equal priority.
    ClusterPolicies(Vec<usize>),
    /// Something in a policy or in the labels of a namespace can't be told.
    Unclear,
}

impl Finding {
    pub(super) fn to(mut self, destination: usize) -> Self {
        for path in self.certain.iter_mut().chain(&mut self.possible) {
            path.destination = destination;
        }
        self
    }
}

impl Path {
    pub(super) fn new(source: Source, interval: Interval, asked: &Ports) -> Self {
        let port = interval.port();
        let tunnel = match asked {
            Ports::Any => false,
            Ports::One(asked) => *asked != port,
        };
        Self {
            source,
            destination: usize::MAX,
            port,
            last: interval.last,
            tunnel,
            chosen: Chosen::new(),
        }
    }

    pub(super) fn choosing(mut self, chosen: Chosen) -> Self {
        self.chosen = chosen;
        self
    }
}

impl Reach {
    /// What lets a path out of its source and into its destination.
    pub fn admissions(&self, model: &Model<'_>, path: &Path) -> (Admission, Admission) {
        let found = self.ends(model, path);
        found.unwrap_or((Admission::Unclear, Admission::Unclear))
    }

    fn ends(&self, model: &Model<'_>, path: &Path) -> Option<(Admission, Admission)> {
        let place = self.class_of(path.destination)?;
        let target = Target::new(self, place)?;
        let interval = Interval::one(Protocol::of(Some(&path.port.protocol))?, path.port.number);
        let source_class = match &path.source {
            Source::Pods(group) => Some(self.class_of(*group)?),
            Source::Made { .. } => None,
        };
        let view = match (&path.source, source_class) {
            (Source::Made { namespace, .. }, _) => {
                let named = |known: &super::classes::Namespace| known.name == *namespace;
                View {
                    namespace: self.classes.namespaces.iter().position(named)?,
                    class: None,
                    labels: Labels::Chosen(&path.chosen),
                }
            }
            (Source::Pods(_), class) => self.view(class?),
        };
        let host = source_class
            .and_then(|class| self.classes.list.get(class))
            .filter(|class| class.host);
        let (out, into) = if target.class.host {
            (Admission::Open, Admission::HostNetwork)
        } else if let Some(host) = host {
            (
                Admission::HostNetwork,
                self.way_in_from_host(host, &target, place, interval),
            )
        } else {
            (
                self.out(model, &target, place, &view, interval),
                self.way_in(model, &target, place, &view, interval),
            )
        };
        Some((out, into))
    }

    fn way_in_from_host(
        &self,
        source: &Class,
        target: &Target<'_>,
        place: usize,
        port: Interval,
    ) -> Admission {
        if target.class.enforcement == Enforcement::Unenforced {
            return Admission::Unenforced;
        }
        if self.selecting(Direction::Ingress, place).next().is_none() {
            return Admission::Open;
        }
        // What is on the same node needs no rule for its address.
        let addresses = if share_a_node(source, target.class) {
            &[][..]
        } else {
            &source.addresses
        };
        let mut rules = Vec::new();
        for policy in self.selecting(Direction::Ingress, place) {
            for (rule, known) in policy.ingress.iter().flatten().enumerate() {
                let covered = known.ports.on(&target.class.named_ports);
                if covered.holds(port.protocol, port.first) == Tri::Yes
                    && self.policies.names_address(known.peers, addresses) == Tri::Yes
                {
                    rules.push((policy.object, format!("/spec/ingress/{rule}")));
                }
            }
        }
        if rules.is_empty() {
            Admission::HostNetwork
        } else {
            Admission::Rules(rules)
        }
    }

    fn way_in(
        &self,
        model: &Model<'_>,
        target: &Target<'_>,
        place: usize,
        source: &View<'_>,
        port: Interval,
    ) -> Admission {
        if target.class.enforcement == Enforcement::Unenforced {
            return Admission::Unenforced;
        }
        let here = self.view(place);
        if let Some(rules) = self.by_cluster_policy(Direction::Ingress, target, &here, source, port)
        {
            return Admission::Rules(rules);
        }
        let mut rules = Vec::new();
        let mut isolated = false;
        for policy in self.selecting(Direction::Ingress, place) {
            isolated = true;
            for (rule, known) in policy.ingress.iter().flatten().enumerate() {
                let covered = known.ports.on(&target.class.named_ports);
                if covered.holds(port.protocol, port.first) != Tri::No
                    && self.policies.names(known.peers, source).unwrap_or(Tri::No) != Tri::No
                {
                    rules.push((policy.object, format!("/spec/ingress/{rule}")));
                }
            }
        }
        ended(model, isolated, rules)
    }

    fn out(
        &self,
        model: &Model<'_>,
        target: &Target<'_>,
        place: usize,
        source: &View<'_>,
        port: Interval,
    ) -> Admission {
        let enforcement = source
            .class
            .and_then(|class| self.classes.list.get(class))
            .map_or(self.new_pods, |class| class.enforcement);
        if enforcement == Enforcement::Unenforced {
            return Admission::Unenforced;
        }
        let here = self.view(place);
        if let Some(rules) = self.by_cluster_policy(Direction::Egress, target, &here, source, port)
        {
            return Admission::Rules(rules);
        }
        let mut rules = Vec::new();
        let mut isolated = false;
        let known = self.egress_in.get(source.namespace).into_iter().flatten();
        for policy in known.filter_map(|place| self.policies.networks.get(*place)) {
            let selects = policy.selector.matches(|key| source.value(key));
            if selects.unwrap_or(Tri::No) == Tri::No {
                continue;
            }
            isolated = true;
            for (rule, known) in policy.egress.iter().flatten().enumerate() {
                let covered = known.ports.on(&target.class.named_ports);
                if covered.holds(port.protocol, port.first) != Tri::No
                    && self.policies.names(known.peers, &here).unwrap_or(Tri::No) != Tri::No
                {
                    rules.push((policy.object, format!("/spec/egress/{rule}")));
                }
            }
        }
        ended(model, isolated, rules)
    }

    /// The rule of the admin tier that certainly allows, if one does.
    fn by_cluster_policy(
        &self,
        direction: Direction,
        target: &Target<'_>,
        here: &View<'_>,
        source: &View<'_>,
        port: Interval,
    ) -> Option<Vec<(usize, String)>> {
        let admin = self
            .policies
            .clusters
            .iter()
            .filter(|policy| !policy.baseline);
        for policy in admin {
            let (subject, peer) = match direction {
                Direction::Ingress => (here, source),
                Direction::Egress => (source, here),
            };
            let selected = self.policies.subject(&policy.subject, subject);
            if selected.unwrap_or(Tri::No) != Tri::Yes {
                continue;
            }
            for rule in policy.rules(direction) {
                let covered = rule.ports.on(&target.class.named_ports);
                let named = self.policies.names(rule.peers, peer).unwrap_or(Tri::No);
                if covered.holds(port.protocol, port.first).and(named) != Tri::Yes {
                    continue;
                }
                return (rule.action == Action::Allow).then(|| {
                    let pointer = format!("/spec/{}/{}", direction.field(), rule.place);
                    vec![(policy.object, pointer)]
                });
            }
        }
        None
    }

    /// Why a path that is possible is not certain.
    pub fn doubt(&self, model: &Model<'_>, path: &Path) -> Doubt {
        let Some(place) = self.class_of(path.destination) else {
            return Doubt::Unclear;
        };
        let Some(target) = self.classes.list.get(place) else {
            return Doubt::Unclear;
        };
        let source = match &path.source {
            Source::Pods(group) => self.class_of(*group),
            Source::Made { .. } => None,
        };
        let known = source.and_then(|class| self.classes.list.get(class));
        let out = known.map_or(self.new_pods, |class| class.enforcement);
        if known.is_some_and(|class| class.host) {
            return Doubt::HostNetwork;
        }
        if target.enforcement == Enforcement::Unknown || out == Enforcement::Unknown {
            return Doubt::Enforcement;
        }
        let mut foreign = self.foreign.of(Direction::Ingress, place);
        match (source, &path.source) {
            (Some(class), _) => foreign.extend(self.foreign.of(Direction::Egress, class)),
            (None, Source::Made { namespace, .. }) => {
                foreign.extend(self.foreign.in_namespace(namespace));
            }
            (None, Source::Pods(_)) => {}
        }
        foreign.sort_unstable();
        foreign.dedup();
        if !foreign.is_empty() {
            return Doubt::Foreign(foreign);
        }
        if target.second_network || known.is_some_and(|class| class.second_network) {
            return Doubt::SecondNetwork;
        }
        let open = self.policies.clusters.iter();
        let open: Vec<usize> = open
            .filter(|policy| policy.counts == Answer::Open || self.is_tied(policy.object))
            .map(|policy| policy.object)
            .collect();
        let unread = model
            .namespaces
            .iter()
            .any(|(_, namespace)| namespace.unread.is_some());
        if open.is_empty() || unread {
            Doubt::Unclear
        } else {
            Doubt::ClusterPolicies(open)
        }
    }

    /// Whether another policy over the cluster has the same priority.
    fn is_tied(&self, object: usize) -> bool {
        let policies = &self.policies.clusters;
        let own = policies.iter().find(|policy| policy.object == object);
        own.is_some_and(|own| {
            policies.iter().any(|other| {
                other.object != object
                    && (other.baseline, other.priority) == (own.baseline, own.priority)
            })
        })
    }
}

fn ended(model: &Model<'_>, isolated: bool, mut rules: Vec<(usize, String)>) -> Admission {
    if !isolated {
        return Admission::Open;
    }
    if rules.is_empty() {
        return Admission::Unclear;
    }
    rules.sort_by_key(|(object, _)| {
        let object = model.object(*object);
        (
            object.kind != Kind::NetworkPolicy,
            object.namespace(),
            object.name(),
        )
    });
    Admission::Rules(rules)
}
