//! What becomes of a row between two reports, and what the exit code says of it.

use super::*;
use crate::assess::{self, Options};
use crate::catalog::Catalog;
use crate::kind::Kind;
use crate::report::Baseline;
use crate::snapshot::{ReadStatus, Snapshot};
use crate::testing;
use crate::waivers::Waivers;

const HOST: &str = "host-namespaces";
const START: &str = "2026-01-01T00:00:00Z";

/// A namespace with an app, whose pods are in scope.
const SHOP: &str = "{apiVersion: v1, kind: Namespace, metadata: {name: shop}}\n---\n\
                    {apiVersion: privatecloud.mendix.com/v1alpha1, kind: MendixApp, metadata: {name: a, namespace: shop}}\n---\n";

/// A pod of a Deployment.
fn pod(workload: &str, suffix: &str, spec: &str) -> String {
    let (set, deployment) = (format!("{workload}-5d8f"), workload);
    format!(
        "{{apiVersion: v1, kind: Pod, metadata: {{name: {set}-{suffix}, namespace: shop, uid: {suffix}, ownerReferences: \
         [{{apiVersion: apps/v1, kind: ReplicaSet, name: {set}, uid: s, controller: true}}]}}, \
         spec: {{{spec}, containers: [{{name: c, image: i}}]}}, status: {{phase: Running, podIP: 10.0.0.1}}}}\n---\n\
         {{apiVersion: apps/v1, kind: ReplicaSet, metadata: {{name: {set}, namespace: shop, uid: s, ownerReferences: \
         [{{apiVersion: apps/v1, kind: Deployment, name: {deployment}, uid: d, controller: true}}]}}, spec: {{replicas: 1}}}}\n---\n"
    )
}

fn good(workload: &str, suffix: &str) -> String {
    pod(workload, suffix, "hostPID: false")
}

fn bad(workload: &str, suffix: &str) -> String {
    pod(workload, suffix, "hostPID: true")
}

fn snapshot(yaml: &str) -> Snapshot {
    let mut snapshot = testing::snapshot(&format!("{SHOP}{yaml}"));
    snapshot.origin.cluster.uid = Some("c-1".to_owned());
    snapshot
}

fn without(yaml: &str, kinds: &[Kind]) -> Snapshot {
    kinds.iter().fold(snapshot(yaml), |snapshot, kind| {
        testing::without(snapshot, *kind, ReadStatus::Forbidden)
    })
}

/// What a side is made of.
struct Input<'s> {
    snapshot: &'s Snapshot,
    rules: &'s [&'static str],
    waivers: &'s Waivers,
    baseline: Option<&'s Baseline>,
}

impl<'s> Input<'s> {
    fn of(snapshot: &'s Snapshot) -> Self {
        Self {
            snapshot,
            rules: &[HOST],
            waivers: Waivers::none(),
            baseline: None,
        }
    }

    fn report<'r>(&self, catalog: &'r Catalog) -> Report<'r>
    where
        's: 'r,
    {
        let options = Options {
            rules: self.rules.iter().copied().collect(),
            waivers: self.waivers,
            baseline: self.baseline,
            ..Options::default()
        };
        assess::assess(self.snapshot, catalog, options)
    }
}

fn catalog() -> Catalog {
    let rules: Vec<&str> = RULES.iter().map(|rule| rule.id).collect();
    Catalog::builtin(&rules).unwrap()
}

fn ran(report: &Report<'_>) -> BTreeMap<String, u32> {
    let selected = report.rules.iter().filter(|rule| rule.selected);
    selected
        .map(|rule| (rule.rule.id.to_owned(), rule.rule.version))
        .collect()
}

/// Changes with their subject and note, what is incomparable as a whole, and the exit code.
fn compared(old: &Input<'_>, new: &Input<'_>) -> (Vec<String>, Vec<String>, u8) {
    let catalog = catalog();
    let (old, new) = (old.report(&catalog), new.report(&catalog));
    let (old, new) = (
        Side {
            report: &old,
            ran: ran(&old),
        },
        Side {
            report: &new,
            ran: ran(&new),
        },
    );
    let comparison = compare(&old, &new).unwrap();
    let items = comparison.items.iter().map(|item| {
        let since = item.since.map(|since| format!(" since {since}"));
        format!(
            "{:?} {}: {}{}",
            item.change,
            item.subject,
            item.note,
            since.unwrap_or_default()
        )
    });
    let (code, _) = comparison.gate(Severity::Low, false);
    (items.collect(), comparison.whole.clone(), code)
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn rows_are_followed_by_their_workload() {
    let web = "Deployment shop/web";
    let table = [
        (
            good("web", "a"),
            bad("web", "b"),
            vec![format!(
                "New {web}: passed before: hostPID, hostIPC and hostNetwork are off"
            )],
            1,
            "it passed",
        ),
        (
            bad("web", "a"),
            bad("web", "b"),
            vec![format!("StillFailing {web}:  since {START}")],
            0,
            "its pod was replaced",
        ),
        (
            bad("web", "a"),
            good("web", "b"),
            vec![format!(
                "Fixed {web}: says now: hostPID, hostIPC and hostNetwork are off"
            )],
            0,
            "it was mended",
        ),
        (
            bad("web", "a") + &bad("api", "b"),
            bad("api", "b"),
            vec![
                format!("StillFailing Deployment shop/api:  since {START}"),
                format!("Fixed {web}: is no longer there"),
            ],
            0,
            "one of two with one statement left",
        ),
        (
            good("api", "a"),
            good("api", "a") + &bad("web", "b"),
            vec![format!("New {web}: was not there")],
            1,
            "it came",
        ),
        (
            bad("web", "a"),
            pod("web", "a", "hostPID: true, hostIPC: true"),
            vec![format!(
                "StillFailing {web}: said before: hostPID is true since {START}"
            )],
            0,
            "more of it fails",
        ),
        (
            bad("web", "a"),
            bad("web", "a") + &good("web", "b"),
            vec![format!("StillFailing {web}:  since {START}")],
            0,
            "half of a rollout",
        ),
    ];
    for (old, new, expected, code, why) in table {
        let (old, new) = (snapshot(&old), snapshot(&new));
        let (items, whole, found) = compared(&Input::of(&old), &Input::of(&new));
        assert_eq!(items, expected, "{why}");
        assert!(whole.is_empty(), "{why}: {whole:?}");
        assert_eq!(found, code, "{why}");
    }
}

#[test]
fn what_was_not_read_is_never_new_nor_fixed_nor_tolerated() {
    let failing = bad("web", "a");
    let read = snapshot(&failing);
    for kinds in [
        [Kind::Pod].as_slice(),
        &[Kind::ReplicaSet, Kind::Deployment],
    ] {
        let unread = without(&failing, kinds);
        for (old, new) in [(&unread, &read), (&read, &unread)] {
            let (items, _, code) = compared(&Input::of(old), &Input::of(new));
            assert!(
                items.iter().all(|item| item.starts_with("Incomparable")),
                "{kinds:?}: {items:#?}"
            );
            assert!(!items.is_empty() && code == 3, "{kinds:?}: {code}");
        }
    }
    let unread = without(&failing, &[Kind::Pod]);
    let (items, _, code) = compared(&Input::of(&unread), &Input::of(&unread));
    assert_eq!(
        items,
        ["Incomparable Cluster: not determined before either"]
    );
    assert_eq!(code, 3);
}

#[test]
fn a_failure_that_becomes_severer_or_loses_its_waiver_is_new() {
    let debug = |target: &str| {
        let container = format!("{{name: d, image: i{target}}}");
        let pod = pod("web", "a", &format!("ephemeralContainers: [{container}]"));
        let pod = pod.replace("name: web-5d8f-a,", "name: web-5d8f-a, labels: {privatecloud.mendix.com/app: a, privatecloud.mendix.com/component: mendix-app},");
        pod.replace(
            "podIP: 10.0.0.1",
            "podIP: 10.0.0.1, ephemeralContainerStatuses: [{name: d, state: {running: {}}}]",
        )
    };
    let (mild, severe) = (
        snapshot(&debug("")),
        snapshot(&debug(", targetContainerName: c")),
    );
    let of = |snapshot| Input {
        rules: &["ephemeral-containers"],
        ..Input::of(snapshot)
    };
    let (items, _, code) = compared(&of(&mild), &of(&severe));
    assert!(
        items[0].starts_with(
            "New Deployment shop/web, container d: failed with severity medium before"
        ),
        "{items:?}"
    );
    assert_eq!(code, 1);
    let (items, _, code) = compared(&of(&severe), &of(&mild));
    assert!(items[0].starts_with("StillFailing"), "{items:?}");
    assert_eq!(code, 0);
    let waivers = Waivers::parse(
        "waivers.yaml",
        "waivers: [{id: W, rule: host-namespaces, selector: {namespace: shop}, type: RA, justification: j, approver: a, \
         approvedOn: 2025-01-01, expires: 2026-01-01}]",
        &[HOST],
    );
    let waivers = waivers.unwrap();
    let failing = snapshot(&bad("web", "a"));
    let waived = Input {
        waivers: &waivers,
        ..Input::of(&failing)
    };
    let (items, _, code) = compared(&Input::of(&failing), &waived);
    assert!(
        items[0].starts_with("Waived Deployment shop/web: failed"),
        "{items:?}"
    );
    assert_eq!(code, 0);
    let (items, _, code) = compared(&waived, &Input::of(&failing));
    assert!(
        items[0].starts_with("New Deployment shop/web: was waived before"),
        "{items:?}"
    );
    assert_eq!(code, 1);
}

#[test]
fn rules_that_the_sides_do_not_share_are_incomparable() {
    let (failing, passing) = (snapshot(&bad("web", "a")), snapshot(&good("web", "a")));
    let other = |snapshot| Input {
        rules: &["process-namespace-sharing"],
        ..Input::of(snapshot)
    };
    let (items, whole, code) = compared(&other(&failing), &Input::of(&failing));
    assert_eq!(
        items,
        ["Incomparable Deployment shop/web: the rule ran for the second only"]
    );
    assert_eq!(
        whole,
        ["process-namespace-sharing: the rule ran for the first only"]
    );
    assert_eq!(code, 3);
    let catalog = catalog();
    for (new, versions, lines, code) in [
        (&failing, (0, 1), 1, 3),
        (&passing, (0, 1), 0, 0),
        (&failing, (0, 0), 2, 3),
        (&passing, (1, 0), 1, 3),
        (&passing, (0, 0), 1, 3),
    ] {
        let (old, new) = (
            Input::of(&failing).report(&catalog),
            Input::of(new).report(&catalog),
        );
        let side = |report, version| Side {
            report,
            ran: [(HOST.to_owned(), version)].into(),
        };
        let (old, new) = (side(&old, versions.0), side(&new, versions.1));
        let comparison = compare(&old, &new).unwrap();
        let found = comparison.items.len() + comparison.whole.len();
        assert_eq!(found, lines, "{versions:?}: {comparison:?}");
        assert_eq!(
            comparison.gate(Severity::Low, false).0,
            code,
            "{versions:?}"
        );
        assert_eq!(comparison.gate(Severity::Low, true).0, 0);
    }
}

#[test]
fn what_is_no_longer_judged_is_no_longer_known() {
    let before = snapshot(&bad("web", "a"));
    let mut after = before.clone();
    after
        .objects
        .retain(|object| object.kind != Kind::MendixApp);
    let other = "{apiVersion: privatecloud.mendix.com/v1alpha1, kind: MendixApp, metadata: {name: a, namespace: other}}";
    let other = testing::snapshot(other);
    after.objects.extend(other.objects);
    let after = Snapshot::new(after.origin, after.coverage, after.objects);
    let (items, whole, code) = compared(&Input::of(&before), &Input::of(&after));
    assert_eq!(
        items,
        [
            "Incomparable Deployment shop/web: can't be told from the second: namespace shop was not judged"
        ]
    );
    assert_eq!(whole, ["namespace shop was judged for the first only"]);
    assert_eq!(code, 3);
}

#[test]
fn other_clusters_are_refused() {
    let with = |uid: Option<&str>, mode: Mode| {
        let mut snapshot = snapshot("");
        snapshot.origin.cluster.uid = uid.map(str::to_owned);
        snapshot.origin.mode = mode;
        snapshot
    };
    let table = [
        (Some("a"), Some("a"), Mode::Live, "the same"),
        (
            Some("a"),
            Some("b"),
            Mode::Live,
            "they are of two clusters: the first is of a, the second of b",
        ),
        (None, None, Mode::Manifests, "the same"),
        (None, None, Mode::Live, "neither names its cluster"),
        (
            Some("a"),
            None,
            Mode::Live,
            "only the first names its cluster",
        ),
        (
            None,
            Some("a"),
            Mode::Manifests,
            "only the second names its cluster",
        ),
    ];
    for (one, other, mode, expected) in table {
        let (one, other) = (with(one, mode), with(other, mode));
        let found = same_cluster(&one.origin, &other.origin).err();
        let found = found.unwrap_or_else(|| "the same".to_owned());
        assert!(found.starts_with(expected), "{found}");
    }
}

#[test]
fn a_baseline_lets_through_what_failed_in_it_and_nothing_else() {
    let catalog = catalog();
    let old = snapshot(&(bad("web", "a") + &good("api", "b")));
    let old = Input::of(&old).report(&catalog);
    let baseline = Baseline::of(&old, "sha256:0".to_owned());
    let unread = without(&bad("web", "a"), &[Kind::Pod]);
    let unread = Input::of(&unread).report(&catalog);
    let empty = Baseline::of(&unread, "sha256:1".to_owned());
    let table = [
        (bad("web", "c"), &baseline, 0, "known"),
        (
            bad("web", "c") + &bad("api", "b"),
            &baseline,
            1,
            "one is new",
        ),
        (good("web", "c"), &baseline, 0, "nothing fails"),
        (bad("web", "c"), &empty, 1, "what was not read is not known"),
    ];
    for (yaml, baseline, code, why) in table {
        let mut snapshot = snapshot(&yaml);
        snapshot.origin.started_at = "2026-02-01T00:00:00Z".to_owned();
        let input = Input {
            baseline: Some(baseline),
            ..Input::of(&snapshot)
        };
        let report = input.report(&catalog);
        assert_eq!(
            report.gate.exit_code, code,
            "{why}: {}",
            report.gate.meaning
        );
        let previous = report.previous.as_ref().unwrap();
        assert_eq!(previous.digest, baseline.digest, "{why}");
        // The next one in the chain knows since when.
        let next = Baseline::of(&report, String::new());
        for (key, known) in &next.failing {
            let since = if baseline.failing.contains_key(key) {
                START
            } else {
                "2026-02-01T00:00:00Z"
            };
            assert_eq!(known.since, since, "{why}: {key:?}");
        }
        // What is kept of the baseline is enough for the same exit code.
        let again = Input {
            baseline: Some(previous),
            ..Input::of(&snapshot)
        };
        let again = again.report(&catalog);
        assert_eq!(again.gate, report.gate, "{why}");
        assert_eq!(again.previous, report.previous, "{why}");
    }
}
