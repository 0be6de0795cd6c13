//! JSON Schemas (2020-12) of the files that people write for this program, in the form that all schemas here have.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use crate::plan::Plan;
use crate::waivers::Waivers;

/// The schema of assessment plans.
pub fn plan() -> String {
    document::<Plan>("urn:sc39:schema:plan:1", "SC-39 assessment plan, version 1")
}

/// The schema of files of waivers.
pub fn waivers() -> String {
    document::<Waivers>("urn:sc39:schema:waivers:1", "SC-39 waivers, version 1")
}

fn document<T: JsonSchema>(id: &str, title: &str) -> String {
    let generator = SchemaSettings::draft2020_12()
        .for_deserialize()
        .into_generator();
    let mut schema = generator.into_root_schema_for::<T>().to_value();
    schema["$id"] = json!(id);
    schema["title"] = json!(title);
    tidy(&mut schema);
    format!("{schema:#}\n")
}

/// What is optional is absent and never null, and the line breaks of comments mean nothing.
pub(crate) fn tidy(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            if let Some(Value::Array(types)) = map.get_mut("type") {
                types.retain(|name| name != "null");
                if let [only] = types.as_slice() {
                    let only = only.clone();
                    map.insert("type".to_owned(), only);
                }
            }
            if let Some(Value::Array(options)) = map.get_mut("anyOf") {
                options.retain(|option| *option != json!({"type": "null"}));
                if let [Value::Object(only)] = options.as_slice() {
                    let only = only.clone();
                    map.remove("anyOf");
                    map.extend(only);
                }
            }
            if let Some(Value::String(text)) = map.get_mut("description") {
                *text = text.replace('\n', " ");
            }
            map.values_mut().for_each(tidy);
        }
        Value::Array(list) => list.iter_mut().for_each(tidy),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn published(file: &str, schema: &str) {
        let path = format!("{}/docs/schema/{file}", env!("CARGO_MANIFEST_DIR"));
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&path, schema).unwrap();
        }
        let published = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(published, schema, "run UPDATE=1 cargo test --lib schema");
    }

    #[test]
    fn the_published_schemas_are_those_of_the_program() {
        published("plan-v1.json", &plan());
        published("waivers-v1.json", &waivers());
    }

    fn fits(schema: &str, yaml: &str) -> bool {
        let schema: Value = serde_json::from_str(schema).unwrap();
        let value: Value = serde_saphyr::from_str(yaml).unwrap();
        jsonschema::validator_for(&schema).unwrap().is_valid(&value)
    }

    #[test]
    fn schemas_take_what_the_program_takes() {
        assert!(fits(&plan(), crate::plan::tests::WHOLE));
        assert!(!fits(&plan(), "tier: {}"));
        assert!(!fits(&plan(), "version: 2"));
        let waiver = "{id: a, rule: b, selector: {uid: c}, type: RA, justification: d, approver: e, approvedOn: 2026-01-31, expires: 2026-06-30}";
        assert!(fits(
            &waivers(),
            &format!("version: 1\nwaivers: [{waiver}]")
        ));
        let endless = waiver.replace(", expires: 2026-06-30", "");
        assert!(!fits(
            &waivers(),
            &format!("version: 1\nwaivers: [{endless}]")
        ));
        let empty = waiver.replace("uid: c", "");
        assert!(!fits(
            &waivers(),
            &format!("version: 1\nwaivers: [{empty}]")
        ));
    }
}
