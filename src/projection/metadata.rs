//! Identity and metadata of objects, and small readers that several projections share.

use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use litemap::LiteMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::annotations;
use super::uid::Uid;

/// A `map[string]string` of the API. It has few entries, for which a tree would take ten times the memory; it is read
/// into one nevertheless, since a hostile map may have many in the worst order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(from = "BTreeMap<String, String>")]
pub struct StringMap(LiteMap<String, String>);

impl From<BTreeMap<String, String>> for StringMap {
    fn from(map: BTreeMap<String, String>) -> Self {
        let mut entries: Vec<_> = map.into_iter().collect();
        entries.shrink_to_fit();
        Self(LiteMap::from_sorted_store_unchecked(entries))
    }
}

impl Serialize for StringMap {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self)
    }
}

impl StringMap {
    /// None at all.
    pub const fn new() -> Self {
        Self(LiteMap::new_vec())
    }

    /// Whether it has no entry.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<(String, String)> for StringMap {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(entries: I) -> Self {
        entries.into_iter().collect::<BTreeMap<_, _>>().into()
    }
}

impl Deref for StringMap {
    type Target = LiteMap<String, String>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for StringMap {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

impl<'m> IntoIterator for &'m StringMap {
    type Item = (&'m String, &'m String);
    type IntoIter = <&'m LiteMap<String, String> as IntoIterator>::IntoIter;

    fn into_iter(self) -> Self::IntoIter {
        (&self.0).into_iter()
    }
}

/// What tells one object from another; kept beside the projection, so that replicas can share theirs. Strings that many
/// objects have in common are shared, too.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Identity {
    /// `metadata.name`.
    pub name: String,
    /// `metadata.namespace`; absent for cluster-scoped objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<Arc<str>>,
    /// `metadata.uid`; absent in files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<Uid>,
    /// `metadata.resourceVersion`; absent in files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_version: Option<Box<str>>,
    /// `metadata.generateName`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generate_name: Option<Arc<str>>,
    /// `metadata.creationTimestamp`, RFC 3339 as the API writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub creation_timestamp: Option<Arc<str>>,
    /// `metadata.deletionTimestamp`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_timestamp: Option<Box<str>>,
    /// Uids of the owner references, in their order.
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    pub owner_uids: Arc<[Uid]>,
}

/// The part of `metadata` that equal objects share.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", from = "Wire")]
pub struct Metadata {
    /// Labels, whole: selectors may name any key.
    #[serde(skip_serializing_if = "StringMap::is_empty")]
    pub labels: StringMap,
    /// The annotations that some rule reads.
    #[serde(skip_serializing_if = "StringMap::is_empty")]
    pub annotations: StringMap,
    /// Owners by name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub owner_references: Vec<OwnerReference>,
    /// Taken out right after decoding; none in evidence.
    #[serde(skip_serializing)]
    pub identity: Option<Box<Identity>>,
}

impl Metadata {
    /// Takes out what tells the object from its equals.
    pub fn take_identity(&mut self) -> Identity {
        self.identity
            .take()
            .map_or_else(Identity::default, |identity| *identity)
    }
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
    namespace: Option<Arc<str>>,
    #[serde(default)]
    uid: Option<Uid>,
    #[serde(default)]
    resource_version: Option<Box<str>>,
    #[serde(default)]
    generate_name: Option<Arc<str>>,
    #[serde(default)]
    creation_timestamp: Option<Arc<str>>,
    #[serde(default)]
    deletion_timestamp: Option<Box<str>>,
    #[serde(default, deserialize_with = "null_default")]
    labels: BTreeMap<String, Option<String>>,
    #[serde(default, deserialize_with = "known_annotations")]
    annotations: StringMap,
    #[serde(default, deserialize_with = "list")]
    owner_references: Vec<WireOwner>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireOwner {
    #[serde(default)]
    uid: Option<Uid>,
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
        let identity = Identity {
            name: wire.name.unwrap_or_default(),
            namespace: wire.namespace.filter(|namespace| !namespace.is_empty()),
            uid: wire.uid,
            resource_version: wire.resource_version,
            generate_name: wire.generate_name,
            creation_timestamp: wire.creation_timestamp,
            deletion_timestamp: wire.deletion_timestamp,
            owner_uids,
        };
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
            identity: (identity != Identity::default()).then(|| Box::new(identity)),
        }
    }
}

fn known_annotations<'de, D: Deserializer<'de>>(deserializer: D) -> Result<StringMap, D::Error> {
    struct Visitor;
    impl<'de> de::Visitor<'de> for Visitor {
        type Value = StringMap;

        fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            formatter.write_str("a map of annotations")
        }

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(StringMap::new())
        }

        fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut kept = BTreeMap::new();
            while let Some(key) = map.next_key::<std::borrow::Cow<'de, str>>()? {
                if let Some(keep) = annotations::keep(&key) {
                    let value = map.next_value::<Option<String>>()?.unwrap_or_default();
                    kept.insert(key.into_owned(), keep.of(&value));
                } else {
                    map.next_value::<de::IgnoredAny>()?;
                }
            }
            Ok(kept.into())
        }
    }
    deserializer.deserialize_any(Visitor)
}

/// Reads an explicit `null` like an absent field, as the API server does.
pub(crate) fn null_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

/// Reads a list of `null` like one that is not there, and keeps no room for more than it holds.
pub(crate) fn list<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    let mut list: Vec<T> = null_default(deserializer)?;
    list.shrink_to_fit();
    Ok(list)
}

/// Whether a value is there: anything in the API, `true` in evidence.
pub(crate) fn presence<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(match serde_json::Value::deserialize(deserializer)? {
        serde_json::Value::Null => false,
        serde_json::Value::Bool(present) => present,
        serde_json::Value::String(text) => !text.is_empty(),
        serde_json::Value::Array(items) => !items.is_empty(),
        serde_json::Value::Object(fields) => !fields.is_empty(),
        serde_json::Value::Number(_) => true,
    })
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
