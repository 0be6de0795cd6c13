//! Tenancy: what keeps one app and one environment from another.

mod dedicated_storage;
mod dtap_mode;
mod environment_tier;
mod namespace_isolation;
mod single_operator;

use super::{Observation, Rule};
use crate::model::{App, Model, TierSource};

/// The rules of this group, in the order of reports.
pub(super) static RULES: &[&Rule] = &[
    &namespace_isolation::RULE,
    &environment_tier::RULE,
    &single_operator::RULE,
    &dtap_mode::RULE,
    &dedicated_storage::RULE,
];

/// A label as a JSON pointer names it.
fn label_pointer(label: &str) -> String {
    format!("/metadata/labels/{}", label.replace('/', "~1"))
}

impl Observation {
    /// Adds what states the tier of the namespace that it is about.
    fn read_tier_of(self, model: &Model<'_>, namespace: &str) -> Self {
        let Some(namespace) = model.namespaces.get(namespace) else {
            return self;
        };
        match (&namespace.tier, namespace.object) {
            (Some((TierSource::Plan(pointer), _)), _) => self.read_plan_value(model, pointer),
            (Some((TierSource::Label(label), _)), Some(_)) => {
                self.read(label_pointer(label), namespace.labels.get(*label))
            }
            (Some((TierSource::Label(_), _)), None) | (None, _) => self,
        }
    }

    /// Adds what states the tier of the namespace that its subject lives in.
    fn read_tier_in(self, model: &Model<'_>, namespace: &str) -> Self {
        let Some(namespace) = model.namespaces.get(namespace) else {
            return self;
        };
        match (&namespace.tier, namespace.object) {
            (Some((TierSource::Plan(pointer), _)), _) => self.read_plan_value(model, pointer),
            (Some((TierSource::Label(label), _)), Some(object)) => {
                let value = namespace.labels.get(*label);
                self.read_of(object, label_pointer(label), value)
            }
            (Some((TierSource::Label(_), _)), None) | (None, _) => self,
        }
    }

    /// Adds what states a tier of the app's own.
    fn read_own_tier(self, model: &Model<'_>, app: &App<'_>) -> Self {
        match (&app.own_tier, app.object) {
            (Some(TierSource::Plan(pointer)), _) => self.read_plan_value(model, pointer),
            (Some(TierSource::Label(label)), Some((index, object))) => self.read_of(
                index,
                label_pointer(label),
                object.metadata.labels.get(*label),
            ),
            (Some(TierSource::Label(_)), None) | (None, _) => self,
        }
    }

    /// Adds what stands in the plan at a pointer.
    fn read_plan_value(self, model: &Model<'_>, pointer: &str) -> Self {
        self.read_plan(pointer, model.plan.value_at(pointer))
    }
}
