//! What a rule says of one subject.

use serde::Serialize;
use serde_json::Value;

use crate::gaps::Missing;
use crate::kind::Kind;
use crate::model::Port;

/// A statement about one subject: verdict, reason, and the values it rests on.
#[derive(Clone, Debug)]
pub struct Observation {
    /// Whom it is about.
    pub subject: Subject,
    /// Which container of a pod.
    pub container: Option<String>,
    /// Which port of a pod.
    pub port: Option<Port>,
    /// Pass, fail, indeterminate or not applicable.
    pub verdict: Verdict,
    /// Where it differs from the rule's.
    pub severity: Option<Severity>,
    /// Why, from the closed list.
    pub reason: Reason,
    /// The fact in words, without names of pods, addresses and nodes.
    pub message: String,
    /// The values read.
    pub reads: Vec<Reading>,
    /// Kinds that this verdict rests on besides those of the rule: `(kind, namespace)`, empty for the whole cluster.
    pub needs: Vec<(Kind, String)>,
    /// Kinds that the rule reads and that this verdict does not rest on.
    pub apart_from: &'static [Kind],
    /// Whether nothing unread could change this verdict.
    pub conclusive: bool,
}

/// Whom an observation is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// The cluster as a whole.
    Cluster,
    /// A namespace, whether or not its object was read.
    Namespace(String),
    /// An object of the snapshot, by index.
    Object(usize),
    /// A group of equal pods (or a workload that stands for pods to come), by index in the model.
    Pods(usize),
}

/// What was found of one subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Read, and it does not meet the rule.
    Fail,
    /// Not read, or the API can't prove it either way.
    Indeterminate,
    /// Read, and it meets the rule.
    Pass,
    /// Nothing there to judge.
    NotApplicable,
}

impl Verdict {
    /// As in every output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fail => "fail",
            Self::Indeterminate => "indeterminate",
            Self::Pass => "pass",
            Self::NotApplicable => "not-applicable",
        }
    }
}

/// How much a failure matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the usual five words")]
pub enum Severity {
    Info,
    Low,
    Medium,
    High,
    Critical,
}

impl Severity {
    /// As in every output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// Why a verdict is what it is: a closed list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// A value that was read.
    Value,
    /// The API's default for a field that is not set.
    Default,
    /// Something that should be there is not.
    Absent,
    /// The subject is a template; no pod was made from it yet.
    Template,
    /// The assessment plan attests it.
    Attested,
    /// The server refused.
    Forbidden,
    /// The server does not serve the kind.
    NotServed,
    /// No file holds the kind.
    NotCollected,
    /// Only a part was read.
    Truncated,
    /// No answer within the time allowed.
    Timeout,
    /// The read failed.
    Error,
    /// It is there and can't be decoded.
    Unreadable,
    /// A value outside the API's list.
    Unrecognised,
    /// A policy of another kind may decide.
    ForeignPolicy,
    /// No process runs.
    NoProcess,
    /// Another operating system.
    Os,
    /// The mesh's own init container.
    MeshRedirectInit,
    /// The mesh proxy's own port.
    MeshOwnPort,
    /// A known relay.
    RelayListed,
    /// The environment tier is not known.
    TierUnknown,
    /// Declared, but not enforced there.
    Unenforced,
    /// A Service for metrics on 8900 inside the cluster.
    MetricsService,
    /// A Service that opens an admin port to the outside.
    AdminPortExternal,
    /// A mesh listener that hands traffic to the loopback address.
    LoopbackPublished,
    /// Leads to no app pod.
    NoAppBackend,
    /// Its backend could not be resolved.
    BackendUnresolved,
}

impl Reason {
    /// As in every output.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Value => "value",
            Self::Default => "default",
            Self::Absent => "absent",
            Self::Template => "template",
            Self::Attested => "attested",
            Self::Forbidden => "forbidden",
            Self::NotServed => "not-served",
            Self::NotCollected => "not-collected",
            Self::Truncated => "truncated",
            Self::Timeout => "timeout",
            Self::Error => "error",
            Self::Unreadable => "unreadable",
            Self::Unrecognised => "unrecognised",
            Self::ForeignPolicy => "foreign-policy",
            Self::NoProcess => "no-process",
            Self::Os => "os",
            Self::MeshRedirectInit => "mesh-redirect-init",
            Self::MeshOwnPort => "mesh-own-port",
            Self::RelayListed => "relay-listed",
            Self::TierUnknown => "tier-unknown",
            Self::Unenforced => "unenforced",
            Self::MetricsService => "metrics-service",
            Self::AdminPortExternal => "admin-port-external",
            Self::LoopbackPublished => "loopback-published",
            Self::NoAppBackend => "no-app-backend",
            Self::BackendUnresolved => "backend-unresolved",
        }
    }
}

impl From<Missing> for Reason {
    fn from(missing: Missing) -> Self {
        match missing {
            Missing::Forbidden => Self::Forbidden,
            Missing::NotServed => Self::NotServed,
            Missing::NotCollected => Self::NotCollected,
            Missing::Truncated => Self::Truncated,
            Missing::Timeout => Self::Timeout,
            Missing::Error => Self::Error,
            Missing::Unreadable => Self::Unreadable,
        }
    }
}

/// Where a value was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReadFrom {
    /// In each subject itself.
    Subject,
    /// In another object, by index.
    Object(usize),
    /// In the assessment plan.
    Plan,
}

/// One value that an observation rests on.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// Where.
    pub from: ReadFrom,
    /// JSON pointer (RFC 6901) into it.
    pub pointer: String,
    /// What stands there; `None` when nothing does.
    pub value: Option<Value>,
}

impl Reading {
    /// The other object that it was read in, by index.
    pub fn object(&self) -> Option<usize> {
        match self.from {
            ReadFrom::Object(index) => Some(index),
            ReadFrom::Subject | ReadFrom::Plan => None,
        }
    }

    /// A value of the assessment plan.
    pub fn plan(pointer: impl Into<String>, value: Option<impl Serialize>) -> Self {
        Self {
            from: ReadFrom::Plan,
            pointer: pointer.into(),
            value: value.and_then(to_value),
        }
    }
}

impl Observation {
    fn new(subject: Subject, verdict: Verdict, reason: Reason, message: impl Into<String>) -> Self {
        Self {
            subject,
            container: None,
            port: None,
            verdict,
            severity: None,
            reason,
            message: message.into(),
            reads: Vec::new(),
            needs: Vec::new(),
            apart_from: &[],
            conclusive: false,
        }
    }

    /// A value was read and meets the rule.
    pub fn pass(subject: Subject, reason: Reason, message: impl Into<String>) -> Self {
        Self::new(subject, Verdict::Pass, reason, message)
    }

    /// A value was read and does not meet the rule.
    pub fn fail(subject: Subject, reason: Reason, message: impl Into<String>) -> Self {
        Self::new(subject, Verdict::Fail, reason, message)
    }

    /// What was read can't prove it either way.
    pub fn indeterminate(subject: Subject, reason: Reason, message: impl Into<String>) -> Self {
        Self::new(subject, Verdict::Indeterminate, reason, message)
    }

    /// There is nothing to judge.
    pub fn not_applicable(subject: Subject, reason: Reason, message: impl Into<String>) -> Self {
        Self::new(subject, Verdict::NotApplicable, reason, message)
    }

    /// A pod whose processes have ended.
    pub fn finished(subject: Subject) -> Self {
        Self::not_applicable(subject, Reason::NoProcess, "the pod has finished")
    }

    /// A pass if `met`, else a failure.
    pub fn judge(subject: Subject, met: bool, reason: Reason, message: impl Into<String>) -> Self {
        Self::new(
            subject,
            if met { Verdict::Pass } else { Verdict::Fail },
            reason,
            message,
        )
    }

    /// Names the container.
    #[must_use]
    pub fn container(mut self, name: &str) -> Self {
        self.container = Some(name.to_owned());
        self
    }

    /// Names the port.
    #[must_use]
    pub fn port(mut self, port: Port) -> Self {
        self.port = Some(port);
        self
    }

    /// States a severity other than the rule's.
    #[must_use]
    pub fn severity(mut self, severity: Severity) -> Self {
        self.severity = Some(severity);
        self
    }

    /// Adds a value of the subject that the verdict rests on. Values of pods are given relative to the pod; a
    /// template's place in its workload is put in front by the assessor.
    #[must_use]
    pub fn read(mut self, pointer: impl Into<String>, value: Option<impl Serialize>) -> Self {
        self.reads.push(Reading {
            from: ReadFrom::Subject,
            pointer: pointer.into(),
            value: value.and_then(to_value),
        });
        self
    }

    /// Adds a value of another object that the verdict rests on.
    #[must_use]
    pub fn read_of(
        mut self,
        object: usize,
        pointer: impl Into<String>,
        value: Option<impl Serialize>,
    ) -> Self {
        self.reads.push(Reading {
            from: ReadFrom::Object(object),
            pointer: pointer.into(),
            value: value.and_then(to_value),
        });
        self
    }

    /// Adds a value of the assessment plan that the verdict rests on.
    #[must_use]
    pub fn read_plan(mut self, pointer: impl Into<String>, value: Option<impl Serialize>) -> Self {
        self.reads.push(Reading::plan(pointer, value));
        self
    }

    /// States that this verdict also rests on objects of `kind` in `namespace` (empty: in the whole cluster).
    #[must_use]
    pub fn needs(mut self, kind: Kind, namespace: &str) -> Self {
        self.needs.push((kind, namespace.to_owned()));
        self
    }

    /// The same of several.
    #[must_use]
    pub fn needs_each<'k>(self, needs: impl IntoIterator<Item = (Kind, &'k str)>) -> Self {
        needs
            .into_iter()
            .fold(self, |observation, (kind, namespace)| {
                observation.needs(kind, namespace)
            })
    }

    /// States that this verdict does not rest on these kinds, though the rule reads them.
    #[must_use]
    pub fn apart_from(mut self, kinds: &'static [Kind]) -> Self {
        self.apart_from = kinds;
        self
    }

    /// States that nothing unread could change this verdict.
    #[must_use]
    pub fn conclusive(mut self) -> Self {
        self.conclusive = true;
        self
    }
}

fn to_value(value: impl Serialize) -> Option<Value> {
    // The values are scalars, lists and maps of the projection, which all have a JSON form.
    serde_json::to_value(value)
        .ok()
        .filter(|value| !value.is_null())
}
