//! Tests against real servers and of the whole program.

mod bench;
mod live;
mod servers;
