//! `explain`: the page of a rule, or what the catalogue says of a control.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::Args;

use crate::catalog::{Catalog, Control};
use crate::rules::{self, RULES};

/// Arguments of `explain`.
#[derive(Debug, Args)]
pub(super) struct Explain {
    /// Id of a rule, such as host-namespaces, or of a control, such as SC-39
    id: String,
    /// Use the catalogue in this folder instead of the built-in one
    #[arg(long = "controls", value_name = "DIR")]
    catalog: Option<PathBuf>,
}

impl Explain {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        if let Some(rule) = rules::find(&self.id) {
            return super::print(rule.docs.as_bytes());
        }
        let ids: Vec<&str> = RULES.iter().map(|rule| rule.id).collect();
        let catalog = match &self.catalog {
            Some(directory) => Catalog::from_directory(directory, &ids),
            None => Catalog::builtin(&ids),
        }
        .context("unable to load the catalogue")?;
        if let Some(control) = catalog.control(&self.id) {
            return super::print(page(control)?.as_bytes());
        }
        if let Some(note) = catalog.note_for(&self.id) {
            return super::print(format!("{}: {note}\n", self.id).as_bytes());
        }
        bail!(
            "there is no rule and no control {}; `sc39 list rules` and `sc39 list controls` show them",
            self.id
        );
    }
}

fn page(control: &Control) -> Result<String, std::fmt::Error> {
    let mut text = format!(
        "# {} {}\n\n{}\n",
        control.label, control.title, control.statement
    );
    for objective in &control.objectives {
        let methods: Vec<&str> = objective
            .methods
            .iter()
            .map(|method| method.as_str())
            .collect();
        writeln!(
            text,
            "\nObjective {} ({})",
            objective.id,
            methods.join(", ")
        )?;
        if let Some(determination) = &objective.determination {
            writeln!(text, "Determine if {determination}")?;
        }
    }
    for binding in control.all_bindings() {
        writeln!(text, "\n- {} ({})", binding.rule, binding.relation.as_str())?;
    }
    for proof in &control.proofs {
        writeln!(text, "\n## {}\n\nClaim: {}", proof.title, proof.claim)?;
        writeln!(
            text,
            "Responsible: {}\n\n{}",
            proof.responsible, proof.assess
        )?;
        if !proof.rules.is_empty() {
            writeln!(text, "\nRules: {}", proof.rules.join(", "))?;
        }
        if let Some(gaps) = &proof.gaps {
            writeln!(text, "\nNot covered: {gaps}")?;
        }
    }
    writeln!(
        text,
        "\nResponsible: {}\n\n{}",
        control.responsible, control.assess
    )?;
    for note in control.since_revision_4.iter().chain(&control.notes) {
        writeln!(text, "\n- {note}")?;
    }
    Ok(text)
}
