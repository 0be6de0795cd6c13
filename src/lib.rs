//! Audits process isolation on Kubernetes clusters that run Private Mendix Platform, against FedRAMP control SC-39.
//!
//! Data flows one way:
//!
//! ```text
//! collect ─▶ Snapshot ─▶ Model ─▶ rules ─▶ Report ─▶ render
//!                          ▲        ▲
//!                        Plan    controls/ ─▶ Catalog
//! ```

pub mod assess;
pub mod canonical;
pub mod catalog;
pub mod cli;
pub mod collect;
pub mod compare;
pub mod declaration;
pub mod evidence;
pub mod gaps;
pub mod kind;
pub mod model;
pub mod plan;
mod pool;
pub mod projection;
pub mod render;
pub mod report;
pub mod rules;
pub mod schema;
pub mod signing;
pub mod snapshot;
pub mod verify;
pub mod waivers;

#[cfg(test)]
pub(crate) mod testing;

/// Makes visible what a terminal would act upon, or hide.
pub fn escape(text: &str) -> std::borrow::Cow<'_, str> {
    render::escape::visible(text)
}
