//! Tenancy: what keeps one app and one environment from another.

mod dedicated_storage;
mod dtap_mode;
mod environment_tier;
mod namespace_isolation;
mod single_operator;

use super::Rule;

/// The rules of this group, in the order of reports.
pub(super) static RULES: &[&Rule] = &[
    &namespace_isolation::RULE,
    &environment_tier::RULE,
    &single_operator::RULE,
    &dtap_mode::RULE,
    &dedicated_storage::RULE,
];
