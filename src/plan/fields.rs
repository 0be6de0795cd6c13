//! Single values of a plan, each with what it must look like.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;

use chrono::{DateTime, NaiveDate, Utc};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error as _};
use serde_json::Value;

/// A day, as `2026-01-31`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(NaiveDate);

impl Date {
    /// A day of the calendar.
    pub const fn of(day: NaiveDate) -> Self {
        Self(day)
    }

    /// The day of a time in RFC 3339, in UTC.
    pub fn of_time(time: &str) -> Option<Self> {
        let time = DateTime::parse_from_rfc3339(time).ok()?;
        Some(Self(time.with_timezone(&Utc).date_naive()))
    }

    /// Reads `2026-01-31`, in this form alone.
    pub fn parse(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split('-').collect();
        let digits = |part: &&str| part.bytes().all(|byte| byte.is_ascii_digit());
        let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
        if lengths != [4, 2, 2] || !parts.iter().all(digits) {
            return None;
        }
        NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().map(Self)
    }
}

impl fmt::Display for Date {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0.format("%Y-%m-%d"))
    }
}

impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            D::Error::custom(format!(
                "expected a date such as 2026-01-31, found {text:?}"
            ))
        })
    }
}

impl JsonSchema for Date {
    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("Date")
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$" })
    }
}

/// A port: `8900` for TCP, `53/UDP` for others.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlowPort {
    /// Number.
    pub number: u16,
    /// `TCP`, `UDP` or `SCTP`.
    pub protocol: String,
}

impl FlowPort {
    fn parse(text: &str) -> Option<Self> {
        let (number, protocol) = text.split_once('/').unwrap_or((text, "TCP"));
        let known = ["TCP", "UDP", "SCTP"].contains(&protocol);
        let digits = number.bytes().all(|byte| byte.is_ascii_digit());
        let number = number
            .parse()
            .ok()
            .filter(|number| *number > 0 && known && digits)?;
        Some(Self {
            number,
            protocol: protocol.to_owned(),
        })
    }
}

impl<'de> Deserialize<'de> for FlowPort {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let text = match &value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        Self::parse(&text).ok_or_else(|| {
            D::Error::custom(format!(
                "expected a port such as 8900 or 53/UDP, found {text}"
            ))
        })
    }
}

impl JsonSchema for FlowPort {
    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("FlowPort")
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "oneOf": [
            { "type": "integer", "minimum": 1, "maximum": 65535 },
            { "type": "string", "pattern": "^[0-9]+(/(TCP|UDP|SCTP))?$" },
        ] })
    }
}

/// A text that says something.
pub(crate) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.trim().is_empty() {
        return Err(D::Error::custom("a text is expected here, it is empty"));
    }
    Ok(text)
}

/// A text that says something, or nothing.
pub(crate) fn optional_text<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    text(deserializer).map(Some)
}

/// Whether a namespace can have the name (RFC 1123 label).
pub(super) fn is_namespace(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&text.len())
        && text.bytes().all(allowed)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// What to say of a name that no namespace can have.
pub(super) fn no_namespace(text: &str) -> String {
    format!(
        "expected the name of a namespace: lower-case letters, digits and '-', at most 63; found {text:?}"
    )
}

/// The name of a namespace.
pub(crate) fn namespace<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    if is_namespace(&text) {
        return Ok(text);
    }
    Err(D::Error::custom(no_namespace(&text)))
}

/// The name of a namespace, or nothing.
pub(crate) fn optional_namespace<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    namespace(deserializer).map(Some)
}

/// A truth value, a number or a text.
pub(super) fn scalar<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
    let value = Value::deserialize(deserializer)?;
    match value {
        Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(value),
        Value::Null | Value::Array(_) | Value::Object(_) => {
            Err(D::Error::custom("expected true, false, a number or a text"))
        }
    }
}

/// A family of ingress controllers, by its id.
pub(super) fn family<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    let named = super::FAMILY_NAMES.iter().find(|(name, _)| *name == text);
    let id = named.map_or(text.as_str(), |(_, id)| *id);
    if super::FAMILIES.contains(&id) {
        return Ok(id.to_owned());
    }
    Err(D::Error::custom(format!(
        "unknown family {text:?}; there are {}",
        family_words().join(", ")
    )))
}

/// Every word for a family: ids, then abbreviations.
pub(super) fn family_words() -> Vec<&'static str> {
    let names = super::FAMILY_NAMES.iter().map(|(name, _)| *name);
    super::FAMILIES.iter().copied().chain(names).collect()
}

/// Address ranges such as `10.0.0.0/8`.
pub(super) fn ranges<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let ranges = Vec::<String>::deserialize(deserializer)?;
    match ranges.iter().find(|range| !is_range(range)) {
        Some(range) => Err(D::Error::custom(format!(
            "expected an address range such as 10.0.0.0/8, found {range:?}"
        ))),
        None => Ok(ranges),
    }
}

fn is_range(text: &str) -> bool {
    let Some((address, length)) = text.split_once('/') else {
        return false;
    };
    let most = match address.parse() {
        Ok(IpAddr::V4(_)) => 32,
        Ok(IpAddr::V6(_)) => 128,
        Err(_) => return false,
    };
    let digits = !length.is_empty() && length.bytes().all(|byte| byte.is_ascii_digit());
    digits && length.parse::<u8>().is_ok_and(|length| length <= most)
}
