//! Tests against real servers and of the whole program.

mod bench;
mod cli;
mod formats;
mod live;
mod reachability;
mod rules;
mod servers;
