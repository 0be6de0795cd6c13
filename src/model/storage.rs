//! Storage plans: which apps use which, and whether a plan keeps their data apart.

use std::collections::{BTreeMap, BTreeSet};

use super::{App, Model};
use crate::kind::Kind;
use crate::projection::Projection;
use crate::projection::metadata::Scalar;
use crate::projection::storage::{StorageInstance, StoragePlan};

/// What an app stores by a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// Its database.
    Database,
    /// Its files.
    Files,
    /// One of the two; the object that names the plan does not say which.
    Storage,
}

impl Purpose {
    /// In words.
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::Database => "database",
            Self::Files => "files",
            Self::Storage => "storage",
        }
    }
}

/// A plan that an app uses, and where that is said.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PlanUse {
    /// What for.
    pub purpose: Purpose,
    /// Name of the StoragePlan, in the app's namespace.
    pub plan: String,
    /// Index of the MendixApp or `StorageInstance`.
    pub object: usize,
    /// JSON pointer to the name.
    pub pointer: String,
}

/// How a plan serves several apps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlanClass {
    /// A user and a database or bucket of its own for each app.
    Automated,
    /// In the memory of the app itself.
    Ephemeral,
    /// For one app at a time.
    Dedicated,
    /// Several apps with the same credentials in one place.
    Basic,
    /// `type` or `provisioner` is not set.
    Unstated,
    /// A value that Mendix' pages do not name.
    Unrecognised,
}

/// Plans and their users, by namespace.
#[derive(Debug)]
pub struct Storage {
    /// Apps by namespace and plan, as indexes.
    users: BTreeMap<(String, String), BTreeSet<usize>>,
    /// What each app uses.
    uses: Vec<Vec<PlanUse>>,
}

impl Storage {
    /// Reads the plans of all apps.
    pub fn new(model: &Model<'_>) -> Self {
        let instances = instances(model);
        let uses: Vec<Vec<PlanUse>> = model
            .apps
            .iter()
            .map(|app| {
                let key = (app.namespace, app.name.as_str());
                let own = of_app(app).into_iter();
                let mut uses: Vec<PlanUse> = own
                    .chain(instances.get(&key).into_iter().flatten().cloned())
                    .collect();
                uses.sort();
                uses
            })
            .collect();
        let mut by_plan: BTreeMap<(String, String), BTreeSet<usize>> = BTreeMap::new();
        for (index, (app, uses)) in model.apps.iter().zip(&uses).enumerate() {
            for plan_use in uses {
                let key = (app.namespace.to_owned(), plan_use.plan.clone());
                by_plan.entry(key).or_default().insert(index);
            }
        }
        Self {
            users: by_plan,
            uses,
        }
    }

    /// The plans that an app uses.
    pub fn uses(&self, app: usize) -> &[PlanUse] {
        self.uses.get(app).map_or(&[], Vec::as_slice)
    }

    /// The other apps that use a plan.
    pub fn others(&self, namespace: &str, plan: &str, app: usize) -> Vec<usize> {
        let users = self.users.get(&(namespace.to_owned(), plan.to_owned()));
        let users = users.into_iter().flatten().copied();
        users.filter(|user| *user != app).collect()
    }
}

fn of_app(app: &App<'_>) -> Vec<PlanUse> {
    let Some((object, mendix_app)) = app.object else {
        return Vec::new();
    };
    let spec = &mendix_app.spec;
    let places = [
        (
            Purpose::Database,
            &spec.database,
            "/spec/database/servicePlan",
        ),
        (Purpose::Files, &spec.storage, "/spec/storage/servicePlan"),
    ];
    places
        .into_iter()
        .filter_map(|(purpose, storage, pointer)| {
            let plan = storage.service_plan.as_deref()?;
            (!plan.is_empty()).then(|| PlanUse {
                purpose,
                plan: plan.to_owned(),
                object,
                pointer: pointer.to_owned(),
            })
        })
        .collect()
}

/// What `StorageInstance` objects say, by namespace and app. The operator never changes one, so it may still name a plan that its
/// app no longer does.
fn instances<'m>(model: &'m Model<'_>) -> BTreeMap<(&'m str, &'m str), Vec<PlanUse>> {
    let mut instances: BTreeMap<(&str, &str), Vec<PlanUse>> = BTreeMap::new();
    for (index, object) in model.snapshot.of_kind(Kind::StorageInstance) {
        let Projection::StorageInstance(instance) = object.projection.as_ref() else {
            continue;
        };
        let (app, purpose) = owner(instance, object.name());
        for (path, plan) in &instance.spec.0 {
            let Scalar::Text(plan) = plan else {
                continue;
            };
            let place = PlanUse {
                purpose,
                plan: plan.clone(),
                object: index,
                pointer: format!("/spec/{}", path.replace('~', "~0").replace('/', "~1")),
            };
            instances
                .entry((object.namespace(), app))
                .or_default()
                .push(place);
        }
    }
    instances
}

/// The operator names an instance after its app and purpose, and makes the app its owner.
fn owner<'i>(instance: &'i StorageInstance, name: &'i str) -> (&'i str, Purpose) {
    let (by_name, purpose) = if let Some(app) = name.strip_suffix("-database") {
        (app, Purpose::Database)
    } else if let Some(app) = name.strip_suffix("-file") {
        (app, Purpose::Files)
    } else {
        (name, Purpose::Storage)
    };
    let mut owners = instance.metadata.owner_references.iter();
    let owner = owners.find(|owner| owner.kind == "MendixApp");
    (owner.map_or(by_name, |owner| owner.name.as_str()), purpose)
}

/// The class of a plan, by `spec.type` and `spec.provisioner`, in the words of Mendix' pages on storage plans.
pub fn class(plan: &StoragePlan) -> PlanClass {
    let word = |key| {
        let text = plan.spec.text(key).unwrap_or_default();
        text.trim().to_ascii_lowercase()
    };
    let (plan_type, provisioner) = (word("type"), word("provisioner"));
    match (plan_type.as_str(), provisioner.as_str()) {
        ("dedicated", _) => PlanClass::Dedicated,
        (_, "basic") => PlanClass::Basic,
        (_, "ephemeral") => PlanClass::Ephemeral,
        ("on-demand", provisioner) if is_automated(provisioner) => PlanClass::Automated,
        ("" | "on-demand", "") => PlanClass::Unstated,
        ("", provisioner) if is_automated(provisioner) => PlanClass::Unstated,
        _ => PlanClass::Unrecognised,
    }
}

/// Provisioners that make a user and a database or bucket for each app; a number is the oldest version they speak to.
fn is_automated(provisioner: &str) -> bool {
    let name = provisioner.trim_end_matches(|letter: char| letter.is_ascii_digit());
    ["minio", "postgres", "sqlserver"].contains(&name) || provisioner == "s3"
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn classes_follow_the_pages_on_storage_plans() {
        let table = [
            ("on-demand", "postgres96", PlanClass::Automated),
            ("On-Demand ", "Postgres", PlanClass::Automated),
            ("on-demand", "sqlserver2017", PlanClass::Automated),
            ("on-demand", "minio", PlanClass::Automated),
            ("on-demand", "s3", PlanClass::Automated),
            ("on-demand", "s3-existing-bucket", PlanClass::Unrecognised),
            ("on-demand", "basic", PlanClass::Basic),
            ("", "basic", PlanClass::Basic),
            ("dedicated", "basic", PlanClass::Dedicated),
            ("dedicated", "", PlanClass::Dedicated),
            ("dedicated", "anything", PlanClass::Dedicated),
            ("on-demand", "ephemeral", PlanClass::Ephemeral),
            ("", "postgres96", PlanClass::Unstated),
            ("on-demand", "", PlanClass::Unstated),
            ("", "", PlanClass::Unstated),
            ("on-demand", "cos", PlanClass::Unrecognised),
            ("shared", "postgres96", PlanClass::Unrecognised),
        ];
        for (plan_type, provisioner, expected) in table {
            let spec = json!({"type": plan_type, "provisioner": provisioner});
            let plan = serde_json::from_value(json!({ "spec": spec })).unwrap();
            assert_eq!(class(&plan), expected, "{plan_type} {provisioner}");
        }
    }
}
