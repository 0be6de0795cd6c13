//! What the results leave open: what was not read, what no rule tests, what stays with the assessor, the exit code.

use std::collections::BTreeSet;
use std::io;

use super::page::{Page, Style};
use super::{counted, of_product, place, reason};
use crate::catalog::Reason;
use crate::kind::Kind;
use crate::report::{Gap, ManualReport, Report, WaiverStatus, fitting};
use crate::snapshot::ReadStatus;

/// Room for the label of a line.
const COLUMN: u16 = 11;

pub(super) fn write(page: &mut Page<'_>, report: &Report<'_>) -> io::Result<()> {
    coverage(page, report)?;
    waivers(page, report)?;
    manual(page, report)?;
    page.heading(&[(Style::Strong, "Methods outstanding".to_owned())])?;
    page.text(
        0,
        "EXAMINE and INTERVIEW, for every control above. The rules contribute to the method TEST and conclude no assessment.",
    )?;
    page.heading(&[(Style::Strong, "Result".to_owned())])?;
    let gate = &report.gate;
    page.text(
        0,
        &format!("exit code {}: {}", gate.exit_code, gate.meaning),
    )
}

fn coverage(page: &mut Page<'_>, report: &Report<'_>) -> io::Result<()> {
    page.heading(&[(Style::Strong, "Coverage".to_owned())])?;
    let sources = &report.snapshot.coverage.sources;
    let with = |status: ReadStatus, wanted: fn(Kind) -> bool| -> String {
        let kinds: BTreeSet<Kind> = sources
            .iter()
            .filter(|source| source.status == status && wanted(source.kind))
            .map(|source| source.kind)
            .collect();
        let names: Vec<&str> = kinds.into_iter().map(Kind::label).collect();
        names.join(", ")
    };
    let lists = [
        ("read", with(ReadStatus::Read, |_| true)),
        ("not served", with(ReadStatus::NotServed, of_product)),
    ];
    for (label, kinds) in lists.iter().filter(|(_, kinds)| !kinds.is_empty()) {
        page.labelled(0, label, COLUMN, kinds)?;
    }
    page.labelled(0, "scope", COLUMN, &namespaces(report))?;
    for (name, reason) in &report.scope.excluded {
        let words = format!("{name} is excluded by the plan: {reason}");
        page.labelled(0, "", COLUMN, &words)?;
    }
    if let Some(missing) = report.scope.unknown {
        let words = format!("there may be more to judge: {}", reason(missing));
        page.labelled(0, "", COLUMN, &words)?;
    }
    if report.gaps.is_empty() {
        page.labelled(0, "gaps", COLUMN, "none in what the selected rules read")?;
    }
    for (index, gap) in report.gaps.iter().enumerate() {
        let label = if index == 0 { "gaps" } else { "" };
        page.labelled(0, label, COLUMN, &describe(gap))?;
    }
    for note in &report.plan_notes {
        page.labelled(0, "plan", COLUMN, note)?;
    }
    for note in &report.snapshot.coverage.notes {
        page.labelled(0, "note", COLUMN, note)?;
    }
    Ok(())
}

fn namespaces(report: &Report<'_>) -> String {
    let scope = &report.scope;
    let pods = counted(scope.pods_read, "pod");
    let namespaces = counted(scope.namespaces.len(), "namespace");
    let colon = if scope.namespaces.is_empty() {
        ""
    } else {
        ": "
    };
    format!(
        "{} of {pods}{} judged, in {namespaces}{colon}{}",
        scope.pods,
        scope.templates_in_words(),
        scope.namespaces.join(", ")
    )
}

fn describe(gap: &Gap) -> String {
    let place = place(gap.namespace.as_deref(), gap.name.as_deref());
    format!(
        "{}{place}: {}; touches {}",
        reason(gap.missing),
        gap.message,
        gap.rules.join(", ")
    )
}

/// Every waiver, and what became of it.
fn waivers(page: &mut Page<'_>, report: &Report<'_>) -> io::Result<()> {
    if report.waivers.is_empty() {
        return Ok(());
    }
    page.heading(&[(Style::Strong, "Waivers".to_owned())])?;
    for of in &report.waivers {
        let waiver = &of.waiver;
        let state = match of.status {
            WaiverStatus::Applied => {
                counted(usize::try_from(of.waived).unwrap_or(usize::MAX), "row") + " waived"
            }
            WaiverStatus::Expired => format!(
                "expired on {}, waives nothing; {} it",
                waiver.expires,
                fitting(of.matched)
            ),
            WaiverStatus::NotYetApproved => format!(
                "approved on {}, after the collection began, waives nothing; {} it",
                waiver.approved_on,
                fitting(of.matched)
            ),
            WaiverStatus::Unmatched => "unmatched: no failing row fits it".to_owned(),
            WaiverStatus::NotSelected => "its rule is not selected".to_owned(),
        };
        page.text(
            0,
            &format!(
                "{} {} ({}): {state}",
                waiver.id,
                waiver.rule,
                waiver.deviation.code()
            ),
        )?;
        let poam = waiver.poam.as_ref().map(|poam| format!(", {poam}"));
        let approval = format!(
            "approved by {} on {}, holds through {}{}: {}",
            waiver.approver,
            waiver.approved_on,
            waiver.expires,
            poam.unwrap_or_default(),
            waiver.justification
        );
        page.text(4, &approval)?;
    }
    Ok(())
}

/// What no rule tests, who has the evidence, and where the plan says that it is.
fn manual(page: &mut Page<'_>, report: &Report<'_>) -> io::Result<()> {
    let (attested, outstanding): (Vec<&ManualReport>, Vec<&ManualReport>) = report
        .manual
        .iter()
        .partition(|entry| !entry.proofs.is_empty());
    if !attested.is_empty() {
        let heading = "Manual evidence that the plan attests, looked at by nobody here";
        page.heading(&[(Style::Strong, heading.to_owned())])?;
    }
    for entry in attested {
        page.text(0, &name(entry))?;
        for proof in &entry.proofs {
            page.text(
                4,
                &format!("{}, {}, at {}", proof.title, proof.date, proof.location),
            )?;
        }
    }
    if !outstanding.is_empty() {
        page.heading(&[(Style::Strong, "Manual evidence outstanding".to_owned())])?;
    }
    for entry in outstanding {
        page.text(0, &name(entry))?;
        page.text(4, &entry.responsible)?;
    }
    Ok(())
}

fn name(entry: &ManualReport) -> String {
    let reason = entry.reason.unwrap_or(Reason::Manual);
    format!("{} {} ({reason})", entry.controls.join(", "), entry.title)
}
