//! Rules by namespace: where in the cluster what fails.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use maud::{Markup, html};

use super::results::{name, rule_link};
use super::section;
use super::text::{Number, Shown, class, counted, mark, scrolling};
use crate::report::{Counts, Effective, Report, RuleReport};

/// Namespaces that have a column; more are hard to read, and fit no paper.
const COLUMNS: usize = 40;

/// Of each namespace (empty: the cluster as a whole, nodes and volumes) the rows of each rule.
type Rows<'r> = BTreeMap<&'r str, BTreeMap<usize, Counts>>;

pub(super) fn write(report: &Report<'_>) -> Markup {
    let rows = rows(report);
    let columns = columns(&rows);
    let left = rows.len() - columns.len();
    let table = table(report, &rows, &columns);
    section(
        "map",
        &html! {
            p.lead {
                "The worst verdict of each rule in each namespace, with the number of its rows. An empty cell: the rule has no subject there."
            }
            (legend())
            (scrolling("Rules by namespace", &table))
            @if left > 0 {
                p.rest {
                    "and " (counted(left, "more namespace"))
                    "; those with the most failing, then indeterminate rows are shown, and all are in the CSV"
                }
            }
        },
    )
}

fn rows<'r>(report: &'r Report<'_>) -> Rows<'r> {
    let mut rows = Rows::new();
    for (index, rule) in report.rules.iter().enumerate() {
        for result in &rule.results {
            for subject in result.subjects.iter() {
                let (_, namespace, _) = report.subject(subject);
                let of = rows.entry(namespace).or_default().entry(index).or_default();
                of.add(result.effective, 1);
            }
        }
    }
    rows
}

/// The columns in the order of names, that of the whole cluster first.
fn columns<'r>(rows: &Rows<'r>) -> Vec<&'r str> {
    let mut all: Vec<(Reverse<(u64, u64)>, &str)> = rows
        .iter()
        .map(|(namespace, rules)| {
            let sum = |effective| rules.values().map(|counts| counts.of(effective)).sum();
            let weight = (sum(Effective::Fail), sum(Effective::Indeterminate));
            (Reverse(weight), *namespace)
        })
        .collect();
    all.sort_unstable();
    let mut columns: Vec<&str> = all
        .into_iter()
        .take(COLUMNS)
        .map(|(_, name)| name)
        .collect();
    columns.sort_unstable();
    columns
}

fn legend() -> Markup {
    html! {
        ul.legend aria-label="Marks" {
            @for effective in Effective::ALL {
                li { span class={ "cell " (class(effective)) } aria-hidden="true" { (mark(effective)) } " " (effective.name()) }
            }
        }
    }
}

fn table(report: &Report<'_>, rows: &Rows<'_>, columns: &[&str]) -> Markup {
    let mut group = None;
    let ran: Vec<(usize, &RuleReport)> = report
        .rules
        .iter()
        .enumerate()
        .filter(|(_, rule)| rule.selected)
        .collect();
    html! {
        table.map {
            caption.unseen { "The worst verdict of each rule in each namespace" }
            thead { tr {
                th.corner scope="col" { "Rule" }
                @for namespace in columns {
                    th.turned scope="col" { span { @if namespace.is_empty() { em { "cluster" } } @else { (Shown(namespace)) } } }
                }
            } }
            tbody {
                @for (index, rule) in ran {
                    @if group.replace(rule.rule.group) != Some(rule.rule.group) {
                        tr.group { th scope="colgroup" colspan=(columns.len() + 1) { (name(rule.rule.group)) } }
                    }
                    tr {
                        th scope="row" { (rule_link(rule.rule.id)) }
                        @for namespace in columns { (cell(rows.get(namespace).and_then(|rules| rules.get(&index)))) }
                    }
                }
            }
        }
    }
}

/// Worst first; what a waiver covers is still worse than what holds.
const ORDER: [Effective; 5] = [
    Effective::Fail,
    Effective::Indeterminate,
    Effective::Waived,
    Effective::Pass,
    Effective::NotApplicable,
];

fn cell(counts: Option<&Counts>) -> Markup {
    let worst = counts.and_then(|counts| {
        let worst = ORDER
            .into_iter()
            .find(|effective| counts.of(*effective) > 0)?;
        Some((worst, counts.of(worst)))
    });
    let Some((worst, rows)) = worst else {
        return html! { td {} };
    };
    let counted = matches!(
        worst,
        Effective::Fail | Effective::Indeterminate | Effective::Waived
    );
    html! {
        td class=(class(worst)) {
            span aria-hidden="true" { (mark(worst)) }
            @if counted { (Number(rows)) }
            span.unseen { " " @if !counted { (Number(rows)) " " } (worst.name()) }
        }
    }
}
