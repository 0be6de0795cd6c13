//! Decodes single objects, with messages that name the field and never quote its value, which may be a secret.

use serde_json::Value;

use crate::kind::Kind;
use crate::projection::form::Form;
use crate::projection::{self, Decode, Decoded};

/// Paths are cut to this many characters: their keys may come from the object.
const LONGEST_PATH: usize = 200;

/// Decodes an object of `kind`; the message says which field cannot be read.
pub(crate) fn decode(kind: Kind, value: Value) -> Result<Decoded, String> {
    struct FromValue(Value);
    impl projection::Visitor for FromValue {
        type Output = Result<Decoded, serde_path_to_error::Error<serde_json::Error>>;
        fn visit<T: Decode>(self) -> Self::Output {
            serde_path_to_error::deserialize::<_, T>(Form::api(self.0)).map(T::split)
        }
    }
    projection::dispatch(kind, FromValue(value)).map_err(|error| {
        let path: String = error
            .path()
            .to_string()
            .escape_debug()
            .take(LONGEST_PATH)
            .collect();
        let expectation = expectation(&error.inner().to_string());
        match path.as_str() {
            "." => expectation,
            _ => format!("{path}: {expectation}"),
        }
    })
}

/// The part of serde's message that stems from the projection, not from the object.
fn expectation(message: &str) -> String {
    // "invalid type: string "…", expected u16": what was expected stands last, whatever the string holds.
    match message.rsplit_once(", expected ") {
        Some((_, expected)) => format!("expected {expected}"),
        None if message.starts_with("missing field") => message.to_owned(),
        None => "has none of the forms that can be read".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn messages_name_the_field_and_not_the_value() {
        let cases = [
            (
                Kind::Service,
                json!({"spec": {"ports": [{"port": 80}, {"port": "canary, expected canary"}]}}),
                "spec.ports[1].port: expected u16",
                "text for a number",
            ),
            (
                Kind::Service,
                json!({"spec": {"ports": [{"port": 70000}]}}),
                "spec.ports[0].port: expected u16",
                "a number out of range",
            ),
            (
                Kind::Pod,
                json!({"metadata": {"labels": {"version": 1.5}}}),
                "metadata.labels.version: expected a string",
                "a label that is not quoted",
            ),
            (
                Kind::Pod,
                json!({"spec": {"containers": [{"name": "a", "env": "canary"}]}}),
                "spec.containers[0].env: expected a list of environment variables",
                "text for a list",
            ),
            (
                Kind::MutatingWebhookConfiguration,
                json!({"webhooks": [{"clientConfig": {"url": ["canary"]}}]}),
                "webhooks[0].clientConfig.url: has none of the forms that can be read",
                "a list where several forms are read",
            ),
            (
                Kind::Namespace,
                json!("canary"),
                "expected struct Namespace",
                "no object at all",
            ),
        ];
        for (kind, value, expected, why) in cases {
            assert_eq!(
                decode(kind, value).map(|_| ()).unwrap_err(),
                expected,
                "{why}"
            );
        }
    }

    #[test]
    fn what_decodes_is_what_the_projection_makes_of_it() {
        let value = json!({"metadata": {"name": "hr", "labels": {"tier": "prod"}}});
        let decoded = decode(Kind::Namespace, value.clone()).unwrap();
        let expected = projection::decode_value(Kind::Namespace, value).unwrap();
        assert_eq!(decoded.identity, expected.identity);
        assert_eq!(decoded.projection, expected.projection);
    }
}
