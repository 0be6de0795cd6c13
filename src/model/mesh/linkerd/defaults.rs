//! The default policy: what counts on ports that no Server selects.
//!
//! The policy controller reads the pod's annotation when it decides, and else goes by its own flag; the proxy starts with
//! what the injector wrote into its environment. Namespaces and workloads only count when a pod is made, for the injector
//! copies their annotation to the pod then (linkerd2 `pkg/inject/inject.go`, `policy-controller/k8s/index/src/inbound/workload.rs`).

use std::collections::{BTreeMap, BTreeSet};

use super::super::super::pods::PodGroup;
use super::super::super::selector::Labels as _;
use super::super::{Fact, data_plane};
use super::{Basis, By, Demand, Doubt, Stated};
use crate::gaps::{Gaps, Missing};
use crate::kind::Kind;
use crate::projection::Projection;
use crate::projection::linkerd::{COMPONENT_LABEL, CONFIG_MAP};
use crate::snapshot::Snapshot;

/// Annotation with the default policy of a pod.
const ANNOTATION: &str = "config.linkerd.io/default-inbound-policy";
/// Annotation that names ports on which the default policy demands identity.
const IDENTITY_PORTS: &str = "config.linkerd.io/proxy-require-identity-inbound-ports";
/// Variable of the proxy with the default policy to start with.
const VARIABLE: &str = "LINKERD2_PROXY_INBOUND_DEFAULT_POLICY";
/// Flag of the policy controller with the default policy of the cluster.
const FLAG: &str = "--default-policy";
/// The container that runs the policy controller.
const CONTROLLER: &str = "policy";
/// Label with the namespace of the control plane that injected a pod.
const CONTROL_PLANE_LABEL: &str = "linkerd.io/control-plane-ns";
/// Where Linkerd is installed unless somebody says otherwise.
const NAMESPACE: &str = "linkerd";

/// A default policy, as in the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the API's own words")]
pub enum DefaultPolicy {
    AllAuthenticated,
    AllUnauthenticated,
    Audit,
    ClusterAuthenticated,
    ClusterUnauthenticated,
    Deny,
}

impl DefaultPolicy {
    const ALL: &'static [Self] = &[
        Self::AllAuthenticated,
        Self::AllUnauthenticated,
        Self::Audit,
        Self::ClusterAuthenticated,
        Self::ClusterUnauthenticated,
        Self::Deny,
    ];

    /// The policy of this name; Linkerd takes no other spelling.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|policy| policy.name() == text)
    }

    /// As in the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AllAuthenticated => "all-authenticated",
            Self::AllUnauthenticated => "all-unauthenticated",
            Self::Audit => "audit",
            Self::ClusterAuthenticated => "cluster-authenticated",
            Self::ClusterUnauthenticated => "cluster-unauthenticated",
            Self::Deny => "deny",
        }
    }

    /// Whether nobody is let in without an identity of the mesh. The `cluster-` policies only look at addresses.
    pub const fn demands_identity(self) -> bool {
        match self {
            Self::AllAuthenticated | Self::ClusterAuthenticated | Self::Deny => true,
            Self::AllUnauthenticated | Self::ClusterUnauthenticated | Self::Audit => false,
        }
    }

    /// What the policy comes to on a port on which identity is demanded: only those that let in are changed.
    const fn with_identity(self) -> Self {
        match self {
            Self::AllUnauthenticated => Self::AllAuthenticated,
            Self::ClusterUnauthenticated => Self::ClusterAuthenticated,
            Self::AllAuthenticated | Self::ClusterAuthenticated | Self::Audit | Self::Deny => self,
        }
    }
}

/// The default policies of all control planes.
#[derive(Debug)]
pub(super) struct Defaults<'s> {
    /// By namespace; what is not here is like a namespace without a control plane.
    by_namespace: BTreeMap<&'s str, OfControlPlane>,
    /// Namespaces where a control plane was found.
    found: BTreeSet<&'s str>,
    /// Why more of them may run.
    pods_unread: Option<Missing>,
}

/// The default policy of one control plane.
#[derive(Clone, Debug)]
struct OfControlPlane {
    policy: Result<(DefaultPolicy, Stated), Doubt>,
    facts: Vec<Fact>,
}

/// What counts for one pod.
#[derive(Debug)]
pub(super) struct OfPod {
    controller: Result<(DefaultPolicy, Stated), Doubt>,
    /// What the proxy starts with, where its environment says so.
    environment: Option<Result<DefaultPolicy, Doubt>>,
    identity_ports: Vec<(u16, u16)>,
    facts: Vec<Fact>,
}

impl<'s> Defaults<'s> {
    pub(super) fn new(snapshot: &'s Snapshot, gaps: &Gaps, pods: &[PodGroup<'s>]) -> Self {
        let controllers: Vec<&PodGroup<'_>> =
            pods.iter().filter(|pod| is_controller(pod)).collect();
        let configured = snapshot
            .of_kind(Kind::ConfigMap)
            .filter(|(_, object)| object.name() == CONFIG_MAP)
            .map(|(_, object)| object.namespace());
        let found: BTreeSet<&str> = controllers
            .iter()
            .map(|pod| pod.namespace)
            .chain(configured)
            .collect();
        let named = pods.iter().filter_map(control_plane_of);
        let mut namespaces: BTreeSet<&str> = found.iter().copied().chain([NAMESPACE]).collect();
        namespaces.extend(named);
        let by_namespace = namespaces
            .into_iter()
            .map(|namespace| {
                let of_namespace = of_namespace(snapshot, gaps, &controllers, namespace);
                (namespace, of_namespace)
            })
            .collect();
        Self {
            by_namespace,
            found,
            pods_unread: gaps.anywhere(Kind::Pod),
        }
    }

    /// Namespaces where a control plane was found.
    pub(super) fn namespaces(&self) -> impl Iterator<Item = &'s str> {
        self.found.iter().copied()
    }

    /// The default policy of the control plane that a pod belongs to.
    fn of_control_plane(&self, pod: &PodGroup<'_>) -> OfControlPlane {
        if let Some(own) = pod
            .label(CONTROL_PLANE_LABEL)
            .and_then(|namespace| self.by_namespace.get(namespace))
        {
            return own.clone();
        }
        let found: Vec<&OfControlPlane> = self
            .found
            .iter()
            .filter_map(|namespace| self.by_namespace.get(namespace))
            .collect();
        let Some(first) = found.first() else {
            let fallback = self.by_namespace.get(NAMESPACE);
            let mut fallback = fallback.cloned().unwrap_or_else(OfControlPlane::built_in);
            if let Some(missing) = self.pods_unread {
                fallback.policy = Err(Doubt::Pods(missing));
            }
            return fallback;
        };
        let facts = found.iter().flat_map(|one| one.facts.clone()).collect();
        let same = |one: &&OfControlPlane| {
            let policy = |of: &OfControlPlane| of.policy.map(|(policy, _)| policy);
            policy(one) == policy(first)
        };
        let policy = match self.pods_unread {
            Some(missing) => Err(Doubt::Pods(missing)),
            None if found.iter().all(same) => first.policy,
            None => Err(Doubt::ControlPlanes),
        };
        OfControlPlane { policy, facts }
    }

    pub(super) fn of_pod(&self, pod: &PodGroup<'_>) -> OfPod {
        let mut facts = Vec::new();
        let annotation = pod.annotation(ANNOTATION);
        facts.push(Fact::of_annotation(pod, ANNOTATION));
        let controller = if let Some(policy) = annotation.and_then(DefaultPolicy::parse) {
            Ok((policy, Stated::Annotation))
        } else {
            // Another word is logged, and the default of the control plane counts.
            let of_control_plane = self.of_control_plane(pod);
            facts.extend(of_control_plane.facts);
            of_control_plane.policy
        };
        let environment = environment(pod, &mut facts);
        let identity_ports = pod.annotation(IDENTITY_PORTS).map(|text| {
            facts.push(Fact::of_annotation(pod, IDENTITY_PORTS));
            // A list that can't be parsed as a whole counts as empty.
            super::capture::ports(text).unwrap_or_default()
        });
        OfPod {
            controller,
            environment,
            identity_ports: identity_ports.unwrap_or_default(),
            facts,
        }
    }
}

impl OfControlPlane {
    fn built_in() -> Self {
        Self {
            policy: Ok((DefaultPolicy::AllUnauthenticated, Stated::BuiltIn)),
            facts: Vec::new(),
        }
    }
}

/// Whether a pod runs the policy controller, by label and container: a label alone is anybody's to set.
fn is_controller(pod: &PodGroup<'_>) -> bool {
    !pod.is_finished()
        && pod.label(COMPONENT_LABEL).is_some()
        && pod
            .lasting_containers()
            .any(|container| container.spec.name == CONTROLLER)
}

/// The namespace that a meshed pod names as that of its control plane.
fn control_plane_of<'s>(pod: &PodGroup<'s>) -> Option<&'s str> {
    let labels = &pod.metadata.labels;
    let meshed = pod
        .lasting_containers()
        .any(|container| container.spec.name == data_plane::LINKERD_PROXY);
    labels
        .get(CONTROL_PLANE_LABEL)
        .filter(|_| meshed)
        .map(String::as_str)
}

/// What the flag of the running controller says, else the values that it was installed with.
fn of_namespace(
    snapshot: &Snapshot,
    gaps: &Gaps,
    controllers: &[&PodGroup<'_>],
    namespace: &str,
) -> OfControlPlane {
    let mut flags = BTreeMap::new();
    for pod in controllers.iter().filter(|pod| pod.namespace == namespace) {
        let Some(member) = pod.members.first() else {
            continue;
        };
        for container in pod.lasting_containers() {
            if let Some(value) = container.spec.args.value(FLAG)
                && container.spec.name == CONTROLLER
            {
                let place = pod.template.unwrap_or_default();
                let pointer = format!("{place}{}/args/{FLAG}", container.pointer);
                flags
                    .entry(value)
                    .or_insert_with(|| (*member, Fact::of(*member, pointer, Some(value))));
            }
        }
    }
    if let Some(missing) = gaps.in_namespace(Kind::Pod, namespace) {
        // Another controller may run with another flag.
        return OfControlPlane {
            policy: Err(Doubt::Pods(missing)),
            facts: Vec::new(),
        };
    }
    if flags.is_empty() {
        return of_values(snapshot, gaps, namespace);
    }
    let mut policies = flags.iter().map(|(value, (member, _))| {
        let policy = DefaultPolicy::parse(value).ok_or(Doubt::DefaultPolicy)?;
        Ok((policy, Stated::ControlPlane(*member)))
    });
    let policy = match (policies.next(), policies.next()) {
        (Some(policy), None) => policy,
        _ => Err(Doubt::ControlPlanes),
    };
    drop(policies);
    OfControlPlane {
        policy,
        facts: flags.into_values().map(|(_, fact)| fact).collect(),
    }
}

fn of_values(snapshot: &Snapshot, gaps: &Gaps, namespace: &str) -> OfControlPlane {
    let unknown = |doubt| OfControlPlane {
        policy: Err(doubt),
        facts: Vec::new(),
    };
    let Some(object) = snapshot.find(Kind::ConfigMap, namespace, CONFIG_MAP) else {
        return match gaps.named(Kind::ConfigMap, namespace, CONFIG_MAP) {
            Some(missing) => unknown(Doubt::Values(missing)),
            None => OfControlPlane::built_in(),
        };
    };
    let Projection::ConfigMap(map) = snapshot.objects[object].projection.as_ref() else {
        return OfControlPlane::built_in();
    };
    let Some(values) = &map.data.values else {
        return OfControlPlane::built_in();
    };
    if values.unreadable {
        return unknown(Doubt::Values(Missing::Unreadable));
    }
    let stated = values.proxy.default_inbound_policy.as_deref();
    let fact = Fact::of(object, "/data/values/proxy/defaultInboundPolicy", stated);
    let policy = match stated {
        None | Some("") => Ok((DefaultPolicy::AllUnauthenticated, Stated::BuiltIn)),
        Some(text) => DefaultPolicy::parse(text)
            .map(|policy| (policy, Stated::ControlPlane(object)))
            .ok_or(Doubt::DefaultPolicy),
    };
    OfControlPlane {
        policy,
        facts: vec![fact],
    }
}

/// The default policy in the environment of the proxy. One that the proxy does not know, or that comes from a reference,
/// tells nothing.
fn environment(pod: &PodGroup<'_>, facts: &mut Vec<Fact>) -> Option<Result<DefaultPolicy, Doubt>> {
    let (pointer, value) = pod
        .lasting_containers()
        .filter(|container| container.spec.name == data_plane::LINKERD_PROXY)
        .find_map(|container| {
            let value = container.spec.env.0.get(VARIABLE)?;
            Some((format!("{}/env/{VARIABLE}", container.pointer), value))
        })?;
    facts.push(Fact::of_pod(pointer, value.as_deref()));
    let policy = value.as_deref().and_then(DefaultPolicy::parse);
    Some(policy.ok_or(Doubt::DefaultPolicy))
}

impl OfPod {
    /// What the default policy demands on a port.
    pub(super) fn demand(&self, port: Option<u16>) -> Demand {
        let wanted = port.is_some_and(|port| {
            let mut ranges = self.identity_ports.iter();
            ranges.any(|(first, last)| (*first..=*last).contains(&port))
        });
        let strengthen = |policy: DefaultPolicy| {
            if wanted {
                policy.with_identity()
            } else {
                policy
            }
        };
        let environment = match self.environment {
            Some(Err(doubt)) => return Demand::Unknown(doubt),
            Some(Ok(policy)) => Some(strengthen(policy)),
            None => None,
        };
        let (policy, stated) = match (self.controller, environment) {
            (Err(doubt), _) => return Demand::Unknown(doubt),
            // Nothing states what the controller goes by.
            (Ok((_, Stated::BuiltIn)), Some(environment)) => (environment, Stated::Environment),
            (Ok((policy, stated)), Some(environment)) => {
                let policy = strengthen(policy);
                if policy.demands_identity() != environment.demands_identity() {
                    return Demand::Unknown(Doubt::DefaultsDiffer);
                }
                (policy, stated)
            }
            (Ok((policy, stated)), None) => (strengthen(policy), stated),
        };
        let changed = self
            .controller
            .is_ok_and(|(controller, _)| controller != policy);
        let stated = if wanted && changed && stated != Stated::Environment {
            Stated::IdentityPorts
        } else {
            stated
        };
        let basis = Basis {
            server: None,
            by: By::Default(policy, stated),
        };
        if policy.demands_identity() {
            Demand::Identity(basis)
        } else {
            Demand::Open(basis)
        }
    }

    pub(super) fn facts(&self) -> &[Fact] {
        &self.facts
    }
}
