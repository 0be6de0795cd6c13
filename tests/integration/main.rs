//! Tests against real servers and of the whole program.

mod bench;
mod cli;
mod live;
mod reachability;
mod rules;
mod servers;

/// Counts what is allocated, for the figures of `scripts/bench`.
#[global_allocator]
static HEAP: peak_alloc::PeakAlloc = peak_alloc::PeakAlloc;
