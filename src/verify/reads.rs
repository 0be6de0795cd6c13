//! Whether each value that a result says it read stands where it says.
//!
//! Looked up in the file itself, by its own indexes and without any rule. Most lookups are the same for all replicas of
//! a template, and are made once.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::check::{Check, Findings};
use super::shown::{canonical, shown};
use crate::evidence::{Members, elements as texts, strict};

/// An object, as far as lookups need it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Object<'t> {
    projection: usize,
    #[serde(borrow, default)]
    per_pod: Option<&'t RawValue>,
}

#[derive(Deserialize)]
struct Projection<'t> {
    #[serde(borrow)]
    value: &'t RawValue,
}

#[derive(Deserialize)]
struct Finding<'t> {
    #[serde(borrow)]
    reads: Vec<Read<'t>>,
    #[serde(borrow)]
    subjects: Vec<&'t RawValue>,
}

#[derive(Deserialize)]
struct Read<'t> {
    #[serde(borrow)]
    object: &'t RawValue,
    #[serde(borrow)]
    pointer: Cow<'t, str>,
    present: bool,
    #[serde(borrow, default)]
    value: Option<&'t RawValue>,
}

#[derive(Deserialize)]
struct Plan {
    document: Value,
}

/// A lookup: where, what should stand there, and the first read that says so.
struct Lookup<'t> {
    pointer: Cow<'t, str>,
    expected: Option<&'t str>,
    /// Indexes of the result and of the read in it.
    read: (usize, usize),
}

/// Of pointer and value: the result and the read that say so first.
type Claims<'t> = BTreeMap<(String, Option<&'t str>), (usize, usize)>;

/// The document in parts, and what has to be looked up in it.
struct Lookups<'t> {
    objects: Vec<Object<'t>>,
    texts: Vec<&'t RawValue>,
    projections: Vec<Projection<'t>>,
    plan: Option<Value>,
    /// By projection: what is the same for all objects that share it.
    shared: BTreeMap<usize, Claims<'t>>,
    /// By projection and object: what is the object's own.
    own: BTreeMap<usize, BTreeMap<usize, Vec<Lookup<'t>>>>,
    count: u64,
}

/// Looks up all values; the number of values that results name.
pub(super) fn check(text: &str, findings: &mut Findings) -> u64 {
    match collect(text, findings) {
        Ok(lookups) => {
            lookups.look_up(findings);
            lookups.count
        }
        Err((pointer, error)) => {
            findings.add(Check::Form, pointer, error.to_string());
            0
        }
    }
}

type Wrong = (String, serde_json::Error);

fn list<'t>(members: &Members<'t>, name: &str) -> Result<Vec<&'t RawValue>, Wrong> {
    let text = members.get(name).unwrap_or("[]");
    texts(text).map_err(|error| (format!("/{name}"), error))
}

fn elements<'t, T: Deserialize<'t>>(name: &str, texts: &[&'t RawValue]) -> Result<Vec<T>, Wrong> {
    let element = |(index, text): (usize, &&'t RawValue)| {
        serde_json::from_str(text.get()).map_err(|error| (format!("/{name}/{index}"), error))
    };
    texts.iter().enumerate().map(element).collect()
}

fn collect<'t>(text: &'t str, findings: &mut Findings) -> Result<Lookups<'t>, Wrong> {
    let members = Members::of(text).map_err(|error| (String::new(), error))?;
    let plan: Option<Plan> = match members.get("plan") {
        Some(text) => {
            Some(serde_json::from_str(text).map_err(|error| ("/plan".to_owned(), error))?)
        }
        None => None,
    };
    let texts = list(&members, "objects")?;
    let mut lookups = Lookups {
        objects: elements("objects", &texts)?,
        texts,
        projections: elements("projections", &list(&members, "projections")?)?,
        plan: plan.map(|plan| plan.document),
        shared: BTreeMap::new(),
        own: BTreeMap::new(),
        count: 0,
    };
    for (index, text) in list(&members, "results")?.iter().enumerate() {
        match serde_json::from_str::<Finding<'t>>(text.get()) {
            Ok(result) => lookups.result(index, result, findings),
            Err(error) => findings.add(Check::Form, format!("/results/{index}"), error.to_string()),
        }
    }
    Ok(lookups)
}

/// Members of `metadata` that stand in an object's entry and not in its projection.
const IDENTITY: &[&str] = &[
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "generateName",
    "creationTimestamp",
    "deletionTimestamp",
];

/// Members of `spec` of a Pod that differ between replicas.
const OF_REPLICAS: &[&str] = &["nodeName", "hostname", "subdomain", "ephemeralContainers"];

/// Whether all objects of one projection have the same there.
fn is_shared(pointer: &str) -> bool {
    let mut steps = pointer.split('/').skip(1);
    match (steps.next(), steps.next()) {
        (Some("spec"), Some(member)) => !OF_REPLICAS.contains(&member),
        (Some("metadata" | "status" | "spec") | None, _) => false,
        (Some(_), _) => true,
    }
}

impl<'t> Lookups<'t> {
    fn result(&mut self, index: usize, result: Finding<'t>, findings: &mut Findings) {
        let subjects: Vec<usize> = result
            .subjects
            .iter()
            .filter_map(|subject| subject.get().parse().ok())
            .collect();
        let all_are_objects = subjects.len() == result.subjects.len();
        // Replicas share their projection, and a result may be about thousands of them.
        let objects = subjects
            .iter()
            .filter_map(|subject| self.objects.get(*subject));
        let mut projections: Vec<usize> = objects.map(|object| object.projection).collect();
        projections.sort_unstable();
        projections.dedup();
        for (number, read) in result.reads.into_iter().enumerate() {
            let place = (index, number);
            let expected = read.value.map(RawValue::get);
            self.count += 1;
            if read.present != expected.is_some() {
                add(findings, place, "present and value contradict each other");
            }
            match read.object.get() {
                "\"plan\"" => self.of_plan(&read.pointer, expected, place, findings),
                "\"subject\"" => {
                    if !all_are_objects && read.present {
                        add(findings, place, "a subject that was not read has no values");
                    }
                    if is_shared(&read.pointer) {
                        for projection in &projections {
                            self.of_projection(*projection, &read.pointer, expected, place);
                        }
                    } else {
                        for subject in &subjects {
                            let pointer = read.pointer.clone();
                            self.of_object(*subject, pointer, expected, place, findings);
                        }
                    }
                }
                other => match other.parse() {
                    Ok(object) => self.of_object(object, read.pointer, expected, place, findings),
                    Err(_) => add(findings, place, "points to no object"),
                },
            }
        }
    }

    fn of_plan(
        &self,
        pointer: &str,
        expected: Option<&str>,
        place: (usize, usize),
        findings: &mut Findings,
    ) {
        let found = self.plan.as_ref().and_then(|plan| plan.pointer(pointer));
        if !agrees(expected, found) {
            add(
                findings,
                place,
                &disagrees("the plan", pointer, expected, found),
            );
        }
    }

    fn of_object(
        &mut self,
        object: usize,
        pointer: Cow<'t, str>,
        expected: Option<&'t str>,
        place: (usize, usize),
        findings: &mut Findings,
    ) {
        let Some(projection) = self.objects.get(object).map(|object| object.projection) else {
            return add(findings, place, &format!("there is no object {object}"));
        };
        if is_shared(&pointer) {
            return self.of_projection(projection, &pointer, expected, place);
        }
        let of_projection = self.own.entry(projection).or_default();
        of_projection.entry(object).or_default().push(Lookup {
            pointer,
            expected,
            read: place,
        });
    }

    fn of_projection(
        &mut self,
        projection: usize,
        pointer: &str,
        expected: Option<&'t str>,
        place: (usize, usize),
    ) {
        let shared = self.shared.entry(projection).or_default();
        let key = (pointer.to_owned(), expected);
        shared.entry(key).or_insert(place);
    }

    fn look_up(&self, findings: &mut Findings) {
        let mut wrong: Vec<((usize, usize), String)> = Vec::new();
        let places = self.shared.keys().chain(self.own.keys());
        let places: BTreeSet<&usize> = places.collect();
        for place in places {
            // What is not there, or no JSON object, is found when the file is read.
            let value = self.projections.get(*place);
            let value = value.and_then(|projection| strict(projection.value.get()).ok());
            let value = value.unwrap_or_default();
            for ((pointer, expected), read) in self.shared.get(place).into_iter().flatten() {
                let found = value.pointer(pointer);
                if !agrees(*expected, found) {
                    let words = disagrees("the object", pointer, *expected, found);
                    wrong.push((*read, words));
                }
            }
            for (object, lookups) in self.own.get(place).into_iter().flatten() {
                let object = Whole::of(&value, &self.objects[*object], self.texts[*object]);
                for lookup in lookups {
                    let found = object.get(&lookup.pointer);
                    if !agrees(lookup.expected, found.as_deref()) {
                        let name = object.name();
                        let found = found.as_deref();
                        let words = disagrees(&name, &lookup.pointer, lookup.expected, found);
                        wrong.push((lookup.read, words));
                    }
                }
            }
        }
        wrong.sort();
        for (read, words) in wrong {
            add(findings, read, &words);
        }
    }
}

fn add(findings: &mut Findings, (result, read): (usize, usize), words: &str) {
    findings.add(
        Check::Reads,
        format!("/results/{result}/reads/{read}"),
        words,
    );
}

fn agrees(expected: Option<&str>, found: Option<&Value>) -> bool {
    match (expected, found) {
        // A variable that is set by reference is there without a value.
        (None, None | Some(Value::Null)) => true,
        (Some(expected), Some(found)) => {
            let found = canonical(found);
            found == expected
                || strict(expected).is_ok_and(|expected| canonical(&expected) == found)
        }
        (None, Some(_)) | (Some(_), None) => false,
    }
}

fn disagrees(name: &str, pointer: &str, expected: Option<&str>, found: Option<&Value>) -> String {
    let nothing = || "nothing".to_owned();
    let expected = expected.map_or_else(nothing, super::shown::shown_text);
    let found = found.map_or_else(nothing, shown);
    format!("says that {expected} stands at {pointer} of {name}, and there stands {found}")
}

/// An object as the API gave it: its projection, what is its own laid over that, and its identity.
struct Whole<'v> {
    projection: &'v Value,
    own: Value,
    entry: Value,
}

impl<'v> Whole<'v> {
    fn of(projection: &'v Value, object: &Object<'_>, entry: &RawValue) -> Self {
        let own = object.per_pod.and_then(|text| strict(text.get()).ok());
        Self {
            projection,
            own: own.unwrap_or_default(),
            entry: strict(entry.get()).unwrap_or_default(),
        }
    }

    fn name(&self) -> String {
        let word = |name: &str| self.entry[name].as_str().unwrap_or_default();
        let namespace = word("namespace");
        let slash = if namespace.is_empty() { "" } else { "/" };
        format!("{} {namespace}{slash}{}", word("kind"), word("name"))
    }

    fn get(&self, pointer: &str) -> Option<Cow<'_, Value>> {
        if let Some(name) = pointer.strip_prefix("/metadata/")
            && IDENTITY.contains(&name)
        {
            return self.entry.get(name).map(Cow::Borrowed);
        }
        let own = (!self.own.is_null()).then_some(&self.own);
        laid_over(self.projection, own, pointer)
    }
}

/// What stands at a pointer of one value with another laid over it. Only maps are laid over each other; anything else
/// stands in place of what is below it.
fn laid_over<'v>(
    base: &'v Value,
    over: Option<&'v Value>,
    pointer: &str,
) -> Option<Cow<'v, Value>> {
    let (mut base, mut over) = (Some(base), over);
    for step in pointer.split('/').skip(1) {
        let step = step.replace("~1", "/").replace("~0", "~");
        (base, over) = match over {
            Some(Value::Object(members)) => {
                (base.and_then(|base| base.get(&step)), members.get(&step))
            }
            Some(other) => (item(other, &step), None),
            None => (base.and_then(|base| item(base, &step)), None),
        };
    }
    match (base, over) {
        (Some(base @ Value::Object(_)), Some(over @ Value::Object(_))) => {
            let mut whole = base.clone();
            lay(&mut whole, over);
            Some(Cow::Owned(whole))
        }
        (_, Some(over)) => Some(Cow::Borrowed(over)),
        (base, None) => base.map(Cow::Borrowed),
    }
}

fn item<'v>(value: &'v Value, step: &str) -> Option<&'v Value> {
    match value {
        Value::Object(members) => members.get(step),
        Value::Array(items) => items.get(step.parse::<usize>().ok()?),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

fn lay(base: &mut Value, over: &Value) {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => {
            for (key, value) in over {
                lay(base.entry(key).or_insert(Value::Null), value);
            }
        }
        (base, over) => *base = over.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_the_objects_own_lies_over_what_it_shares() {
        let base = json!({"a": {"x": 1, "l": [1, {"k": 2}]}, "b/c": {"d~": 3}, "s": "t"});
        let over = json!({"a": {"y": 2, "l": [7]}, "s": {"u": 1}});
        let table = [
            ("/a", Some(json!({"x": 1, "y": 2, "l": [7]}))),
            ("/a/x", Some(json!(1))),
            ("/a/y", Some(json!(2))),
            ("/a/z", None),
            ("/a/l/0", Some(json!(7))),
            ("/a/l/1/k", None),
            ("/b~1c/d~0", Some(json!(3))),
            ("/s", Some(json!({"u": 1}))),
            ("/s/u", Some(json!(1))),
            ("/s/u/v", None),
        ];
        for (pointer, expected) in table {
            let found = laid_over(&base, Some(&over), pointer);
            assert_eq!(found.as_deref(), expected.as_ref(), "{pointer}");
        }
        assert_eq!(
            laid_over(&base, None, "/a/l/1/k").as_deref(),
            Some(&json!(2))
        );
    }

    #[test]
    fn pointers_to_what_replicas_share_are_told_apart() {
        for pointer in ["/spec/hostPID", "/spec/containers/0/name", "/webhooks/0"] {
            assert!(is_shared(pointer), "{pointer}");
        }
        for pointer in [
            "",
            "/spec",
            "/spec/nodeName",
            "/metadata/labels/a",
            "/status/phase",
        ] {
            assert!(!is_shared(pointer), "{pointer}");
        }
    }
}
