//! Identity and metadata of objects, and small readers that several projections share.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, de};

/// What tells one object from another; kept beside the projection, so that replicas can share theirs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Identity {
    /// `metadata.name`.
    pub name: String,
    /// `metadata.namespace`; absent for cluster-scoped objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// `metadata.uid`; absent in files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// `metadata.resourceVersion`; absent in files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_version: Option<String>,
    /// `metadata.generateName`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generate_name: Option<String>,
    /// `metadata.creationTimestamp`, RFC 3339 as the API writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub creation_timestamp: Option<String>,
    /// `metadata.deletionTimestamp`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_timestamp: Option<String>,
    /// Uids of the owner references, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub owner_uids: Vec<String>,
}

/// The part of `metadata` that equal objects share.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", from = "Wire")]
pub struct Metadata {
    /// Labels, whole: selectors may name any key.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// The annotations that some rule reads.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// Owners by name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub owner_references: Vec<OwnerReference>,
    /// Taken out right after decoding; empty in evidence.
    #[serde(skip_serializing)]
    pub identity: Identity,
}

/// One entry of `metadata.ownerReferences`, without its uid.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OwnerReference {
    /// API group and version of the owner.
    #[serde(default)]
    pub api_version: String,
    /// Kind of the owner.
    #[serde(default)]
    pub kind: String,
    /// Name of the owner, in the same namespace.
    #[serde(default)]
    pub name: String,
    /// Whether this owner is the managing controller.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub controller: bool,
}

/// `metadata` as the API writes it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    namespace: Option<String>,
    #[serde(default)]
    uid: Option<String>,
    #[serde(default)]
    resource_version: Option<String>,
    #[serde(default)]
    generate_name: Option<String>,
    #[serde(default)]
    creation_timestamp: Option<String>,
    #[serde(default)]
    deletion_timestamp: Option<String>,
    #[serde(default, deserialize_with = "null_default")]
    labels: BTreeMap<String, Option<String>>,
    #[serde(default, deserialize_with = "known_annotations")]
    annotations: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "null_default")]
    owner_references: Vec<WireOwner>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireOwner {
    #[serde(default)]
    uid: Option<String>,
    #[serde(default)]
    api_version: String,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    controller: Option<bool>,
}

impl From<Wire> for Metadata {
    fn from(wire: Wire) -> Self {
        let owner_uids = wire
            .owner_references
            .iter()
            .filter_map(|owner| owner.uid.clone())
            .collect();
        Self {
            labels: wire
                .labels
                .into_iter()
                .map(|(key, value)| (key, value.unwrap_or_default()))
                .collect(),
            annotations: wire.annotations,
            owner_references: wire
                .owner_references
                .into_iter()
                .map(|owner| OwnerReference {
                    api_version: owner.api_version,
                    kind: owner.kind,
                    name: owner.name,
                    controller: owner.controller.unwrap_or(false),
                })
                .collect(),
            identity: Identity {
                name: wire.name.unwrap_or_default(),
                namespace: wire.namespace.filter(|namespace| !namespace.is_empty()),
                uid: wire.uid,
                resource_version: wire.resource_version,
                generate_name: wire.generate_name,
                creation_timestamp: wire.creation_timestamp,
                deletion_timestamp: wire.deletion_timestamp,
                owner_uids,
            },
        }
    }
}

/// Annotations that rules read. Others may hold anything, also copies of env values
/// (`kubectl.kubernetes.io/last-applied-configuration`), and are dropped while decoding.
const ANNOTATIONS: &[&str] = &[
    "ambient.istio.io/bypass-inbound-capture",
    "ambient.istio.io/redirection",
    "istio.io/rev",
    "k3s.io/node-args",
    "k8s.v1.cni.cncf.io/networks",
    "kubernetes.io/config.mirror",
    "linkerd.io/inject",
    "sidecar.istio.io/inject",
    "sidecar.istio.io/interceptionMode",
    "sidecar.istio.io/status",
    "status.sidecar.istio.io/port",
    "traffic.sidecar.istio.io/excludeInboundPorts",
    "traffic.sidecar.istio.io/excludeInterfaces",
    "traffic.sidecar.istio.io/includeInboundPorts",
];

/// An annotation's value is cut to this many bytes; none that a rule reads is longer.
const ANNOTATION_BYTES: usize = 4096;

fn known_annotations<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, String>, D::Error> {
    struct Visitor;
    impl<'de> de::Visitor<'de> for Visitor {
        type Value = BTreeMap<String, String>;

        fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            formatter.write_str("a map of annotations")
        }

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(BTreeMap::new())
        }

        fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut annotations = BTreeMap::new();
            while let Some(key) = map.next_key::<std::borrow::Cow<'de, str>>()? {
                if ANNOTATIONS.contains(&key.as_ref()) {
                    let value = map.next_value::<Option<String>>()?.unwrap_or_default();
                    let kept = if key == "k3s.io/node-args" {
                        policy_flag(&value)
                    } else {
                        bounded_annotation(&value)
                    };
                    annotations.insert(key.into_owned(), kept);
                } else {
                    map.next_value::<de::IgnoredAny>()?;
                }
            }
            Ok(annotations)
        }
    }
    deserializer.deserialize_any(Visitor)
}

/// `sidecar.istio.io/status` holds a JSON document of which only the revision counts.
fn bounded_annotation(value: &str) -> String {
    #[derive(Deserialize)]
    struct Status {
        revision: Option<String>,
    }
    if let Ok(Status {
        revision: Some(revision),
    }) = serde_json::from_str::<Status>(value)
    {
        return serde_json::json!({ "revision": revision }).to_string();
    }
    let mut end = value.len().min(ANNOTATION_BYTES);
    while !value.is_char_boundary(end) {
        end -= 1;
    }
    value[..end].to_owned()
}

/// Flag of k3s that switches its network policy controller off.
pub const NO_NETWORK_POLICY: &str = "--disable-network-policy";

/// Of the arguments that k3s notes on its nodes, only the flag that switches network policies off, with its value.
fn policy_flag(value: &str) -> String {
    let arguments: Vec<String> = serde_json::from_str(value).unwrap_or_default();
    let mut kept: Vec<String> = Vec::new();
    let mut rest = arguments.iter().peekable();
    while let Some(argument) = rest.next() {
        let (flag, inline) = match argument.split_once('=') {
            Some((flag, value)) => (flag, Some(value)),
            None => (argument.as_str(), None),
        };
        if flag == NO_NETWORK_POLICY {
            let is_boolean = |value: &&str| ["true", "false"].contains(value);
            let next = || rest.peek().map(|next| next.as_str());
            let value = inline.or_else(next).filter(is_boolean).unwrap_or("true");
            kept = vec![NO_NETWORK_POLICY.to_owned(), value.to_owned()];
        }
    }
    serde_json::json!(kept).to_string()
}

/// Reads an explicit `null` like an absent field, as the API server does.
pub(crate) fn null_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

/// A value that the API takes as a number or a string: `IntOrString`, `Quantity`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(untagged)]
pub enum Scalar {
    /// Written as a whole number.
    Number(i64),
    /// Written as text, or a number that is not whole.
    Text(String),
}

impl std::fmt::Display for Scalar {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Number(number) => number.fmt(formatter),
            Self::Text(text) => formatter.write_str(text),
        }
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Scalar;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("a string or a number")
            }

            fn visit_str<E>(self, text: &str) -> Result<Scalar, E> {
                Ok(Scalar::Text(text.to_owned()))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Scalar, E> {
                Ok(i64::try_from(number)
                    .map_or_else(|_| Scalar::Text(number.to_string()), Scalar::Number))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Scalar, E> {
                Ok(Scalar::Number(number))
            }

            fn visit_f64<E>(self, number: f64) -> Result<Scalar, E> {
                // `2.0` is as whole as `2`, and its text is the same.
                let text = number.to_string();
                Ok(text.parse().map_or(Scalar::Text(text), Scalar::Number))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}
