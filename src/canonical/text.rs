//! JSON values as text: a tree of maps takes many times the memory of what it says.

use std::borrow::Borrow;
use std::collections::HashSet;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

use super::Ordered;
use crate::pool::Pool;

/// A JSON value as its canonical text (RFC 8785).
#[derive(Clone, Debug)]
pub struct Text(Arc<RawValue>);

impl Text {
    /// The text of a value.
    pub fn new(value: &Value) -> Result<Self, serde_json::Error> {
        let written = serde_json::to_string(&Ordered(value))?;
        Ok(Self(RawValue::from_string(written)?.into()))
    }

    /// The text itself.
    pub fn as_str(&self) -> &str {
        self.0.get()
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Text {}

impl Hash for Text {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl Borrow<str> for Text {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for Text {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

/// A pool for several threads.
#[derive(Debug)]
pub struct Shelf<T: ?Sized>(Mutex<Pool<T>>);

impl<T: ?Sized> Default for Shelf<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: ?Sized + Eq + Hash> Shelf<T> {
    /// The shared copy.
    pub fn share<U>(&self, item: U) -> Arc<T>
    where
        U: Borrow<T> + Into<Arc<T>>,
    {
        locked(&self.0).share(item)
    }
}

/// Shares equal strings and equal texts: most results rest on the same few pointers and values.
#[derive(Debug, Default)]
pub struct Texts {
    strings: Shelf<str>,
    values: Mutex<HashSet<Text>>,
}

impl Texts {
    /// The shared copy of a string.
    pub fn share(&self, text: String) -> Arc<str> {
        self.strings.share(text)
    }

    /// The shared text of a value.
    pub fn text(&self, value: &Value) -> Result<Text, serde_json::Error> {
        let written = serde_json::to_string(&Ordered(value))?;
        let mut known = locked(&self.values);
        if let Some(known) = known.get(written.as_str()) {
            return Ok(known.clone());
        }
        let text = Text(RawValue::from_string(written)?.into());
        known.insert(text.clone());
        Ok(text)
    }
}

/// A thread that ended in the middle leaves nothing half done.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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
        let texts = Texts::default();
        let (one, other) = (json!({"a": 1}), json!({"a": 1}));
        let (one, other) = (texts.text(&one).unwrap(), texts.text(&other).unwrap());
        assert!(Arc::ptr_eq(&one.0, &other.0));
    }
}
