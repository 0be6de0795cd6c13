//! The registry tests itself: a rule that was added by halves fails here, by name and with what is missing.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::*;
use crate::catalog::Catalog;

/// Headings of a rule's page, in this order.
const SECTIONS: [&str; 5] = [
    "What it checks",
    "Why it matters",
    "Evidence",
    "Remediation",
    "Limits",
];

#[test]
fn every_rule_file_is_registered() {
    let mut problems = Vec::new();
    let mut homes: BTreeMap<String, PathBuf> = BTreeMap::new();
    for path in sources(&root("src/rules")) {
        let text = fs::read_to_string(&path).unwrap();
        if text
            .lines()
            .any(|line| line.contains("static RULE: Rule ="))
        {
            homes.insert(stem(&path).replace('_', "-"), path);
        }
    }
    for (id, path) in &homes {
        let depth = path
            .strip_prefix(root("src/rules"))
            .unwrap()
            .components()
            .count();
        if depth != 2 {
            problems.push(format!(
                "{}: rules stand in src/rules/<group>/<id>.rs",
                path.display()
            ));
        }
        if find(id).is_none() {
            problems.push(format!(
                "{}: no rule {id} is in the RULES of its group",
                path.display()
            ));
        }
    }
    for rule in RULES.iter().filter(|rule| !homes.contains_key(rule.id)) {
        let file = rule.id.replace('-', "_");
        problems.push(format!(
            "rule {}: no file src/rules/<group>/{file}.rs defines it",
            rule.id
        ));
    }
    report(&problems);
}

#[test]
fn ids_and_words_follow_the_conventions() {
    let mut problems = Vec::new();
    let mut ids = BTreeSet::new();
    for rule in RULES.iter() {
        let id = rule.id;
        if !ids.insert(id) {
            problems.push(format!("rule {id} is registered twice"));
        }
        let is_kebab = id.split('-').all(|word| {
            !word.is_empty()
                && word
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        });
        if !is_kebab {
            problems.push(format!(
                "rule {id}: ids are lower-case words joined by hyphens"
            ));
        }
        if rule.title.ends_with('.') || !rule.title.starts_with(char::is_uppercase) {
            problems.push(format!(
                "rule {id}: its title is a phrase without a full stop"
            ));
        }
        if rule.version == 0 {
            problems.push(format!("rule {id}: versions begin with 1"));
        }
        let kinds: BTreeSet<Kind> = rule.reads.iter().map(|read| read.kind).collect();
        if kinds.len() != rule.reads.len() {
            problems.push(format!("rule {id}: a kind stands twice in its reads"));
        }
        if let Subjects::Kinds(subjects) = rule.subjects {
            let read = |kind: &Kind| kinds.contains(kind) || ALWAYS_READ.contains(kind);
            let unread = subjects.iter().filter(|kind| !read(kind));
            problems.extend(
                unread.map(|kind| format!("rule {id}: its subject {kind} is not among its reads")),
            );
        }
    }
    if !RULES.is_sorted_by_key(|rule| rule.group) {
        problems.push(
            "rules of one group do not stand together, or groups are out of order".to_owned(),
        );
    }
    report(&problems);
}

#[test]
fn every_rule_has_its_page() {
    let mut problems = Vec::new();
    for rule in RULES.iter() {
        let path = root("docs/rules").join(format!("{}.md", rule.id));
        match fs::read_to_string(&path) {
            Err(error) => problems.push(format!("{}: {error}", path.display())),
            Ok(text) if text != rule.docs => {
                problems.push(format!(
                    "rule {}: its docs are not {}",
                    rule.id,
                    path.display()
                ));
            }
            Ok(text) => problems.extend(faults_of_page(rule.id, &text)),
        }
    }
    problems.extend(strangers("docs/rules"));
    report(&problems);
}

fn faults_of_page(id: &str, text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let mut fault = |what: String| faults.push(format!("docs/rules/{id}.md: {what}"));
    let mut lines = text.lines();
    if lines.next() != Some(&format!("# {id}")) {
        fault(format!("its first line is not `# {id}`"));
    }
    let opening: Vec<&str> = lines.take_while(|line| !line.starts_with('#')).collect();
    if !opening.join(" ").trim().ends_with('.') {
        fault("no sentence stands between its title and its first section".to_owned());
    }
    let headings: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("## "))
        .collect();
    if headings != SECTIONS {
        fault(format!("its sections are {headings:?}, not {SECTIONS:?}"));
    }
    for section in text.split("\n## ").skip(1) {
        let (heading, body) = section.split_once('\n').unwrap_or((section, ""));
        if body.trim().is_empty() {
            fault(format!("section {heading} is empty"));
        }
        if heading == "Remediation" && body.matches("```yaml").count() < 2 {
            fault("its remediation lacks YAML before and after".to_owned());
        }
    }
    faults
}

#[test]
fn every_rule_has_fixtures() {
    let mut problems = Vec::new();
    for rule in RULES.iter() {
        let folder = root("fixtures/rules").join(rule.id);
        let names: Vec<String> = entries(&folder).iter().map(|path| stem(path)).collect();
        for kind in ["pass-", "fail-"] {
            if !names.iter().any(|name| name.starts_with(kind)) {
                problems.push(format!("{}: no fixture {kind}<why>.yaml", folder.display()));
            }
        }
    }
    problems.extend(strangers("fixtures/rules"));
    report(&problems);
}

#[test]
fn every_rule_answers_a_control() {
    let ids: Vec<&str> = RULES.iter().map(|rule| rule.id).collect();
    let catalog = Catalog::builtin(&ids).unwrap();
    let unbound = ids.iter().filter(|id| catalog.labels_of(id).is_empty());
    let problems: Vec<String> = unbound
        .map(|id| format!("rule {id}: no control in controls/ names it"))
        .collect();
    report(&problems);
}

/// Pages or folders of rules that do not exist.
fn strangers(folder: &str) -> Vec<String> {
    let paths = entries(&root(folder));
    let strangers = paths.iter().filter(|path| find(&stem(path)).is_none());
    strangers
        .map(|path| format!("{}: no rule has this id", path.display()))
        .collect()
}

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn stem(path: &Path) -> String {
    path.file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// What a folder holds, sorted; nothing where it does not exist.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

/// All source files below a folder, those directly in it left out.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let folders = entries(folder).into_iter().filter(|path| path.is_dir());
    folders
        .flat_map(|folder| {
            let mut files: Vec<PathBuf> = entries(&folder);
            files.retain(|path| path.extension().is_some_and(|extension| extension == "rs"));
            files.extend(sources(&folder));
            files
        })
        .collect()
}

fn report(problems: &[String]) {
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}
