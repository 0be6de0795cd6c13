//! Separate execution domains: what keeps one process from another inside a pod and on a node.

mod capabilities;
mod container_runtime;
mod ephemeral_containers;
mod host_namespaces;
mod host_path_volumes;
mod immutable_root_filesystem;
mod non_root;
mod pod_per_app;
mod pod_security_admission;
mod privilege_escalation;
mod privileged_containers;
mod proc_mount;
mod process_namespace_sharing;
mod seccomp_profile;
mod shared_writable_volumes;

use super::Rule;

/// The rules of this group, in the order of reports.
pub(super) static RULES: &[&Rule] = &[
    &pod_per_app::RULE,
    &host_namespaces::RULE,
    &process_namespace_sharing::RULE,
    &ephemeral_containers::RULE,
    &privileged_containers::RULE,
    &capabilities::RULE,
    &privilege_escalation::RULE,
    &non_root::RULE,
    &immutable_root_filesystem::RULE,
    &host_path_volumes::RULE,
    &proc_mount::RULE,
    &seccomp_profile::RULE,
    &shared_writable_volumes::RULE,
    &container_runtime::RULE,
    &pod_security_admission::RULE,
];
