//! Runs every fixture, and whatever fuzzing found, through the bodies of the fuzz targets.

use std::panic;

use super::{seeds, targets};

/// Replays all inputs of a target; the names of those that break it.
fn broken(target: &str) -> Vec<String> {
    let (_, body) = targets::TARGETS
        .iter()
        .find(|(name, _)| *name == target)
        .expect("there is such a target");
    let inputs: Vec<(String, Vec<u8>)> = seeds::of(target)
        .into_iter()
        .chain(seeds::kept(target))
        .collect();
    assert!(inputs.len() > 2, "{target} has hardly any inputs");
    let of_worker = |worker: usize| {
        let inputs = inputs.iter().skip(worker).step_by(WORKERS);
        let broken = inputs.filter(|(_, bytes)| panic::catch_unwind(|| body(bytes)).is_err());
        broken.map(|(name, _)| name.clone()).collect::<Vec<_>>()
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS)
            .map(|worker| scope.spawn(move || of_worker(worker)))
            .collect();
        let found = workers.into_iter().map(std::thread::ScopedJoinHandle::join);
        found
            .flat_map(|found| found.expect("panics are caught"))
            .collect()
    })
}

const WORKERS: usize = 2;

#[test]
fn plans_and_waivers_break_nothing() {
    assert_eq!(broken("declarations"), [""; 0]);
}

#[test]
fn evidence_breaks_nothing() {
    assert_eq!(broken("evidence"), [""; 0]);
}

#[test]
fn manifests_break_nothing() {
    assert_eq!(broken("manifests"), [""; 0]);
}

#[test]
fn quantities_break_nothing() {
    assert_eq!(broken("quantities"), [""; 0]);
}

#[test]
fn whole_scans_break_nothing() {
    assert_eq!(broken("scan"), [""; 0]);
}

#[test]
fn selectors_break_nothing() {
    assert_eq!(broken("selectors"), [""; 0]);
}

#[test]
fn snapshots_break_nothing() {
    assert_eq!(broken("snapshot"), [""; 0]);
}
