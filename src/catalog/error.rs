//! What can be wrong with a catalogue, said so that the author of it finds the place.

use std::{fmt, io};

use thiserror::Error;

/// Where in a catalogue something is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file, with the directory it lies in.
    pub file: String,
    /// The line, where the YAML reader tells it.
    pub line: Option<u64>,
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(formatter, "{}:{line}", self.file),
            None => formatter.write_str(&self.file),
        }
    }
}

/// A catalogue that could not be read, or that contradicts itself or the rules.
#[derive(Debug, Error)]
pub enum CatalogError {
    /// The directory that `--controls` names could not be listed.
    #[error("failed to list the controls directory {directory}")]
    UnreadableDirectory {
        /// The directory.
        directory: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The directory holds no YAML file.
    #[error("no catalogue in {directory}: it holds no .yaml file")]
    EmptyDirectory {
        /// The directory.
        directory: String,
    },
    /// A file of the catalogue could not be read as text.
    #[error("failed to read {file}")]
    UnreadableFile {
        /// The file.
        file: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A file that every catalogue has, or that its list of controls asks for, is not there.
    #[error("{file} is missing: {reason}")]
    MissingFile {
        /// The file.
        file: String,
        /// Who asks for it.
        reason: String,
    },
    /// A file lies beside the catalogue that its list of controls does not name, so it would be read by nobody.
    #[error("{file} belongs to no control that catalog.yaml lists")]
    UnlistedFile {
        /// The file.
        file: String,
    },
    /// The file is no YAML, holds an unknown or doubled key, lacks a key, or has a value of the wrong kind.
    #[error("{place}: {message}")]
    Malformed {
        /// Where.
        place: Place,
        /// What the YAML reader said, without the place.
        message: String,
    },
    /// A catalogue that lists no control would answer nothing.
    #[error("{file} lists no control")]
    NoControl {
        /// The file.
        file: String,
    },
    /// An id that could not stand in a report: OSCAL allows letters, digits, dots, hyphens and underscores.
    #[error(
        "{place}: {id:?} is no id: letters, digits, dots, hyphens and underscores, a letter first"
    )]
    NotAnId {
        /// Where.
        place: Place,
        /// The id as found.
        id: String,
    },
    /// A control id is not spelt as OSCAL spells it.
    #[error("{place}: {id:?} is no control id such as sc-39 or ac-4.21")]
    NotAControlId {
        /// Where.
        place: Place,
        /// The id as found.
        id: String,
    },
    /// A file holds another control than its name says.
    #[error("{place}: the file is named for {expected}, but holds {id}")]
    OtherControl {
        /// Where.
        place: Place,
        /// The id as found.
        id: String,
        /// The id that the file's name gives.
        expected: String,
    },
    /// A label that names another control than its id.
    #[error("{place}: {label:?} is no label of {id}")]
    OtherLabel {
        /// Where.
        place: Place,
        /// The id that the label stands with.
        id: String,
        /// The label as found.
        label: String,
    },
    /// An id that something else in the catalogue has already.
    #[error("{place}: the id {id} is taken already, in {first}")]
    DuplicateId {
        /// Where the id stands the second time.
        place: Place,
        /// The id.
        id: String,
        /// The file that has it first.
        first: String,
    },
    /// A control without a single objective, which no determination could refer to.
    #[error("{place}: {id} has no objective")]
    NoObjective {
        /// Where.
        place: Place,
        /// The control.
        id: String,
    },
    /// A binding to a rule that this program does not have.
    #[error("{place}: {id} binds {rule:?}, which is no rule of this program")]
    UnknownRule {
        /// Where.
        place: Place,
        /// The control, objective or proof.
        id: String,
        /// The rule as found.
        rule: String,
    },
    /// A rule that one entry binds twice.
    #[error("{place}: {id} binds {rule} twice")]
    RuleBoundTwice {
        /// Where the second binding stands.
        place: Place,
        /// The control, objective or proof.
        id: String,
        /// The rule.
        rule: String,
    },
    /// A rule that a control calls supporting, although one of its proofs makes it primary.
    #[error("{place}: {id} binds {rule} as supporting, but its proof {proof} makes it primary")]
    SupportingInProof {
        /// Where.
        place: Place,
        /// The control.
        id: String,
        /// The rule.
        rule: String,
        /// The proof.
        proof: String,
    },
    /// A rule that an objective rests on, although it is not primary for the control.
    #[error("{place}: {id} rests on {rule}, which is not primary for {control}")]
    ObjectiveRuleNotPrimary {
        /// Where.
        place: Place,
        /// The objective.
        id: String,
        /// The rule.
        rule: String,
        /// The control.
        control: String,
    },
    /// A control or proof without rules that does not say why.
    #[error(
        "{place}: {id} binds no rule and gives no reason ({})",
        super::Reason::list()
    )]
    NoRulesNoReason {
        /// Where.
        place: Place,
        /// The control or proof.
        id: String,
    },
    /// A control or proof that has rules and a reason for having none.
    #[error("{place}: {id} binds rules, so it cannot give {reason} as the reason for having none")]
    ReasonBesideRules {
        /// Where.
        place: Place,
        /// The control or proof.
        id: String,
        /// The reason.
        reason: super::Reason,
    },
    /// A reason outside the closed set.
    #[error(
        "{place}: {id} gives the reason {reason:?}, which is none of {}",
        super::Reason::list()
    )]
    UnknownReason {
        /// Where.
        place: Place,
        /// The control or proof.
        id: String,
        /// The reason as found.
        reason: String,
    },
}
