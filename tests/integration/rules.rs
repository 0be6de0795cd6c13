//! The fixtures of every rule, laid over the cluster on which all rules pass.

mod demo;
mod evidence;
mod fixture;
mod hiding;
mod overlay;
mod readings;
mod rows;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use sc39::assess::{Options, assess};
use sc39::catalog::Catalog;
use sc39::collect::manifests::{self, Input, ManifestOptions};
use sc39::model::ScopeRequest;
use sc39::plan::Plan;
use sc39::report::{Report, RuleReport};
use sc39::rules::{ALWAYS_READ, RULES, Rule, Verdict};
use sc39::snapshot::{Mode, Snapshot};

use fixture::Fixture;
use rows::Rows;

#[test]
fn every_rule_passes_on_the_base() {
    let base = base();
    let snapshot = Fixture::default_over(&base);
    let catalog = catalog();
    let report = report(
        &snapshot,
        &catalog,
        &ScopeRequest::default(),
        Plan::none(),
        &every_rule(),
    );
    let mut problems = readings::unresolved(&report);
    for rule in &report.rules {
        if worst(rule) != Some(Verdict::Pass) && !needs_a_plan(rule) {
            let rows = rows::not_passed(&report, rule).join("\n  ");
            problems.push(format!("{} does not pass:\n  {rows}", rule.rule.id));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// Whether a rule has nothing to judge without a plan.
fn needs_a_plan(rule: &RuleReport) -> bool {
    let mut results = rule.results.iter();
    rule.rule.id == "ingress-access-restriction"
        && results.all(|result| result.verdict == Verdict::NotApplicable)
}

/// Fixtures are laid over the base before they are read; the base alone is also read as a user would.
#[test]
fn the_base_reads_the_same_as_a_file() {
    let options = ManifestOptions {
        assume_complete: true,
        mode: Mode::Manifests,
    };
    let file = Input::Path(folder().join("base/clean.yaml"));
    let from_file = manifests::read(&[file], &options, "2026-01-15T09:00:00Z").unwrap();
    let laid = Fixture::default_over(&base());
    let content = |snapshot: &Snapshot| -> Vec<String> {
        let objects = snapshot.objects.iter();
        objects.map(|object| format!("{object:?}")).collect()
    };
    assert_eq!(content(&from_file), content(&laid));
}

#[test]
fn every_fixture_gets_the_verdict_of_its_name() {
    let catalog = catalog();
    let mut problems = Vec::new();
    for case in CASES.iter() {
        let found = case.check(&catalog).unwrap_or_else(|problem| vec![problem]);
        problems.extend(
            found
                .iter()
                .map(|problem| format!("{}: {problem}", case.name())),
        );
    }
    let count = problems.len();
    assert!(
        problems.is_empty(),
        "{count} problems\n{}",
        problems.join("\n")
    );
}

/// What each fixture changes about the results of its rule: the rows of the base first, then for each fixture the rows
/// that differ, and the subjects that it takes away.
#[test]
fn results_are_as_reviewed() {
    let catalog = catalog();
    let plain = Fixture::default_over(&base());
    let rows = |rule: &'static Rule, snapshot: &Snapshot, scope: &ScopeRequest, plan: &Plan| {
        Rows::of(&report(snapshot, &catalog, scope, plan, &[rule.id]), rule)
    };
    for rule in RULES.iter() {
        let before = rows(rule, &plain, &ScopeRequest::default(), Plan::none());
        let mut parts = vec![format!("base\n{}", before.text())];
        for case in CASES.iter().filter(|case| case.rule.id == rule.id) {
            let (fixture, snapshot) = case.read.as_ref().expect("fixtures can be read");
            let changes = rows(rule, snapshot, &fixture.scope, &fixture.plan).changes_from(&before);
            parts.push(format!("{}\n{changes}", case.name()));
        }
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path("../golden/rules");
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| insta::assert_snapshot!(rule.id, parts.join("\n\n")));
    }
}

/// A fixture of a rule, read once for all tests.
struct Case {
    rule: &'static Rule,
    path: PathBuf,
    read: Result<(Fixture, Snapshot), String>,
}

static CASES: LazyLock<Vec<Case>> = LazyLock::new(|| {
    let base = base();
    let read = |path: &Path| {
        let fixture = Fixture::read(path)?;
        let snapshot = fixture.over(&base)?;
        Ok((fixture, snapshot))
    };
    let mut cases = Vec::new();
    for rule in RULES.iter() {
        let files = std::fs::read_dir(folder().join("rules").join(rule.id));
        let files = files.into_iter().flatten().flatten();
        let mut paths: Vec<PathBuf> = files.map(|file| file.path()).collect();
        paths.sort();
        cases.extend(paths.into_iter().map(|path| Case {
            rule,
            read: read(&path),
            path,
        }));
    }
    cases
});

impl Case {
    fn name(&self) -> String {
        let stem = self.path.file_stem().unwrap_or_default();
        format!("{}/{}", self.rule.id, stem.to_string_lossy())
    }

    /// What is wrong with it, or with the rule.
    fn check(&self, catalog: &Catalog) -> Result<Vec<String>, String> {
        let expected = expected(&self.path)?;
        let (fixture, snapshot) = self.read.as_ref().map_err(Clone::clone)?;
        let mut problems = Vec::new();
        if !fixture.why.starts_with(opening(expected)) {
            problems.push(format!(
                "first line is not `# {} …`",
                opening(expected).trim()
            ));
        }
        if !self.touches(fixture) {
            problems.push(format!("changes nothing that {} reads", self.rule.id));
        }
        let report = report(
            snapshot,
            catalog,
            &fixture.scope,
            &fixture.plan,
            &every_rule(),
        );
        problems.extend(readings::unresolved(&report));
        for other in &report.rules {
            let found = worst(other);
            let may_fail = fixture.also_fails.iter().any(|id| id == other.rule.id);
            if other.rule.id == self.rule.id {
                if found != Some(expected) {
                    problems.push(format!("{} instead of {}", name(found), expected.name()));
                }
            } else if (found == Some(Verdict::Fail)) != may_fail {
                problems.push(format!("{} is {}", other.rule.id, name(found)));
            }
        }
        let unknown = fixture
            .also_fails
            .iter()
            .filter(|id| sc39::rules::find(id).is_none());
        problems.extend(unknown.map(|id| format!("there is no rule {id}")));
        Ok(problems)
    }

    /// Whether the fixture changes a kind that its rule reads.
    fn touches(&self, fixture: &Fixture) -> bool {
        let reads = self.rule.reads.iter().map(|read| read.kind);
        let read: BTreeSet<String> = reads
            .chain(ALWAYS_READ.iter().copied())
            .map(|kind| kind.name().to_owned())
            .collect();
        fixture.touches().iter().any(|kind| read.contains(kind))
    }
}

/// The verdict that a file name starts with.
fn expected(path: &Path) -> Result<Verdict, String> {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    match stem.split_once('-') {
        Some(("pass", _)) => Ok(Verdict::Pass),
        Some(("fail", _)) => Ok(Verdict::Fail),
        Some(("indeterminate", _)) => Ok(Verdict::Indeterminate),
        Some(("na", _)) => Ok(Verdict::NotApplicable),
        _ => Err("the name does not start with pass-, fail-, indeterminate- or na-".to_owned()),
    }
}

fn opening(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "Passes because ",
        Verdict::Fail => "Fails because ",
        Verdict::Indeterminate => "Indeterminate because ",
        Verdict::NotApplicable => "Not applicable because ",
    }
}

fn name(verdict: Option<Verdict>) -> &'static str {
    verdict.map_or("without rows", Verdict::name)
}

/// The worst verdict of a rule's rows; what does not apply counts least.
fn worst(rule: &RuleReport) -> Option<Verdict> {
    rule.results.iter().map(|result| result.verdict).min()
}

fn report<'s>(
    snapshot: &'s Snapshot,
    catalog: &'s Catalog,
    scope: &ScopeRequest,
    plan: &'s Plan,
    rules: &[&'static str],
) -> Report<'s> {
    let options = Options {
        rules: rules.iter().copied().collect(),
        scope: scope.clone(),
        plan,
        ..Options::default()
    };
    assess(snapshot, catalog, options)
}

fn every_rule() -> Vec<&'static str> {
    RULES.iter().map(|rule| rule.id).collect()
}

fn catalog() -> Catalog {
    Catalog::builtin(&every_rule()).expect("the built-in catalogue is valid")
}

fn base() -> Fixture {
    Fixture::read(&folder().join("base/clean.yaml")).expect("the base can be read")
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}
