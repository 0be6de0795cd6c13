//! What policies say of the mesh as a whole, whatever pods there are.

use std::collections::BTreeSet;

use super::control_plane::{Config, ControlPlane, Counted};
use super::peer_authentication::{Enforcement, Mode, Plane, Policy, Setting, Slot, settle};
use super::{Doubt, Fact, Mesh};

/// What the policies of one control plane come to.
#[derive(Debug)]
pub struct MeshWide<'m> {
    /// Revision of the control plane.
    pub revision: &'m str,
    /// Its root namespace; empty when that is not known.
    pub root_namespace: &'m str,
    /// The mode of the mesh.
    pub mesh: Enforcement,
    /// Policies that make it weaker somewhere.
    pub weaker: Vec<Weaker<'m>>,
    /// Why a policy may make it weaker that is not among them.
    pub doubt: Option<Doubt>,
    /// What shows it.
    pub facts: Vec<Fact>,
}

/// A policy that opens a namespace, some pods or a port.
#[derive(Debug)]
pub struct Weaker<'m> {
    /// The policy.
    pub policy: &'m Policy<'m>,
    /// Its mode, or that of a port.
    pub mode: Mode,
    /// The port, as written.
    pub port: Option<&'m str>,
}

/// How certain it is that a policy has effect; the surest comes first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Effect {
    Certain,
    Doubtful(Doubt),
}

impl Mesh<'_> {
    /// The policies of each control plane, without regard to pods.
    pub fn mesh_wide(&self) -> impl Iterator<Item = MeshWide<'_>> {
        self.control_planes
            .iter()
            .map(|control_plane| match &control_plane.config {
                Ok(config) => self.of_control_plane(control_plane, config),
                Err(missing) => {
                    let doubt = Doubt::MeshConfig(*missing);
                    MeshWide {
                        revision: &control_plane.revision,
                        root_namespace: "",
                        mesh: Enforcement::Unknown(doubt),
                        weaker: Vec::new(),
                        doubt: Some(doubt),
                        facts: control_plane.facts(None),
                    }
                }
            })
    }

    fn of_control_plane<'m>(
        &'m self,
        control_plane: &'m ControlPlane<'_>,
        config: &'m Config<'_>,
    ) -> MeshWide<'m> {
        let policies = || self.policies.of(config.root_namespace).iter();
        let for_all = policies().filter(|policy| policy.selects_all());
        let slot = Slot::pick(control_plane, for_all);
        let mut mesh = mode_of(&slot);
        // Ztunnels take an empty selector for the root namespace alone, and names decide nothing to them.
        if self.ambient && matches!(mesh, Enforcement::Strict(_)) {
            let without = policies().filter(|policy| policy.is_without_selector());
            mesh = mode_of(&Slot::pick_for(Plane::Ambient, control_plane, without));
        }
        let mut facts = control_plane.facts(None);
        facts.extend(
            slot.possible
                .iter()
                .flatten()
                .map(|policy| policy.mode_fact()),
        );
        let mut found = MeshWide {
            revision: &control_plane.revision,
            root_namespace: config.root_namespace,
            mesh,
            weaker: Vec::new(),
            doubt: None,
            facts,
        };
        for (namespace, policies) in self.policies.namespaces() {
            if namespace != config.root_namespace {
                for plane in self.planes() {
                    found.add_namespace(*plane, control_plane, policies);
                }
                found.add_workloads(self.planes(), control_plane, policies);
            }
        }
        found
    }
}

impl Mesh<'_> {
    /// The data planes that the policies are for: sidecars, which any pod may get, and ztunnels where there are some.
    const fn planes(&self) -> &'static [Plane] {
        if self.ambient {
            &[Plane::Sidecar, Plane::Ambient]
        } else {
            &[Plane::Sidecar]
        }
    }
}

/// What the policies for the whole mesh come to.
fn mode_of(slot: &Slot<'_>) -> Enforcement {
    let policies = slot.possible.iter();
    let settings: BTreeSet<Setting> = policies.map(|policy| mesh_mode(*policy)).collect();
    settle(&settings, slot.doubt.unwrap_or(Doubt::Mode))
}

/// The mode of the mesh under its policy: permissive unless it says otherwise.
fn mesh_mode(policy: Option<&Policy<'_>>) -> Setting {
    policy
        .and_then(|policy| Some((policy.mode()?, Some(policy.object))))
        .unwrap_or((Mode::Permissive, None))
}

impl<'m> MeshWide<'m> {
    fn add_namespace(
        &mut self,
        plane: Plane,
        control_plane: &ControlPlane<'_>,
        policies: &'m [Policy<'m>],
    ) {
        let for_all = policies.iter().filter(|policy| policy.selects_all());
        let slot = Slot::pick_for(plane, control_plane, for_all);
        let mut modes = slot
            .possible
            .iter()
            .map(|policy| policy.and_then(Policy::mode));
        let all_weak = modes.all(|mode| mode.is_some_and(Mode::is_weak));
        let effect = match slot.doubt {
            Some(doubt) if !all_weak => Effect::Doubtful(doubt),
            _ => Effect::Certain,
        };
        if let Effect::Doubtful(_) = effect {
            let possible = slot.possible.iter().flatten();
            self.facts.extend(possible.map(|policy| policy.mode_fact()));
        }
        for policy in slot.possible.iter().flatten() {
            self.add(policy, policy.mode(), None, effect);
        }
    }

    /// Of the policies with a selector the oldest that selects a pod counts, whole: one whose pods are all selected
    /// by an older one has no effect, and any other may have, now or with the next pod.
    fn add_workloads(
        &mut self,
        planes: &[Plane],
        control_plane: &ControlPlane<'_>,
        policies: &'m [Policy<'m>],
    ) {
        let counted: Vec<(&Policy<'_>, Counted)> = policies
            .iter()
            .filter(|policy| !policy.selects_all())
            .map(|policy| {
                let counted = control_plane.counts(policy.namespace, policy.metadata);
                (policy, counted)
            })
            .filter(|(_, counted)| *counted != Counted::No)
            .collect();
        for (place, (policy, _)) in counted.iter().enumerate() {
            let effects = planes.iter();
            let surest = effects
                .filter_map(|plane| effect(*plane, &counted, place))
                .min();
            if let Some(effect) = surest {
                if let Effect::Doubtful(_) = effect {
                    // They may shadow it.
                    let covering = counted.iter().filter(|(other, _)| other.covers(policy));
                    self.facts
                        .extend(covering.map(|(other, _)| other.mode_fact()));
                }
                self.add(policy, policy.mode(), None, effect);
                for (port, mode) in policy.port_modes() {
                    self.add(policy, Some(mode), Some(port), effect);
                }
            }
        }
    }

    fn add(
        &mut self,
        policy: &'m Policy<'m>,
        mode: Option<Mode>,
        port: Option<&'m str>,
        effect: Effect,
    ) {
        let Some(mode) = mode.filter(|mode| *mode != Mode::Strict) else {
            return;
        };
        self.facts.push(policy.mode_fact());
        self.facts.extend(policy.odd_port_facts());
        self.facts
            .extend(port.and_then(|port| policy.port_fact(port)));
        let is_known =
            |weaker: &Weaker<'_>| weaker.policy.object == policy.object && weaker.port == port;
        match effect {
            Effect::Certain if self.weaker.iter().any(is_known) => {}
            Effect::Certain if mode.is_weak() => self.weaker.push(Weaker { policy, mode, port }),
            Effect::Certain => self.doubt = self.doubt.or(Some(Doubt::Mode)),
            Effect::Doubtful(doubt) => self.doubt = self.doubt.or(Some(doubt)),
        }
    }
}

/// The effect of one of the policies with a selector, in the order of age; none when an older one shadows it.
fn effect(plane: Plane, policies: &[(&Policy<'_>, Counted)], at: usize) -> Option<Effect> {
    let (policy, counted) = policies[at];
    let mut effect = match counted {
        Counted::Unknown(doubt) => Effect::Doubtful(doubt),
        Counted::Yes | Counted::No => Effect::Certain,
    };
    for (other, (covering, counted)) in policies.iter().enumerate() {
        // To a ztunnel, names decide nothing among policies of one second.
        let tied = plane == Plane::Ambient && policy.is_as_old_as(covering);
        let dated = policy.is_dated() && covering.is_dated() && !tied;
        if other == at || dated && other > at || !covering.covers(policy) {
            continue;
        }
        let doubt = match counted {
            Counted::Unknown(doubt) => *doubt,
            Counted::Yes | Counted::No if dated => return None,
            Counted::Yes | Counted::No => Doubt::CreationTimes,
        };
        // Whichever of two weak ones counts, what they select is open.
        if !covering.mode().is_some_and(Mode::is_weak) {
            effect = Effect::Doubtful(doubt);
        }
    }
    Some(effect)
}
