//! JSON values as text: a tree of maps takes many times the memory of what it says.

use std::borrow::Borrow;
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

use super::Ordered;

/// A JSON value as its canonical text (RFC 8785).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Text(Arc<str>);

impl Text {
    /// The text of a value.
    pub fn new(value: &Value) -> Result<Self, serde_json::Error> {
        Ok(Self(serde_json::to_string(&Ordered(value))?.into()))
    }

    /// The text itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Text {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw: &RawValue = serde_json::from_str(&self.0).map_err(serde::ser::Error::custom)?;
        raw.serialize(serializer)
    }
}

/// Shares equal strings and equal texts: most results rest on the same few pointers and values.
#[derive(Debug, Default)]
pub struct Texts {
    known: HashSet<Shared>,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Shared(Arc<str>);

impl Borrow<str> for Shared {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl Texts {
    /// The shared copy of a string.
    pub fn share(&mut self, text: &str) -> Arc<str> {
        if let Some(Shared(known)) = self.known.get(text) {
            return Arc::clone(known);
        }
        let shared: Arc<str> = text.into();
        self.known.insert(Shared(Arc::clone(&shared)));
        shared
    }

    /// The shared text of a value.
    pub fn text(&mut self, value: &Value) -> Result<Text, serde_json::Error> {
        let written = serde_json::to_string(&Ordered(value))?;
        Ok(Text(self.share(&written)))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_text_is_written_as_it_is() {
        let value = json!({"b": [1, "a\u{1f}"], "a": null});
        let text = Text::new(&value).unwrap();
        assert_eq!(text.as_str(), r#"{"a":null,"b":[1,"a\u001f"]}"#);
        assert_eq!(serde_json::to_string(&text).unwrap(), text.as_str());
    }

    #[test]
    fn equal_texts_are_shared() {
        let mut texts = Texts::default();
        let (one, other) = (json!({"a": 1}), json!({"a": 1}));
        let (one, other) = (texts.text(&one).unwrap(), texts.text(&other).unwrap());
        assert!(Arc::ptr_eq(&one.0, &other.0));
    }
}
