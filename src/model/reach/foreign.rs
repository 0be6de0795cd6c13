//! Policies of network plugins, which are seen and not evaluated: whom they select, and whether they may allow or deny.

mod calico;
mod cilium;

use super::bits::Bits;
use super::classes::Classes;
use super::labels::Tri;
use super::policies::Direction;
use crate::kind::Kind;
use crate::model::enforcement::{Plugin, Why};
use crate::model::{Model, PodGroup};
use crate::projection::Projection;
use crate::projection::policy::{CalicoPolicy, CiliumPolicy};

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
    /// Whether it may select every pod of each namespace, whatever its labels.
    whole: Vec<bool>,
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

/// Whether a policy selects pods, some of whose labels may yet be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Selects {
    /// For some choice.
    some: Tri,
    /// Whatever is chosen.
    every: Tri,
}

impl Selects {
    const fn of(selected: Tri) -> Self {
        Self {
            some: selected,
            every: selected,
        }
    }

    /// What rests on a choice.
    const FREE: Self = Self {
        some: Tri::Yes,
        every: Tri::No,
    };

    fn and(self, other: Self) -> Self {
        Self {
            some: self.some.and(other.some),
            every: self.every.and(other.every),
        }
    }

    fn or(self, other: Self) -> Self {
        Self {
            some: self.some.or(other.some),
            every: self.every.or(other.every),
        }
    }

    fn negated(self) -> Self {
        Self {
            some: self.every.negated(),
            every: self.some.negated(),
        }
    }
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
            for effect in cilium::effects(rule) {
                self.add(model, classes, object, namespace, &effect, |pod, here| {
                    cilium::selects(model, selector, pod, here)
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
        for effect in calico::effects(policy) {
            self.add(model, classes, object, namespace, &effect, |pod, here| {
                calico::selects(model, &policy.spec, pod, here)
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
        selects: impl Fn(Option<&PodGroup<'_>>, &str) -> Selects,
    ) {
        let mut bits = Bits::none(classes.len());
        let mut namespaces = Vec::with_capacity(classes.namespaces.len());
        let mut whole = Vec::with_capacity(classes.namespaces.len());
        for (place, here) in classes.namespaces.iter().enumerate() {
            let concerned = namespace.is_empty() || namespace == here.name;
            if !concerned {
                namespaces.push(false);
                whole.push(false);
                continue;
            }
            let made = selects(None, &here.name);
            namespaces.push(made.some != Tri::No);
            whole.push(made.every != Tri::No);
            for class in classes.in_namespace(place) {
                let groups = classes.list.get(class).map(|class| class.groups.as_slice());
                let mut groups = groups.into_iter().flatten();
                let selected = groups.any(|group| {
                    let pod = model.pods.get(*group);
                    pod.is_some_and(|pod| selects(Some(pod), &here.name).some != Tri::No)
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
            whole,
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

    /// Policies that may isolate every pod of a namespace in a direction, also those to come.
    pub(super) fn isolating(&self, direction: Direction, namespace: &str) -> Vec<usize> {
        let place = self
            .namespace_names
            .iter()
            .position(|known| known == namespace);
        let policies = self.policies.iter().filter(|policy| {
            let here = place.and_then(|place| policy.whole.get(place));
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

#[cfg(test)]
mod tests {
    use super::super::Reach;
    use super::*;

    fn pod(namespace: &str) -> String {
        format!(
            "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: web, namespace: {namespace}, labels: {{app: web}}}}\nspec: {{containers: [{{name: a}}]}}\nstatus: {{phase: Running}}\n"
        )
    }

    #[test]
    fn policies_are_found_by_direction_class_and_namespace() {
        let policies = [
            (
                "a",
                "web",
                "{selector: app == 'web', types: [Egress], egress: [{action: Allow}]}",
            ),
            ("a", "all", "{types: [Egress]}"),
            ("b", "in", "{types: [Ingress], ingress: [{action: Allow}]}"),
        ];
        let policies = policies.map(|(namespace, name, spec)| {
            format!(
                "---\napiVersion: projectcalico.org/v3\nkind: NetworkPolicy\nmetadata: {{name: {name}, namespace: {namespace}}}\nspec: {spec}\n"
            )
        });
        let global = "---\napiVersion: projectcalico.org/v3\nkind: GlobalNetworkPolicy\nmetadata: {name: global}\nspec: {namespaceSelector: projectcalico.org/name == 'c', types: [Egress], egress: [{action: Allow}]}\n";
        let pods = pod("a") + &pod("b") + &pod("c") + &pod("d");
        let snapshot = crate::testing::snapshot(&(pods + &policies.concat() + global));
        let model = crate::testing::model(&snapshot);
        let reach = Reach::new(&model);
        let foreign = &reach.foreign;
        let names = |objects: Vec<usize>| -> Vec<&str> {
            let names = objects.iter().map(|object| model.object(*object).name());
            names.collect()
        };
        let class = |namespace: &str| {
            let mut groups = model.pods.iter();
            let group = groups.position(|pod| pod.namespace == namespace);
            reach.class_of(group.unwrap()).unwrap()
        };
        let (out, into) = (Direction::Egress, Direction::Ingress);
        assert_eq!(names(foreign.of(out, class("a"))), ["all", "web"]);
        assert_eq!(foreign.of(into, class("a")), [0; 0]);
        assert_eq!(names(foreign.of(into, class("b"))), ["in"]);
        assert_eq!(names(foreign.isolating(out, "a")), ["all"]);
        assert_eq!(foreign.isolating(into, "a"), [0; 0]);
        assert_eq!(names(foreign.isolating(into, "b")), ["in"]);
        let table: [(&str, &[&str], bool, bool); 4] = [
            ("a", &["all", "web"], true, true),
            ("b", &[], false, false),
            ("c", &["global"], true, true),
            ("d", &[], false, false),
        ];
        for (namespace, expected, allows, denies) in table {
            assert_eq!(
                names(foreign.in_namespace(namespace)),
                expected,
                "{namespace}"
            );
            let mut namespaces = reach.classes.namespaces.iter();
            let place = namespaces.position(|known| known.name == namespace);
            let place = place.unwrap();
            assert_eq!(foreign.may_allow_in(place), allows, "{namespace}");
            assert_eq!(foreign.may_deny_in(place), denies, "{namespace}");
        }
    }
}
