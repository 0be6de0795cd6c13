//! JSON values in canonical form (RFC 8785), written straight into the document.
//!
//! RFC 8785 writes every number as a double. Integers outside ±(2^53 − 1) would change their value by that, so they are
//! written as strings.

use serde::ser::{Error as _, SerializeMap as _};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use serde_json::{Map, Number, Value};

/// Writes a value without a copy of it. What stands around it has to be canonical by itself.
#[derive(Debug)]
pub(crate) struct Ordered<'v>(pub(crate) &'v Value);

impl Serialize for Ordered<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(flag) => serializer.serialize_bool(*flag),
            Value::String(text) => serializer.serialize_str(text),
            Value::Number(number) => serialize_number(number, serializer),
            Value::Array(list) => serializer.collect_seq(list.iter().map(Ordered)),
            Value::Object(map) => serialize_map(map, serializer),
        }
    }
}

fn serialize_number<S: Serializer>(number: &Number, serializer: S) -> Result<S::Ok, S::Error> {
    /// The integers of which one `f64` stands for one alone.
    const SAFE: std::ops::Range<i64> = -(1 << 53) + 1..1 << 53;
    match number.as_i64() {
        Some(integer) if SAFE.contains(&integer) => serializer.serialize_i64(integer),
        None if number.is_f64() => serialize_fraction(number, serializer),
        _ => serializer.collect_str(number),
    }
}

/// Fractions are rare and their form is intricate.
fn serialize_fraction<S: Serializer>(number: &Number, serializer: S) -> Result<S::Ok, S::Error> {
    let text = serde_json_canonicalizer::to_string(number).map_err(S::Error::custom)?;
    let raw = RawValue::from_string(text).map_err(S::Error::custom)?;
    raw.serialize(serializer)
}

fn serialize_map<S: Serializer>(
    members: &Map<String, Value>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(members.len()))?;
    if members.keys().all(|key| key.is_ascii()) {
        // The map is sorted by bytes, which for ASCII is the order of UTF-16 units.
        for (key, value) in members {
            map.serialize_entry(key, &Ordered(value))?;
        }
    } else {
        let mut members: Vec<_> = members.iter().collect();
        members.sort_by(|(left, _), (right, _)| left.encode_utf16().cmp(right.encode_utf16()));
        for (key, value) in members {
            map.serialize_entry(key, &Ordered(value))?;
        }
    }
    map.end()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_form_is_the_one_of_the_reference() {
        let cases = [
            json!(null),
            json!([true, false, "a\u{1f}\"\\/\u{7f}\u{2028}é🦀\n\r\t\u{8}\u{c}"]),
            json!({"b": 1, "a": {"Z": [], "z": {}}, "": 0, "\u{1f600}": 1, "\u{fb33}": 2, "ö": 3}),
            json!([0, -1, 9_007_199_254_740_991_i64, -9_007_199_254_740_991_i64]),
            json!([0.0, -0.0, 1.0, 1.5, 1e21, 1e-7, 0.000_001, 1e300]),
        ];
        for value in cases {
            let written = serde_json::to_vec(&Ordered(&value)).unwrap();
            let expected = serde_json_canonicalizer::to_vec(&value).unwrap();
            assert_eq!(
                String::from_utf8(written).unwrap(),
                String::from_utf8(expected).unwrap()
            );
        }
    }
}
