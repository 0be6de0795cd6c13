//! Which nodes enforce network policies: recognised by the agents of network plugins that run on them.
//!
//! Nothing in the API proves that a policy is programmed. An agent that is Ready on a node, of a plugin that is known to
//! enforce and not switched off, is the best sign there is.

mod plugins;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::selector::Labels as _;
use crate::gaps::Gaps;
use crate::kind::Kind;
use crate::projection::annotations::{K3S_ARGUMENTS, NO_NETWORK_POLICY};
use crate::projection::{Metadata, Projection, cluster, pod};
use crate::snapshot::{Object, Snapshot};
use plugins::Settings;

pub use plugins::Plugin;

/// Whether policies count for a pod.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Enforcement {
    /// An agent that enforces them is ready on its node.
    Enforced,
    /// Its node is known not to enforce them.
    Unenforced,
    /// It can't be told.
    #[default]
    Unknown,
}

/// An answer that may be open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Answer {
    /// Yes.
    Yes,
    /// No.
    No,
    /// It can't be told.
    Open,
}

/// A value that shows something.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// Index of the object.
    pub object: usize,
    /// JSON pointer into it.
    pub pointer: String,
    /// What stands there; `None` when nothing does.
    pub value: Option<Value>,
}

/// Why a node counts as it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Why {
    /// An agent of this plugin enforces, and is ready.
    Agent(Plugin),
    /// The network policy controller inside k3s.
    K3s,
    /// That controller is switched off.
    K3sOff,
    /// The agent's settings switch enforcement off.
    SwitchedOff(Plugin),
    /// The plugin has no part that enforces, or an image from before it had.
    NoEnforcer(Plugin),
    /// The agent is not ready.
    NotReady(Plugin),
    /// The agent's settings, version or effect can't be told.
    Unclear(Plugin),
    /// Fargate: no agent runs there.
    Fargate,
    /// A Windows node of a plugin that does not enforce there.
    Windows,
    /// No agent is recognised.
    Unrecognised,
}

/// What is known of one node.
#[derive(Clone, Debug)]
pub struct NodeState {
    /// Whether policies count there.
    pub enforcement: Enforcement,
    /// Why.
    pub why: Why,
    /// What shows it.
    pub seen: Vec<Seen>,
}

/// What is known of all nodes.
#[derive(Clone, Debug)]
pub struct NetworkPlugins {
    /// By name: nodes that were read, and those that pods name.
    pub nodes: BTreeMap<String, NodeState>,
    /// The plugins whose agents were seen.
    pub plugins: BTreeSet<Plugin>,
    /// Whether address blocks of `NetworkPolicies` match pods.
    pub blocks_match_pods: Answer,
    /// Whether `endPort` counts.
    pub end_port: Answer,
    /// Whether all pods were read, so that there is no further agent.
    complete: bool,
    /// Whether policies of these kinds count where their status does not say so.
    cluster_policies: BTreeMap<Kind, Answer>,
}

/// An agent of a plugin on a node.
struct Agent {
    plugin: Plugin,
    ready: bool,
    enforces: Answer,
    /// Whether its settings say no, rather than what it is.
    switched: bool,
    seen: Vec<Seen>,
}

impl NetworkPlugins {
    /// Looks at the agents on all nodes.
    pub fn new(snapshot: &Snapshot, gaps: &Gaps) -> Self {
        let settings = Settings::new(snapshot, gaps);
        let mut agents: BTreeMap<&str, Vec<Agent>> = BTreeMap::new();
        let mut names: BTreeSet<&str> = snapshot
            .of_kind(Kind::Node)
            .map(|(_, object)| object.name())
            .collect();
        for (index, object) in snapshot.of_kind(Kind::Pod) {
            let Some(node) = node_of(object) else {
                continue;
            };
            names.insert(node);
            if let Some(agent) = agent(index, object, &settings) {
                agents.entry(node).or_default().push(agent);
            }
        }
        let plugins: BTreeSet<Plugin> = agents
            .values()
            .flatten()
            .map(|agent| agent.plugin)
            .collect();
        let off = k3s_off(snapshot);
        // An agent that was not read may enforce after all.
        let complete = gaps.anywhere(Kind::Pod).is_none();
        let nodes = names.into_iter().map(|name| {
            let known = snapshot.find(Kind::Node, "", name);
            let here = agents.remove(name).unwrap_or_default();
            let mut state = state(snapshot, known, here, &plugins, off.as_ref());
            if state.enforcement == Enforcement::Unenforced && !complete {
                state.enforcement = Enforcement::Unknown;
            }
            (name.to_owned(), state)
        });
        let nodes: BTreeMap<String, NodeState> = nodes.collect();
        let enforcing = enforcing(&nodes);
        Self {
            blocks_match_pods: unanimous(enforcing.as_ref(), |why| match why {
                Why::Agent(Plugin::Cilium) => Answer::No,
                _ => Answer::Yes,
            }),
            end_port: unanimous(enforcing.as_ref(), |why| match why {
                Why::Agent(Plugin::Weave) => Answer::Open,
                Why::Agent(Plugin::Cilium) => settings.cilium_end_port,
                _ => Answer::Yes,
            }),
            cluster_policies: CLUSTER_POLICIES
                .iter()
                .map(|kind| {
                    let of = |why| implements(why, *kind, &settings);
                    (*kind, unanimous(enforcing.as_ref(), of))
                })
                .collect(),
            nodes,
            plugins,
            complete,
        }
    }

    /// Whether policies count for a pod on a node.
    pub fn of_pod(&self, node: Option<&str>, has_owner: bool) -> Enforcement {
        let of_state = |state: &NodeState| {
            if has_owner {
                state.enforcement
            } else {
                self.without_owner(state)
            }
        };
        match node.and_then(|node| self.nodes.get(node)) {
            Some(state) => of_state(state),
            None => unanimous_state(self.nodes.values().map(of_state)),
        }
    }

    /// Whether policies count for a pod that may come to run on any node.
    pub fn of_new_pod(&self) -> Enforcement {
        unanimous_state(self.nodes.values().map(|state| state.enforcement))
    }

    /// The least that can be said of policies for a pod whose maker may choose its node, and make it without an owner.
    pub fn at_worst(&self) -> Enforcement {
        let all = || self.nodes.values().map(|state| self.without_owner(state));
        if all().any(|enforcement| enforcement == Enforcement::Unenforced) {
            return Enforcement::Unenforced;
        }
        if !self.nodes.is_empty() && all().all(|state| state == Enforcement::Enforced) {
            Enforcement::Enforced
        } else {
            Enforcement::Unknown
        }
    }

    /// Whether policies count on a node for a pod that nothing owns: Amazon's plugin leaves it alone.
    fn without_owner(&self, state: &NodeState) -> Enforcement {
        match state.why {
            Why::Agent(Plugin::AwsVpc) if self.complete => Enforcement::Unenforced,
            Why::Agent(Plugin::AwsVpc) => Enforcement::Unknown,
            _ => state.enforcement,
        }
    }

    /// Whether a policy over the cluster counts, by what its status says or what is known of the plugins.
    pub fn implements(&self, kind: Kind, conditions: &[pod::Condition]) -> Answer {
        let telling = || conditions.iter().filter(|known| tells(&known.kind));
        let says = |status: &str| telling().any(|known| &*known.status == status);
        let accepted = says("True") && !says("False");
        let known = self.cluster_policies.get(&kind).copied();
        match known.unwrap_or(Answer::Open) {
            // The status may be left from another plugin, or what is known out of date.
            Answer::No if accepted => Answer::Open,
            Answer::No => Answer::No,
            _ if accepted => Answer::Yes,
            Answer::Yes if telling().next().is_none() => Answer::Yes,
            Answer::Yes | Answer::Open => Answer::Open,
        }
    }
}

/// Whether a condition of this type tells that a policy is in force: the types of the Gateway API's conventions, and those
/// that OVN-Kubernetes writes for each zone.
fn tells(kind: &str) -> bool {
    ["Accepted", "Programmed", "Ready"].contains(&kind) || kind.starts_with("Ready-In-Zone-")
}

/// What all nodes have in common.
fn unanimous_state(mut states: impl Iterator<Item = Enforcement>) -> Enforcement {
    match states.next() {
        Some(first) if states.all(|state| state == first) => first,
        _ => Enforcement::Unknown,
    }
}

/// Kinds of policies over the cluster that a plugin may or may not implement.
const CLUSTER_POLICIES: [Kind; 3] = [
    Kind::AdminNetworkPolicy,
    Kind::BaselineAdminNetworkPolicy,
    Kind::ClusterNetworkPolicy,
];

/// Which plugins enforce; none where a node is unclear.
fn enforcing(nodes: &BTreeMap<String, NodeState>) -> Option<BTreeSet<Why>> {
    let mut found = BTreeSet::new();
    for state in nodes.values() {
        match state.enforcement {
            Enforcement::Enforced => {
                found.insert(state.why);
            }
            Enforcement::Unknown => return None,
            Enforcement::Unenforced => {}
        }
    }
    Some(found).filter(|found| !found.is_empty())
}

fn unanimous(enforcing: Option<&BTreeSet<Why>>, answer: impl Fn(Why) -> Answer) -> Answer {
    let Some(enforcing) = enforcing else {
        return Answer::Open;
    };
    let mut answers = enforcing.iter().map(|why| answer(*why));
    match answers.next() {
        Some(first) if answers.all(|next| next == first) => first,
        _ => Answer::Open,
    }
}

/// Which plugins implement which policies over the cluster, as far as it is documented; others say so in the status.
fn implements(why: Why, kind: Kind, settings: &Settings) -> Answer {
    match why {
        Why::Agent(Plugin::Cilium) if kind == Kind::ClusterNetworkPolicy => {
            settings.cilium_cluster_policies
        }
        Why::Agent(
            Plugin::Cilium
            | Plugin::Weave
            | Plugin::KubeRouter
            | Plugin::AwsVpc
            | Plugin::AzureNpm
            | Plugin::Flannel,
        )
        | Why::K3s => Answer::No,
        _ => Answer::Open,
    }
}

fn node_of(object: &Object) -> Option<&str> {
    object.instance.as_ref()?.spec.node_name.as_deref()
}

/// The agent that a pod is, if it is one and has not ended.
fn agent(index: usize, object: &Object, settings: &Settings) -> Option<Agent> {
    let Projection::Pod(pod) = object.projection.as_ref() else {
        return None;
    };
    let plugin = Plugin::of(&pod.metadata, &pod.spec)?;
    let status = object.instance.as_ref()?.status.as_ref();
    let phase = status.and_then(|status| status.phase.as_deref());
    if matches!(phase, Some("Succeeded" | "Failed")) {
        return None;
    }
    let condition = status.and_then(|status| {
        let ready = |condition: &&pod::Condition| &*condition.kind == "Ready";
        status
            .conditions
            .iter()
            .position(|known| ready(&known))
            .map(|place| (place, &status.conditions[place].status))
    });
    let ready = condition.is_some_and(|(_, status)| &**status == "True");
    let (enforces, switched, mut seen) =
        settings.of_agent(plugin, index, object.namespace(), &pod.spec);
    seen.push(Seen {
        object: index,
        pointer: "/metadata/ownerReferences/0/name".to_owned(),
        value: pod
            .metadata
            .owner_references
            .first()
            .map(|owner| owner.name.clone().into()),
    });
    if let Some((place, status)) = condition {
        seen.push(Seen {
            object: index,
            pointer: format!("/status/conditions/{place}/status"),
            value: Some(status.to_string().into()),
        });
    }
    Some(Agent {
        plugin,
        ready,
        enforces,
        switched,
        seen,
    })
}

fn state(
    snapshot: &Snapshot,
    node: Option<usize>,
    agents: Vec<Agent>,
    plugins: &BTreeSet<Plugin>,
    off: Option<&Seen>,
) -> NodeState {
    let rank = |agent: &Agent| match (agent.enforces, agent.ready) {
        (Answer::Yes, true) => 0,
        (Answer::Yes, false) => 1,
        (Answer::Open, _) => 2,
        (Answer::No, _) => 3,
    };
    // Amazon's plugin comes last, because it leaves some pods alone.
    let best = agents
        .into_iter()
        .min_by_key(|agent| (rank(agent), agent.plugin == Plugin::AwsVpc));
    let known = node.and_then(|index| match snapshot.objects[index].projection.as_ref() {
        Projection::Node(node) => Some((index, node)),
        _ => None,
    });
    let of_node = known.and_then(|(index, node)| of_node(index, node, plugins, off));
    match (best, of_node) {
        // The controller inside k3s enforces whatever plugin runs beside it.
        (Some(agent), Some(state)) if rank(&agent) > 0 && state.why == Why::K3s => state,
        (Some(agent), _) => of_agent(agent),
        (None, Some(state)) => state,
        (None, None) => NodeState {
            enforcement: Enforcement::Unknown,
            why: Why::Unrecognised,
            seen: Vec::new(),
        },
    }
}

fn of_agent(agent: Agent) -> NodeState {
    let (enforcement, why) = match (agent.enforces, agent.ready) {
        (Answer::Yes, true) => (Enforcement::Enforced, Why::Agent(agent.plugin)),
        (Answer::Yes, false) => (Enforcement::Unknown, Why::NotReady(agent.plugin)),
        (Answer::Open, _) => (Enforcement::Unknown, Why::Unclear(agent.plugin)),
        (Answer::No, _) if agent.switched => {
            (Enforcement::Unenforced, Why::SwitchedOff(agent.plugin))
        }
        (Answer::No, _) => (Enforcement::Unenforced, Why::NoEnforcer(agent.plugin)),
    };
    NodeState {
        enforcement,
        why,
        seen: agent.seen,
    }
}

/// Label with which Amazon EKS marks the nodes of Fargate.
const COMPUTE_TYPE: &str = "eks.amazonaws.com/compute-type";

const K3S_POINTER: &str = "/metadata/annotations/k3s.io~1node-args";

/// Whether the arguments of k3s on a node switch its controller off; `None` where they don't say.
fn says_off(node: &cluster::Node) -> Option<bool> {
    let text = node.metadata.annotations.get(K3S_ARGUMENTS)?;
    let arguments: Vec<String> = serde_json::from_str(text).unwrap_or_default();
    match arguments.as_slice() {
        [flag, value] if flag == NO_NETWORK_POLICY => Some(value != "false"),
        _ => None,
    }
}

fn is_k3s(node: &cluster::Node) -> bool {
    node.status.node_info.kubelet_version.contains("+k3s")
}

/// The first server of k3s that is told to switch the controller off. Servers must agree on it, and agents take it from
/// them (`pkg/agent/config/config.go` and `CriticalControlArgs` of k3s).
fn k3s_off(snapshot: &Snapshot) -> Option<Seen> {
    snapshot.of_kind(Kind::Node).find_map(|(index, object)| {
        let Projection::Node(node) = object.projection.as_ref() else {
            return None;
        };
        (is_k3s(node) && says_off(node) == Some(true)).then(|| Seen {
            object: index,
            pointer: K3S_POINTER.to_owned(),
            value: node
                .metadata
                .annotations
                .get(K3S_ARGUMENTS)
                .map(|text| text.clone().into()),
        })
    })
}

/// What a node itself says.
fn of_node(
    index: usize,
    node: &cluster::Node,
    plugins: &BTreeSet<Plugin>,
    off: Option<&Seen>,
) -> Option<NodeState> {
    let metadata: &Metadata = &node.metadata;
    let info = &node.status.node_info;
    let seen = |pointer: &str, value: Option<&str>| Seen {
        object: index,
        pointer: pointer.to_owned(),
        value: value.map(Into::into),
    };
    if is_k3s(node) {
        let arguments = metadata.annotations.get(K3S_ARGUMENTS).map(String::as_str);
        let mut shown = vec![
            seen(
                "/status/nodeInfo/kubeletVersion",
                Some(&info.kubelet_version),
            ),
            seen(K3S_POINTER, arguments),
        ];
        let is_off = says_off(node).unwrap_or_else(|| {
            shown.extend(off.cloned());
            off.is_some()
        });
        let (enforcement, why) = if is_off {
            (Enforcement::Unenforced, Why::K3sOff)
        } else {
            (Enforcement::Enforced, Why::K3s)
        };
        return Some(NodeState {
            enforcement,
            why,
            seen: shown,
        });
    }
    let fargate = metadata.labels.label(COMPUTE_TYPE) == Some("fargate");
    if fargate {
        return Some(NodeState {
            enforcement: Enforcement::Unenforced,
            why: Why::Fargate,
            seen: vec![seen(
                "/metadata/labels/eks.amazonaws.com~1compute-type",
                Some("fargate"),
            )],
        });
    }
    let windows = info.operating_system == "windows";
    (windows && plugins.contains(&Plugin::AwsVpc)).then(|| NodeState {
        enforcement: Enforcement::Unenforced,
        why: Why::Windows,
        seen: vec![seen("/status/nodeInfo/operatingSystem", Some("windows"))],
    })
}
