//! Arguments that several commands share, named as kubectl names them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};

use super::Surroundings;
use crate::catalog::Catalog;
use crate::collect::demo;
use crate::collect::live::{Connection, Patience};
use crate::model::{ScopeRequest, selector};
use crate::plan::Plan;
use crate::rules::{self, RULES};
use crate::waivers::Waivers;

/// When to use colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Color {
    /// On a terminal, unless `NO_COLOR` is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// Flags of every command.
#[derive(Debug, Args)]
pub(super) struct Global {
    /// When to use colour
    #[arg(
        long,
        global = true,
        value_enum,
        default_value = "auto",
        value_name = "WHEN"
    )]
    color: Color,
    /// Show no progress and no warnings
    #[arg(short, long, global = true)]
    quiet: bool,
    /// Show more: passing rows in tables, details of the collection
    #[arg(short, long, global = true, conflicts_with = "quiet")]
    verbose: bool,
    /// Show no progress bars
    #[arg(long, global = true)]
    no_progress: bool,
}

/// How much is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verbosity {
    /// Results only.
    Quiet,
    /// Results, and warnings of what was not read.
    Normal,
    /// Also passing rows, and what was written.
    Verbose,
}

/// What the terminal gets.
#[derive(Clone, Debug)]
pub(super) struct Terminal {
    pub(super) colour: bool,
    pub(super) verbosity: Verbosity,
    pub(super) progress: bool,
    pub(super) width: Option<u16>,
}

impl Global {
    pub(super) fn terminal(&self, surroundings: &Surroundings) -> Terminal {
        let colour = match self.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => surroundings.stdout_is_terminal && !surroundings.no_color,
        };
        let verbosity = match (self.quiet, self.verbose) {
            (true, _) => Verbosity::Quiet,
            (false, true) => Verbosity::Verbose,
            (false, false) => Verbosity::Normal,
        };
        colored::control::set_override(colour);
        Terminal {
            colour,
            verbosity,
            progress: surroundings.stderr_is_terminal && !self.no_progress && !self.quiet,
            // Of a terminal the width can be asked; anything else gets the classic one.
            width: surroundings
                .width
                .or_else(|| comfy_table::Table::new().width()),
        }
    }
}

/// How to reach the cluster.
#[derive(Debug, Args)]
#[command(next_help_heading = "Cluster")]
pub(super) struct ConnectionArgs {
    /// Path to the kubeconfig file [default: KUBECONFIG, ~/.kube/config, in-cluster]
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Name of the kubeconfig context to use
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
    /// Name of the kubeconfig cluster to use
    #[arg(long, value_name = "NAME")]
    cluster: Option<String>,
    /// Name of the kubeconfig user to use
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Username to impersonate
    #[arg(long = "as", value_name = "USER")]
    impersonate: Option<String>,
    /// Group to impersonate, repeatable
    #[arg(long = "as-group", value_name = "GROUP", requires = "impersonate")]
    impersonate_groups: Vec<String>,
    /// Time allowed for one request with its retries, such as 30s, 2m, or 0 for no limit
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration)]
    request_timeout: Duration,
    /// Objects asked for in one page of a list
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(super) page_size: u32,
}

impl ConnectionArgs {
    pub(super) fn connection(&self, surroundings: &Surroundings) -> Connection {
        Connection {
            kubeconfig: self.kubeconfig.clone(),
            kubeconfig_list: surroundings.kubeconfig_list.clone(),
            context: self.context.clone(),
            cluster: self.cluster.clone(),
            user: self.user.clone(),
            impersonate: self.impersonate.clone(),
            impersonate_groups: self.impersonate_groups.clone(),
            patience: Patience::new(self.request_timeout),
        }
    }
}

/// Durations as kubectl takes them: a number of seconds, or with a unit.
fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = text.split_at(
        text.find(|letter: char| !letter.is_ascii_digit())
            .unwrap_or(text.len()),
    );
    let number: u64 = number
        .parse()
        .map_err(|_| "expected a number with a unit, such as 30s".to_owned())?;
    let factor = match unit {
        "ms" => return Ok(Duration::from_millis(number)),
        "" | "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return Err(format!("unknown unit {unit:?}: use ms, s, m or h")),
    };
    // 0 means no limit, as in kubectl; a day is as good as none.
    let seconds = if number == 0 {
        86_400
    } else {
        number.saturating_mul(factor)
    };
    Ok(Duration::from_secs(seconds))
}

/// What is judged.
#[derive(Debug, Args)]
#[command(next_help_heading = "Scope")]
pub(super) struct ScopeArgs {
    /// Namespace to judge, repeatable [default: those that hold Mendix objects]
    #[arg(short, long = "namespace", value_name = "NAME", value_parser = namespace)]
    pub(super) namespaces: Vec<String>,
    /// Judge all namespaces
    #[arg(short = 'A', long, conflicts_with = "namespaces")]
    all_namespaces: bool,
    /// Label selector that filters judged pods, such as app=x,tier!=test
    #[arg(short = 'l', long, value_name = "SELECTOR")]
    pub(super) selector: Option<String>,
}

impl ScopeArgs {
    pub(super) fn request(&self) -> anyhow::Result<ScopeRequest> {
        let selector = self.selector.as_deref().map(selector::parse).transpose();
        Ok(ScopeRequest {
            namespaces: self.namespaces.clone(),
            all: self.all_namespaces,
            selector: selector
                .map_err(anyhow::Error::msg)
                .context("invalid --selector")?,
        })
    }
}

/// Names that a namespace can have.
pub(super) fn namespace(text: &str) -> Result<String, String> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let fits = (1..=63).contains(&text.len()) && text.bytes().all(allowed);
    if !fits || text.starts_with('-') || text.ends_with('-') {
        return Err("a namespace has lower-case letters, digits and '-', at most 63".to_owned());
    }
    Ok(text.to_owned())
}

/// Which rules run, and the catalogue.
#[derive(Debug, Args)]
#[command(next_help_heading = "Rules")]
pub(super) struct SelectionArgs {
    /// Run only this rule, repeatable
    #[arg(long = "rule", value_name = "ID", value_delimiter = ',')]
    rules: Vec<String>,
    /// Leave this rule out, repeatable
    #[arg(long = "skip-rule", value_name = "ID", value_delimiter = ',')]
    skipped: Vec<String>,
    /// Run the rules of this control, repeatable
    #[arg(long = "control", value_name = "ID", value_delimiter = ',')]
    controls: Vec<String>,
    /// Use the catalogue in this folder instead of the built-in one
    #[arg(long = "controls", value_name = "DIR")]
    catalog: Option<PathBuf>,
}

impl SelectionArgs {
    /// The folder of the catalogue, if it is not the built-in one.
    pub(super) fn folder(&self) -> Option<&Path> {
        self.catalog.as_deref()
    }

    pub(super) fn catalog(&self) -> anyhow::Result<Catalog> {
        let ids: Vec<&str> = RULES.iter().map(|rule| rule.id).collect();
        match &self.catalog {
            Some(directory) => Catalog::from_directory(directory, &ids).with_context(|| {
                format!("unable to load the catalogue in {}", directory.display())
            }),
            None => Catalog::builtin(&ids).context("unable to load the built-in catalogue"),
        }
    }

    /// `(rule ∪ control) − skipped`; everything when neither is given.
    pub(super) fn rules(&self, catalog: &Catalog) -> anyhow::Result<BTreeSet<&'static str>> {
        let mut selected = BTreeSet::new();
        for id in &self.rules {
            selected.insert(rule_id(id)?);
        }
        for id in &self.controls {
            let control = catalog.control(id);
            let Some(control) = control else {
                match catalog.note_for(id) {
                    Some(note) => bail!("there is no control {id} in the catalogue: {note}"),
                    None => bail!(
                        "there is no control {id} in the catalogue; `sc39 list controls` shows them"
                    ),
                }
            };
            for binding in control.all_bindings() {
                selected.insert(rule_id(&binding.rule)?);
            }
        }
        if self.rules.is_empty() && self.controls.is_empty() {
            selected.extend(RULES.iter().map(|rule| rule.id));
        }
        for id in &self.skipped {
            selected.remove(rule_id(id)?);
        }
        if selected.is_empty() {
            bail!("no rule is left to run");
        }
        Ok(selected)
    }
}

fn rule_id(id: &str) -> anyhow::Result<&'static str> {
    match rules::find(id) {
        Some(rule) => Ok(rule.id),
        None => bail!("there is no rule {id}; `sc39 list rules` shows them"),
    }
}

/// What people say of the system.
#[derive(Debug, Args)]
#[command(next_help_heading = "Plan")]
pub(super) struct PlanArgs {
    /// Assessment plan, YAML or JSON: tiers, exclusions, attestations, allowed flows, manual evidence
    #[arg(long = "plan", value_name = "FILE")]
    plan: Option<PathBuf>,
    /// Waivers, YAML or JSON: failures that an approver accepts for a time
    #[arg(long, value_name = "FILE")]
    waivers: Option<PathBuf>,
}

impl PlanArgs {
    /// The plan in the file that is named; the built-in example has one of its own.
    pub(super) fn plan(&self, is_demo: bool) -> anyhow::Result<Plan> {
        match &self.plan {
            Some(file) => Plan::read(file).context("unable to use the plan"),
            None if is_demo => demo::plan().context("unable to use the built-in plan"),
            None => Ok(Plan::default()),
        }
    }

    pub(super) fn waivers(&self) -> anyhow::Result<Waivers> {
        let ids: Vec<&str> = RULES.iter().map(|rule| rule.id).collect();
        match &self.waivers {
            Some(file) => Waivers::read(file, &ids).context("unable to use the waivers"),
            None => Ok(Waivers::default()),
        }
    }
}
