//! Tests against real servers and of the whole program.

mod bench;
mod cli;
mod live;
mod rules;
mod servers;
