//! Values in messages.

use serde_json::Value;

use crate::canonical::Ordered;

/// Letters of a value that are shown.
const SHOWN: usize = 160;

/// The canonical text of a value.
pub(super) fn canonical(value: &Value) -> String {
    serde_json::to_string(&Ordered(value)).unwrap_or_default()
}

/// A value, cut where it is long.
pub(super) fn shown(value: &Value) -> String {
    shown_text(&canonical(value))
}

/// A text, cut where it is long.
pub(super) fn shown_text(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

/// A member's name in a JSON pointer (RFC 6901).
pub(super) fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
