//! Whether there are as many objects as were received.

use super::{ReadStatus, Snapshot, Verb};
use crate::kind::Kind;

impl Snapshot {
    /// The objects of each kind against what its lists, files and gets brought: in words, where they differ.
    pub fn miscounted(&self) -> impl Iterator<Item = String> {
        Kind::ALL.iter().filter_map(|kind| self.miscount(*kind))
    }

    fn miscount(&self, kind: Kind) -> Option<String> {
        let held = self.of_kind(kind).count() as u64;
        let unreadable = self.coverage.unreadable.iter();
        let unreadable = unreadable.filter(|object| object.kind == kind).count() as u64;
        let sources = self.coverage.sources.iter();
        let (mut lists, mut all) = (0_u64, 0_u64);
        for source in sources.filter(|source| source.kind == kind) {
            all = all.saturating_add(source.count);
            // A list that ended early may have brought objects twice, and a get may have been for a single field.
            if source.status == ReadStatus::Read && source.verb != Verb::Get {
                lists = lists.saturating_add(source.count);
            }
        }
        let (received, there) = if held + unreadable < lists {
            (lists, held + unreadable)
        } else if held > all {
            (all, held)
        } else {
            return None;
        };
        Some(format!(
            "{kind}: {received} were received, and the file holds {there}"
        ))
    }
}
