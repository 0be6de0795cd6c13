//! Every value that a result rests on must stand where the result says.

use std::collections::{BTreeMap, BTreeSet};

use sc39::canonical::Text;
use sc39::report::{Report, SubjectRef};
use sc39::rules::ReadFrom;
use sc39::snapshot::Object;
use serde_json::Value;

/// What a report says it read and that is not there, one line for each rule and pointer.
pub(super) fn unresolved(report: &Report<'_>) -> Vec<String> {
    let mut objects = Objects::default();
    let mut problems = BTreeSet::new();
    for rule in &report.rules {
        for result in &rule.results {
            for read in result.reads.iter() {
                let holders: Vec<Option<usize>> = match read.from {
                    ReadFrom::Object(object) => vec![Some(object)],
                    ReadFrom::Subject => result.subjects.iter().map(index).collect(),
                    ReadFrom::Plan => {
                        let there = report.plan.value_at(&read.pointer);
                        let there = there.map(|value| Text::new(value).expect("JSON has a text"));
                        if there != read.value {
                            let (id, pointer) = (rule.rule.id, &read.pointer);
                            problems.insert(format!("{id}: {pointer} is not in the plan"));
                        }
                        continue;
                    }
                };
                for holder in holders {
                    let there =
                        holder.and_then(|holder| objects.value(report, holder, &read.pointer));
                    let there = there.map(|value| Text::new(&value).expect("JSON has a text"));
                    if there != read.value {
                        let (id, pointer, value) = (rule.rule.id, &read.pointer, &read.value);
                        let name = name(report, holder);
                        problems.insert(format!(
                            "{id}: {pointer} of {name} is {there:?}, not {value:?}"
                        ));
                    }
                }
            }
        }
    }
    problems.into_iter().collect()
}

/// Objects as JSON, made once each.
#[derive(Default)]
struct Objects(BTreeMap<usize, Value>);

impl Objects {
    fn value(&mut self, report: &Report<'_>, object: usize, pointer: &str) -> Option<Value> {
        let whole = self
            .0
            .entry(object)
            .or_insert_with(|| whole(&report.snapshot.objects[object]));
        // A variable that is set from a reference is there without a value.
        whole
            .pointer(pointer)
            .cloned()
            .filter(|value| !value.is_null())
    }
}

fn name(report: &Report<'_>, object: Option<usize>) -> String {
    object.map_or("no object".to_owned(), |object| {
        let object = &report.snapshot.objects[object];
        format!("{} {}/{}", object.kind, object.namespace(), object.name())
    })
}

fn index(subject: &SubjectRef) -> Option<usize> {
    match subject {
        SubjectRef::Object(index) => Some(*index as usize),
        SubjectRef::Cluster | SubjectRef::Named { .. } => None,
    }
}

/// The object as evidence holds it: projection, what differs between replicas, and identity as metadata.
fn whole(object: &Object) -> Value {
    let json = |value: serde_json::Result<Value>| value.expect("projections have a JSON form");
    let mut whole = json(serde_json::to_value(object.projection.as_ref()));
    merge(&mut whole, json(serde_json::to_value(&object.instance)));
    let identity = json(serde_json::to_value(&object.identity));
    merge(&mut whole, serde_json::json!({ "metadata": identity }));
    whole
}

fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (_, Value::Null) => {}
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from,
    }
}
