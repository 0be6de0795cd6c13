//! The assessor: runs the selected rules, turns what is missing into verdicts, and joins results to controls.
//!
//! Rules know nothing of gaps; this is the only place where something unread becomes `indeterminate`.

mod controls;
mod gaps;
mod manual;
mod results;
mod settle;
mod tiers;
mod waive;

use std::collections::BTreeSet;

use rayon::prelude::*;

use crate::catalog::Catalog;
use crate::gaps::Missing;
use crate::kind::Kind;
use crate::model::{Model, ScopeRequest};
use crate::plan::Plan;
use crate::report::gate::GateOptions;
use crate::report::{
    Baseline, Counts, Gate, Report, RuleReport, Run, ScopeSummary, Totals, Workloads,
};
use crate::rules::{self, RULES, Rule, Severity, Subjects, Verdict};
use crate::snapshot::Snapshot;
use crate::waivers::Waivers;

/// What to assess, and how to weigh it.
#[derive(Clone, Debug)]
pub struct Options<'s> {
    /// Ids of the rules that run.
    pub rules: BTreeSet<&'static str>,
    /// What is judged.
    pub scope: ScopeRequest,
    /// The label selector as the user wrote it.
    pub selector: Option<String>,
    /// What people say of the system.
    pub plan: &'s Plan,
    /// Failures that are accepted.
    pub waivers: &'s Waivers,
    /// What decides the exit code.
    pub gate: GateOptions,
    /// An earlier assessment, whose failures the exit code lets through.
    pub baseline: Option<&'s Baseline>,
    /// About this run.
    pub run: Run,
}

/// Every rule over what holds Mendix objects, with nothing that people state: any failure counts.
impl Default for Options<'_> {
    fn default() -> Self {
        Self {
            rules: RULES.iter().map(|rule| rule.id).collect(),
            scope: ScopeRequest::default(),
            selector: None,
            plan: Plan::none(),
            waivers: Waivers::none(),
            gate: GateOptions {
                fail_on: Severity::Low,
                allow_indeterminate: false,
            },
            baseline: None,
            run: Run::default(),
        }
    }
}

/// Assesses a snapshot.
pub fn assess<'s>(
    snapshot: &'s Snapshot,
    catalog: &'s Catalog,
    options: Options<'s>,
) -> Report<'s> {
    let model = Model::with_plan(snapshot, &options.scope, options.plan);
    let cluster = snapshot.origin.cluster.uid.clone().unwrap_or_default();
    let waiving = waive::Waiving::new(options.waivers, snapshot);
    let workloads = Workloads::new(&model);
    let builder = results::Builder::new(&model, &cluster, &waiving, &workloads);
    let reports: Vec<RuleReport> = RULES
        .par_iter()
        .map(|rule| {
            let selected = options.rules.contains(rule.id);
            let results = if selected {
                builder.build(rule, run(rule, &model))
            } else {
                Vec::new()
            };
            RuleReport {
                rule,
                selected,
                controls: catalog
                    .labels_of(rule.id)
                    .into_iter()
                    .map(str::to_owned)
                    .collect(),
                counts: count(&results),
                results,
            }
        })
        .collect();
    let scope = summary(&model, &options);
    let manual = manual::list(catalog, options.plan);
    let fail_on = options.gate.fail_on;
    let previous = options
        .baseline
        .map(|baseline| baseline.still_failing(&workloads, snapshot, &reports, fail_on));
    let (previous, known) = previous.unzip();
    let gate = Gate::decide(&reports, &scope, options.gate, known);
    let mut run = options.run;
    run.id = results::run_id(&cluster, &snapshot.origin.started_at, &catalog.digest);
    let gaps = gaps::list(&model, &options.rules);
    Report {
        tiers: tiers::tell(&model, &reports, &gaps),
        gaps,
        controls: controls::determine(catalog, &reports),
        plan_notes: manual::notes(&model, &manual),
        manual,
        waivers: waiving.report(snapshot, &reports),
        waiver_file: options.waivers,
        totals: totals(&reports),
        previous,
        workloads,
        snapshot,
        catalog,
        plan: options.plan,
        run,
        scope,
        rules: reports,
        gate,
    }
}

/// Runs one rule, settles each observation against what is missing, and adds rows for subjects that were not read.
fn run<'m>(
    rule: &'static Rule,
    model: &'m Model<'_>,
) -> impl Iterator<Item = settle::Settled> + use<'m> {
    let observed =
        (rule.check)(model).map(move |observation| settle::settle(rule, model, observation));
    let mut all = observed
        .chain(settle::unread_subjects(rule, model))
        .peekable();
    let empty = all.peek().is_none().then(|| settle::empty(model));
    all.chain(empty)
}

/// The kinds that the selected rules read.
pub fn kinds_read(selected: &BTreeSet<&str>) -> BTreeSet<Kind> {
    let of_rules = RULES
        .iter()
        .filter(|rule| selected.contains(rule.id))
        .flat_map(|rule| rule.reads.iter().map(|read| read.kind));
    of_rules.chain(rules::ALWAYS_READ.iter().copied()).collect()
}

fn count(results: &[crate::report::RuleResult]) -> Counts {
    let mut counts = Counts::default();
    for result in results {
        counts.add(result.effective, result.subjects.len() as u64);
    }
    counts
}

fn totals(reports: &[RuleReport]) -> Totals {
    let mut totals = Totals::new();
    for result in reports.iter().flat_map(|report| &report.results) {
        totals
            .entry(result.severity)
            .or_default()
            .add(result.effective, result.subjects.len() as u64);
    }
    totals
}

fn summary(model: &Model<'_>, options: &Options<'_>) -> ScopeSummary {
    let basis = if options.scope.all {
        "all"
    } else if options.scope.namespaces.is_empty() {
        "mendix"
    } else {
        "named"
    };
    let judged = model.judged_pods().filter(|(_, pod)| !pod.is_template());
    let apps = model
        .apps
        .iter()
        .any(|app| model.scope.contains(app.namespace));
    let templates = model.judged_pods().filter(|(_, pod)| pod.is_template());
    let templates: usize = templates.map(|(_, pod)| pod.members.len()).sum();
    let pods: usize = judged.map(|(_, pod)| pod.members.len()).sum();
    let nothing = pods == 0 && templates == 0 && (!apps || options.selector.is_some());
    let nothing = nothing && asks_for_scope(&options.rules);
    let unread = nothing.then(|| unread(model)).flatten();
    let unknown = model.scope.unknown.or(unread);
    ScopeSummary {
        basis,
        namespaces: model.scope.namespaces().map(str::to_owned).collect(),
        excluded: model.scope.excluded.clone(),
        selector: options.selector.clone(),
        pods,
        pods_read: model.snapshot.of_kind(Kind::Pod).count(),
        templates,
        unknown,
        is_empty: nothing && unknown.is_none(),
    }
}

/// Whether any of the rules judges what is in scope, rather than the cluster and its nodes.
fn asks_for_scope(selected: &BTreeSet<&'static str>) -> bool {
    RULES
        .iter()
        .filter(|rule| selected.contains(rule.id))
        .any(|rule| match rule.subjects {
            Subjects::Cluster => false,
            Subjects::Kinds(kinds) => kinds.iter().any(|kind| *kind != Kind::Node),
        })
}

/// Why there may be pods or apps in scope although none was read.
fn unread(model: &Model<'_>) -> Option<Missing> {
    let kinds = [Kind::Pod, Kind::MendixApp];
    let whole = kinds
        .iter()
        .filter_map(|kind| model.gaps.anywhere(*kind).filter(|_| model.scope.all));
    let parts = model.scope.namespaces().flat_map(|name| {
        kinds
            .iter()
            .filter_map(move |kind| model.gaps.in_namespace(*kind, name))
    });
    // Without Mendix' kinds there are no apps, which is an answer.
    whole
        .chain(parts)
        .find(|missing| *missing != Missing::NotServed)
        .or_else(|| unread_templates(model))
}

/// Why there may be workloads in scope that have no pods.
fn unread_templates(model: &Model<'_>) -> Option<Missing> {
    let mode = model.snapshot.origin.mode;
    let named = model.scope.namespaces().next().is_some() && !model.scope.all;
    Kind::WORKLOADS
        .iter()
        .flat_map(|kind| -> Vec<Missing> {
            if named {
                let namespaces = model.scope.namespaces();
                let missing = namespaces.filter_map(|name| model.gaps.in_namespace(*kind, name));
                missing.collect()
            } else {
                model.gaps.anywhere(*kind).into_iter().collect()
            }
        })
        .find(|missing| settle::leaves_templates_out(mode, *missing))
}

/// Whether a verdict is one that a missing kind can take away.
const fn can_be_taken_away(verdict: Verdict) -> bool {
    match verdict {
        Verdict::Pass | Verdict::Fail => true,
        Verdict::Indeterminate | Verdict::NotApplicable => false,
    }
}
