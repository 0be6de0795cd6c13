//! Tests against real servers and of the whole program.

mod bench;
mod browser;
mod cli;
mod live;
mod reachability;
mod rules;
mod servers;
