//! Every value that a result rests on must stand where the result says.

use sc39::report::{Report, SubjectRef};
use sc39::snapshot::Object;
use serde_json::Value;

/// What a report says it read and that is not there, one line for each rule and pointer.
pub(super) fn unresolved(report: &Report<'_>) -> Vec<String> {
    let mut problems = Vec::new();
    for rule in &report.rules {
        for result in &rule.results {
            for read in &result.reads {
                let objects: Vec<Option<usize>> = match read.object {
                    Some(index) => vec![Some(index)],
                    None => result.subjects.iter().map(index).collect(),
                };
                problems.extend(objects.into_iter().filter_map(|object| {
                    let found = object.map(|object| &report.snapshot.objects[object]);
                    let there =
                        found.and_then(|object| whole(object).pointer(&read.pointer).cloned());
                    (there != read.value).then(|| {
                        let name = found.map_or("no object".to_owned(), |object| {
                            format!("{} {}/{}", object.kind, object.namespace(), object.name())
                        });
                        let (id, pointer, value) = (rule.rule.id, &read.pointer, &read.value);
                        format!("{id}: {pointer} of {name} is {there:?}, not {value:?}")
                    })
                }));
            }
        }
    }
    problems.sort();
    problems.dedup();
    problems
}

fn index(subject: &SubjectRef) -> Option<usize> {
    match subject {
        SubjectRef::Object(index) => Some(*index),
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
