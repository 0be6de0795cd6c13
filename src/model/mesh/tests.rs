//! What the mesh looks like, before any rule asks.

mod clients;
mod pods;
mod signs;

use super::control_plane::config_map_name;
use super::*;
use crate::testing;
use crate::testing::mesh::{Pod, istiod, mesh_config, object, second};

#[test]
fn control_planes_are_told_by_namespace_and_revision() {
    let labelled = Pod::new("b", "istiod")
        .label("app", "istiod")
        .label("istio.io/rev", "canary")
        .container("{name: discovery}");
    let bare = Pod::new("c", "istiod")
        .label("app", "istiod")
        .container("{name: discovery, env: [{name: REVISION, valueFrom: {}}]}");
    let finished = Pod::new("d", "istiod")
        .label("app", "istiod")
        .status("{phase: Failed}");
    let yaml = format!("{}{labelled}{bare}{finished}", istiod("a", "1-27"));
    let snapshot = testing::snapshot(&yaml);
    let model = testing::model(&snapshot);
    let found: Vec<(&str, &str)> = model
        .mesh
        .control_planes
        .iter()
        .map(|control_plane| (control_plane.namespace, control_plane.revision.as_str()))
        .collect();
    assert_eq!(found, [("a", "1-27"), ("b", "canary"), ("c", "default")]);
    assert!(model.mesh.is_present());
}

#[test]
fn configuration_stands_in_a_config_map_of_the_revision() {
    assert_eq!(config_map_name("default"), "istio");
    assert_eq!(config_map_name("1-27"), "istio-1-27");
}

#[test]
fn root_namespaces_are_those_of_all_known_configurations() {
    let yaml = istiod("a", "default")
        + &mesh_config("a", "istio", "rootNamespace: z")
        + &istiod("b", "canary")
        + &mesh_config("b", "istio-canary", "a: [")
        + &istiod("c", "old");
    let snapshot = testing::snapshot(&yaml);
    assert_eq!(
        testing::model(&snapshot).mesh.root_namespaces(),
        ["istio-system", "z"]
    );
}

#[test]
fn other_config_maps_of_istio_are_no_control_planes() {
    let other = "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: istio-ca-root-cert, namespace: a}\ndata: {root: x}\n";
    let snapshot = testing::manifests(&(other.to_owned() + &mesh_config("a", "istio-main", "{}")));
    let model = testing::model(&snapshot);
    let revisions: Vec<&str> = model
        .mesh
        .control_planes
        .iter()
        .map(|control_plane| control_plane.revision.as_str())
        .collect();
    assert_eq!(revisions, ["main"]);
}

#[test]
fn a_control_plane_without_revision_reads_the_policies_of_all() {
    let istiod = Pod::new("istio-system", "istiod")
        .label("app", "istiod")
        .container("{name: discovery, env: [{name: REVISION}]}");
    let snapshot = testing::snapshot(&istiod.to_string());
    let model = testing::model(&snapshot);
    let metadata = crate::projection::Metadata {
        labels: [("istio.io/rev".to_owned(), "canary".to_owned())]
            .into_iter()
            .collect(),
        ..crate::projection::Metadata::default()
    };
    let control_plane = &model.mesh.control_planes[0];
    assert_eq!(
        control_plane.counts("shop", &metadata),
        control_plane::Counted::Yes
    );
}
