//! Namespaces, nodes, and what a cluster sets for all: limit ranges, runtime classes, injection webhooks.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::metadata::{Metadata, Scalar, list, null_default};

/// Namespace: its labels are all that counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Namespace {
    #[serde(default)]
    pub metadata: Metadata,
}

/// Node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Node {
    #[serde(default)]
    pub metadata: Metadata,
    #[serde(default, deserialize_with = "null_default")]
    pub spec: NodeSpec,
    #[serde(default, deserialize_with = "null_default")]
    pub status: NodeStatus,
}

/// `NodeSpec`: the addresses of its pods.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct NodeSpec {
    #[serde(default, rename = "podCIDR", skip_serializing_if = "Option::is_none")]
    pub pod_cidr: Option<String>,
    #[serde(
        default,
        rename = "podCIDRs",
        deserialize_with = "list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub pod_cidrs: Vec<String>,
}

/// `NodeStatus`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeStatus {
    #[serde(default, deserialize_with = "null_default")]
    pub node_info: NodeInfo,
    #[serde(
        default,
        deserialize_with = "list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub runtime_handlers: Vec<RuntimeHandler>,
    #[serde(
        default,
        deserialize_with = "list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub addresses: Vec<NodeAddress>,
}

/// `NodeAddress`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct NodeAddress {
    #[serde(default, rename = "type")]
    pub kind: String,
    #[serde(default)]
    pub address: String,
}

/// `NodeSystemInfo`, as the kubelet reports it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NodeInfo {
    #[serde(skip_serializing_if = "String::is_empty")]
    pub architecture: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub container_runtime_version: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kernel_version: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kubelet_version: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub operating_system: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub os_image: String,
}

/// A handler of the container runtime.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RuntimeHandler {
    /// Empty for the default handler.
    #[serde(default)]
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub features: Option<HandlerFeatures>,
}

/// What a handler supports.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HandlerFeatures {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_namespaces: Option<bool>,
}

/// RuntimeClass.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RuntimeClass {
    #[serde(default)]
    pub metadata: Metadata,
    #[serde(default)]
    pub handler: String,
}

/// ServiceAccount: never its `secrets` and `imagePullSecrets`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceAccount {
    #[serde(default)]
    pub metadata: Metadata,
    /// Absent means true; a pod's own field decides before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub automount_service_account_token: Option<bool>,
}

/// LimitRange.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct LimitRange {
    #[serde(default)]
    pub metadata: Metadata,
    #[serde(default, deserialize_with = "null_default")]
    pub spec: LimitRangeSpec,
}

/// `LimitRangeSpec`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct LimitRangeSpec {
    #[serde(default, deserialize_with = "list")]
    pub limits: Vec<LimitRangeItem>,
}

/// `LimitRangeItem`: what gives a container a limit at admission.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct LimitRangeItem {
    /// Only `Container` sets defaults.
    #[serde(default, rename = "type")]
    pub kind: String,
    #[serde(
        default,
        deserialize_with = "null_default",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub default: BTreeMap<String, Scalar>,
    #[serde(
        default,
        rename = "defaultRequest",
        deserialize_with = "null_default",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub default_request: BTreeMap<String, Scalar>,
    #[serde(
        default,
        deserialize_with = "null_default",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub max: BTreeMap<String, Scalar>,
}

/// MutatingWebhookConfiguration: tells a mesh whose control plane is elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct WebhookConfiguration {
    #[serde(default)]
    pub metadata: Metadata,
    #[serde(default, deserialize_with = "list")]
    pub webhooks: Vec<Webhook>,
}

/// One webhook.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Webhook {
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub client_config: ClientConfig,
}

/// Where the API server calls a webhook. Of a URL only its presence is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ClientConfig {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<ServiceReference>,
    #[serde(
        default,
        deserialize_with = "presence",
        skip_serializing_if = "std::ops::Not::not"
    )]
    pub url: bool,
}

/// A Service that a webhook is served from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ServiceReference {
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub namespace: String,
}

/// Whether a value is there: a URL in the API, `true` in evidence.
fn presence<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Value {
        Kept(bool),
        Written(Option<String>),
    }
    Ok(match Value::deserialize(deserializer)? {
        Value::Kept(present) => present,
        Value::Written(url) => url.is_some_and(|url| !url.is_empty()),
    })
}
