//! Linkerd's policies, and the defaults inside its ConfigMaps.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::form::Form;
use super::gateway::{GatewayRouteStatus, ParentReference};
use super::istio::TextOrObject;
use super::metadata::{Metadata, Scalar, list, null_default};
use super::rbac::LabelSelector;

/// Label of the pods of Linkerd's control plane.
pub const COMPONENT_LABEL: &str = "linkerd.io/control-plane-component";
/// The ConfigMap with the values that Linkerd was installed with.
pub const CONFIG_MAP: &str = "linkerd-config";
/// Label of the agents of Linkerd's CNI plugin, and its value.
pub const CNI_LABEL: (&str, &str) = ("k8s-app", "linkerd-cni");
/// The ConfigMap of Linkerd's CNI plugin.
pub const CNI_CONFIG_MAP: &str = "linkerd-cni-config";

/// Server: a port of some pods.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Server {
    #[serde(default)]
    pub metadata: Metadata,
    #[serde(default, deserialize_with = "null_default")]
    pub spec: ServerSpec,
}

/// Its `spec`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServerSpec {
    /// Absent where workloads outside the cluster are selected instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod_selector: Option<LabelSelector>,
    /// A number, or the name of a container port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<Scalar>,
    /// Absent means `deny`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_policy: Option<String>,
}

/// ServerAuthorization.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ServerAuthorization {
    #[serde(default)]
    pub metadata: Metadata,
    #[serde(default, deserialize_with = "null_default")]
    pub spec: ServerAuthorizationSpec,
}

/// Its `spec`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ServerAuthorizationSpec {
    #[serde(default, deserialize_with = "null_default")]
    pub server: ServerChoice,
    #[serde(default, deserialize_with = "null_default")]
    pub client: Client,
}

/// Which Servers: by name, else by labels.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ServerChoice {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<LabelSelector>,
}

/// Whom a ServerAuthorization lets in; the networks they may come from change nothing about what they must prove.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Client {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unauthenticated: Option<bool>,
    #[serde(default, rename = "meshTLS", skip_serializing_if = "Option::is_none")]
    pub mesh_tls: Option<MeshTls>,
}

/// `meshTLS`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MeshTls {
    #[serde(
        default,
        rename = "unauthenticatedTLS",
        skip_serializing_if = "Option::is_none"
    )]
    pub unauthenticated_tls: Option<bool>,
    #[serde(
        default,
        deserialize_with = "list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub identities: Vec<String>,
    #[serde(
        default,
        deserialize_with = "list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub service_accounts: Vec<Reference>,
}

/// AuthorizationPolicy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AuthorizationPolicy {
    #[serde(default)]
    pub metadata: Metadata,
    #[serde(default, deserialize_with = "null_default")]
    pub spec: AuthorizationPolicySpec,
}

/// Its `spec`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuthorizationPolicySpec {
    #[serde(default, deserialize_with = "null_default")]
    pub target_ref: Reference,
    /// All of them must be met; none demands nothing.
    #[serde(default, deserialize_with = "list")]
    pub required_authentication_refs: Vec<Reference>,
}

/// A reference to another object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Reference {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    #[serde(
        default,
        deserialize_with = "null_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub kind: String,
    #[serde(default, deserialize_with = "null_default")]
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
}

/// MeshTLSAuthentication.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct MeshTlsAuthentication {
    #[serde(default)]
    pub metadata: Metadata,
    #[serde(default, deserialize_with = "null_default")]
    pub spec: MeshTlsAuthenticationSpec,
}

/// Its `spec`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MeshTlsAuthenticationSpec {
    #[serde(
        default,
        deserialize_with = "list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub identities: Vec<String>,
    #[serde(
        default,
        deserialize_with = "list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub identity_refs: Vec<Reference>,
}

/// NetworkAuthentication.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct NetworkAuthentication {
    #[serde(default)]
    pub metadata: Metadata,
    #[serde(default, deserialize_with = "null_default")]
    pub spec: NetworkAuthenticationSpec,
}

/// Its `spec`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct NetworkAuthenticationSpec {
    #[serde(default, deserialize_with = "list")]
    pub networks: Vec<Network>,
}

/// One network.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Network {
    #[serde(default, deserialize_with = "null_default")]
    pub cidr: String,
}

/// HTTPRoute of Linkerd's own group: which Servers it is attached to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct HttpRoute {
    #[serde(default)]
    pub metadata: Metadata,
    #[serde(default, deserialize_with = "null_default")]
    pub spec: HttpRouteSpec,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<GatewayRouteStatus>,
}

/// Its `spec`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpRouteSpec {
    #[serde(
        default,
        deserialize_with = "list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub parent_refs: Vec<ParentReference>,
}

/// The part that counts of the values that Linkerd was installed with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub struct Values {
    pub proxy: ProxyValues,
    /// Whether the text is no YAML mapping with fields of the right types.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unreadable: bool,
}

/// `proxy` of the values.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProxyValues {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_inbound_policy: Option<String>,
}

/// The part that counts of the configuration of Linkerd's CNI plugin.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub struct CniNetworkConfig {
    pub linkerd: CniOptions,
    /// Whether the text is no JSON object with fields of the right types.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unreadable: bool,
}

/// `linkerd` of the plugin's configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct CniOptions {
    #[serde(
        default,
        deserialize_with = "list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub inbound_ports_to_ignore: Vec<Scalar>,
    #[serde(
        default,
        deserialize_with = "list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub ports_to_redirect: Vec<Scalar>,
    #[serde(
        default,
        deserialize_with = "list",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub subnets_to_ignore: Vec<String>,
}

/// A ConfigMap holds at most this much.
const DOCUMENT_BYTES: usize = 1 << 20;

#[derive(Default, Deserialize)]
struct ValuesKeys {
    #[serde(default, deserialize_with = "null_default")]
    proxy: ProxyValues,
    #[serde(default)]
    unreadable: bool,
}

impl<'de> Deserialize<'de> for Values {
    /// Reads the YAML text of the API, or the object of evidence.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let TextOrObject(value) = TextOrObject::deserialize(deserializer)?;
        let of_text = |text: &str| match serde_saphyr::from_str::<Value>(text).ok()? {
            Value::Null => Some(ValuesKeys::default()),
            value => ValuesKeys::deserialize(Form::api(value)).ok(),
        };
        let keys = match value {
            Value::String(text) if text.len() > DOCUMENT_BYTES => None,
            Value::String(text) if text.trim().is_empty() => Some(ValuesKeys::default()),
            Value::String(text) => of_text(&text),
            object @ Value::Object(_) => ValuesKeys::deserialize(Form::evidence(object)).ok(),
            Value::Null => Some(ValuesKeys::default()),
            _ => None,
        };
        Ok(keys.map_or_else(
            || Self {
                unreadable: true,
                ..Self::default()
            },
            |keys| Self {
                proxy: keys.proxy,
                unreadable: keys.unreadable,
            },
        ))
    }
}

#[derive(Default, Deserialize)]
struct CniKeys {
    #[serde(default, deserialize_with = "null_default")]
    linkerd: CniOptions,
    #[serde(default)]
    unreadable: bool,
}

impl<'de> Deserialize<'de> for CniNetworkConfig {
    /// Reads the JSON text of the API, or the object of evidence.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let TextOrObject(value) = TextOrObject::deserialize(deserializer)?;
        let of_text = |text: &str| {
            let value = serde_json::from_str::<Value>(text).ok()?;
            CniKeys::deserialize(Form::api(value)).ok()
        };
        let keys = match value {
            Value::String(text) if text.len() > DOCUMENT_BYTES => None,
            Value::String(text) => of_text(&text),
            object @ Value::Object(_) => CniKeys::deserialize(Form::evidence(object)).ok(),
            _ => None,
        };
        Ok(keys.map_or_else(
            || Self {
                unreadable: true,
                ..Self::default()
            },
            |keys| Self {
                linkerd: keys.linkerd,
                unreadable: keys.unreadable,
            },
        ))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::istio::ConfigMap;
    use super::*;

    fn data(data: &Value) -> super::super::istio::ConfigMapData {
        let map: ConfigMap = serde_json::from_value(json!({ "data": data })).unwrap();
        let written = serde_json::to_string(&map).unwrap();
        assert!(!written.contains("canary"), "{written}");
        assert_eq!(serde_json::from_str::<ConfigMap>(&written).unwrap(), map);
        map.data
    }

    #[test]
    fn the_default_is_read_from_the_values_and_nothing_else_is_kept() {
        let text = "identityTrustAnchorsPEM: canary\nproxy:\n  defaultInboundPolicy: deny\n  image: canary\n";
        let values = data(&json!({"values": text, "other": "canary"}))
            .values
            .unwrap();
        assert_eq!(values.proxy.default_inbound_policy.as_deref(), Some("deny"));
        assert!(!values.unreadable);
        let silent = data(&json!({"values": "proxy: null"})).values.unwrap();
        assert_eq!(silent, Values::default());
        assert!(
            data(&json!({"values": "proxy: ["}))
                .values
                .unwrap()
                .unreadable
        );
        let typed = data(&json!({"values": "proxy: {defaultInboundPolicy: [a]}"}));
        assert!(typed.values.unwrap().unreadable);
    }

    #[test]
    fn the_plugins_options_are_read_from_its_json() {
        let text = r#"{"name": "linkerd-cni", "linkerd": {"inbound-ports-to-ignore": ["4191", 4190, "25-30"],
            "ports-to-redirect": [], "token": "canary"}}"#;
        let config = data(&json!({"cni_network_config": text}));
        let options = config.cni_network_config.unwrap().linkerd;
        assert_eq!(options.inbound_ports_to_ignore.len(), 3);
        assert!(options.ports_to_redirect.is_empty());
        let broken = data(&json!({"cni_network_config": "{"}));
        assert!(broken.cni_network_config.unwrap().unreadable);
    }

    #[test]
    fn policies_keep_their_fields() {
        let written = json!({"metadata": {}, "spec": {
            "server": {"name": "web"},
            "client": {"networks": [{"cidr": "10.0.0.0/8"}],
                "meshTLS": {"unauthenticatedTLS": true, "serviceAccounts": [{"name": "a"}]}},
        }});
        let policy: ServerAuthorization = serde_json::from_value(written).unwrap();
        let mesh = policy.spec.client.mesh_tls.as_ref().unwrap();
        assert_eq!(mesh.unauthenticated_tls, Some(true));
        assert_eq!(mesh.service_accounts[0].name, "a");
        let again = serde_json::to_value(&policy).unwrap();
        assert_eq!(
            again["spec"],
            json!({"server": {"name": "web"},
                "client": {"meshTLS": {"unauthenticatedTLS": true, "serviceAccounts": [{"name": "a"}]}}})
        );
    }
}
