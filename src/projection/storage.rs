//! `StoragePlan` and `StorageInstance` of Mendix on Kubernetes. Both hold credentials, and their schemas are not public: of
//! each only leaves of a few known keys are kept, under their path.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess};
use serde::{Deserialize, Serialize};

use super::facts::UNRECOGNISED;
use super::metadata::{Metadata, Scalar, null_default};

/// StoragePlan: how databases or file stores are made for apps.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct StoragePlan {
    #[serde(default)]
    pub metadata: Metadata,
    #[serde(default, deserialize_with = "null_default")]
    pub spec: PlanLeaves,
}

/// `StorageInstance`: a database or file store of one app.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct StorageInstance {
    #[serde(default)]
    pub metadata: Metadata,
    #[serde(default, deserialize_with = "null_default")]
    pub spec: InstanceLeaves,
}

/// Of a StoragePlan: `type`, `provisioner`, and where its server is, by path.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct PlanLeaves(pub BTreeMap<String, Scalar>);

/// Of a `StorageInstance`: the name of its plan, by path.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct InstanceLeaves(pub BTreeMap<String, Scalar>);

/// Keys at the top of a plan's `spec`.
const PLAN_KEYS: &[&str] = &["provisioner", "type"];
/// Keys at any depth of a plan that say where a server is, in lower case.
const SERVER_KEYS: &[&str] = &["endpoint", "host", "hostname", "port"];
/// Keys at any depth of an instance that may name its plan, in lower case.
const PLAN_NAMES: &[&str] = &[
    "plan",
    "planname",
    "serviceplan",
    "storageplan",
    "storageplanname",
];
/// A longer text is no name of a host or plan.
const LONGEST: usize = 253;
/// More leaves than any real plan has.
const MOST_LEAVES: usize = 64;

impl PlanLeaves {
    /// A text at the top of `spec`.
    pub fn text(&self, key: &str) -> Option<&str> {
        match self.0.get(key)? {
            Scalar::Text(text) => Some(text),
            Scalar::Number(_) => None,
        }
    }

    /// Paths and names of servers.
    pub fn hosts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .filter(|(path, _)| {
                let key = last_key(path).to_ascii_lowercase();
                key != "port" && SERVER_KEYS.contains(&key.as_str())
            })
            .filter_map(|(path, value)| match value {
                Scalar::Text(text) if text != UNRECOGNISED => Some((path.as_str(), text.as_str())),
                _ => None,
            })
    }
}

impl<'de> Deserialize<'de> for PlanLeaves {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let keep = |path: &str| {
            PLAN_KEYS.contains(&path)
                || SERVER_KEYS.contains(&last_key(path).to_ascii_lowercase().as_str())
        };
        leaves(deserializer, keep).map(Self)
    }
}

impl<'de> Deserialize<'de> for InstanceLeaves {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let keep = |path: &str| PLAN_NAMES.contains(&last_key(path).to_ascii_lowercase().as_str());
        leaves(deserializer, keep).map(Self)
    }
}

fn last_key(path: &str) -> &str {
    path.rsplit_once('.').map_or(path, |(_, key)| key)
}

fn leaves<'de, D: Deserializer<'de>>(
    deserializer: D,
    keep: fn(&str) -> bool,
) -> Result<BTreeMap<String, Scalar>, D::Error> {
    let mut leaves = BTreeMap::new();
    Walk {
        path: String::new(),
        keep,
        leaves: &mut leaves,
    }
    .deserialize(deserializer)?;
    Ok(leaves)
}

/// Depth-first walk that keeps leaves of known keys and drops all other values unread.
struct Walk<'a> {
    path: String,
    keep: fn(&str) -> bool,
    leaves: &'a mut BTreeMap<String, Scalar>,
}

impl Walk<'_> {
    fn put(self, value: Scalar) {
        if (self.keep)(&self.path) && self.leaves.len() < MOST_LEAVES {
            self.leaves.insert(self.path, value);
        }
    }
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> de::Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, number: i64) -> Result<(), E> {
        self.put(Scalar::Number(number));
        Ok(())
    }

    fn visit_u64<E>(self, number: u64) -> Result<(), E> {
        if let Ok(number) = i64::try_from(number) {
            self.put(Scalar::Number(number));
        }
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        let name = server_or_name(text);
        self.put(Scalar::Text(name));
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let mut index = 0_usize;
        loop {
            let item = Walk {
                path: format!("{}.{index}", self.path),
                keep: self.keep,
                leaves: self.leaves,
            };
            if list.next_element_seed(item)?.is_none() {
                return Ok(());
            }
            index += 1;
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            if key.len() > LONGEST {
                map.next_value::<de::IgnoredAny>()?;
                continue;
            }
            let path = if self.path.is_empty() {
                key
            } else {
                format!("{}.{key}", self.path)
            };
            map.next_value_seed(Walk {
                path,
                keep: self.keep,
                leaves: self.leaves,
            })?;
        }
        Ok(())
    }
}

/// A host, a URL or a name, without user, password, query and fragment; anything else could be a secret put there by
/// mistake.
fn server_or_name(text: &str) -> String {
    let end = text.find(['?', '#', ';']).unwrap_or(text.len());
    let text = text[..end].trim();
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        None => (String::new(), text),
    };
    let rest = rest.rsplit_once('@').map_or(rest, |(_, server)| server);
    let clean = format!("{scheme}{rest}");
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:/[],".contains(&byte);
    if clean.len() <= LONGEST && clean.bytes().all(allowed) {
        clean
    } else {
        UNRECOGNISED.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn of_a_plan_only_known_leaves_are_kept() {
        let plan: StoragePlan = serde_json::from_value(json!({"spec": {
            "type": "on-demand",
            "provisioner": "postgres96",
            "password": "canary",
            "create": {"image": "canary", "args": ["canary"], "env": {"PASSWORD": "canary"}},
            "connection": {
                "host": "canary:canary@pg.prod.svc?password=canary",
                "port": 5432,
                "strictTLS": true,
                "endpoint": "https://canary@minio.prod:9000/bucket?key=canary",
            },
            "servers": [{"hostName": "two words canary"}],
        }}))
        .unwrap();
        assert_eq!(
            serde_json::to_value(&plan.spec).unwrap(),
            json!({
                "type": "on-demand",
                "provisioner": "postgres96",
                "connection.host": "pg.prod.svc",
                "connection.port": 5432,
                "connection.endpoint": "https://minio.prod:9000/bucket",
                "servers.0.hostName": UNRECOGNISED,
            })
        );
        let text = serde_json::to_string(&plan.spec).unwrap();
        let again: PlanLeaves = serde_json::from_str(&text).unwrap();
        assert_eq!(again, plan.spec, "reads back as written");
        assert_eq!(
            plan.spec.hosts().map(|(_, host)| host).collect::<Vec<_>>(),
            ["https://minio.prod:9000/bucket", "pg.prod.svc"]
        );
    }

    #[test]
    fn specs_of_another_shape_are_empty() {
        for spec in [json!(null), json!("text"), json!(7), json!([1, "x"])] {
            let plan: StoragePlan = serde_json::from_value(json!({ "spec": spec })).unwrap();
            assert_eq!(plan.spec, PlanLeaves::default(), "{spec}");
        }
    }
}
