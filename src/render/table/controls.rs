//! Controls, their parts, and the rules bound to them. Each rule is detailed where it stands first.

use std::collections::HashMap;
use std::io;

use super::page::{Page, Pieces, Style, of_determination};
use super::{counts, results};
use crate::catalog::{Control, Relation};
use crate::report::{ControlReport, Counts, Determination, Effective, PartReport, Report};

/// Width of the longest determination, `no-exceptions`.
const DETERMINATION: u16 = 13;
/// Where the counts of a rule begin, so that they stand under each other.
const COUNTS_COLUMN: usize = 36;

/// All controls at a glance.
pub(super) fn overview(page: &mut Page<'_>, report: &Report<'_>) -> io::Result<()> {
    page.heading(&[(Style::Strong, "Controls".to_owned())])?;
    let header = [
        "determination",
        "control",
        "fail",
        "indet.",
        "pass",
        "waived",
        "n/a",
        "title",
    ];
    let mut rows = vec![cells(header.map(str::to_owned))];
    rows.extend(report.controls.iter().map(|control| {
        let definition = &report.catalog.controls[control.control];
        let rows = |effective| control.counts.of(effective).to_string();
        cells([
            control.determination.name().to_owned(),
            definition.label.clone(),
            rows(Effective::Fail),
            rows(Effective::Indeterminate),
            rows(Effective::Pass),
            rows(Effective::Waived),
            rows(Effective::NotApplicable),
            definition.title.clone(),
        ])
    }));
    page.table(0, DETERMINATION, 2..7, rows)
}

fn cells<const N: usize>(texts: [String; N]) -> Vec<Vec<String>> {
    texts.into_iter().map(|text| vec![text]).collect()
}

/// Every control with its parts and rules.
pub(super) fn details(page: &mut Page<'_>, report: &Report<'_>, verbose: bool) -> io::Result<()> {
    let mut details = Details {
        page,
        report,
        verbose,
        shown: HashMap::new(),
    };
    for control in &report.controls {
        details.control(control)?;
    }
    details.unbound()
}

struct Details<'p, 'w, 'r> {
    page: &'p mut Page<'w>,
    report: &'r Report<'r>,
    verbose: bool,
    /// Under which control a rule has been detailed.
    shown: HashMap<usize, &'r str>,
}

impl<'r> Details<'_, '_, 'r> {
    fn control(&mut self, control: &'r ControlReport) -> io::Result<()> {
        let definition = &self.report.catalog.controls[control.control];
        let title = format!("{} {}: ", definition.label, definition.title);
        self.page
            .heading(&[(Style::Strong, title), determination(control.determination)])?;
        if let Some(reason) = definition.reason {
            let words = format!(
                "No rule tests it ({reason}). Responsible: {}.",
                definition.responsible
            );
            return self.page.text(0, &words);
        }
        self.page.text(0, &definition.statement)?;
        if !definition.in_moderate {
            self.page
                .text(0, "Beyond the Moderate baseline of FedRAMP.")?;
        }
        for part in &control.parts {
            self.part(definition, part)?;
        }
        for relation in [Relation::Primary, Relation::Supporting] {
            self.others(definition, control, relation)?;
        }
        Ok(())
    }

    fn part(&mut self, definition: &'r Control, part: &PartReport) -> io::Result<()> {
        self.page.blank()?;
        let proof = definition.proofs.iter().find(|proof| proof.id == part.id);
        let name = match proof {
            Some(proof) => format!("Proof \u{201c}{}\u{201d}: ", proof.title),
            None => format!("Objective {}: ", part.id),
        };
        let outcome = match (part.determination, proof.and_then(|proof| proof.reason)) {
            (Some(outcome), _) => determination(outcome),
            (None, Some(reason)) => (Style::Plain, format!("no rule tests it ({reason})")),
            (None, None) => (Style::Plain, "no rule decides on it".to_owned()),
        };
        self.page.pieces(0, &[(Style::Strong, name), outcome])?;
        let claim = proof.map_or(part.title.as_str(), |proof| proof.claim.as_str());
        if claim != definition.title {
            self.page.text(2, claim)?;
        }
        for rule in &part.rules {
            self.rule(*rule, &definition.label)?;
        }
        Ok(())
    }

    /// Rules that are bound to the control and to none of its parts.
    fn others(
        &mut self,
        definition: &'r Control,
        control: &ControlReport,
        relation: Relation,
    ) -> io::Result<()> {
        let others: Vec<usize> = control
            .rules
            .iter()
            .filter(|(rule, bound)| {
                *bound == relation && !control.parts.iter().any(|part| part.rules.contains(rule))
            })
            .map(|(rule, _)| *rule)
            .collect();
        if others.is_empty() {
            return Ok(());
        }
        self.page.blank()?;
        let name = match relation {
            Relation::Primary => "Other primary rules:",
            Relation::Supporting => "Supporting rules, which decide nothing here:",
        };
        self.page.pieces(0, &[(Style::Strong, name.to_owned())])?;
        for rule in others {
            self.rule(rule, &definition.label)?;
        }
        Ok(())
    }

    fn rule(&mut self, index: usize, control: &'r str) -> io::Result<()> {
        let rule = &self.report.rules[index];
        let name = format!("{} [{}]", rule.rule.id, rule.rule.severity.name());
        let mut pieces: Pieces = vec![(Style::Plain, format!("{name:COUNTS_COLUMN$}"))];
        if rule.selected {
            pieces.extend(counts(rule.counts));
        } else {
            pieces.push((Style::Unsure, "not selected".to_owned()));
        }
        let Some(first) = self.shown.get(&index) else {
            self.shown.insert(index, control);
            self.page.pieces(2, &pieces)?;
            self.page.text(4, rule.rule.title)?;
            return results::write(self.page, self.report, rule, self.verbose);
        };
        let place = if *first == control { "above" } else { first };
        pieces.push((Style::Plain, format!(", see {place}")));
        self.page.pieces(2, &pieces)
    }

    /// Rules that ran and that no control binds.
    fn unbound(&mut self) -> io::Result<()> {
        let unbound: Vec<usize> = (0..self.report.rules.len())
            .filter(|index| {
                let rule = &self.report.rules[*index];
                !self.shown.contains_key(index) && rule.counts != Counts::default()
            })
            .collect();
        if unbound.is_empty() {
            return Ok(());
        }
        self.page
            .heading(&[(Style::Strong, "Rules without a control".to_owned())])?;
        for index in unbound {
            self.rule(index, "")?;
        }
        Ok(())
    }
}

fn determination(determination: Determination) -> (Style, String) {
    (
        of_determination(determination),
        determination.name().to_owned(),
    )
}
