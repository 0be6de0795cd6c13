//! Command line: parses arguments, calls the stages in order, and maps the outcome to an exit code.

mod args;
mod diff;
mod explain;
mod list;
mod output;
mod plan;
mod progress;
mod rbac;
mod render;
mod scan;
mod signing;
mod source;
mod verify;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use chrono::{DateTime, Utc};
use clap::{CommandFactory as _, Parser, Subcommand};

pub use output::discard_pending;

/// What `main` alone may know: the time, the arguments, and what the terminal is like.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// Reads the clock.
    pub now: fn() -> DateTime<Utc>,
    /// The command line as typed.
    pub command: Vec<String>,
    /// Whether standard output is a terminal.
    pub stdout_is_terminal: bool,
    /// Whether standard error is a terminal.
    pub stderr_is_terminal: bool,
    /// Whether `NO_COLOR` asks for none.
    pub no_color: bool,
    /// What `KUBECONFIG` lists.
    pub kubeconfig_list: Vec<PathBuf>,
    /// Columns to fit, if the environment says so.
    pub width: Option<u16>,
}

/// Audits process isolation of Private Mendix Platform on Kubernetes against FedRAMP control SC-39.
#[derive(Debug, Parser)]
#[command(name = "sc39", version, propagate_version = true, after_help = EXIT_CODES)]
pub struct Cli {
    #[command(flatten)]
    global: args::Global,
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 no failing rows, 1 failing rows, 2 usage, input or connection error, \
                          3 something could not be determined";

#[derive(Debug, Subcommand)]
enum Command {
    /// Collect, assess and report
    Scan(scan::Scan),
    /// Save what a cluster shows, for a later or air-gapped `scan --from`
    Capture(scan::Capture),
    /// Write an evidence file in other formats, without a cluster
    Render(render::Render),
    /// Show what changed between two evidence files of one cluster
    Diff(diff::Diff),
    /// Derive an evidence file again from itself, and check who signed it
    Verify(verify::Verify),
    /// List rules or controls
    List(list::List),
    /// Show the page of a rule or a control
    Explain(explain::Explain),
    /// Work with assessment plans
    Plan(plan::Plan),
    /// Print the least-privilege roles that the selected rules need
    Rbac(rbac::Rbac),
    /// Print shell completions
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the man page
    Man,
}

/// Runs the command; the error, if any, is for a person and means exit code 2.
pub async fn run(cli: Cli, surroundings: &Surroundings) -> anyhow::Result<ExitCode> {
    let terminal = cli.global.terminal(surroundings);
    match cli.command {
        Command::Scan(scan) => scan.run(surroundings, &terminal).await,
        Command::Capture(capture) => capture.run(surroundings, &terminal).await,
        Command::Render(render) => render.run(&terminal),
        Command::Diff(diff) => diff.run(&terminal),
        Command::Verify(verify) => verify.run(&terminal),
        Command::List(list) => list.run(),
        Command::Explain(explain) => explain.run(),
        Command::Plan(plan) => plan.run(surroundings, &terminal).await,
        Command::Rbac(rbac) => rbac.run(surroundings, &terminal).await,
        Command::Completions { shell } => {
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "sc39", &mut text);
            print(&text)
        }
        Command::Man => {
            let mut text = Vec::new();
            clap_mangen::Man::new(Cli::command()).render(&mut text)?;
            print(&text)
        }
    }
}

/// Writes a text to standard output; a reader that went away is no error.
fn print(text: &[u8]) -> anyhow::Result<ExitCode> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(ExitCode::SUCCESS),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definition_of_the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
