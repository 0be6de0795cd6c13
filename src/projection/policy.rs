//! Network policies: the API's own, those over the whole cluster, and those of network plugins.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, Deserializer, IgnoredAny, MapAccess};
use serde::{Deserialize, Serialize};

use super::metadata::{Metadata, Scalar, list, null_default};
use super::pod::Condition;
use super::rbac::{LabelExpression, LabelSelector};

/// NetworkPolicy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct NetworkPolicy {
    #[serde(default)]
    pub metadata: Metadata,
    #[serde(default, deserialize_with = "null_default")]
    pub spec: NetworkPolicySpec,
}

/// `NetworkPolicySpec`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NetworkPolicySpec {
    /// Absent or empty: every pod of the namespace.
    #[serde(default, deserialize_with = "null_default")]
    pub pod_selector: LabelSelector,
    /// Absent: `Ingress`, and `Egress` where there are egress rules.
    #[serde(
        default,
        deserialize_with = "list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub policy_types: Vec<String>,
    #[serde(
        default,
        deserialize_with = "list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub ingress: Vec<NetworkPolicyRule>,
    #[serde(
        default,
        deserialize_with = "list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub egress: Vec<NetworkPolicyRule>,
}

/// `NetworkPolicyIngressRule` and `NetworkPolicyEgressRule`: the fields of either.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct NetworkPolicyRule {
    #[serde(
        default,
        deserialize_with = "list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub from: Vec<NetworkPolicyPeer>,
    #[serde(
        default,
        deserialize_with = "list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub to: Vec<NetworkPolicyPeer>,
    #[serde(
        default,
        deserialize_with = "list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub ports: Vec<NetworkPolicyPort>,
}

/// `NetworkPolicyPeer`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NetworkPolicyPeer {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod_selector: Option<LabelSelector>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace_selector: Option<LabelSelector>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip_block: Option<IpBlock>,
}

/// `IPBlock`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct IpBlock {
    #[serde(default)]
    pub cidr: String,
    #[serde(
        default,
        deserialize_with = "list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub except: Vec<String>,
}

/// `NetworkPolicyPort`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NetworkPolicyPort {
    /// Absent means TCP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
    /// Absent means every port of the protocol.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<Scalar>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_port: Option<i64>,
}

/// `AdminNetworkPolicy`, `BaselineAdminNetworkPolicy` and `ClusterNetworkPolicy`: the fields of any.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ClusterPolicy {
    #[serde(default)]
    pub metadata: Metadata,
    #[serde(default, deserialize_with = "null_default")]
    pub spec: ClusterPolicySpec,
    #[serde(default, deserialize_with = "null_default")]
    pub status: ClusterPolicyStatus,
}

/// Their `spec`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ClusterPolicySpec {
    /// Of a `ClusterNetworkPolicy`: `Admin` or `Baseline`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<String>,
    /// The lower one counts first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<i64>,
    #[serde(default, deserialize_with = "null_default")]
    pub subject: PodSet,
    #[serde(
        default,
        deserialize_with = "list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub ingress: Vec<ClusterPolicyRule>,
    #[serde(
        default,
        deserialize_with = "list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub egress: Vec<ClusterPolicyRule>,
}

/// Pods by namespace, or by namespace and pod: one of the two.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PodSet {
    #[serde(
        default,
        deserialize_with = "selector",
        skip_serializing_if = "Option::is_none"
    )]
    pub namespaces: Option<LabelSelector>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pods: Option<NamespacedPods>,
}

/// `NamespacedPod`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", from = "NamespacedPodsWire")]
pub struct NamespacedPods {
    pub namespace_selector: LabelSelector,
    pub pod_selector: LabelSelector,
}

/// The same with the fields of other versions of the API.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NamespacedPodsWire {
    #[serde(default, deserialize_with = "selector")]
    namespace_selector: Option<LabelSelector>,
    #[serde(default, deserialize_with = "selector")]
    pod_selector: Option<LabelSelector>,
    #[serde(flatten)]
    others: Section,
}

impl From<NamespacedPodsWire> for NamespacedPods {
    fn from(wire: NamespacedPodsWire) -> Self {
        Self {
            namespace_selector: with_others(
                wire.namespace_selector.unwrap_or_default(),
                &wire.others,
            ),
            pod_selector: wire.pod_selector.unwrap_or_default(),
        }
    }
}

/// Stands for the operator of a requirement that a field of another version of the API makes.
const OTHER_FIELD: &str = "(field of another version)";

/// Until v0.1.2 of the network policy API there were other fields in the place of a selector's: without them the selector
/// would select everything. Each becomes a requirement of which nobody knows whether it is met.
fn with_others(mut selector: LabelSelector, others: &Section) -> LabelSelector {
    let unknown = others.0.keys().take(1).map(|name| LabelExpression {
        key: name.clone(),
        operator: OTHER_FIELD.to_owned(),
        values: Vec::new(),
    });
    selector.match_expressions.extend(unknown);
    selector
}

fn selector<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<LabelSelector>, D::Error> {
    #[derive(Deserialize)]
    struct Wire {
        #[serde(flatten)]
        known: LabelSelector,
        #[serde(flatten)]
        others: Section,
    }
    let wire = Option::<Wire>::deserialize(deserializer)?;
    Ok(wire.map(|mut wire| {
        let known = ["matchLabels", "matchExpressions"];
        wire.others
            .0
            .retain(|name, _| !known.contains(&name.as_str()));
        with_others(wire.known, &wire.others)
    }))
}

/// A rule of a policy over the cluster, of either direction.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ClusterPolicyRule {
    /// `Allow` (`Accept` since v1alpha2), `Deny` or `Pass`.
    #[serde(default)]
    pub action: String,
    #[serde(
        default,
        deserialize_with = "list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub from: Vec<ClusterPolicyPeer>,
    #[serde(
        default,
        deserialize_with = "list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub to: Vec<ClusterPolicyPeer>,
    /// Until v1alpha1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ports: Option<Vec<ClusterPolicyPort>>,
    /// Since v1alpha2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocols: Option<Vec<ClusterPolicyProtocol>>,
}

/// A peer of a policy over the cluster: one of the fields.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterPolicyPeer {
    #[serde(
        default,
        deserialize_with = "selector",
        skip_serializing_if = "Option::is_none"
    )]
    pub namespaces: Option<LabelSelector>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pods: Option<NamespacedPods>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nodes: Option<LabelSelector>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub networks: Option<Vec<String>>,
    /// Names outside the cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain_names: Option<Vec<String>>,
}

/// `AdminNetworkPolicyPort`: one of the fields.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterPolicyPort {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port_number: Option<PortNumber>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port_range: Option<PortRange>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub named_port: Option<String>,
}

/// A port by number.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PortNumber {
    /// Absent means TCP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
    #[serde(default)]
    pub port: i64,
}

/// Ports from one number to another, both included.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PortRange {
    /// Absent means TCP; since v1alpha2 the protocol stands around the range.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
    #[serde(default)]
    pub start: i64,
    #[serde(default)]
    pub end: i64,
}

/// `ClusterNetworkPolicyProtocol`: one of the fields.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterPolicyProtocol {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tcp: Option<ProtocolPorts>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub udp: Option<ProtocolPorts>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sctp: Option<ProtocolPorts>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination_named_port: Option<String>,
}

/// The ports of one protocol; none named means all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProtocolPorts {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination_port: Option<DestinationPort>,
}

/// A number or a range.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DestinationPort {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<PortRange>,
}

/// What a network plugin says of a policy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ClusterPolicyStatus {
    #[serde(
        default,
        deserialize_with = "list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub conditions: Vec<Condition>,
}

/// `CiliumNetworkPolicy` and `CiliumClusterwideNetworkPolicy`: whom they select, and which kinds of rules they have.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CiliumPolicy {
    #[serde(default)]
    pub metadata: Metadata,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spec: Option<CiliumRule>,
    #[serde(
        default,
        deserialize_with = "list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub specs: Vec<CiliumRule>,
}

/// Cilium's `Rule`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CiliumRule {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint_selector: Option<LabelSelector>,
    /// Selects nodes instead of pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_selector: Option<LabelSelector>,
    #[serde(default, deserialize_with = "null_default")]
    pub enable_default_deny: DefaultDeny,
    #[serde(
        default,
        deserialize_with = "list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub ingress: Vec<Section>,
    #[serde(
        default,
        deserialize_with = "list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub ingress_deny: Vec<Section>,
    #[serde(
        default,
        deserialize_with = "list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub egress: Vec<Section>,
    #[serde(
        default,
        deserialize_with = "list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub egress_deny: Vec<Section>,
}

/// Whether selecting a pod isolates it; absent means yes where there are rules of that direction.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DefaultDeny {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ingress: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub egress: Option<bool>,
}

/// A rule of Cilium: only which of its fields are set, as `true` each.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Section(pub BTreeMap<String, bool>);

/// A field name of a rule is no longer than this.
const FIELD_BYTES: usize = 40;

/// The name of a field, or something that stands for it.
fn field_name(name: String) -> String {
    let is_name =
        name.len() <= FIELD_BYTES && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if is_name { name } else { "other".to_owned() }
}

impl<'de> Deserialize<'de> for Section {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Section;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a rule")
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Section::default())
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = BTreeMap::new();
                while let Some((name, _)) = map.next_entry::<String, IgnoredAny>()? {
                    fields.insert(field_name(name), true);
                }
                Ok(Section(fields))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// Calico's NetworkPolicy and `GlobalNetworkPolicy`: whom they select, and what their rules do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CalicoPolicy {
    #[serde(default)]
    pub metadata: Metadata,
    #[serde(default, deserialize_with = "null_default")]
    pub spec: CalicoSpec,
}

/// Their `spec`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CalicoSpec {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<String>,
    /// In Calico's language of selectors; absent means all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace_selector: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_account_selector: Option<String>,
    /// Only for the interfaces of hosts, before connections are tracked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub do_not_track: Option<bool>,
    /// Only for the interfaces of hosts, before addresses are rewritten.
    #[serde(default, rename = "preDNAT", skip_serializing_if = "Option::is_none")]
    pub pre_dnat: Option<bool>,
    #[serde(
        default,
        deserialize_with = "list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub types: Vec<String>,
    #[serde(
        default,
        deserialize_with = "list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub ingress: Vec<CalicoRule>,
    #[serde(
        default,
        deserialize_with = "list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub egress: Vec<CalicoRule>,
}

/// Calico's `Rule`: only what it does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CalicoRule {
    /// `Allow`, `Deny`, `Pass` or `Log`.
    #[serde(default)]
    pub action: String,
}

/// A policy or tier that enforces nothing: only that it is there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Inert {
    #[serde(default)]
    pub metadata: Metadata,
}

/// `PolicyEndpoint`: what the policy controller of Amazon EKS made of a NetworkPolicy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PolicyEndpoint {
    #[serde(default)]
    pub metadata: Metadata,
    #[serde(default, deserialize_with = "null_default")]
    pub spec: PolicyEndpointSpec,
}

/// Its `spec`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyEndpointSpec {
    #[serde(default)]
    pub policy_ref: PolicyReference,
}

/// The NetworkPolicy that it stands for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PolicyReference {
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub namespace: String,
}
