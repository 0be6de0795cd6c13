//! `list rules` and `list controls`.

use std::fmt::Write as _;
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use super::args::SelectionArgs;
use crate::rules::RULES;

/// Arguments of `list`.
#[derive(Debug, Args)]
pub(super) struct List {
    /// What to list
    #[arg(value_enum)]
    what: What,
    #[command(flatten)]
    selection: SelectionArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum What {
    /// Rules, with severity and the controls they are bound to
    Rules,
    /// Controls, with the rules bound to them
    Controls,
}

impl List {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let catalog = self.selection.catalog()?;
        let selected = self.selection.rules(&catalog)?;
        let mut text = String::new();
        match self.what {
            What::Rules => {
                for rule in RULES.iter().filter(|rule| selected.contains(rule.id)) {
                    let labels = catalog.labels_of(rule.id).join(";");
                    writeln!(
                        text,
                        "{:<28} {:<9} {}",
                        rule.id,
                        rule.severity.name(),
                        rule.title
                    )?;
                    writeln!(text, "{:<28} {:<9} {labels}", "", "")?;
                }
            }
            What::Controls => {
                for control in &catalog.controls {
                    let level = if control.in_moderate {
                        "Moderate"
                    } else {
                        "beyond Moderate"
                    };
                    writeln!(text, "{:<8} {} ({level})", control.label, control.title)?;
                    for binding in control.all_bindings() {
                        writeln!(
                            text,
                            "         {:<10} {}",
                            binding.relation.as_str(),
                            binding.rule
                        )?;
                    }
                    if let Some(reason) = control.reason {
                        writeln!(
                            text,
                            "         no rules: {}; {}",
                            reason.as_str(),
                            control.responsible
                        )?;
                    }
                }
            }
        }
        super::print(text.as_bytes())
    }
}
