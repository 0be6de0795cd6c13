//! Puts a catalogue together from its files, and refuses one that contradicts itself or the rules.
//!
//! The built-in one and one in a directory come under the same checks, so that their authors get the same messages.

use std::collections::BTreeMap;
use std::path::Path;

use serde_saphyr::Spanned;

use super::error::{CatalogError, Place};
use super::files::{self, CATALOG, Files, STATEMENTS};
use super::shape::{self, BindingEntries, CatalogFile, ControlFile, EnhancementEntry};
use super::shape::{MentionEntry, ObjectiveEntry, ProofEntry, StatementsFile};
use super::{
    Binding, Catalog, CatalogSource, Control, Enhancement, Framework, Mention, Objective, Proof,
    Reason, Relation, Statement, id,
};

pub(super) fn builtin(rules: &[&str]) -> Result<Catalog, CatalogError> {
    assemble(CatalogSource::Builtin, &files::builtin(), rules)
}

pub(super) fn from_directory(path: &Path, rules: &[&str]) -> Result<Catalog, CatalogError> {
    let directory = path.display().to_string();
    let files = files::in_directory(path)?;
    if files.is_empty() {
        return Err(CatalogError::EmptyDirectory { directory });
    }
    assemble(CatalogSource::Directory(directory), &files, rules)
}

/// Puts a catalogue together from its files.
pub(super) fn assemble(
    source: CatalogSource,
    files: &Files,
    rules: &[&str],
) -> Result<Catalog, CatalogError> {
    let mut loader = Loader {
        source,
        files,
        rules,
        ids: BTreeMap::new(),
    };
    let (shown, text) = loader.open(CATALOG, "every catalogue has it")?;
    let catalog: CatalogFile = shape::parse(&shown, text)?;
    if catalog.controls.is_empty() {
        return Err(CatalogError::NoControl { file: shown });
    }
    let mut controls = Vec::with_capacity(catalog.controls.len());
    for id in &catalog.controls {
        controls.push(loader.control(&shown, id)?);
    }
    loader.refuse_unlisted(&controls)?;
    let statements = loader.statements()?;
    let mentions = catalog
        .mentions
        .into_iter()
        .map(|entry| loader.mention(&shown, entry));
    Ok(Catalog {
        id: catalog.id,
        version: catalog.version,
        title: catalog.title,
        mentions: mentions.collect::<Result<_, _>>()?,
        digest: files::digest_of(files),
        source: loader.source,
        frameworks: catalog
            .frameworks
            .into_iter()
            .map(Framework::from)
            .collect(),
        controls,
        statements,
        notes: catalog.notes,
    })
}

/// What checking one file needs to know of the others.
struct Loader<'a> {
    source: CatalogSource,
    files: &'a Files,
    rules: &'a [&'a str],
    /// Every id met so far, with the file that holds it.
    ids: BTreeMap<String, String>,
}

impl<'a> Loader<'a> {
    /// The name of a file in messages, and its text.
    fn open(&self, name: &str, reason: &str) -> Result<(String, &'a str), CatalogError> {
        let shown = self.shown(name);
        match self.files.get(name) {
            Some(text) => Ok((shown, text)),
            None => Err(CatalogError::MissingFile {
                file: shown,
                reason: reason.to_owned(),
            }),
        }
    }

    fn shown(&self, name: &str) -> String {
        let root = match &self.source {
            CatalogSource::Builtin => Path::new("controls"),
            CatalogSource::Directory(path) => Path::new(path),
        };
        root.join(name).display().to_string()
    }

    fn refuse_unlisted(&self, controls: &[Control]) -> Result<(), CatalogError> {
        let listed = |name: &str| {
            let stem = name.strip_suffix(".yaml");
            name == CATALOG
                || name == STATEMENTS
                || controls
                    .iter()
                    .any(|control| Some(control.id.as_str()) == stem)
        };
        match self.files.keys().find(|name| !listed(name)) {
            Some(name) => Err(CatalogError::UnlistedFile {
                file: self.shown(name),
            }),
            None => Ok(()),
        }
    }

    /// Reads the file of a control that the catalogue lists.
    fn control(
        &mut self,
        catalog: &str,
        listed: &Spanned<String>,
    ) -> Result<Control, CatalogError> {
        let expected = control_id(catalog, listed)?;
        let reason = format!("{} lists the control", place(catalog, listed));
        let (shown, text) = self.open(&format!("{expected}.yaml"), &reason)?;
        let entry: ControlFile = shape::parse(&shown, text)?;
        let id = control_id(&shown, &entry.id)?;
        if id != expected {
            return Err(CatalogError::OtherControl {
                place: place(&shown, &entry.id),
                id,
                expected,
            });
        }
        // A control that is listed twice is found here, at the place of the second listing.
        self.take(catalog, listed)?;
        self.checked(&shown, id, entry)
    }

    fn checked(
        &mut self,
        shown: &str,
        id: String,
        entry: ControlFile,
    ) -> Result<Control, CatalogError> {
        let head = place(shown, &entry.id);
        let objective_entries = entry.objectives;
        if objective_entries.is_empty() {
            return Err(CatalogError::NoObjective { place: head, id });
        }
        let proofs: Vec<Proof> = entry
            .proofs
            .into_iter()
            .map(|entry| self.proof(shown, entry))
            .collect::<Result<_, _>>()?;
        let rules = self.bindings(shown, &id, &proofs, &entry.rules)?;
        let has_rules = !rules.is_empty() || proofs.iter().any(|proof| !proof.rules.is_empty());
        let enhancements = entry
            .enhancements
            .into_iter()
            .map(|entry| self.enhancement(shown, entry));
        let mut control = Control {
            label: label(shown, &id, &entry.label)?,
            title: entry.title,
            in_moderate: entry.in_moderate,
            statement: entry.statement,
            related: entry
                .related
                .iter()
                .map(|id| control_id(shown, id))
                .collect::<Result<_, _>>()?,
            since_revision_4: entry.since_revision_4,
            objectives: Vec::new(),
            enhancements: enhancements.collect::<Result<_, _>>()?,
            proofs,
            rules,
            reason: reason(shown, &head, &id, entry.reason.as_ref(), has_rules)?,
            responsible: entry.responsible,
            assess: entry.assess,
            notes: entry.notes,
            id,
        };
        for entry in objective_entries {
            let objective = self.objective(shown, &control, entry)?;
            control.objectives.push(objective);
        }
        Ok(control)
    }

    fn proof(&mut self, shown: &str, entry: ProofEntry) -> Result<Proof, CatalogError> {
        let id = self.take(shown, &entry.id)?;
        let rules = self.rule_list(shown, &id, &entry.rules)?;
        let head = place(shown, &entry.id);
        Ok(Proof {
            reason: reason(shown, &head, &id, entry.reason.as_ref(), !rules.is_empty())?,
            id,
            title: entry.title,
            source: entry.source,
            claim: entry.claim,
            rules,
            responsible: entry.responsible,
            assess: entry.assess,
            gaps: entry.gaps,
        })
    }

    fn statements(&mut self) -> Result<Vec<Statement>, CatalogError> {
        let Some(text) = self.files.get(STATEMENTS) else {
            return Ok(Vec::new());
        };
        let shown = self.shown(STATEMENTS);
        let file: StatementsFile = shape::parse(&shown, text)?;
        let mut statements = Vec::with_capacity(file.statements.len());
        for entry in file.statements {
            statements.push(Statement {
                id: self.take(&shown, &entry.id)?,
                title: entry.title,
                claim: entry.claim,
                controls: entry.controls,
                methods: entry.methods.into_iter().map(Into::into).collect(),
                responsible: entry.responsible,
                assess: entry.assess,
                visible: entry.visible,
            });
        }
        Ok(statements)
    }

    /// The rules that a control binds by itself.
    fn bindings(
        &self,
        shown: &str,
        id: &str,
        proofs: &[Proof],
        entries: &BindingEntries,
    ) -> Result<Vec<Binding>, CatalogError> {
        for rule in &entries.supporting {
            if let Some(proof) = proofs
                .iter()
                .find(|proof| proof.rules.contains(&rule.value))
            {
                return Err(CatalogError::SupportingInProof {
                    place: place(shown, rule),
                    id: id.to_owned(),
                    rule: rule.value.clone(),
                    proof: proof.id.clone(),
                });
            }
        }
        let rules = self.rule_list(shown, id, entries.primary.iter().chain(&entries.supporting))?;
        let relations = std::iter::repeat_n(Relation::Primary, entries.primary.len())
            .chain(std::iter::repeat(Relation::Supporting));
        let bindings = rules.into_iter().zip(relations);
        Ok(bindings
            .map(|(rule, relation)| Binding { rule, relation })
            .collect())
    }

    fn objective(
        &mut self,
        shown: &str,
        control: &Control,
        entry: ObjectiveEntry,
    ) -> Result<Objective, CatalogError> {
        let id = self.take(shown, &entry.id)?;
        let rules = self.rule_list(shown, &id, &entry.rules)?;
        let primary = control.primary_rules();
        if let Some(rule) = entry
            .rules
            .iter()
            .find(|rule| !primary.contains(&rule.value.as_str()))
        {
            return Err(CatalogError::ObjectiveRuleNotPrimary {
                place: place(shown, rule),
                id,
                rule: rule.value.clone(),
                control: control.id.clone(),
            });
        }
        let methods = entry.methods.into_iter().map(Into::into).collect();
        Ok(Objective {
            id,
            determination: entry.determination,
            methods,
            rules,
        })
    }

    fn enhancement(
        &mut self,
        shown: &str,
        entry: EnhancementEntry,
    ) -> Result<Enhancement, CatalogError> {
        control_id(shown, &entry.id)?;
        let id = self.take(shown, &entry.id)?;
        Ok(Enhancement {
            label: label(shown, &id, &entry.label)?,
            id,
            title: entry.title,
            in_moderate: entry.in_moderate,
            note: entry.note,
        })
    }

    fn mention(&mut self, shown: &str, entry: MentionEntry) -> Result<Mention, CatalogError> {
        control_id(shown, &entry.id)?;
        let id = self.take(shown, &entry.id)?;
        Ok(Mention {
            label: label(shown, &id, &entry.label)?,
            id,
            note: entry.note,
        })
    }

    /// The rules that one entry names: all of them known, none twice.
    fn rule_list<'b>(
        &self,
        shown: &str,
        id: &str,
        entries: impl IntoIterator<Item = &'b Spanned<String>>,
    ) -> Result<Vec<String>, CatalogError> {
        let mut rules: Vec<String> = Vec::new();
        for entry in entries {
            let (id, rule) = (id.to_owned(), entry.value.clone());
            if !self.rules.contains(&rule.as_str()) {
                return Err(CatalogError::UnknownRule {
                    place: place(shown, entry),
                    id,
                    rule,
                });
            }
            if rules.contains(&rule) {
                return Err(CatalogError::RuleBoundTwice {
                    place: place(shown, entry),
                    id,
                    rule,
                });
            }
            rules.push(rule);
        }
        Ok(rules)
    }

    /// Takes an id for the catalogue, which may have it only once.
    fn take(&mut self, shown: &str, entry: &Spanned<String>) -> Result<String, CatalogError> {
        let id = entry.value.clone();
        if !is_token(&id) {
            return Err(CatalogError::NotAnId {
                place: place(shown, entry),
                id,
            });
        }
        match self.ids.insert(id.clone(), shown.to_owned()) {
            Some(first) => Err(CatalogError::DuplicateId {
                place: place(shown, entry),
                id,
                first,
            }),
            None => Ok(id),
        }
    }
}

/// Whether OSCAL takes a text for an id.
fn is_token(id: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    id.starts_with(|first: char| first.is_ascii_alphabetic()) && id.bytes().all(inner)
}

/// Why an entry has no rules; an error unless it either has rules or says why not.
fn reason(
    shown: &str,
    head: &Place,
    id: &str,
    entry: Option<&Spanned<String>>,
    has_rules: bool,
) -> Result<Option<Reason>, CatalogError> {
    let id = id.to_owned();
    let Some(entry) = entry else {
        let place = head.clone();
        return if has_rules {
            Ok(None)
        } else {
            Err(CatalogError::NoRulesNoReason { place, id })
        };
    };
    let place = place(shown, entry);
    match Reason::ALL
        .into_iter()
        .find(|reason| reason.as_str() == entry.value)
    {
        None => Err(CatalogError::UnknownReason {
            place,
            id,
            reason: entry.value.clone(),
        }),
        Some(reason) if has_rules => Err(CatalogError::ReasonBesideRules { place, id, reason }),
        Some(reason) => Ok(Some(reason)),
    }
}

/// A control id, which has to be spelt as OSCAL spells it: files and reports are joined by it.
fn control_id(shown: &str, entry: &Spanned<String>) -> Result<String, CatalogError> {
    let id = entry.value.clone();
    if id::normalise(&id).as_ref() == Some(&id) {
        return Ok(id);
    }
    Err(CatalogError::NotAControlId {
        place: place(shown, entry),
        id,
    })
}

/// A label, which has to be that of the id it stands with.
fn label(shown: &str, id: &str, entry: &Spanned<String>) -> Result<String, CatalogError> {
    let label = entry.value.trim().to_owned();
    if id::normalise(&label).as_deref() == Some(id) {
        return Ok(label);
    }
    Err(CatalogError::OtherLabel {
        place: place(shown, entry),
        id: id.to_owned(),
        label,
    })
}

fn place(shown: &str, entry: &Spanned<String>) -> Place {
    // Line 0 stands for a location that the reader does not know.
    let line = entry.referenced.line();
    Place {
        file: shown.to_owned(),
        line: (line > 0).then_some(line),
    }
}
