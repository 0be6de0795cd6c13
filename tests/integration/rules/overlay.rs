//! Laying one set of Kubernetes documents over another.
//!
//! A document of the overlay changes the one of the same apiVersion, kind, namespace and name, or is added:
//! maps are merged key by key and `null` takes a key away; lists whose items all have a `name` are merged by it, others
//! are replaced. `$patch: delete` removes a document or a list item, `$patch: replace` replaces a document, a map or
//! (as an item of its own) a list instead of merging it.

use serde_json::{Map, Value};

const PATCH: &str = "$patch";

/// Lays documents over others; an overlay that removes or replaces something that is not there is a mistake.
pub(super) fn lay(base: &mut Vec<Value>, overlay: Vec<Value>) -> Result<(), String> {
    for document in overlay {
        let key = Key::of(&document);
        let place = base.iter().position(|known| Key::of(known) == key);
        match (directive(&document), place) {
            (None, None) => base.push(document),
            (None, Some(place)) => merge(&mut base[place], document),
            (Some("delete"), Some(place)) => {
                base.remove(place);
            }
            (Some("replace"), Some(place)) => base[place] = without_directive(document),
            (Some("delete" | "replace"), None) => return Err(format!("no {key} to patch")),
            (Some(other), _) => return Err(format!("unknown $patch {other} of {key}")),
        }
    }
    Ok(())
}

/// What makes two documents the same object.
#[derive(PartialEq, Eq)]
struct Key {
    api_version: String,
    kind: String,
    namespace: String,
    name: String,
}

impl Key {
    fn of(document: &Value) -> Self {
        let text = |pointer: &str| {
            let value = document.pointer(pointer).and_then(Value::as_str);
            value.unwrap_or_default().to_owned()
        };
        Self {
            api_version: text("/apiVersion"),
            kind: text("/kind"),
            namespace: text("/metadata/namespace"),
            name: text("/metadata/name"),
        }
    }
}

impl std::fmt::Display for Key {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} {}/{}", self.kind, self.namespace, self.name)
    }
}

fn merge(base: &mut Value, overlay: Value) {
    match (base, overlay) {
        (Value::Object(base), Value::Object(overlay)) => merge_maps(base, overlay),
        (Value::Array(base), Value::Array(overlay)) => merge_lists(base, overlay),
        (base, overlay) => *base = clean(overlay),
    }
}

fn merge_maps(base: &mut Map<String, Value>, overlay: Map<String, Value>) {
    if overlay.get(PATCH).and_then(Value::as_str) == Some("replace") {
        base.clear();
    }
    for (key, value) in overlay.into_iter().filter(|(key, _)| key != PATCH) {
        if value.is_null() {
            base.remove(&key);
        } else if let Some(known) = base.get_mut(&key) {
            merge(known, value);
        } else {
            base.insert(key, clean(value));
        }
    }
}

fn merge_lists(base: &mut Vec<Value>, overlay: Vec<Value>) {
    let named = base.iter().chain(&overlay).all(|item| name(item).is_some());
    if !named || overlay.iter().any(is_replacement) {
        let items = overlay.into_iter().filter(|item| !is_replacement(item));
        *base = items.map(clean).collect();
        return;
    }
    for item in overlay {
        let place = base.iter().position(|known| name(known) == name(&item));
        match (directive(&item), place) {
            (Some("delete"), place) => {
                place.map(|place| base.remove(place));
            }
            (_, Some(place)) => merge(&mut base[place], item),
            (_, None) => base.push(clean(item)),
        }
    }
}

fn name(item: &Value) -> Option<&str> {
    item.get("name")?.as_str()
}

/// An item that consists of nothing but the wish to replace the list.
fn is_replacement(item: &Value) -> bool {
    directive(item) == Some("replace") && name(item).is_none()
}

fn directive(value: &Value) -> Option<&str> {
    value.get(PATCH)?.as_str()
}

fn without_directive(mut document: Value) -> Value {
    if let Value::Object(map) = &mut document {
        map.remove(PATCH);
    }
    document
}

/// What an overlay adds where there was nothing: the same without directives and without keys to take away.
fn clean(value: Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(
            map.into_iter()
                .filter(|(key, value)| key != PATCH && !value.is_null())
                .map(|(key, value)| (key, clean(value)))
                .collect(),
        ),
        Value::Array(list) => Value::Array(list.into_iter().map(clean).collect()),
        scalar => scalar,
    }
}

#[test]
fn overlays_merge_as_fixtures_expect() {
    use serde_json::json;

    let document = |spec: Value| json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": "a", "name": "b"}, "spec": spec});
    let table = [
        (
            json!({"x": {"y": 1}}),
            json!({"x": {"z": 2}}),
            json!({"x": {"y": 1, "z": 2}}),
            "maps merge",
        ),
        (
            json!({"x": 1, "y": 2}),
            json!({"x": null}),
            json!({"y": 2}),
            "null takes away",
        ),
        (
            json!({}),
            json!({"x": {"y": null, "z": 1}}),
            json!({"x": {"z": 1}}),
            "nothing to take away",
        ),
        (
            json!({"x": [1, 2]}),
            json!({"x": [3]}),
            json!({"x": [3]}),
            "lists without names",
        ),
        (
            json!({"x": [{"name": "a", "v": 1}, {"name": "b", "v": 1}]}),
            json!({"x": [{"name": "b", "v": 2}, {"name": "c"}]}),
            json!({"x": [{"name": "a", "v": 1}, {"name": "b", "v": 2}, {"name": "c"}]}),
            "lists merge by name",
        ),
        (
            json!({"x": [{"name": "a"}, {"name": "b"}]}),
            json!({"x": [{"name": "a", "$patch": "delete"}]}),
            json!({"x": [{"name": "b"}]}),
            "an item is removed",
        ),
        (
            json!({"x": [{"name": "a"}]}),
            json!({"x": [{"$patch": "replace"}, {"name": "b"}]}),
            json!({"x": [{"name": "b"}]}),
            "a list is replaced",
        ),
        (
            json!({"x": {"a": 1}}),
            json!({"x": {"$patch": "replace", "b": 2}}),
            json!({"x": {"b": 2}}),
            "a map is replaced",
        ),
    ];
    for (base, overlay, expected, why) in table {
        let mut documents = vec![document(base)];
        lay(&mut documents, vec![document(overlay)]).unwrap();
        assert_eq!(documents, [document(expected)], "{why}");
    }
}

#[test]
fn documents_are_added_removed_and_replaced() {
    use serde_json::json;

    let document = |name: &str, patch: Option<&str>| {
        let mut document = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}});
        if let Some(patch) = patch {
            document[PATCH] = json!(patch);
        }
        document
    };
    let mut documents = vec![document("a", None), document("b", None)];
    let overlay = vec![
        document("c", None),
        document("a", Some("delete")),
        document("b", Some("replace")),
    ];
    lay(&mut documents, overlay).unwrap();
    assert_eq!(documents, [document("b", None), document("c", None)]);
    assert!(
        lay(&mut documents, vec![document("x", Some("delete"))]).is_err(),
        "a fixture that removes what is not there tests nothing"
    );
}
