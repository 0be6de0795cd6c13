//! Clusters whose reports are written: small, large, with gaps, with waivers, and with names that mean harm.

use std::collections::BTreeSet;

use crate::assess::{self, Options};
use crate::catalog::Catalog;
use crate::collect::demo;
use crate::kind::Kind;
use crate::plan::Plan;
use crate::render::sample;
use crate::report::{Report, Run};
use crate::rules::RULES;
use crate::snapshot::{ReadStatus, Snapshot};
use crate::testing;
use crate::waivers::Waivers;

/// A cluster, and what people say of it.
pub(super) struct Cluster {
    pub(super) name: &'static str,
    snapshot: Snapshot,
    waivers: Waivers,
    plan: Plan,
    rules: BTreeSet<&'static str>,
}

/// Texts that are more than text to somebody.
const HOSTILE: [&str; 6] = [
    "<script>alert(1)</script>",
    "a\u{0}b\u{1b}[2Jc\u{7f}\u{9b}d\r\ne",
    " \u{202e}gnp.exe\u{2028} ",
    "{{ insert: param, x }} `code` **bold** [a](javascript:alert(1))",
    "\u{ffff}\u{fffe}\u{feff}\u{3000}",
    "=cmd|' /C calc'!A0 \"quoted\" \\ back",
];

const WAIVERS: &str = r#"
version: 1
waivers:
- id: W-1
  rule: privileged-containers
  selector: {namespace: shop-prod}
  type: OR
  justification: the debugger of this app needs it
  approver: isso@example.com
  approvedOn: 2025-12-01
  expires: 2026-12-31
  poam: POAM-7
- id: "<b>\u202e*W*"
  rule: host-namespaces
  selector: {namespace: shop-prod}
  type: FP
  justification: "<img src=x onerror=alert(1)>"
  approver: "a\tb"
  approvedOn: 2025-12-01
  expires: 2026-12-31
"#;

const PLAN: &str = r#"
version: 1
system: {name: "<h1>Shop</h1> {{ insert: param, y }}", fedrampId: "FR*1"}
excludedNamespaces: [{name: shop-test, reason: "<i>not</i> ours"}]
manualEvidence: []
"#;

/// Every cluster that documents are tested on.
pub(super) fn all() -> Vec<Cluster> {
    vec![
        Cluster::demo(),
        Cluster::sample(),
        Cluster::replicated(),
        Cluster::waived(),
        Cluster::hostile(),
        Cluster::unread(),
        Cluster::of_rules(&["host-namespaces"]),
    ]
}

impl Cluster {
    fn new(name: &'static str, snapshot: Snapshot) -> Self {
        Self {
            name,
            snapshot,
            waivers: Waivers::default(),
            plan: Plan::default(),
            rules: RULES.iter().map(|rule| rule.id).collect(),
        }
    }

    pub(super) fn demo() -> Self {
        Self::new("demo", demo::snapshot().unwrap())
    }

    pub(super) fn sample() -> Self {
        Self::new("sample", sample::snapshot())
    }

    pub(super) fn of_rules(rules: &[&'static str]) -> Self {
        Self {
            rules: rules.iter().copied().collect(),
            ..Self::new("few rules", sample::snapshot())
        }
    }

    /// The sample with waivers and a plan.
    pub(super) fn waived() -> Self {
        let ids: Vec<&str> = RULES.iter().map(|rule| rule.id).collect();
        Self {
            waivers: Waivers::parse("waivers.yaml", WAIVERS, &ids).unwrap(),
            plan: Plan::parse("plan.yaml", PLAN).unwrap(),
            ..Self::new("waived", sample::snapshot())
        }
    }

    /// The sample with names, containers, versions and messages that mean harm.
    pub(super) fn hostile() -> Self {
        let mut snapshot = sample::snapshot();
        for (number, object) in snapshot.objects.iter_mut().enumerate() {
            let text = HOSTILE[number % HOSTILE.len()];
            if matches!(object.kind, Kind::Pod | Kind::Node) {
                object.identity.name = format!("{text}{number}");
                object.identity.uid = Some(text.into());
            }
        }
        let origin = &mut snapshot.origin;
        origin.cluster.context = Some(HOSTILE[0].to_owned());
        origin.cluster.git_version = Some(HOSTILE[1].to_owned());
        origin.started_at = "now".to_owned();
        if let Some(operator) = &mut origin.operator {
            operator.username = HOSTILE[2].to_owned();
        }
        for (source, text) in snapshot.coverage.sources.iter_mut().zip(HOSTILE) {
            source.status = ReadStatus::Error;
            source.message = Some(text.to_owned());
        }
        let Snapshot {
            origin,
            coverage,
            objects,
        } = snapshot;
        let snapshot = Snapshot::new(origin, coverage, objects);
        Self {
            snapshot,
            ..Self::waived()
        }
        .named("hostile")
    }

    /// The sample with no pod read.
    pub(super) fn unread() -> Self {
        let snapshot = testing::without(sample::snapshot(), Kind::Pod, ReadStatus::Forbidden);
        Self::new("unread", snapshot)
    }

    /// Workloads of several pods each.
    pub(super) fn replicated() -> Self {
        Self::new("replicated", sample::large(24, 3))
    }

    /// The same, later: its pods were replaced.
    pub(super) fn restarted() -> Self {
        let mut snapshot = sample::large(24, 3);
        snapshot.origin.started_at = "2026-03-01T00:00:00Z".to_owned();
        snapshot.origin.finished_at = "2026-03-01T00:00:09Z".to_owned();
        for (number, object) in snapshot.objects.iter_mut().enumerate() {
            if object.kind == Kind::Pod {
                object.identity.name = format!("{}-{}", object.identity.name, 999 - number);
                object.identity.uid =
                    Some((&*format!("6f1c5d0e-0000-4000-9000-{number:012}")).into());
            }
        }
        let Snapshot {
            origin,
            coverage,
            objects,
        } = snapshot;
        Self::new("restarted", Snapshot::new(origin, coverage, objects))
    }

    fn named(self, name: &'static str) -> Self {
        Self { name, ..self }
    }

    pub(super) fn with_report<T>(&self, read: impl FnOnce(&Report<'_>) -> T) -> T {
        let rules: Vec<&str> = RULES.iter().map(|rule| rule.id).collect();
        let catalog = Catalog::builtin(&rules).unwrap();
        let options = Options {
            rules: self.rules.clone(),
            plan: &self.plan,
            waivers: &self.waivers,
            run: Run {
                assessed_at: "2026-01-01T00:00:02Z".to_owned(),
                ..Run::default()
            },
            ..Options::default()
        };
        read(&assess::assess(&self.snapshot, &catalog, options))
    }
}
