//! Tests against real servers and of the whole program.

mod baseline;
mod bench;
mod browser;
mod cli;
mod faults;
mod formats;
mod hostile;
mod live;
mod pipelines;
mod reachability;
mod rules;
mod servers;
mod signing;

/// Counts what is allocated, for the figures of `scripts/bench`.
#[global_allocator]
static HEAP: peak_alloc::PeakAlloc = peak_alloc::PeakAlloc;
