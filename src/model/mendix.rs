//! Recognising what belongs to Mendix and to meshes.
//!
//! Registries are mirrored, so images count by their last path segments only.

use std::net::IpAddr;

use super::pods::{AppClaim, PodGroup, Role};
use super::selector::Labels as _;
use crate::projection::facts::{PROXY_ROLE, UNRECOGNISED};
use crate::projection::linkerd;
use crate::projection::pod::Container;

/// Label with the app's name in Mendix' own vocabulary.
pub const APP_LABEL: &str = "privatecloud.mendix.com/app";
const COMPONENT_LABEL: &str = "privatecloud.mendix.com/component";
const APP_COMPONENT: &str = "mendix-app";
/// Name of the operator's image, container and workload.
const OPERATOR: &str = "mendix-operator";
/// Name of the image of the admin sidecar.
const SIDECAR_IMAGE: &str = "mx-m2ee-sidecar";

/// Ports of the admin interfaces of an app pod: health, metrics, and the runtime's admin API.
pub const ADMIN_PORTS: [u16; 3] = [8800, 8900, 9000];

/// Images of Private Mendix Platform that run in its own namespaces.
const PLATFORM_IMAGES: &[&str] = &[
    "document-generation-service",
    "interactor",
    "interactor-bridge",
    "maia-appgen",
    "maia-llm-gateway",
    "mendix-private-platform",
    "mxplatform-kube-agent",
    "privatecloud-authenticator",
    "privatecloud-collector",
    "privatecloud-license-manager",
    "svix-server",
];

/// Fills in role and app of a group.
pub(super) fn recognise(pod: &mut PodGroup<'_>) {
    pod.role = role(pod);
    if pod.role == Role::App {
        pod.app = Some(claim(pod));
    }
}

fn role(pod: &PodGroup<'_>) -> Role {
    if is_surely_app(pod) {
        Role::App
    } else if is_mesh_control_plane(pod) {
        Role::MeshControlPlane
    } else if is_operator(pod) {
        Role::Operator
    } else if has_image(pod, &["kubernetes-agent", "mendix-agent"]) || is_named(pod, "mendix-agent")
    {
        Role::Agent
    } else if is_task(pod) {
        Role::Task
    } else if is_app(pod) {
        Role::App
    } else if has_image(pod, PLATFORM_IMAGES) {
        Role::Platform
    } else {
        Role::Other
    }
}

/// Owners and the labels that stand for them count before images and single labels, which one more container or label
/// brings into any pod and which would take the app out of what is judged.
fn is_surely_app(pod: &PodGroup<'_>) -> bool {
    let label = |key| pod.label(key);
    let runs_app = || {
        pod.lasting_containers()
            .any(|container| is_runtime(container.spec) || is_m2ee_sidecar(container.spec))
    };
    !is_owned_task(pod)
        && (pod.chain.mendix("Runtime").is_some()
            || label(COMPONENT_LABEL) == Some(APP_COMPONENT)
            || label("component") == Some(APP_COMPONENT) && label("app").is_some()
            || label(APP_LABEL).is_some() && label(COMPONENT_LABEL).is_none() && runs_app())
}

fn is_app(pod: &PodGroup<'_>) -> bool {
    let label = |key| pod.label(key);
    pod.chain.mendix("Runtime").is_some()
        || pod.chain.mendix("MendixApp").is_some()
        || label(COMPONENT_LABEL) == Some(APP_COMPONENT)
        || label(APP_LABEL).is_some() && label(COMPONENT_LABEL).is_none()
        || label("component") == Some(APP_COMPONENT) && label("app").is_some()
        || pod
            .lasting_containers()
            .any(|container| is_m2ee_sidecar(container.spec) || has_admin_variables(container.spec))
}

/// Builds and provisioners: bare pods that an app's other objects own, or that run their images.
fn is_task(pod: &PodGroup<'_>) -> bool {
    is_owned_task(pod) || has_image(pod, &["image-builder", "storage-provisioner"])
}

fn is_owned_task(pod: &PodGroup<'_>) -> bool {
    pod.chain.mendix("Build").is_some() || pod.chain.mendix("StorageInstance").is_some()
}

fn is_operator(pod: &PodGroup<'_>) -> bool {
    runs_operator(pod) || is_named(pod, OPERATOR)
}

/// Whether a container of a pod is Mendix' operator by its image, whatever else the pod is.
pub(super) fn runs_operator(pod: &PodGroup<'_>) -> bool {
    has_image(pod, &[OPERATOR])
}

/// Whether a container is Mendix' operator, by its image or, under another image's name, by its own.
pub fn is_operator_container(container: &Container) -> bool {
    image_name(container) == OPERATOR || container.name == OPERATOR
}

/// A workload of this name with a container of this name, under whatever image name it was mirrored.
fn is_named(pod: &PodGroup<'_>, name: &str) -> bool {
    pod.workload.1 == name
        && pod
            .lasting_containers()
            .any(|container| container.spec.name == name)
}

fn has_image(pod: &PodGroup<'_>, names: &[&str]) -> bool {
    pod.lasting_containers()
        .any(|container| names.contains(&image_name(container.spec)))
}

/// Control planes and node agents, by label and container: a label alone is anybody's to set, and would take a pod out
/// of what is judged.
fn is_mesh_control_plane(pod: &PodGroup<'_>) -> bool {
    let holds = |name: &str| {
        pod.lasting_containers()
            .any(|container| container.spec.name == name)
    };
    let is_ztunnel = || {
        pod.lasting_containers()
            .any(|container| container.spec.args.value(PROXY_ROLE) == Some("ztunnel"))
    };
    is_istiod(pod)
        || pod.label("app") == Some("ztunnel") && is_ztunnel()
        || matches!(pod.label("k8s-app"), Some("istio-cni-node" | "linkerd-cni"))
            && holds("install-cni")
        || is_part_of_linkerd(pod)
}

/// Parts of Linkerd's control plane, and the main containers of their pods (linkerd2 `charts/linkerd-control-plane`).
const LINKERD_PARTS: &[&str] = &["destination", "heartbeat", "identity", "proxy-injector"];

/// Whether a pod is part of Linkerd's control plane: by its label, and by the main container, which is named alike.
pub(super) fn is_part_of_linkerd(pod: &PodGroup<'_>) -> bool {
    let part = pod.label(linkerd::COMPONENT_LABEL);
    part.is_some_and(|part| {
        LINKERD_PARTS.contains(&part)
            && pod
                .lasting_containers()
                .any(|container| container.spec.name == part)
    })
}

/// Whether a pod is Istio's control plane.
pub fn is_istiod(pod: &PodGroup<'_>) -> bool {
    pod.label("app") == Some("istiod")
        && pod
            .lasting_containers()
            .any(|container| container.spec.name == "discovery")
}

fn claim(pod: &PodGroup<'_>) -> AppClaim {
    let owner = pod
        .chain
        .mendix("MendixApp")
        .or_else(|| pod.chain.mendix("Runtime"));
    let labels = [APP_LABEL, "app"].into_iter().filter_map(|key| {
        let ours = key == APP_LABEL || pod.label("component") == Some(APP_COMPONENT);
        let name = pod.label(key).filter(|_| ours)?;
        Some((key, name.to_owned()))
    });
    AppClaim {
        by_owner: owner.map(|link| link.name.clone()),
        by_label: labels.collect(),
    }
}

/// Whether a container runs an app: by name or by the variables of its admin API, never the sidecar, which is told by
/// its image: a name is anybody's to choose.
pub fn is_runtime(container: &Container) -> bool {
    image_name(container) != SIDECAR_IMAGE
        && (container.name == "mendix" || has_admin_variables(container))
}

/// Whether variables of the runtime's admin API are set.
fn has_admin_variables(container: &Container) -> bool {
    let mut variables = container.env.0.keys();
    variables.any(|variable| variable.starts_with("M2EE_ADMIN_"))
}

/// Whether a container is the admin sidecar of an app.
pub fn is_m2ee_sidecar(container: &Container) -> bool {
    container.name == "m2ee-sidecar" || image_name(container) == SIDECAR_IMAGE
}

/// Image without registry host, tag and digest.
pub fn image_path(container: &Container) -> &str {
    let image = container.image.as_deref().unwrap_or_default();
    let image = image.split_once('@').map_or(image, |(name, _)| name);
    let tag = image
        .rfind(':')
        .filter(|colon| !image[*colon..].contains('/'));
    tag.map_or(image, |colon| &image[..colon])
}

/// Last path segment of an image.
pub fn image_name(container: &Container) -> &str {
    let path = image_path(container);
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

/// Tag of an image, if it has one.
pub fn image_tag(container: &Container) -> Option<&str> {
    let image = container.image.as_deref()?;
    let image = image.split_once('@').map_or(image, |(name, _)| name);
    image
        .rsplit_once(':')
        .map(|(_, tag)| tag)
        .filter(|tag| !tag.contains('/'))
}

/// Where the admin API of an app listens, as far as the environment of its container says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AdminListener {
    /// On loopback addresses only.
    Loopback,
    /// Also on another address.
    Open,
    /// Not stated: the variable is not set, or empty.
    Absent,
    /// Set from a reference, whose value is not read.
    Unreadable,
    /// Set to something that is no list of addresses.
    Unrecognised,
}

/// Variable that lists the addresses of the admin API.
pub const ADMIN_LISTENER: &str = "M2EE_ADMIN_LISTEN_ADDRESSES";

/// Where the admin API listens that a container serves.
pub fn admin_listener(container: &Container) -> AdminListener {
    let text = match container.env.0.get(ADMIN_LISTENER) {
        None => return AdminListener::Absent,
        Some(None) => return AdminListener::Unreadable,
        Some(Some(text)) if text == UNRECOGNISED => return AdminListener::Unrecognised,
        Some(Some(text)) => text,
    };
    let addresses = text.split(',').map(str::trim);
    addresses
        .filter(|address| !address.is_empty())
        .map(listener)
        .max_by_key(|listener| match listener {
            AdminListener::Open => 2,
            AdminListener::Unrecognised => 1,
            AdminListener::Loopback | AdminListener::Absent | AdminListener::Unreadable => 0,
        })
        .unwrap_or(AdminListener::Absent)
}

fn listener(address: &str) -> AdminListener {
    let bare = address
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(address);
    match (bare, bare.parse::<IpAddr>()) {
        ("localhost", _) => AdminListener::Loopback,
        ("*", _) => AdminListener::Open,
        (_, Ok(address)) if address.to_canonical().is_loopback() => AdminListener::Loopback,
        (_, Ok(_)) => AdminListener::Open,
        (_, Err(_)) => AdminListener::Unrecognised,
    }
}

/// Whether a port of an app pod is one of its admin interfaces, which speak HTTP.
pub fn is_admin_port(number: u16, protocol: &str) -> bool {
    protocol == "TCP" && ADMIN_PORTS.contains(&number)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn listener_of(variable: &serde_json::Value) -> AdminListener {
        let container = json!({"name": "mendix", "env": [variable]});
        admin_listener(&serde_json::from_value(container).unwrap())
    }

    #[test]
    fn admin_api_is_on_loopback_only_when_every_address_is() {
        use AdminListener::{Absent, Loopback, Open, Unrecognised};
        let table = [
            ("127.0.0.1", Loopback, "documented value"),
            ("127.8.0.1, ::1,localhost,", Loopback, "all of them"),
            ("[::1]", Loopback, "brackets"),
            ("::ffff:127.0.0.1", Loopback, "IPv4 as IPv6"),
            ("127.0.0.1,0.0.0.0", Open, "one that is not"),
            ("*", Open, "any address"),
            ("127.1,::", Open, "what is open is open"),
            ("127.1", Unrecognised, "not a full address"),
            ("some-host", Unrecognised, "a name"),
            ("", Absent, "empty"),
        ];
        for (value, expected, why) in table {
            let variable = json!({"name": ADMIN_LISTENER, "value": value});
            assert_eq!(listener_of(&variable), expected, "{value}: {why}");
        }
    }

    #[test]
    fn admin_api_without_a_value_is_not_stated() {
        let field = json!({"fieldRef": {"fieldPath": "status.podIP"}});
        let reference = json!({"name": ADMIN_LISTENER, "valueFrom": field});
        assert_eq!(listener_of(&reference), AdminListener::Unreadable);
        let nothing = json!({"name": ADMIN_LISTENER});
        assert_eq!(listener_of(&nothing), AdminListener::Absent);
        let other = json!({"name": "M2EE_ADMIN_PORT", "value": "9000"});
        assert_eq!(listener_of(&other), AdminListener::Absent);
    }
}
