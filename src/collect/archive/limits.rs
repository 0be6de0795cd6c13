//! Bounds on what a snapshot file may unpack to, so that a small hostile file cannot exhaust memory.

use std::cell::Cell;
use std::io::{self, Read};

/// JSON in one file. A cluster of 150,000 pods has about a tenth of it.
const BYTES: u64 = 4 << 30;

/// JSON for each byte of the file. Pods that differ in nothing but their names have some fifty.
const RATIO: u64 = 500;

/// JSON in a file of any size.
const FREE_BYTES: u64 = 32 << 20;

/// JSON in one member outside the lists.
const MEMBER_BYTES: u64 = 32 << 20;

/// JSON in one projection or object. Objects of the API are below 2 MiB.
const ITEM_BYTES: u64 = 8 << 20;

/// Objects, and projections, in one file.
pub(super) const ITEMS: usize = 2_000_000;

/// What may still be read.
#[derive(Debug)]
pub(super) struct Allowance {
    of_file: Cell<u64>,
    of_item: Cell<u64>,
    packed: Cell<u64>,
    unpacked: Cell<u64>,
    exceeded: Cell<bool>,
}

impl Default for Allowance {
    fn default() -> Self {
        Self {
            of_file: Cell::new(BYTES),
            of_item: Cell::new(MEMBER_BYTES),
            packed: Cell::new(0),
            unpacked: Cell::new(0),
            exceeded: Cell::new(false),
        }
    }
}

impl Allowance {
    /// Starts another member.
    pub(super) fn next_member(&self) {
        self.of_item.set(MEMBER_BYTES);
    }

    /// Starts another projection or object.
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
                return Err(self.exceed());
            };
            left.set(rest);
        }
        self.unpacked.set(self.unpacked.get() + count);
        if self.unpacked.get() > FREE_BYTES + RATIO.saturating_mul(self.packed.get()) {
            return Err(self.exceed());
        }
        Ok(())
    }

    fn exceed(&self) -> io::Error {
        self.exceeded.set(true);
        io::Error::other("too much data")
    }
}

/// Counts what is read of the file itself.
#[derive(Debug)]
pub(super) struct Packed<'a, R> {
    pub(super) inner: R,
    pub(super) allowance: &'a Allowance,
}

impl<R: Read> Read for Packed<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        let packed = &self.allowance.packed;
        packed.set(packed.get() + count as u64);
        Ok(count)
    }
}

/// Counts what is unpacked. It stands below a buffer, so an item's bound is exact up to the size of that.
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
