//! Makes everything in an evidence file again that follows from the rest of it, and holds that against the file.
//!
//! Stands right of all else: it assesses, and renders the evidence, as a scan does.

mod check;
mod compare;
mod same;
#[cfg(test)]
mod tests;

use crate::assess::{self, Options};
use crate::catalog::Catalog;
use crate::evidence::{Evidence, LackError};
use crate::render::{RenderError, evidence};
use crate::report::Report;

pub use check::{Check, Finding, Findings};

/// The report that the objects of the file give, with the parameters that it records.
pub fn derive<'e>(evidence: &'e Evidence, catalog: &'e Catalog) -> Result<Report<'e>, LackError> {
    let options = Options {
        rules: evidence.catalogue.selection()?.into_iter().collect(),
        scope: evidence.scope.clone(),
        selector: evidence.selector.clone(),
        plan: &evidence.plan,
        waivers: &evidence.waivers,
        gate: evidence.gate,
        run: evidence.run.clone(),
    };
    Ok(assess::assess(&evidence.snapshot, catalog, options))
}

/// Holds the file against what its own report gives, member by member.
pub fn compare(report: &Report<'_>, recorded: &str) -> Result<Findings, RenderError> {
    let mut findings = Findings::default();
    // Almost always the two are the same, byte for byte.
    if same::is_same(report, recorded)? {
        return Ok(findings);
    }
    let mut derived = Vec::new();
    evidence::render(report, &mut derived)?;
    compare::documents(recorded, &String::from_utf8_lossy(&derived), &mut findings);
    Ok(findings)
}
