//! What a run of a program took.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Ticks of the clock that the kernel counts processor time in; Linux has 100 a second on every architecture.
const TICKS: f64 = 100.0;

/// One run.
pub(super) struct Run {
    pub(super) wall: Duration,
    /// Seconds of processor time in the program, and in the kernel for it.
    pub(super) user: f64,
    pub(super) system: f64,
    /// Largest resident memory, in KiB.
    pub(super) peak: u64,
    pub(super) code: Option<i32>,
}

/// Runs a program to its end, which must be one of verdicts.
pub(super) fn run<S: AsRef<OsStr>>(program: &Path, arguments: &[S]) -> Run {
    let started = Instant::now();
    let mut child = Command::new(program)
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::inherit())
        .spawn()
        .expect("the program runs");
    let (mut peak, mut user, mut system) = (0, 0.0, 0.0);
    let status = loop {
        peak = peak.max(high_water(child.id()));
        if let Some(times) = times(child.id()) {
            (user, system) = times;
        }
        if let Some(status) = child.try_wait().expect("the program can be waited for") {
            break status;
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    let wall = started.elapsed();
    assert!(
        matches!(status.code(), Some(0 | 1 | 3)),
        "it came to an end: {status}"
    );
    Run {
        wall,
        user,
        system,
        peak,
        code: status.code(),
    }
}

fn high_water(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let fields: BTreeMap<&str, &str> = status
        .lines()
        .filter_map(|line| line.split_once(':'))
        .collect();
    let field = fields
        .get("VmHWM")
        .and_then(|value| value.split_whitespace().next());
    field.and_then(|value| value.parse().ok()).unwrap_or(0)
}

/// `utime` and `stime` of `/proc/PID/stat`, the 14th and 15th field; the second is a name in parentheses.
fn times(process: u32) -> Option<(f64, f64)> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut seconds = || Some(fields.next()?.parse::<f64>().ok()? / TICKS);
    Some((seconds()?, seconds()?))
}
