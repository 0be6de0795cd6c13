//! The run, the program, the cluster and what was judged of it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use super::DIGEST;
use super::words::Written;
use crate::canonical::Ordered;
use crate::kind::Kind;
use crate::projection;
use crate::report::{self, Report};
use crate::rules::Reason;
use crate::snapshot::{self, Mode, Snapshot};

/// When, how and by whom.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Run<'r> {
    /// When the verdicts were made, RFC 3339 UTC; later than the collection when they come from a saved snapshot.
    assessed_at: &'r str,
    /// Whether the user stated that the files read are all there is.
    assume_complete: bool,
    /// The clock of the machine that collected, compared with the server's.
    #[serde(skip_serializing_if = "Option::is_none")]
    clock: Option<Clock>,
    /// The program that collected.
    collector: &'r str,
    /// Command line of the assessment, without values that may be secret.
    command: &'r [String],
    /// Files that were read, by base name or relative path.
    files: &'r [String],
    /// End of the collection, RFC 3339 UTC.
    finished_at: &'r str,
    /// UUID (version 5) of the cluster's uid, the start of the collection and the digest of the catalogue.
    #[schemars(extend("format" = "uuid"))]
    id: &'r str,
    /// What was collected from: a live API server, plain manifests, or the built-in example cluster.
    mode: Written<Mode>,
    /// Who the API server says was asking.
    #[serde(skip_serializing_if = "Option::is_none")]
    operator: Option<Operator<'r>>,
    /// Start of the collection, RFC 3339 UTC.
    started_at: &'r str,
}

/// Two clocks compared.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Clock {
    /// Local time minus the server's, in milliseconds.
    local_minus_server_ms: i64,
}

/// The authenticated identity, from a `SelfSubjectReview`.
#[derive(Serialize, JsonSchema)]
struct Operator<'r> {
    /// Groups that begin with `system:`; others may be claims of an identity provider and are not kept.
    groups: &'r [String],
    /// Uid, if the authenticator gives one.
    #[serde(skip_serializing_if = "Option::is_none")]
    uid: Option<&'r str>,
    /// User name.
    username: &'r str,
}

/// The program that made the assessment.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Tool<'r> {
    /// The library under TLS, digests and signatures.
    crypto_provider: &'r str,
    /// Whether that library runs as its FIPS module.
    fips: bool,
    /// Name.
    name: &'r str,
    /// Architecture and operating system that it was built for.
    target: &'r str,
    /// Version.
    version: &'r str,
}

/// A cluster.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Cluster<'r> {
    /// Name of the kubeconfig context.
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<&'r str>,
    /// Version that the API server states.
    #[serde(skip_serializing_if = "Option::is_none")]
    git_version: Option<&'r str>,
    /// Nodes read; whether these are all stands in `coverage`.
    node_count: u64,
    /// Platform that the API server states.
    #[serde(skip_serializing_if = "Option::is_none")]
    platform: Option<&'r str>,
    /// What the nodes run, each combination once.
    runtimes: Vec<Runtime<'r>>,
    /// Uid of the namespace `kube-system`, which serves as the cluster's; absent if it was not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    uid: Option<&'r str>,
}

/// What nodes run, as their kubelets report it.
#[derive(Serialize, JsonSchema, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "camelCase")]
struct Runtime<'r> {
    /// Name and version of the container runtime.
    container_runtime_version: &'r str,
    /// Version of the kernel.
    kernel_version: &'r str,
    /// How many nodes.
    nodes: u64,
    /// Operating system.
    os_image: &'r str,
}

/// What was judged. It never says what was read: that stands in `coverage`.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Boundary<'r> {
    /// Package id of the system at FedRAMP, as the plan has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    fedramp_id: Option<&'r str>,
    /// Namespaces judged.
    namespaces: Namespaces<'r>,
    /// Pods of the whole cluster.
    pods: Pods,
    /// Label selector on judged pods, as given.
    #[serde(skip_serializing_if = "Option::is_none")]
    selector: Option<&'r str>,
    /// Name of the system, as the plan has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    system_name: Option<&'r str>,
    /// Why there may be more to judge than is known, as in `reasonCode`.
    #[serde(skip_serializing_if = "Option::is_none")]
    unknown: Option<&'static str>,
}

/// Namespaces judged.
#[derive(Serialize, JsonSchema)]
struct Namespaces<'r> {
    /// How they were chosen: those that hold Mendix objects, those named by the user, or all.
    #[schemars(extend("enum" = ["mendix", "named", "all"]))]
    basis: &'r str,
    /// Those that the plan takes out, sorted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    excluded: Vec<Excluded<'r>>,
    /// Their names, sorted.
    included: &'r [String],
}

/// A namespace that is not judged because the plan says so.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ExcludedNamespace")]
struct Excluded<'r> {
    /// Its name.
    name: &'r str,
    /// Why, in the words of the plan.
    reason: &'r str,
}

/// The assessment plan. What it says was not observed.
#[derive(Serialize, JsonSchema)]
pub(super) struct Plan<'r> {
    /// SHA-256 of the canonical JSON (RFC 8785) of `document`, as `sha256:` and hexadecimal digits.
    #[schemars(extend("pattern" = DIGEST))]
    digest: &'r str,
    /// The plan, whole; its form is that of `plan-v1.json`.
    #[schemars(with = "Map<String, Value>")]
    document: Ordered<'r>,
    /// What of it fits nothing in the cluster or the catalogue, and so has no effect.
    notes: &'r [String],
}

/// Pods judged and read.
#[derive(Serialize, JsonSchema)]
struct Pods {
    /// Pods judged, finished ones among them.
    judged: usize,
    /// Pods read in the whole cluster.
    read: usize,
}

/// What is kept of objects, and what never is.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Redaction {
    /// `allow-list`: a field that is not named in the tool's projections is dropped while it is read.
    policy: &'static str,
    /// Always false: no request for a Secret is ever made.
    secrets_requested: bool,
}

impl<'r> Run<'r> {
    pub(super) fn new(report: &'r Report<'r>) -> Self {
        let origin = &report.snapshot.origin;
        Self {
            assessed_at: &report.run.assessed_at,
            assume_complete: origin.assume_complete,
            clock: origin.clock_difference_ms.map(|milliseconds| Clock {
                local_minus_server_ms: milliseconds,
            }),
            collector: &origin.collector,
            command: &report.run.command,
            files: &origin.files,
            finished_at: &origin.finished_at,
            id: &report.run.id,
            mode: Written(origin.mode),
            operator: origin.operator.as_ref().map(Operator::new),
            started_at: &origin.started_at,
        }
    }
}

impl<'r> Operator<'r> {
    fn new(operator: &'r snapshot::Operator) -> Self {
        Self {
            groups: &operator.groups,
            uid: operator.uid.as_deref(),
            username: &operator.username,
        }
    }
}

impl<'r> Tool<'r> {
    pub(super) fn new(tool: &'r report::Tool) -> Self {
        Self {
            crypto_provider: &tool.crypto_provider,
            fips: tool.fips,
            name: &tool.name,
            target: &tool.target,
            version: &tool.version,
        }
    }
}

impl<'r> Cluster<'r> {
    pub(super) fn new(snapshot: &'r Snapshot) -> Self {
        let cluster = &snapshot.origin.cluster;
        let mut counts: BTreeMap<(&str, &str, &str), u64> = BTreeMap::new();
        let nodes = snapshot.of_kind(Kind::Node);
        for node in nodes.filter_map(|(_, object)| as_node(object)) {
            let info = &node.status.node_info;
            let key = (
                info.container_runtime_version.as_str(),
                info.kernel_version.as_str(),
                info.os_image.as_str(),
            );
            *counts.entry(key).or_default() += 1;
        }
        let runtimes = counts
            .into_iter()
            .map(|((runtime, kernel, os), nodes)| Runtime {
                container_runtime_version: runtime,
                kernel_version: kernel,
                nodes,
                os_image: os,
            });
        Self {
            context: cluster.context.as_deref(),
            git_version: cluster.git_version.as_deref(),
            node_count: snapshot.of_kind(Kind::Node).count() as u64,
            platform: cluster.platform.as_deref(),
            runtimes: runtimes.collect(),
            uid: cluster.uid.as_deref(),
        }
    }
}

fn as_node(object: &snapshot::Object) -> Option<&projection::cluster::Node> {
    if let projection::Projection::Node(node) = object.projection.as_ref() {
        Some(node)
    } else {
        None
    }
}

impl<'r> Plan<'r> {
    pub(super) fn new(report: &'r Report<'r>) -> Option<Self> {
        let plan = report.plan;
        plan.is_given().then(|| Self {
            digest: &plan.digest,
            document: Ordered(&plan.document),
            notes: &report.plan_notes,
        })
    }
}

impl<'r> Boundary<'r> {
    pub(super) fn new(report: &'r Report<'r>) -> Self {
        let (scope, system) = (&report.scope, &report.plan.system);
        Self {
            fedramp_id: system.fedramp_id.as_deref(),
            namespaces: Namespaces {
                basis: scope.basis,
                excluded: scope
                    .excluded
                    .iter()
                    .map(|(name, reason)| Excluded { name, reason })
                    .collect(),
                included: &scope.namespaces,
            },
            pods: Pods {
                judged: scope.pods,
                read: scope.pods_read,
            },
            selector: scope.selector.as_deref(),
            system_name: system.name.as_deref(),
            unknown: scope.unknown.map(|missing| Reason::from(missing).code()),
        }
    }
}

impl Redaction {
    pub(super) fn new() -> Self {
        Self {
            policy: "allow-list",
            secrets_requested: false,
        }
    }
}
