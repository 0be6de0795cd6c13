//! Objects of Mendix on Kubernetes. Its schemas are not public and its objects hold passwords and keys, so these
//! projections keep few fields and tolerate whatever else there is.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, Deserializer, IgnoredAny, MapAccess, SeqAccess};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::facts::UNRECOGNISED;
use super::metadata::{Metadata, Scalar, null_default};

/// MendixApp: one environment of an app.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct MendixApp {
    #[serde(default)]
    pub metadata: Metadata,
    #[serde(default, deserialize_with = "null_default")]
    pub spec: MendixAppSpec,
}

/// The part of `MendixApp.spec` that counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct MendixAppSpec {
    /// 0 means stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i64>,
    #[serde(default, deserialize_with = "null_default")]
    pub runtime: MendixRuntime,
    #[serde(
        default,
        rename = "jvmMemorySettings",
        skip_serializing_if = "JvmMemorySettings::is_empty"
    )]
    pub jvm_memory_settings: JvmMemorySettings,
}

/// `MendixApp.spec.jvmMemorySettings`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JvmMemorySettings {
    /// The most that the heap may grow to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heap_limit: Option<Scalar>,
}

impl JvmMemorySettings {
    /// Whether nothing is set.
    pub fn is_empty(&self) -> bool {
        self.heap_limit.is_none()
    }
}

impl<'de> Deserialize<'de> for JvmMemorySettings {
    /// Reads what has the shape of a quantity; the schema is not public, and anything else must not spoil the object.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let settings = Value::deserialize(deserializer)?;
        let heap_limit = match settings.get("heapLimit") {
            None | Some(Value::Null) => None,
            Some(Value::Number(number)) => Some(Scalar::Text(number.to_string())),
            Some(Value::String(text)) if is_quantity_like(text) => Some(Scalar::Text(text.clone())),
            Some(_) => Some(Scalar::Text(UNRECOGNISED.to_owned())),
        };
        Ok(Self { heap_limit })
    }
}

/// Whether a text could be a quantity, or stands for one that could not.
fn is_quantity_like(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    text == UNRECOGNISED || text.len() <= 32 && text.bytes().all(allowed)
}

/// `MendixApp.spec.runtime`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MendixRuntime {
    /// `P` for production, `D` for development.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dtap_mode: Option<String>,
    /// Of the embedded JSON only the key that overrides the mode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_configuration: Option<CustomConfiguration>,
}

/// What is kept of `customConfiguration`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub struct CustomConfiguration {
    /// `DTAPMode`, which wins over `dtapMode`.
    #[serde(rename = "DTAPMode", skip_serializing_if = "Option::is_none")]
    pub dtap_mode: Option<String>,
    /// Whether the text is no JSON object, so that an override would go unseen.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unreadable: bool,
}

impl<'de> Deserialize<'de> for CustomConfiguration {
    /// Reads the JSON text of the API, or the object of evidence.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Keys {
            #[serde(default, rename = "DTAPMode")]
            dtap_mode: Option<Value>,
            #[serde(default)]
            unreadable: Option<Value>,
        }
        let unreadable = Self {
            dtap_mode: None,
            unreadable: true,
        };
        let (keys, from_text) = match Value::deserialize(deserializer)? {
            Value::String(text) if text.trim().is_empty() => return Ok(Self::default()),
            // A list would be read into the keys by position.
            Value::String(text) if !text.trim_start().starts_with('{') => return Ok(unreadable),
            Value::String(text) => match serde_json::from_str::<Keys>(&text) {
                Ok(keys) => (keys, true),
                Err(_) => return Ok(unreadable),
            },
            object @ Value::Object(_) => match Keys::deserialize(object) {
                Ok(keys) => (keys, false),
                Err(_) => return Ok(unreadable),
            },
            Value::Null => return Ok(Self::default()),
            _ => return Ok(unreadable),
        };
        Ok(Self {
            dtap_mode: keys.dtap_mode.map(|mode| mode_word(&mode)),
            unreadable: !from_text && keys.unreadable == Some(Value::Bool(true)),
        })
    }
}

/// A mode is a short word; anything else could be a value put there by mistake.
fn mode_word(mode: &Value) -> String {
    match mode {
        Value::String(text)
            if text.len() <= 16 && text.bytes().all(|byte| byte.is_ascii_alphabetic()) =>
        {
            text.clone()
        }
        Value::String(text) if text == UNRECOGNISED => text.clone(),
        _ => UNRECOGNISED.to_owned(),
    }
}

/// Runtime: the object between a MendixApp and its Deployments; only its owners count.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Runtime {
    #[serde(default)]
    pub metadata: Metadata,
}

/// OperatorConfiguration: which namespaces it lists as managed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct OperatorConfiguration {
    #[serde(default)]
    pub metadata: Metadata,
    #[serde(default, deserialize_with = "null_default")]
    pub spec: NamespaceLists,
}

/// Every array of namespace-like names below `spec`, by path. The field that lists the managed namespaces of a
/// Global operator is documented in prose only, so no single name can be read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct NamespaceLists(pub BTreeMap<String, Vec<String>>);

impl<'de> Deserialize<'de> for NamespaceLists {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut lists = BTreeMap::new();
        deserializer.deserialize_any(Walk {
            path: String::new(),
            lists: &mut lists,
        })?;
        Ok(Self(lists))
    }
}

/// Depth-first walk that keeps arrays of DNS labels and drops all other values unread.
struct Walk<'a> {
    path: String,
    lists: &'a mut BTreeMap<String, Vec<String>>,
}

impl<'de> de::DeserializeSeed<'de> for Walk<'_> {
    type Value = Option<String>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> de::Visitor<'de> for Walk<'_> {
    type Value = Option<String>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(is_dns_label(text).then(|| text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut names = Vec::new();
        while let Some(name) = list.next_element_seed(Walk {
            path: self.path.clone(),
            lists: self.lists,
        })? {
            names.extend(name);
        }
        if !names.is_empty() {
            self.lists.entry(self.path).or_default().extend(names);
        }
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            if key.len() > 256 {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            let path = if self.path.is_empty() {
                key
            } else {
                format!("{}.{key}", self.path)
            };
            map.next_value_seed(Walk {
                path,
                lists: self.lists,
            })?;
        }
        Ok(None)
    }
}

/// Whether a text could name a namespace.
fn is_dns_label(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn of_custom_configuration_only_the_mode_is_kept() {
        let read = |text: &str| {
            let app: MendixApp =
                serde_json::from_value(json!({"spec": {"runtime": {"customConfiguration": text}}}))
                    .unwrap();
            app.spec.runtime.custom_configuration.unwrap()
        };
        assert_eq!(
            read(r#"{"DTAPMode": "D", "License.SubscriptionSecret": "canary"}"#)
                .dtap_mode
                .as_deref(),
            Some("D")
        );
        assert_eq!(
            read(r#"{"DTAPMode": "canary 1"}"#).dtap_mode.as_deref(),
            Some(UNRECOGNISED)
        );
        assert_eq!(
            read(r#"{"DTAPMode": 7}"#).dtap_mode.as_deref(),
            Some(UNRECOGNISED)
        );
        assert_eq!(read("{}"), CustomConfiguration::default());
        for text in [
            "{DTAPMode: D",
            r#"["D"]"#,
            "null",
            r#"{"DTAPMode": "P", "DTAPMode": "D"}"#,
        ] {
            assert!(read(text).unreadable, "{text}");
        }
        for text in [r#"{"DTAPMode": 7}"#, "{", "{}"] {
            let written = serde_json::to_string(&read(text)).unwrap();
            assert_eq!(
                serde_json::from_str::<CustomConfiguration>(&written).unwrap(),
                read(text),
                "{text}"
            );
        }
    }

    #[test]
    fn lists_of_names_are_found_at_any_depth() {
        let configuration: OperatorConfiguration = serde_json::from_value(json!({"spec": {
            "managedNamespaces": ["hr", "Not A Name", 7],
            "a": {"b": ["x"]},
            "password": "canary",
            "nested": [["y"], {"c": ["z"]}],
        }}))
        .unwrap();
        let lists = configuration.spec;
        assert_eq!(
            serde_json::to_value(&lists).unwrap(),
            json!({"managedNamespaces": ["hr"], "a.b": ["x"], "nested": ["y"], "nested.c": ["z"]})
        );
        let text = serde_json::to_string(&lists).unwrap();
        assert_eq!(
            serde_json::from_str::<NamespaceLists>(&text).unwrap(),
            lists,
            "reads back as written"
        );
    }
}
