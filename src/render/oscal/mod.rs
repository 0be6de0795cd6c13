//! OSCAL 1.1.3 (JSON): assessment results, the plan behind them, and the rules as a component definition.
//!
//! Ids are UUIDs of version 5, made from what a thing is and not from when it was seen: an observation, a finding, a risk
//! or an inventory item keeps its id from run to run, as NIST asks; documents and results have ids of their run. What OSCAL
//! can't say (a rule's severity, counts of rows, a waiver) stands in properties of the namespace `NS`.

mod activities;
mod definition;
mod id;
mod plan;
mod results;
pub(super) mod text;
mod wire;

use std::io::{BufWriter, Write};

use serde::Serialize;

use super::{RenderError, RenderOptions};
use crate::report::Report;

/// The version of OSCAL that documents are in; validators of 1.2 take them too.
const OSCAL_VERSION: &str = "1.1.3";

/// The namespace of this program's own properties.
const NS: &str = "urn:sc39:ns:oscal:1";

/// Properties by which compliance-trestle and tools around it find rules and their results.
const TRESTLE_NS: &str = "https://oscal-compass.github.io/compliance-trestle/schemas/oscal";

/// Properties in which the same tools find the definition of rules.
const CD_NS: &str = "https://oscal-compass.github.io/compliance-trestle/schemas/oscal/cd";

/// Which model of OSCAL is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Model {
    /// What the rules found
    #[default]
    AssessmentResults,
    /// The rules as activities
    AssessmentPlan,
    /// The rules as a component that validates others
    ComponentDefinition,
}

pub(super) fn render(
    report: &Report<'_>,
    options: &RenderOptions,
    writer: &mut dyn Write,
) -> Result<(), RenderError> {
    match options.oscal {
        Model::AssessmentResults => {
            let evidence = options.evidence(report)?;
            let mut plan = Vec::new();
            write(&plan::document(report), &mut plan)?;
            results::with_document(report, &evidence, &plan, |document| write(document, writer))
        }
        Model::AssessmentPlan => write(&plan::document(report), writer),
        Model::ComponentDefinition => write(&definition::document(report), writer),
    }
}

/// The id of the risk that a rule's failures make, or that a waiver accepts.
pub(super) fn risk_id(report: &Report<'_>, rule: &str, waiver: Option<&str>) -> String {
    let ids = id::Ids::new(report.snapshot.origin.cluster.uid.as_deref());
    match waiver {
        Some(waiver) => ids.of("risk", &[rule, waiver]).to_string(),
        None => ids.of("risk", &[rule]).to_string(),
    }
}

/// A time of the collection, in the form that readers of all kinds take.
pub(super) fn moment(text: &str) -> String {
    text::Moment::of(text).to_string()
}

fn write(document: &impl Serialize, writer: &mut dyn Write) -> Result<(), RenderError> {
    let mut writer = BufWriter::new(writer);
    serde_json::to_writer_pretty(&mut writer, document)?;
    writer.write_all(b"\n")?;
    writer.flush()?;
    Ok(())
}

#[cfg(test)]
mod tests;
