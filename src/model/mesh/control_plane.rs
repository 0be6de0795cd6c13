//! Istio's control planes, their mesh configuration, and which objects they read.

use std::collections::BTreeMap;

use super::super::mendix;
use super::super::namespaces::Namespaces;
use super::super::pods::PodGroup;
use super::super::selector::{self, Labels};
use super::{Doubt, Fact};
use crate::gaps::{Gaps, Missing};
use crate::kind::Kind;
use crate::projection::metadata::StringMap;
use crate::projection::rbac::LabelSelector;
use crate::projection::{Metadata, Projection};
use crate::snapshot::{Mode, Snapshot};

/// Root namespace when the mesh configuration names none, wherever the control plane runs
/// (istio `pkg/config/mesh/mesh.go`).
const ROOT_NAMESPACE: &str = "istio-system";
/// Revision of a control plane that is given none.
pub const DEFAULT_REVISION: &str = "default";
/// Label that ties objects to one revision.
pub const REVISION_LABEL: &str = "istio.io/rev";
/// Variable of istiod with the name of a second ConfigMap (istio `pilot/pkg/features/pilot.go`).
const SHARED_CONFIG: &str = "SHARED_MESH_CONFIG";
/// Label with the name of a namespace, which the API sets and nobody can change.
const NAME_LABEL: &str = "kubernetes.io/metadata.name";

/// One revision of istiod in one namespace.
#[derive(Debug)]
pub struct ControlPlane<'s> {
    /// Where it runs.
    pub namespace: &'s str,
    /// Its revision.
    pub revision: String,
    /// Its mesh configuration, or why it is not known.
    pub config: Result<Config<'s>, Missing>,
    /// Where its revision is written.
    pub revision_fact: Option<Fact>,
    /// Where it is told to read a second mesh configuration, which is not read here.
    shared_fact: Option<Fact>,
    /// Whether it runs without a revision, and so reads the objects of all.
    reads_all_revisions: bool,
    /// With discovery selectors: whether the objects of each namespace are read.
    discovered: BTreeMap<&'s str, Discovered<'s>>,
}

/// Whether discovery selectors match a namespace.
#[derive(Debug)]
struct Discovered<'s> {
    matched: Result<bool, Doubt>,
    object: Option<usize>,
    labels: &'s StringMap,
}

/// The part of a mesh configuration that decides which policies count.
#[derive(Debug)]
pub struct Config<'s> {
    /// Namespace whose policies without a selector count for the whole mesh.
    pub root_namespace: &'s str,
    /// Namespaces whose objects are read, the root namespace included; none means all.
    pub discovery_selectors: &'s [LabelSelector],
    /// Index of the ConfigMap; absent when there is none and the built-in values count.
    pub object: Option<usize>,
    /// Whether clients send mutual TLS by themselves; absent means that they do.
    pub enable_auto_mtls: Option<bool>,
    /// Whether the ConfigMap names the root namespace.
    states_root: bool,
}

/// Whether a control plane reads an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// It does.
    Yes,
    /// It does not.
    No,
    /// It can't be told.
    Unknown(Doubt),
}

/// What is known of a control plane before its configuration is looked up.
#[derive(Debug, Default)]
struct Found {
    fact: Option<Fact>,
    reads_all_revisions: bool,
    /// Where it is told to read a second mesh configuration.
    shared: Option<Fact>,
}

/// Name of the ConfigMap with the mesh configuration of a revision
/// (istio `manifests/charts/istio-control/istio-discovery/templates/configmap.yaml`).
pub fn config_map_name(revision: &str) -> String {
    if revision == DEFAULT_REVISION {
        "istio".to_owned()
    } else {
        format!("istio-{revision}")
    }
}

/// All control planes, by namespace and revision.
pub(super) fn find<'s>(
    snapshot: &'s Snapshot,
    gaps: &Gaps,
    namespaces: &Namespaces<'s>,
    pods: &[PodGroup<'s>],
) -> Vec<ControlPlane<'s>> {
    let files = is_files(snapshot);
    let mut found: BTreeMap<(&'s str, String), Found> = BTreeMap::new();
    for pod in pods.iter().filter(|pod| is_istiod(pod, files)) {
        let (revision, control_plane) = of_pod(pod);
        found
            .entry((pod.namespace, revision))
            .or_insert(control_plane);
    }
    // Files may hold the configuration without the control plane. Where they hold the latter, or an injector that calls
    // another cluster, a ConfigMap tells of no further one.
    if files && !pods.iter().any(mendix::is_istiod) && !injector_is_remote(snapshot) {
        for key in of_config_maps(snapshot) {
            found.entry(key).or_default();
        }
    }
    found
        .into_iter()
        .map(|((namespace, revision), found)| {
            let config = match found.shared {
                // What stands in the second one, and not in the first, counts too, and is never read.
                Some(_) => Err(Missing::NotCollected),
                None => config(snapshot, gaps, namespace, &revision),
            };
            let discovered = config.as_ref().map_or_else(
                |_| BTreeMap::new(),
                |config| discovered(config.discovery_selectors, namespaces),
            );
            ControlPlane {
                namespace,
                revision,
                config,
                revision_fact: found.fact,
                shared_fact: found.shared,
                reads_all_revisions: found.reads_all_revisions,
                discovered,
            }
        })
        .collect()
}

fn is_files(snapshot: &Snapshot) -> bool {
    match snapshot.origin.mode {
        Mode::Live => false,
        Mode::Manifests | Mode::Demo => true,
    }
}

/// A running istiod; in files also a template that pods will be made from.
fn is_istiod(pod: &PodGroup<'_>, files: bool) -> bool {
    mendix::is_istiod(pod)
        && !pod.is_finished()
        && (!pod.is_template() || files && pod.replicas != Some(0))
}

/// Where a variable of istiod is written, and its value.
fn variable(pod: &PodGroup<'_>, name: &str) -> Option<(Option<Fact>, String)> {
    let mut containers = pod.lasting_containers();
    let (pointer, value) = containers.find_map(|container| {
        let discovery = container.spec.name == "discovery";
        let value = container
            .spec
            .env
            .0
            .get(name)
            .filter(|_| discovery)?
            .clone()?;
        Some((format!("{}/env/{name}", container.pointer), value))
    })?;
    let fact = pod.members.first().map(|member| {
        let pointer = format!("{}{pointer}", pod.template.unwrap_or_default());
        Fact::of(*member, pointer, Some(&value))
    });
    Some((fact, value))
}

fn of_pod(pod: &PodGroup<'_>) -> (String, Found) {
    let shared = variable(pod, SHARED_CONFIG)
        .filter(|(_, name)| !name.is_empty())
        .and_then(|(fact, _)| fact);
    let label = || {
        pod.label(REVISION_LABEL)
            .filter(|revision| !revision.is_empty())
            .unwrap_or(DEFAULT_REVISION)
            .to_owned()
    };
    let Some((fact, value)) = variable(pod, "REVISION") else {
        let found = Found {
            shared,
            ..Found::default()
        };
        return (label(), found);
    };
    let found = Found {
        fact,
        // Without a revision it reads the objects of all.
        reads_all_revisions: value.is_empty(),
        shared,
    };
    if value.is_empty() {
        return (label(), found);
    }
    (value, found)
}

/// Whether pods get their proxies from a control plane in another cluster.
fn injector_is_remote(snapshot: &Snapshot) -> bool {
    snapshot
        .of_kind(Kind::MutatingWebhookConfiguration)
        .filter(|(_, object)| {
            object.name().starts_with("istio-sidecar-injector")
                || object.projection.metadata().labels.label("app") == Some("sidecar-injector")
        })
        .any(|(_, object)| match object.projection.as_ref() {
            Projection::WebhookConfiguration(webhooks) => webhooks
                .webhooks
                .iter()
                .any(|webhook| webhook.client_config.url),
            _ => false,
        })
}

/// Control planes that only their mesh configuration shows.
fn of_config_maps(snapshot: &Snapshot) -> impl Iterator<Item = (&str, String)> {
    snapshot
        .of_kind(Kind::ConfigMap)
        .filter_map(|(_, object)| match object.projection.as_ref() {
            Projection::ConfigMap(map) => {
                map.data.mesh.as_ref()?;
                let suffix = object.name().strip_prefix("istio")?;
                let revision = if suffix.is_empty() {
                    DEFAULT_REVISION
                } else {
                    suffix.strip_prefix('-')?
                };
                Some((object.namespace(), revision.to_owned()))
            }
            _ => None,
        })
}

fn config<'s>(
    snapshot: &'s Snapshot,
    gaps: &Gaps,
    namespace: &str,
    revision: &str,
) -> Result<Config<'s>, Missing> {
    let name = config_map_name(revision);
    let object = snapshot.find(Kind::ConfigMap, namespace, &name);
    if object.is_none()
        && let Some(missing) = gaps.named(Kind::ConfigMap, namespace, &name)
    {
        return Err(missing);
    }
    let projection = object.map(|index| snapshot.objects[index].projection.as_ref());
    let mesh = match projection {
        Some(Projection::ConfigMap(map)) => map.data.mesh.as_ref(),
        Some(_) | None => None,
    };
    if mesh.is_some_and(|mesh| mesh.unreadable) {
        return Err(Missing::Unreadable);
    }
    let stated = mesh.and_then(|mesh| mesh.root_namespace.as_deref());
    Ok(Config {
        root_namespace: stated.unwrap_or(ROOT_NAMESPACE),
        discovery_selectors: mesh.map_or(&[], |mesh| mesh.discovery_selectors.as_slice()),
        object,
        enable_auto_mtls: mesh.and_then(|mesh| mesh.enable_auto_mtls),
        states_root: stated.is_some(),
    })
}

/// Whether the objects of each namespace are read (istio `pkg/kube/namespace/filter.go`).
fn discovered<'s>(
    selectors: &[LabelSelector],
    namespaces: &Namespaces<'s>,
) -> BTreeMap<&'s str, Discovered<'s>> {
    if selectors.is_empty() {
        return BTreeMap::new();
    }
    namespaces
        .iter()
        .map(|(name, namespace)| {
            let labels = NamespaceLabels {
                name,
                labels: namespace.labels,
            };
            let matched = selectors
                .iter()
                .map(|selector| selected(selector, &labels, namespace.unread))
                .reduce(either)
                .unwrap_or(Ok(true));
            let discovered = Discovered {
                matched,
                object: namespace.object,
                labels: namespace.labels,
            };
            (name, discovered)
        })
        .collect()
}

fn either(left: Result<bool, Doubt>, right: Result<bool, Doubt>) -> Result<bool, Doubt> {
    match (left, right) {
        (Ok(true), _) | (_, Ok(true)) => Ok(true),
        (Err(doubt), _) | (_, Err(doubt)) => Err(doubt),
        (Ok(false), Ok(false)) => Ok(false),
    }
}

fn selected(
    selector: &LabelSelector,
    labels: &NamespaceLabels<'_>,
    unread: Option<Missing>,
) -> Result<bool, Doubt> {
    let known = |key: &str| unread.is_none() || key == NAME_LABEL;
    let mut decidable = selector.clone();
    decidable.match_labels.retain(|key, _| known(key));
    decidable
        .match_expressions
        .retain(|expression| known(&expression.key));
    match (selector::matches(&decidable, labels), unread) {
        (None, _) => Err(Doubt::DiscoverySelector),
        (Some(true), Some(missing)) if decidable != *selector => {
            Err(Doubt::NamespaceLabels(missing))
        }
        (Some(matched), _) => Ok(matched),
    }
}

/// Labels of a namespace; its name is one of them, also in files.
struct NamespaceLabels<'a> {
    name: &'a str,
    labels: &'a StringMap,
}

impl Labels for NamespaceLabels<'_> {
    fn label(&self, key: &str) -> Option<&str> {
        if key == NAME_LABEL {
            Some(self.name)
        } else {
            self.labels.label(key)
        }
    }
}

impl ControlPlane<'_> {
    /// Whether it reads an object: by the object's revision (istio `pkg/config/model.go`, `LabelsInRevision`: equality,
    /// tags do not count) and by its namespace.
    pub fn counts(&self, namespace: &str, metadata: &Metadata) -> Counted {
        let other_revision = metadata
            .labels
            .get(REVISION_LABEL)
            .is_some_and(|revision| *revision != self.revision);
        if other_revision && !self.reads_all_revisions {
            return Counted::No;
        }
        match self.discovered.get(namespace).map(|found| found.matched) {
            None | Some(Ok(true)) => Counted::Yes,
            Some(Ok(false)) => Counted::No,
            Some(Err(doubt)) => Counted::Unknown(doubt),
        }
    }

    /// Where it is written which policies it reads, of its root namespace and of `namespace`.
    pub fn facts(&self, namespace: Option<&str>) -> Vec<Fact> {
        let written = self.revision_fact.iter().chain(&self.shared_fact);
        let mut facts: Vec<Fact> = written.cloned().collect();
        let Ok(config) = &self.config else {
            return facts;
        };
        if let Some(object) = config.object {
            let root = config.states_root.then_some(config.root_namespace);
            facts.push(Fact::of(object, "/data/mesh/rootNamespace", root));
            if !config.discovery_selectors.is_empty() {
                facts.push(Fact::of(
                    object,
                    "/data/mesh/discoverySelectors",
                    Some(config.discovery_selectors),
                ));
            }
        }
        let namespaces = [Some(config.root_namespace), namespace];
        for name in namespaces.into_iter().flatten() {
            let found = self.discovered.get(name);
            facts.extend(found.and_then(|found| {
                let labels = Some(found.labels).filter(|labels| !labels.is_empty());
                Some(Fact::of(found.object?, "/metadata/labels", labels))
            }));
        }
        facts
    }
}
