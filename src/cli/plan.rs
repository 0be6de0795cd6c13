//! `plan init`: a commented assessment plan from what a cluster shows.

mod draft;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};

use super::Surroundings;
use super::args::{ConnectionArgs, Terminal};
use super::output;
use super::source::SourceArgs;
use crate::assess;
use crate::catalog::Catalog;
use crate::kind::Kind;
use crate::model::{Model, ScopeRequest};
use crate::rules::RULES;

/// Arguments of `plan`.
#[derive(Debug, Args)]
pub(super) struct Plan {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write a commented plan from what the cluster shows
    Init(Box<Init>),
}

/// Arguments of `plan init`.
#[derive(Debug, Args)]
struct Init {
    /// The file to write [default: standard output]
    #[arg(short, long = "output", value_name = "FILE")]
    output: Option<PathBuf>,
    /// Write over a plan that is there
    #[arg(long, requires = "output")]
    force: bool,
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    connection: ConnectionArgs,
}

impl Plan {
    pub(super) async fn run(
        self,
        surroundings: &Surroundings,
        terminal: &Terminal,
    ) -> anyhow::Result<ExitCode> {
        let Command::Init(init) = self.command;
        init.run(surroundings, terminal).await
    }
}

impl Init {
    async fn run(
        self,
        surroundings: &Surroundings,
        terminal: &Terminal,
    ) -> anyhow::Result<ExitCode> {
        let others: Vec<_> = self.output.as_deref().into_iter().collect();
        output::check(&[], &others)?;
        if let Some(file) = self
            .output
            .as_deref()
            .filter(|file| file.exists() && !self.force)
        {
            bail!(
                "{} is there, and may hold what people have added: name another file, or write over it with --force",
                file.display()
            );
        }
        let ids: Vec<&str> = RULES.iter().map(|rule| rule.id).collect();
        let catalog = Catalog::builtin(&ids).context("unable to load the built-in catalogue")?;
        let kinds: Vec<Kind> = assess::kinds_read(&ids.into_iter().collect())
            .into_iter()
            .collect();
        let snapshot = self
            .source
            .snapshot(&self.connection, &[], kinds, surroundings, terminal)
            .await?;
        super::scan::warn(&snapshot, terminal);
        let model = Model::new(&snapshot, &ScopeRequest::default());
        let text = draft::write(&model, &catalog);
        match &self.output {
            Some(file) => {
                output::write_file(file, |writer| Ok(writer.write_all(text.as_bytes())?))?;
                Ok(ExitCode::SUCCESS)
            }
            None => super::print(text.as_bytes()),
        }
    }
}
