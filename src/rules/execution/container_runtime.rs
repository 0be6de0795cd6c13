//! The container runtime that each kubelet reports gives every container its own kernel namespaces.

use crate::kind::Kind;
use crate::model::Model;
use crate::projection::Projection;
use crate::projection::cluster::Node;
use crate::rules::{
    Group, Observation, Observations, Reach, Read, Reason, Rule, Severity, Subject, Subjects,
};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "container-runtime",
    version: 1,
    title: "Nodes run containerd or CRI-O",
    severity: Severity::Medium,
    group: Group::ExecutionDomain,
    subjects: Subjects::Kinds(&[Kind::Node]),
    reads: &[
        Read::required(Kind::Node, Reach::Namespace),
        Read::refines(Kind::RuntimeClass),
    ],
    docs: include_str!("../../../docs/rules/container-runtime.md"),
    check,
};

fn check<'m>(model: &'m Model<'_>) -> Observations<'m> {
    let classes = runtime_classes(model);
    Box::new(model.nodes().map(move |(index, _, node)| {
        let observation = judge(Subject::Object(index), node);
        let info = &node.status.node_info;
        let facts = [
            ("containerRuntimeVersion", &info.container_runtime_version),
            ("kernelVersion", &info.kernel_version),
            ("osImage", &info.os_image),
            ("operatingSystem", &info.operating_system),
            ("kubeletVersion", &info.kubelet_version),
        ];
        let observation = facts
            .into_iter()
            .fold(observation, |observation, (field, value)| {
                let value = Some(value).filter(|value| !value.is_empty());
                observation.read(format!("/status/nodeInfo/{field}"), value)
            });
        let observation = match node.status.runtime_handlers.as_slice() {
            [] => observation,
            handlers => observation.read("/status/runtimeHandlers", Some(handlers)),
        };
        classes
            .iter()
            .fold(observation, |observation, (class, handler)| {
                observation.read_of(*class, "/handler", Some(handler))
            })
    }))
}

fn judge(subject: Subject, node: &Node) -> Observation {
    let version = &node.status.node_info.container_runtime_version;
    let name = version
        .split_once("://")
        .map_or(version.as_str(), |(name, _)| name);
    if is_virtual(node) {
        return Observation::indeterminate(
            subject,
            Reason::Unrecognised,
            "virtual node: the kernel and the runtime of its pods are elsewhere",
        );
    }
    match name {
        "containerd" | "cri-o" => {
            Observation::pass(subject, Reason::Value, format!("container runtime {name}"))
        }
        "" => Observation::indeterminate(subject, Reason::Absent, "no container runtime reported"),
        _ => Observation::fail(
            subject,
            Reason::Value,
            format!("container runtime {name} is neither containerd nor CRI-O"),
        ),
    }
}

/// Nodes that no kubelet of the cluster's own stands behind: virtual kubelets and AWS Fargate.
fn is_virtual(node: &Node) -> bool {
    let labels = &node.metadata.labels;
    let label = |key: &str| labels.get(key).map(String::as_str);
    label("type") == Some("virtual-kubelet")
        || label("eks.amazonaws.com/compute-type") == Some("fargate")
        || node.status.node_info.kubelet_version.contains("-vk-")
        || node.status.node_info.kubelet_version.starts_with("vk-")
}

/// Every `RuntimeClass` of the cluster and its handler: recorded, since a class by its name proves nothing.
fn runtime_classes(model: &Model<'_>) -> Vec<(usize, String)> {
    model
        .snapshot
        .of_kind(Kind::RuntimeClass)
        .filter_map(|(index, object)| match object.projection.as_ref() {
            Projection::RuntimeClass(class) => Some((index, class.handler.clone())),
            _ => None,
        })
        .collect()
}
