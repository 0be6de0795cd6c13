//! The report: results, controls and coverage in the order of output. Renderers add nothing to it.

mod baseline;
pub mod gate;
pub mod order;
mod tiers;
mod units;

use std::collections::BTreeMap;
use std::sync::Arc;

use uuid::Uuid;

use crate::canonical::Text;
use crate::catalog::{self, Catalog, Relation};
use crate::gaps::Missing;
use crate::kind::Kind;
use crate::plan::{ManualEvidence, Plan};
use crate::rules::{Port, ReadFrom, Reason, Rule, Severity, Verdict};
use crate::snapshot::Snapshot;
use crate::waivers::{Waiver, Waivers};

pub use baseline::{Baseline, Known, RowKey};
pub use gate::Gate;
pub use tiers::{TierPair, TierReach};

/// What no object of a cluster shows, and who can attest it.
pub const NOT_OBSERVABLE: &[(&str, &str)] = &[
    (
        "whether the kernel of a node keeps the address spaces of processes apart, and which mitigations of its hardware are on",
        "whoever builds and runs the nodes",
    ),
    (
        "which profiles, capabilities and namespaces a running process has; objects show what was asked for",
        "a test on one node of each image",
    ),
    (
        "the configuration of kubelet and container runtime, such as a default seccomp profile or manifests of static pods",
        "whoever builds and runs the nodes",
    ),
    (
        "whether packets are dropped and connections are encrypted; objects show the policies and what should enforce them",
        "a test of connections between two workloads",
    ),
    (
        "what an app does inside its own process, such as the access rules of its model",
        "the developers of the app",
    ),
];
pub use units::{Place, Unit, Workloads};

/// Everything an output may show.
#[derive(Debug)]
pub struct Report<'s> {
    /// What was assessed.
    pub snapshot: &'s Snapshot,
    /// The catalogue it was held against.
    pub catalog: &'s Catalog,
    /// What people say of the system; empty without a plan.
    pub plan: &'s Plan,
    /// About this run; not part of what must be equal between equal snapshots.
    pub run: Run,
    /// What was judged.
    pub scope: ScopeSummary,
    /// What was not read, and what that touches.
    pub gaps: Vec<Gap>,
    /// Every rule of the tool, in the order of its design; those that were not selected have no results.
    pub rules: Vec<RuleReport>,
    /// Controls in the order of the catalogue.
    pub controls: Vec<ControlReport>,
    /// Evidence that people have to look at, in the order of the catalogue.
    pub manual: Vec<ManualReport>,
    /// Which environment tier reaches which; `None` where the rule that finds it did not run, or there are no tiers.
    pub tiers: Option<TierReach>,
    /// What of the plan fits nothing, and so has no effect.
    pub plan_notes: Vec<String>,
    /// What became of each waiver, by id.
    pub waivers: Vec<WaiverReport>,
    /// The file of waivers; empty without one.
    pub waiver_file: &'s Waivers,
    /// The baseline that the gate was held against, with what of it still fails.
    pub previous: Option<Baseline>,
    /// What pods belong to: the same after they were replaced.
    pub workloads: Workloads,
    /// Rows by severity and verdict, over all rules.
    pub totals: Totals,
    /// Exit code and what it means.
    pub gate: Gate,
}

/// About this run of the tool.
#[derive(Clone, Debug, Default)]
pub struct Run {
    /// `UUIDv5` of cluster, start of the collection and catalogue.
    pub id: String,
    /// When the assessment was made, RFC 3339 UTC.
    pub assessed_at: String,
    /// Command line without values that may be secret.
    pub command: Vec<String>,
    /// The program that makes the assessment; of a report from evidence the one that made it.
    pub tool: Tool,
}

/// A build of this program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tool {
    /// Name.
    pub name: String,
    /// Version.
    pub version: String,
    /// Architecture and operating system that it was built for.
    pub target: String,
    /// The library under TLS, digests and signatures.
    pub crypto_provider: String,
    /// Whether that library runs as its FIPS module.
    pub fips: bool,
}

impl Default for Tool {
    /// This build.
    fn default() -> Self {
        use std::env::consts::{ARCH, OS};
        Self {
            name: env!("CARGO_PKG_NAME").to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            target: format!("{ARCH}-{OS}"),
            crypto_provider: "aws-lc-rs".to_owned(),
            fips: aws_lc_rs::try_fips_mode().is_ok(),
        }
    }
}

impl ScopeSummary {
    /// What follows the number of pods where workloads without pods are judged too; else nothing.
    pub fn templates_in_words(&self) -> String {
        match self.templates {
            0 => String::new(),
            1 => " and 1 workload without pods".to_owned(),
            several => format!(" and {several} workloads without pods"),
        }
    }
}

/// Which namespaces and pods were judged.
#[derive(Clone, Debug, Default)]
pub struct ScopeSummary {
    /// How the scope was chosen: `mendix`, `named` or `all`.
    pub basis: &'static str,
    /// Namespaces judged.
    pub namespaces: Vec<String>,
    /// Namespaces that the plan takes out, with its reasons.
    pub excluded: Vec<(String, String)>,
    /// Label selector on judged pods, as given.
    pub selector: Option<String>,
    /// Pods judged, finished ones among them.
    pub pods: usize,
    /// Pods read in the whole cluster.
    pub pods_read: usize,
    /// Workloads without pods, judged by their templates.
    pub templates: usize,
    /// Why there may be more to judge than is known.
    pub unknown: Option<Missing>,
    /// Whether it was read and holds nothing to judge.
    pub is_empty: bool,
}

/// Something that was not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Kind.
    pub kind: Kind,
    /// Namespace; `None` for the whole cluster.
    pub namespace: Option<String>,
    /// Name, of single objects.
    pub name: Option<String>,
    /// Why.
    pub missing: Missing,
    /// In words.
    pub message: String,
    /// Selected rules that it touches.
    pub rules: Vec<&'static str>,
}

/// One rule's results.
#[derive(Debug)]
pub struct RuleReport {
    /// The rule.
    pub rule: &'static Rule,
    /// Whether it ran.
    pub selected: bool,
    /// Labels of the controls it is bound to, primary first.
    pub controls: Vec<String>,
    /// Its results, worst first.
    pub results: Vec<RuleResult>,
    /// Rows by effective verdict.
    pub counts: Counts,
}

/// One result: the same statement about all its subjects. Large clusters have a million of them that differ in little:
/// what they have in common is shared.
#[derive(Clone, Debug)]
pub struct RuleResult {
    /// `UUIDv5`, stable across restarts of pods.
    pub id: Uuid,
    /// Container.
    pub container: Option<Arc<str>>,
    /// Port.
    pub port: Option<Port>,
    /// What was found.
    pub verdict: Verdict,
    /// What it counts as.
    pub effective: Effective,
    /// The waiver that holds for it, by index in the order of its file.
    pub waiver: Option<u32>,
    /// Severity of a failure.
    pub severity: Severity,
    /// Why.
    pub reason: Reason,
    /// In words.
    pub message: Arc<str>,
    /// Values read.
    pub reads: Arc<[ResultRead]>,
    /// Whom it is about, sorted.
    pub subjects: Arc<[SubjectRef]>,
}

/// A value that a result rests on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ResultRead {
    /// Where.
    pub from: ReadFrom,
    /// JSON pointer into it.
    pub pointer: Arc<str>,
    /// What stands there; `None` when nothing does.
    pub value: Option<Text>,
}

/// Whom a result is about. Small, since there is one for every row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SubjectRef {
    /// The cluster as a whole.
    Cluster,
    /// Something that is known by name only: its object was not read.
    Named(Box<Named>),
    /// An object of the snapshot, by index.
    Object(u32),
}

/// Something that is known by name only.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Named {
    /// Kind.
    pub kind: Kind,
    /// Namespace, or empty; of a namespace its own name.
    pub namespace: String,
    /// Name.
    pub name: String,
}

impl SubjectRef {
    /// Something that is known by name only.
    pub fn named(kind: Kind, namespace: &str, name: &str) -> Self {
        let (namespace, name) = (namespace.to_owned(), name.to_owned());
        Self::Named(Box::new(Named {
            kind,
            namespace,
            name,
        }))
    }

    /// An object of the snapshot; none has more objects than fit into 32 bits.
    pub fn object(index: usize) -> Self {
        Self::Object(u32::try_from(index).unwrap_or(u32::MAX))
    }
}

/// Evidence that people have to look at.
#[derive(Clone, Debug)]
pub struct ManualReport {
    /// Id of a control, proof or statement in the catalogue.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Labels of the controls that it is about.
    pub controls: Vec<String>,
    /// Who answers for it.
    pub responsible: String,
    /// Why no rule tests it; none of statements, which no rule could test.
    pub reason: Option<catalog::Reason>,
    /// The proofs that the plan points to: attested there, and looked at by nobody here.
    pub proofs: Vec<ManualEvidence>,
}

/// What became of a waiver.
#[derive(Clone, Debug)]
pub struct WaiverReport {
    /// The waiver.
    pub waiver: Waiver,
    /// Its place in the file, as results name it.
    pub index: u32,
    /// Whether it holds, and for anything.
    pub status: WaiverStatus,
    /// Failing rows that its selector fits, whether or not it holds for them.
    pub matched: u64,
    /// Rows that it waives.
    pub waived: u64,
    /// Ids of the results that it waives, sorted.
    pub results: Vec<Uuid>,
}

/// Whether a waiver holds, and for anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum WaiverStatus {
    /// It fits failing rows.
    Applied,
    /// Its time is over; it waives nothing.
    Expired,
    /// It was approved after the collection began; it waives nothing.
    NotYetApproved,
    /// It fits no failing row.
    Unmatched,
    /// Its rule did not run.
    NotSelected,
}

impl WaiverStatus {
    /// As in every output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Expired => "expired",
            Self::NotYetApproved => "not-yet-approved",
            Self::Unmatched => "unmatched",
            Self::NotSelected => "not-selected",
        }
    }
}

impl WaiverReport {
    /// What its owner should know: it waives nothing, though it should. `None` when all is well.
    pub fn warning(&self) -> Option<String> {
        let id = &self.waiver.id;
        match self.status {
            WaiverStatus::Applied | WaiverStatus::NotSelected => None,
            WaiverStatus::Expired => Some(format!(
                "waiver {id} expired on {} and waives nothing; {} it",
                self.waiver.expires,
                fitting(self.matched)
            )),
            WaiverStatus::NotYetApproved => Some(format!(
                "waiver {id} was approved on {}, after the collection began, and waives nothing; {} it",
                self.waiver.approved_on,
                fitting(self.matched)
            )),
            WaiverStatus::Unmatched => Some(format!(
                "waiver {id} is unmatched: no failing row of {} fits it",
                self.waiver.rule
            )),
        }
    }
}

/// `1 failing row fits`, `2 failing rows fit`.
pub(crate) fn fitting(rows: u64) -> String {
    match rows {
        1 => "1 failing row fits".to_owned(),
        rows => format!("{rows} failing rows fit"),
    }
}

/// What a verdict counts as, after waivers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effective {
    /// A failure nobody waived.
    Fail,
    /// Not known.
    Indeterminate,
    /// Met.
    Pass,
    /// A failure under a waiver that holds.
    Waived,
    /// Nothing to judge.
    NotApplicable,
}

impl Effective {
    /// In the order of reports, worst first.
    pub const ALL: [Self; 5] = [
        Self::Fail,
        Self::Indeterminate,
        Self::Pass,
        Self::Waived,
        Self::NotApplicable,
    ];

    /// As in every output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fail => "fail",
            Self::Indeterminate => "indeterminate",
            Self::Pass => "pass",
            Self::Waived => "waived",
            Self::NotApplicable => "not-applicable",
        }
    }
}

impl From<Verdict> for Effective {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Fail => Self::Fail,
            Verdict::Indeterminate => Self::Indeterminate,
            Verdict::Pass => Self::Pass,
            Verdict::NotApplicable => Self::NotApplicable,
        }
    }
}

/// Rows by effective verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Failures.
    pub fail: u64,
    /// Not known.
    pub indeterminate: u64,
    /// Met.
    pub pass: u64,
    /// Waived failures.
    pub waived: u64,
    /// Nothing to judge.
    pub not_applicable: u64,
}

impl Counts {
    /// Adds rows.
    pub fn add(&mut self, effective: Effective, rows: u64) {
        *self.slot(effective) += rows;
    }

    /// Rows of one effective verdict.
    pub fn of(mut self, effective: Effective) -> u64 {
        *self.slot(effective)
    }

    /// All rows.
    pub fn total(self) -> u64 {
        self.fail + self.indeterminate + self.pass + self.waived + self.not_applicable
    }

    /// In words, those that are not zero.
    pub fn in_words(self) -> String {
        let parts: Vec<String> = Effective::ALL
            .into_iter()
            .filter(|effective| self.of(*effective) > 0)
            .map(|effective| format!("{} {}", self.of(effective), effective.name()))
            .collect();
        if parts.is_empty() {
            return "No rows.".to_owned();
        }
        format!("Rows: {}.", parts.join(", "))
    }

    /// Adds other counts.
    pub fn merge(&mut self, other: Self) {
        for effective in Effective::ALL {
            self.add(effective, other.of(effective));
        }
    }

    fn slot(&mut self, effective: Effective) -> &mut u64 {
        match effective {
            Effective::Fail => &mut self.fail,
            Effective::Indeterminate => &mut self.indeterminate,
            Effective::Pass => &mut self.pass,
            Effective::Waived => &mut self.waived,
            Effective::NotApplicable => &mut self.not_applicable,
        }
    }
}

/// Rows by severity.
pub type Totals = BTreeMap<Severity, Counts>;

/// What the tests say of a control, or of a part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Determination {
    /// A primary rule failed, waived failures included.
    Exceptions,
    /// Something is not known, nothing applied, or a primary rule did not run.
    Undetermined,
    /// All primary rules passed.
    NoExceptions,
}

impl Determination {
    /// As in every output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exceptions => "exceptions",
            Self::Undetermined => "undetermined",
            Self::NoExceptions => "no-exceptions",
        }
    }
}

/// One control.
#[derive(Debug)]
pub struct ControlReport {
    /// Index in the catalogue.
    pub control: usize,
    /// What its primary rules say.
    pub determination: Determination,
    /// Rules bound to it, as `(index in rules, relation)`.
    pub rules: Vec<(usize, Relation)>,
    /// Rows of its primary rules.
    pub counts: Counts,
    /// Parts with a determination of their own: the NIST objective and each proof of the implementation statement.
    pub parts: Vec<PartReport>,
}

/// A part of a control.
#[derive(Debug)]
pub struct PartReport {
    /// Id of the objective or proof.
    pub id: String,
    /// What it claims, in few words.
    pub title: String,
    /// What its rules say; `None` when it rests on manual evidence alone.
    pub determination: Option<Determination>,
    /// Its rules, as indexes in rules.
    pub rules: Vec<usize>,
    /// Rows of its rules.
    pub counts: Counts,
}

impl Report<'_> {
    /// The id of the waiver that holds for a result.
    pub fn waiver_id(&self, result: &RuleResult) -> Option<&str> {
        let index = result.waiver?;
        let mut waivers = self.waivers.iter();
        let of = waivers.find(|of| of.index == index)?;
        Some(&of.waiver.id)
    }

    /// Kind, namespace and name of a subject, as in CSV.
    pub fn subject<'a>(&'a self, subject: &'a SubjectRef) -> (&'static str, &'a str, &'a str) {
        place(self.snapshot, subject)
    }
}

/// Kind, namespace and name of a subject. A namespace stands in both columns, so that a filter on namespaces finds it.
pub fn place<'a>(
    snapshot: &'a Snapshot,
    subject: &'a SubjectRef,
) -> (&'static str, &'a str, &'a str) {
    match subject {
        SubjectRef::Cluster => ("Cluster", "", ""),
        SubjectRef::Named(named) => (named.kind.label(), &named.namespace, &named.name),
        SubjectRef::Object(index) => {
            let object = &snapshot.objects[*index as usize];
            let namespace = if object.kind == Kind::Namespace {
                object.name()
            } else {
                object.namespace()
            };
            (object.kind.label(), namespace, object.name())
        }
    }
}
