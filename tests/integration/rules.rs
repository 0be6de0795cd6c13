//! The fixtures of every rule, laid over the cluster on which all rules pass.

mod fixture;
mod overlay;
mod readings;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use sc39::assess::{Options, assess};
use sc39::catalog::Catalog;
use sc39::model::ScopeRequest;
use sc39::report::gate::GateOptions;
use sc39::report::{Report, RuleReport, Run};
use sc39::rules::{ALWAYS_READ, RULES, Rule, Severity, Verdict};
use sc39::snapshot::Snapshot;

use fixture::Fixture;

#[test]
fn every_rule_passes_on_the_base() {
    let base = base();
    let snapshot = Fixture::default_over(&base);
    let catalog = catalog();
    let report = report(&snapshot, &catalog, &ScopeRequest::default());
    let mut problems = readings::unresolved(&report);
    for rule in &report.rules {
        if worst(rule) != Some(Verdict::Pass) {
            let rows = lines(&report, rule);
            let bad = rows.into_iter().filter(|row| !row.starts_with("pass "));
            problems.push(format!(
                "{} does not pass:\n  {}",
                rule.rule.id,
                bad.collect::<Vec<_>>().join("\n  ")
            ));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn every_fixture_gets_the_verdict_of_its_name() {
    let (base, catalog) = (base(), catalog());
    let mut problems = Vec::new();
    for (rule, path) in fixtures() {
        if let Err(found) = check(rule, &path, &base, &catalog) {
            let name = short(&path);
            problems.extend(found.lines().map(|line| format!("{name}: {line}")));
        }
    }
    assert!(
        problems.is_empty(),
        "{} problems\n{}",
        problems.len(),
        problems.join("\n")
    );
}

/// What each fixture changes about the results of its rule, for review: the rows of the base first, then the rows that
/// each fixture adds and takes away.
#[test]
fn results_are_as_reviewed() {
    let base = base();
    let plain = Fixture::default_over(&base);
    let catalog = catalog();
    let on_base = report(&plain, &catalog, &ScopeRequest::default());
    for rule in RULES.iter() {
        let before = rows_of(&on_base, rule);
        let mut text = format!("base\n{}", prefixed("  ", before.iter()));
        for (_, path) in fixtures()
            .into_iter()
            .filter(|(owner, _)| owner.id == rule.id)
        {
            let fixture = Fixture::read(&path).expect("fixtures can be read");
            let scope = fixture.scope.clone();
            let snapshot = fixture.over(&base).expect("fixtures fit the base");
            let after = rows_of(&report(&snapshot, &catalog, &scope), rule);
            text.push_str(&format!("\n{}\n", short(&path)));
            text.push_str(&prefixed("- ", before.difference(&after)));
            text.push_str(&prefixed("+ ", after.difference(&before)));
        }
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path("../golden/rules");
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| insta::assert_snapshot!(rule.id, text));
    }
}

fn check(rule: &Rule, path: &Path, base: &Fixture, catalog: &Catalog) -> Result<(), String> {
    let expected = expected(path)?;
    let fixture = Fixture::read(path)?;
    let mut problems = Vec::new();
    if !fixture.why.starts_with(opening(expected)) {
        problems.push(format!("first line is not `# {} …`", opening(expected)));
    }
    let reads = |kind: &String| {
        let kinds = rule
            .reads
            .iter()
            .map(|read| read.kind)
            .chain(ALWAYS_READ.iter().copied());
        kinds.into_iter().any(|read| read.name() == *kind)
    };
    if !fixture.touches().iter().any(reads) {
        problems.push(format!("changes nothing that {} reads", rule.id));
    }
    let also: BTreeSet<String> = fixture.also_fails.iter().cloned().collect();
    let scope = fixture.scope.clone();
    let snapshot = fixture.over(base)?;
    let report = report(&snapshot, catalog, &scope);
    problems.extend(readings::unresolved(&report));
    for other in &report.rules {
        let found = worst(other);
        if other.rule.id == rule.id {
            if found != Some(expected) {
                problems.push(format!("{} instead of {}", name(found), expected.name()));
            }
        } else if (found == Some(Verdict::Fail)) != also.contains(other.rule.id) {
            problems.push(format!("{} is {}", other.rule.id, name(found)));
        }
    }
    for unknown in also.iter().filter(|id| sc39::rules::find(id).is_none()) {
        problems.push(format!("there is no rule {unknown}"));
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(problems.join("\n"))
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

fn report<'s>(snapshot: &'s Snapshot, catalog: &'s Catalog, scope: &ScopeRequest) -> Report<'s> {
    let options = Options {
        rules: RULES.iter().map(|rule| rule.id).collect(),
        scope: scope.clone(),
        selector: None,
        gate: GateOptions {
            fail_on: Severity::Low,
            allow_indeterminate: false,
        },
        run: Run::default(),
    };
    assess(snapshot, catalog, options)
}

fn catalog() -> Catalog {
    let rules: Vec<&str> = RULES.iter().map(|rule| rule.id).collect();
    Catalog::builtin(&rules).expect("the built-in catalogue is valid")
}

fn rows_of(report: &Report<'_>, rule: &Rule) -> BTreeSet<String> {
    let rules = report.rules.iter().filter(|known| known.rule.id == rule.id);
    rules.flat_map(|rule| lines(report, rule)).collect()
}

/// One line for each row: verdict, severity of a failure, subject, container, port, reason and message.
fn lines(report: &Report<'_>, rule: &RuleReport) -> Vec<String> {
    let rows = rule.rows.iter().map(|(result, subject)| {
        let result = &rule.results[*result as usize];
        let (kind, namespace, name) = report.subject(&result.subjects[*subject as usize]);
        let severity = match result.verdict {
            Verdict::Fail => format!(" {}", result.severity.name()),
            Verdict::Indeterminate | Verdict::Pass | Verdict::NotApplicable => String::new(),
        };
        let place = match (namespace, name) {
            ("", name) => name.to_owned(),
            (namespace, name) if namespace == name => name.to_owned(),
            (namespace, name) => format!("{namespace}/{name}"),
        };
        let port = result.port.as_ref().map(ToString::to_string);
        format!(
            "{}{severity} {kind} {place} [{}] [{}] {}: {}",
            result.verdict.name(),
            result.container.as_deref().unwrap_or_default(),
            port.unwrap_or_default(),
            result.reason.code(),
            result.message,
        )
    });
    rows.collect()
}

fn prefixed<'a>(prefix: &str, lines: impl Iterator<Item = &'a String>) -> String {
    lines.map(|line| format!("{prefix}{line}\n")).collect()
}

fn base() -> Fixture {
    Fixture::read(&folder().join("base/clean.yaml")).expect("the base can be read")
}

/// Every fixture with its rule, sorted.
fn fixtures() -> Vec<(&'static Rule, PathBuf)> {
    let mut fixtures: Vec<(&'static Rule, PathBuf)> = Vec::new();
    for rule in RULES.iter() {
        let folder = folder().join("rules").join(rule.id);
        let files = std::fs::read_dir(&folder).into_iter().flatten().flatten();
        let mut paths: Vec<PathBuf> = files.map(|file| file.path()).collect();
        paths.sort();
        fixtures.extend(paths.into_iter().map(|path| (*rule, path)));
    }
    fixtures
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

fn short(path: &Path) -> String {
    let folder = path.parent().and_then(Path::file_name).unwrap_or_default();
    let stem = path.file_stem().unwrap_or_default();
    format!("{}/{}", folder.to_string_lossy(), stem.to_string_lossy())
}
