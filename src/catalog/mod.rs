//! The catalogue: which rules answer which control, and who answers for what no rule can see.
//!
//! The binding is data, in `controls/`: a control names rules by id, and rules know no control. This module holds the
//! types; `files` holds the texts, `shape` reads them, `load` checks them. What a verdict does to a control is not decided here.
//!
//! ```text
//! Catalog ─┬─ Framework      what the controls are taken from, at which level
//!          ├─ Statement      what the vendor says beside the proofs, and no cluster shows
//!          ├─ Mention        a word on an id that is no control here, such as a misprint
//!          └─ Control ─┬─ Objective    what NIST wants determined, and the rules that it rests on
//!                      ├─ Proof        what the vendor says fulfils the control; its rules are primary
//!                      ├─ Binding      a rule that the control binds by itself, primary or supporting
//!                      └─ Enhancement  for information
//! ```

mod error;
mod files;
mod id;
mod load;
mod page;
mod shape;

use std::fmt;
use std::path::Path;

pub use error::{CatalogError, Place};

/// A catalogue of controls, read and checked against the rules of this program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Catalog {
    /// The catalogue's own id.
    pub id: String,
    /// The catalogue's own version.
    pub version: String,
    /// What the catalogue is about, in one line.
    pub title: String,
    /// `sha256:<hex>` over the names and contents of its files, the same wherever they lie.
    pub digest: String,
    /// Where it was read from.
    pub source: CatalogSource,
    /// The frameworks that its controls are taken from.
    pub frameworks: Vec<Framework>,
    /// The controls, in the order of reports.
    pub controls: Vec<Control>,
    /// What the vendor says beside the proofs, and no cluster shows.
    pub statements: Vec<Statement>,
    /// Ids that people look up and that are no control of this catalogue.
    pub mentions: Vec<Mention>,
    /// What holds for the catalogue as a whole.
    pub notes: Vec<String>,
}

/// Where a catalogue was read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CatalogSource {
    /// The one that this program carries.
    Builtin,
    /// A directory, as the user named it.
    Directory(String),
}

/// A framework at one of its levels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Framework {
    /// Its name, such as `FedRAMP`.
    pub name: String,
    /// The revision of a publication.
    pub revision: Option<String>,
    /// The release within that revision.
    pub release: Option<String>,
    /// The set of rules within a programme, such as `CR26`.
    pub ruleset: Option<String>,
    /// The baseline or class.
    pub level: Option<String>,
    /// What a reader should know about it.
    pub note: Option<String>,
}

/// A word on an id that is no control of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mention {
    /// The id, as OSCAL would write it.
    pub id: String,
    /// The id as printed.
    pub label: String,
    /// What to know about it.
    pub note: String,
}

/// A control: a duty, what is to be determined about it, and what answers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Control {
    /// The id as OSCAL writes it, such as `sc-39`.
    pub id: String,
    /// The label as NIST prints it without leading zeros, such as `SC-39`.
    pub label: String,
    /// The title of the control.
    pub title: String,
    /// Whether FedRAMP asks for it at Moderate; what it does not is beyond the baseline.
    pub in_moderate: bool,
    /// The statement of the control, in the words of NIST.
    pub statement: String,
    /// The ids of the controls that NIST relates to it, where the catalogue tells.
    pub related: Vec<String>,
    /// What changed since revision 4, where the catalogue tells.
    pub since_revision_4: Vec<String>,
    /// The objectives of SP 800-53A; at least one.
    pub objectives: Vec<Objective>,
    /// Its enhancements, for information.
    pub enhancements: Vec<Enhancement>,
    /// What the vendor of the platform offers as proof.
    pub proofs: Vec<Proof>,
    /// The rules that it binds by itself, beside those of its proofs: primary first.
    pub rules: Vec<Binding>,
    /// Why it has no rules; set exactly when neither it nor a proof has any.
    pub reason: Option<Reason>,
    /// Who answers for it.
    pub responsible: String,
    /// How to assess it, and what the rules leave to do by hand.
    pub assess: String,
    /// What else to know about it.
    pub notes: Vec<String>,
}

/// What SP 800-53A wants determined about a control.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Objective {
    /// The id, such as `sc-39_obj`.
    pub id: String,
    /// The determination statement, in the words of NIST, where the catalogue has it.
    pub determination: Option<String>,
    /// The methods that FedRAMP asks for.
    pub methods: Vec<Method>,
    /// The rules that it rests on; empty for all primary rules of its control, see [`Control::objective_rules`].
    pub rules: Vec<String>,
}

/// A control enhancement, listed for information.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enhancement {
    /// The id as OSCAL writes it, such as `sc-39.1`.
    pub id: String,
    /// The label, such as `SC-39(1)`.
    pub label: String,
    /// Its title.
    pub title: String,
    /// Whether FedRAMP asks for it at Moderate.
    pub in_moderate: bool,
    /// Why it is for information only.
    pub note: String,
}

/// Something that the vendor of the platform offers as proof of a control.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The id, such as `sc-39_proof.pod-per-app`.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Where in the vendor's page it stands.
    pub source: String,
    /// What it says.
    pub claim: String,
    /// The rules that test it; all of them are primary for the control.
    pub rules: Vec<String>,
    /// Why it has no rules; set exactly when it has none.
    pub reason: Option<Reason>,
    /// Who answers for it.
    pub responsible: String,
    /// How to assess it, by the rules or by hand.
    pub assess: String,
    /// What its rules do not look at, and what to do about that.
    pub gaps: Option<String>,
}

/// Something that the vendor says and no cluster shows: evidence that people have to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The id, such as `mendix_backups`.
    pub id: String,
    /// Its title.
    pub title: String,
    /// What it says.
    pub claim: String,
    /// Labels of the controls that it is about, in this catalogue or not.
    pub controls: Vec<String>,
    /// How to look at it.
    pub methods: Vec<Method>,
    /// Who answers for it.
    pub responsible: String,
    /// What to look at.
    pub assess: String,
    /// What a cluster shows of it all the same.
    pub visible: Option<String>,
}

/// A rule that a control binds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// The id of the rule.
    pub rule: String,
    /// What it does for the control.
    pub relation: Relation,
}

/// What a rule does for a control.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Relation {
    /// It decides on the control.
    Primary,
    /// It is worth reading beside the control, and decides nothing.
    Supporting,
}

/// Why a control or a proof has no rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Another party provides it, and its assessment covers it.
    Inherited,
    /// People have to look at it; no cluster shows it.
    Manual,
    /// It does not apply to this kind of system.
    NotApplicable,
    /// A rule could test it, and none does yet.
    Planned,
}

/// An assessment method of SP 800-53A.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Method {
    /// Reading documents and records.
    Examine,
    /// Asking people.
    Interview,
    /// Exercising mechanisms; the part that rules contribute to.
    Test,
}

impl Catalog {
    /// The catalogue that this program carries, checked against the ids of its rules.
    pub fn builtin(rules: &[&str]) -> Result<Self, CatalogError> {
        load::builtin(rules)
    }

    /// The catalogue in a directory, under the same checks as the built-in one.
    pub fn from_directory(path: &Path, rules: &[&str]) -> Result<Self, CatalogError> {
        load::from_directory(path, rules)
    }

    /// The catalogue as a page in Markdown.
    pub fn markdown(&self) -> String {
        page::markdown(self)
    }

    /// The control of that id or label, in any usual spelling (`sc-39`, `AC-06`, `AC-4 (21)`).
    pub fn control(&self, id: &str) -> Option<&Control> {
        let id = id::normalise(id)?;
        self.controls.iter().find(|control| control.id == id)
    }

    /// A word on an id that is no control of this catalogue: a misprint, or an enhancement listed for information.
    pub fn note_for(&self, id: &str) -> Option<&str> {
        let id = id::normalise(id)?;
        let enhancements = self
            .controls
            .iter()
            .flat_map(|control| &control.enhancements);
        let mut notes = self
            .mentions
            .iter()
            .map(|mention| (&mention.id, &mention.note))
            .chain(enhancements.map(|enhancement| (&enhancement.id, &enhancement.note)));
        notes.find_map(|(noted, note)| (*noted == id).then_some(note.as_str()))
    }

    /// The labels of the controls that bind a rule, each once: those it is primary for first, else as in the catalogue.
    pub fn labels_of(&self, rule: &str) -> Vec<&str> {
        let mut bound: Vec<(Relation, &str)> = self
            .controls
            .iter()
            .filter_map(|control| Some((control.relation_of(rule)?, control.label.as_str())))
            .collect();
        // The sort is stable, so that the order of the catalogue survives within a relation.
        bound.sort_by_key(|(relation, _)| *relation);
        bound.into_iter().map(|(_, label)| label).collect()
    }
}

impl Control {
    /// The rules that decide on the control, each once: its own and those of its proofs.
    pub fn primary_rules(&self) -> Vec<&str> {
        self.rules_of(Relation::Primary)
    }

    /// Every rule bound to the control, each once: primary first, then supporting.
    pub fn all_bindings(&self) -> Vec<Binding> {
        [Relation::Primary, Relation::Supporting]
            .into_iter()
            .flat_map(|relation| {
                self.rules_of(relation)
                    .into_iter()
                    .map(move |rule| (rule, relation))
            })
            .map(|(rule, relation)| Binding {
                rule: rule.to_owned(),
                relation,
            })
            .collect()
    }

    /// What a rule does for the control, if it is bound at all.
    pub fn relation_of(&self, rule: &str) -> Option<Relation> {
        [Relation::Primary, Relation::Supporting]
            .into_iter()
            .find(|relation| self.rules_of(*relation).contains(&rule))
    }

    /// The rules that an objective of this control rests on: those that it names, else all primary ones.
    pub fn objective_rules<'a>(&'a self, objective: &'a Objective) -> Vec<&'a str> {
        if objective.rules.is_empty() {
            return self.primary_rules();
        }
        objective.rules.iter().map(String::as_str).collect()
    }

    /// The label with leading zeros (`AC-06`, `AC-04(21)`), as NIST and FedRAMP print it now.
    pub fn padded_label(&self) -> String {
        id::padded_label(&self.id)
    }

    fn rules_of(&self, relation: Relation) -> Vec<&str> {
        let own = self
            .rules
            .iter()
            .filter(|binding| binding.relation == relation);
        let mut rules: Vec<&str> = own.map(|binding| binding.rule.as_str()).collect();
        if relation == Relation::Primary {
            for rule in self.proofs.iter().flat_map(|proof| &proof.rules) {
                // A rule may test two proofs.
                if !rules.contains(&rule.as_str()) {
                    rules.push(rule);
                }
            }
        }
        rules
    }
}

impl Relation {
    /// The word for it in files and reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Primary => "primary",
            Self::Supporting => "supporting",
        }
    }
}

impl Reason {
    /// The closed set, in the order of messages.
    pub const ALL: [Self; 4] = [
        Self::Inherited,
        Self::Manual,
        Self::NotApplicable,
        Self::Planned,
    ];

    /// The word for it in files and reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Inherited => "inherited",
            Self::Manual => "manual",
            Self::NotApplicable => "not-applicable",
            Self::Planned => "planned",
        }
    }

    fn list() -> String {
        Self::ALL.map(Self::as_str).join(", ")
    }
}

impl Method {
    /// The word for it, as NIST writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Examine => "EXAMINE",
            Self::Interview => "INTERVIEW",
            Self::Test => "TEST",
        }
    }
}

impl fmt::Display for CatalogSource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Builtin => formatter.write_str("builtin"),
            Self::Directory(path) => formatter.write_str(path),
        }
    }
}

impl fmt::Display for Relation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl fmt::Display for Method {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests;
