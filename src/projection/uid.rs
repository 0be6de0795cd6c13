//! Uids of objects, in less than half the room of their text: there is one for every object.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

/// `metadata.uid`: a UUID where an API server gave it, any text in files.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Uid(Form);

#[derive(Clone, PartialEq, Eq, Hash)]
enum Form {
    Uuid(Uuid),
    Text(Box<str>),
}

impl From<&str> for Uid {
    fn from(text: &str) -> Self {
        Self(uuid(text).map_or_else(|| Form::Text(text.into()), Form::Uuid))
    }
}

/// What is written out again as it was.
fn uuid(text: &str) -> Option<Uuid> {
    let uuid = Uuid::try_parse(text).ok()?;
    let mut buffer = Uuid::encode_buffer();
    (*uuid.hyphenated().encode_lower(&mut buffer) == *text).then_some(uuid)
}

impl fmt::Display for Uid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Form::Uuid(uuid) => uuid.hyphenated().fmt(formatter),
            Form::Text(text) => formatter.write_str(text),
        }
    }
}

impl fmt::Debug for Uid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self}")
    }
}

impl Serialize for Uid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Form::Uuid(uuid) => {
                serializer.serialize_str(uuid.hyphenated().encode_lower(&mut Uuid::encode_buffer()))
            }
            Form::Text(text) => serializer.serialize_str(text),
        }
    }
}

impl<'de> Deserialize<'de> for Uid {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        Ok(Self::from(&*text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_uid_is_written_as_it_was_read() {
        let uuid = "6f1c5d0e-3b7a-4000-9000-00000000000a";
        let cases = [
            (uuid.to_owned(), true, "as API servers write them"),
            (uuid.to_uppercase(), false, "in capitals"),
            (uuid.replace('-', ""), false, "without hyphens"),
            (format!("{{{uuid}}}"), false, "in braces"),
            (format!("urn:uuid:{uuid}"), false, "as a URN"),
            (format!("{uuid}0"), false, "one digit more"),
            ("u-1".to_owned(), false, "any text"),
            (String::new(), false, "empty"),
        ];
        for (text, packed, why) in cases {
            let made = Uid::from(text.as_str());
            assert_eq!(matches!(made.0, Form::Uuid(_)), packed, "{why}");
            assert_eq!(made.to_string(), text, "{why}");
            let written = serde_json::to_value(&made).unwrap();
            assert_eq!(written, text, "{why}");
            let read: Uid = serde_json::from_value(written).unwrap();
            assert_eq!(read, made, "{why}");
        }
    }
}
