//! Findings: what the tests do not bear out. Where all tests of a control pass there are observations and no finding,
//! since nothing is satisfied by tests alone.

use serde::Serialize;

use super::context::Context;
use crate::catalog::Control;
use crate::render::oscal::id::Id;
use crate::render::oscal::text::markup;
use crate::render::oscal::wire::{Origin, Prop};
use crate::report::{ControlReport, Counts, Determination};

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Finding<'r> {
    uuid: Id,
    title: String,
    description: String,
    origins: [Origin; 1],
    target: Target<'r>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    related_observations: Vec<RelatedObservation>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    related_risks: Vec<RelatedRisk>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Target<'r> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(rename = "target-id")]
    id: String,
    props: Vec<Prop<'r>>,
    status: Status,
}

#[derive(Serialize)]
struct Status {
    state: &'static str,
    reason: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct RelatedObservation {
    observation_uuid: Id,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct RelatedRisk {
    risk_uuid: Id,
}

/// What a finding is about.
struct About<'r> {
    control: &'r Control,
    /// Id of the objective or proof; that of the control for the control itself.
    id: &'r str,
    title: &'r str,
    place: Place,
    counts: Counts,
    /// Indexes of its rules.
    rules: Vec<usize>,
}

/// What kind of thing a finding is about.
#[derive(Clone, Copy)]
enum Place {
    Control,
    Objective,
    Proof,
}

/// The findings, in the order of the catalogue.
pub(super) fn all<'r>(context: &'r Context<'r>) -> Vec<Finding<'r>> {
    let report = context.report;
    report
        .controls
        .iter()
        .filter_map(|control| Some((control, report.catalog.controls.get(control.control)?)))
        .flat_map(|(control, definition)| of_control(context, control, definition))
        .collect()
}

fn of_control<'r>(
    context: &'r Context<'r>,
    report: &'r ControlReport,
    control: &'r Control,
) -> Vec<Finding<'r>> {
    let primary = control.primary_rules();
    let is_primary = |rule: &usize| primary.contains(&context.report.rules[*rule].rule.id);
    let whole = About {
        control,
        id: &control.id,
        title: &control.title,
        place: Place::Control,
        counts: report.counts,
        rules: report
            .rules
            .iter()
            .map(|(rule, _)| *rule)
            .filter(is_primary)
            .collect(),
    };
    let parts = report.parts.iter().filter_map(|part| {
        let is_objective = control
            .objectives
            .iter()
            .any(|objective| objective.id == part.id);
        let about = About {
            control,
            id: &part.id,
            title: &part.title,
            place: if is_objective {
                Place::Objective
            } else {
                Place::Proof
            },
            counts: part.counts,
            rules: part.rules.clone(),
        };
        Some((part.determination?, about))
    });
    std::iter::once((report.determination, whole))
        .chain(parts)
        .filter_map(|(determination, about)| Finding::new(context, determination, &about))
        .collect()
}

impl<'r> Finding<'r> {
    fn new(
        context: &'r Context<'r>,
        determination: Determination,
        about: &About<'r>,
    ) -> Option<Self> {
        let (reason, said) = match determination {
            Determination::NoExceptions => return None,
            Determination::Exceptions => ("fail", "Tests found exceptions"),
            Determination::Undetermined => ("other", "Tests could not determine it"),
        };
        let label = &about.control.label;
        let rules = || about.rules.iter().map(|rule| &context.report.rules[*rule]);
        let observations = rules().filter(|rule| rule.selected);
        let risks = rules().flat_map(|rule| super::risks::ids(context, rule));
        Some(Self {
            uuid: context.ids.of("finding", &[&about.control.id, about.id]),
            title: match about.place {
                Place::Control => format!("{label} {}", markup(about.title)),
                Place::Objective => format!("{label}, objective {}", about.id),
                Place::Proof => format!("{label}, proof: {}", markup(about.title)),
            },
            description: format!(
                "{said}. {}{} Automated TEST only; EXAMINE and INTERVIEW remain with the assessor.",
                about.counts.in_words(),
                untested(context, about),
            ),
            origins: Origin::tool(),
            target: Target::new(about, determination, reason),
            related_observations: observations
                .map(|rule| RelatedObservation {
                    observation_uuid: context.observation(rule.rule.id),
                })
                .collect(),
            related_risks: risks.map(|risk_uuid| RelatedRisk { risk_uuid }).collect(),
        })
    }
}

/// What of it no rule looked at.
fn untested(context: &Context<'_>, about: &About<'_>) -> String {
    if about.rules.is_empty() {
        let reason = about.control.reason;
        return match reason {
            Some(reason) => format!(" No rule tests it ({reason})."),
            None => " No rule decides on it.".to_owned(),
        };
    }
    let rules = about.rules.iter().map(|rule| &context.report.rules[*rule]);
    let left_out: Vec<&str> = rules
        .filter(|rule| !rule.selected)
        .map(|rule| rule.rule.id)
        .collect();
    if left_out.is_empty() {
        return String::new();
    }
    format!(" Rules that did not run: {}.", left_out.join(", "))
}

impl<'r> Target<'r> {
    fn new(about: &About<'r>, determination: Determination, reason: &'static str) -> Self {
        let mut props = vec![
            Prop::own("automated-method", "TEST"),
            Prop::own("determination", determination.name()),
        ];
        let (kind, id) = match about.place {
            Place::Objective => ("objective-id", about.id.to_owned()),
            // Proofs are the vendor's, and have no id in NIST's catalogue: they are about the control's statement.
            Place::Control | Place::Proof => ("statement-id", format!("{}_smt", about.control.id)),
        };
        if let Place::Proof = about.place {
            props.push(Prop::own("proof-id", about.id));
        }
        Self {
            kind,
            id,
            props,
            status: Status {
                state: "not-satisfied",
                reason,
            },
        }
    }
}
