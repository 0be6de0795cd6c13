//! Istio's objects, and the mesh configuration inside its ConfigMap.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::Value;

use super::facts::UNRECOGNISED;
use super::form::{EVIDENCE_FORM, Form};
use super::metadata::{Metadata, StringMap, list, null_default};
use super::rbac::LabelSelector;

/// PeerAuthentication.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PeerAuthentication {
    #[serde(default)]
    pub metadata: Metadata,
    #[serde(default, deserialize_with = "null_default")]
    pub spec: PeerAuthenticationSpec,
}

/// Its `spec`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PeerAuthenticationSpec {
    /// Present but empty is not the same as absent to ambient.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<WorkloadSelector>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mtls: Option<MutualTls>,
    /// By container port.
    #[serde(
        default,
        deserialize_with = "null_default",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub port_level_mtls: BTreeMap<String, MutualTls>,
}

/// `mtls`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct MutualTls {
    /// Absent or `UNSET` inherits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
}

/// Istio's `WorkloadSelector`, under either of the two names its API gives the labels.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkloadSelector {
    #[serde(
        default,
        deserialize_with = "null_default",
        skip_serializing_if = "StringMap::is_empty"
    )]
    pub match_labels: StringMap,
    #[serde(
        default,
        deserialize_with = "null_default",
        skip_serializing_if = "StringMap::is_empty"
    )]
    pub labels: StringMap,
}

/// Sidecar.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Sidecar {
    #[serde(default)]
    pub metadata: Metadata,
    #[serde(default, deserialize_with = "null_default")]
    pub spec: SidecarSpec,
}

/// Its `spec`, inbound part.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SidecarSpec {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workload_selector: Option<WorkloadSelector>,
    #[serde(
        default,
        deserialize_with = "list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub ingress: Vec<SidecarListener>,
}

/// `IstioIngressListener`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SidecarListener {
    #[serde(default)]
    pub port: SidecarPort,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capture_mode: Option<String>,
    /// Where the proxy hands traffic to, such as `127.0.0.1:9000`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_endpoint: Option<String>,
}

/// `SidecarPort`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SidecarPort {
    #[serde(default)]
    pub number: u16,
}

/// EnvoyFilter: only what it patches and where, never the patch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct EnvoyFilter {
    #[serde(default)]
    pub metadata: Metadata,
    #[serde(default, deserialize_with = "null_default")]
    pub spec: EnvoyFilterSpec,
}

/// Its `spec`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EnvoyFilterSpec {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workload_selector: Option<WorkloadSelector>,
    /// Gateways and waypoints that it is attached to; then no sidecar is patched.
    #[serde(
        default,
        deserialize_with = "list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub target_refs: Vec<TargetReference>,
    #[serde(
        default,
        deserialize_with = "list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub config_patches: Vec<ConfigPatch>,
}

/// `PolicyTargetReference`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TargetReference {
    #[serde(default)]
    pub kind: String,
    #[serde(default)]
    pub name: String,
}

/// `EnvoyConfigObjectPatch`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfigPatch {
    #[serde(default)]
    pub apply_to: String,
    #[serde(default, rename = "match", deserialize_with = "null_default")]
    pub matches: PatchMatch,
}

/// `EnvoyConfigObjectMatch`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PatchMatch {
    /// Absent means `ANY`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
}

/// ConfigMap: of its data only the known keys of known documents.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ConfigMap {
    #[serde(default)]
    pub metadata: Metadata,
    #[serde(default, deserialize_with = "null_default")]
    pub data: ConfigMapData,
}

/// ConfigMaps that hold the settings of network plugins: Cilium's, and that of Amazon's VPC plugin.
pub const PLUGIN_CONFIG_MAPS: [&str; 2] = ["cilium-config", "amazon-vpc-cni"];

/// `data` of the ConfigMaps that are read by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ConfigMapData {
    /// Istio's mesh configuration, a YAML document in the API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mesh: Option<MeshConfig>,
    /// The values that Linkerd was installed with, a YAML document in the API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<super::linkerd::Values>,
    /// The configuration of Linkerd's CNI plugin, a JSON document in the API.
    #[serde(
        default,
        rename = "cni_network_config",
        skip_serializing_if = "Option::is_none"
    )]
    pub cni_network_config: Option<super::linkerd::CniNetworkConfig>,
    /// Of ingress controllers: the settings that rules read.
    #[serde(flatten)]
    pub settings: super::controllers::Settings,
    /// Cilium: whether policies are enforced (`default`, `always`), or `never`.
    #[serde(
        default,
        rename = "enable-policy",
        skip_serializing_if = "Option::is_none"
    )]
    pub enable_policy: Option<Setting>,
    /// Cilium: whether verdicts are only reported.
    #[serde(
        default,
        rename = "policy-audit-mode",
        skip_serializing_if = "Option::is_none"
    )]
    pub policy_audit_mode: Option<Setting>,
    /// Cilium: whether NetworkPolicy counts; absent means yes.
    #[serde(
        default,
        rename = "enable-k8s-networkpolicy",
        skip_serializing_if = "Option::is_none"
    )]
    pub enable_network_policy: Option<Setting>,
    /// Cilium: whether `ClusterNetworkPolicy` counts; absent means no.
    #[serde(
        default,
        rename = "enable-k8s-cluster-network-policy",
        skip_serializing_if = "Option::is_none"
    )]
    pub enable_cluster_network_policy: Option<Setting>,
    /// Amazon EKS: whether the controller makes `PolicyEndpoints`.
    #[serde(
        default,
        rename = "enable-network-policy-controller",
        skip_serializing_if = "Option::is_none"
    )]
    pub enable_network_policy_controller: Option<Setting>,
}

/// A setting of one word; anything else is kept as unrecognised.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Setting(pub String);

impl<'de> Deserialize<'de> for Setting {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let text = text.trim();
        let is_word = text.len() <= 20 && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let kept = if is_word { text } else { UNRECOGNISED };
        Ok(Self(kept.to_owned()))
    }
}

/// The part of Istio's `MeshConfig` that counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MeshConfig {
    /// Absent means `istio-system`, whatever namespace the control plane runs in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root_namespace: Option<String>,
    /// Namespaces whose objects the control plane reads; none means all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub discovery_selectors: Vec<LabelSelector>,
    /// Whether clients send mutual TLS by themselves to servers that take it; absent means that they do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enable_auto_mtls: Option<bool>,
    /// Whether the text is no YAML mapping with fields of the right types.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unreadable: bool,
}

/// The keys of a mesh configuration that count.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct MeshConfigKeys {
    #[serde(default, alias = "root_namespace")]
    root_namespace: Option<String>,
    #[serde(default, alias = "discovery_selectors", deserialize_with = "list")]
    discovery_selectors: Vec<LabelSelector>,
    #[serde(default, alias = "enable_auto_mtls")]
    enable_auto_mtls: Option<bool>,
    #[serde(default)]
    unreadable: bool,
}

impl MeshConfigKeys {
    /// Reads the YAML text; `None` if it is no mapping with fields of the right types.
    fn of_text(text: &str) -> Option<Self> {
        let value = serde_saphyr::from_str::<Value>(text).ok()?;
        match value {
            Value::Null => Some(Self::default()),
            value => Self::deserialize(Form::api(value)).ok(),
        }
    }
}

/// A text, or what evidence holds in its place.
pub(super) struct TextOrObject(pub(super) Value);

impl<'de> Deserialize<'de> for TextOrObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = TextOrObject;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a text")
            }

            fn visit_newtype_struct<D: Deserializer<'de>>(
                self,
                deserializer: D,
            ) -> Result<Self::Value, D::Error> {
                deserializer.deserialize_any(self)
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(TextOrObject(Value::String(text.to_owned())))
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(TextOrObject(Value::Null))
            }

            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                Value::deserialize(MapAccessDeserializer::new(map)).map(TextOrObject)
            }
        }
        deserializer.deserialize_newtype_struct(EVIDENCE_FORM, Visitor)
    }
}

/// Mesh configurations are small; a longer text is not one.
const MESH_CONFIG_BYTES: usize = 1 << 20;

impl<'de> Deserialize<'de> for MeshConfig {
    /// Reads the YAML text of the API, or the object of evidence. Istio reads the text as the JSON of a protobuf
    /// message, whose fields have two names each.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let TextOrObject(value) = TextOrObject::deserialize(deserializer)?;
        let keys = match value {
            Value::String(text) if text.len() > MESH_CONFIG_BYTES => None,
            Value::String(text) if text.trim().is_empty() => Some(MeshConfigKeys::default()),
            Value::String(text) => MeshConfigKeys::of_text(&text),
            object @ Value::Object(_) => MeshConfigKeys::deserialize(Form::evidence(object)).ok(),
            Value::Null => Some(MeshConfigKeys::default()),
            _ => None,
        };
        Ok(keys.map_or_else(
            || Self {
                unreadable: true,
                ..Self::default()
            },
            |keys| Self {
                root_namespace: keys
                    .root_namespace
                    .filter(|namespace| !namespace.is_empty()),
                discovery_selectors: keys.discovery_selectors,
                enable_auto_mtls: keys.enable_auto_mtls,
                unreadable: keys.unreadable,
            },
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mesh(text: &str) -> MeshConfig {
        serde_json::from_value(serde_json::json!({ "data": { "mesh": text, "other": "canary" } }))
            .map(|map: ConfigMap| map.data.mesh.unwrap())
            .unwrap()
    }

    #[test]
    fn mesh_configuration_is_read_from_its_yaml_text() {
        let config = mesh(
            "rootNamespace: mesh\nenableTracing: true\ndiscoverySelectors:\n- matchLabels: {mesh: yes-please}\n",
        );
        assert_eq!(config.root_namespace.as_deref(), Some("mesh"));
        assert_eq!(config.discovery_selectors.len(), 1);
        assert_eq!(mesh(""), MeshConfig::default());
        assert!(mesh("a: [").unreadable);
        for text in ["", "a: [", "rootNamespace: mesh"] {
            let written = serde_json::to_string(&mesh(text)).unwrap();
            assert_eq!(
                serde_json::from_str::<MeshConfig>(&written).unwrap(),
                mesh(text),
                "{text}"
            );
        }
    }
}
