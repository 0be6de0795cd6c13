//! Canonical JSON (RFC 8785) and SHA-256, the form and the function under every digest.

mod ordered;
mod text;

use std::fmt::Write as _;
use std::io::{self, Read};

use aws_lc_rs::digest;
use serde::Serialize;

pub(crate) use ordered::Ordered;
pub use text::{Shelf, Text, Texts};

/// The canonical bytes of a value; integers outside ±(2^53 − 1) are written as strings.
pub fn to_bytes(value: &impl Serialize) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec(&Ordered(&serde_json::to_value(value)?))
}

/// SHA-256 of the canonical bytes of a value, as `sha256:` and hexadecimal digits.
pub fn digest_of(value: &impl Serialize) -> Result<String, serde_json::Error> {
    Ok(format!("sha256:{}", sha256(&to_bytes(value)?)))
}

/// SHA-256 as 64 lower-case hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    hexadecimal(digest::digest(&digest::SHA256, bytes).as_ref())
}

/// SHA-256 of all that a reader gives, as 64 lower-case hexadecimal digits.
pub fn sha256_of(mut reader: impl Read) -> io::Result<String> {
    let mut context = digest::Context::new(&digest::SHA256);
    let mut buffer = vec![0; 1 << 16];
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return Ok(hexadecimal(context.finish().as_ref())),
            Ok(count) => context.update(&buffer[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn canonical(value: &Value) -> String {
        String::from_utf8(to_bytes(value).unwrap()).unwrap()
    }

    #[test]
    fn numbers_keep_their_value() {
        let cases = [
            (json!(0), "0", "zero"),
            (json!(-0.0), "0", "the sign of zero is dropped"),
            (json!(1.0), "1", "whole doubles have no point"),
            (json!(1e21), "1e+21", "exponents as in ECMAScript"),
            (json!(0.000_001), "0.000001", "the least without exponent"),
            (
                json!(9_007_199_254_740_991_u64),
                "9007199254740991",
                "2^53 − 1",
            ),
            (
                json!(9_007_199_254_740_992_u64),
                r#""9007199254740992""#,
                "2^53",
            ),
            (
                json!(-9_007_199_254_740_991_i64),
                "-9007199254740991",
                "−(2^53 − 1)",
            ),
            (
                json!(-9_007_199_254_740_993_i64),
                r#""-9007199254740993""#,
                "beyond",
            ),
            (
                json!(i64::MIN),
                r#""-9223372036854775808""#,
                "whose magnitude is no i64",
            ),
            (
                json!([{"a": u64::MAX}]),
                r#"[{"a":"18446744073709551615"}]"#,
                "at any depth",
            ),
        ];
        for (value, expected, why) in cases {
            assert_eq!(canonical(&value), expected, "{why}");
        }
    }

    #[test]
    fn keys_are_in_the_order_of_their_utf_16_units() {
        // The example of RFC 8785, section 3.2.3: U+1F600 comes before U+FB33, although its code point is greater.
        let value = json!({
            "\u{20ac}": "Euro Sign", "\r": "Carriage Return", "\u{fb33}": "Hebrew Letter Dalet With Dagesh",
            "1": "One", "\u{1f600}": "Emoji: Grinning Face", "\u{80}": "Control",
            "\u{f6}": "Latin Small Letter O With Diaeresis",
        });
        let text = canonical(&value);
        let order = [
            "Carriage", "One", "Control", "Latin", "Euro", "Emoji", "Hebrew",
        ];
        let places: Vec<_> = order.iter().map(|word| text.find(word).unwrap()).collect();
        assert!(places.is_sorted(), "{text}");
    }

    #[test]
    fn strings_are_escaped_as_little_as_possible() {
        let cases = [
            ("\u{8}\t\n\u{c}\r", r#""\b\t\n\f\r""#, "short escapes"),
            (
                "\u{0}\u{1f}",
                r#""\u0000\u001f""#,
                "other controls, in lower case",
            ),
            ("\"\\/", r#""\"\\/""#, "a solidus stays"),
            (
                "\u{7f}\u{e9}\u{2028}\u{1f600}",
                "\"\u{7f}\u{e9}\u{2028}\u{1f600}\"",
                "all else stays",
            ),
        ];
        for (text, expected, why) in cases {
            assert_eq!(canonical(&json!(text)), expected, "{why}");
        }
        assert_eq!(
            canonical(&json!({"b": [null, true], "a": {}})),
            r#"{"a":{},"b":[null,true]}"#
        );
    }

    #[test]
    fn sha256_is_written_in_lower_case() {
        // FIPS 180-4 examples.
        assert_eq!(
            sha256(b""),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        assert_eq!(
            sha256(b"abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
