//! What is kept of the configuration of ingress controllers: flags of their containers and keys of their ConfigMaps,
//! both from closed lists.

use std::collections::BTreeMap;
use std::fmt;

use litemap::LiteMap;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::annotations::PRESENT;
use super::facts::UNRECOGNISED;

/// Last path segments of images whose flags are kept.
const IMAGES: &[&str] = &[
    "controller",
    "controller-chroot",
    "haproxy-ingress",
    "kubernetes-ingress",
    "nginx-ingress",
    "nginx-ingress-controller",
    "nginx-plus-ingress",
    "traefik",
];

/// How a flag is written, and what is kept of it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flag {
    /// Alone it means true.
    Switch,
    /// A value follows, in the same word or the next.
    Value,
    /// A value follows, of which only the presence counts.
    Presence,
}

/// Flags by their lower-case name without dashes.
const FLAGS: &[(&str, Flag)] = &[
    ("annotations-prefix", Flag::Value),
    ("configfile", Flag::Presence),
    ("configmap", Flag::Value),
    ("controller-class", Flag::Value),
    ("default-ssl-certificate", Flag::Presence),
    ("disable-http", Flag::Switch),
    ("disable-https", Flag::Switch),
    ("empty-ingress-class", Flag::Switch),
    ("enable-ssl-passthrough", Flag::Switch),
    ("ingress-class", Flag::Value),
    ("ingress.class", Flag::Value),
    ("nginx-configmaps", Flag::Value),
    ("providers.kubernetesingress.ingressclass", Flag::Value),
    (
        "providers.kubernetesingress.nativelbbydefault",
        Flag::Switch,
    ),
    ("providers.kubernetesingressnginx", Flag::Switch),
    ("tcp-services-configmap", Flag::Value),
    ("watch-ingress-without-class", Flag::Switch),
    ("wildcard-tls-secret", Flag::Presence),
];

/// Endings of Traefik's flags for one entrypoint, `entrypoints.<name>.<ending>`.
const ENTRYPOINT_FLAGS: &[(&str, Flag)] = &[
    ("address", Flag::Value),
    ("asdefault", Flag::Switch),
    ("http.redirections.entrypoint.scheme", Flag::Value),
    ("http.redirections.entrypoint.to", Flag::Value),
    ("http.tls", Flag::Switch),
    ("http.tls.certresolver", Flag::Presence),
    ("http.tls.domains", Flag::Presence),
    ("http.tls.options", Flag::Presence),
];

/// Keys of the ConfigMaps of ingress controllers.
const KEYS: &[&str] = &[
    "allow-list",
    "client-crt-optional",
    "enable-real-ip",
    "enforce-ingress-https",
    "force-ssl-redirect",
    "no-tls-redirect-locations",
    "proxy-protocol",
    "proxy-real-ip-cidr",
    "redirect-to-https",
    "service-upstream",
    "src-ip-header",
    "ssl-redirect",
    "use-forwarded-headers",
    "use-proxy-protocol",
    "whitelist",
    "whitelist-source-range",
];
/// Keys of which only the presence counts.
const PRESENCE_KEYS: &[&str] = &["client-ca", "ssl-certificate"];

/// Booleans as Go's `strconv.ParseBool` takes them.
const SWITCH: &[&str] = &[
    "0", "1", "F", "FALSE", "False", "T", "TRUE", "True", "f", "false", "t", "true",
];

/// Longest value that is kept.
const BYTES: usize = 4096;

/// Whether the flags of a container with this image are kept.
pub fn keeps_flags(image: Option<&str>) -> bool {
    let image = image.unwrap_or_default();
    let image = image.split_once('@').map_or(image, |(name, _)| name);
    let last = image.rsplit_once('/').map_or(image, |(_, last)| last);
    let name = last.split_once(':').map_or(last, |(name, _)| name);
    IMAGES.contains(&name)
}

/// Flags that name the ConfigMap of a controller.
pub const CONFIG_MAP_FLAGS: &[&str] = &["--configmap", "--nginx-configmaps"];

/// Namespace and name of the ConfigMap that a flag names, in a pod of this namespace.
pub fn config_map(value: &str, namespace: &str) -> Option<(String, String)> {
    let (place, name) = value.split_once('/')?;
    let place = match place {
        "$(POD_NAMESPACE)" => namespace,
        place => place,
    };
    let is_name = |text: &str| {
        !text.is_empty()
            && text.bytes().all(|byte| {
                byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte)
            })
            && !text.starts_with('.')
    };
    (is_name(place) && is_name(name)).then(|| (place.to_owned(), name.to_owned()))
}

/// Whether a fact is a flag of this list; its key is the name in lower case behind two dashes.
pub(super) fn is_flag(key: &str) -> bool {
    key.strip_prefix("--")
        .is_some_and(|name| kind(name).is_some())
}

fn kind(name: &str) -> Option<Flag> {
    let listed = FLAGS.iter().find(|(known, _)| *known == name);
    let entrypoint = || {
        let rest = name.strip_prefix("entrypoints.")?;
        let (entrypoint, ending) = rest.split_once('.')?;
        let named = !entrypoint.is_empty() && entrypoint.len() <= 63;
        let known = ENTRYPOINT_FLAGS.iter().find(|(known, _)| *known == ending);
        known.filter(|_| named)
    };
    listed.or_else(entrypoint).map(|(_, flag)| *flag)
}

/// `entrypoints.<name>.http.tls.domains[0].main`, and others like it, say the same: that there are domains.
fn without_domain(name: String) -> String {
    const DOMAINS: &str = ".http.tls.domains";
    match name.find(DOMAINS) {
        Some(start) if name.starts_with("entrypoints.") => name[..start + DOMAINS.len()].to_owned(),
        _ => name,
    }
}

/// Reads the flags of a controller.
pub(super) fn read_flags(arguments: &[String], facts: &mut LiteMap<String, String>) {
    let mut rest = arguments.iter().map(String::as_str).peekable();
    while let Some(argument) = rest.next() {
        let Some(flag) = argument
            .strip_prefix("--")
            .or_else(|| argument.strip_prefix('-'))
        else {
            continue;
        };
        let (name, inline) = match flag.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (flag, None),
        };
        let name = without_domain(name.to_lowercase());
        let Some(kind) = kind(&name) else {
            continue;
        };
        let value = match (kind, inline) {
            (Flag::Switch, inline) => inline.unwrap_or("true"),
            (Flag::Value | Flag::Presence, Some(value)) => value,
            (Flag::Value | Flag::Presence, None) => rest
                .next_if(|next| !next.starts_with('-'))
                .unwrap_or_default(),
        };
        facts.insert(format!("--{name}"), kept(kind, value));
    }
}

/// All flags that have a fixed name.
pub(super) fn all_flags() -> impl Iterator<Item = String> {
    FLAGS.iter().map(|(name, _)| format!("--{name}"))
}

/// The value of a flag as evidence holds it.
pub(super) fn reread(key: &str, value: &str) -> String {
    let kind = key.strip_prefix("--").and_then(kind);
    kind.map_or_else(String::new, |kind| kept(kind, value))
}

fn kept(kind: Flag, value: &str) -> String {
    let value = value.trim();
    if value == UNRECOGNISED {
        return UNRECOGNISED.to_owned();
    }
    if kind == Flag::Presence {
        let text = if value.is_empty() { "" } else { PRESENT };
        return text.to_owned();
    }
    let fits = match kind {
        Flag::Switch => SWITCH.contains(&value),
        Flag::Value | Flag::Presence => {
            value.len() <= 253
                && value
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-./_$():[]".contains(&byte))
        }
    };
    let text = if fits { value } else { UNRECOGNISED };
    text.to_owned()
}

/// Settings of an ingress controller, of a ConfigMap.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Settings(pub BTreeMap<String, String>);

impl Settings {
    /// Whether one of these keys is a setting.
    pub fn any_in<'k>(mut keys: impl Iterator<Item = &'k str>) -> bool {
        keys.any(|key| KEYS.contains(&key) || PRESENCE_KEYS.contains(&key))
    }
}

impl<'de> Deserialize<'de> for Settings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keys;
        impl<'de> Visitor<'de> for Keys {
            type Value = Settings;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("the data of a ConfigMap")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Settings, A::Error> {
                let mut settings = BTreeMap::new();
                while let Some((key, value)) = map.next_entry::<String, Value>()? {
                    let value = match value {
                        Value::String(value) => value,
                        // Files that leave out the quotes mean their text; the API server refuses them.
                        Value::Bool(_) | Value::Number(_) => value.to_string(),
                        Value::Null | Value::Array(_) | Value::Object(_) => UNRECOGNISED.to_owned(),
                    };
                    if KEYS.contains(&key.as_str()) {
                        let end = (0..=value.len().min(BYTES))
                            .rev()
                            .find(|end| value.is_char_boundary(*end));
                        settings.insert(key, value[..end.unwrap_or_default()].to_owned());
                    } else if PRESENCE_KEYS.contains(&key.as_str()) && !value.trim().is_empty() {
                        settings.insert(key, PRESENT.to_owned());
                    }
                }
                Ok(Settings(settings))
            }
        }
        deserializer.deserialize_map(Keys)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::projection::istio::ConfigMap;
    use crate::projection::pod::Container;

    fn flags(image: &str, arguments: &[&str]) -> serde_json::Value {
        let container = json!({"name": "any", "image": image, "args": arguments});
        let container: Container = serde_json::from_value(container).unwrap();
        let written = serde_json::to_value(&container).unwrap();
        let again: Container = serde_json::from_value(written.clone()).unwrap();
        assert_eq!(again, container, "evidence reads back");
        written.get("args").cloned().unwrap_or_default()
    }

    #[test]
    fn flags_of_controllers_are_kept_by_name() {
        let arguments = [
            "/nginx-ingress-controller",
            "--configmap=$(POD_NAMESPACE)/nginx",
            "--default-ssl-certificate",
            "edge/canary",
            "--enable-ssl-passthrough",
            "-ingress-class=web",
            "--canary=canary",
        ];
        let image = "registry.example/ingress-nginx/controller:v1@sha256:00";
        assert_eq!(
            flags(image, &arguments),
            json!({"--configmap": "$(POD_NAMESPACE)/nginx", "--default-ssl-certificate": "(present)",
                "--enable-ssl-passthrough": "true", "--ingress-class": "web"})
        );
        assert_eq!(flags("example.com/other:1", &arguments), json!(null));
        let traefik = [
            "--entryPoints.web.address=:80",
            "--entrypoints.websecure.http.tls",
            "--entrypoints.web.canary=canary",
        ];
        assert_eq!(
            flags("traefik:v3", &traefik),
            json!({"--entrypoints.web.address": ":80", "--entrypoints.websecure.http.tls": "true"})
        );
    }

    #[test]
    fn keys_of_config_maps_are_kept_from_a_list() {
        let data = json!({"ssl-redirect": "false", "client-ca": "canary", "canary": "canary"});
        let map: ConfigMap = serde_json::from_value(json!({ "data": data })).unwrap();
        let written = serde_json::to_value(&map).unwrap();
        assert_eq!(
            written["data"],
            json!({"client-ca": "(present)", "ssl-redirect": "false"})
        );
        assert_eq!(serde_json::from_value::<ConfigMap>(written).unwrap(), map);
    }
}
