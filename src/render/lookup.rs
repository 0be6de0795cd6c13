//! The `kubectl` command that looks a value up again.
//!
//! Names and keys come from a cluster, so that whoever pastes a command must get one command: every argument is quoted
//! for a POSIX shell, a name that looks like a flag stands behind `--`, and what can't be written safely gets no command.

use std::fmt::Write as _;

use super::escape::visible;
use crate::kind::Kind;
use crate::snapshot::Object;

/// The command that prints the value at a JSON pointer of an object; `None` where there is no safe way to write it.
pub(super) fn command(object: &Object, pointer: &str) -> Option<String> {
    let path = jsonpath(object.kind, pointer);
    let output = match path {
        Some(path) => format!("jsonpath={path}"),
        None => "json".to_owned(),
    };
    let mut words = vec!["kubectl", "get"];
    let resource = resource(object);
    words.push(&resource);
    let name = object.name();
    let is_flag = name.starts_with('-');
    if !is_flag {
        words.push(name);
    }
    if object.kind.api().namespaced {
        words.extend(["-n", object.namespace()]);
    }
    words.extend(["-o", &output]);
    if is_flag {
        words.extend(["--", name]);
    }
    let is_written = |word: &&str| !word.is_empty() && visible(word) == **word;
    // A namespace that looks like a flag does not exist, and would be read as one.
    let is_safe = words.iter().all(is_written) && !object.namespace().starts_with('-');
    let quoted: Vec<String> = words.into_iter().map(quote).collect();
    is_safe.then(|| quoted.join(" "))
}

/// The resource with the version and group that it was read at.
fn resource(object: &Object) -> String {
    let api = object.kind.api();
    match object.kind.group_at(&object.version) {
        "" => api.plural.to_owned(),
        group => format!("{}.{}.{group}", api.plural, object.version),
    }
}

/// A word of a POSIX shell.
fn quote(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._/:-".contains(&byte);
    if word.bytes().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// Maps whose keys are free, so that one of digits alone is no index.
const MAPS: &[&str] = &[
    "annotations",
    "data",
    "labels",
    "matchLabels",
    "nodeSelector",
    "portLevelMtls",
    "selector",
];

/// The pointer as kubectl's `JSONPath`, as far as the API has such a field; `None` for keys that can't be written in one.
///
/// kubectl reads a field up to the next of ``.,[]{}$@`` or blank, and takes a backslash before one of them away
/// (`k8s.io/client-go/util/jsonpath`). A key that holds a backslash itself can't be written.
fn jsonpath(kind: Kind, pointer: &str) -> Option<String> {
    let keys: Vec<String> = pointer
        .split('/')
        .skip(1)
        .map(|key| key.replace("~1", "/").replace("~0", "~"))
        .collect();
    let mut path = String::new();
    let mut parent = "";
    for (depth, key) in keys.iter().enumerate() {
        if let Some(of_variable) = variable(parent, key) {
            path.push_str(&of_variable);
            return Some(format!("{{{path}}}"));
        }
        let is_index = !key.is_empty()
            && key.bytes().all(|byte| byte.is_ascii_digit())
            && !MAPS.contains(&parent);
        if is_index {
            // Writing to a String cannot fail.
            let _ = write!(path, "[{key}]");
        } else {
            path.push('.');
            path.push_str(&field(key)?);
        }
        if is_text_in_the_api(kind, &keys[..=depth]) {
            break;
        }
        parent = key;
    }
    Some(if path.is_empty() {
        "{$}".to_owned()
    } else {
        format!("{{{path}}}")
    })
}

/// An environment variable, which the API keeps in a list and evidence by name.
fn variable(parent: &str, key: &str) -> Option<String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    (parent == "env" && !key.is_empty() && key.bytes().all(plain))
        .then(|| format!("[?(@.name==\"{key}\")].value"))
}

/// Whether the rest of a pointer leads into something that the API holds as text: flags, and documents in ConfigMaps.
fn is_text_in_the_api(kind: Kind, keys: &[String]) -> bool {
    let mut last = keys.iter().rev().map(String::as_str);
    match (last.next(), last.next()) {
        (Some("args"), _) => !matches!(kind, Kind::ConfigMap),
        (Some(_), Some("data")) => kind == Kind::ConfigMap,
        (Some("customConfiguration"), _) => kind == Kind::MendixApp,
        // Lists of namespaces are kept by their path, of which only the first step is sure.
        (Some("spec"), None) => kind == Kind::OperatorConfiguration,
        _ => false,
    }
}

fn field(key: &str) -> Option<String> {
    if key.is_empty() || key.contains('\\') {
        return None;
    }
    let mut field = String::with_capacity(key.len() + 4);
    for character in key.chars() {
        if ".,[]{}$@*".contains(character) || character.is_whitespace() {
            field.push('\\');
        }
        field.push(character);
    }
    Some(field)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::snapshot;

    fn object(yaml: &str) -> Object {
        snapshot(yaml).objects.remove(0)
    }

    fn pod() -> Object {
        object("apiVersion: v1\nkind: Pod\nmetadata: {name: shop-0, namespace: shop}\nspec: {}\n")
    }

    #[test]
    fn pointers_become_paths() {
        let cases = [
            ("/spec/hostPID", "{.spec.hostPID}", "a field"),
            (
                "/spec/containers/0/name",
                "{.spec.containers[0].name}",
                "an index",
            ),
            (
                "/metadata/labels/privatecloud.mendix.com~1app",
                "{.metadata.labels.privatecloud\\.mendix\\.com/app}",
                "dots in a key",
            ),
            (
                "/metadata/labels/0",
                "{.metadata.labels.0}",
                "a key of digits",
            ),
            (
                "/spec/containers/0/env/M2EE_ADMIN_PORT",
                "{.spec.containers[0].env[?(@.name==\"M2EE_ADMIN_PORT\")].value}",
                "a variable",
            ),
            (
                "/spec/containers/1/args/-b",
                "{.spec.containers[1].args}",
                "a flag",
            ),
            ("", "{$}", "the whole object"),
        ];
        for (pointer, path, why) in cases {
            let expected = format!("jsonpath={path}");
            let command = command(&pod(), pointer).unwrap();
            let quoted = format!("'{expected}'");
            assert!(
                command.ends_with(&quoted),
                "{why}: {command} against {expected}"
            );
        }
        assert_eq!(
            command(&pod(), "/metadata/labels/a\\b").unwrap(),
            "kubectl get pods shop-0 -n shop -o json",
            "what no path can say is in the object all the same"
        );
    }

    #[test]
    fn documents_inside_text_are_shown_whole() {
        let map = object(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: istio, namespace: istio-system}\n",
        );
        assert_eq!(
            command(&map, "/data/mesh/rootNamespace").unwrap(),
            "kubectl get configmaps istio -n istio-system -o 'jsonpath={.data.mesh}'"
        );
    }

    #[test]
    fn resources_say_their_version_and_group() {
        let app = object(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: shop, namespace: shop}\n",
        );
        let command = command(&app, "/spec/replicas").unwrap();
        assert_eq!(
            command,
            "kubectl get deployments.v1.apps shop -n shop -o 'jsonpath={.spec.replicas}'"
        );
    }

    #[test]
    fn names_stay_one_word_and_no_flag() {
        let named = |name: &str| {
            let mut pod = pod();
            pod.identity.name = name.to_owned();
            command(&pod, "/spec/hostPID")
        };
        let quoted = named("a'; rm -rf ~; '").unwrap();
        assert!(
            quoted.contains(" 'a'\\''; rm -rf ~; '\\''' -n shop"),
            "{quoted}"
        );
        let flag = named("--kubeconfig=x").unwrap();
        assert!(flag.ends_with(" -- '--kubeconfig=x'"), "{flag}");
        assert_eq!(named("a\u{202e}b"), None, "nobody could check what it says");
        assert_eq!(named("a\nb"), None, "lines would become commands");
        assert_eq!(named(""), None);
    }
}
