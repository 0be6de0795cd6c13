//! The closed list of environment variables and flags that rules read.
//!
//! Values of variables and arguments may hold secrets. Only what stands in the two tables here is kept, only in the
//! containers named there, and only when the value has the shape that such a value must have.

use std::borrow::Cow;
use std::fmt;

use litemap::LiteMap;
use serde::de::{self, Deserializer, IgnoredAny, MapAccess, SeqAccess};
use serde::{Deserialize, Serialize};

use super::controllers;
use super::form::EVIDENCE_FORM;

/// Stands for a value that does not have the shape the variable or flag must have, and was therefore dropped.
pub const UNRECOGNISED: &str = "(unrecognised)";

/// What may be kept of a value.
#[derive(Clone, Copy)]
enum Shape {
    /// Nothing: only that it is there.
    Presence,
    /// A port number.
    Port,
    /// Addresses: hexadecimal digits, dots, colons, `*`, commas, or `localhost`.
    Addresses,
    /// A DNS label, as revisions and policies are.
    Word,
    /// Ports, port ranges, address ranges or interface names, separated by commas; `*` for all.
    Ranges,
}

/// `(container, variable, shape)`; `*` stands for any container.
const VARIABLES: &[(&str, &str, Shape)] = &[
    ("*", "M2EE_ADMIN_LISTEN_ADDRESSES", Shape::Addresses),
    ("*", "M2EE_ADMIN_PASS", Shape::Presence),
    ("*", "M2EE_ADMIN_PORT", Shape::Port),
    ("discovery", "CA_TRUSTED_NODE_ACCOUNTS", Shape::Ranges),
    ("discovery", "REVISION", Shape::Word),
    ("discovery", "SHARED_MESH_CONFIG", Shape::Word),
    ("istio-proxy", "DISABLE_ENVOY", Shape::Word),
    (
        "linkerd-proxy",
        "LINKERD2_PROXY_INBOUND_DEFAULT_POLICY",
        Shape::Word,
    ),
];

/// Flags of the containers that redirect traffic into Istio's proxy, as short and long name.
const REDIRECTION: &[(&str, &str)] = &[
    ("-b", "--istio-inbound-ports"),
    ("-c", "--istio-exclude-interfaces"),
    ("-d", "--istio-local-exclude-ports"),
    ("-i", "--istio-service-cidr"),
    ("-m", "--istio-inbound-interception-mode"),
    ("-o", "--istio-local-outbound-ports-exclude"),
    ("-q", "--istio-outbound-ports"),
    ("-x", "--istio-service-exclude-cidr"),
];

/// `(container, flag)`: flags of network plugins that say whether they enforce policies, true or false.
const ENFORCING: &[(&str, &str)] = &[
    ("aws-eks-nodeagent", "--enable-network-policy"),
    ("aws-network-policy-agent", "--enable-network-policy"),
    ("kube-router", "--run-firewall"),
];

/// Containers whose flags say what Istio captures.
const REDIRECTING: &[&str] = &["istio-init", "istio-validation"];

/// `(container, flag, shape)` of flags that are kept under their own name.
const FLAGS: &[(&str, &str, Shape)] = &[
    // Of Linkerd: what goes past the proxy, and what counts where no policy does.
    ("linkerd-init", "--inbound-ports-to-ignore", Shape::Ranges),
    ("linkerd-init", "--outbound-ports-to-ignore", Shape::Ranges),
    ("linkerd-init", "--ports-to-redirect", Shape::Ranges),
    ("linkerd-init", "--subnets-to-ignore", Shape::Ranges),
    ("policy", "--default-policy", Shape::Word),
];

/// The flag of this name, whatever container it is for.
fn listed(name: &str) -> Option<(&'static str, Shape)> {
    let mut flags = FLAGS.iter();
    flags
        .find(|(_, flag, _)| *flag == name)
        .map(|(_, flag, shape)| (*flag, *shape))
}

/// Key under which the role of an Istio proxy is kept: the word after `proxy`.
pub const PROXY_ROLE: &str = "proxy";

/// The container whose role is kept.
const PROXY: &str = "istio-proxy";

/// Known variables by name. `None` stands for one that is set from a reference or whose value is not kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct EnvironmentFacts(pub LiteMap<String, Option<String>>);

impl EnvironmentFacts {
    /// Whether no known variable is set.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Keeps what counts in the container of this name.
    pub(super) fn of_container(mut self, container: &str) -> Self {
        self.0.retain(|name, _| {
            VARIABLES.iter().any(|(holder, variable, _)| {
                variable == name && (*holder == "*" || *holder == container)
            })
        });
        self
    }

    fn insert(&mut self, name: &str, value: Option<&str>) {
        if let Some((_, _, shape)) = VARIABLES.iter().find(|(_, variable, _)| *variable == name) {
            self.0
                .insert(name.to_owned(), value.and_then(|value| shape.keep(value)));
        }
    }
}

/// Known flags by their short name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct ArgumentFacts(pub LiteMap<String, String>);

impl ArgumentFacts {
    /// Whether no known flag is set.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value of a flag.
    pub fn value(&self, flag: &str) -> Option<&str> {
        self.0.get(flag).map(String::as_str)
    }

    /// Keeps what counts in the container of this name.
    pub(super) fn of_container(mut self, container: &str, image: Option<&str>) -> Self {
        let controller = controllers::keeps_flags(image);
        self.0.retain(|flag, _| {
            if controllers::is_flag(flag) {
                controller
            } else if flag == PROXY_ROLE {
                container == PROXY
            } else if is_enforcing(flag) {
                ENFORCING.contains(&(container, flag.as_str()))
            } else if listed(flag).is_some() {
                FLAGS
                    .iter()
                    .any(|(holder, name, _)| *holder == container && name == flag)
            } else {
                REDIRECTING.contains(&container)
            }
        });
        self
    }

    /// What a container's command and arguments say. Where a shell or the environment may add flags, none of those that
    /// would count in this container is known.
    pub(super) fn of_words(
        command: Vec<String>,
        arguments: Arguments,
        container: &str,
        image: Option<&str>,
    ) -> Self {
        let words = match arguments {
            Arguments::Kept(facts) => return facts.of_container(container, image),
            Arguments::Words(arguments) => {
                if hides_flags(&command, &arguments) {
                    return Self::unread(container, image);
                }
                let mut words = command;
                words.extend(arguments);
                words
            }
        };
        Self::from_words(&words).of_container(container, image)
    }

    /// Every flag that would count in a container, with a value that was not read.
    fn unread(container: &str, image: Option<&str>) -> Self {
        let mut flags: Vec<&str> = Vec::new();
        let of = |holder: &str| holder == container;
        flags.extend(REDIRECTION.iter().map(|(short, _)| *short));
        flags.retain(|_| REDIRECTING.contains(&container));
        flags.extend((container == PROXY).then_some(PROXY_ROLE));
        let enforcing = ENFORCING.iter().filter(|(holder, _)| of(holder));
        flags.extend(enforcing.map(|(_, flag)| *flag));
        let listed = FLAGS.iter().filter(|(holder, ..)| of(holder));
        flags.extend(listed.map(|(_, flag, _)| *flag));
        let flags = flags.into_iter().map(str::to_owned);
        let controller = controllers::keeps_flags(image).then(controllers::all_flags);
        let flags = flags.chain(controller.into_iter().flatten());
        Self(flags.map(|flag| (flag, UNRECOGNISED.to_owned())).collect())
    }

    fn from_words(arguments: &[String]) -> Self {
        let mut facts = LiteMap::new();
        controllers::read_flags(arguments, &mut facts);
        let mut rest = arguments.iter().map(String::as_str).peekable();
        while let Some(argument) = rest.next() {
            let (name, inline) = flag_and_value(argument);
            if name == "proxy" {
                if let Some(role) = rest.peek().and_then(|role| Shape::Word.keep(role)) {
                    facts.entry(PROXY_ROLE.to_owned()).or_insert(role);
                }
            } else if is_enforcing(name) {
                // A flag of this type takes its value from the same word only; without one it is true.
                let value = Shape::Word.keep(inline.unwrap_or("true"));
                facts.insert(name.to_owned(), value.unwrap_or_default());
            } else if let Some((flag, shape)) = listed(name) {
                let value = inline.or_else(|| rest.next()).unwrap_or_default();
                add(&mut facts, flag, shape.keep(value).unwrap_or_default());
            } else if let Some((short, _)) = REDIRECTION
                .iter()
                .find(|(short, long)| *short == name || *long == name)
            {
                let value = inline.or_else(|| rest.next()).unwrap_or_default();
                let kept = Shape::Ranges.keep(value).unwrap_or_default();
                facts.insert((*short).to_owned(), kept);
            }
        }
        Self(facts)
    }
}

/// Programs that take other programs and their flags from a text or a file.
const SHELLS: &[&str] = &[
    "ash", "bash", "busybox", "dash", "fish", "ksh", "mksh", "sh", "zsh",
];

/// Whether flags may be given that are no words of their own: in a text for a shell, in a script, or in a variable of the
/// environment.
fn hides_flags(command: &[String], arguments: &[String]) -> bool {
    let base = |word: &str| {
        word.rsplit_once('/')
            .map_or(word, |(_, name)| name)
            .to_owned()
    };
    let is_script = |word: &String| word.rsplit_once('.').is_some_and(|(_, end)| end == "sh");
    let mut before: Option<&str> = None;
    let mut words = command.iter().chain(arguments).map(String::as_str);
    command.iter().any(is_script)
        || words.any(|word| {
            let takes_value =
                before.is_some_and(|before| before.starts_with('-') && !before.contains('='));
            before = Some(word);
            SHELLS.contains(&base(word).as_str())
                || holds_flag(word)
                || word.starts_with("$(") && !takes_value
        })
}

/// Whether a flag stands behind white space within one word.
fn holds_flag(word: &str) -> bool {
    let mut parts = word.split_whitespace().skip(1);
    parts.any(|part| part.len() > 1 && part.starts_with('-'))
}

/// Whether a flag says that a network plugin enforces policies.
fn is_enforcing(flag: &str) -> bool {
    ENFORCING.iter().any(|(_, known)| *known == flag)
}

/// A flag that is given more than once lists the values of all.
fn add(facts: &mut LiteMap<String, String>, flag: &str, value: String) {
    let known = facts.entry(flag.to_owned()).or_default();
    if known.is_empty() {
        *known = value;
    } else if known != UNRECOGNISED {
        if value == UNRECOGNISED {
            *known = value;
        } else if !value.is_empty() {
            let all = format!("{known},{value}");
            *known = Shape::Ranges.keep(&all).unwrap_or_default();
        }
    }
}

/// A flag and the value written into the same word: `--name=value`, `-d=8900`, `-d8900`.
fn flag_and_value(argument: &str) -> (&str, Option<&str>) {
    if let Some((name, value)) = argument.split_once('=') {
        return (name, Some(value));
    }
    let joined = REDIRECTION.iter().find_map(|(short, _)| {
        let value = argument.strip_prefix(short)?;
        (!value.is_empty()).then_some((*short, Some(value)))
    });
    joined.unwrap_or((argument, None))
}

impl Shape {
    fn keep(self, value: &str) -> Option<String> {
        let value = value.trim();
        let fits = match self {
            Self::Presence => return None,
            Self::Port => value.len() <= 5 && value.bytes().all(|byte| byte.is_ascii_digit()),
            Self::Addresses => {
                value.len() <= 256
                    && value.split(',').all(|address| {
                        let address = address.trim();
                        address == "localhost"
                            || address
                                .bytes()
                                .all(|byte| byte.is_ascii_hexdigit() || b".:*[]".contains(&byte))
                    })
            }
            Self::Word => {
                value.len() <= 63
                    && value
                        .bytes()
                        .all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
            }
            Self::Ranges => {
                value.len() <= 1024
                    && value
                        .bytes()
                        .all(|byte| byte.is_ascii_alphanumeric() || b"*,-./:_ ".contains(&byte))
            }
        };
        Some(if fits {
            value.to_owned()
        } else {
            UNRECOGNISED.to_owned()
        })
    }
}

impl<'de> Deserialize<'de> for EnvironmentFacts {
    /// Reads the API's list of `EnvVar`, or the map that evidence holds.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Variable<'a> {
            #[serde(borrow, default)]
            name: Cow<'a, str>,
            #[serde(borrow, default)]
            value: Option<Cow<'a, str>>,
            #[serde(default, rename = "valueFrom")]
            value_from: Option<IgnoredAny>,
        }
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = EnvironmentFacts;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a list of environment variables")
            }

            fn visit_newtype_struct<D: Deserializer<'de>>(
                self,
                deserializer: D,
            ) -> Result<Self::Value, D::Error> {
                deserializer.deserialize_any(self)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut facts = EnvironmentFacts::default();
                while let Some(variable) = list.next_element::<Variable<'de>>()? {
                    // A variable with neither value nor reference is the empty string.
                    let value = match (&variable.value, &variable.value_from) {
                        // The API takes a reference beside an empty value.
                        (None, Some(_)) => None,
                        (Some(value), Some(_)) if value.is_empty() => None,
                        (Some(value), _) => Some(value.as_ref()),
                        (None, None) => Some(""),
                    };
                    facts.insert(&variable.name, value);
                }
                Ok(facts)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut facts = EnvironmentFacts::default();
                while let Some((name, value)) = map.next_entry::<String, Option<String>>()? {
                    if value.as_deref() == Some(UNRECOGNISED) {
                        facts.0.insert(name, value);
                    } else {
                        facts.insert(&name, value.as_deref());
                    }
                }
                Ok(facts)
            }
        }
        deserializer.deserialize_newtype_struct(EVIDENCE_FORM, Visitor)
    }
}

/// Arguments as the API writes them, or what evidence holds of them.
#[derive(Debug)]
pub(super) enum Arguments {
    Words(Vec<String>),
    Kept(ArgumentFacts),
}

impl Default for Arguments {
    fn default() -> Self {
        Self::Words(Vec::new())
    }
}

impl<'de> Deserialize<'de> for Arguments {
    /// Reads the API's list of arguments, or the map that evidence holds.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Arguments;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a list of arguments")
            }

            fn visit_newtype_struct<D: Deserializer<'de>>(
                self,
                deserializer: D,
            ) -> Result<Self::Value, D::Error> {
                deserializer.deserialize_any(self)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut arguments = Vec::new();
                while let Some(argument) = list.next_element()? {
                    arguments.push(argument);
                }
                Ok(Arguments::Words(arguments))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut facts = LiteMap::new();
                while let Some((flag, value)) = map.next_entry::<String, String>()? {
                    if controllers::is_flag(&flag) {
                        let kept = controllers::reread(&flag, &value);
                        facts.insert(flag, kept);
                        continue;
                    }
                    let shape = match listed(&flag) {
                        Some((_, shape)) => shape,
                        None if flag == PROXY_ROLE || is_enforcing(&flag) => Shape::Word,
                        None => Shape::Ranges,
                    };
                    let kept = if value == UNRECOGNISED {
                        Some(value)
                    } else {
                        shape.keep(&value)
                    };
                    let known = flag == PROXY_ROLE
                        || is_enforcing(&flag)
                        || listed(&flag).is_some()
                        || REDIRECTION.iter().any(|(short, _)| *short == flag);
                    if known {
                        facts.insert(flag, kept.unwrap_or_default());
                    }
                }
                Ok(Arguments::Kept(ArgumentFacts(facts)))
            }
        }
        deserializer.deserialize_newtype_struct(EVIDENCE_FORM, Visitor)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::projection::pod::Container;

    fn container(value: serde_json::Value) -> Container {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn only_listed_variables_survive() {
        let container = container(json!({"name": "mendix", "env": [
            {"name": "M2EE_ADMIN_PASS", "value": "canary-password"},
            {"name": "M2EE_ADMIN_PORT", "value": "canary port"},
            {"name": "M2EE_ADMIN_LISTEN_ADDRESSES", "value": "127.0.0.1"},
            {"name": "REVISION", "value": "not-istiod"},
            {"name": "DATABASE_PASSWORD", "value": "canary"},
        ]}));
        assert_eq!(
            serde_json::to_value(&container.env).unwrap(),
            json!({"M2EE_ADMIN_PASS": null, "M2EE_ADMIN_PORT": UNRECOGNISED, "M2EE_ADMIN_LISTEN_ADDRESSES": "127.0.0.1"})
        );
    }

    #[test]
    fn flags_count_only_in_the_containers_that_redirect() {
        let init = container(
            json!({"name": "istio-init", "args": ["istio-iptables", "-p", "15001", "-m", "REDIRECT",
            "-b", "*", "-d", "15090,15021,15020", "--token=canary"]}),
        );
        assert_eq!(
            serde_json::to_value(&init.args).unwrap(),
            json!({"-b": "*", "-d": "15090,15021,15020", "-m": "REDIRECT"})
        );
        let other = container(json!({"name": "tool", "args": ["-b", "canary"]}));
        assert!(other.args.is_empty());
        let proxy = container(
            json!({"name": "istio-proxy", "args": ["proxy", "sidecar", "--domain", "canary"]}),
        );
        assert_eq!(
            serde_json::to_value(&proxy.args).unwrap(),
            json!({"proxy": "sidecar"})
        );
    }

    #[test]
    fn flags_of_linkerd_are_kept_where_they_belong() {
        let init = container(
            json!({"name": "linkerd-init", "args": ["--proxy-uid", "2102",
            "--inbound-ports-to-ignore", "4190,4191", "--inbound-ports-to-ignore=25-30",
            "--subnets-to-ignore", "10.0.0.0/8"]}),
        );
        assert_eq!(
            serde_json::to_value(&init.args).unwrap(),
            json!({"--inbound-ports-to-ignore": "4190,4191,25-30", "--subnets-to-ignore": "10.0.0.0/8"})
        );
        let policy = container(json!({"name": "policy", "args": ["--default-policy=deny",
            "--inbound-ports-to-ignore=1", "--token=canary"]}));
        assert_eq!(
            serde_json::to_value(&policy.args).unwrap(),
            json!({"--default-policy": "deny"})
        );
        let text = serde_json::to_string(&policy).unwrap();
        assert_eq!(serde_json::from_str::<Container>(&text).unwrap(), policy);
    }

    #[test]
    fn flags_count_in_command_and_arguments_alike() {
        let table = [
            (
                json!({"name": "policy", "command": ["linkerd", "--default-policy"], "args": ["deny"]}),
                json!({"--default-policy": "deny"}),
                "over the border of the two",
            ),
            (
                json!({"name": "kube-router", "command": ["/usr/bin/kube-router", "--run-firewall=false"]}),
                json!({"--run-firewall": "false"}),
                "in the command alone",
            ),
            (
                json!({"name": "istio-proxy", "command": ["pilot-agent", "proxy", "sidecar"],
                    "args": ["--domain", "$(POD_NAMESPACE).svc.cluster.local"]}),
                json!({"proxy": "sidecar"}),
                "a variable as the value of a flag",
            ),
        ];
        for (value, expected, why) in table {
            let container = container(value);
            assert_eq!(
                serde_json::to_value(&container.args).unwrap(),
                expected,
                "{why}"
            );
        }
    }

    #[test]
    fn flags_behind_a_shell_are_not_known() {
        let table = [
            json!({"command": ["sh", "-c"], "args": ["exec policy --default-policy=deny"]}),
            json!({"command": ["/bin/bash", "/run"]}),
            json!({"command": ["tini", "--", "/bin/sh", "-c", "exec policy"]}),
            json!({"args": ["sh", "-c", "exec policy"]}),
            json!({"command": ["/entrypoint.sh"], "args": ["--default-policy=deny"]}),
            json!({"command": ["run"], "args": ["policy --default-policy=deny"]}),
            json!({"args": ["$(FLAGS)", "--default-policy=deny"]}),
            json!({"args": ["--default-policy=deny", "$(FLAGS)"]}),
        ];
        for mut value in table {
            value["name"] = json!("policy");
            let container = container(value.clone());
            assert_eq!(
                serde_json::to_value(&container.args).unwrap(),
                json!({"--default-policy": UNRECOGNISED}),
                "{value}"
            );
            let text = serde_json::to_string(&container).unwrap();
            assert_eq!(serde_json::from_str::<Container>(&text).unwrap(), container);
        }
        let other = container(json!({"name": "mendix", "command": ["sh", "-c", "a --b"]}));
        assert!(other.args.is_empty());
        let init = container(json!({"name": "istio-init", "command": ["sh", "-c", "a -b *"]}));
        assert_eq!(init.args.0.len(), REDIRECTION.len());
    }

    #[test]
    fn evidence_reads_back_as_it_was_written() {
        let before =
            container(json!({"name": "istio-init", "args": ["-b", "*", "-c", "", "-d", "a b{c"]}));
        let text = serde_json::to_string(&before).unwrap();
        assert_eq!(serde_json::from_str::<Container>(&text).unwrap(), before);
    }
}
