//! Whether the references of a document lead somewhere. Neither the schemas nor compliance-trestle look at most of them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// Releases of OSCAL that readers know.
const VERSIONS: [&str; 6] = ["1.1.2", "1.1.3", "1.2.0", "1.2.1", "1.2.2", "1.2.3"];

/// Names without a namespace that NIST lists, by the kind of object that they stand in.
const NIST_PROPS: [(&str, &[&str]); 3] = [
    ("components", &["version"]),
    ("activities", &["method"]),
    ("inventory-items", &["asset-id", "asset-type"]),
];

/// Where a member that refers to a uuid must find it.
const REFERENCES: [(&str, &str); 5] = [
    ("observation-uuid", "observations"),
    ("risk-uuid", "risks"),
    ("actor-uuid", "components"),
    ("component-uuid", "components"),
    ("activity-uuid", "activities"),
];

#[derive(Default)]
struct Found {
    /// Uuids by the list that defines them.
    defined: BTreeMap<String, BTreeSet<String>>,
    /// `(place, uuid)` of references.
    referred: Vec<(String, String)>,
    fragments: Vec<String>,
    problems: Vec<String>,
}

/// What is wrong with a document.
pub(super) fn problems(document: &Value) -> Vec<String> {
    let mut found = Found::default();
    found.walk("", document);
    let all: BTreeSet<&String> = found.defined.values().flatten().collect();
    for (list, uuid) in &found.referred {
        let known = found.defined.get(list);
        if !known.is_some_and(|known| known.contains(uuid)) {
            found.problems.push(format!("{uuid} is not in {list}"));
        }
    }
    for fragment in &found.fragments {
        if !all.contains(fragment) {
            found.problems.push(format!("#{fragment} leads nowhere"));
        }
    }
    found.problems
}

impl Found {
    fn walk(&mut self, list: &str, value: &Value) {
        match value {
            Value::Array(entries) => entries.iter().for_each(|entry| self.walk(list, entry)),
            Value::Object(members) => {
                self.object(list, value);
                for (name, member) in members {
                    self.walk(name, member);
                }
            }
            _ => {}
        }
    }

    fn object(&mut self, list: &str, object: &Value) {
        if let Some(uuid) = object["uuid"].as_str() {
            let known = self.defined.values().any(|known| known.contains(uuid));
            if known {
                self.problems.push(format!("{uuid} is defined twice"));
            }
            let of_list = self.defined.entry(list.to_owned()).or_default();
            of_list.insert(uuid.to_owned());
        }
        for (member, place) in REFERENCES {
            if let Some(uuid) = object[member].as_str() {
                self.referred.push((place.to_owned(), uuid.to_owned()));
            }
        }
        self.subject(object);
        self.text(list, object);
    }

    fn subject(&mut self, object: &Value) {
        let Some(uuid) = object["subject-uuid"].as_str() else {
            return;
        };
        match object["type"].as_str() {
            Some("inventory-item") => {
                let place = "inventory-items".to_owned();
                self.referred.push((place, uuid.to_owned()));
            }
            other => self
                .problems
                .push(format!("unknown type of subject {other:?}")),
        }
    }

    fn text(&mut self, list: &str, object: &Value) {
        if let Some(fragment) = object["href"]
            .as_str()
            .and_then(|href| href.strip_prefix('#'))
        {
            self.fragments.push(fragment.to_owned());
        }
        if let Some(version) = object["oscal-version"].as_str()
            && !VERSIONS.contains(&version)
        {
            self.problems.push(format!("no release {version} of OSCAL"));
        }
        if object["algorithm"] == "SHA-256" && object["value"].as_str().map(str::len) != Some(64) {
            self.problems.push("a SHA-256 has 64 digits".to_owned());
        }
        if list == "resources" && object["rlinks"].is_null() && object["base64"].is_null() {
            self.problems.push("a resource without content".to_owned());
        }
        let props = object["props"].as_array().into_iter().flatten();
        for prop in props.filter(|prop| prop["ns"].is_null()) {
            let name = prop["name"].as_str().unwrap_or_default();
            let known = NIST_PROPS.iter();
            let listed = known
                .filter(|(place, _)| *place == list)
                .any(|(_, names)| names.contains(&name));
            if !listed {
                self.problems
                    .push(format!("NIST lists no {name} in {list}"));
            }
        }
    }
}
