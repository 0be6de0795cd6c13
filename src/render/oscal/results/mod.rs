//! Assessment results: one result of one run. An observation for each rule, a finding for each control, objective or
//! proof that the tests do not bear out, a risk for each rule that failed.
//!
//! Observations and inventory hold most of the document: each element is made, written and dropped.

mod context;
mod findings;
mod inventory;
mod observations;
mod remarks;
mod risks;

use serde::{Serialize, Serializer};

use super::activities::{self, Activity};
use super::id::Id;
use super::text::{Moment, markup};
use super::wire::{AssessmentAssets, BackMatter, Metadata, Prop, Resource, ReviewedControls};
use crate::render::EvidenceFile;
use crate::report::Report;
use context::Context;
use findings::Finding;
use inventory::Item;
use risks::Risk;

/// The document.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Document<'r> {
    assessment_results: AssessmentResults<'r>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct AssessmentResults<'r> {
    uuid: Id,
    metadata: Metadata<'r>,
    import_ap: Import,
    #[serde(skip_serializing_if = "LocalDefinitions::is_empty")]
    local_definitions: LocalDefinitions<'r>,
    results: [RunResult<'r>; 1],
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

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct RunResult<'r> {
    uuid: Id,
    title: String,
    description: &'static str,
    start: Moment,
    end: Moment,
    props: Vec<Prop<'r>>,
    local_definitions: ResultDefinitions<'r>,
    reviewed_controls: ReviewedControls<'r>,
    #[serde(skip_serializing_if = "Observations::is_empty")]
    observations: Observations<'r>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    risks: Vec<Risk<'r>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    findings: Vec<Finding<'r>>,
    remarks: String,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct ResultDefinitions<'r> {
    #[serde(skip_serializing_if = "Items::is_empty")]
    inventory_items: Items<'r>,
    assessment_assets: AssessmentAssets<'r>,
}

/// The inventory, written item by item.
struct Items<'r>(&'r Context<'r>);

/// The observations, written one by one.
struct Observations<'r>(&'r Context<'r>);

const DESCRIPTION: &str = "Automated tests of process isolation, from objects that the API of the cluster shows. They \
                           are the TEST part of each objective; EXAMINE and INTERVIEW remain with the assessor.";

/// Writes the document that a report makes, with the plan behind it inside.
pub(super) fn with_document<T>(
    report: &Report<'_>,
    evidence: &EvidenceFile,
    plan: &[u8],
    write: impl FnOnce(&Document<'_>) -> T,
) -> T {
    let context = Context::new(report, evidence);
    write(&Document {
        assessment_results: AssessmentResults::new(&context, plan),
    })
}

impl<'r> AssessmentResults<'r> {
    fn new(context: &'r Context<'r>, plan: &[u8]) -> Self {
        let report = context.report;
        let import = context.of_run("import-ap");
        let title = format!("{}: results of automated tests", subject(report));
        Self {
            uuid: context.of_run("assessment-results"),
            metadata: Metadata::new(title, context.collected, &report.run.id, Vec::new()),
            import_ap: Import {
                href: import.fragment(),
            },
            local_definitions: LocalDefinitions {
                activities: activities::selected(report),
            },
            results: [RunResult::new(context)],
            back_matter: BackMatter {
                resources: vec![
                    Resource::evidence(context.evidence_resource, context.evidence),
                    Resource::embedded(
                        import,
                        (
                            "Assessment plan",
                            "The plan that this program made of its rules for this run.",
                        ),
                        ("assessment-plan.json", "application/json"),
                        plan,
                    ),
                ],
            },
        }
    }
}

/// What was assessed, in words.
fn subject(report: &Report<'_>) -> String {
    let cluster = &report.snapshot.origin.cluster;
    let name = report
        .plan
        .system
        .name
        .as_deref()
        .or(cluster.context.as_deref());
    name.map_or_else(
        || "Process isolation of a Kubernetes cluster".to_owned(),
        |name| format!("Process isolation of {}", markup(name)),
    )
}

impl<'r> RunResult<'r> {
    fn new(context: &'r Context<'r>) -> Self {
        let report = context.report;
        let controls = &report.catalog.controls;
        let objectives = controls.iter().flat_map(|control| &control.objectives);
        Self {
            uuid: context.of_run("result"),
            title: subject(report),
            description: DESCRIPTION,
            start: Moment::of(&report.snapshot.origin.started_at),
            end: context.collected,
            props: props(context),
            local_definitions: ResultDefinitions {
                inventory_items: Items(context),
                assessment_assets: AssessmentAssets::new(&report.run.tool.version),
            },
            reviewed_controls: ReviewedControls::new(
                controls.iter().map(|control| control.id.as_str()),
                objectives.map(|objective| objective.id.as_str()),
            ),
            observations: Observations(context),
            risks: risks::all(context),
            findings: findings::all(context),
            remarks: remarks::of(report),
        }
    }
}

fn props<'r>(context: &'r Context<'r>) -> Vec<Prop<'r>> {
    let report = context.report;
    let origin = &report.snapshot.origin;
    let complete = report.gaps.is_empty() && report.scope.unknown.is_none();
    let mut props = vec![
        Prop::own("run-id", &report.run.id),
        Prop::own("evidence-sha256", &context.evidence.sha256),
        Prop::own("catalogue-sha256", hexadecimal(&report.catalog.digest)),
        Prop::own("coverage-complete", if complete { "true" } else { "false" }),
        Prop::own("scope", report.scope.basis),
    ];
    let optional = [
        ("cluster-uid", origin.cluster.uid.as_deref()),
        ("cluster-version", origin.cluster.git_version.as_deref()),
        (
            "operator",
            origin.operator.as_ref().map(|who| who.username.as_str()),
        ),
        ("system-name", report.plan.system.name.as_deref()),
        ("fedramp-id", report.plan.system.fedramp_id.as_deref()),
        ("plan-sha256", present(hexadecimal(&report.plan.digest))),
        (
            "waivers-sha256",
            present(hexadecimal(&report.waiver_file.digest)),
        ),
    ];
    let given = optional
        .into_iter()
        .filter_map(|(name, value)| Some(Prop::own(name, value?)));
    props.extend(given);
    props
}

fn hexadecimal(digest: &str) -> &str {
    digest.strip_prefix("sha256:").unwrap_or(digest)
}

fn present(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

impl LocalDefinitions<'_> {
    fn is_empty(&self) -> bool {
        self.activities.is_empty()
    }
}

impl Items<'_> {
    fn is_empty(&self) -> bool {
        self.0.inventory.is_empty()
    }
}

impl Serialize for Items<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let items = self.0.inventory.items();
        serializer.collect_seq(items.map(|entry| Item::new(self.0.ids, entry)))
    }
}

impl Observations<'_> {
    fn is_empty(&self) -> bool {
        self.0.report.gaps.is_empty() && !self.0.report.rules.iter().any(|rule| rule.selected)
    }
}

impl Serialize for Observations<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let rules = self
            .0
            .rules()
            .map(|(rule, first)| observations::of_rule(self.0, rule, first));
        let gaps = self
            .0
            .gaps()
            .map(|(gap, id)| observations::of_gap(self.0, gap, id));
        serializer.collect_seq(gaps.chain(rules))
    }
}
