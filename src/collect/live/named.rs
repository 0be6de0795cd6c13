//! Single objects that are asked for by name: Istio's ConfigMaps, and the namespace whose uid names the cluster.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use serde::Deserialize;

use super::decode::{self, Place};
use super::failure::{Failure, clean};
use super::list::Outcome;
use super::path;
use super::session::{Question, Session};
use crate::kind::Kind;
use crate::projection::istio::PLUGIN_CONFIG_MAPS;
use crate::projection::pod::Pod;
use crate::projection::{Projection, controllers, linkerd};
use crate::snapshot::{Interner, Object, ReadStatus, SourceRead, Unreadable, Verb};

/// The namespace whose uid serves as the cluster's.
pub(super) const CLUSTER_NAMESPACE: &str = "kube-system";

const REVISION_LABEL: &str = "istio.io/rev";
const DEFAULT_REVISION: &str = "default";

/// An object to get.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Name {
    /// Empty of objects outside namespaces.
    pub(super) namespace: String,
    pub(super) name: String,
}

/// ConfigMaps that hold a mesh configuration: `istio` beside every istiod, and `istio-<revision>` for each revision;
/// the values of Linkerd beside its control plane, and the configuration of its CNI plugin beside its agents.
pub(super) fn mesh_config_maps(objects: &[Object]) -> BTreeSet<Name> {
    let mut names = BTreeSet::new();
    for object in objects {
        names.extend(of_linkerd(object).map(|name| Name {
            namespace: object.namespace().to_owned(),
            name: name.to_owned(),
        }));
        let Some(pod) = istiod(object) else {
            continue;
        };
        let mut add = |name: String| {
            names.insert(Name {
                namespace: object.namespace().to_owned(),
                name,
            })
        };
        add("istio".to_owned());
        if let Some(revision) = revision(pod) {
            add(format!("istio-{revision}"));
        }
    }
    names
}

/// ConfigMaps with the settings of the network plugins whose agents run: each beside its agent.
pub(super) fn plugin_config_maps(objects: &[Object]) -> BTreeSet<Name> {
    let agent = |object: &Object| {
        let Projection::Pod(pod) = &*object.projection else {
            return None;
        };
        let mut owners = pod.metadata.owner_references.iter();
        let owner = owners.find(|owner| owner.kind == "DaemonSet")?;
        let name = match owner.name.as_str() {
            "cilium" | "anetd" => PLUGIN_CONFIG_MAPS[0],
            "aws-node" => PLUGIN_CONFIG_MAPS[1],
            _ => return None,
        };
        Some(Name {
            namespace: object.namespace().to_owned(),
            name: name.to_owned(),
        })
    };
    objects.iter().filter_map(agent).collect()
}

/// The ConfigMap beside a pod of Linkerd's control plane, or of its CNI plugin.
fn of_linkerd(object: &Object) -> Option<&'static str> {
    let Projection::Pod(pod) = &*object.projection else {
        return None;
    };
    let labels = &pod.metadata.labels;
    if labels.contains_key(linkerd::COMPONENT_LABEL) {
        Some(linkerd::CONFIG_MAP)
    } else if labels
        .get(linkerd::CNI_LABEL.0)
        .is_some_and(|app| app == linkerd::CNI_LABEL.1)
    {
        Some(linkerd::CNI_CONFIG_MAP)
    } else {
        None
    }
}

/// ConfigMaps that flags of ingress controllers name.
pub(super) fn controller_config_maps(objects: &[Object]) -> BTreeSet<Name> {
    let mut names = BTreeSet::new();
    for object in objects {
        let Projection::Pod(pod) = &*object.projection else {
            continue;
        };
        let containers = pod.spec.containers.iter().chain(&pod.spec.init_containers);
        let flags = containers.flat_map(|container| {
            let flags = controllers::CONFIG_MAP_FLAGS.iter();
            flags.filter_map(|flag| container.args.value(flag))
        });
        names.extend(flags.filter_map(|flag| {
            let (namespace, name) = controllers::config_map(flag, object.namespace())?;
            (is_name(&namespace) && is_name(&name)).then_some(Name { namespace, name })
        }));
    }
    names
}

fn istiod(object: &Object) -> Option<&Pod> {
    match &*object.projection {
        Projection::Pod(pod) if pod.metadata.labels.get("app")? == "istiod" => Some(pod),
        _ => None,
    }
}

/// The revision that an istiod serves, unless it is the default one.
fn revision(pod: &Pod) -> Option<&str> {
    let declared = pod
        .spec
        .containers
        .iter()
        .filter(|container| container.name == "discovery")
        .find_map(|container| container.env.0.get("REVISION")?.as_deref());
    declared
        .filter(|revision| !revision.is_empty())
        .or_else(|| pod.metadata.labels.get(REVISION_LABEL).map(String::as_str))
        .filter(|revision| *revision != DEFAULT_REVISION && is_name(revision))
}

/// Whether an object can have this name, or a name that ends so. What is no name must not become a path.
pub(super) fn is_name(text: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    text.len() <= 200
        && text
            .bytes()
            .all(|byte| is_inner(byte) || b"-.".contains(&byte))
        && text.bytes().last().is_some_and(is_inner)
}

/// Gets one object.
pub(super) async fn get(
    session: &Session<'_>,
    interner: &Arc<Mutex<Interner>>,
    kind: Kind,
    version: &'static str,
    name: Name,
) -> Outcome {
    let started_at = session.now();
    let namespace = Some(name.namespace).filter(|namespace| !namespace.is_empty());
    let path = path::of(kind, version, namespace.as_deref(), Some(&name.name));
    let answer = session.ask(Question::get(&path)).await;
    let place = Place {
        kind,
        version,
        page: 1,
    };
    let decoded = answer.map(|answer| decode::object(place, &answer.body, interner));
    let mut source = SourceRead {
        namespace,
        name: Some(name.name),
        ..asked(session, kind, version, started_at)
    };
    let mut objects = Vec::new();
    let mut unreadable = Vec::new();
    match decoded {
        Ok(Ok(object)) => {
            source.count = 1;
            objects.push(object);
        }
        Ok(Err(message)) => {
            source.count = 1;
            source.status = ReadStatus::Error;
            source.message = Some("the object is unreadable".to_owned());
            unreadable.push(Unreadable {
                kind,
                namespace: source.namespace.clone(),
                name: source.name.clone().unwrap_or_default(),
                place: "get".to_owned(),
                message,
            });
        }
        Err(failure) => fail(&mut source, &failure),
    }
    Outcome {
        source,
        objects,
        unreadable,
    }
}

/// Asks for the uid of the namespace that stands for the cluster. The object itself is not kept: who may not list
/// namespaces would have it as the only one.
pub(super) async fn cluster_uid(session: &Session<'_>) -> (Option<String>, SourceRead) {
    #[derive(Deserialize)]
    struct Named {
        metadata: Uid,
    }
    #[derive(Deserialize)]
    struct Uid {
        uid: String,
    }
    let started_at = session.now();
    let path = path::of(Kind::Namespace, "v1", None, Some(CLUSTER_NAMESPACE));
    let uid = session
        .ask(Question::get(&path))
        .await
        .and_then(|answer| {
            serde_json::from_slice::<Named>(&answer.body).map_err(|_| Failure::Malformed)
        })
        .map(|object| clean(&object.metadata.uid));
    let mut source = SourceRead {
        name: Some(CLUSTER_NAMESPACE.to_owned()),
        ..asked(session, Kind::Namespace, "v1", started_at)
    };
    match uid {
        Ok(uid) => {
            source.count = 1;
            (Some(uid), source)
        }
        Err(failure) => {
            fail(&mut source, &failure);
            (None, source)
        }
    }
}

/// The record of a `get` that came through.
fn asked(session: &Session<'_>, kind: Kind, version: &str, started_at: String) -> SourceRead {
    SourceRead {
        kind,
        version: Some(version.to_owned()),
        verb: Verb::Get,
        namespace: None,
        name: None,
        status: ReadStatus::Read,
        http_status: Some(200),
        count: 0,
        pages: 0,
        resource_version: None,
        started_at: Some(started_at),
        finished_at: Some(session.now()),
        message: None,
    }
}

fn fail(source: &mut SourceRead, failure: &Failure) {
    source.http_status = failure.http_status();
    if failure.is_status(404) {
        source.status = ReadStatus::Absent;
    } else {
        source.status = failure.read_status();
        source.message = Some(failure.to_string());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::projection::decode_value;

    fn config_maps(labels: &Value, env: &Value) -> Vec<String> {
        let value = json!({
            "metadata": {"name": "p", "namespace": "mesh", "labels": labels},
            "spec": {"containers": [{"name": "sidecar"}, {"name": "discovery", "env": env}]},
        });
        let decoded = decode_value(Kind::Pod, value).unwrap();
        let pod = Interner::default().object(Kind::Pod, "v1", decoded);
        mesh_config_maps(&[pod])
            .into_iter()
            .map(|name| format!("{}/{}", name.namespace, name.name))
            .collect()
    }

    #[test]
    fn the_mesh_config_of_each_revision_is_asked_for() {
        let istiod = json!({"app": "istiod"});
        let labelled = json!({"app": "istiod", "istio.io/rev": "1-26"});
        let other = json!({"app": "other", "istio.io/rev": "1-26"});
        let cases = [
            (
                &istiod,
                None,
                "mesh/istio",
                "no revision is the default one",
            ),
            (&istiod, Some("default"), "mesh/istio", "by name"),
            (
                &istiod,
                Some("new"),
                "mesh/istio mesh/istio-new",
                "from the environment",
            ),
            (
                &labelled,
                None,
                "mesh/istio mesh/istio-1-26",
                "from the label",
            ),
            (
                &labelled,
                Some("default"),
                "mesh/istio",
                "the environment decides",
            ),
            (
                &istiod,
                Some("x/../y"),
                "mesh/istio",
                "what is no name is not asked for",
            ),
            (&other, Some("new"), "", "not istiod"),
        ];
        for (labels, revision, wanted, why) in cases {
            let env: Vec<_> = revision
                .iter()
                .map(|revision| json!({"name": "REVISION", "value": revision}))
                .collect();
            assert_eq!(config_maps(labels, &env.into()).join(" "), wanted, "{why}");
        }
    }
}
