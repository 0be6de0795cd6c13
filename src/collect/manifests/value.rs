//! Reads a document into [`Value`]s, strictly: a key that is there twice is an error.
//!
//! Lists are taken apart while they are read: of `kubectl get pods -A -o json` only one pod is held at a time.

use std::cell::Cell;
use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// What a document turns out to hold.
#[derive(Debug, PartialEq)]
pub(super) enum Part {
    /// An object, with its fields.
    Object(Map<String, Value>),
    /// The end of a list, whose items came before, with its own type.
    List { api_version: String, kind: String },
    /// A scalar, a list or a mapping that is no object of any API.
    Other,
}

/// Receives the parts of a document, each with the number of the list's item, or 0 outside lists.
pub(super) type Receiver<'a> = dyn FnMut(u32, Part) + 'a;

/// Reads one document and passes its parts on.
pub(super) fn read_document<'de, D: Deserializer<'de>>(
    deserializer: D,
    receiver: &mut Receiver<'_>,
) -> Result<(), D::Error> {
    let mut document = Document {
        receiver,
        is_mapping: false,
    };
    let value = Strict::Document(&mut document).deserialize(deserializer)?;
    if !document.is_mapping && !value.is_null() {
        receiver(0, Part::Other);
    }
    Ok(())
}

/// Values in one object. API servers refuse objects of more than some 3 MiB, and most have less than a thousand.
pub(super) const MOST_VALUES: u32 = 500_000;

/// The values of the object that is being read: a file of `[0,0,0,…` would take sixteen times its size in memory.
#[derive(Default)]
struct Count(Cell<u32>);

impl Count {
    fn take<E: Error>(&self) -> Result<(), E> {
        self.0.set(self.0.get() + 1);
        if self.0.get() > MOST_VALUES {
            return Err(E::custom(too_many()));
        }
        Ok(())
    }
}

/// The message about an object that has more values than any.
pub(super) fn too_many() -> String {
    format!("an object of more than {MOST_VALUES} values")
}

/// A document while it is read.
struct Document<'a, 'r> {
    receiver: &'a mut Receiver<'r>,
    is_mapping: bool,
}

/// How to read a value.
enum Strict<'a, 'd, 'r> {
    /// As it is.
    Value(&'d Count),
    /// As the top of a document.
    Document(&'d mut Document<'a, 'r>),
    /// As the `items` of a list, each passed on as soon as it was read.
    Items(&'d mut dyn FnMut(Value)),
}

impl<'de> DeserializeSeed<'de> for Strict<'_, '_, '_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_, '_, '_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, boolean: bool) -> Result<Value, E> {
        Ok(Value::Bool(boolean))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        // JSON has no infinity; what is beyond all numbers stays a number, which no text or flag is read from.
        let finite = if number.is_finite() {
            number
        } else {
            f64::MAX.copysign(number)
        };
        Ok(Number::from_f64(finite).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::String(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        let whole = Count::default();
        let count = if let Self::Value(count) = &self {
            *count
        } else {
            &whole
        };
        while let Some(value) = list.next_element_seed(Strict::Value(count))? {
            count.take()?;
            match &mut self {
                Self::Items(receive) => {
                    receive(value);
                    whole.0.set(0);
                }
                Self::Value(_) | Self::Document(_) => values.push(value),
            }
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let whole = Count::default();
        let count = match self {
            Self::Document(document) => return document.read(map).map(|()| Value::Null),
            Self::Value(count) => count,
            Self::Items(_) => &whole,
        };
        let mut fields = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            refuse_twice(&fields, &key)?;
            count.take()?;
            let value = map.next_value_seed(Strict::Value(count))?;
            fields.insert(key, value);
        }
        Ok(Value::Object(fields))
    }
}

/// In all formats that hold Kubernetes objects a key stands once; readers disagree on which of two counts.
fn refuse_twice<E: Error>(fields: &Map<String, Value>, key: &str) -> Result<(), E> {
    if fields.contains_key(key) {
        return Err(E::custom(duplicate_key(key)));
    }
    Ok(())
}

/// The message about a key that is there twice.
pub(super) fn duplicate_key(key: &str) -> String {
    let shown: String = key.chars().take(100).collect();
    format!("duplicate key {shown:?}")
}

impl Document<'_, '_> {
    fn read<'de, A: MapAccess<'de>>(&mut self, mut map: A) -> Result<(), A::Error> {
        self.is_mapping = true;
        let mut fields = Map::new();
        let mut waiting = Vec::new();
        let mut is_list = false;
        let count = Count::default();
        while let Some(key) = map.next_key::<String>()? {
            refuse_twice(&fields, &key)?;
            count.take()?;
            let value = if key == "items" {
                let value = self.read_items(&mut map, &fields, &mut waiting)?;
                is_list = value.is_array();
                value
            } else {
                map.next_value_seed(Strict::Value(&count))?
            };
            fields.insert(key, value);
        }
        // Go writes an empty list as null.
        is_list |= fields.get("items").is_some_and(Value::is_null)
            && text(&fields, "kind").ends_with("List");
        if !is_list && text(&fields, "kind") == "List" && fields.contains_key("items") {
            return Err(A::Error::custom("the items of a List are no list"));
        }
        if !is_list {
            self.pass(0, fields);
            return Ok(());
        }
        let api_version = text(&fields, "apiVersion").to_owned();
        let kind = text(&fields, "kind").to_owned();
        for (number, item) in waiting {
            let item = serde_json::from_str(&item).unwrap_or_default();
            self.pass_item(number, item, &api_version, &kind);
        }
        (self.receiver)(0, Part::List { api_version, kind });
        Ok(())
    }

    /// Reads `items`; those whose type stands further down wait as JSON, which takes a tenth of a `Value`'s memory.
    fn read_items<'de, A: MapAccess<'de>>(
        &mut self,
        map: &mut A,
        fields: &Map<String, Value>,
        waiting: &mut Vec<(u32, String)>,
    ) -> Result<Value, A::Error> {
        let api_version = text(fields, "apiVersion");
        let kind = text(fields, "kind");
        let is_known = !api_version.is_empty() && !kind.is_empty();
        let mut number = 0;
        map.next_value_seed(Strict::Items(&mut |item| {
            number += 1;
            if is_known || has_type(&item) {
                self.pass_item(number, item, api_version, kind);
            } else {
                waiting.push((number, item.to_string()));
            }
        }))
    }

    /// Passes an item on; one without a type gets that of the list, as kubectl does it.
    fn pass_item(&mut self, number: u32, item: Value, api_version: &str, kind: &str) {
        let is_typed = has_type(&item);
        let mut fields = match item {
            Value::Object(fields) => fields,
            // One that is no object is of the list's kind all the same, and can't be read.
            _ if kind
                .strip_suffix("List")
                .is_some_and(|kind| !kind.is_empty()) =>
            {
                Map::new()
            }
            _ => {
                (self.receiver)(number, Part::Other);
                return;
            }
        };
        if !is_typed {
            let kind = kind.strip_suffix("List").unwrap_or(kind);
            fields.insert("apiVersion".to_owned(), api_version.into());
            fields.insert("kind".to_owned(), kind.into());
        }
        self.pass(number, fields);
    }

    /// Passes an object on, or the items of a list that is itself an item.
    fn pass(&mut self, number: u32, mut fields: Map<String, Value>) {
        if !matches!(fields.get("items"), Some(Value::Array(_))) {
            let part = if is_typed(&fields) || is_without_version(&fields) {
                Part::Object(fields)
            } else {
                Part::Other
            };
            (self.receiver)(number, part);
            return;
        }
        let api_version = text(&fields, "apiVersion").to_owned();
        let kind = text(&fields, "kind").to_owned();
        if let Some(Value::Array(items)) = fields.remove("items") {
            for item in items {
                self.pass_item(number, item, &api_version, &kind);
            }
        }
        (self.receiver)(number, Part::List { api_version, kind });
    }
}

fn has_type(value: &Value) -> bool {
    value.as_object().is_some_and(is_typed)
}

fn is_typed(fields: &Map<String, Value>) -> bool {
    !text(fields, "apiVersion").is_empty() && !text(fields, "kind").is_empty()
}

/// Whether this is an object whose `apiVersion` was forgotten, rather than settings that have a `kind`.
fn is_without_version(fields: &Map<String, Value>) -> bool {
    let named = fields.get("metadata").and_then(|it| it.get("name"));
    !text(fields, "kind").is_empty() && named.is_some_and(Value::is_string)
}

/// The text of a field, or nothing.
pub(super) fn text<'a>(fields: &'a Map<String, Value>, key: &str) -> &'a str {
    fields.get(key).and_then(Value::as_str).unwrap_or_default()
}
