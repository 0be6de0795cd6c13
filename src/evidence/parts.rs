//! A document in parts: members and elements as text, so that no file is ever in memory as a tree.

use std::cell::Cell;
use std::fmt;

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor,
};
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

/// Elements of one list of a document. There are fewer objects and results than that in any cluster.
const MOST_ELEMENTS: usize = 8_000_000;

/// The elements of a list, each as its text.
pub fn elements(text: &str) -> Result<Vec<&RawValue>, serde_json::Error> {
    let list: Elements<'_> = serde_json::from_str(text)?;
    Ok(list.0)
}

struct Elements<'t>(Vec<&'t RawValue>);

impl<'de> Deserialize<'de> for Elements<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Taking;

        impl<'de> Visitor<'de> for Taking {
            type Value = Elements<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a sequence")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut elements = Vec::new();
                while let Some(element) = list.next_element()? {
                    if elements.len() == MOST_ELEMENTS {
                        return Err(A::Error::custom("too many elements"));
                    }
                    elements.push(element);
                }
                Ok(Elements(elements))
            }
        }

        deserializer.deserialize_seq(Taking)
    }
}

/// Values in one member or element; the longest has a number for each object.
const MOST_VALUES: u32 = 4_000_000;

/// A value in whose objects no member stands twice: the usual reader takes the last one.
pub fn strict(text: &str) -> Result<Value, serde_json::Error> {
    let mut json = serde_json::Deserializer::from_str(text);
    let value = Strict(&Cell::new(0)).deserialize(&mut json)?;
    json.end()?;
    Ok(value)
}

fn twice<E: serde::de::Error>(key: &str) -> E {
    E::custom(format_args!("the member {key:?} stands there twice"))
}

/// Counts the values that it has read.
#[derive(Clone, Copy)]
struct Strict<'c>(&'c Cell<u32>);

impl Strict<'_> {
    fn take<E: serde::de::Error>(self) -> Result<(), E> {
        self.0.set(self.0.get() + 1);
        if self.0.get() > MOST_VALUES {
            return Err(E::custom("too many values"));
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
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
        while let Some(item) = list.next_element_seed(self)? {
            self.take()?;
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
            self.take()?;
            members.insert(key, map.next_value_seed(self)?);
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
