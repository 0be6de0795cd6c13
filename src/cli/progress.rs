//! Progress bars on standard error, on a terminal only.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::collect::live::Progress;
use crate::kind::Kind;
use crate::snapshot::ReadStatus;

/// One bar for each kind that is being listed.
#[derive(Debug)]
pub(super) struct Bars {
    all: MultiProgress,
    by_kind: Mutex<BTreeMap<Kind, ProgressBar>>,
}

/// Shows nothing.
#[derive(Debug)]
pub(super) struct Silent;

/// Bars, or nothing.
pub(super) fn new(visible: bool) -> Box<dyn Progress> {
    if visible {
        Box::new(Bars {
            all: MultiProgress::new(),
            by_kind: Mutex::default(),
        })
    } else {
        Box::new(Silent)
    }
}

impl Progress for Silent {
    fn started(&self, _: Kind) {}
    fn page(&self, _: Kind, _: u64, _: Option<u64>) {}
    fn finished(&self, _: Kind, _: ReadStatus) {}
}

impl Progress for Bars {
    fn started(&self, kind: Kind) {
        let style = ProgressStyle::with_template("{prefix:>24} {bar:24} {pos}/{len}")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = self.all.add(
            ProgressBar::new(0)
                .with_style(style)
                .with_prefix(kind.name()),
        );
        self.by_kind
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(kind, bar);
    }

    fn page(&self, kind: Kind, objects: u64, remaining: Option<u64>) {
        let bars = self.by_kind.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bar) = bars.get(&kind) {
            bar.set_length(objects + remaining.unwrap_or(0));
            bar.set_position(objects);
        }
    }

    fn finished(&self, kind: Kind, _: ReadStatus) {
        let bar = self
            .by_kind
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&kind);
        if let Some(bar) = bar {
            bar.finish_and_clear();
            self.all.remove(&bar);
        }
    }
}
