//! What was asked of the cluster, what came of it, and what no such question can answer.

use schemars::JsonSchema;
use serde::Serialize;

use super::Sources;
use super::words::Written;
use crate::kind::Kind;
use crate::report;
use crate::rules::{Need, RULES, Reason};
use crate::snapshot::{self, ReadStatus, Verb};

/// What was read, and what was not.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Coverage<'r> {
    /// Whether all that the selected rules read was read.
    complete: bool,
    /// What the selected rules read and could not.
    gaps: Vec<Gap<'r>>,
    /// What the API of a cluster does not show, and who can attest it.
    not_observable: Vec<NotObservable>,
    /// Other things worth knowing, such as a clock that is off.
    notes: &'r [String],
    /// Objects by kind.
    population: Vec<Population>,
    /// Whether all objects were judged or some.
    sampling: Sampling,
    /// One entry for each list or get, sorted by kind, namespace and name.
    sources: Vec<Source<'r>>,
    /// Objects that were there and could not be decoded.
    unreadable: Vec<Unreadable<'r>>,
}

/// Something that was not read.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Gap<'r> {
    /// Ids of the selected rules that it touches.
    affects_rules: &'r [&'static str],
    /// `indeterminate`: a rule among them rests on the kind and gives no verdict where it is missing.
    /// `informational`: the kind only adds detail to them.
    #[schemars(extend("enum" = ["indeterminate", "informational"]))]
    effect: &'static str,
    /// API group; empty for the core group.
    group: &'static str,
    /// Kind.
    kind: String,
    /// In words.
    message: &'r str,
    /// Name, of single objects.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'r str>,
    /// Namespace; absent for the whole cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<&'r str>,
    /// Why, as in `reasonCode`.
    reason: &'static str,
}

/// A fact that no object shows.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct NotObservable {
    /// Who can attest it.
    attested_by: &'static str,
    /// The fact.
    fact: &'static str,
}

/// Objects of one kind. `read` is the sum of `judged` and `context`.
#[derive(Serialize, JsonSchema)]
struct Population {
    /// Objects that no result is about.
    context: u64,
    /// API group; empty for the core group.
    group: &'static str,
    /// Objects that at least one result is about.
    judged: u64,
    /// Kind.
    kind: String,
    /// Objects read.
    read: u64,
    /// Objects that were there and could not be decoded.
    unreadable: u64,
}

/// How the objects to judge were chosen.
#[derive(Serialize, JsonSchema)]
struct Sampling {
    /// `full-population`: every object in scope.
    method: &'static str,
}

/// One list or get, and its outcome.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Source<'r> {
    /// Objects received.
    count: u64,
    /// RFC 3339 UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    finished_at: Option<&'r str>,
    /// API group; empty for the core group.
    group: &'static str,
    /// Status of the last response.
    #[serde(skip_serializing_if = "Option::is_none")]
    http_status: Option<u16>,
    /// Kind.
    kind: String,
    /// What went wrong, without bodies of responses.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'r str>,
    /// The name asked for, of a get.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'r str>,
    /// The namespace asked; absent for the whole cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<&'r str>,
    /// Pages received.
    pages: u64,
    /// Resource name in URLs.
    resource: &'static str,
    /// `metadata.resourceVersion` of the list.
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_version: Option<&'r str>,
    /// RFC 3339 UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    started_at: Option<&'r str>,
    /// What came of it. `read`, `absent` and, of kinds that a product brings, `not-served` are answers; the others are
    /// gaps.
    status: Written<ReadStatus>,
    /// How it was asked for; `file` for documents in files.
    verb: Written<Verb>,
    /// API version used; absent if the server serves none.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'r str>,
}

/// An object that could not be decoded.
#[derive(Serialize, JsonSchema)]
struct Unreadable<'r> {
    /// API group; empty for the core group.
    group: &'static str,
    /// Kind.
    kind: String,
    /// What is wrong with it.
    message: &'r str,
    /// Name, or empty.
    name: &'r str,
    /// Namespace, if that much could be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<&'r str>,
    /// File and document, or the page of a list.
    place: &'r str,
}

impl<'r> Coverage<'r> {
    pub(super) fn new(sources: &'r Sources<'r>) -> Self {
        let report = sources.report;
        let coverage = &report.snapshot.coverage;
        Self {
            complete: report.gaps.is_empty() && report.scope.unknown.is_none(),
            gaps: report.gaps.iter().map(Gap::new).collect(),
            not_observable: report::NOT_OBSERVABLE
                .iter()
                .map(|(fact, attested_by)| NotObservable { attested_by, fact })
                .collect(),
            notes: &coverage.notes,
            population: population(sources),
            sampling: Sampling {
                method: "full-population",
            },
            sources: coverage.sources.iter().map(Source::new).collect(),
            unreadable: coverage.unreadable.iter().map(Unreadable::new).collect(),
        }
    }
}

fn population(sources: &Sources<'_>) -> Vec<Population> {
    let snapshot = sources.report.snapshot;
    let of_kind = |kind: Kind| {
        let read = snapshot.of_kind(kind).count() as u64;
        let objects = snapshot.of_kind(kind);
        let judged = objects.filter(|(index, _)| sources.judged[*index]).count() as u64;
        let unreadable = snapshot.coverage.unreadable.iter();
        Population {
            context: read - judged,
            group: kind.api().group,
            judged,
            kind: kind.label().to_owned(),
            read,
            unreadable: unreadable.filter(|object| object.kind == kind).count() as u64,
        }
    };
    let all = Kind::ALL.iter().copied().map(of_kind);
    all.filter(|population| population.read + population.unreadable > 0)
        .collect()
}

impl<'r> Gap<'r> {
    fn new(gap: &'r report::Gap) -> Self {
        let touched = RULES.iter().filter(|rule| gap.rules.contains(&rule.id));
        let decisive = touched
            .flat_map(|rule| rule.reads)
            .any(|read| read.kind == gap.kind && read.need != Need::Refines);
        Self {
            affects_rules: &gap.rules,
            effect: if decisive {
                "indeterminate"
            } else {
                "informational"
            },
            group: gap.kind.api().group,
            kind: gap.kind.label().to_owned(),
            message: &gap.message,
            name: gap.name.as_deref(),
            namespace: gap.namespace.as_deref(),
            reason: Reason::from(gap.missing).code(),
        }
    }
}

impl<'r> Source<'r> {
    fn new(source: &'r snapshot::SourceRead) -> Self {
        Self {
            count: source.count,
            finished_at: source.finished_at.as_deref(),
            group: source.kind.api().group,
            http_status: source.http_status,
            kind: source.kind.label().to_owned(),
            message: source.message.as_deref(),
            name: source.name.as_deref(),
            namespace: source.namespace.as_deref(),
            pages: source.pages,
            resource: source.kind.api().plural,
            resource_version: source.resource_version.as_deref(),
            started_at: source.started_at.as_deref(),
            status: Written(source.status),
            verb: Written(source.verb),
            version: source.version.as_deref(),
        }
    }
}

impl<'r> Unreadable<'r> {
    fn new(object: &'r snapshot::Unreadable) -> Self {
        Self {
            group: object.kind.api().group,
            kind: object.kind.label().to_owned(),
            message: &object.message,
            name: &object.name,
            namespace: object.namespace.as_deref(),
            place: &object.place,
        }
    }
}
