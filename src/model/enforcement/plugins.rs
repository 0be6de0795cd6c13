//! Network plugins: how their agents are recognised, and what switches them off.

use std::fmt;

use serde_json::Value;

use super::{Answer, Seen};
use crate::gaps::Gaps;
use crate::kind::Kind;
use crate::model::mendix::image_tag;
use crate::model::selector::Labels as _;
use crate::projection::istio::{ConfigMapData, PLUGIN_CONFIG_MAPS, Setting};
use crate::projection::pod::{Container, PodSpec};
use crate::projection::{Metadata, Projection};
use crate::snapshot::{Mode, Snapshot};

/// A network plugin whose agent is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "names of products")]
pub enum Plugin {
    Antrea,
    AwsVpc,
    AzureNpm,
    Calico,
    Cilium,
    Flannel,
    Kindnet,
    KubeNetworkPolicies,
    KubeRouter,
    OvnKubernetes,
    Weave,
}

impl fmt::Display for Plugin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Antrea => "Antrea",
            Self::AwsVpc => "the VPC plugin of Amazon EKS",
            Self::AzureNpm => "Azure's policy manager",
            Self::Calico => "Calico",
            Self::Cilium => "Cilium",
            Self::Flannel => "flannel",
            Self::Kindnet => "kindnet",
            Self::KubeNetworkPolicies => "kube-network-policies",
            Self::KubeRouter => "kube-router",
            Self::OvnKubernetes => "OVN-Kubernetes",
            Self::Weave => "Weave Net",
        })
    }
}

/// `DaemonSets` by the names that the plugins' own manifests and charts give them.
const DAEMON_SETS: &[(&str, Plugin)] = &[
    ("anetd", Plugin::Cilium),
    ("antrea-agent", Plugin::Antrea),
    ("aws-node", Plugin::AwsVpc),
    ("azure-npm", Plugin::AzureNpm),
    ("calico-node", Plugin::Calico),
    ("canal", Plugin::Calico),
    ("cilium", Plugin::Cilium),
    ("kindnet", Plugin::Kindnet),
    ("kube-flannel", Plugin::Flannel),
    ("kube-flannel-ds", Plugin::Flannel),
    ("kube-network-policies", Plugin::KubeNetworkPolicies),
    ("kube-router", Plugin::KubeRouter),
    ("ovnkube-node", Plugin::OvnKubernetes),
    ("rke2-canal", Plugin::Calico),
    ("weave-net", Plugin::Weave),
];

/// Container of a policy engine that some charts put beside flannel.
const POLICY_ENGINE: &str = "kube-network-policies";

impl Plugin {
    /// The plugin whose agent a pod is.
    pub(super) fn of(metadata: &Metadata, spec: &PodSpec) -> Option<Self> {
        let owner = metadata
            .owner_references
            .iter()
            .find(|owner| owner.kind == "DaemonSet")?;
        let named = DAEMON_SETS
            .iter()
            .find(|(name, _)| *name == owner.name)
            .map(|(_, plugin)| *plugin);
        match named {
            Some(Self::Flannel) if container(spec, &[POLICY_ENGINE]).is_some() => {
                Some(Self::KubeNetworkPolicies)
            }
            None if metadata.labels.label("app") == Some(POLICY_ENGINE) => {
                Some(Self::KubeNetworkPolicies)
            }
            named => named,
        }
    }
}

fn container<'s>(spec: &'s PodSpec, names: &[&str]) -> Option<(usize, &'s Container)> {
    let mut containers = spec
        .containers
        .iter()
        .map(|container| &**container)
        .enumerate();
    containers.find(|(_, container)| names.contains(&container.name.as_str()))
}

/// Settings of plugins, and what else tells whether they enforce.
pub(super) struct Settings<'s> {
    snapshot: &'s Snapshot,
    gaps: &'s Gaps,
    /// Whether `endPort` counts with the Cilium that runs.
    pub(super) cilium_end_port: Answer,
    /// Whether Cilium is set to read `ClusterNetworkPolicies`.
    pub(super) cilium_cluster_policies: Answer,
}

/// What is known of a ConfigMap.
enum Config<'s> {
    Read(usize, &'s ConfigMapData),
    Absent,
    Unread,
}

impl<'s> Settings<'s> {
    pub(super) fn new(snapshot: &'s Snapshot, gaps: &'s Gaps) -> Self {
        let mut settings = Self {
            snapshot,
            gaps,
            cilium_end_port: Answer::Open,
            cilium_cluster_policies: Answer::Open,
        };
        for (_, object) in snapshot.of_kind(Kind::Pod) {
            let Projection::Pod(pod) = object.projection.as_ref() else {
                continue;
            };
            if Plugin::of(&pod.metadata, &pod.spec) == Some(Plugin::Cilium) {
                settings.cilium_end_port = end_port_of_cilium(&pod.spec);
                let config = settings.config(object.namespace(), PLUGIN_CONFIG_MAPS[0]);
                settings.cilium_cluster_policies = match config {
                    Config::Read(_, data) => {
                        boolean(data.enable_cluster_network_policy.as_ref(), false)
                    }
                    Config::Absent => Answer::No,
                    Config::Unread => Answer::Open,
                };
                break;
            }
        }
        settings
    }

    fn config(&self, namespace: &str, name: &str) -> Config<'s> {
        let found = self.snapshot.find(Kind::ConfigMap, namespace, name);
        let data = found.and_then(
            |index| match self.snapshot.objects[index].projection.as_ref() {
                Projection::ConfigMap(map) => Some(Config::Read(index, &map.data)),
                _ => None,
            },
        );
        let origin = &self.snapshot.origin;
        // Files hold single ConfigMaps, never a list of them.
        let partial = origin.mode == Mode::Manifests && !origin.assume_complete;
        data.unwrap_or_else(|| {
            if partial || self.gaps.named(Kind::ConfigMap, namespace, name).is_some() {
                Config::Unread
            } else {
                Config::Absent
            }
        })
    }

    /// Whether an agent enforces; whether that is a matter of settings; and what shows it.
    pub(super) fn of_agent(
        &self,
        plugin: Plugin,
        pod: usize,
        namespace: &str,
        spec: &PodSpec,
    ) -> (Answer, bool, Vec<Seen>) {
        match plugin {
            Plugin::Antrea
            | Plugin::AzureNpm
            | Plugin::Calico
            | Plugin::KubeNetworkPolicies
            | Plugin::OvnKubernetes => (Answer::Yes, false, Vec::new()),
            Plugin::Flannel => (Answer::No, false, Vec::new()),
            Plugin::Weave => of_weave(pod, spec),
            Plugin::KubeRouter => of_kube_router(pod, spec),
            Plugin::Kindnet => of_kindnet(pod, spec),
            Plugin::Cilium => self.of_cilium(namespace),
            Plugin::AwsVpc => self.of_aws(pod, namespace, spec),
        }
    }

    /// Cilium's documentation of policy enforcement modes, and the keys of its ConfigMap.
    fn of_cilium(&self, namespace: &str) -> (Answer, bool, Vec<Seen>) {
        let (index, data) = match self.config(namespace, PLUGIN_CONFIG_MAPS[0]) {
            Config::Read(index, data) => (index, data),
            Config::Absent => return (Answer::Yes, true, Vec::new()),
            Config::Unread => return (Answer::Open, true, Vec::new()),
        };
        let mode = match data.enable_policy.as_ref().map(|mode| mode.0.as_str()) {
            None | Some("" | "default" | "always") => Answer::Yes,
            Some("never") => Answer::No,
            Some(_) => Answer::Open,
        };
        let audit = boolean(data.policy_audit_mode.as_ref(), false);
        let reads = boolean(data.enable_network_policy.as_ref(), true);
        let seen = vec![
            setting(index, "enable-policy", data.enable_policy.as_ref()),
            setting(index, "policy-audit-mode", data.policy_audit_mode.as_ref()),
            setting(
                index,
                "enable-k8s-networkpolicy",
                data.enable_network_policy.as_ref(),
            ),
        ];
        let answer = if mode == Answer::No || audit == Answer::Yes || reads == Answer::No {
            Answer::No
        } else if [mode, audit, reads].contains(&Answer::Open) {
            Answer::Open
        } else {
            Answer::Yes
        };
        (answer, true, seen)
    }

    /// Installed is not enabled: the agent's flag, and the controller whose objects it enforces, must both be on.
    fn of_aws(&self, pod: usize, namespace: &str, spec: &PodSpec) -> (Answer, bool, Vec<Seen>) {
        let agents = ["aws-eks-nodeagent", "aws-network-policy-agent"];
        let Some((place, agent)) = container(spec, &agents) else {
            return (Answer::No, false, Vec::new());
        };
        let flag = agent.args.value("--enable-network-policy");
        let mut seen = vec![flag_seen(pod, place, "--enable-network-policy", flag)];
        match flag {
            Some("true") => {}
            None | Some("false") => return (Answer::No, true, seen),
            Some(_) => return (Answer::Open, true, seen),
        }
        let config = self.config(namespace, PLUGIN_CONFIG_MAPS[1]);
        let controller = match &config {
            Config::Read(index, data) => {
                let written = data.enable_network_policy_controller.as_ref();
                seen.push(setting(*index, "enable-network-policy-controller", written));
                boolean(written, false)
            }
            // The managed add-on switches the controller on without it.
            Config::Absent => Answer::No,
            Config::Unread => Answer::Open,
        };
        let endpoints = self.snapshot.of_kind(Kind::PolicyEndpoint).next();
        let policies = self.snapshot.of_kind(Kind::NetworkPolicy).next().is_some()
            || self.gaps.anywhere(Kind::NetworkPolicy).is_some();
        let answer = if endpoints.is_some() {
            Answer::Yes
        } else if self.gaps.anywhere(Kind::PolicyEndpoint).is_some() {
            Answer::Open
        } else if policies {
            // Nothing was made of the policies, so nothing is enforced; with the controller on it may be slow.
            match controller {
                Answer::No => Answer::No,
                Answer::Yes | Answer::Open => Answer::Open,
            }
        } else {
            match controller {
                Answer::Yes => Answer::Yes,
                Answer::No | Answer::Open => Answer::Open,
            }
        };
        (answer, true, seen)
    }
}

/// Weave's policies are the work of a container of its own.
fn of_weave(pod: usize, spec: &PodSpec) -> (Answer, bool, Vec<Seen>) {
    match container(spec, &["weave-npc"]) {
        Some((place, container)) => {
            let seen = Seen {
                object: pod,
                pointer: format!("/spec/containers/{place}/name"),
                value: Some(container.name.clone().into()),
            };
            (Answer::Yes, false, vec![seen])
        }
        None => (Answer::No, false, Vec::new()),
    }
}

/// `--run-firewall` is on by default.
fn of_kube_router(pod: usize, spec: &PodSpec) -> (Answer, bool, Vec<Seen>) {
    let flag = "--run-firewall";
    let Some((place, container)) = container(spec, &["kube-router"]) else {
        return (Answer::Open, true, Vec::new());
    };
    let value = container.args.value(flag);
    let answer = match value {
        None | Some("true") => Answer::Yes,
        Some("false") => Answer::No,
        Some(_) => Answer::Open,
    };
    (answer, true, vec![flag_seen(pod, place, flag, value)])
}

/// The day of kindnet's first image with policies: that of kind v0.24.0.
const KINDNET_SINCE: u32 = 20_240_813;

/// Kindnet's images are tagged with their day or, outside kind, with a version; policies came with 1.3.
fn of_kindnet(pod: usize, spec: &PodSpec) -> (Answer, bool, Vec<Seen>) {
    let Some((place, container)) = container(spec, &["kindnet-cni", "kindnet"]) else {
        return (Answer::Open, false, Vec::new());
    };
    let seen = Seen {
        object: pod,
        pointer: format!("/spec/containers/{place}/image"),
        value: container.image.clone().map(Value::from),
    };
    let tag = image_tag(container).and_then(|tag| tag.strip_prefix('v'));
    let numbers: Vec<u32> = tag
        .map(|tag| {
            tag.split(['.', '-'])
                .map_while(|part| part.parse().ok())
                .collect()
        })
        .unwrap_or_default();
    let answer = match numbers.as_slice() {
        [day, ..] if *day > 10_000_000 => yes_if(*day >= KINDNET_SINCE),
        [major, minor, ..] => yes_if((*major, *minor) >= (1, 3)),
        _ => Answer::Open,
    };
    (answer, false, vec![seen])
}

/// Cilium learnt port ranges in 1.16.
fn end_port_of_cilium(spec: &PodSpec) -> Answer {
    let tag = container(spec, &["cilium-agent"]).and_then(|(_, container)| image_tag(container));
    let numbers = tag.and_then(crate::model::operators::numbers);
    match numbers {
        Some(version) if version >= (1, 16) => Answer::Yes,
        _ => Answer::Open,
    }
}

fn yes_if(yes: bool) -> Answer {
    if yes { Answer::Yes } else { Answer::No }
}

/// A boolean as Go reads it.
fn boolean(setting: Option<&Setting>, default: bool) -> Answer {
    match setting.map(|setting| setting.0.as_str()) {
        None | Some("") => yes_if(default),
        Some("1" | "t" | "T" | "true" | "True" | "TRUE") => Answer::Yes,
        Some("0" | "f" | "F" | "false" | "False" | "FALSE") => Answer::No,
        Some(_) => Answer::Open,
    }
}

fn setting(object: usize, key: &str, value: Option<&Setting>) -> Seen {
    Seen {
        object,
        pointer: format!("/data/{key}"),
        value: value.map(|value| value.0.clone().into()),
    }
}

fn flag_seen(object: usize, place: usize, flag: &str, value: Option<&str>) -> Seen {
    Seen {
        object,
        pointer: format!("/spec/containers/{place}/args/{flag}"),
        value: value.map(Value::from),
    }
}
