//! Whether the file holds as many objects as were received.

use super::check::{Check, Findings};
use crate::kind::Kind;
use crate::snapshot::{ReadStatus, Snapshot, Verb};

/// Holds the objects of each kind against what its lists, files and gets brought.
pub(super) fn check(snapshot: &Snapshot, findings: &mut Findings) {
    for kind in Kind::ALL.iter().copied() {
        let held = snapshot.of_kind(kind).count() as u64;
        let unreadable = snapshot.coverage.unreadable.iter();
        let unreadable = unreadable.filter(|object| object.kind == kind).count() as u64;
        let sources = snapshot.coverage.sources.iter();
        let sources = sources.filter(|source| source.kind == kind);
        let (mut lists, mut all) = (0_u64, 0_u64);
        for source in sources {
            all = all.saturating_add(source.count);
            // A list that ended early may have brought objects twice, and a get may have been for a single field.
            if source.status == ReadStatus::Read && source.verb != Verb::Get {
                lists = lists.saturating_add(source.count);
            }
        }
        let message = if held + unreadable < lists {
            format!(
                "{kind}: {lists} were received, and the file holds {}",
                held + unreadable
            )
        } else if held > all {
            format!("{kind}: {all} were received, and the file holds {held}")
        } else {
            continue;
        };
        findings.add(Check::Population, "/coverage/sources", message);
    }
}
