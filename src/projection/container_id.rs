//! Ids of containers, in half the room of their text: there are several of them for every pod.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Runtimes that name containers by 64 hexadecimal digits.
const RUNTIMES: [&str; 3] = ["containerd", "cri-o", "docker"];

/// `containerID`, such as `containerd://` and 64 hexadecimal digits.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ContainerId(Form);

#[derive(Clone, PartialEq, Eq, Hash)]
enum Form {
    /// The runtime, by its place in the list.
    Digits {
        runtime: u8,
        bytes: [u8; 32],
    },
    Text(Box<str>),
}

impl From<&str> for ContainerId {
    fn from(text: &str) -> Self {
        Self(digits(text).unwrap_or_else(|| Form::Text(text.into())))
    }
}

/// What can be written out again as it was.
fn digits(text: &str) -> Option<Form> {
    let (name, digits) = text.split_once("://")?;
    let (_, runtime) = RUNTIMES
        .into_iter()
        .zip(0..)
        .find(|(known, _)| *known == name)?;
    let mut bytes = [0; 32];
    if digits.len() != 2 * bytes.len() {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.as_bytes().chunks(2)) {
        *byte = pair.iter().try_fold(0, |byte, digit| {
            let value = match digit {
                b'0'..=b'9' => digit - b'0',
                b'a'..=b'f' => digit - b'a' + 10,
                _ => return None,
            };
            Some(byte << 4 | value)
        })?;
    }
    Some(Form::Digits { runtime, bytes })
}

impl fmt::Display for ContainerId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Form::Digits { runtime, bytes } => {
                let runtime = RUNTIMES.get(usize::from(*runtime)).unwrap_or(&"");
                write!(formatter, "{runtime}://")?;
                bytes
                    .iter()
                    .try_for_each(|byte| write!(formatter, "{byte:02x}"))
            }
            Form::Text(text) => formatter.write_str(text),
        }
    }
}

impl fmt::Debug for ContainerId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self}")
    }
}

impl Serialize for ContainerId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Form::Digits { .. } => serializer.collect_str(self),
            Form::Text(text) => serializer.serialize_str(text),
        }
    }
}

impl<'de> Deserialize<'de> for ContainerId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        Ok(Self::from(&*text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_id_is_written_as_it_was_read() {
        let digits = "0123456789abcdef".repeat(4);
        let cases = [
            (
                format!("containerd://{digits}"),
                true,
                "as containerd names them",
            ),
            (format!("cri-o://{digits}"), true, "as CRI-O does"),
            (format!("docker://{digits}"), true, "as Docker does"),
            (
                format!("containerd://{}", digits.to_uppercase()),
                false,
                "in capitals",
            ),
            (format!("containerd://{digits}0"), false, "one digit more"),
            (
                format!("containerd://{}", &digits[1..]),
                false,
                "one digit less",
            ),
            (format!("containerd://{}é", &digits[2..]), false, "no digit"),
            (format!("other://{digits}"), false, "of another runtime"),
            (digits, false, "of none"),
            (String::new(), false, "empty"),
        ];
        for (text, packed, why) in cases {
            let id = ContainerId::from(text.as_str());
            assert_eq!(matches!(id.0, Form::Digits { .. }), packed, "{why}");
            let written = serde_json::to_value(&id).unwrap();
            assert_eq!(written, text, "{why}");
            let read: ContainerId = serde_json::from_value(written).unwrap();
            assert_eq!(read, id, "{why}");
        }
    }
}
