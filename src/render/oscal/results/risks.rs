//! Risks: one for each rule with failures that nobody accepted, and one for each waiver that holds.

use serde::Serialize;

use super::context::Context;
use crate::render::oscal::NS;
use crate::render::oscal::id::Id;
use crate::render::oscal::text::markup;
use crate::render::oscal::wire::{Origin, Prop};
use crate::report::{Effective, RuleReport, RuleResult, WaiverReport};
use crate::rules::{Rule, Severity};

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Risk<'r> {
    uuid: Id,
    title: String,
    description: String,
    statement: &'static str,
    props: Vec<Prop<'r>>,
    status: &'static str,
    origins: [Origin; 1],
    characterizations: [Characterization; 1],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    mitigating_factors: Vec<MitigatingFactor>,
    remediations: [Remediation; 1],
    related_observations: [RelatedObservation; 1],
}

#[derive(Serialize)]
struct Characterization {
    origin: Origin,
    facets: [Facet; 1],
}

#[derive(Serialize)]
struct Facet {
    name: &'static str,
    system: &'static str,
    value: &'static str,
}

#[derive(Serialize)]
struct MitigatingFactor {
    uuid: Id,
    description: String,
}

#[derive(Serialize)]
struct Remediation {
    uuid: Id,
    lifecycle: &'static str,
    title: String,
    description: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct RelatedObservation {
    observation_uuid: Id,
}

/// The risks, in the order of rules.
pub(super) fn all<'r>(context: &'r Context<'r>) -> Vec<Risk<'r>> {
    let rules = context.report.rules.iter();
    rules
        .flat_map(|rule| {
            let open = failures(rule).then(|| Risk::open(context, rule));
            let accepted =
                waivers(context, rule).map(|waiver| Risk::accepted(context, rule, waiver));
            open.into_iter().chain(accepted)
        })
        .collect()
}

/// The ids of a rule's risks.
pub(super) fn ids<'r>(context: &'r Context<'r>, rule: &'r RuleReport) -> impl Iterator<Item = Id> {
    let open = failures(rule).then(|| open_id(context, rule.rule));
    let accepted = waivers(context, rule).map(|waiver| accepted_id(context, rule.rule, waiver));
    open.into_iter().chain(accepted)
}

fn failures(rule: &RuleReport) -> bool {
    rule.counts.fail > 0
}

/// The waivers that hold for rows of a rule.
fn waivers<'r>(
    context: &'r Context<'r>,
    rule: &'r RuleReport,
) -> impl Iterator<Item = &'r WaiverReport> {
    let waivers = context.report.waivers.iter();
    waivers.filter(|of| of.waived > 0 && of.waiver.rule == rule.rule.id)
}

fn open_id(context: &Context<'_>, rule: &Rule) -> Id {
    context.ids.of("risk", &[rule.id])
}

fn accepted_id(context: &Context<'_>, rule: &Rule, waiver: &WaiverReport) -> Id {
    context.ids.of("risk", &[rule.id, &waiver.waiver.id])
}

/// The gravest of some results.
fn gravest<'r>(rule: &Rule, results: impl Iterator<Item = &'r RuleResult>) -> Severity {
    let severities = results.map(|result| result.severity);
    severities.max().unwrap_or(rule.severity)
}

impl<'r> Risk<'r> {
    fn open(context: &Context<'_>, report: &'r RuleReport) -> Self {
        let failed = report.results.iter();
        let severity = gravest(
            report.rule,
            failed.filter(|result| result.effective == Effective::Fail),
        );
        let uuid = open_id(context, report.rule);
        let description = format!(
            "Failing rows of `{}`: {}. What should hold: {}.",
            report.rule.id, report.counts.fail, report.rule.title
        );
        Self::new(context, report.rule, uuid, severity, "open", description)
    }

    fn accepted(context: &Context<'_>, report: &'r RuleReport, waiver: &'r WaiverReport) -> Self {
        let index = Some(waiver.index);
        let rows = report.results.iter();
        let severity = gravest(report.rule, rows.filter(|result| result.waiver == index));
        let of = &waiver.waiver;
        let description = format!(
            "Failing rows of `{}` that waiver {} accepts until {}: {}. What should hold: {}.",
            report.rule.id,
            markup(&of.id),
            of.expires,
            waiver.waived,
            report.rule.title
        );
        let uuid = accepted_id(context, report.rule, waiver);
        let status = "deviation-approved";
        let mut risk = Self::new(context, report.rule, uuid, severity, status, description);
        risk.props.extend([
            Prop::own("waiver-id", of.id.as_str()),
            Prop::own("deviation-type", of.deviation.code()),
            Prop::own("approver", of.approver.as_str()),
            Prop::own("approved-on", of.approved_on.to_string()),
            Prop::own("expires", of.expires.to_string()),
        ]);
        let poam = of.poam.as_deref();
        risk.props
            .extend(poam.map(|poam| Prop::own("poam-id", poam)));
        risk.mitigating_factors.push(MitigatingFactor {
            uuid: context.ids.of("mitigating-factor", &[&of.id]),
            description: format!(
                "Justification, as the approver has it: {}",
                markup(&of.justification)
            ),
        });
        risk
    }

    fn new(
        context: &Context<'_>,
        rule: &'static Rule,
        uuid: Id,
        severity: Severity,
        status: &'static str,
        description: String,
    ) -> Self {
        let [origin] = Origin::tool();
        Self {
            uuid,
            title: format!("{}: {}", rule.id, rule.title),
            description,
            statement: section(rule, "Why it matters"),
            props: vec![Prop::own("rule-id", rule.id)],
            status,
            origins: [origin.clone()],
            characterizations: [Characterization {
                origin,
                facets: [Facet {
                    name: "severity",
                    system: NS,
                    value: severity.name(),
                }],
            }],
            mitigating_factors: Vec::new(),
            remediations: [Remediation {
                uuid: context.ids.of("remediation", &[&uuid.to_string()]),
                lifecycle: "recommendation",
                title: format!("Make {} hold", rule.id),
                description: section(rule, "Remediation"),
            }],
            related_observations: [RelatedObservation {
                observation_uuid: context.observation(rule.id),
            }],
        }
    }
}

/// A section of a rule's page, without its heading; the rule's title when there is none.
fn section(rule: &'static Rule, heading: &str) -> &'static str {
    let mut sections = rule.docs.split("\n## ");
    let found = sections.find_map(|section| section.strip_prefix(heading)?.strip_prefix('\n'));
    found.map_or(rule.title, str::trim)
}
