//! The assessment plan behind the results: rules as activities, and the one task of running them.

use serde::Serialize;

use super::activities::{self, Activity};
use super::id::{Id, Ids};
use super::text::Moment;
use super::wire::{AssessmentAssets, BackMatter, Metadata, Resource, ReviewedControls};
use crate::report::Report;

/// The document.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Document<'r> {
    assessment_plan: AssessmentPlan<'r>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct AssessmentPlan<'r> {
    uuid: Id,
    metadata: Metadata<'r>,
    import_ssp: Import,
    #[serde(skip_serializing_if = "LocalDefinitions::is_empty")]
    local_definitions: LocalDefinitions<'r>,
    reviewed_controls: ReviewedControls<'r>,
    assessment_subjects: [Subjects; 1],
    assessment_assets: AssessmentAssets<'r>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tasks: Vec<Task>,
    back_matter: BackMatter,
}

#[derive(Serialize)]
struct Import {
    href: String,
}

#[derive(Serialize)]
struct LocalDefinitions<'r> {
    activities: Vec<Activity<'r>>,
}

/// All subjects of a type.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Subjects {
    #[serde(rename = "type")]
    kind: &'static str,
    include_all: All,
}

/// Written as an object without members.
#[derive(Serialize)]
#[expect(
    clippy::empty_structs_with_brackets,
    reason = "a unit struct would be written as null"
)]
struct All {}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Task {
    uuid: Id,
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    associated_activities: Vec<AssociatedActivity>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct AssociatedActivity {
    activity_uuid: Id,
    subjects: [Subjects; 1],
}

/// What the plan of this run says, whatever the run found.
pub(super) fn document<'r>(report: &'r Report<'r>) -> Document<'r> {
    let no_ssp = of_run(report, "no-ssp");
    let controls = &report.catalog.controls;
    let objectives = controls.iter().flat_map(|control| &control.objectives);
    let collected = Moment::of(&report.snapshot.origin.finished_at);
    Document {
        assessment_plan: AssessmentPlan {
            uuid: of_run(report, "assessment-plan"),
            metadata: Metadata::new(
                "Automated tests of process isolation",
                collected,
                &report.catalog.version,
                Vec::new(),
            ),
            import_ssp: Import {
                href: no_ssp.fragment(),
            },
            local_definitions: LocalDefinitions {
                activities: activities::selected(report),
            },
            reviewed_controls: ReviewedControls::new(
                controls.iter().map(|control| control.id.as_str()),
                objectives.map(|objective| objective.id.as_str()),
            ),
            assessment_subjects: [Subjects::all()],
            assessment_assets: AssessmentAssets::new(&report.run.tool.version),
            tasks: tasks(report),
            back_matter: BackMatter {
                resources: vec![Resource::note(
                    no_ssp,
                    "No system security plan was supplied",
                    "The plan was made from the catalogue of rules, which knows no system security plan.",
                )],
            },
        },
    }
}

/// Plans of the same collection, catalogue and rules are the same.
fn of_run(report: &Report<'_>, what: &str) -> Id {
    let rules = report.rules.iter().filter(|rule| rule.selected);
    let rules: Vec<&str> = rules.map(|rule| rule.rule.id).collect();
    Ids::fixed(what, &[&report.run.id, &rules.join(" ")])
}

fn tasks(report: &Report<'_>) -> Vec<Task> {
    let rules = report.rules.iter().filter(|rule| rule.selected);
    let associated_activities: Vec<_> = rules
        .map(|rule| AssociatedActivity {
            activity_uuid: activities::id(rule.rule),
            subjects: [Subjects::all()],
        })
        .collect();
    if associated_activities.is_empty() {
        return Vec::new();
    }
    vec![Task {
        uuid: of_run(report, "task"),
        kind: "action",
        title: "Read the objects of the cluster and hold them against the rules",
        associated_activities,
    }]
}

impl Subjects {
    const fn all() -> Self {
        Self {
            kind: "inventory-item",
            include_all: All {},
        }
    }
}

impl LocalDefinitions<'_> {
    fn is_empty(&self) -> bool {
        self.activities.is_empty()
    }
}
