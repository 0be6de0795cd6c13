//! Resources: what keeps one app from taking the CPU and memory of another.

mod memory_guarantee;
mod resource_limits;

use super::Rule;

/// The rules of this group, in the order of reports.
pub(super) static RULES: &[&Rule] = &[&resource_limits::RULE, &memory_guarantee::RULE];
