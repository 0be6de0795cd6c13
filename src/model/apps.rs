//! Mendix apps: MendixApp objects, and apps that only their pods tell of.

use std::collections::BTreeMap;

use super::mendix::image_name;
use super::namespaces::{Namespaces, Tier, TierSource};
use super::pods::{PodGroup, Role};
use crate::kind::Kind;
use crate::plan::Plan;
use crate::projection::Projection;
use crate::projection::mendix::MendixApp;
use crate::projection::metadata::StringMap;
use crate::snapshot::Snapshot;

/// One app: an environment in a namespace.
#[derive(Debug)]
pub struct App<'s> {
    /// Its namespace.
    pub namespace: &'s str,
    /// Its name.
    pub name: String,
    /// Index and content of its MendixApp; `None` when only pods tell of it.
    pub object: Option<(usize, &'s MendixApp)>,
    /// Its pods, as indexes of groups.
    pub pods: Vec<usize>,
    /// Its tier: its own label, else the namespace's.
    pub tier: Option<Tier>,
    /// Where a tier of its own is stated, if it has one.
    pub own_tier: Option<TierSource>,
    /// Whether it is Private Mendix Platform itself.
    pub is_platform: bool,
}

/// Name of the platform's own MendixApp in Mendix' installation guide.
const PLATFORM_APP: &str = "mxplatform";
/// Image of the platform's own app.
const PLATFORM_IMAGE: &str = "mendix-private-platform";

/// All apps, by namespace and name.
pub(super) fn find<'s>(
    snapshot: &'s Snapshot,
    namespaces: &Namespaces<'s>,
    pods: &[PodGroup<'s>],
    plan: &Plan,
) -> Vec<App<'s>> {
    let mut apps: BTreeMap<(&'s str, String), App<'s>> = BTreeMap::new();
    for (index, object) in snapshot.of_kind(Kind::MendixApp) {
        let Projection::MendixApp(app) = object.projection.as_ref() else {
            continue;
        };
        let labels = &app.metadata.labels;
        let own = Tier::of_app(plan, object.namespace(), object.name(), labels);
        let key = (object.namespace(), object.name().to_owned());
        apps.insert(
            key.clone(),
            App {
                namespace: key.0,
                name: key.1,
                object: Some((index, app)),
                pods: Vec::new(),
                own_tier: own.as_ref().map(|(source, _)| source.clone()),
                tier: own
                    .map(|(_, tier)| tier)
                    .or_else(|| namespaces.tier(object.namespace()).cloned()),
                is_platform: object.name() == PLATFORM_APP,
            },
        );
    }
    for (index, pod) in pods
        .iter()
        .enumerate()
        .filter(|(_, pod)| pod.role == Role::App)
    {
        // A pod that names no app still belongs to one: its workload's name tells it from others.
        let claimed = pod.app.as_ref().and_then(|claim| claim.name());
        let name = claimed.unwrap_or(&pod.workload.1).to_owned();
        let key = (pod.namespace, name.clone());
        // What is left of an app that is gone is no app.
        if pod.is_finished() && !apps.contains_key(&key) {
            continue;
        }
        let app = apps.entry(key).or_insert_with(|| {
            let own = Tier::of_app(plan, pod.namespace, &name, &StringMap::new());
            App {
                namespace: pod.namespace,
                is_platform: name == PLATFORM_APP,
                name,
                object: None,
                pods: Vec::new(),
                own_tier: own.as_ref().map(|(source, _)| source.clone()),
                tier: own
                    .map(|(_, tier)| tier)
                    .or_else(|| namespaces.tier(pod.namespace).cloned()),
            }
        });
        app.is_platform |= is_platform_app(pod);
        app.pods.push(index);
    }
    apps.into_values().collect()
}

/// Whether pods run the platform's own app, whatever they are called.
pub(super) fn is_platform_app(pod: &PodGroup<'_>) -> bool {
    pod.lasting_containers()
        .any(|container| image_name(container.spec) == PLATFORM_IMAGE)
}
