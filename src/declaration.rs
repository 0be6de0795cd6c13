//! Files in which people declare something, such as the assessment plan and waivers: read under bounds, and with the
//! line of every value, so that whatever is wrong with one names file, line and key.
//!
//! What the declared things mean is not for this module.

use std::collections::BTreeSet;
use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use serde_path_to_error::Segment;
use serde_saphyr::{MessageFormatter as _, Spanned, UserMessageFormatter};

use crate::canonical;

/// The largest file that is read, in bytes: some thousand entries.
pub const LIMIT: u64 = 1 << 20;

/// Nesting in a file; what people declare has a handful of levels.
const DEPTH: usize = 64;

/// Why a file declares nothing.
#[derive(Debug, thiserror::Error)]
pub enum DeclarationError {
    /// The file is missing or may not be read.
    #[error("unable to read {file}")]
    Read {
        /// The file.
        file: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The file is larger than any that people write.
    #[error("{file} is larger than {} KiB", LIMIT >> 10)]
    TooLarge {
        /// The file.
        file: String,
    },
    /// The file is not text.
    #[error("{file}:{line}: not UTF-8")]
    NotUtf8 {
        /// The file.
        file: String,
        /// Line of the first byte that is not.
        line: usize,
    },
    /// The file is no YAML, or holds a key twice.
    #[error("{file}:{line}: {message}")]
    Malformed {
        /// The file.
        file: String,
        /// The line.
        line: u64,
        /// What the reader says.
        message: String,
    },
    /// A key that is not known, or a value that can't be what it should be.
    #[error("{file}:{line}: {key}: {message}")]
    Invalid {
        /// The file.
        file: String,
        /// The line.
        line: u64,
        /// The key, with the keys and numbers that lead to it.
        key: String,
        /// What is wrong with it.
        message: String,
    },
}

/// What one file holds.
#[derive(Debug)]
pub struct Declaration {
    file: String,
    root: Node,
    value: Value,
}

impl Declaration {
    /// Reads a file, YAML or JSON.
    pub fn read(path: &Path) -> Result<Self, DeclarationError> {
        let file = path.display().to_string();
        let unreadable = |source| DeclarationError::Read {
            file: file.clone(),
            source,
        };
        let mut bytes = Vec::new();
        let opened = File::open(path).map_err(unreadable)?;
        let mut bounded = opened.take(LIMIT + 1);
        bounded.read_to_end(&mut bytes).map_err(unreadable)?;
        if bytes.len() as u64 > LIMIT {
            return Err(DeclarationError::TooLarge { file });
        }
        let text = std::str::from_utf8(&bytes).map_err(|error| {
            let before = &bytes[..error.valid_up_to()];
            let line = before.split(|byte| *byte == b'\n').count();
            let file = file.clone();
            DeclarationError::NotUtf8 { file, line }
        })?;
        Self::parse(&file, text)
    }

    /// Reads a text; `file` is its name in messages. JSON is YAML, too.
    pub fn parse(file: &str, text: &str) -> Result<Self, DeclarationError> {
        let options = serde_saphyr::options! {
            budget: serde_saphyr::budget! { max_depth: DEPTH },
            // A namespace may be called `on` or `y`; only `true` and `false` are truth values.
            strict_booleans: true,
            with_snippet: false,
        };
        let root: Node = serde_saphyr::from_str_with_options(text, options)
            .map_err(|error| malformed(file, &error))?;
        Ok(Self {
            file: file.to_owned(),
            value: root.to_value(),
            root,
        })
    }

    /// Takes a document that was read before, such as one embedded in evidence; it has no lines.
    pub fn of(name: &str, document: Value) -> Self {
        Self {
            file: name.to_owned(),
            root: Node {
                line: 1,
                content: Content::Scalar(Value::Null),
            },
            value: document,
        }
    }

    /// Everything in it, as JSON.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// SHA-256 of the canonical JSON of everything in it, as `sha256:` and hexadecimal digits.
    pub fn digest(&self) -> String {
        // A value always has a canonical form.
        let bytes = canonical::to_bytes(&self.value).unwrap_or_default();
        format!("sha256:{}", canonical::sha256(&bytes))
    }

    /// Everything in it, as the type that it declares; `maps` are the keys behind which a map stands.
    pub fn typed<T: DeserializeOwned>(&self, maps: &[&str]) -> Result<T, DeclarationError> {
        // The reader of types would take a list for the values of a map in their order.
        if let Some(steps) = misplaced_list(&self.value, true, maps) {
            return Err(self.invalid(&steps, "invalid type: sequence, expected a map"));
        }
        serde_path_to_error::deserialize(&self.value).map_err(|error| {
            let steps: Vec<Step> = error.path().iter().filter_map(Step::of).collect();
            let message = error.into_inner().to_string();
            match Self::unknown_key(&message) {
                None => self.invalid(&steps, message),
                Some((key, message)) => {
                    let mut steps = steps;
                    if steps.last() != Some(&Step::from(key)) {
                        steps.push(Step::from(key));
                    }
                    self.invalid(&steps, message)
                }
            }
        })
    }

    /// An error about the value that the steps lead to.
    pub fn invalid(&self, steps: &[Step], message: impl Into<String>) -> DeclarationError {
        let mut key = String::new();
        for step in steps {
            match step {
                Step::Key(name) if key.is_empty() => key.clone_from(name),
                Step::Key(name) => key = format!("{key}.{name}"),
                Step::Item(number) => key = format!("{key}[{number}]"),
            }
        }
        if key.is_empty() {
            "the file".clone_into(&mut key);
        }
        DeclarationError::Invalid {
            file: self.file.clone(),
            line: self.root.line_of(steps),
            key,
            message: message.into(),
        }
    }

    /// The reader of types says unknown keys in words; they belong to the path.
    fn unknown_key(message: &str) -> Option<(&str, String)> {
        let rest = message.strip_prefix("unknown field `")?;
        let (key, known) = rest.split_once("`, expected ")?;
        let known = known.trim_start_matches("one of ").replace('`', "");
        Some((key, format!("unknown key; there are {known}")))
    }
}

/// One step on the way to a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Into a map.
    Key(String),
    /// Into a list, from 0.
    Item(usize),
}

impl Step {
    fn of(segment: &Segment) -> Option<Self> {
        match segment {
            Segment::Seq { index } => Some(Self::Item(*index)),
            Segment::Map { key } => Some(Self::Key(key.clone())),
            Segment::Enum { .. } | Segment::Unknown => None,
        }
    }
}

impl From<&str> for Step {
    fn from(key: &str) -> Self {
        Self::Key(key.to_owned())
    }
}

impl From<usize> for Step {
    fn from(number: usize) -> Self {
        Self::Item(number)
    }
}

/// A value with the lines of everything in it.
#[derive(Debug)]
struct Node {
    line: u64,
    content: Content,
}

#[derive(Debug)]
enum Content {
    Scalar(Value),
    List(Vec<Node>),
    /// Keys with their lines, in the order of the file.
    Map(Vec<(String, u64, Node)>),
}

impl Node {
    fn to_value(&self) -> Value {
        match &self.content {
            Content::Scalar(value) => value.clone(),
            Content::List(items) => items.iter().map(Self::to_value).collect(),
            Content::Map(entries) => {
                // A key with nothing behind it is as good as none, as in the API.
                let entries = entries.iter().filter(|(_, _, node)| !node.is_null());
                let entries = entries.map(|(key, _, node)| (key.clone(), node.to_value()));
                Value::Object(entries.collect::<Map<_, _>>())
            }
        }
    }

    fn is_null(&self) -> bool {
        matches!(self.content, Content::Scalar(Value::Null))
    }

    /// The line of the last step that there is.
    fn line_of(&self, steps: &[Step]) -> u64 {
        let Some((step, rest)) = steps.split_first() else {
            return self.line.max(1);
        };
        match (&self.content, step) {
            (Content::List(items), Step::Item(number)) => match items.get(*number) {
                Some(item) => item.line_of(rest),
                None => self.line.max(1),
            },
            (Content::Map(entries), Step::Key(wanted)) => {
                match entries.iter().find(|(key, _, _)| key == wanted) {
                    Some((_, line, _)) if rest.is_empty() => *line,
                    Some((_, _, node)) => node.line_of(rest),
                    None => self.line.max(1),
                }
            }
            _ => self.line.max(1),
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Content>::deserialize(deserializer)?;
        Ok(Self {
            line: spanned.referenced.line(),
            content: spanned.value,
        })
    }
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ContentVisitor)
    }
}

struct ContentVisitor;

impl<'de> Visitor<'de> for ContentVisitor {
    type Value = Content;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Content, E> {
        Ok(Content::Scalar(Value::Null))
    }

    fn visit_bool<E>(self, boolean: bool) -> Result<Content, E> {
        Ok(Content::Scalar(Value::Bool(boolean)))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Content, E> {
        Ok(Content::Scalar(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Content, E> {
        Ok(Content::Scalar(number.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Content, E> {
        let number = Number::from_f64(number);
        let number = number.ok_or_else(|| E::custom("a number is expected to be finite"))?;
        Ok(Content::Scalar(Value::Number(number)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Content, E> {
        Ok(Content::Scalar(Value::String(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Content, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element::<Node>()? {
            items.push(item);
        }
        Ok(Content::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Content, A::Error> {
        let mut entries: Vec<(String, u64, Node)> = Vec::new();
        let mut known = BTreeSet::new();
        while let Some(key) = map.next_key::<Spanned<String>>()? {
            if !known.insert(key.value.clone()) {
                return Err(A::Error::custom(format!("duplicate key {:?}", key.value)));
            }
            entries.push((key.value, key.referenced.line(), map.next_value()?));
        }
        Ok(Content::Map(entries))
    }
}

/// The way to a list that stands where a map is expected: at the top, right in another list, or behind a key of a map.
fn misplaced_list(value: &Value, map_expected: bool, maps: &[&str]) -> Option<Vec<Step>> {
    let (step, mut steps) = match value {
        Value::Array(_) if map_expected => return Some(Vec::new()),
        Value::Array(items) => items.iter().enumerate().find_map(|(number, item)| {
            Some((Step::from(number), misplaced_list(item, true, maps)?))
        })?,
        Value::Object(entries) => entries.iter().find_map(|(key, value)| {
            let map_expected = maps.contains(&key.as_str());
            Some((
                Step::from(key.as_str()),
                misplaced_list(value, map_expected, maps)?,
            ))
        })?,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return None,
    };
    steps.insert(0, step);
    Some(steps)
}

fn malformed(file: &str, error: &serde_saphyr::Error) -> DeclarationError {
    let message = match error {
        serde_saphyr::Error::DuplicateMappingKey { key: Some(key), .. } => {
            format!("duplicate key {key:?}")
        }
        _ => UserMessageFormatter.format_message(error).into_owned(),
    };
    DeclarationError::Malformed {
        file: file.to_owned(),
        line: error.location().map_or(1, |location| location.line()),
        message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only whether it can be read matters")]
    struct Declared {
        names: Vec<Named>,
        #[serde(default)]
        ports: Vec<u16>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only whether it can be read matters")]
    struct Named {
        name: String,
    }

    fn error(text: &str) -> String {
        let read = Declaration::parse("a.yaml", text).and_then(|read| read.typed::<Declared>(&[]));
        read.map_or_else(|error| error.to_string(), |_| "none".to_owned())
    }

    #[test]
    fn what_is_wrong_names_file_line_and_key() {
        let table = [
            ("names:\n- name: a\n", "none", "nothing is wrong"),
            (
                "{\"names\": [\n\t{\"name\": \"a\"}]}",
                "none",
                "JSON with tabulators",
            ),
            (
                "names:\n- name: a\nother: 1\n",
                "a.yaml:3: other: unknown key; there are names or ports",
                "an unknown key",
            ),
            (
                "names:\n- name: a\n  nam: b\n",
                "a.yaml:3: names[0].nam: unknown key; there are name",
                "an unknown key in an item",
            ),
            (
                "names:\n- name: 1\n",
                "a.yaml:2: names[0].name: invalid type: integer `1`, expected a string",
                "a number is no text",
            ),
            (
                "names:\n- {name: a}\n- {}\n",
                "a.yaml:3: names[1]: missing field `name`",
                "a key that is missing",
            ),
            (
                "names: []\nports:\n  - 70000\n",
                "a.yaml:3: ports[0]: invalid value: integer `70000`, expected u16",
                "a number out of range",
            ),
            (
                "names:\n  a: b\n",
                "a.yaml:1: names: invalid type: map, expected a sequence",
                "a map is no list",
            ),
            (
                "names: []\nports: []\nnames: []\n",
                "a.yaml:3: duplicate key \"names\"",
                "a key that is there twice",
            ),
            (
                "{\"names\": [],\n\"names\": []}",
                "a.yaml:2: duplicate key \"names\"",
                "a key that is there twice in JSON",
            ),
        ];
        for (text, expected, why) in table {
            assert_eq!(error(text), expected, "{why}");
        }
    }

    #[test]
    fn what_is_no_yaml_names_the_line() {
        for text in [
            "names: [\n",
            "a: b: c\n",
            "- 1\n",
            "",
            "names: []\n---\nnames: []\n",
        ] {
            let error = error(text);
            assert!(error.starts_with("a.yaml:"), "{text:?}: {error}");
        }
        let bomb = format!(
            "a: &a [{}]\nb: &b [{}]\nc: [{}]\n",
            "1,".repeat(500),
            "*a,".repeat(500),
            "*b,".repeat(500)
        );
        assert!(error(&bomb).starts_with("a.yaml:"), "an alias bomb");
        assert!(error(&"[".repeat(5000)).starts_with("a.yaml:"), "too deep");
    }

    #[test]
    fn files_are_read_under_bounds() {
        let folder = tempfile::tempdir().unwrap();
        let read = |bytes: &[u8]| {
            let file = folder.path().join("plan.yaml");
            std::fs::write(&file, bytes).unwrap();
            Declaration::read(&file).map_err(|error| error.to_string())
        };
        let large = vec![b'#'; usize::try_from(LIMIT).unwrap() + 1];
        assert!(
            read(&large)
                .unwrap_err()
                .ends_with("is larger than 1024 KiB")
        );
        assert!(
            read(b"a: b\nc: \xff")
                .unwrap_err()
                .ends_with(":2: not UTF-8")
        );
        assert!(read(b"a: b").is_ok());
        let missing = Declaration::read(&folder.path().join("none"));
        assert!(
            missing
                .unwrap_err()
                .to_string()
                .starts_with("unable to read ")
        );
    }
}
