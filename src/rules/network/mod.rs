//! What can reach what: ports, policies, and the paths between pods.

mod admin_port_exposure;
mod admin_port_reachability;
mod admin_port_separation;
mod app_isolation;
mod default_deny;
mod management_isolation;
mod network_policy_enforcement;
pub(super) mod paths;
mod tier_isolation;

use super::Rule;

/// The rules of this group, in the order of reports.
pub(super) static RULES: &[&Rule] = &[
    &network_policy_enforcement::RULE,
    &default_deny::RULE,
    &tier_isolation::RULE,
    &app_isolation::RULE,
    &management_isolation::RULE,
    &admin_port_separation::RULE,
    &admin_port_exposure::RULE,
    &admin_port_reachability::RULE,
];

#[cfg(test)]
mod tests {
    use crate::model::Model;
    use crate::rules::{Observation, ReadFrom, Subject};

    /// Every value read stands where the observation says.
    pub(super) fn assert_repeatable(model: &Model<'_>, observation: &Observation) {
        let (subject, place) = match &observation.subject {
            Subject::Object(index) => (*index, ""),
            Subject::Pods(group) => {
                let pod = &model.pods[*group];
                (pod.members[0], pod.template.unwrap_or_default())
            }
            Subject::Cluster | Subject::Namespace(_) => panic!("rules here name objects"),
        };
        for read in &observation.reads {
            let (index, place) = match read.from {
                ReadFrom::Subject => (subject, place),
                ReadFrom::Object(index) => (index, ""),
                ReadFrom::Plan => {
                    assert_eq!(model.plan.value_at(&read.pointer), read.value.as_ref());
                    continue;
                }
            };
            let object = serde_json::to_value(&model.object(index).projection).unwrap();
            let pointer = format!("{place}{}", read.pointer);
            let found = object.pointer(&pointer).filter(|value| !value.is_null());
            assert_eq!(found, read.value.as_ref(), "{pointer} of {object}");
        }
    }
}
