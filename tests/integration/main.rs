//! Tests against real servers and of the whole program.

mod rules;
