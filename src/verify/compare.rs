//! Two documents, held against each other member by member.
//!
//! Lists are aligned by what names their elements, so that one element too many does not make all that follow differ.
//! The three long lists are compared element by element from their text: neither document is ever in memory as a tree.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};

use serde_json::Value;
use serde_json::value::RawValue;

use super::check::{Check, Findings};
use super::shown::{canonical, escaped, shown, shown_text};
use crate::evidence::{Members, elements, strict};

/// The lists that hold most of a document.
const LONG: &[&str] = &["objects", "projections", "results"];

/// Holds a recorded document against the derived one.
pub(super) fn documents(recorded: &str, derived: &str, findings: &mut Findings) {
    let (recorded, derived) = match (Members::of(recorded), Members::of(derived)) {
        (Ok(recorded), Ok(derived)) => (recorded, derived),
        (Err(error), _) | (_, Err(error)) => {
            return findings.add(Check::Form, "", error.to_string());
        }
    };
    let names = recorded.0.iter().chain(&derived.0);
    let names: BTreeSet<&str> = names.map(|(name, _)| name.as_str()).collect();
    // The digest is checked against the document as it is, not against one that may differ.
    for name in names.into_iter().filter(|name| *name != "integrity") {
        let pointer = format!("/{}", escaped(name));
        member(&pointer, recorded.get(name), derived.get(name), findings);
    }
}

fn member(pointer: &str, recorded: Option<&str>, derived: Option<&str>, findings: &mut Findings) {
    match (recorded, derived) {
        (Some(recorded), Some(derived)) if recorded == derived => {}
        (Some(recorded), Some(derived)) => {
            let long = LONG
                .iter()
                .any(|name| pointer.strip_prefix('/') == Some(*name));
            let lists = (elements(recorded), elements(derived));
            match lists {
                (Ok(recorded), Ok(derived)) if long => {
                    List::of_texts(&recorded, &derived).compare(pointer, findings);
                }
                _ => texts(pointer, recorded, derived, findings),
            }
        }
        (Some(recorded), None) => extra(pointer, &shown_text(recorded), findings),
        (None, Some(derived)) => missing(pointer, &shown_text(derived), findings),
        (None, None) => {}
    }
}

fn texts(pointer: &str, recorded: &str, derived: &str, findings: &mut Findings) {
    match (strict(recorded), strict(derived)) {
        (Ok(recorded), Ok(derived)) => values(pointer, &recorded, &derived, findings),
        (Err(error), _) | (_, Err(error)) => {
            findings.add(Check::Form, pointer, error.to_string());
        }
    }
}

fn values(pointer: &str, recorded: &Value, derived: &Value, findings: &mut Findings) {
    match (recorded, derived) {
        (Value::Object(recorded), Value::Object(derived)) => {
            let names: BTreeSet<&String> = recorded.keys().chain(derived.keys()).collect();
            for name in names {
                let pointer = format!("{pointer}/{}", escaped(name));
                match (recorded.get(name), derived.get(name)) {
                    (Some(recorded), Some(derived)) => {
                        values(&pointer, recorded, derived, findings);
                    }
                    (Some(recorded), None) => extra(&pointer, &shown(recorded), findings),
                    (None, Some(derived)) => missing(&pointer, &shown(derived), findings),
                    (None, None) => {}
                }
            }
        }
        (Value::Array(recorded), Value::Array(derived)) => {
            List::of_values(recorded, derived).compare(pointer, findings);
        }
        _ if is_index_or_digest(pointer) => {}
        (recorded, derived) if canonical(recorded) == canonical(derived) => {}
        (recorded, derived) => {
            let message = format!(
                "recorded {}, derived again {}",
                shown(recorded),
                shown(derived)
            );
            let check = match derived.as_str() {
                Some("indeterminate") if pointer.ends_with("erdict") => Check::Gaps,
                _ => Check::of(pointer),
            };
            findings.add(check, pointer, message);
        }
    }
}

/// Digests of projections are held against their values in the file. Where an object points to among projections follows
/// from these, and would differ for every object where one of them does.
fn is_index_or_digest(pointer: &str) -> bool {
    let steps: Vec<&str> = pointer.split('/').skip(1).collect();
    matches!(
        steps.as_slice(),
        ["objects", _, "projection"] | ["projections", _, "digest"]
    )
}

fn extra(pointer: &str, value: &str, findings: &mut Findings) {
    let message = format!("recorded {value}, and nothing gives it");
    findings.add(Check::of(pointer), pointer, message);
}

fn missing(pointer: &str, value: &str, findings: &mut Findings) {
    let message = format!("not recorded; derived again it is {value}");
    findings.add(Check::of(pointer), pointer, message);
}

/// Two lists. Elements are made when they are looked at.
struct List<'l> {
    recorded: Box<dyn Fn(usize) -> Element<'l> + 'l>,
    recorded_length: usize,
    derived: Box<dyn Fn(usize) -> Element<'l> + 'l>,
    derived_length: usize,
    are_same: Box<dyn Fn(usize, usize) -> bool + 'l>,
}

/// An element, or why it is none.
type Element<'l> = Result<Cow<'l, Value>, String>;

impl<'l> List<'l> {
    fn of_values(recorded: &'l [Value], derived: &'l [Value]) -> Self {
        Self {
            recorded: Box::new(|index| Ok(Cow::Borrowed(&recorded[index]))),
            recorded_length: recorded.len(),
            derived: Box::new(|index| Ok(Cow::Borrowed(&derived[index]))),
            derived_length: derived.len(),
            are_same: Box::new(|one, other| recorded[one] == derived[other]),
        }
    }

    fn of_texts(recorded: &'l [&'l RawValue], derived: &'l [&'l RawValue]) -> Self {
        let parse = |text: &'l RawValue| match strict(text.get()) {
            Ok(value) => Ok(Cow::Owned(value)),
            Err(error) => Err(error.to_string()),
        };
        Self {
            recorded: Box::new(move |index| parse(recorded[index])),
            recorded_length: recorded.len(),
            derived: Box::new(move |index| parse(derived[index])),
            derived_length: derived.len(),
            are_same: Box::new(|one, other| recorded[one].get() == derived[other].get()),
        }
    }

    fn compare(&self, pointer: &str, findings: &mut Findings) {
        let shorter = self.recorded_length.min(self.derived_length);
        let start = (0..shorter)
            .take_while(|index| (self.are_same)(*index, *index))
            .count();
        let from_end = |back: &usize| {
            let (one, other) = (self.recorded_length - back, self.derived_length - back);
            (self.are_same)(one - 1, other - 1)
        };
        let end = (0..shorter - start).take_while(from_end).count();
        let recorded = keys(&self.recorded, start..self.recorded_length - end);
        let derived = keys(&self.derived, start..self.derived_length - end);
        self.align(pointer, &recorded, &derived, findings);
    }

    fn align(
        &self,
        pointer: &str,
        recorded: &[(String, usize)],
        derived: &[(String, usize)],
        findings: &mut Findings,
    ) {
        let by_key: HashMap<&str, usize> = derived
            .iter()
            .map(|(key, index)| (key.as_str(), *index))
            .collect();
        let mut left: BTreeSet<usize> = derived.iter().map(|(_, index)| *index).collect();
        let (mut pairs, mut unknown) = (Vec::new(), Vec::new());
        for (key, index) in recorded {
            match by_key.get(key.as_str()) {
                Some(other) => {
                    left.remove(other);
                    pairs.push((*index, *other));
                }
                None => unknown.push(*index),
            }
        }
        // An element under another name, in the place where one is missing, is that one.
        unknown.retain(|index| {
            let found = left.remove(index);
            if found {
                pairs.push((*index, *index));
            }
            !found
        });
        pairs.sort_unstable();
        Self::order(pointer, &pairs, findings);
        for (one, other) in pairs {
            if !(self.are_same)(one, other) {
                self.elements(&format!("{pointer}/{one}"), one, other, findings);
            }
        }
        for index in unknown {
            let value = (self.recorded)(index).map_or_else(|error| error, |value| named(&value));
            extra(&format!("{pointer}/{index}"), &value, findings);
        }
        for index in left {
            let value = (self.derived)(index).map_or_else(|error| error, |value| named(&value));
            let message = format!("an element is missing: {value}");
            findings.add(Check::of(pointer), pointer, message);
        }
    }

    fn elements(&self, pointer: &str, one: usize, other: usize, findings: &mut Findings) {
        match ((self.recorded)(one), (self.derived)(other)) {
            (Ok(one), Ok(other)) => values(pointer, &one, &other, findings),
            (Err(error), _) | (_, Err(error)) => findings.add(Check::Form, pointer, error),
        }
    }

    fn order(pointer: &str, pairs: &[(usize, usize)], findings: &mut Findings) {
        let mut pairs = pairs.windows(2);
        let wrong = pairs.find(|pair| match pair {
            [(_, one), (_, other)] => one > other,
            _ => false,
        });
        if let Some([_, (index, _)]) = wrong {
            let message = "stands in another place than its order gives";
            findings.add(Check::Order, format!("{pointer}/{index}"), message);
        }
    }
}

/// What names each element, with its index.
fn keys<'l>(
    element: &dyn Fn(usize) -> Element<'l>,
    range: std::ops::Range<usize>,
) -> Vec<(String, usize)> {
    let mut seen: HashMap<String, u32> = HashMap::new();
    range
        .map(|index| {
            let key = element(index).map_or_else(|error| error, |value| key(&value));
            let count = seen.entry(key.clone()).or_default();
            *count += 1;
            (format!("{key}\u{1f}{count}"), index)
        })
        .collect()
}

/// Members that name an element of some list.
const NAMES: &[&str] = &[
    "id",
    "controlId",
    "digest",
    "ruleId",
    "apiVersion",
    "group",
    "kind",
    "namespace",
    "name",
    "verb",
    "place",
    "reason",
    "label",
    "object",
    "pointer",
    "fact",
];

fn key(value: &Value) -> String {
    let Value::Object(members) = value else {
        return canonical(value);
    };
    let id = ["id", "controlId", "digest"]
        .iter()
        .find_map(|name| members.get(*name));
    if let Some(id) = id {
        return canonical(id);
    }
    let parts = NAMES.iter().filter_map(|name| members.get(*name));
    let parts: Vec<String> = parts.map(canonical).collect();
    parts.join("\u{1f}")
}

/// An element by the members that name it.
fn named(value: &Value) -> String {
    let Value::Object(members) = value else {
        return shown(value);
    };
    let named = NAMES.iter().chain(&["verdict", "message"]);
    let named = named.filter_map(|name| Some(format!("{name} {}", shown(members.get(*name)?))));
    let named: Vec<String> = named.collect();
    named.join(", ")
}
