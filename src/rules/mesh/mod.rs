//! Mutual TLS: what the mesh enforces as a whole, on each port, and who is in it.

mod global_strict_mtls;
mod linkerd_words;
mod mesh_client_tls;
mod mesh_enrolment;
#[cfg(test)]
mod tests;
mod words;
mod workload_strict_mtls;

use super::{Observation, Rule};
use crate::model::mesh::Fact;

/// The rules of this group, in the order of reports.
pub(super) static RULES: &[&Rule] = &[
    &global_strict_mtls::RULE,
    &workload_strict_mtls::RULE,
    &mesh_enrolment::RULE,
    &mesh_client_tls::RULE,
];

impl Observation {
    /// Adds the values that the model decided from.
    fn facts(mut self, facts: impl IntoIterator<Item = Fact>) -> Self {
        for Fact {
            object,
            pointer,
            value,
        } in facts
        {
            self = match object {
                None => self.read(pointer, value),
                Some(object) => self.read_of(object, pointer, value),
            };
        }
        self
    }
}
