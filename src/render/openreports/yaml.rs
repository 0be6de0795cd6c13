//! JSON values as YAML blocks. Texts are written as JSON strings, which YAML reads as what they are; they hold no control
//! characters, which YAML refuses.

use serde_json::Value;

/// The members of an object, one a line.
pub(super) fn members(value: &Value, text: &mut String) {
    block(value, 0, text);
}

/// One item of a list.
pub(super) fn item(value: &Value, text: &mut String) {
    let mut inner = String::new();
    block(value, 2, &mut inner);
    // The first member stands behind the dash.
    text.push_str("- ");
    text.push_str(inner.trim_start_matches(' '));
}

fn block(value: &Value, indent: usize, text: &mut String) {
    let Value::Object(map) = value else {
        return;
    };
    for (key, value) in map {
        text.push_str(&" ".repeat(indent));
        text.push_str(key);
        text.push(':');
        match value {
            Value::Object(inner) if !inner.is_empty() => {
                text.push('\n');
                block(value, indent + 2, text);
            }
            Value::Array(list) if !list.is_empty() => {
                text.push('\n');
                for entry in list {
                    let mut inner = String::new();
                    block(entry, indent + 4, &mut inner);
                    text.push_str(&" ".repeat(indent + 2));
                    text.push_str("- ");
                    text.push_str(inner.trim_start_matches(' '));
                }
            }
            scalar => {
                text.push(' ');
                // A value that is written cannot fail to be.
                text.push_str(&scalar.to_string());
                text.push('\n');
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_written_reads_as_what_it_was() {
        let value = json!({
            "a": "x: # 'y' \"z\" \\", "b": {"c": 1, "d": true, "e": {}}, "f": [{"g": "- h"}, {"i": null}], "j": [],
            "m": "no", "k": "größe 🦀", "l": "1e3",
        });
        let mut text = String::new();
        members(&value, &mut text);
        let read: Value = serde_saphyr::from_str(&text).unwrap();
        assert_eq!(read, value, "{text}");
        let mut text = String::new();
        item(&value, &mut text);
        let read: Value = serde_saphyr::from_str(&text).unwrap();
        assert_eq!(read, json!([value]), "{text}");
    }
}
