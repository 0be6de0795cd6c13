//! Control ids in every spelling that people use, folded into the one that OSCAL uses.
//!
//! It knows how ids are written, not which exist.

/// The id as OSCAL writes it (`ac-4.21`), from any usual spelling of it: `AC-4(21)`, `AC-04 (21)`, `ac-04.21`.
///
/// `None` when the text has no such form.
pub(crate) fn normalise(text: &str) -> Option<String> {
    let text = text.trim().to_ascii_lowercase();
    let (family, rest) = text.split_once('-')?;
    if family.len() != 2 || !family.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return None;
    }
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (control, rest) = rest.split_at(digits);
    let control = without_zeros(control)?;
    Some(format!("{family}-{control}{}", enhancement(rest)?))
}

/// The label with two digits everywhere, the form that NIST and FedRAMP print now: `AC-04(21)`.
///
/// Takes an id as [`normalise`] returns it; any other text comes back in upper case.
pub(crate) fn padded_label(id: &str) -> String {
    let upper = id.to_ascii_uppercase();
    let Some((family, rest)) = upper.split_once('-') else {
        return upper;
    };
    match rest.split_once('.') {
        Some((control, enhancement)) => format!("{family}-{control:0>2}({enhancement:0>2})"),
        None => format!("{family}-{rest:0>2}"),
    }
}

/// What follows the control number, as OSCAL writes it: nothing, or a dot and the number of an enhancement.
fn enhancement(rest: &str) -> Option<String> {
    if rest.is_empty() {
        return Some(String::new());
    }
    let number = match rest.strip_prefix('.') {
        Some(number) => number,
        None => rest.trim_start().strip_prefix('(')?.strip_suffix(')')?,
    };
    without_zeros(number).map(|number| format!(".{number}"))
}

/// A number without leading zeros; `None` when it is no number, or zero.
fn without_zeros(number: &str) -> Option<&str> {
    if !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let trimmed = number.trim_start_matches('0');
    (!trimmed.is_empty()).then_some(trimmed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_spellings_fold_into_one() {
        let table = [
            ("sc-39", "sc-39", "as OSCAL writes it"),
            ("SC-39", "sc-39", "as NIST prints it"),
            (" sc-39\n", "sc-39", "space around it"),
            ("AC-06", "ac-6", "zero-padded"),
            ("ac-4.21", "ac-4.21", "enhancement as OSCAL writes it"),
            ("AC-4(21)", "ac-4.21", "enhancement as NIST prints it"),
            (
                "AC-04 (21)",
                "ac-4.21",
                "zero-padded and a space, as in CR26",
            ),
            ("AC-06(09)", "ac-6.9", "both numbers zero-padded"),
            ("ac-06.09", "ac-6.9", "both numbers zero-padded, with a dot"),
        ];
        for (text, id, why) in table {
            assert_eq!(normalise(text).as_deref(), Some(id), "{why}");
        }
    }

    #[test]
    fn other_texts_are_no_ids() {
        let table = [
            ("", "nothing"),
            ("sc", "no number"),
            ("sc-", "no digits"),
            ("sc-0", "no control is numbered zero"),
            ("sc39", "no hyphen"),
            ("s-39", "family of one letter"),
            ("scx-39", "family of three letters"),
            ("sc-39x", "text after the number"),
            ("sc-39.", "enhancement without a number"),
            ("sc-39()", "enhancement without a number"),
            ("sc-39(1", "bracket left open"),
            ("sc-39(1)(a)", "part of an enhancement"),
            ("sc-39_obj", "an objective"),
            ("sć-39", "letter outside ASCII"),
        ];
        for (text, why) in table {
            assert_eq!(normalise(text), None, "{why}");
        }
    }

    #[test]
    fn padded_labels_have_two_digits() {
        assert_eq!(padded_label("ac-6"), "AC-06");
        assert_eq!(padded_label("sc-39"), "SC-39");
        assert_eq!(padded_label("ac-4.21"), "AC-04(21)");
        assert_eq!(padded_label("ac-6.9"), "AC-06(09)");
    }
}
