//! `sc39`: reads the clock, the environment and the terminal, and sets the exit code. The rest is in the library.

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

use clap::Parser as _;
use sc39::cli::{self, Cli, Surroundings};

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no errors; a usage error is 2, as clap has it.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    let surroundings = surroundings();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error.into()),
    };
    runtime.spawn(end_on_signal());
    let outcome = runtime.block_on(cli::run(cli, &surroundings));
    runtime.shutdown_background();
    outcome.unwrap_or_else(|error| failed(&error))
}

fn failed(error: &anyhow::Error) -> ExitCode {
    let message = format!("{error:#}");
    // The message may quote a file or a server, which could be made to drive the terminal.
    let _ = writeln!(std::io::stderr(), "error: {}", sc39::escape(&message));
    ExitCode::from(2)
}

/// Ends at once on Ctrl-C or when asked to terminate, also in the middle of work that does not wait; nothing half-written stays behind.
#[expect(
    clippy::exit,
    reason = "the only way to end work that runs on another thread"
)]
async fn end_on_signal() {
    let Some(why) = signalled().await else {
        return;
    };
    cli::discard_pending();
    let _ = writeln!(std::io::stderr(), "error: {why}");
    std::process::exit(2);
}

/// Waits for a signal that asks to end; `None` where none can be waited for.
#[cfg(unix)]
async fn signalled() -> Option<&'static str> {
    use tokio::signal::unix::{SignalKind, signal};

    // Job runners and kubelets end a process with SIGTERM.
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return interrupted().await;
    };
    tokio::select! {
        why = interrupted() => why,
        received = terminate.recv() => received.map(|()| "terminated"),
    }
}

/// Waits for a signal that asks to end; `None` where none can be waited for.
#[cfg(not(unix))]
async fn signalled() -> Option<&'static str> {
    interrupted().await
}

async fn interrupted() -> Option<&'static str> {
    tokio::signal::ctrl_c().await.ok().map(|()| "interrupted")
}

#[expect(
    clippy::disallowed_methods,
    reason = "main is where clock and environment are read"
)]
fn surroundings() -> Surroundings {
    let columns = std::env::var("COLUMNS")
        .ok()
        .and_then(|columns| columns.parse().ok());
    let stdout_is_terminal = std::io::stdout().is_terminal();
    Surroundings {
        now: chrono::Utc::now,
        command: std::env::args().collect(),
        stdout_is_terminal,
        stderr_is_terminal: std::io::stderr().is_terminal(),
        no_color: std::env::var("NO_COLOR").is_ok_and(|value| !value.is_empty()),
        kubeconfig_list: std::env::var_os("KUBECONFIG")
            .map(|list| {
                std::env::split_paths(&list)
                    .filter(|path| !path.as_os_str().is_empty())
                    .collect()
            })
            .unwrap_or_default(),
        width: columns,
    }
}
