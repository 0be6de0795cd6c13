//! Takes the text of a file apart into its documents.

use serde::de::IgnoredAny;
use serde_saphyr::budget::BudgetBreach;
use serde_saphyr::{
    Error, MessageFormatter as _, NonFiniteFloatPolicy, Options, UserMessageFormatter,
};

use super::ManifestError;
use super::value::{self, Part};

/// Nesting in one document. The schemas of custom resources, the deepest that there are, have about half of it.
const DEPTH: usize = 128;

/// What both readers say of a document beyond it.
const TOO_DEEP: &str = "recursion limit exceeded";

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Json,
    Yaml,
}

/// Where a part stands in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Position {
    /// Number of the document, from 1; empty ones count.
    pub(super) document: u32,
    /// Number of the item in a list, from 1, or 0.
    pub(super) item: u32,
}

/// What is wrong with a file.
#[derive(Debug)]
pub(super) struct Malformed {
    pub(super) document: u32,
    pub(super) line: Option<u64>,
    pub(super) message: String,
}

impl Malformed {
    /// The error, with all that is known of the place.
    pub(super) fn in_file(self, file: &str) -> ManifestError {
        let line = self.line.map(|line| format!(", line {line}"));
        ManifestError::Malformed {
            place: format!(
                "{file}, document {}{}",
                self.document,
                line.unwrap_or_default()
            ),
            message: self.message,
        }
    }
}

impl Format {
    /// The format that the name of a file tells, else its first character, as kubectl does it.
    pub(super) fn of(name: &str, text: &str) -> Self {
        match super::inputs::extension(name).as_deref() {
            Some("json") => Self::Json,
            Some("yaml" | "yml") => Self::Yaml,
            _ if text.trim_start().starts_with(['{', '[']) => Self::Json,
            _ => Self::Yaml,
        }
    }
}

/// Reads all documents of a text and passes their parts on.
pub(super) fn read(
    text: &str,
    format: Format,
    receiver: &mut dyn FnMut(Position, Part),
) -> Result<(), Malformed> {
    match format {
        Format::Json => read_json(text, receiver),
        Format::Yaml => read_yaml(text, receiver),
    }
}

fn read_json(text: &str, receiver: &mut dyn FnMut(Position, Part)) -> Result<(), Malformed> {
    // A first pass finds where documents end: to ask after each whether there is another would cost a look at the
    // whole text before it.
    let mut stream = serde_json::Deserializer::from_str(text).into_iter::<IgnoredAny>();
    let (mut document, mut start, mut lines_before) = (0, 0, 0);
    while let Some(skipped) = stream.next() {
        document += 1;
        let malformed = |error: serde_json::Error, lines_before: usize| Malformed {
            document,
            line: Some((lines_before + error.line()) as u64),
            message: json_message(&error),
        };
        skipped.map_err(|error| malformed(error, 0))?;
        let text = &text[start..stream.byte_offset()];
        let mut json = serde_json::Deserializer::from_str(text);
        value::read_document(&mut json, &mut |item, part| {
            receiver(Position { document, item }, part);
        })
        .map_err(|error| malformed(error, lines_before))?;
        lines_before += text.matches('\n').count();
        start = stream.byte_offset();
    }
    Ok(())
}

fn json_message(error: &serde_json::Error) -> String {
    let place = format!(" at line {} column {}", error.line(), error.column());
    let message = error.to_string();
    let message = message.strip_suffix(&place).unwrap_or(&message);
    match message {
        TOO_DEEP => too_deep(),
        _ => message.to_owned(),
    }
}

/// Without control characters, which a reader may quote from the file.
fn printable(message: &str) -> String {
    let letters = message.chars().map(|letter| {
        if letter.is_control() {
            '\u{fffd}'
        } else {
            letter
        }
    });
    letters.collect()
}

fn too_deep() -> String {
    format!("nested deeper than {DEPTH} levels")
}

fn read_yaml(text: &str, receiver: &mut dyn FnMut(Position, Part)) -> Result<(), Malformed> {
    for (document, (lines_before, text)) in (1..).zip(Documents::new(text)) {
        if text.is_empty() {
            continue;
        }
        let options = options(text.len());
        serde_saphyr::with_deserializer_from_str_with_options(text, options, |yaml| {
            value::read_document(yaml, &mut |item, part| {
                receiver(Position { document, item }, part);
            })
        })
        .map_err(|error| Malformed {
            document,
            line: error
                .location()
                .map(|location| location.line() + lines_before),
            message: printable(&yaml_message(&error)),
        })?;
    }
    Ok(())
}

/// Scalars as kubectl reads them, and work in proportion to the text.
fn options(bytes: usize) -> Options {
    // Without aliases no document has more nodes than bytes; with them, these are what may come on top.
    let nodes = bytes.saturating_add(1_000_000);
    let scalar_bytes = bytes.saturating_add(64 << 20);
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_events: nodes.saturating_mul(2),
            max_nodes: nodes,
            max_total_scalar_bytes: scalar_bytes,
            max_depth: DEPTH,
            // One anchor for labels that a hundred objects share is no attack; the bounds above are enough.
            enforce_alias_anchor_ratio: false,
        },
        emit_comments: false,
        legacy_octal_numbers: true,
        ignore_binary_tag_for_string: true,
        non_finite_float_policy: NonFiniteFloatPolicy::PassThrough,
        with_snippet: false,
    }
}

/// The message, without advice to programmers.
fn yaml_message(error: &Error) -> String {
    match error {
        Error::WithSnippet { error, .. } | Error::AliasError { error, .. } => yaml_message(error),
        Error::DuplicateMappingKey { key: Some(key), .. } => value::duplicate_key(key),
        Error::Budget {
            breach: BudgetBreach::Depth { .. },
            ..
        } => too_deep(),
        Error::Budget { .. }
        | Error::AliasReplayCounterOverflow { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => {
            "anchors and aliases expand it beyond all bounds".to_owned()
        }
        _ => match UserMessageFormatter.format_message(error).as_ref() {
            TOO_DEEP => too_deep(),
            message => message.to_owned(),
        },
    }
}

/// Splits a YAML stream into documents, each with the number of lines before it.
///
/// YAML 1.2, section 9.1.2: a line that begins with `---` or `...` and a blank is a marker wherever it stands, in
/// quoted and block scalars too, so that the split needs no parser. It gives every document bounds of its own.
struct Documents<'a> {
    rest: &'a str,
    lines_before: u64,
}

impl<'a> Documents<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            rest: text,
            lines_before: 0,
        }
    }
}

impl<'a> Iterator for Documents<'a> {
    type Item = (u64, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        while !self.rest.is_empty() {
            let lines_before = self.lines_before;
            if let Some(document) = self.take_document() {
                return Some((lines_before, document));
            }
        }
        None
    }
}

impl<'a> Documents<'a> {
    /// The text up to the next marker, or nothing if no document begins in it. Of empty documents the text is empty.
    fn take_document(&mut self) -> Option<&'a str> {
        let (mut length, mut lines) = (0, 0);
        // Comments and directives before the first marker belong to the document that it begins.
        let mut has_begun = false;
        let mut has_content = false;
        for line in self.rest.split_inclusive('\n') {
            let is_start = is_marker(line, "---");
            if is_start && has_begun {
                break;
            }
            length += line.len();
            lines += 1;
            if is_marker(line, "...") {
                break;
            }
            has_begun |= is_start;
            let content = if is_start { &line["---".len()..] } else { line };
            if !is_blank(content) && (has_begun || !content.starts_with('%')) {
                has_begun = true;
                has_content = true;
            }
        }
        let (document, rest) = self.rest.split_at(length);
        self.rest = rest;
        self.lines_before += lines;
        has_begun.then_some(if has_content { document } else { "" })
    }
}

fn is_marker(line: &str, marker: &str) -> bool {
    line.strip_prefix(marker)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
}

/// Whether a line holds nothing but white space or a comment.
fn is_blank(line: &str) -> bool {
    let content = line.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']);
    content.is_empty() || content.starts_with('#')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_split_where_its_markers_stand() {
        type Case<'a> = (&'a str, &'a [(u64, &'a str)], &'a str);
        let cases: &[Case<'_>] = &[
            ("", &[], "nothing"),
            ("\n# c\n", &[], "comments only"),
            ("a\n", &[(0, "a\n")], "no marker"),
            (
                "# c\n---\na",
                &[(0, "# c\n---\na")],
                "a comment before the marker",
            ),
            (
                "%YAML 1.2\n---\na\n",
                &[(0, "%YAML 1.2\n---\na\n")],
                "a directive before the marker",
            ),
            (
                "a\n---\nb\n--- c\n",
                &[(0, "a\n"), (1, "---\nb\n"), (3, "--- c\n")],
                "content on the marker's line",
            ),
            (
                "---\n---\n# c\n---\na\n",
                &[(0, ""), (1, ""), (3, "---\na\n")],
                "empty documents",
            ),
            (
                "a\n...\n# c\n%YAML 1.2\n---\nb",
                &[(0, "a\n...\n"), (2, "# c\n%YAML 1.2\n---\nb")],
                "an end marker",
            ),
            ("a\n...\n...\n", &[(0, "a\n...\n")], "two of them"),
            ("---", &[(0, "")], "a marker alone"),
            (
                "----\n---a\n ---\n",
                &[(0, "----\n---a\n ---\n")],
                "no markers",
            ),
            (
                "a: |\n  ---\n---\t\r\nb",
                &[(0, "a: |\n  ---\n"), (2, "---\t\r\nb")],
                "in a text",
            ),
            (
                "---\n%a\n",
                &[(0, "---\n%a\n")],
                "a directive behind the marker is none",
            ),
        ];
        for (text, expected, why) in cases {
            let documents: Vec<_> = Documents::new(text).collect();
            assert_eq!(documents, *expected, "{why}");
        }
    }

    #[test]
    fn the_name_tells_the_format_or_else_the_text() {
        let cases = [
            ("a.json", "a: b", Format::Json),
            ("a.YML", "{}", Format::Yaml),
            ("dir.json/a.yaml", "{}", Format::Yaml),
            ("a.txt", " \n{}", Format::Json),
            ("json", "- a", Format::Yaml),
        ];
        for (name, text, expected) in cases {
            assert_eq!(Format::of(name, text), expected, "{name}");
        }
    }
}
