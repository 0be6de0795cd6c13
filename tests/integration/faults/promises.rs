//! What becomes of a list that meets a fault.

use futures::StreamExt as _;
use sc39::collect::live::LiveError;
use sc39::kind::Kind;
use sc39::snapshot::ReadStatus;
use sc39::snapshot::ReadStatus::{Error, Forbidden, Read, Timeout, Truncated};
use sc39::snapshot::Verb;

use super::fault::Fault;
use super::known::{Collected, GENEROUS, TIMEOUT, known};
use super::none;
use super::schedule::{ALWAYS, Schedule, Target};

/// What becomes of the list of pods: `None` ends everything.
struct Promise {
    fault: Fault,
    /// When the first page that can meet the fault does so once, and when all pages meet it every time.
    first: [Option<ReadStatus>; 2],
    /// The same without the first page.
    second: [Option<ReadStatus>; 2],
}

const fn promise(fault: Fault, first: [ReadStatus; 2], second: [ReadStatus; 2]) -> Promise {
    let [once, always] = first;
    let [later_once, later_always] = second;
    Promise {
        fault,
        first: [Some(once), Some(always)],
        second: [Some(later_once), Some(later_always)],
    }
}

const PROMISES: &[Promise] = &[
    // What comes late or in pieces is read, as long as it comes in time.
    promise(Fault::Late(200), [Read, Read], [Read, Read]),
    promise(Fault::Drip(4096), [Read, Read], [Read, Read]),
    promise(
        Fault::Late(3000),
        [Timeout, Timeout],
        [Truncated, Truncated],
    ),
    promise(Fault::Drip(16), [Timeout, Timeout], [Truncated, Truncated]),
    promise(Fault::Huge, [Timeout, Timeout], [Truncated, Truncated]),
    // What may have been an accident is asked for again.
    promise(Fault::Dropped, [Read, Error], [Read, Truncated]),
    promise(Fault::Cut, [Read, Error], [Read, Truncated]),
    promise(Fault::Half, [Read, Error], [Read, Truncated]),
    promise(Fault::LoginPage, [Read, Error], [Read, Truncated]),
    promise(Fault::Garbage, [Read, Error], [Read, Truncated]),
    promise(Fault::Empty, [Read, Error], [Read, Truncated]),
    promise(Fault::Gzip, [Read, Error], [Read, Truncated]),
    promise(Fault::Busy(0), [Read, Error], [Read, Truncated]),
    promise(Fault::Refused(500), [Read, Error], [Read, Truncated]),
    promise(Fault::Refused(502), [Read, Error], [Read, Truncated]),
    promise(Fault::Refused(503), [Read, Error], [Read, Truncated]),
    promise(Fault::Refused(504), [Read, Error], [Read, Truncated]),
    // A server that wants to be left alone for longer than there is time is left alone.
    promise(Fault::Busy(3600), [Error, Error], [Truncated, Truncated]),
    // What will not change is taken for an answer.
    promise(
        Fault::Refused(403),
        [Forbidden, Forbidden],
        [Truncated, Truncated],
    ),
    promise(Fault::Refused(404), [Error, Error], [Truncated, Truncated]),
    // An expired token has the list read from its start again, once.
    promise(Fault::Refused(410), [Read, Truncated], [Read, Truncated]),
    // A list in which objects come twice may lack others, and one that does not end is left.
    promise(
        Fault::SamePage,
        [Truncated, Truncated],
        [Truncated, Truncated],
    ),
    promise(Fault::NoEnd, [Truncated, Truncated], [Truncated, Truncated]),
    Promise {
        fault: Fault::Refused(401),
        first: [None, None],
        second: [None, None],
    },
];

#[test]
fn every_fault_leaves_what_it_is_promised_to_leave() {
    let Some(known) = known() else { return };
    let left_out = Fault::ALL.iter().filter(|fault| {
        let mut promises = PROMISES.iter();
        **fault != Fault::Busy(1) && !promises.any(|promise| promise.fault == **fault)
    });
    assert_eq!(left_out.collect::<Vec<_>>(), [] as [&Fault; 0]);
    let cases = PROMISES.iter().flat_map(|promise| {
        let [once, always] = promise.first;
        let [later_once, later_always] = promise.second;
        let fault = promise.fault;
        [
            (fault, 0, 1, once),
            (fault, 0, ALWAYS, always),
            (fault, 1, 1, later_once),
            (fault, 1, ALWAYS, later_always),
        ]
    });
    let runs = cases.map(async |(fault, after, times, promised)| {
        let target = match after {
            0 => Target::Lists(Kind::Pod),
            _ => Target::FurtherPagesOf(Kind::Pod),
        };
        let schedule = Schedule::of(fault, target, 0, times);
        let is_cut_short = promised != Some(Read) && lasts(fault);
        let timeout = if is_cut_short { TIMEOUT } else { GENEROUS };
        let became = became(&known.collect(&schedule, timeout).await);
        // On a busy machine less may come in time.
        let is_kept = became == promised || (is_cut_short && became == Some(Timeout));
        (!is_kept).then(|| format!("{schedule}: {became:?} in place of {promised:?}"))
    });
    let runs = futures::stream::iter(runs).buffer_unordered(8);
    let problems: Vec<Option<String>> = known.block_on(runs.collect());
    none(problems.iter().flatten());
}

/// Whether nothing but the time allowed ends what the fault does.
fn lasts(fault: Fault) -> bool {
    matches!(
        fault,
        Fault::Late(3000) | Fault::Drip(16) | Fault::Huge | Fault::Dropped | Fault::Busy(0)
    )
}

/// What became of the list of pods over the whole cluster.
fn became(collected: &Collected) -> Option<ReadStatus> {
    let snapshot = match &collected.result {
        Ok(snapshot) => snapshot,
        Err(LiveError::Unauthorized { .. }) => return None,
        // On a busy machine not even the first answer may come in time.
        Err(LiveError::Unreachable { .. }) => return Some(Timeout),
        Err(error) => panic!("{error}"),
    };
    let mut sources = snapshot.coverage.sources.iter();
    let pods = sources.find(|source| {
        source.kind == Kind::Pod && source.verb == Verb::List && source.namespace.is_none()
    });
    pods.map(|source| source.status)
}
