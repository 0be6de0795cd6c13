//! Makes everything in an evidence file again that follows from the rest of it, and holds that against the file.
//!
//! Stands right of all else: it assesses, and renders the evidence, as a scan does.

mod check;
mod compare;
mod digests;
mod origin;
mod reads;
mod same;
mod shown;
#[cfg(test)]
mod tests;

use crate::assess::{self, Options};
use crate::catalog::Catalog;
use crate::evidence::{Evidence, LackError};
use crate::render::{RenderError, evidence};
use crate::report::Report;

pub use check::{Check, Finding, Findings};
pub use digests::sealed;
pub use origin::{Beside, origin};

/// What came of a verification.
#[derive(Debug)]
pub struct Verified {
    /// What is wrong.
    pub findings: Findings,
    /// The digest that the file states of its content.
    pub digest: Option<String>,
    /// Objects in the file.
    pub objects: usize,
    /// Results that its objects give.
    pub results: usize,
    /// Rules that ran.
    pub rules: usize,
    /// Values that its results say they read.
    pub values: u64,
}

/// Why nothing can be said.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// This binary can't repeat what was done.
    #[error(transparent)]
    Lack(#[from] LackError),
    /// The evidence could not be made again.
    #[error(transparent)]
    Render(#[from] RenderError),
}

/// Makes everything again that follows from the rest of the file, and checks what follows from nothing.
pub fn verify(evidence: &Evidence, catalog: &Catalog, text: &str) -> Result<Verified, VerifyError> {
    let report = derive(evidence, catalog)?;
    let mut findings = Findings::default();
    // A file that is the same byte for byte is under the same digests.
    if !same::is_same(&report, text)? {
        digests::check(text, &mut findings);
        differences(&report, text, &mut findings)?;
    }
    for message in evidence.snapshot.miscounted() {
        findings.add(Check::Population, "/coverage/sources", message);
    }
    let values = reads::check(text, &mut findings);
    Ok(Verified {
        findings,
        digest: digests::stated(text),
        objects: evidence.snapshot.objects.len(),
        results: report.rules.iter().map(|rule| rule.results.len()).sum(),
        rules: report.rules.iter().filter(|rule| rule.selected).count(),
        values,
    })
}

/// The report that the objects of the file give, with the parameters that it records.
pub fn derive<'e>(evidence: &'e Evidence, catalog: &'e Catalog) -> Result<Report<'e>, LackError> {
    let options = Options {
        rules: evidence.catalogue.selection()?.into_iter().collect(),
        scope: evidence.scope.clone(),
        selector: evidence.selector.clone(),
        plan: &evidence.plan,
        waivers: &evidence.waivers,
        gate: evidence.gate,
        baseline: evidence.previous.as_ref(),
        run: evidence.run.clone(),
    };
    Ok(assess::assess(&evidence.snapshot, catalog, options))
}

/// Holds the file against what its own report gives, member by member, and against its digests.
pub fn compare(report: &Report<'_>, recorded: &str) -> Result<Findings, RenderError> {
    let mut findings = Findings::default();
    // Almost always the two are the same, byte for byte.
    if !same::is_same(report, recorded)? {
        digests::check(recorded, &mut findings);
        differences(report, recorded, &mut findings)?;
    }
    Ok(findings)
}

fn differences(
    report: &Report<'_>,
    recorded: &str,
    findings: &mut Findings,
) -> Result<(), RenderError> {
    let mut derived = Vec::new();
    evidence::render(report, &mut derived)?;
    compare::documents(recorded, &String::from_utf8_lossy(&derived), findings);
    Ok(())
}
