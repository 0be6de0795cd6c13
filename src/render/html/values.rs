//! The values that a result rests on: in which object, where in it, and how to look them up again.

use maud::{Markup, html};

use super::text::{Cut, Shown};
use crate::render::lookup;
use crate::report::{Report, ResultRead, RuleResult, SubjectRef};
use crate::rules::ReadFrom;
use crate::snapshot::Object;

/// What is shown of long lists and values.
const READS: usize = 24;
const VALUE: usize = 400;
const SUMMARY: usize = 72;

pub(super) fn write(report: &Report<'_>, result: &RuleResult) -> Markup {
    let Some(first) = result.reads.first() else {
        return html! {};
    };
    let left = result.reads.len().saturating_sub(READS);
    let subject = result.subjects.first().and_then(|subject| match subject {
        SubjectRef::Object(index) => report.snapshot.objects.get(*index as usize),
        SubjectRef::Cluster | SubjectRef::Named(_) => None,
    });
    let alike = result.subjects.len() > 1
        && result
            .reads
            .iter()
            .any(|read| read.from == ReadFrom::Subject);
    html! {
        details.values {
            summary {
                code { (Shown(&first.pointer)) } " " (value(first, SUMMARY))
                @if result.reads.len() > 1 { " " span.small { "and " (result.reads.len() - 1) " more read" } }
            }
            @if alike { p.small { "Equal in every subject; looked up here in the first." } }
            ul {
                @for read in result.reads.iter().take(READS) { (one(report, subject, read)) }
            }
            @if left > 0 { p.rest { "and " (left) " more, listed in the JSON evidence" } }
        }
    }
}

fn one(report: &Report<'_>, subject: Option<&Object>, read: &ResultRead) -> Markup {
    let object = match read.from {
        ReadFrom::Subject => subject,
        ReadFrom::Object(index) => report.snapshot.objects.get(index),
        ReadFrom::Plan => None,
    };
    let command = object.and_then(|object| lookup::command(object, &read.pointer));
    html! {
        li {
            @if read.from == ReadFrom::Plan { div.identity { "Assessment plan" } }
            @if let Some(object) = object { (identity(object)) }
            div.value { code { (Shown(if read.pointer.is_empty() { "(all)" } else { &read.pointer })) } " " (value(read, VALUE)) }
            @if let Some(command) = command { code.command { (Shown(&command)) } }
        }
    }
}

/// What tells an object from all others.
fn identity(object: &Object) -> Markup {
    let identity = &object.identity;
    html! {
        div.identity {
            (object.kind.label()) " "
            code { @if !object.namespace().is_empty() { (Shown(object.namespace())) "/" } (Shown(object.name())) }
            @if let Some(uid) = &identity.uid { " · uid " (Shown(&uid.to_string())) }
            @if let Some(version) = &identity.resource_version { " · resourceVersion " (Shown(version)) }
        }
    }
}

fn value(read: &ResultRead, limit: usize) -> Markup {
    html! {
        @match &read.value {
            Some(value) => { "= " code.read { (Cut(value.as_str(), limit)) } }
            None => { span.unset { "is not set" } }
        }
    }
}
