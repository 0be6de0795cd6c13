//! What a catalogue answers, for the built-in one and a small example.

mod nist;
mod refusals;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::files::{BUILTIN, Files};
use super::load::assemble;
use super::*;
use crate::rules::{Group, RULES};

/// The rules that the built-in catalogue may bind.
fn rules() -> Vec<&'static str> {
    RULES.iter().map(|rule| rule.id).collect()
}

/// Those of one group or several.
fn rules_of(wanted: impl Fn(Group) -> bool) -> Vec<&'static str> {
    let rules = RULES.iter().filter(|rule| wanted(rule.group));
    rules.map(|rule| rule.id).collect()
}

const CATALOG: &str = "\
id: example
version: 1.0.0
title: An example
frameworks: [{name: NIST SP 800-53, revision: '5'}]
controls: [sc-39, ac-4.21]
mentions:
  - {id: sc-82, label: SC-82, note: a misprint of SC-2}
";

const SC_39: &str = "\
id: sc-39
label: SC-39
title: Process Isolation
in-moderate: true
statement: Keep them apart.
objectives:
  - id: sc-39_obj
    methods: [EXAMINE, TEST]
    rules: [one]
enhancements:
  - {id: sc-39.1, label: SC-39(1), title: Hardware, in-moderate: false, note: for information}
proofs:
  - id: sc-39_proof.first
    title: First
    source: first heading
    claim: It is so.
    rules: [one, two]
    responsible: vendor
    assess: by the rules
  - id: sc-39_proof.second
    title: Second
    source: second heading
    claim: It is so, too.
    reason: manual
    responsible: vendor
    assess: by hand
rules:
  primary: [four]
  supporting: [three]
responsible: both
assess: by the rules
";

const AC_4_21: &str = "\
id: ac-4.21
label: AC-4(21)
title: Separation of Flows
in-moderate: true
statement: Separate flows.
objectives:
  - {id: ac-4.21_obj, methods: [INTERVIEW]}
rules:
  supporting: [two]
  primary: [three]
responsible: customer
assess: by the rules
";

/// A small sound catalogue.
fn example() -> Files {
    [
        ("catalog.yaml", CATALOG),
        ("sc-39.yaml", SC_39),
        ("ac-4.21.yaml", AC_4_21),
    ]
    .into_iter()
    .map(|(name, text)| (name.to_owned(), text.to_owned()))
    .collect()
}

fn load(files: &Files) -> Result<Catalog, CatalogError> {
    assemble(
        CatalogSource::Builtin,
        files,
        &["one", "two", "three", "four"],
    )
}

fn controls_directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("controls")
}

#[test]
fn builtin_catalogue_loads_and_binds_every_rule_to_sc_39() {
    let catalog = Catalog::builtin(&rules()).unwrap();
    assert_eq!(catalog.source, CatalogSource::Builtin);
    let ids: Vec<&str> = catalog
        .controls
        .iter()
        .map(|control| control.id.as_str())
        .collect();
    assert_eq!(
        ids,
        [
            "sc-39", "ac-3", "ac-4", "ac-6", "sc-2", "sc-3", "sa-4", "sa-5", "sa-8"
        ]
    );
    let sc_39 = catalog.control("SC-39").unwrap();
    let bound: BTreeSet<&str> = sc_39.primary_rules().into_iter().collect();
    // Rules on the edge support SC-7 and SC-8 only.
    let of_sc_39 = rules_of(|group| group != Group::Edge);
    assert_eq!(bound, of_sc_39.into_iter().collect());
    assert_eq!(sc_39.proofs.len(), 12);
    let beyond: Vec<&str> = catalog
        .controls
        .iter()
        .filter(|c| !c.in_moderate)
        .map(|c| c.label.as_str())
        .collect();
    assert_eq!(beyond, ["SC-3"]);
}

#[test]
fn objective_of_sc_39_rests_on_the_execution_domain_rules_alone() {
    let catalog = Catalog::builtin(&rules()).unwrap();
    let sc_39 = catalog.control("sc-39").unwrap();
    let [objective] = sc_39.objectives.as_slice() else {
        panic!("SC-39 has one objective")
    };
    assert_eq!(objective.id, "sc-39_obj");
    let execution_domain = rules_of(|group| group == Group::ExecutionDomain);
    assert_eq!(sc_39.objective_rules(objective), execution_domain);
    assert_eq!(
        objective.methods,
        [Method::Examine, Method::Interview, Method::Test]
    );
}

#[test]
fn builtin_catalogue_and_its_directory_are_the_same() {
    let builtin = Catalog::builtin(&rules()).unwrap();
    let directory = Catalog::from_directory(&controls_directory(), &rules()).unwrap();
    assert_eq!(directory.digest, builtin.digest);
    assert_eq!(directory.controls, builtin.controls);
    let names: BTreeSet<&str> = BUILTIN.iter().map(|(name, _)| *name).collect();
    let files: BTreeSet<String> = fs::read_dir(controls_directory())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(files, names.into_iter().map(str::to_owned).collect());
}

#[test]
fn digest_is_of_names_and_texts() {
    let digest = load(&example()).unwrap().digest;
    assert_eq!(digest.len(), "sha256:".len() + 64);
    assert_eq!(digest, load(&example()).unwrap().digest);
    let mut files = example();
    files
        .get_mut("sc-39.yaml")
        .unwrap()
        .push_str("# A comment counts, too.\n");
    assert_ne!(digest, load(&files).unwrap().digest);
}

#[test]
fn controls_are_found_in_every_spelling() {
    let catalog = load(&example()).unwrap();
    for id in ["sc-39", "SC-39", " sc-039 "] {
        assert_eq!(catalog.control(id).unwrap().id, "sc-39", "{id}");
    }
    for id in ["ac-4.21", "AC-4(21)", "AC-04 (21)", "ac-04.21"] {
        assert_eq!(
            catalog.control(id).unwrap().padded_label(),
            "AC-04(21)",
            "{id}"
        );
    }
    for id in ["ac-4", "sc-82", "SC-39(1)", "sc-39_obj", ""] {
        assert_eq!(catalog.control(id), None, "{id}");
    }
}

#[test]
fn notes_tell_of_misprints_and_enhancements() {
    let catalog = load(&example()).unwrap();
    assert_eq!(catalog.note_for("SC-82"), Some("a misprint of SC-2"));
    assert_eq!(catalog.note_for("SC-39 (1)"), Some("for information"));
    assert_eq!(catalog.note_for("sc-39"), None);
    assert_eq!(catalog.note_for("no id"), None);
}

#[test]
fn labels_come_primary_first() {
    let catalog = load(&example()).unwrap();
    assert_eq!(catalog.labels_of("one"), ["SC-39"]);
    assert_eq!(catalog.labels_of("two"), ["SC-39", "AC-4(21)"]);
    // Supporting for the first control, primary for the second.
    assert_eq!(catalog.labels_of("three"), ["AC-4(21)", "SC-39"]);
    assert_eq!(catalog.labels_of("unknown"), [""; 0]);
}

#[test]
fn bindings_unite_a_control_with_its_proofs() {
    let catalog = load(&example()).unwrap();
    let sc_39 = catalog.control("sc-39").unwrap();
    assert_eq!(sc_39.primary_rules(), ["four", "one", "two"]);
    let bindings = sc_39.all_bindings();
    let bindings: Vec<_> = bindings
        .iter()
        .map(|b| (b.rule.as_str(), b.relation.as_str()))
        .collect();
    assert_eq!(
        bindings,
        [
            ("four", "primary"),
            ("one", "primary"),
            ("two", "primary"),
            ("three", "supporting")
        ]
    );
    let ac_4_21 = catalog.control("ac-4.21").unwrap();
    assert_eq!(ac_4_21.objective_rules(&ac_4_21.objectives[0]), ["three"]);
}

#[test]
fn directory_is_read_without_what_is_no_yaml() {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in example() {
        fs::write(directory.path().join(name), text).unwrap();
    }
    fs::write(directory.path().join("README.md"), "no YAML: {").unwrap();
    fs::write(directory.path().join(".sc-39.yaml"), "hidden: [").unwrap();
    let rules = ["one", "two", "three", "four"];
    let catalog = Catalog::from_directory(directory.path(), &rules).unwrap();
    assert_eq!(catalog.digest, load(&example()).unwrap().digest);
    assert_eq!(
        catalog.source.to_string(),
        directory.path().display().to_string()
    );
}
