//! The catalogue, whole: a reader needs no other file to see what the results were held against.

use schemars::JsonSchema;
use serde::Serialize;

use super::DIGEST;
use super::words::Written;
use crate::canonical;
use crate::catalog::{self, CatalogSource, Method, Reason, Relation};
use crate::report::Report;
use crate::rules::{self, Group, Need, Reach, Severity, Subjects};

/// Rules, controls, and which rules answer which control.
#[derive(Serialize, JsonSchema)]
pub(super) struct Catalogue<'r> {
    /// Controls, in the order of reports.
    controls: Vec<Control<'r>>,
    /// `sha256:` and hexadecimal digits, over the names and contents of the catalogue's files.
    #[schemars(extend("pattern" = DIGEST))]
    digest: &'r str,
    /// Rules of the program that did not run.
    excluded: Vec<Excluded>,
    /// The catalogue's own id.
    id: &'r str,
    /// Ids that people look up and that are no control of this catalogue.
    mentions: Vec<Mention<'r>>,
    /// What holds for the catalogue as a whole.
    notes: &'r [String],
    /// Every rule of the program, in the order of results.
    rules: Vec<Rule<'r>>,
    /// Ids of the rules that ran.
    selected: Vec<&'static str>,
    /// Whether the program carries the catalogue or the user gave it; its digest tells which one it is.
    #[schemars(extend("enum" = ["builtin", "directory"]))]
    source: &'static str,
    /// What it is about, in one line.
    title: &'r str,
    /// The catalogue's own version.
    version: &'r str,
}

/// A rule that did not run.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Excluded {
    /// `not-selected`: by the command line.
    reason: &'static str,
    /// The rule.
    rule_id: &'static str,
}

/// A rule.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Rule<'r> {
    /// Controls that it is bound to, primary first.
    controls: Vec<BoundControl<'r>>,
    /// SHA-256 of the rule's page, as `sha256:` and hexadecimal digits.
    #[schemars(extend("pattern" = DIGEST))]
    docs_digest: String,
    /// `implementation`: it reads what is configured. None measures whether that has an effect.
    evidence_class: &'static str,
    /// What part of the system it looks at.
    group: Written<Group>,
    /// Stable id.
    id: &'static str,
    /// Kinds that it reads, and what it means when one is missing.
    reads: Vec<Read>,
    /// Severity of a failure, unless the result states another.
    severity: Written<Severity>,
    /// Kinds that its results are about; `Cluster` for the cluster as a whole.
    subjects: Vec<String>,
    /// What holds when it passes.
    title: &'static str,
    /// Version of its logic; raised when the same objects may get another verdict.
    version: u32,
}

/// A control that a rule is bound to.
#[derive(Serialize, JsonSchema)]
struct BoundControl<'r> {
    /// Id as OSCAL writes it.
    id: &'r str,
    /// Label as printed.
    label: &'r str,
    /// Primary rules decide on the control, supporting ones are read beside it.
    relation: Written<Relation>,
}

/// A kind that a rule reads.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "KindRead")]
struct Read {
    /// API group; empty for the core group.
    group: &'static str,
    /// Kind.
    kind: String,
    /// What it means when the kind is missing. `required`: nothing can be said. `to-pass`: nothing may pass.
    /// `refines`: only results that name it are touched.
    #[schemars(extend("enum" = ["required", "to-pass", "refines"]))]
    need: &'static str,
    /// Which objects of the kind a verdict rests on.
    #[schemars(extend("enum" = ["namespace", "cluster", "namespace-and-mesh-root"]))]
    reach: &'static str,
}

/// A control of the catalogue.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Control<'r> {
    /// How to assess it, and what the rules leave to do by hand.
    assess: &'r str,
    /// Enhancements, for information.
    enhancements: Vec<Enhancement<'r>>,
    /// Id as OSCAL writes it, such as `sc-39`.
    id: &'r str,
    /// Whether FedRAMP asks for it at Moderate.
    in_moderate: bool,
    /// Label without leading zeros, such as `AC-6`.
    label: &'r str,
    /// What else to know about it.
    notes: &'r [String],
    /// What SP 800-53A wants determined.
    objectives: Vec<Objective<'r>>,
    /// Label with leading zeros, such as `AC-06`.
    padded_label: String,
    /// What the vendor of the platform offers as proof; all their rules are primary.
    proofs: Vec<Proof<'r>>,
    /// Why it has no rules, where it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Written<Reason>>,
    /// Ids of the controls that NIST relates to it.
    related: &'r [String],
    /// Who answers for it.
    responsible: &'r str,
    /// Rules bound to it beside those of its proofs.
    rules: Vec<Binding<'r>>,
    /// What changed since revision 4.
    since_revision4: &'r [String],
    /// The statement of the control, in the words of NIST.
    statement: &'r str,
    /// Title.
    title: &'r str,
}

/// A rule that a control binds by itself.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Binding<'r> {
    /// Primary rules decide on the control, supporting ones are read beside it.
    relation: Written<Relation>,
    /// The rule.
    rule_id: &'r str,
}

/// An objective of SP 800-53A.
#[derive(Serialize, JsonSchema)]
struct Objective<'r> {
    /// The determination statement, in the words of NIST.
    #[serde(skip_serializing_if = "Option::is_none")]
    determination: Option<&'r str>,
    /// Id, such as `sc-39_obj`.
    id: &'r str,
    /// Methods that FedRAMP asks for.
    methods: Vec<Written<Method>>,
    /// Rules that it rests on; empty for all primary ones of its control.
    rules: &'r [String],
}

/// An enhancement of a control.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Enhancement<'r> {
    /// Id as OSCAL writes it.
    id: &'r str,
    /// Whether FedRAMP asks for it at Moderate.
    in_moderate: bool,
    /// Label as printed.
    label: &'r str,
    /// Why it is for information only.
    note: &'r str,
    /// Title.
    title: &'r str,
}

/// What the vendor of the platform offers as proof of a control.
#[derive(Serialize, JsonSchema)]
struct Proof<'r> {
    /// How to assess it, by the rules or by hand.
    assess: &'r str,
    /// What it says.
    claim: &'r str,
    /// What its rules do not look at, and what to do about that.
    #[serde(skip_serializing_if = "Option::is_none")]
    gaps: Option<&'r str>,
    /// Id.
    id: &'r str,
    /// Why it has no rules, where it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Written<Reason>>,
    /// Who answers for it.
    responsible: &'r str,
    /// Rules that test it.
    rules: &'r [String],
    /// Where in the vendor's page it stands.
    source: &'r str,
    /// Title.
    title: &'r str,
}

/// A word on an id that is no control of the catalogue.
#[derive(Serialize, JsonSchema)]
struct Mention<'r> {
    /// The id, as OSCAL would write it.
    id: &'r str,
    /// The id as printed.
    label: &'r str,
    /// What to know about it.
    note: &'r str,
}

/// A framework at one of its levels.
#[derive(Serialize, JsonSchema)]
pub(super) struct Framework<'r> {
    /// Baseline or class.
    #[serde(skip_serializing_if = "Option::is_none")]
    level: Option<&'r str>,
    /// Name.
    name: &'r str,
    /// What a reader should know about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'r str>,
    /// Release within the revision.
    #[serde(skip_serializing_if = "Option::is_none")]
    release: Option<&'r str>,
    /// Revision of a publication.
    #[serde(skip_serializing_if = "Option::is_none")]
    revision: Option<&'r str>,
    /// Set of rules within a programme.
    #[serde(skip_serializing_if = "Option::is_none")]
    ruleset: Option<&'r str>,
}

impl<'r> Catalogue<'r> {
    pub(super) fn new(report: &'r Report<'r>) -> Self {
        let catalog = report.catalog;
        let of_rules = |selected: bool| {
            let rules = report.rules.iter();
            rules
                .filter(move |rule| rule.selected == selected)
                .map(|rule| rule.rule.id)
        };
        Self {
            controls: catalog.controls.iter().map(Control::new).collect(),
            digest: &catalog.digest,
            excluded: of_rules(false)
                .map(|rule_id| Excluded {
                    reason: "not-selected",
                    rule_id,
                })
                .collect(),
            id: &catalog.id,
            mentions: catalog.mentions.iter().map(Mention::new).collect(),
            notes: &catalog.notes,
            rules: report
                .rules
                .iter()
                .map(|rule| Rule::new(rule.rule, &rule.controls, catalog))
                .collect(),
            selected: of_rules(true).collect(),
            source: match catalog.source {
                CatalogSource::Builtin => "builtin",
                CatalogSource::Directory(_) => "directory",
            },
            title: &catalog.title,
            version: &catalog.version,
        }
    }
}

impl<'r> Rule<'r> {
    fn new(
        rule: &'static rules::Rule,
        labels: &'r [String],
        catalog: &'r catalog::Catalog,
    ) -> Self {
        Self {
            controls: labels
                .iter()
                .filter_map(|label| BoundControl::new(rule.id, label, catalog))
                .collect(),
            docs_digest: format!("sha256:{}", canonical::sha256(rule.docs.as_bytes())),
            evidence_class: "implementation",
            group: Written(rule.group),
            id: rule.id,
            reads: rule.reads.iter().copied().map(Read::new).collect(),
            severity: Written(rule.severity),
            subjects: match rule.subjects {
                Subjects::Cluster => vec!["Cluster".to_owned()],
                Subjects::Kinds(kinds) => {
                    kinds.iter().map(|kind| kind.label().to_owned()).collect()
                }
            },
            title: rule.title,
            version: rule.version,
        }
    }
}

impl<'r> BoundControl<'r> {
    fn new(rule: &str, label: &'r str, catalog: &'r catalog::Catalog) -> Option<Self> {
        let control = catalog
            .controls
            .iter()
            .find(|control| control.label == label)?;
        Some(Self {
            id: &control.id,
            label,
            relation: Written(control.relation_of(rule)?),
        })
    }
}

impl Read {
    fn new(read: rules::Read) -> Self {
        Self {
            group: read.kind.api().group,
            kind: read.kind.label().to_owned(),
            need: match read.need {
                Need::Required => "required",
                Need::ToPass => "to-pass",
                Need::Refines => "refines",
            },
            reach: match read.reach {
                Reach::Namespace => "namespace",
                Reach::Cluster => "cluster",
                Reach::NamespaceAndMeshRoot => "namespace-and-mesh-root",
            },
        }
    }
}

impl<'r> Control<'r> {
    fn new(control: &'r catalog::Control) -> Self {
        Self {
            assess: &control.assess,
            enhancements: control.enhancements.iter().map(Enhancement::new).collect(),
            id: &control.id,
            in_moderate: control.in_moderate,
            label: &control.label,
            notes: &control.notes,
            objectives: control.objectives.iter().map(Objective::new).collect(),
            padded_label: control.padded_label(),
            proofs: control.proofs.iter().map(Proof::new).collect(),
            reason: control.reason.map(Written),
            related: &control.related,
            responsible: &control.responsible,
            rules: control
                .rules
                .iter()
                .map(|binding| Binding {
                    relation: Written(binding.relation),
                    rule_id: &binding.rule,
                })
                .collect(),
            since_revision4: &control.since_revision_4,
            statement: &control.statement,
            title: &control.title,
        }
    }
}

impl<'r> Objective<'r> {
    fn new(objective: &'r catalog::Objective) -> Self {
        Self {
            determination: objective.determination.as_deref(),
            id: &objective.id,
            methods: objective.methods.iter().copied().map(Written).collect(),
            rules: &objective.rules,
        }
    }
}

impl<'r> Enhancement<'r> {
    fn new(enhancement: &'r catalog::Enhancement) -> Self {
        Self {
            id: &enhancement.id,
            in_moderate: enhancement.in_moderate,
            label: &enhancement.label,
            note: &enhancement.note,
            title: &enhancement.title,
        }
    }
}

impl<'r> Proof<'r> {
    fn new(proof: &'r catalog::Proof) -> Self {
        Self {
            assess: &proof.assess,
            claim: &proof.claim,
            gaps: proof.gaps.as_deref(),
            id: &proof.id,
            reason: proof.reason.map(Written),
            responsible: &proof.responsible,
            rules: &proof.rules,
            source: &proof.source,
            title: &proof.title,
        }
    }
}

impl<'r> Mention<'r> {
    fn new(mention: &'r catalog::Mention) -> Self {
        Self {
            id: &mention.id,
            label: &mention.label,
            note: &mention.note,
        }
    }
}

impl<'r> Framework<'r> {
    pub(super) fn new(framework: &'r catalog::Framework) -> Self {
        Self {
            level: framework.level.as_deref(),
            name: &framework.name,
            note: framework.note.as_deref(),
            release: framework.release.as_deref(),
            revision: framework.revision.as_deref(),
            ruleset: framework.ruleset.as_deref(),
        }
    }
}
