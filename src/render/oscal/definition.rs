//! The rules as a component definition, in the form in which compliance-trestle and tools around it read rules.

use serde::Serialize;

use super::CD_NS;
use super::id::{Id, Ids};
use super::text::Moment;
use super::wire::{Metadata, Prop};
use crate::catalog::{Control, Relation};
use crate::report::Report;

/// Where NIST has the baseline that the control ids are taken from.
const PROFILE: &str = "https://raw.githubusercontent.com/usnistgov/oscal-content/main/nist.gov/SP800-53/rev5/json/\
                       NIST_SP-800-53_rev5_MODERATE-baseline_profile.json";

/// The document.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Document<'r> {
    component_definition: ComponentDefinition<'r>,
}

#[derive(Serialize)]
struct ComponentDefinition<'r> {
    uuid: Id,
    metadata: Metadata<'r>,
    components: [Component<'r>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Component<'r> {
    uuid: Id,
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'r str,
    description: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    props: Vec<Prop<'r>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    control_implementations: Vec<Implementation<'r>>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Implementation<'r> {
    uuid: Id,
    source: &'static str,
    description: &'r str,
    props: [Prop<'r>; 1],
    implemented_requirements: Vec<Requirement<'r>>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Requirement<'r> {
    uuid: Id,
    control_id: &'r str,
    description: String,
    props: Vec<Prop<'r>>,
}

/// The rules that ran, and the controls that they are bound to.
pub(super) fn document<'r>(report: &'r Report<'r>) -> Document<'r> {
    let requirements = report.catalog.controls.iter();
    let requirements: Vec<_> = requirements
        .filter_map(|control| Requirement::new(report, control))
        .collect();
    let implementation = Implementation {
        uuid: of_catalog(report, "control-implementation"),
        source: PROFILE,
        description: &report.catalog.title,
        props: [Prop::trestle(
            "Framework_Short_Name",
            "nist-800-53-rev5-moderate",
        )],
        implemented_requirements: requirements,
    };
    let binds = !implementation.implemented_requirements.is_empty();
    Document {
        component_definition: ComponentDefinition {
            uuid: of_catalog(report, "component-definition"),
            metadata: Metadata::new(
                "Rules on process isolation",
                Moment::of(&report.snapshot.origin.finished_at),
                &report.catalog.version,
                Vec::new(),
            ),
            components: [Component {
                uuid: of_catalog(report, "validation"),
                kind: "validation",
                title: env!("CARGO_PKG_NAME"),
                description: "Rules that hold what the API of a Kubernetes cluster shows against the controls on \
                              process isolation. They are the TEST part of each control.",
                props: rules(report),
                control_implementations: binds.then_some(implementation).into_iter().collect(),
            }],
        },
    }
}

/// Definitions of the same catalogue and rules are the same.
fn of_catalog(report: &Report<'_>, what: &str) -> Id {
    let rules = report.rules.iter().filter(|rule| rule.selected);
    let rules: Vec<String> = rules
        .map(|rule| format!("{} {}", rule.rule.id, rule.rule.version))
        .collect();
    Ids::fixed(what, &[&report.catalog.digest, &rules.join(" ")])
}

/// The properties of one rule belong together by equal remarks.
fn rules<'r>(report: &Report<'r>) -> Vec<Prop<'r>> {
    let rules = report.rules.iter().filter(|rule| rule.selected);
    rules
        .enumerate()
        .flat_map(|(number, rule)| {
            let rule = rule.rule;
            let kinds: Vec<&str> = rule.reads.iter().map(|read| read.kind.label()).collect();
            [
                ("Rule_Id", rule.id.to_owned()),
                ("Rule_Description", rule.title.to_owned()),
                ("Check_Id", rule.id.to_owned()),
                ("Check_Description", format!("reads {}", kinds.join(", "))),
            ]
            .map(|(name, value)| Prop::grouped(name, CD_NS, value, format!("rule_set_{number:02}")))
        })
        .collect()
}

impl<'r> Requirement<'r> {
    fn new(report: &'r Report<'r>, control: &'r Control) -> Option<Self> {
        let bound: Vec<(&str, Relation)> = report
            .rules
            .iter()
            .filter(|rule| rule.selected)
            .filter_map(|rule| Some((rule.rule.id, control.relation_of(rule.rule.id)?)))
            .collect();
        let primary = bound
            .iter()
            .filter(|(_, relation)| *relation == Relation::Primary);
        let (primary, all) = (primary.count(), bound.len());
        let props = bound
            .into_iter()
            .map(|(rule, _)| Prop::named("Rule_Id", CD_NS, rule));
        (all > 0).then(|| Self {
            uuid: Ids::fixed(
                "implemented-requirement",
                &[&of_catalog(report, "validation").to_string(), &control.id],
            ),
            control_id: &control.id,
            description: format!(
                "{all} rules test {}; {primary} of them decide on it.",
                control.label
            ),
            props: props.collect(),
        })
    }
}
