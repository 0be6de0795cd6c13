//! `JUnit` XML, as GitLab, Jenkins and Azure DevOps read it: a test for each rule, workload, container and port.
//!
//! There is no official schema; the elements are those that all three know. What could not be determined is an error: a
//! skipped test is green in all of them. For the same reason each gap of the collection is an error of its own.

use std::collections::HashMap;
use std::io::{self, BufWriter, Write};

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};

use super::RenderError;
use super::escape::visible;
use crate::report::{Counts, Effective, Gap, Report, RuleReport, RuleResult, Unit};
use crate::rules::{Group, Reason};

/// Subjects and values that the text of a test lists.
const LISTED: usize = 10;
/// More of a value nobody reads here.
const LONGEST_VALUE: usize = 200;

/// Suite of what was not read.
const COVERAGE: &str = "coverage";

type Xml<'w> = Writer<BufWriter<&'w mut dyn Write>>;

pub(super) fn render(report: &Report<'_>, writer: &mut dyn Write) -> Result<(), RenderError> {
    let mut xml = Writer::new_with_indent(BufWriter::new(writer), b' ', 2);
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let groups = groups(report);
    let of_groups = groups.iter().map(|group| units(report, *group));
    let all = of_groups.fold(gaps(report), |mut sum, counts| {
        sum.merge(counts);
        sum
    });
    let mut suites = BytesStart::new("testsuites");
    suites.push_attribute(("name", env!("CARGO_PKG_NAME")));
    totals(&mut suites, all);
    xml.write_event(Event::Start(suites))?;
    coverage(&mut xml, report)?;
    for group in groups {
        suite(&mut xml, report, group)?;
    }
    xml.write_event(Event::End(BytesEnd::new("testsuites")))?;
    let mut writer = xml.into_inner();
    writer.write_all(b"\n")?;
    writer.flush()?;
    Ok(())
}

/// Groups of the rules that ran, in the order of reports.
fn groups(report: &Report<'_>) -> Vec<Group> {
    let selected = report.rules.iter().filter(|rule| rule.selected);
    let mut groups: Vec<Group> = selected.map(|rule| rule.rule.group).collect();
    groups.dedup();
    groups
}

fn of_group<'r>(report: &'r Report<'_>, group: Group) -> impl Iterator<Item = &'r RuleReport> {
    let selected = report.rules.iter().filter(|rule| rule.selected);
    selected.filter(move |rule| rule.rule.group == group)
}

/// Tests of a group by what they come to.
fn units(report: &Report<'_>, group: Group) -> Counts {
    let mut counts = Counts::default();
    for unit in of_group(report, group).flat_map(|rule| report.units(rule)) {
        counts.add(unit.result.effective, 1);
    }
    counts
}

/// Gaps as tests: each is an error, and so is a scope that is not known.
fn gaps(report: &Report<'_>) -> Counts {
    let scope = usize::from(report.scope.unknown.is_some());
    let mut counts = Counts::default();
    let errors = report.gaps.len() + scope;
    counts.add(Effective::Indeterminate, errors as u64);
    if errors == 0 {
        counts.add(Effective::Pass, 1);
    }
    counts
}

fn totals(element: &mut BytesStart<'_>, counts: Counts) {
    let skipped = counts.waived + counts.not_applicable;
    for (name, number) in [
        ("tests", counts.total()),
        ("failures", counts.fail),
        ("errors", counts.indeterminate),
        ("skipped", skipped),
    ] {
        element.push_attribute((name, number.to_string().as_str()));
    }
}

/// What was not read, before any verdict.
fn coverage(xml: &mut Xml<'_>, report: &Report<'_>) -> io::Result<()> {
    open_suite(xml, report, COVERAGE, gaps(report))?;
    properties(xml, report)?;
    for gap in &report.gaps {
        let (name, words) = (gap_name(gap), gap_words(gap));
        test(xml, COVERAGE, &name, Some(("error", COVERAGE, &words)), "")?;
    }
    if let Some(missing) = report.scope.unknown {
        let reason = Reason::from(missing).code();
        let words = format!("there may be more to judge than is known: {reason}");
        test(
            xml,
            COVERAGE,
            "scope",
            Some(("error", COVERAGE, &words)),
            "",
        )?;
    }
    if gaps(report).indeterminate == 0 {
        let name = "all that the selected rules read was read";
        test(xml, COVERAGE, name, None, "")?;
    }
    xml.write_event(Event::End(BytesEnd::new("testsuite")))
}

fn gap_name(gap: &Gap) -> String {
    let place = match (&gap.namespace, &gap.name) {
        (Some(namespace), Some(name)) => format!(" {namespace}/{name}"),
        (Some(namespace), None) => format!(" in namespace {namespace}"),
        (None, Some(name)) => format!(" {name}"),
        (None, None) => String::new(),
    };
    format!("{}{place}", gap.kind)
}

fn gap_words(gap: &Gap) -> String {
    let reason = Reason::from(gap.missing).code();
    let rules = gap.rules.join(", ");
    format!("{reason}: {}; touches {rules}", gap.message)
}

fn open_suite(
    xml: &mut Xml<'_>,
    report: &Report<'_>,
    name: &str,
    counts: Counts,
) -> io::Result<()> {
    let mut suite = BytesStart::new("testsuite");
    suite.push_attribute(("name", name));
    totals(&mut suite, counts);
    suite.push_attribute(("time", "0"));
    let started = &report.snapshot.origin.started_at;
    if !started.is_empty() {
        // ISO 8601 without a zone, as the readers expect it; the times of a collection are UTC.
        let timestamp = started.trim_end_matches('Z');
        suite.push_attribute(("timestamp", &*visible(timestamp)));
    }
    xml.write_event(Event::Start(suite))
}

/// What the whole is about.
fn properties(xml: &mut Xml<'_>, report: &Report<'_>) -> io::Result<()> {
    let origin = &report.snapshot.origin;
    let complete = report.gaps.is_empty() && report.scope.unknown.is_none();
    let gate = &report.gate;
    let cluster = origin.cluster.uid.as_deref().unwrap_or_default();
    let list = [
        ("run", report.run.id.clone()),
        ("cluster", cluster.to_owned()),
        ("collected", origin.started_at.clone()),
        ("catalogue", report.catalog.digest.clone()),
        ("plan", report.plan.digest.clone()),
        ("complete", complete.to_string()),
        ("exit-code", gate.exit_code.to_string()),
        ("result", gate.meaning.clone()),
        ("methods-outstanding", "EXAMINE, INTERVIEW".to_owned()),
    ];
    xml.write_event(Event::Start(BytesStart::new("properties")))?;
    for (name, value) in list.iter().filter(|(_, value)| !value.is_empty()) {
        let mut property = BytesStart::new("property");
        property.push_attribute(("name", *name));
        property.push_attribute(("value", &*visible(value)));
        xml.write_event(Event::Empty(property))?;
    }
    xml.write_event(Event::End(BytesEnd::new("properties")))
}

fn suite(xml: &mut Xml<'_>, report: &Report<'_>, group: Group) -> io::Result<()> {
    open_suite(xml, report, group.name(), units(report, group))?;
    for rule in of_group(report, group) {
        // Readers take tests of one name for one.
        let mut given: HashMap<String, u32> = HashMap::new();
        for unit in report.units(rule) {
            let mut name = format!("{}: {unit}", rule.rule.id);
            let times = given.entry(name.clone()).or_insert(0);
            *times += 1;
            if *times > 1 {
                name = format!("{name} ({times})");
            }
            unit_test(xml, report, &unit, &name)?;
        }
    }
    xml.write_event(Event::End(BytesEnd::new("testsuite")))
}

fn unit_test(
    xml: &mut Xml<'_>,
    report: &Report<'_>,
    unit: &Unit<'_>,
    name: &str,
) -> io::Result<()> {
    let (result, place) = (unit.result, unit.place);
    let class = if place.namespace.is_empty() {
        place.kind.to_owned()
    } else {
        format!("{}/{}", place.namespace, place.kind)
    };
    let words = format!("{} [{}]", result.message, result.reason.code());
    let severity = result.severity.name();
    let waived = waived(report, result);
    let outcome = match result.effective {
        Effective::Pass => None,
        Effective::Fail => Some(("failure", severity, words.as_str())),
        Effective::Indeterminate => Some(("error", COVERAGE, words.as_str())),
        Effective::Waived => Some(("skipped", "", waived.as_str())),
        Effective::NotApplicable => Some(("skipped", "", words.as_str())),
    };
    let listed = matches!(
        result.effective,
        Effective::Fail | Effective::Indeterminate | Effective::Waived
    );
    let text = if listed {
        details(report, unit, &words)
    } else {
        String::new()
    };
    test(xml, &class, name, outcome, &text)
}

fn waived(report: &Report<'_>, result: &RuleResult) -> String {
    let of = report
        .waivers
        .iter()
        .find(|of| result.waiver == Some(of.index));
    of.map_or_else(String::new, |of| {
        let waiver = &of.waiver;
        format!(
            "waiver {} until {}: {}",
            waiver.id, waiver.expires, waiver.justification
        )
    })
}

/// What a result rests on, a line each.
fn details(report: &Report<'_>, unit: &Unit<'_>, words: &str) -> String {
    let result = unit.result;
    let mut lines = vec![
        words.to_owned(),
        format!("severity {}, result {}", result.severity.name(), result.id),
    ];
    for subject in unit.subjects.iter().take(LISTED) {
        let (kind, namespace, name) = report.subject(subject);
        let parts: Vec<&str> = [kind, namespace, name]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect();
        lines.push(format!("about {}", parts.join(" ")));
    }
    if unit.subjects.len() > LISTED {
        lines.push(format!("about {} more", unit.subjects.len() - LISTED));
    }
    for read in result.reads.iter().take(LISTED) {
        let value = match &read.value {
            Some(value) => {
                let value: String = value.to_string().chars().take(LONGEST_VALUE).collect();
                format!("= {value}")
            }
            None => "is not set".to_owned(),
        };
        lines.push(format!("read {} {value}", read.pointer));
    }
    lines
        .iter()
        .map(|line| visible(line))
        .collect::<Vec<_>>()
        .join("\n")
}

/// One test; its outcome is an element with a type and a message, or none where it passed.
fn test(
    xml: &mut Xml<'_>,
    class: &str,
    name: &str,
    outcome: Option<(&str, &str, &str)>,
    text: &str,
) -> io::Result<()> {
    let mut case = BytesStart::new("testcase");
    case.push_attribute(("name", &*visible(name)));
    case.push_attribute(("classname", &*visible(class)));
    case.push_attribute(("time", "0"));
    let Some((element, kind, message)) = outcome else {
        return xml.write_event(Event::Empty(case));
    };
    xml.write_event(Event::Start(case))?;
    let mut inner = BytesStart::new(element);
    if !kind.is_empty() {
        inner.push_attribute(("type", kind));
    }
    inner.push_attribute(("message", &*visible(message)));
    if text.is_empty() {
        xml.write_event(Event::Empty(inner))?;
    } else {
        xml.write_event(Event::Start(inner))?;
        xml.write_event(Event::Text(BytesText::new(text)))?;
        xml.write_event(Event::End(BytesEnd::new(element)))?;
    }
    xml.write_event(Event::End(BytesEnd::new("testcase")))
}

#[cfg(test)]
mod tests;
