//! Every PeerAuthentication, and the mode that they add up to for a pod and port.
//!
//! Follows istio `pilot/pkg/model/authentication.go` and `pilot/pkg/security/authn/policy_applier.go`: the oldest
//! policy of the mesh, the oldest of the namespace and the oldest that selects the pod count, each whole; the later
//! overrides the earlier unless it is `UNSET`.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, FixedOffset};

use super::super::pods::PodGroup;
use super::super::selector;
use super::control_plane::{ControlPlane, Counted, REVISION_LABEL};
use super::{Doubt, Fact, Istio, Mesh, escaped};
use crate::kind::Kind;
use crate::projection::istio::{MutualTls, PeerAuthenticationSpec};
use crate::projection::{Metadata, Projection};
use crate::snapshot::Snapshot;

/// What inbound connections must be, the weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    /// Plaintext.
    Disable,
    /// Either.
    Permissive,
    /// A word that the API does not know.
    Unrecognised,
    /// Mutual TLS.
    Strict,
}

impl Mode {
    fn of(mtls: Option<&MutualTls>) -> Option<Self> {
        match mtls?.mode.as_deref()? {
            "UNSET" => None,
            "DISABLE" => Some(Self::Disable),
            "PERMISSIVE" => Some(Self::Permissive),
            "STRICT" => Some(Self::Strict),
            _ => Some(Self::Unrecognised),
        }
    }

    /// Whether plaintext is accepted.
    pub const fn is_weak(self) -> bool {
        match self {
            Self::Disable | Self::Permissive => true,
            Self::Unrecognised | Self::Strict => false,
        }
    }

    /// As in the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Disable => "DISABLE",
            Self::Permissive => "PERMISSIVE",
            Self::Unrecognised => "(unrecognised)",
            Self::Strict => "STRICT",
        }
    }
}

/// What enforces policies: their meaning differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plane {
    /// A proxy beside the app.
    Sidecar,
    /// The node's ztunnel, to which STRICT is a rule that denies peers without an identity.
    Ambient,
}

/// One PeerAuthentication.
#[derive(Debug)]
pub struct Policy<'s> {
    /// Index of its object.
    pub object: usize,
    /// Its namespace.
    pub namespace: &'s str,
    /// Its name.
    pub name: &'s str,
    pub(super) metadata: &'s Metadata,
    spec: &'s PeerAuthenticationSpec,
    /// Absent in files.
    created: Option<DateTime<FixedOffset>>,
}

impl Policy<'_> {
    /// Without a selector, or with an empty one, it is for its whole namespace.
    pub(super) fn selects_all(&self) -> bool {
        self.spec
            .selector
            .as_ref()
            .is_none_or(|selector| selector.match_labels.is_empty())
    }

    /// Whether it has no selector at all: a ztunnel takes a mesh-wide policy with an empty one for the root namespace
    /// alone (istio `pilot/pkg/serviceregistry/ambient/workloads.go`).
    pub(super) fn is_without_selector(&self) -> bool {
        self.spec.selector.is_none()
    }

    /// Whether it selects every pod that `other` selects.
    pub(super) fn covers(&self, other: &Self) -> bool {
        match (&self.spec.selector, &other.spec.selector) {
            (None, _) => true,
            (Some(own), None) => own.match_labels.is_empty(),
            (Some(own), Some(other)) => {
                selector::matches_labels(&own.match_labels, &other.match_labels)
            }
        }
    }

    fn selects(&self, pod: &PodGroup<'_>) -> bool {
        self.spec
            .selector
            .as_ref()
            .is_some_and(|selector| selector::matches_labels(&selector.match_labels, pod))
    }

    /// Whether it is known when it was made.
    pub(super) fn is_dated(&self) -> bool {
        self.created.is_some()
    }

    /// Whether both were made in the same second, or neither is known to have been made at all.
    pub(super) fn is_as_old_as(&self, other: &Self) -> bool {
        self.created == other.created
    }

    /// The mode that it sets; `None` inherits.
    pub(super) fn mode(&self) -> Option<Mode> {
        if self.has_odd_port() {
            return Some(Mode::Unrecognised);
        }
        Mode::of(self.spec.mtls.as_ref())
    }

    /// The modes that it sets for single ports; they count only with a selector, and where all of them are ports.
    pub(super) fn port_modes(&self) -> impl Iterator<Item = (&str, Mode)> {
        let counts = !self.selects_all() && !self.has_odd_port();
        let of_ports = counts.then_some(&self.spec.port_level_mtls);
        of_ports
            .into_iter()
            .flatten()
            .filter_map(|(port, mtls)| Some((port.as_str(), Mode::of(Some(mtls))?)))
    }

    /// Whether a key of its ports is none: istiod reads whole numbers, and drops a policy that it can't read.
    fn has_odd_port(&self) -> bool {
        let mut keys = self.spec.port_level_mtls.keys();
        keys.any(|key| !is_port(key))
    }

    fn port_mode(&self, port: u16) -> Option<Mode> {
        self.port_modes()
            .find(|(key, _)| key.parse() == Ok(port))
            .map(|(_, mode)| mode)
    }

    pub(super) fn mode_fact(&self) -> Fact {
        let mtls = self.spec.mtls.as_ref();
        Fact::of(
            self.object,
            "/spec/mtls/mode",
            mtls.and_then(|mtls| mtls.mode.as_deref()),
        )
    }

    /// The keys of its ports that are none.
    pub(super) fn odd_port_facts(&self) -> impl Iterator<Item = Fact> {
        let keys = self.spec.port_level_mtls.keys();
        keys.filter(|key| !is_port(key))
            .filter_map(|key| self.port_fact(key))
    }

    pub(super) fn port_fact(&self, port: &str) -> Option<Fact> {
        let mtls = self.spec.port_level_mtls.get(port)?;
        let pointer = format!("/spec/portLevelMtls/{}/mode", escaped(port));
        Some(Fact::of(self.object, pointer, mtls.mode.as_deref()))
    }
}

/// Whether a key is a port, as Go reads whole numbers.
fn is_port(key: &str) -> bool {
    let digits = key.bytes().all(|byte| byte.is_ascii_digit());
    digits && key.parse::<u16>().is_ok_and(|port| port > 0)
}

/// All policies by namespace, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Policies<'s> {
    by_namespace: BTreeMap<&'s str, Vec<Policy<'s>>>,
}

impl<'s> Policies<'s> {
    pub(super) fn new(snapshot: &'s Snapshot) -> Self {
        let mut by_namespace: BTreeMap<&str, Vec<Policy<'_>>> = BTreeMap::new();
        for (index, object) in snapshot.of_kind(Kind::PeerAuthentication) {
            let Projection::PeerAuthentication(policy) = object.projection.as_ref() else {
                continue;
            };
            let created = object.identity.creation_timestamp.as_deref();
            by_namespace
                .entry(object.namespace())
                .or_default()
                .push(Policy {
                    object: index,
                    namespace: object.namespace(),
                    name: object.name(),
                    metadata: &policy.metadata,
                    spec: &policy.spec,
                    created: created.and_then(|text| DateTime::parse_from_rfc3339(text).ok()),
                });
        }
        for policies in by_namespace.values_mut() {
            // Times have whole seconds, so that ties are common; names decide them.
            policies
                .sort_by(|left, right| (left.created, left.name).cmp(&(right.created, right.name)));
        }
        Self { by_namespace }
    }

    pub(super) fn of(&self, namespace: &str) -> &[Policy<'s>] {
        self.by_namespace.get(namespace).map_or(&[], Vec::as_slice)
    }

    pub(super) fn namespaces(&self) -> impl Iterator<Item = (&'s str, &[Policy<'s>])> {
        self.by_namespace
            .iter()
            .map(|(namespace, policies)| (*namespace, policies.as_slice()))
    }
}

/// The policies of one level, of which the oldest counts.
#[derive(Debug, Default)]
pub(super) struct Slot<'p> {
    /// Those that may be the oldest; more than one only in doubt. `None` stands for no policy.
    pub(super) possible: Vec<Option<&'p Policy<'p>>>,
    /// Why there is more than one.
    pub(super) doubt: Option<Doubt>,
}

impl<'p> Slot<'p> {
    /// Of candidates in the order of age.
    pub(super) fn pick(
        control_plane: &ControlPlane<'_>,
        candidates: impl Iterator<Item = &'p Policy<'p>>,
    ) -> Self {
        Self::pick_for(Plane::Sidecar, control_plane, candidates)
    }

    /// Of candidates in the order of age, for one data plane.
    pub(super) fn pick_for(
        plane: Plane,
        control_plane: &ControlPlane<'_>,
        candidates: impl Iterator<Item = &'p Policy<'p>>,
    ) -> Self {
        let counted: Vec<(&Policy<'_>, Counted)> = candidates
            .map(|policy| {
                let counted = control_plane.counts(policy.namespace, policy.metadata);
                (policy, counted)
            })
            .filter(|(_, counted)| *counted != Counted::No)
            .collect();
        let undated = counted.len() > 1 && counted.iter().any(|(policy, _)| !policy.is_dated());
        let mut slot = Self {
            possible: Vec::new(),
            doubt: undated.then_some(Doubt::CreationTimes),
        };
        // When the first policy that certainly counts was made.
        let mut oldest = None;
        for (policy, counted) in counted {
            if let Some(made) = oldest
                && !undated
            {
                // To a ztunnel, names decide nothing among policies of one second.
                if plane == Plane::Sidecar || policy.created != made {
                    break;
                }
                slot.doubt = slot.doubt.or(Some(Doubt::CreationTimes));
            }
            slot.possible.push(Some(policy));
            match counted {
                Counted::Unknown(doubt) => slot.doubt = slot.doubt.or(Some(doubt)),
                Counted::Yes | Counted::No => oldest = oldest.or(Some(policy.created)),
            }
        }
        if oldest.is_none() {
            slot.possible.push(None);
        }
        slot
    }
}

/// The three levels that decide for one pod under one control plane.
#[derive(Debug)]
struct Chain<'p> {
    mesh: Slot<'p>,
    namespace: Slot<'p>,
    workload: Slot<'p>,
    plane: Plane,
}

/// The modes that policies may add up to for one pod.
#[derive(Debug)]
pub struct Resolution<'p> {
    chains: Vec<Chain<'p>>,
    /// Why some control plane that may serve the pod could not be asked.
    unresolved: Option<Doubt>,
    /// What led to the control planes.
    facts: Vec<Fact>,
}

/// A mode and the index of the policy that sets it; without one it is Istio's default.
pub type Setting = (Mode, Option<usize>);

/// What the policies add up to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enforcement {
    /// Mutual TLS alone is accepted.
    Strict(Setting),
    /// Plaintext is accepted.
    Weak(Setting),
    /// It can't be told.
    Unknown(Doubt),
}

impl Mesh<'_> {
    /// Resolves the policies for a pod of a data plane.
    pub fn resolve<'p>(&'p self, pod: &PodGroup<'_>, plane: Plane) -> Resolution<'p> {
        let (candidates, mut unresolved) = match plane {
            Plane::Sidecar => self.candidates(pod),
            Plane::Ambient => self.any_control_plane(),
        };
        let mut facts = match plane {
            Plane::Sidecar => revision_facts(pod),
            Plane::Ambient => Vec::new(),
        };
        let mut chains = Vec::new();
        for control_plane in candidates {
            facts.extend(control_plane.facts(Some(pod.namespace)));
            match &control_plane.config {
                Ok(config) => {
                    chains.push(self.chain(plane, control_plane, config.root_namespace, pod));
                }
                Err(missing) => unresolved = unresolved.or(Some(Doubt::MeshConfig(*missing))),
            }
        }
        Resolution {
            chains,
            unresolved,
            facts,
        }
    }

    /// All control planes: nothing on a pod says which one its ztunnel listens to.
    fn any_control_plane(&self) -> (Vec<&ControlPlane<'_>>, Option<Doubt>) {
        let unseen = self.pods_unread.map(Doubt::Pods);
        let doubt = match self.istio {
            Istio::Here => unseen,
            Istio::Elsewhere | Istio::Absent => {
                Some(unseen.unwrap_or(Doubt::ControlPlaneElsewhere))
            }
        };
        (self.control_planes.iter().collect(), doubt)
    }

    /// The control planes that may serve a pod. Labels only ask for a revision; the injector notes the actual one.
    pub(super) fn candidates(&self, pod: &PodGroup<'_>) -> (Vec<&ControlPlane<'_>>, Option<Doubt>) {
        let unseen = self.pods_unread.map(Doubt::Pods);
        let revision = revision(pod);
        let candidates: Vec<&ControlPlane<'_>> = self
            .control_planes
            .iter()
            .filter(|control_plane| {
                revision
                    .as_ref()
                    .is_none_or(|revision| *revision == control_plane.revision)
            })
            .collect();
        let doubt = if self.istio != Istio::Here {
            Some(unseen.unwrap_or(Doubt::ControlPlaneElsewhere))
        } else if candidates.is_empty() {
            Some(unseen.unwrap_or(Doubt::RevisionElsewhere))
        } else if revision.is_none() {
            unseen
        } else {
            None
        };
        (candidates, doubt)
    }

    fn chain<'p>(
        &'p self,
        plane: Plane,
        control_plane: &ControlPlane<'_>,
        root: &str,
        pod: &PodGroup<'_>,
    ) -> Chain<'p> {
        let for_all = |namespace: &str| {
            let policies = self.policies.of(namespace).iter();
            // Ztunnels take an empty selector of the root namespace for pods there alone.
            let anywhere = plane == Plane::Sidecar || namespace == pod.namespace;
            let counting = policies.filter(|policy| {
                policy.selects_all() && (anywhere || policy.is_without_selector())
            });
            Slot::pick_for(plane, control_plane, counting)
        };
        if pod.namespace == root {
            // Policies with a selector are ignored here, also for pods of the root namespace.
            let (namespace, workload) = (Slot::none(), Slot::none());
            return Chain {
                mesh: for_all(root),
                namespace,
                workload,
                plane,
            };
        }
        let selecting = self
            .policies
            .of(pod.namespace)
            .iter()
            .filter(|policy| !policy.selects_all() && policy.selects(pod));
        Chain {
            mesh: for_all(root),
            namespace: for_all(pod.namespace),
            workload: Slot::pick_for(plane, control_plane, selecting),
            plane,
        }
    }
}

impl Slot<'_> {
    fn none() -> Self {
        Self {
            possible: vec![None],
            doubt: None,
        }
    }
}

impl Chain<'_> {
    fn doubt(&self) -> Option<Doubt> {
        self.workload
            .doubt
            .or(self.namespace.doubt)
            .or(self.mesh.doubt)
    }

    /// Every setting that is possible for a port, or the weakest of all ports.
    fn settings(&self, port: Option<u16>) -> BTreeSet<Setting> {
        let mut settings = BTreeSet::new();
        for mesh in &self.mesh.possible {
            for namespace in &self.namespace.possible {
                for workload in &self.workload.possible {
                    let levels = Levels {
                        mesh: *mesh,
                        namespace: *namespace,
                        workload: *workload,
                    };
                    match self.plane {
                        Plane::Sidecar => {
                            settings.insert(of_port(levels.of_pod(), *workload, port));
                        }
                        Plane::Ambient => settings.extend(levels.behind_ztunnel(port)),
                    }
                }
            }
        }
        settings
    }

    fn facts(&self, port: Option<u16>) -> impl Iterator<Item = Fact> {
        let slots = [&self.mesh, &self.namespace, &self.workload];
        let policies = slots
            .into_iter()
            .flat_map(|slot| slot.possible.iter().flatten());
        policies.flat_map(move |policy| {
            let odd = policy.odd_port_facts();
            let ports = policy
                .port_modes()
                .filter(move |(key, _)| port.is_none_or(|port| key.parse() == Ok(port)))
                .filter_map(|(key, _)| policy.port_fact(key));
            std::iter::once(policy.mode_fact()).chain(odd).chain(ports)
        })
    }
}

/// One policy of each level, as far as there is one.
#[derive(Clone, Copy)]
struct Levels<'p> {
    mesh: Option<&'p Policy<'p>>,
    namespace: Option<&'p Policy<'p>>,
    workload: Option<&'p Policy<'p>>,
}

impl Levels<'_> {
    /// The mode of the pod: the last level that sets one.
    fn of_pod(self) -> Setting {
        last_set([self.mesh, self.namespace, self.workload])
    }

    /// What a ztunnel makes of a port, or of the weakest of all; two settings where versions of Istio differ (istio
    /// `pilot/pkg/serviceregistry/ambient/authorization.go`).
    fn behind_ztunnel(self, port: Option<u16>) -> Vec<Setting> {
        let of_pod = self.of_pod();
        let Some(workload) = self.workload else {
            return vec![of_pod];
        };
        let above = last_set([self.mesh, self.namespace]);
        let inherits = workload.mode().is_none();
        let opens = |mode: Mode| mode == Mode::Permissive;
        let mut modes = workload.port_modes();
        // Under an inherited STRICT, ports are looked at only where one of them is PERMISSIVE; DISABLE alone opens none.
        if inherits && above.0 == Mode::Strict && !modes.any(|(_, mode)| opens(mode)) {
            return match of_port(of_pod, self.workload, port) {
                (Mode::Unrecognised, by) => vec![(Mode::Unrecognised, by)],
                _ => vec![of_pod],
            };
        }
        let setting = of_port(of_pod, self.workload, port);
        let by = Some(workload.object);
        // The policy that opens a port replaces the inherited one, whose strictness it takes over unless a namespace's
        // policy that sets no mode stands between them.
        let lost = inherits
            && above.0 == Mode::Strict
            && self.namespace.is_some_and(|policy| policy.mode().is_none());
        // A port that is stricter than its pod is left to the mesh's policy where that one is STRICT, though the pod's
        // mode overrides it.
        let of_mesh = self.mesh.and_then(Policy::mode);
        let unset = self.namespace.is_none_or(|policy| policy.mode().is_none());
        let skipped = of_pod.0.is_weak() && of_mesh == Some(Mode::Strict) && unset;
        if setting.0 == Mode::Strict && (lost || skipped) {
            return vec![setting, (Mode::Permissive, by)];
        }
        vec![setting]
    }
}

fn last_set<'p>(levels: impl IntoIterator<Item = Option<&'p Policy<'p>>>) -> Setting {
    levels
        .into_iter()
        .flatten()
        .filter_map(|policy| Some((policy.mode()?, Some(policy.object))))
        .last()
        .unwrap_or((Mode::Permissive, None))
}

fn of_port(of_pod: Setting, workload: Option<&Policy<'_>>, port: Option<u16>) -> Setting {
    let Some(policy) = workload else {
        return of_pod;
    };
    let by = Some(policy.object);
    match port {
        Some(port) => policy.port_mode(port).map_or(of_pod, |mode| (mode, by)),
        None => policy
            .port_modes()
            .map(|(_, mode)| (mode, by))
            .chain([of_pod])
            .min()
            .unwrap_or(of_pod),
    }
}

impl Resolution<'_> {
    /// What holds for a port; without one, for the pod and whatever single port is weaker.
    pub fn enforcement(&self, port: Option<u16>) -> Enforcement {
        if let Some(doubt) = self.unresolved {
            return Enforcement::Unknown(doubt);
        }
        let settings: BTreeSet<Setting> = self
            .chains
            .iter()
            .flat_map(|chain| chain.settings(port))
            .collect();
        let doubt = self.chains.iter().find_map(Chain::doubt);
        let otherwise = match self.chains.as_slice() {
            [_, _, ..] => Doubt::Revision,
            [chain] if chain.plane == Plane::Ambient => Doubt::AmbientPorts,
            _ => Doubt::Mode,
        };
        settle(&settings, doubt.unwrap_or(otherwise))
    }

    /// The values behind [`Resolution::enforcement`].
    pub fn facts(&self, port: Option<u16>) -> Vec<Fact> {
        let of_policies = self.chains.iter().flat_map(|chain| chain.facts(port));
        let mut facts: Vec<Fact> = Vec::new();
        for fact in self.facts.iter().cloned().chain(of_policies) {
            if !facts.contains(&fact) {
                facts.push(fact);
            }
        }
        facts
    }
}

/// What possible settings have in common.
pub(super) fn settle(settings: &BTreeSet<Setting>, doubt: Doubt) -> Enforcement {
    let unrecognised = settings.iter().all(|(mode, _)| *mode == Mode::Unrecognised);
    match (settings.first(), settings.last()) {
        (Some(_), Some(strongest)) if strongest.0.is_weak() => Enforcement::Weak(*strongest),
        (Some(weakest), Some(_)) if weakest.0 == Mode::Strict => Enforcement::Strict(*weakest),
        (Some(_), _) if unrecognised => Enforcement::Unknown(Doubt::Mode),
        _ => Enforcement::Unknown(doubt),
    }
}

/// The revision that the injector noted on the pod.
fn revision(pod: &PodGroup<'_>) -> Option<String> {
    let noted = pod.annotation(REVISION_LABEL).map(str::to_owned);
    let of_status = || {
        let status = pod.annotation(STATUS)?;
        let status: serde_json::Value = serde_json::from_str(status).ok()?;
        Some(status.get("revision")?.as_str()?.to_owned())
    };
    noted
        .filter(|revision| !revision.is_empty())
        .or_else(of_status)
        .filter(|revision| !revision.is_empty())
}

fn revision_facts(pod: &PodGroup<'_>) -> Vec<Fact> {
    [REVISION_LABEL, STATUS]
        .into_iter()
        .filter(|key| pod.annotation(key).is_some())
        .map(|key| Fact::of_annotation(pod, key))
        .take(1)
        .collect()
}

/// Annotation in which the injector describes what it did.
const STATUS: &str = "sidecar.istio.io/status";
