//! The assessment plan: what people say of a system that its cluster cannot show, or that it must not decide alone.
//!
//! A plan is data and is embedded whole in the evidence. What it says is never shown as if it had been observed: values
//! of it are read as [`crate::rules::Reading::plan`], and a pass that rests on an attestation says so.

mod check;
pub(crate) mod fields;
mod matching;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::declaration::{Declaration, DeclarationError};

pub use fields::{Date, FlowPort};
pub use matching::Label;

/// The parameters of attestations that some rule rests on.
pub const PARAMETERS: &[&str] = &["seccompDefault"];

/// The families of ingress controllers that rules tell apart, by id.
pub const FAMILIES: &[&str] = &[
    "nginx",
    "nic",
    "traefik",
    "haproxy",
    "haproxy-ingress",
    "kong",
    "contour",
    "cilium",
    "istio",
    "openshift",
    "aws",
    "azure",
    "agc",
    "gke",
    "other",
];

/// Abbreviations that people may write instead of an id of a family.
const FAMILY_NAMES: &[(&str, &str)] = &[
    ("ng", "nginx"),
    ("tr", "traefik"),
    ("ha", "haproxy"),
    ("hao", "haproxy-ingress"),
    ("ocp", "openshift"),
    ("ag", "azure"),
];

/// An assessment plan of `sc39`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Plan {
    /// Version of this form.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1))]
    pub version: Option<u32>,
    /// The system whose cluster is assessed.
    #[serde(default)]
    pub system: System,
    /// Environment tier by namespace; overrides the labels of the namespace.
    #[serde(default)]
    pub tiers: BTreeMap<String, String>,
    /// Environment tier of single apps; overrides the labels of the app and what holds for its namespace.
    #[serde(default)]
    pub app_tiers: Vec<AppTier>,
    /// Namespaces of Private Mendix Platform itself.
    #[serde(default)]
    pub platform_namespaces: Vec<String>,
    /// Namespaces of Global operators and of other management, where no app may live.
    #[serde(default)]
    pub management_namespaces: Vec<String>,
    /// Namespaces that are not judged unless `-n` names them.
    #[serde(default)]
    pub excluded_namespaces: Vec<ExcludedNamespace>,
    /// What people attest that the API can't show.
    #[serde(default)]
    pub attestations: Vec<Attestation>,
    /// Which pods serve an ingress class.
    #[serde(default)]
    pub ingress_controllers: Vec<IngressController>,
    /// Who may open a shell in pods, forward their ports or attach to them.
    #[serde(default)]
    pub exec_subjects: Vec<ExecSubject>,
    /// Ways through that are meant to be there.
    #[serde(default)]
    pub allowed_flows: Vec<AllowedFlow>,
    /// Hosts and apps to which access from outside is restricted.
    #[serde(default)]
    pub access_restrictions: Vec<AccessRestriction>,
    /// Pods that may reach the databases of apps, such as backup and monitoring.
    #[serde(default)]
    pub database_clients: Vec<DatabaseClient>,
    /// Where the proofs are that no cluster shows.
    #[serde(default)]
    pub manual_evidence: Vec<ManualEvidence>,
    /// Everything in the file; readings point into it.
    #[serde(skip)]
    pub document: Value,
    /// Of the document: `sha256:` and hexadecimal digits of its canonical JSON; empty without a plan.
    #[serde(skip)]
    pub digest: String,
}

/// The system whose cluster is assessed.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct System {
    /// Its name.
    #[serde(default, deserialize_with = "fields::optional_text")]
    pub name: Option<String>,
    /// Its package id at FedRAMP.
    #[serde(default, deserialize_with = "fields::optional_text")]
    pub fedramp_id: Option<String>,
}

/// Environment tier of one app.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct AppTier {
    /// Namespace of the app.
    #[serde(deserialize_with = "fields::namespace")]
    pub namespace: String,
    /// Name of its MendixApp.
    #[serde(deserialize_with = "fields::text")]
    pub app: String,
    /// The tier, such as `production`.
    #[serde(deserialize_with = "fields::text")]
    pub tier: String,
}

/// A namespace that is not judged.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ExcludedNamespace {
    /// Its name.
    #[serde(deserialize_with = "fields::namespace")]
    pub name: String,
    /// Why it is not judged.
    #[serde(deserialize_with = "fields::text")]
    pub reason: String,
}

/// Something that a person attests.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Attestation {
    /// What is attested, such as the kubelet's `seccompDefault`.
    #[serde(deserialize_with = "fields::text")]
    pub parameter: String,
    /// Its value.
    #[serde(deserialize_with = "fields::scalar")]
    pub value: Value,
    /// Labels of the nodes for which it holds; all nodes without any.
    #[serde(default)]
    pub node_selector: BTreeMap<String, String>,
    /// Who attests it.
    #[serde(deserialize_with = "fields::text")]
    pub by: String,
    /// When.
    pub on: Date,
    /// Where the proof is.
    #[serde(deserialize_with = "fields::text")]
    pub evidence: String,
}

/// Which pods serve an ingress class.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct IngressController {
    /// The ingress class.
    #[serde(deserialize_with = "fields::text")]
    pub class: String,
    /// What kind of controller it is: the id of a family, or its abbreviation.
    #[serde(deserialize_with = "fields::family")]
    #[schemars(extend("enum" = fields::family_words()))]
    pub family: String,
    /// Namespace of its pods; without one it runs outside the cluster.
    #[serde(default, deserialize_with = "fields::optional_namespace")]
    pub namespace: Option<String>,
    /// Labels of its pods.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

/// Who may open a shell in pods.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ExecSubject {
    /// What it is.
    pub kind: SubjectKind,
    /// Its name, as RBAC knows it.
    #[serde(deserialize_with = "fields::text")]
    pub name: String,
    /// Namespace, of a service account.
    #[serde(default, deserialize_with = "fields::optional_namespace")]
    pub namespace: Option<String>,
}

/// Kinds of RBAC subjects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[expect(missing_docs, reason = "the three words of the API")]
pub enum SubjectKind {
    User,
    Group,
    ServiceAccount,
}

/// A way through that is meant to be there.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct AllowedFlow {
    /// Where it begins.
    pub from: Peer,
    /// Where it ends.
    pub to: Peer,
    /// Ports at its end; all without any.
    #[serde(default)]
    pub ports: Vec<FlowPort>,
    /// What it is for.
    #[serde(default, deserialize_with = "fields::optional_text")]
    pub reason: Option<String>,
}

/// Pods at one end of a flow: those that fit everything said of them.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Peer {
    /// Name of their namespace.
    #[serde(default, deserialize_with = "fields::optional_namespace")]
    pub namespace: Option<String>,
    /// Labels that their namespace has.
    #[serde(default)]
    pub namespace_labels: BTreeMap<String, String>,
    /// Labels that they have.
    #[serde(default)]
    pub pod_labels: BTreeMap<String, String>,
}

/// A host or an app to which access from outside is restricted.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct AccessRestriction {
    /// The host.
    #[serde(default, deserialize_with = "fields::optional_text")]
    pub host: Option<String>,
    /// The app.
    #[serde(default)]
    pub app: Option<AppName>,
    /// Addresses from which access is allowed; where none are named, a client certificate is asked for instead.
    #[serde(default, deserialize_with = "fields::ranges")]
    pub ranges: Vec<String>,
}

/// An app.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct AppName {
    /// Its namespace.
    #[serde(deserialize_with = "fields::namespace")]
    pub namespace: String,
    /// Name of its MendixApp.
    #[serde(deserialize_with = "fields::text")]
    pub name: String,
}

/// Pods that may reach the databases of apps.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct DatabaseClient {
    /// Their namespace.
    #[serde(deserialize_with = "fields::namespace")]
    pub namespace: String,
    /// Labels that they have; all pods of the namespace without any.
    #[serde(default)]
    pub pod_labels: BTreeMap<String, String>,
    /// What they do there.
    #[serde(default, deserialize_with = "fields::optional_text")]
    pub reason: Option<String>,
}

/// Where a proof is that no cluster shows.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ManualEvidence {
    /// Id of the entry of the catalogue that it proves.
    #[serde(deserialize_with = "fields::text")]
    pub id: String,
    /// What it is.
    #[serde(deserialize_with = "fields::text")]
    pub title: String,
    /// Where it lies: an address, a document number, a folder.
    #[serde(deserialize_with = "fields::text")]
    pub location: String,
    /// When it was made.
    pub date: Date,
}

impl Plan {
    /// The plan in a file.
    pub fn read(path: &Path) -> Result<Self, DeclarationError> {
        Self::of(&Declaration::read(path)?)
    }

    /// The plan in a text; `file` is its name in messages.
    pub fn parse(file: &str, text: &str) -> Result<Self, DeclarationError> {
        Self::of(&Declaration::parse(file, text)?)
    }

    /// The plan in a document that was read before; `name` is its name in messages.
    pub fn of_value(name: &str, document: Value) -> Result<Self, DeclarationError> {
        Self::of(&Declaration::of(name, document))
    }

    fn of(declaration: &Declaration) -> Result<Self, DeclarationError> {
        let plan: Self = declaration.typed(&["system", "from", "to", "app"])?;
        check::check(&plan, declaration)?;
        Ok(Self {
            document: declaration.value().clone(),
            digest: declaration.digest(),
            ..plan
        })
    }

    /// No plan.
    pub fn none() -> &'static Self {
        static NONE: LazyLock<Plan> = LazyLock::new(Plan::default);
        &NONE
    }

    /// Whether there is one.
    pub fn is_given(&self) -> bool {
        !self.digest.is_empty()
    }

    /// What stands in the document.
    pub fn value_at(&self, pointer: &str) -> Option<&Value> {
        self.document.pointer(pointer)
    }
}

#[cfg(test)]
pub(crate) mod tests;
