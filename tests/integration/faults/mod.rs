//! An API server that misbehaves: whatever it does, no verdict turns around, nothing hangs, and nothing is half written.
//!
//! A [`proxy`] stands between the tool and a real API server and does to requests what a [`schedule`] says, drawn from
//! a seed. [`fault`] lists what can happen, [`invariant`] what must hold all the same.

mod answer;
mod fault;
mod invariant;
mod known;
mod program;
mod promises;
mod proxy;
mod schedule;

use std::collections::BTreeSet;
use std::fmt::Display;
use std::io::{self, Write as _};
use std::time::Duration;

use futures::StreamExt as _;
use sc39::kind::Kind;
use sc39::snapshot::{ReadStatus, Snapshot};

use fault::Fault;
use invariant::Ending;
use known::{Collected, GENEROUS, Known, NAMESPACES, SCOPES, TIMEOUT, judge, known};
use schedule::{ALWAYS, Schedule, Target};

/// The seed of every run that names no other.
const SEED: u64 = 39_000;
/// Schedules of a run that names no other count.
const SCHEDULES: u64 = 500;
/// Problems that are shown.
const SHOWN: usize = 30;
/// Collections that run at once.
const AT_ONCE: usize = 6;
/// What a collection may take besides the time-outs of the requests that meet a fault, on a busy machine.
const UNDISTURBED: Duration = Duration::from_mins(1);

/// A number from the environment.
#[expect(
    clippy::disallowed_methods,
    reason = "whoever runs the tests chooses the seed"
)]
fn chosen(name: &str, default: u64) -> u64 {
    let parse = |text: String| {
        text.parse()
            .unwrap_or_else(|error| panic!("{name} is {text}: {error}"))
    };
    std::env::var(name).map_or(default, parse)
}

/// The schedules of this run.
fn schedules() -> impl Iterator<Item = Schedule> {
    let seed = chosen("SC39_FAULT_SEED", SEED);
    let count = chosen("SC39_FAULT_SCHEDULES", SCHEDULES);
    (seed..seed + count).map(|seed| Schedule::draw(seed, SCOPES.len(), NAMESPACES))
}

/// What a run under a schedule came to.
struct Finding {
    problems: Vec<String>,
    is_refused: bool,
    gaps: usize,
    took: Duration,
}

#[test]
fn no_schedule_of_faults_turns_a_verdict_around() {
    let Some(known) = known() else { return };
    let runs = schedules().map(async |schedule| {
        let found = tokio::spawn(run(known, schedule.clone())).await;
        (schedule, found.expect("no collection panics"))
    });
    let runs = futures::stream::iter(runs).buffer_unordered(AT_ONCE);
    let runs: Vec<(Schedule, Finding)> = known.block_on(runs.collect());
    tell(&runs);
    let problems = runs.iter().flat_map(|(schedule, found)| {
        let problems = found.problems.iter();
        problems.map(move |problem| format!("{schedule}\n    {problem}"))
    });
    none(problems);
    let felt = runs
        .iter()
        .filter(|(_, found)| found.gaps > 0 || found.is_refused);
    assert!(
        runs.len() < 50 || felt.count() * 4 > runs.len(),
        "too few faults are felt"
    );
}

async fn run(known: &'static Known, schedule: Schedule) -> Finding {
    let collected = known.collect(&schedule, TIMEOUT).await;
    let mut problems = late(&collected);
    let judged = tokio::task::spawn_blocking(move || {
        let ending = judge(&collected.result, schedule.scope);
        (known.violations(schedule.scope, &ending), ending)
    });
    let (turned, ending) = judged.await.expect("no assessment panics");
    problems.extend(turned);
    let (is_refused, gaps) = match &ending {
        Ending::Refused(_) => (true, 0),
        Ending::Assessed(run) => (false, run.gaps().len()),
    };
    Finding {
        problems,
        is_refused,
        gaps,
        took: collected.took,
    }
}

/// Says when a collection took longer than it may: each question ends in time, however often it is asked, and may cost
/// one more time-out to see whether the server is there at all.
fn late(collected: &Collected) -> Vec<String> {
    let met = collected.met.iter().filter(|met| met.fault.is_some());
    let disturbed: BTreeSet<&str> = met.map(|met| met.path.as_str()).collect();
    let questions = u32::try_from(disturbed.len()).unwrap_or(u32::MAX);
    let bound = UNDISTURBED + 2 * TIMEOUT * questions;
    let took = collected.took;
    let is_late = (took > bound).then(|| format!("took {took:?}, more than {bound:?}"));
    is_late.into_iter().collect()
}

/// Says what ran, whether it passes or not.
fn tell(runs: &[(Schedule, Finding)]) {
    let seed = runs.iter().map(|(schedule, _)| schedule.seed).min();
    let refused = runs.iter().filter(|(_, found)| found.is_refused).count();
    let open = runs.iter().filter(|(_, found)| found.gaps > 0).count();
    let longest = runs.iter().map(|(_, found)| found.took).max();
    // Not `eprintln`, whose output is shown for failing tests only.
    let _ = writeln!(
        io::stderr(),
        "fault schedules: {} ran from seed {}: {open} left gaps, {refused} ended with exit 2, {} left nothing \
         unread; the longest took {:.1?}",
        runs.len(),
        seed.unwrap_or_default(),
        runs.len() - open - refused,
        longest.unwrap_or_default()
    );
}

/// Fails if there is any problem.
fn none(problems: impl Iterator<Item = impl Display>) {
    let problems: Vec<String> = problems.map(|problem| problem.to_string()).collect();
    let shown = &problems[..problems.len().min(SHOWN)];
    assert!(
        problems.is_empty(),
        "{} problems; SC39_FAULT_SEED=… SC39_FAULT_SCHEDULES=1 runs one schedule again\n{}",
        problems.len(),
        shown.join("\n")
    );
}

/// What a broken collector makes of a snapshot: it takes what it may not read for empty. The program has no such switch.
fn take_forbidden_for_empty(snapshot: &mut Snapshot) {
    for source in &mut snapshot.coverage.sources {
        if source.status == ReadStatus::Forbidden {
            source.status = ReadStatus::Read;
            source.http_status = Some(200);
            source.message = None;
        }
    }
}

#[test]
fn a_collector_that_takes_forbidden_for_empty_is_caught() {
    let Some(known) = known() else { return };
    let found_without = |kind: Kind| {
        let forbidden = Schedule::of(Fault::Refused(403), Target::Lists(kind), 0, ALWAYS);
        let collected = known.block_on(known.collect(&forbidden, GENEROUS));
        let mut snapshot = collected.result.expect("the other kinds can be read");
        let honest = judge(&Ok(snapshot.clone()), 0);
        let problems = known.violations(0, &honest);
        assert_eq!(problems, [] as [String; 0], "{kind}");
        take_forbidden_for_empty(&mut snapshot);
        known.violations(0, &judge(&Ok(snapshot), 0))
    };
    let kinds = [
        Kind::Namespace,
        Kind::Pod,
        Kind::Service,
        Kind::NetworkPolicy,
        Kind::MendixApp,
        Kind::PeerAuthentication,
    ];
    for kind in kinds {
        assert!(!found_without(kind).is_empty(), "{kind}");
    }
    let passed = found_without(Kind::RoleBinding);
    let is_pass = |problem: &String| problem.contains("exec-access") && problem.contains("pass");
    assert!(passed.iter().any(is_pass), "{passed:?}");
}
