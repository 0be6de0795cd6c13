//! Evidence files, read back: a snapshot, and what a scan of it was told.
//!
//! A source beside saved snapshots. It takes from a file only what nothing else in the file follows from: objects and
//! their projections, coverage, provenance, plan, waivers, scope, selection of rules and threshold. Verdicts, counts
//! and digests are not read here; [`crate::verify`] makes them again and holds them against the file.

mod parts;
mod read;
#[cfg(test)]
mod tests;
use crate::catalog::{Catalog, CatalogError, CatalogSource};
use crate::declaration::DeclarationError;
use crate::model::ScopeRequest;
use crate::plan::Plan;
use crate::report::gate::GateOptions;
use crate::report::{Baseline, Run};
use crate::rules::{self, RULES};
use crate::snapshot::Snapshot;
use crate::waivers::Waivers;

pub use parts::{Members, elements, strict};
pub use read::{LIMIT, read};

/// What an evidence file rests on.
#[derive(Debug)]
pub struct Evidence {
    /// Objects, coverage and provenance.
    pub snapshot: Snapshot,
    /// The assessment plan; empty without one.
    pub plan: Plan,
    /// The waivers; empty without any.
    pub waivers: Waivers,
    /// What was judged.
    pub scope: ScopeRequest,
    /// The label selector as the user wrote it.
    pub selector: Option<String>,
    /// What decided the exit code besides the results.
    pub gate: GateOptions,
    /// The baseline that it was held against, with what of it still failed.
    pub previous: Option<Baseline>,
    /// The run, as recorded.
    pub run: Run,
    /// What it was held against.
    pub catalogue: Recorded,
}

/// The catalogue and the rules that the file was made with.
#[derive(Debug)]
pub struct Recorded {
    /// Id of the catalogue.
    pub id: String,
    /// Its version.
    pub version: String,
    /// Its digest.
    pub digest: String,
    /// Whether a user gave it in a folder.
    pub is_own: bool,
    /// Ids and versions of all rules that the program had.
    pub rules: Vec<(String, u32)>,
    /// Ids of the rules that ran.
    pub selected: Vec<String>,
}

/// Why a file can't be read as evidence.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// The bytes did not come through.
    #[error("unable to read the file")]
    Read(#[source] std::io::Error),
    /// More than any cluster gives.
    #[error("the file is larger than {} MiB", LIMIT >> 20)]
    TooLarge,
    /// No text.
    #[error("the file is no text: byte {0} is not UTF-8")]
    NotUtf8(usize),
    /// No JSON, cut off, or a member that stands twice.
    #[error("the file is no evidence: {0}")]
    Malformed(String),
    /// Something else.
    #[error("the file is no evidence: its kind is {0:?} instead of \"SC39Evidence\"")]
    NotEvidence(String),
    /// A form that this binary does not know.
    #[error("its form is {member} {found:?}, and this binary reads {known:?}")]
    Form {
        /// The member that says so.
        member: &'static str,
        /// What it says.
        found: String,
        /// What this binary reads.
        known: &'static str,
    },
    /// A member that is not as the schema has it.
    #[error("{pointer}: {message}")]
    Member {
        /// Where.
        pointer: String,
        /// What is wrong there.
        message: String,
    },
    /// The plan or the waivers in it are none.
    #[error(transparent)]
    Declaration(#[from] DeclarationError),
}

/// Why this binary can't repeat what was done.
#[derive(Debug, thiserror::Error)]
pub enum LackError {
    /// A rule that this binary does not have.
    #[error("it was made with the rule {0}, which this binary does not have")]
    Rule(String),
    /// A rule whose logic was another.
    #[error(
        "it was made with version {recorded} of the rule {id}, and this binary has version {known}"
    )]
    Version {
        /// The rule.
        id: String,
        /// Version in the file.
        recorded: u32,
        /// Version in this binary.
        known: u32,
    },
    /// Another state of the catalogue that comes with the program.
    #[error(
        "it was made with the catalogue {id} {version} ({digest}), and this binary has {known}; give the catalogue's \
         folder with --controls"
    )]
    Catalogue {
        /// Id of the catalogue.
        id: String,
        /// Its version.
        version: String,
        /// Its digest.
        digest: String,
        /// The digest of the one at hand.
        known: String,
    },
    /// The catalogue of the user's own.
    #[error(
        "it was made with a catalogue of its own, {id} {version} ({digest}); give its folder with --controls"
    )]
    OwnCatalogue {
        /// Id of the catalogue.
        id: String,
        /// Its version.
        version: String,
        /// Its digest.
        digest: String,
    },
    /// The catalogue that was given is another one.
    #[error(
        "the catalogue in that folder ({found}) is not the one that it was made with, {id} {version} ({digest})"
    )]
    OtherCatalogue {
        /// Id of the catalogue in the file.
        id: String,
        /// Its version.
        version: String,
        /// Its digest.
        digest: String,
        /// The digest of the one that was given.
        found: String,
    },
    /// The built-in catalogue does not load.
    #[error("unable to load the built-in catalogue")]
    Builtin(#[source] CatalogError),
}

impl Recorded {
    /// The rules that ran, as this binary has them.
    pub fn selection(&self) -> Result<Vec<&'static str>, LackError> {
        for (id, recorded) in &self.rules {
            let is_selected = self.selected.contains(id);
            match rules::find(id) {
                Some(rule) if rule.version == *recorded || !is_selected => {}
                Some(rule) => {
                    return Err(LackError::Version {
                        id: id.clone(),
                        recorded: *recorded,
                        known: rule.version,
                    });
                }
                None if is_selected => return Err(LackError::Rule(id.clone())),
                None => {}
            }
        }
        let rule = |id: &String| rules::find(id).ok_or_else(|| LackError::Rule(id.clone()));
        let selected = self.selected.iter().map(|id| rule(id).map(|rule| rule.id));
        selected.collect()
    }

    /// The catalogue that the file was made with: the given one, or the one that this binary carries.
    pub fn catalog(&self, given: Option<Catalog>) -> Result<Catalog, LackError> {
        let (id, version, digest) = (self.id.clone(), self.version.clone(), self.digest.clone());
        if let Some(given) = given {
            if given.digest == digest {
                return Ok(self.as_recorded(given));
            }
            let found = given.digest;
            return Err(LackError::OtherCatalogue {
                id,
                version,
                digest,
                found,
            });
        }
        let ids: Vec<&str> = RULES.iter().map(|rule| rule.id).collect();
        let builtin = Catalog::builtin(&ids).map_err(LackError::Builtin)?;
        if builtin.digest == digest {
            return Ok(self.as_recorded(builtin));
        }
        if self.is_own {
            return Err(LackError::OwnCatalogue {
                id,
                version,
                digest,
            });
        }
        let known = builtin.digest;
        Err(LackError::Catalogue {
            id,
            version,
            digest,
            known,
        })
    }

    /// The same catalogue, from where the file says that it was.
    fn as_recorded(&self, mut catalog: Catalog) -> Catalog {
        match (self.is_own, &catalog.source) {
            (true, CatalogSource::Directory(_)) | (false, CatalogSource::Builtin) => {}
            (true, CatalogSource::Builtin) => {
                catalog.source = CatalogSource::Directory("controls".to_owned());
            }
            (false, CatalogSource::Directory(_)) => catalog.source = CatalogSource::Builtin,
        }
        catalog
    }
}
