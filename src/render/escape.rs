//! Makes visible what a terminal or an editor would act upon, or hide, in strings that come from a cluster.

use std::borrow::Cow;
use std::fmt::Write as _;

/// The text with every character that is not plainly visible written as `\u{…}`.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    let may_command = text.contains("##") || text.contains("::");
    let is_acted_upon =
        |at: usize, character: char| is_hidden(character) || may_command && is_command(&text[at..]);
    let mut letters = text.char_indices();
    if !letters.any(|(at, character)| is_acted_upon(at, character)) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 8);
    for (at, character) in text.char_indices() {
        if is_acted_upon(at, character) {
            // Writing to a String cannot fail.
            let _ = write!(escaped, "\\u{{{:x}}}", u32::from(character));
        } else {
            escaped.push(character);
        }
    }
    Cow::Owned(escaped)
}

/// What GitHub's runner does when a line of a log names it.
const GITHUB_COMMANDS: [&str; 15] = [
    "add-mask",
    "add-matcher",
    "add-path",
    "debug",
    "echo",
    "endgroup",
    "error",
    "group",
    "notice",
    "remove-matcher",
    "save-state",
    "set-env",
    "set-output",
    "stop-commands",
    "warning",
];

/// Whether a text begins like what the runner of a pipeline takes for a command, wherever it finds it in a log:
/// `##vso[…]` of Azure DevOps, `##[…]` and `::name …::` of GitHub.
fn is_command(text: &str) -> bool {
    if let Some(rest) = text.strip_prefix("##") {
        let is_azure = rest
            .get(..3)
            .is_some_and(|word| word.eq_ignore_ascii_case("vso"));
        return rest
            .get(if is_azure { 3 } else { 0 }..)
            .is_some_and(|rest| rest.starts_with('['));
    }
    let Some(rest) = text.strip_prefix("::") else {
        return false;
    };
    let end = rest.find(|letter: char| !letter.is_ascii_alphabetic() && letter != '-');
    let (name, rest) = rest.split_at(end.unwrap_or(rest.len()));
    let is_known = GITHUB_COMMANDS
        .iter()
        .any(|command| name.eq_ignore_ascii_case(command));
    is_known && (rest.starts_with("::") || rest.starts_with(' '))
}

/// Control characters start terminal sequences; the others reorder, join or hide the text around them, so that what is
/// read is not what is there (Unicode Standard Annex 9, and Technical Report 36).
fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            // No characters at all, and refused by XML 1.0.
            | '\u{fffe}'..='\u{ffff}'
            | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_visible_is_written_out() {
        let cases = [
            (
                "##vso[task.setvariable variable=a]b",
                "\\u{23}#vso[task.setvariable variable=a]b",
                "no command of Azure DevOps",
            ),
            ("###[group]", "#\\u{23}#[group]", "no command of GitHub"),
            (
                "a ::set-output name=a::b",
                "a \\u{3a}:set-output name=a::b",
                "no command of GitHub",
            ),
            ("::stop-commands::x", "\\u{3a}:stop-commands::x", "nor this"),
            (
                "fe80::a, ::1 ::/0 ## x::y",
                "fe80::a, ::1 ::/0 ## x::y",
                "addresses",
            ),
            ("shop-7c9d", "shop-7c9d", "names stay as they are"),
            (
                "größe 日本 🦀",
                "größe 日本 🦀",
                "so do letters of any script",
            ),
            ("C:\\etc", "C:\\etc", "a backslash is visible"),
            (
                "\u{1b}[31mok",
                "\\u{1b}[31mok",
                "ESC begins a terminal sequence",
            ),
            ("\u{9b}31mok", "\\u{9b}31mok", "so does CSI in eight bits"),
            (
                "a\rb\nc\td",
                "a\\u{d}b\\u{a}c\\u{9}d",
                "lines would be overwritten or forged",
            ),
            ("\u{0}\u{7f}", "\\u{0}\\u{7f}", "NUL and DEL"),
            ("\u{202e}gnp", "\\u{202e}gnp", "right-to-left override"),
            (
                "\u{202a}\u{202b}\u{202c}\u{202d}",
                "\\u{202a}\\u{202b}\\u{202c}\\u{202d}",
                "other bidi controls",
            ),
            (
                "\u{2066}\u{2067}\u{2068}\u{2069}",
                "\\u{2066}\\u{2067}\\u{2068}\\u{2069}",
                "isolates",
            ),
            (
                "\u{200e}\u{200f}\u{61c}",
                "\\u{200e}\\u{200f}\\u{61c}",
                "marks",
            ),
            ("a\u{200b}b\u{feff}", "a\\u{200b}b\\u{feff}", "of no width"),
            ("a\u{2028}b", "a\\u{2028}b", "a line separator"),
            ("a\u{e0041}", "a\\u{e0041}", "tags"),
        ];
        for (text, expected, why) in cases {
            assert_eq!(visible(text), expected, "{why}");
        }
    }
}
