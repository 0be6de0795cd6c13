//! Fields of which the API takes few values: what it would refuse does not decode.
//!
//! A word in the wrong case would otherwise read as "anything else", and hide what it says. The API server treats an
//! empty word like an absent one where it has a default for it.

use serde::de::{Error, Unexpected};
use serde::{Deserialize as _, Deserializer};

use super::metadata::Scalar;

/// `protocol` of ports: `TCP` where it is absent or empty.
pub(super) fn protocol<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    defaulted(deserializer, &["TCP", "UDP", "SCTP"], "TCP, UDP or SCTP")
}

/// `type` of a Service: `ClusterIP` where it is absent or empty.
pub(super) fn service_type<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    let known = ["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"];
    defaulted(deserializer, &known, "a type of Service")
}

/// `restartPolicy` of a container; the API has no default for an empty one.
pub(super) fn restart_policy<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    let word = Option::<String>::deserialize(deserializer)?;
    one_of(
        word,
        &["Always", "OnFailure", "Never"],
        "Always, OnFailure or Never",
    )
}

/// `spec.os.name`.
pub(super) fn operating_system<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<String, D::Error> {
    let word = String::deserialize(deserializer)?;
    one_of(Some(word), &["linux", "windows"], "linux or windows").map(Option::unwrap_or_default)
}

/// A port that is required: from 1 to 65535.
pub(super) fn port<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u16, D::Error> {
    match u16::deserialize(deserializer)? {
        0 => Err(D::Error::invalid_value(
            Unexpected::Unsigned(0),
            &"a port number",
        )),
        number => Ok(number),
    }
}

/// A port by number or name: `IntOrString`, whose numbers are whole.
pub(super) fn port_or_name<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Scalar>, D::Error> {
    let target = Option::<Scalar>::deserialize(deserializer)?;
    let is_port = match &target {
        Some(Scalar::Number(number)) => u16::try_from(*number).is_ok(),
        // A number that is not whole, or beyond all ports, becomes a text without letters, which no name is.
        Some(Scalar::Text(text)) => {
            let is_name = text.bytes().any(|byte| byte.is_ascii_alphabetic());
            text.is_empty() || is_name || text.parse::<u16>().is_ok()
        }
        None => true,
    };
    if is_port {
        return Ok(target);
    }
    Err(D::Error::invalid_value(
        Unexpected::Other("value"),
        &"a port number or name",
    ))
}

/// Reads a word for which the API has a default.
fn defaulted<'de, D: Deserializer<'de>>(
    deserializer: D,
    known: &[&str],
    expected: &str,
) -> Result<Option<String>, D::Error> {
    let word = Option::<String>::deserialize(deserializer)?.filter(|word| !word.is_empty());
    one_of(word, known, expected)
}

fn one_of<E: Error>(
    word: Option<String>,
    known: &[&str],
    expected: &str,
) -> Result<Option<String>, E> {
    match word {
        Some(word) if !known.contains(&word.as_str()) => {
            Err(E::invalid_value(Unexpected::Other("word"), &expected))
        }
        word => Ok(word),
    }
}
