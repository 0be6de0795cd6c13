//! Policies of network plugins, which are seen and not evaluated: whom they select, and whether they may allow or deny.

mod calico;

use super::bits::Bits;
use super::classes::Classes;
use super::labels::Tri;
use super::policies::Direction;
use crate::kind::Kind;
use crate::model::enforcement::{Plugin, Why};
use crate::model::selector::{self, Labels};
use crate::model::{Model, PodGroup};
use crate::projection::Projection;
use crate::projection::policy::{CalicoPolicy, CiliumPolicy, CiliumRule, Section};
use crate::projection::rbac::{LabelExpression, LabelSelector};

/// One policy, in one direction.
#[derive(Debug)]
struct Policy {
    object: usize,
    direction: Direction,
    /// Classes that it may select.
    selects: Bits,
    allows: bool,
    denies: bool,
    /// Whether it may select pods that somebody makes in each namespace.
    namespaces: Vec<bool>,
}

/// All of them.
#[derive(Debug)]
pub(super) struct Foreign {
    policies: Vec<Policy>,
    allowed_ingress: Bits,
    denied_ingress: Bits,
    pub(super) allowed_egress: Bits,
    pub(super) denied_egress: Bits,
    namespace_names: Vec<String>,
}

/// What a policy does to pods that it selects, by direction.
struct Effect {
    direction: Direction,
    allows: bool,
    denies: bool,
}

impl Foreign {
    pub(super) fn new(model: &Model<'_>, classes: &Classes) -> Self {
        let none = || Bits::none(classes.len());
        let mut foreign = Self {
            policies: Vec::new(),
            allowed_ingress: none(),
            denied_ingress: none(),
            allowed_egress: none(),
            denied_egress: none(),
            namespace_names: classes
                .namespaces
                .iter()
                .map(|namespace| namespace.name.clone())
                .collect(),
        };
        let kinds = [
            (Kind::CiliumClusterwideNetworkPolicy, Plugin::Cilium),
            (Kind::CiliumNetworkPolicy, Plugin::Cilium),
            (Kind::CalicoGlobalNetworkPolicy, Plugin::Calico),
            (Kind::CalicoNetworkPolicy, Plugin::Calico),
        ];
        for (kind, plugin) in kinds {
            if !may_run(model, plugin) {
                continue;
            }
            for (index, object) in model.snapshot.of_kind(kind) {
                match object.projection.as_ref() {
                    Projection::CiliumPolicy(policy) => {
                        foreign.cilium(model, classes, index, object.namespace(), policy);
                    }
                    Projection::CalicoPolicy(policy) => {
                        foreign.calico(model, classes, index, object.namespace(), policy);
                    }
                    _ => {}
                }
            }
        }
        foreign
    }

    fn cilium(
        &mut self,
        model: &Model<'_>,
        classes: &Classes,
        object: usize,
        namespace: &str,
        policy: &CiliumPolicy,
    ) {
        for rule in policy.spec.iter().chain(&policy.specs) {
            let Some(selector) = &rule.endpoint_selector else {
                continue;
            };
            for effect in cilium_effects(rule) {
                self.add(model, classes, object, namespace, &effect, |pod, here| {
                    cilium_selects(model, selector, pod, here)
                });
            }
        }
    }

    fn calico(
        &mut self,
        model: &Model<'_>,
        classes: &Classes,
        object: usize,
        namespace: &str,
        policy: &CalicoPolicy,
    ) {
        let spec = &policy.spec;
        for effect in calico_effects(policy) {
            self.add(model, classes, object, namespace, &effect, |pod, here| {
                let none = std::collections::BTreeMap::new();
                let labels = model
                    .namespaces
                    .get(here)
                    .map_or(&none, |known| known.labels);
                let of_namespace = calico::selects(spec.namespace_selector.as_deref(), labels);
                let of_pod = match pod {
                    Some(pod) => calico::selects(spec.selector.as_deref(), pod),
                    None => Tri::Maybe,
                };
                let account = if spec.service_account_selector.is_some() {
                    Tri::Maybe
                } else {
                    Tri::Yes
                };
                of_namespace.and(of_pod).and(account)
            });
        }
    }

    /// Adds a policy that selects pods as `selects` says, given a pod (or none, for one to be made) and its namespace.
    fn add(
        &mut self,
        model: &Model<'_>,
        classes: &Classes,
        object: usize,
        namespace: &str,
        effect: &Effect,
        selects: impl Fn(Option<&PodGroup<'_>>, &str) -> Tri,
    ) {
        let mut bits = Bits::none(classes.len());
        let mut namespaces = Vec::with_capacity(classes.namespaces.len());
        for (place, here) in classes.namespaces.iter().enumerate() {
            let concerned = namespace.is_empty() || namespace == here.name;
            namespaces.push(concerned && selects(None, &here.name) != Tri::No);
            if !concerned {
                continue;
            }
            for class in classes.in_namespace(place) {
                let groups = classes.list.get(class).map(|class| class.groups.as_slice());
                let mut groups = groups.into_iter().flatten();
                let selected = groups.any(|group| {
                    let pod = model.pods.get(*group);
                    pod.is_some_and(|pod| selects(Some(pod), &here.name) != Tri::No)
                });
                if selected {
                    bits.insert(class);
                }
            }
        }
        let (allowed, denied) = match effect.direction {
            Direction::Ingress => (&mut self.allowed_ingress, &mut self.denied_ingress),
            Direction::Egress => (&mut self.allowed_egress, &mut self.denied_egress),
        };
        if effect.allows {
            allowed.add(&bits);
        }
        if effect.denies {
            denied.add(&bits);
        }
        self.policies.push(Policy {
            object,
            direction: effect.direction,
            selects: bits,
            allows: effect.allows,
            denies: effect.denies,
            namespaces,
        });
    }

    /// Whether one of them may let traffic through that `NetworkPolicies` stop.
    pub(super) fn may_allow(&self, direction: Direction, class: usize) -> bool {
        match direction {
            Direction::Ingress => self.allowed_ingress.contains(class),
            Direction::Egress => self.allowed_egress.contains(class),
        }
    }

    /// Whether one of them may stop traffic that `NetworkPolicies` let through.
    pub(super) fn may_deny(&self, direction: Direction, class: usize) -> bool {
        match direction {
            Direction::Ingress => self.denied_ingress.contains(class),
            Direction::Egress => self.denied_egress.contains(class),
        }
    }

    /// The same for traffic out of pods that somebody makes in a namespace.
    pub(super) fn may_allow_in(&self, namespace: usize) -> bool {
        self.egress_in(namespace).any(|policy| policy.allows)
    }

    pub(super) fn may_deny_in(&self, namespace: usize) -> bool {
        self.egress_in(namespace).any(|policy| policy.denies)
    }

    fn egress_in(&self, namespace: usize) -> impl Iterator<Item = &Policy> {
        self.policies.iter().filter(move |policy| {
            policy.direction == Direction::Egress
                && policy.namespaces.get(namespace).copied().unwrap_or(false)
        })
    }

    /// The policies that may decide on a class.
    pub(super) fn of(&self, direction: Direction, class: usize) -> Vec<usize> {
        let policies = self.policies.iter();
        policies
            .filter(|policy| policy.direction == direction && policy.selects.contains(class))
            .map(|policy| policy.object)
            .collect()
    }

    /// The policies that may decide on traffic out of a namespace.
    pub(super) fn in_namespace(&self, name: &str) -> Vec<usize> {
        let place = self.namespace_names.iter().position(|known| known == name);
        let policies = place.into_iter().flat_map(|place| self.egress_in(place));
        policies.map(|policy| policy.object).collect()
    }

    /// Policies that may isolate every pod of a namespace in a direction.
    pub(super) fn isolating(&self, direction: Direction, namespace: &str) -> Vec<usize> {
        let place = self
            .namespace_names
            .iter()
            .position(|known| known == namespace);
        let policies = self.policies.iter().filter(|policy| {
            let here = place.and_then(|place| policy.namespaces.get(place));
            policy.direction == direction && policy.denies && here.copied().unwrap_or(false)
        });
        policies.map(|policy| policy.object).collect()
    }
}

/// Whether the plugin that implements a policy may run somewhere.
fn may_run(model: &Model<'_>, plugin: Plugin) -> bool {
    model.plugins.plugins.contains(&plugin)
        || model.plugins.nodes.is_empty()
        || model
            .plugins
            .nodes
            .values()
            .any(|node| node.why == Why::Unrecognised)
}

/// Cilium's rules: selecting a pod isolates it where there are rules of the direction, unless the policy says not to;
/// a rule without fields matches nothing.
fn cilium_effects(rule: &CiliumRule) -> [Effect; 2] {
    let effect = |direction, allow: &[Section], deny: &[Section], isolates: Option<bool>| {
        let says = |sections: &[Section]| sections.iter().any(|section| !section.0.is_empty());
        let has_rules = !allow.is_empty() || !deny.is_empty();
        Effect {
            direction,
            allows: says(allow),
            denies: has_rules && isolates != Some(false) || isolates == Some(true) || says(deny),
        }
    };
    [
        effect(
            Direction::Ingress,
            &rule.ingress,
            &rule.ingress_deny,
            rule.enable_default_deny.ingress,
        ),
        effect(
            Direction::Egress,
            &rule.egress,
            &rule.egress_deny,
            rule.enable_default_deny.egress,
        ),
    ]
}

/// Calico's rules: traffic of a direction that a policy is about is denied where no rule allows it.
fn calico_effects(policy: &CalicoPolicy) -> Vec<Effect> {
    let spec = &policy.spec;
    let is_about = |direction: Direction| {
        if spec.types.is_empty() {
            return match direction {
                Direction::Ingress => !spec.ingress.is_empty() || spec.egress.is_empty(),
                Direction::Egress => !spec.egress.is_empty(),
            };
        }
        spec.types.iter().any(|name| name == direction.name())
    };
    let directions = [
        (Direction::Ingress, &spec.ingress),
        (Direction::Egress, &spec.egress),
    ];
    directions
        .into_iter()
        .filter(|(direction, _)| is_about(*direction))
        .map(|(direction, rules)| Effect {
            direction,
            allows: rules.iter().any(|rule| rule.action == "Allow"),
            denies: true,
        })
        .collect()
}

/// Labels of a pod under the names that Cilium's selectors use.
struct CiliumLabels<'p, 'm> {
    model: &'m Model<'m>,
    pod: Option<&'p PodGroup<'p>>,
    namespace: &'p str,
}

const OF_NAMESPACE: &str = "io.cilium.k8s.namespace.labels.";
const NAMESPACE: &str = "io.kubernetes.pod.namespace";

impl Labels for CiliumLabels<'_, '_> {
    fn label(&self, key: &str) -> Option<&str> {
        if key == NAMESPACE {
            return Some(self.namespace);
        }
        if let Some(key) = key.strip_prefix(OF_NAMESPACE) {
            return self.model.namespaces.get(self.namespace)?.labels.label(key);
        }
        self.pod?.label(key)
    }
}

fn cilium_selects(
    model: &Model<'_>,
    selector: &LabelSelector,
    pod: Option<&PodGroup<'_>>,
    namespace: &str,
) -> Tri {
    let bare = |key: &str| {
        let known = ["k8s:", "any:", "k8s.", "any."];
        let prefix = known.iter().find(|prefix| key.starts_with(**prefix));
        key.get(prefix.map_or(0, |prefix| prefix.len())..)
            .unwrap_or(key)
            .to_owned()
    };
    // Labels of other sources, such as `reserved:`, are on no pod; which of them are is not read.
    let keys = selector.match_labels.keys();
    let expressions = selector.match_expressions.iter();
    let mut all = keys.chain(expressions.clone().map(|expression| &expression.key));
    let is_other = |key: &str| bare(key).contains(':') || key.contains("io.cilium.k8s.policy");
    if all.any(|key| is_other(key)) {
        return Tri::Maybe;
    }
    let is_of_namespace = |key: &str| key == NAMESPACE || key.starts_with(OF_NAMESPACE);
    let wanted = |key: &str| pod.is_some() || is_of_namespace(key);
    let labels = selector
        .match_labels
        .iter()
        .map(|(key, value)| (bare(key), value.clone()));
    let expressions = expressions.map(|expression| LabelExpression {
        key: bare(&expression.key),
        ..expression.clone()
    });
    let plain = LabelSelector {
        match_labels: labels.filter(|(key, _)| wanted(key)).collect(),
        match_expressions: expressions.filter(|known| wanted(&known.key)).collect(),
    };
    let labels = CiliumLabels {
        model,
        pod,
        namespace,
    };
    match selector::matches(&plain, &labels) {
        Some(true) if pod.is_some() => Tri::Yes,
        Some(true) | None => Tri::Maybe,
        Some(false) => Tri::No,
    }
}
