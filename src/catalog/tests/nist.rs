//! The built-in catalogue against NIST's own data.

use std::fs;
use std::path::Path;

use super::{Catalog, Control, rules};

/// NIST's data is not kept here; beside a checkout that has it, titles, statements and objectives must agree with it.
#[test]
fn controls_agree_with_nist() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../shared/schemas/nist/sc39-and-related-controls-rev5.json");
    let Ok(text) = fs::read_to_string(&path) else {
        println!("left out: {} is not there", path.display());
        return;
    };
    let nist: serde_json::Value = serde_json::from_str(&text).unwrap();
    let nist = nist["controls"].as_array().unwrap();
    for control in Catalog::builtin(&rules()).unwrap().controls {
        let official = nist
            .iter()
            .find(|official| official["id"] == control.id.as_str())
            .unwrap();
        assert_eq!(official["title"], control.title.as_str());
        let labels = official["props"].as_array().unwrap();
        for label in [control.label.clone(), control.padded_label()] {
            assert!(
                labels.iter().any(|prop| prop["value"] == label.as_str()),
                "{label}"
            );
        }
        let parts = prose_by_id(official);
        for objective in &control.objectives {
            let prose = parts
                .iter()
                .find(|(id, _)| *id == objective.id)
                .map(|(_, prose)| *prose);
            assert!(prose.is_some(), "{} is no objective of NIST", objective.id);
            assert!(
                objective.determination.is_none() || objective.determination.as_deref() == prose
            );
        }
        assert_states(&control, &parts);
        if !control.related.is_empty() {
            assert_eq!(control.related, related(official));
        }
    }
}

/// Every part of an OSCAL control that says something, with its id.
fn prose_by_id(part: &serde_json::Value) -> Vec<(&str, &str)> {
    let own = part["id"].as_str().zip(part["prose"].as_str());
    let parts = part["parts"]
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(prose_by_id);
    own.into_iter().chain(parts).collect()
}

/// The statement holds every sentence of NIST's, parameters left aside.
fn assert_states(control: &Control, parts: &[(&str, &str)]) {
    let prefix = format!("{}_smt", control.id);
    let statements: Vec<&str> = parts
        .iter()
        .filter(|(id, _)| id.starts_with(&prefix))
        .map(|(_, prose)| *prose)
        .collect();
    assert!(!statements.is_empty(), "{} has no statement", control.id);
    for statement in statements {
        for piece in statement
            .split("{{")
            .map(|piece| piece.split("}}").last().unwrap_or(piece))
        {
            assert!(
                control.statement.contains(piece.trim()),
                "{}: {piece:?}",
                control.id
            );
        }
    }
}

fn related(official: &serde_json::Value) -> Vec<&str> {
    let links = official["links"].as_array().unwrap().iter();
    let related = links.filter(|link| link["rel"] == "related");
    related
        .map(|link| link["href"].as_str().unwrap().trim_start_matches('#'))
        .collect()
}
