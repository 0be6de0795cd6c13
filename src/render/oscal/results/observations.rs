//! Observations: what each rule found, and what was not read.

use serde::{Serialize, Serializer};

use super::context::Context;
use super::inventory;
use crate::render::oscal::id::Id;
use crate::render::oscal::text::{Moment, file_reference, markup};
use crate::render::oscal::wire::{Link, Origin, Prop};
use crate::report::{Effective, Gap, RuleReport, RuleResult, Unit};
use crate::rules::Reason;

/// How long an observation of a machine stands: CR26 wants machines looked at anew every three days (VDR-TFR-MVX).
const VALID_DAYS: i64 = 3;

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Observation<'r> {
    uuid: Id,
    title: String,
    description: String,
    props: Vec<Prop<'r>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    links: Vec<Link>,
    methods: [&'static str; 1],
    types: [&'static str; 1],
    origins: [Origin; 1],
    #[serde(skip_serializing_if = "Subjects::is_empty")]
    subjects: Subjects<'r>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    relevant_evidence: Vec<RelevantEvidence>,
    collected: Moment,
    expires: Moment,
}

#[derive(Serialize)]
struct RelevantEvidence {
    href: String,
    description: String,
}

/// Subjects of results that did not pass, written one by one.
struct Subjects<'r>(Option<(&'r Context<'r>, &'r RuleReport)>);

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Subject<'r> {
    #[serde(rename = "subject-uuid")]
    uuid: Id,
    #[serde(rename = "type")]
    kind: &'static str,
    title: String,
    props: Vec<Prop<'r>>,
}

/// What one rule found.
pub(super) fn of_rule<'r>(
    context: &'r Context<'r>,
    report: &'r RuleReport,
    first: usize,
) -> Observation<'r> {
    let rule = report.rule;
    let gaps = context
        .gaps()
        .filter(|(gap, _)| gap.rules.contains(&rule.id));
    Observation {
        uuid: context.observation(rule.id),
        title: rule.id.to_owned(),
        description: format!("{}. {}", rule.title, report.counts.in_words()),
        props: props(report),
        links: gaps
            .map(|(_, id)| Link {
                href: id.fragment(),
                rel: "coverage-gap",
            })
            .collect(),
        methods: ["TEST"],
        types: ["control-objective"],
        origins: Origin::tool(),
        subjects: Subjects(Some((context, report))),
        relevant_evidence: evidence(context, report, first),
        collected: context.collected,
        expires: context.collected.after_days(VALID_DAYS),
    }
}

/// Something that was not read.
pub(super) fn of_gap<'r>(context: &'r Context<'r>, gap: &'r Gap, id: Id) -> Observation<'r> {
    let place = [gap.namespace.as_deref(), gap.name.as_deref()];
    let named = ["namespace", "name"].into_iter().zip(place);
    let named =
        named.filter_map(|(name, value)| Some((name, value.filter(|text| !text.is_empty())?)));
    let mut props = vec![
        Prop::own("gap", Reason::from(gap.missing).code()),
        Prop::own("kind", gap.kind.label()),
    ];
    props.extend(named.map(|(name, value)| Prop::own(name, value)));
    props.push(Prop::own("affected-rules", gap.rules.join(" ")));
    Observation {
        uuid: id,
        title: format!("Not read: {}", gap.kind.label()),
        description: format!(
            "{}. What rests on it is not known, and passes nowhere.",
            markup(&gap.message)
        ),
        props,
        links: Vec::new(),
        methods: ["TEST"],
        types: ["coverage-gap"],
        origins: Origin::tool(),
        subjects: Subjects(None),
        relevant_evidence: Vec::new(),
        collected: context.collected,
        expires: context.collected.after_days(VALID_DAYS),
    }
}

fn props(report: &RuleReport) -> Vec<Prop<'_>> {
    let rule = report.rule;
    let counts = report.counts;
    let rows = [
        ("rows-fail", counts.fail),
        ("rows-indeterminate", counts.indeterminate),
        ("rows-pass", counts.pass),
        ("rows-waived", counts.waived),
        ("rows-not-applicable", counts.not_applicable),
    ];
    let mut props = vec![
        Prop::trestle("assessment-rule-id", rule.id),
        Prop::trestle("assessment-check-id", rule.id),
        Prop::number("rule-version", rule.version.into()),
        Prop::own("severity", rule.severity.name()),
        Prop::own("evidence-class", "implementation"),
    ];
    props.extend(rows.map(|(name, value)| Prop::number(name, value)));
    props
}

fn evidence(context: &Context<'_>, report: &RuleReport, first: usize) -> Vec<RelevantEvidence> {
    let file = file_reference(&context.evidence.name);
    let of_result = |(index, result): (usize, &RuleResult)| RelevantEvidence {
        href: format!("{file}#/results/{index}"),
        description: format!(
            "Result {}: {}, with the values read.",
            result.id,
            result.effective.name()
        ),
    };
    let all = RelevantEvidence {
        href: context.evidence_resource.fragment(),
        description: "All results of the rule, passing ones among them.".to_owned(),
    };
    let listed = (first..).zip(&report.results);
    let listed = listed.filter(|(_, result)| is_listed(result.effective));
    std::iter::once(all).chain(listed.map(of_result)).collect()
}

/// Passing subjects are counted; the others are named.
const fn is_listed(effective: Effective) -> bool {
    match effective {
        Effective::Fail | Effective::Indeterminate | Effective::Waived => true,
        Effective::Pass | Effective::NotApplicable => false,
    }
}

impl Subjects<'_> {
    fn is_empty(&self) -> bool {
        self.0.is_none_or(|(_, report)| {
            !report
                .results
                .iter()
                .any(|result| is_listed(result.effective) && !result.subjects.is_empty())
        })
    }
}

impl Serialize for Subjects<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let pairs = self.0.into_iter().flat_map(|(context, report)| {
            let results = report.results.iter();
            results
                .filter(|result| is_listed(result.effective))
                .flat_map(move |result| subjects(context, result))
        });
        serializer.collect_seq(pairs)
    }
}

/// The subjects of one result, pods by what they belong to.
fn subjects<'r>(
    context: &'r Context<'r>,
    result: &'r RuleResult,
) -> impl Iterator<Item = Subject<'r>> {
    context.report.units_of(result).map(|unit| Subject {
        uuid: inventory::id(unit.place, context.ids),
        kind: "inventory-item",
        title: markup(&unit.place.to_string()),
        props: subject_props(context, &unit),
    })
}

fn subject_props<'r>(context: &'r Context<'r>, unit: &Unit<'r>) -> Vec<Prop<'r>> {
    let result = unit.result;
    let verdict = match result.effective {
        Effective::Fail | Effective::Waived => "fail",
        Effective::Indeterminate | Effective::NotApplicable => "error",
        Effective::Pass => "pass",
    };
    let mut props = vec![
        Prop::trestle("resource-id", unit.place.to_string()),
        Prop::trestle("result", verdict),
        Prop::trestle("evaluated-on", context.collected.to_string()),
        Prop::trestle("reason", &*result.message),
        Prop::own("verdict", result.effective.name()),
        Prop::own("reason-code", result.reason.code()),
        Prop::own("severity", result.severity.name()),
        Prop::own("result-id", result.id.to_string()),
        Prop::number("rows", unit.subjects.len() as u64),
    ];
    props.extend(
        result
            .container
            .as_deref()
            .map(|name| Prop::own("container", name)),
    );
    let port = result.port.as_ref();
    props.extend(port.map(|port| Prop::own("port", port.to_string())));
    if let Some(waiver) = context.report.waiver_id(result) {
        props.push(Prop::trestle("waived", "true"));
        props.push(Prop::own("waiver-id", waiver));
    }
    props
}
