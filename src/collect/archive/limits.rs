//! Bounds on what a snapshot file may unpack to, so that a small hostile file cannot exhaust memory.

use std::cell::Cell;
use std::io::{self, Read};

/// JSON in one file. A cluster of 150,000 pods has about a tenth of it.
const BYTES: u64 = 4 << 30;

/// JSON in one member, projection or object. Objects of the API are below 2 MiB.
const ITEM_BYTES: u64 = 64 << 20;

/// Objects, and projections, in one file.
pub(super) const ITEMS: usize = 4_000_000;

/// What may still be read.
#[derive(Debug)]
pub(super) struct Allowance {
    of_file: Cell<u64>,
    of_item: Cell<u64>,
    exceeded: Cell<bool>,
}

impl Default for Allowance {
    fn default() -> Self {
        Self {
            of_file: Cell::new(BYTES),
            of_item: Cell::new(ITEM_BYTES),
            exceeded: Cell::new(false),
        }
    }
}

impl Allowance {
    /// Starts another member, projection or object.
    pub(super) fn next_item(&self) {
        self.of_item.set(ITEM_BYTES);
    }

    /// Whether reading ended because of a bound.
    pub(super) fn is_exceeded(&self) -> bool {
        self.exceeded.get()
    }

    fn take(&self, count: u64) -> io::Result<()> {
        for left in [&self.of_file, &self.of_item] {
            let Some(rest) = left.get().checked_sub(count) else {
                self.exceeded.set(true);
                return Err(io::Error::other("too much data"));
            };
            left.set(rest);
        }
        Ok(())
    }
}

/// Counts what is read. It stands below a buffer, so an item's bound is exact up to the size of that.
#[derive(Debug)]
pub(super) struct Limited<'a, R> {
    pub(super) inner: R,
    pub(super) allowance: &'a Allowance,
}

impl<R: Read> Read for Limited<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.allowance.take(count as u64)?;
        Ok(count)
    }
}
