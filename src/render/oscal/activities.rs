//! Rules as activities of an assessment: what each looks at, and for which controls.

use serde::Serialize;

use super::id::{Id, Ids};
use super::wire::{Prop, ReviewedControls};
use crate::catalog::Catalog;
use crate::report::Report;
use crate::rules::{Need, Read, Rule};

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Activity<'r> {
    uuid: Id,
    title: &'static str,
    description: &'static str,
    props: Vec<Prop<'r>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    steps: Vec<Step>,
    #[serde(skip_serializing_if = "Option::is_none")]
    related_controls: Option<ReviewedControls<'r>>,
}

#[derive(Serialize)]
struct Step {
    uuid: Id,
    title: String,
    description: String,
}

/// The rules that ran, in the order of reports.
pub(super) fn selected<'r>(report: &Report<'r>) -> Vec<Activity<'r>> {
    let rules = report.rules.iter().filter(|rule| rule.selected);
    rules
        .map(|rule| Activity::new(rule.rule, report.catalog))
        .collect()
}

/// The id of a rule's activity.
pub(super) fn id(rule: &Rule) -> Id {
    Ids::fixed("activity", &[rule.id, &rule.version.to_string()])
}

impl<'r> Activity<'r> {
    fn new(rule: &'static Rule, catalog: &'r Catalog) -> Self {
        let bound = catalog.controls.iter();
        let bound: Vec<&str> = bound
            .filter(|control| control.relation_of(rule.id).is_some())
            .map(|control| control.id.as_str())
            .collect();
        Self {
            uuid: id(rule),
            title: rule.id,
            description: rule.title,
            props: vec![
                Prop::nist("method", "TEST"),
                Prop::trestle("Rule_Id", rule.id),
                Prop::trestle("Check_Id", rule.id),
                Prop::number("rule-version", rule.version.into()),
            ],
            steps: (0_usize..)
                .zip(rule.reads.iter().copied())
                .map(|(number, read)| Step::new(rule, number, read))
                .collect(),
            related_controls: (!bound.is_empty())
                .then(|| ReviewedControls::new(bound.into_iter(), std::iter::empty())),
        }
    }
}

impl Step {
    fn new(rule: &Rule, number: usize, read: Read) -> Self {
        let api = read.kind.api();
        let (verb, meaning) = (
            if read.kind.by_name_only() {
                "Get"
            } else {
                "List"
            },
            match read.need {
                Need::Required => "Without it nothing can be said",
                Need::ToPass => "Without it nothing passes",
                Need::Refines => "Without it what rests on it is not known",
            },
        );
        let resource = match api.group {
            "" => api.plural.to_owned(),
            group => format!("{}.{group}", api.plural),
        };
        Self {
            uuid: Ids::fixed(
                "step",
                &[rule.id, &rule.version.to_string(), &number.to_string()],
            ),
            title: format!("Read {}", read.kind.label()),
            description: format!("{verb} {resource}. {meaning}."),
        }
    }
}
