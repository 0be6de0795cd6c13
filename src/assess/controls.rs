//! What the results say of controls.

use crate::catalog::{Catalog, Control, Relation};
use crate::report::{ControlReport, Counts, Determination, PartReport, RuleReport};

/// Determines every control of the catalogue, its objectives and its proofs.
pub(super) fn determine(catalog: &Catalog, reports: &[RuleReport]) -> Vec<ControlReport> {
    catalog
        .controls
        .iter()
        .enumerate()
        .map(|(index, control)| one(index, control, reports))
        .collect()
}

fn one(index: usize, control: &Control, reports: &[RuleReport]) -> ControlReport {
    let rules: Vec<(usize, Relation)> = control
        .all_bindings()
        .into_iter()
        .filter_map(|binding| Some((position(reports, &binding.rule)?, binding.relation)))
        .collect();
    let primary: Vec<usize> = rules
        .iter()
        .filter(|(_, relation)| *relation == Relation::Primary)
        .map(|(rule, _)| *rule)
        .collect();
    let objectives = control.objectives.iter().map(|objective| {
        let title = objective
            .determination
            .clone()
            .unwrap_or_else(|| control.title.clone());
        part(
            &objective.id,
            &title,
            &control.objective_rules(objective),
            reports,
        )
    });
    let proofs = control.proofs.iter().map(|proof| {
        let rules: Vec<&str> = proof.rules.iter().map(String::as_str).collect();
        part(&proof.id, &proof.title, &rules, reports)
    });
    ControlReport {
        control: index,
        determination: determination(&primary, reports),
        counts: counts(&primary, reports),
        parts: objectives.chain(proofs).collect(),
        rules,
    }
}

fn part(id: &str, title: &str, rules: &[&str], reports: &[RuleReport]) -> PartReport {
    let rules: Vec<usize> = rules
        .iter()
        .filter_map(|rule| position(reports, rule))
        .collect();
    PartReport {
        id: id.to_owned(),
        title: title.to_owned(),
        determination: (!rules.is_empty()).then(|| determination(&rules, reports)),
        counts: counts(&rules, reports),
        rules,
    }
}

fn position(reports: &[RuleReport], rule: &str) -> Option<usize> {
    reports.iter().position(|report| report.rule.id == rule)
}

fn counts(rules: &[usize], reports: &[RuleReport]) -> Counts {
    rules.iter().fold(Counts::default(), |mut sum, rule| {
        sum.merge(reports[*rule].counts);
        sum
    })
}

/// A failure, waived or not, is an exception; what is not known, deselected or without any subject is undetermined.
fn determination(rules: &[usize], reports: &[RuleReport]) -> Determination {
    let sum = counts(rules, reports);
    if sum.fail + sum.waived > 0 {
        return Determination::Exceptions;
    }
    let deselected = rules.iter().any(|rule| !reports[*rule].selected);
    if deselected || sum.indeterminate > 0 || sum.pass == 0 {
        return Determination::Undetermined;
    }
    Determination::NoExceptions
}
