//! Where one side does not tell what the other does.

use std::collections::BTreeMap;

use super::rows::Key;
use super::{Side, code};
use crate::gaps::Missing;
use crate::kind::Kind;
use crate::report::{Gap, Report};
use crate::rules::{RULES, Rule, Subjects};
use crate::snapshot::Mode;

/// Rules that can't be compared, by their index, and why. Rules that the later side does not tell of, or may tell of by
/// another logic, are named as a whole.
pub(super) fn rules(
    old: &Side<'_>,
    new: &Side<'_>,
    whole: &mut Vec<String>,
) -> BTreeMap<usize, String> {
    let mut incomparable = BTreeMap::new();
    let mut ids: Vec<&String> = old.ran.keys().chain(new.ran.keys()).collect();
    ids.sort();
    ids.dedup();
    for id in ids {
        let index = RULES.iter().position(|rule| rule.id == *id);
        let known = index.map(|index| RULES[index].version);
        let (one, other) = (old.ran.get(id), new.ran.get(id));
        let why = match (one, other) {
            (Some(one), Some(other)) if one != other => {
                format!("the rule is version {one} in the first and {other} in the second")
            }
            (Some(_), None) => "the rule ran for the first only".to_owned(),
            (None, Some(_)) => "the rule ran for the second only".to_owned(),
            (Some(_), Some(_)) | (None, None) => match known {
                Some(known) if Some(&known) == one => continue,
                Some(known) => format!("the rule is version {known} in this binary"),
                None => "this binary does not have the rule".to_owned(),
            },
        };
        // What the later side found by its own logic is known where this binary has that logic.
        let tells = known.is_some() && known == other.copied();
        if !tells {
            whole.push(format!("{id}: {why}"));
        }
        if let Some(index) = index {
            incomparable.insert(index, why);
        }
    }
    incomparable
}

/// Namespaces that the later side does not judge any more, although they are there.
pub(super) fn narrowed(old: &Report<'_>, new: &Report<'_>) -> Vec<String> {
    let mut words = Vec::new();
    for name in &old.scope.namespaces {
        if !new.scope.namespaces.contains(name) && exists(new, name) {
            words.push(format!("namespace {name} was judged for the first only"));
        }
    }
    if old.scope.selector != new.scope.selector {
        let selector = |report: &Report<'_>| {
            let selector = report.scope.selector.as_deref();
            selector.map_or_else(
                || "no selector".to_owned(),
                |text| format!("selector {text}"),
            )
        };
        words.push(format!(
            "pods were judged by {} for the first, and {} for the second",
            selector(old),
            selector(new)
        ));
    }
    if let Some(missing) = new.scope.unknown {
        words.push(format!(
            "the second does not know all that is in scope: {}",
            code(missing)
        ));
    }
    words
}

/// Why a report may not have a row that another one has, although what the row is about is there: it did not read it, did
/// not look for it, or one of the two did not read what gives it its name.
pub(super) fn hides(report: &Report<'_>, other: &Report<'_>, key: &Key<'_>) -> Option<String> {
    let rule = RULES[key.rule];
    if let Some(missing) = report.scope.unknown {
        let code = code(missing);
        return Some(format!("not all that is in scope was known: {code}"));
    }
    let hidden = report.gaps.iter().filter(|gap| {
        // Files hold the workloads that are used, and need not hold any of the other kinds.
        let is_usual = report.snapshot.origin.mode == Mode::Manifests
            && gap.missing == Missing::NotCollected
            && Kind::WORKLOADS.contains(&gap.kind);
        !is_usual
    });
    let renamed = other
        .gaps
        .iter()
        .filter(|gap| Kind::WORKLOADS.contains(&gap.kind));
    let gap = hidden.chain(renamed).find(|gap| touches(gap, rule, key));
    if let Some(gap) = gap {
        return Some(gap.message.clone());
    }
    let namespace = key.place.namespace;
    if !namespace.is_empty()
        && !report.scope.namespaces.iter().any(|name| name == namespace)
        && other.scope.namespaces.iter().any(|name| name == namespace)
        && exists(report, namespace)
    {
        return Some(format!("namespace {namespace} was not judged"));
    }
    (report.scope.selector != other.scope.selector && judges_pods(rule))
        .then(|| "pods were judged by another selector".to_owned())
}

/// Whether a gap may have hidden the subject, or the name that it goes by. Any other gap leaves a row.
fn touches(gap: &Gap, rule: &Rule, key: &Key<'_>) -> bool {
    let Subjects::Kinds(kinds) = rule.subjects else {
        return false;
    };
    let scope = [Kind::Namespace, Kind::MendixApp, Kind::Runtime];
    let hides = kinds.contains(&gap.kind)
        || scope.contains(&gap.kind)
        || judges_pods(rule) && Kind::WORKLOADS.contains(&gap.kind);
    let here = match gap.namespace.as_deref() {
        None => true,
        Some(namespace) => key.place.namespace.is_empty() || namespace == key.place.namespace,
    };
    hides && here
}

fn judges_pods(rule: &Rule) -> bool {
    match rule.subjects {
        Subjects::Cluster => false,
        Subjects::Kinds(kinds) => kinds.contains(&Kind::Pod),
    }
}

/// Whether a namespace was there, by itself or by what it holds.
fn exists(report: &Report<'_>, namespace: &str) -> bool {
    let snapshot = report.snapshot;
    snapshot.find(Kind::Namespace, "", namespace).is_some()
        || snapshot
            .objects
            .iter()
            .any(|object| object.namespace() == namespace)
}
