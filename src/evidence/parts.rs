//! A document in parts: members and elements as text, so that no file is ever in memory as a tree.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Number, Value};

/// The members of an object, in the order of the text; none stands there twice.
#[derive(Debug)]
pub struct Members<'t>(pub Vec<(String, &'t RawValue)>);

impl<'t> Members<'t> {
    /// Takes the text of an object apart.
    pub fn of(text: &'t str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// The text of a member.
    pub fn get(&self, name: &str) -> Option<&'t str> {
        let mut members = self.0.iter();
        let (_, text) = members.find(|(known, _)| known == name)?;
        Some(text.get())
    }
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Taking;

        impl<'de> Visitor<'de> for Taking {
            type Value = Members<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members: Vec<(String, &RawValue)> = Vec::new();
                while let Some(key) = map.next_key::<String>()? {
                    // Far fewer than a set would pay for, and bounded, so that a hostile file gains nothing.
                    if members.len() == MOST_MEMBERS {
                        return Err(A::Error::custom("too many members"));
                    }
                    if members.iter().any(|(known, _)| *known == key) {
                        return Err(twice(&key));
                    }
                    members.push((key, map.next_value()?));
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Taking)
    }
}

/// Members of one object of the document's own making; there are some twenty.
const MOST_MEMBERS: usize = 1000;

/// A value in whose objects no member stands twice: the usual reader takes the last one.
pub fn strict(text: &str) -> Result<Value, serde_json::Error> {
    serde_json::from_str::<Strict>(text).map(|strict| strict.0)
}

fn twice<E: serde::de::Error>(key: &str) -> E {
    E::custom(format_args!("the member {key:?} stands there twice"))
}

struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Self)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Value, E> {
        Ok(Value::Bool(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Number(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Number(number.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Value, E> {
        let number = Number::from_f64(number).ok_or_else(|| E::custom("not a finite number"))?;
        Ok(Value::Number(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(Strict(item)) = list.next_element()? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            if members.contains_key(&key) {
                return Err(twice(&key));
            }
            let Strict(value) = map.next_value()?;
            members.insert(key, value);
        }
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_twice_is_refused_at_any_depth() {
        let table = [
            (r#"{"a":1,"b":{"a":2}}"#, None),
            (
                r#"{"a":1,"a":1}"#,
                Some("the member \"a\" stands there twice"),
            ),
            (
                r#"[{"b":{"a":1,"\u0061":2}}]"#,
                Some("the member \"a\" stands there twice"),
            ),
        ];
        for (text, expected) in table {
            let found = strict(text).err().map(|error| error.to_string());
            match expected {
                None => assert_eq!(found, None),
                Some(words) => assert!(found.unwrap().starts_with(words), "{text}"),
            }
        }
        assert!(Members::of(r#"{"a":1,"\u0061":2}"#).is_err());
        assert!(Members::of("[1]").is_err());
        let members = Members::of(r#"{"a": [1, 2] }"#).unwrap();
        assert_eq!(members.get("a"), Some("[1, 2]"));
    }
}
