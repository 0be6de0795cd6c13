//! Texts in the forms that OSCAL takes. Names in a cluster belong to whoever may create objects there.

use std::borrow::Cow;
use std::fmt::{self, Write as _};

use chrono::{DateTime, Datelike as _, SecondsFormat, Utc};
use serde::{Serialize, Serializer};

use crate::render::escape::visible;

/// A value of type string: one line, not empty, no space at its ends.
pub(super) fn line(text: &str) -> Cow<'_, str> {
    let text = visible(text);
    if text.is_empty() {
        return Cow::Borrowed("(empty)");
    }
    let inner = text.trim();
    if inner.len() == text.len() {
        return text;
    }
    let start = text.len() - text.trim_start().len();
    let (front, rest) = text.split_at(start);
    let (inner, back) = rest.split_at(inner.len().min(rest.len()));
    let mut escaped = String::new();
    for character in front.chars() {
        escape(&mut escaped, character);
    }
    escaped.push_str(inner);
    for character in back.chars() {
        escape(&mut escaped, character);
    }
    Cow::Owned(escaped)
}

/// A text of type markup, which readers render as Markdown: everything in it is meant literally.
pub(in crate::render) fn markup(text: &str) -> String {
    let text = line(text);
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            // As entities these are harmless to readers that take Markdown for HTML, too.
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            // Braces begin an insertion of a parameter in OSCAL.
            '\\' | '`' | '*' | '[' | ']' | '{' | '}' | '~' | '^' | '|' | '$' => {
                escaped.push('\\');
                escaped.push(character);
            }
            other => escaped.push(other),
        }
    }
    escaped
}

/// A relative reference to a file beside the document.
pub(in crate::render) fn file_reference(name: &str) -> String {
    let mut reference = String::from("./");
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            reference.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(reference, "%{byte:02X}");
        }
    }
    reference
}

/// Base64 (RFC 4648, section 4), with padding.
pub(super) fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |index: usize| u32::from(chunk.get(index).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for sign in 0..4 {
            let index = (bits >> (18 - 6 * sign)) & 63;
            let known = ALPHABET.get(index as usize).filter(|_| sign <= chunk.len());
            text.push(known.map_or('=', |byte| char::from(*byte)));
        }
    }
    text
}

fn escape(escaped: &mut String, character: char) {
    // Writing to a String cannot fail.
    let _ = write!(escaped, "\\u{{{:x}}}", u32::from(character));
}

/// A point in time, UTC. OSCAL takes a closed list of offsets and the years 1900 to 2999.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment(DateTime<Utc>);

impl Moment {
    /// Of a time as evidence has it. A snapshot is a file, and may say anything: what is no time is the first second of
    /// 1970.
    pub(super) fn of(text: &str) -> Self {
        let time = DateTime::parse_from_rfc3339(text).map(|time| time.to_utc());
        let fits = |time: &DateTime<Utc>| (1900..2999).contains(&time.year());
        Self(time.ok().filter(fits).unwrap_or_default())
    }

    /// Some days later.
    pub(super) fn after_days(self, days: i64) -> Self {
        let later = self.0.checked_add_signed(chrono::Duration::days(days));
        Self(later.unwrap_or(self.0))
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.to_rfc3339_opts(SecondsFormat::AutoSi, true))
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_single_and_have_no_space_at_their_ends() {
        let cases = [
            ("shop/orders", "shop/orders", "as it is"),
            ("", "(empty)", "a value is never empty"),
            (" a b ", "\\u{20}a b\\u{20}", "space at the ends"),
            ("\u{3000}a", "\\u{3000}a", "any space"),
            ("  ", "\\u{20}\\u{20}", "nothing but space"),
            ("a\nb", "a\\u{a}b", "one line"),
            (
                "a\u{2028}b\u{85}c",
                "a\\u{2028}b\\u{85}c",
                "any end of line",
            ),
            ("größe", "größe", "letters of any script"),
        ];
        for (text, expected, why) in cases {
            assert_eq!(line(text), expected, "{why}");
        }
    }

    #[test]
    fn markup_is_inert() {
        let cases = [
            ("hostPID is true", "hostPID is true", "plain"),
            (
                "SYS_PTRACE",
                "SYS_PTRACE",
                "within words this is no emphasis",
            ),
            (
                "<img src=x onerror=y>",
                "&lt;img src=x onerror=y&gt;",
                "no element",
            ),
            ("[a](javascript:x)", "\\[a\\](javascript:x)", "no link"),
            ("**a** `b`", "\\*\\*a\\*\\* \\`b\\`", "no emphasis, no code"),
            (
                "{{ insert: param, x }}",
                "\\{\\{ insert: param, x \\}\\}",
                "no parameter",
            ),
            ("&lt;", "&amp;lt;", "no entity"),
        ];
        for (text, expected, why) in cases {
            assert_eq!(markup(text), expected, "{why}");
        }
    }

    #[test]
    fn times_have_an_offset_that_is_taken() {
        let cases = [
            ("2026-01-01T00:00:05Z", "2026-01-01T00:00:05Z", "as it is"),
            ("2026-01-01T05:45:05+05:45", "2026-01-01T00:00:05Z", "UTC"),
            ("2026-01-01T00:00:05", "1970-01-01T00:00:00Z", "no offset"),
            ("yesterday", "1970-01-01T00:00:00Z", "no time"),
            (
                "9999-01-01T00:00:00Z",
                "1970-01-01T00:00:00Z",
                "out of range",
            ),
        ];
        for (text, expected, why) in cases {
            let written = serde_json::to_value(Moment::of(text)).unwrap();
            assert_eq!(written, expected, "{why}");
        }
    }

    #[test]
    fn base64_is_that_of_the_standard() {
        // RFC 4648, section 10.
        let cases = [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ];
        for (text, expected) in cases {
            assert_eq!(base64(text.as_bytes()), expected);
        }
    }

    #[test]
    fn names_of_files_are_references() {
        assert_eq!(file_reference("evidence.json"), "./evidence.json");
        assert_eq!(file_reference("a b#?.json"), "./a%20b%23%3F.json");
    }
}
