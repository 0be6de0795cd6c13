//! The cluster that every schedule reads, and what a run without faults says of it.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{LazyLock, OnceLock};
use std::time::{Duration, Instant};

use sc39::assess::{Options, assess, kinds_read};
use sc39::catalog::Catalog;
use sc39::collect::live::{self, Connection, LiveError, Patience};
use sc39::model::ScopeRequest;
use sc39::render::{Format, RenderOptions, render};
use sc39::rules::RULES;
use sc39::snapshot::Snapshot;

use super::invariant::{Assessed, Ending, violations};
use super::proxy::{Met, Proxy};
use super::schedule::Schedule;
use crate::live::{install, repository, rows};
use crate::servers::{Cluster, Options as Servers, private};

/// A real API server with a cluster in which most rules pass somewhere and fail somewhere else.
pub(super) struct Known {
    cluster: Cluster,
    /// Without faults, for each of the [`SCOPES`].
    calm: Vec<Assessed>,
}

/// What is judged, as flags say it: what fails is in sight of the first two, and out of it for the last.
pub(super) const SCOPES: &[&[&str]] = &[
    &[],
    &["-A"],
    &[
        "-n",
        "claims-production",
        "-n",
        "hr-test",
        "--skip-rule",
        "global-strict-mtls",
        "--skip-rule",
        "mesh-enrolment",
    ],
];

/// The one of all namespaces.
const ALL: usize = 1;

/// Namespaces of the cluster.
pub(super) const NAMESPACES: &[&str] = &[
    "claims-production",
    "hr-test",
    "ingress-nginx",
    "istio-system",
    "kube-system",
    "mendix-global",
    "mendix-platform",
    "payroll-production",
    "payroll-test",
];

/// How long a request may take.
pub(super) const TIMEOUT: Duration = Duration::from_secs(1);
/// For runs that must not fail however busy the machine is.
pub(super) const GENEROUS: Duration = Duration::from_mins(1);
/// Pauses that show what retries do within a second.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
/// No collection takes as long as this; one that does hangs.
const HANG: Duration = Duration::from_mins(5);

static CATALOG: LazyLock<Catalog> = LazyLock::new(|| {
    let every_rule: Vec<&str> = RULES.iter().map(|rule| rule.id).collect();
    Catalog::builtin(&every_rule).expect("the built-in catalogue is valid")
});

/// The cluster; `None` if live tests are left out.
pub(super) fn known() -> Option<&'static Known> {
    static KNOWN: OnceLock<Option<Known>> = OnceLock::new();
    let load = || {
        let cluster = private(Servers {
            controllers: false,
            api_server_flags: &["--audit-log-mode=batch"],
        })?;
        install(&cluster);
        cluster.apply_file(&repository("tests/integration/faults/cluster.yaml"));
        Some(Known::look(cluster))
    };
    KNOWN.get_or_init(load).as_ref()
}

/// One collection.
pub(super) struct Collected {
    pub(super) result: Result<Snapshot, LiveError>,
    pub(super) met: Vec<Met>,
    pub(super) took: Duration,
}

impl Known {
    fn look(cluster: Cluster) -> Self {
        let mut known = Self {
            cluster,
            calm: Vec::new(),
        };
        let collected = known.block_on(known.collect(&Schedule::calm(), GENEROUS));
        let snapshot = collected.result.expect("nothing is in the way");
        for scope in 0..SCOPES.len() {
            let Ending::Assessed(calm) = judge(&Ok(snapshot.clone()), scope) else {
                panic!("there is something in every scope");
            };
            assert_eq!(calm.gaps(), [] as [serde_json::Value; 0]);
            assert_eq!(calm.exit_code, [1, 1, 0][scope]);
            known.calm.push(*calm);
        }
        known
    }

    /// What is wrong with a run in one of the scopes.
    pub(super) fn violations(&self, scope: usize, run: &Ending) -> Vec<String> {
        violations(&self.calm[scope], &self.calm[ALL], run)
    }

    pub(super) fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.cluster.block_on(future)
    }

    /// A proxy in front of the cluster.
    pub(super) async fn proxy(&self, schedule: &Schedule) -> Proxy {
        Proxy::start(self.cluster.client(), schedule).await
    }

    /// Collects everything through a proxy.
    pub(super) async fn collect(
        &self,
        schedule: &Schedule,
        request_timeout: Duration,
    ) -> Collected {
        let proxy = self.proxy(schedule).await;
        let folder = tempfile::tempdir().expect("a folder can be made");
        let connection = connection(&proxy.kubeconfig(folder.path()), request_timeout);
        let request = live::Request {
            kinds: kinds_read(&selected(schedule.scope)).into_iter().collect(),
            namespaces: scope(schedule.scope).namespaces,
            page_size: schedule.page_size,
        };
        let noon = || "2026-01-15T12:00:00Z".parse().expect("this is a time");
        let started = Instant::now();
        let collection = live::collect(&connection, &request, &noon, &());
        let result = tokio::time::timeout(HANG, collection).await;
        Collected {
            result: result.unwrap_or_else(|_| panic!("the collection hangs: {schedule}")),
            met: proxy.log(),
            took: started.elapsed(),
        }
    }
}

fn connection(kubeconfig: &Path, request_timeout: Duration) -> Connection {
    Connection {
        kubeconfig: Some(kubeconfig.to_owned()),
        kubeconfig_list: Vec::new(),
        context: None,
        cluster: None,
        user: None,
        impersonate: None,
        impersonate_groups: Vec::new(),
        patience: Patience {
            request_timeout,
            first_pause: FIRST_PAUSE,
        },
    }
}

fn scope(index: usize) -> ScopeRequest {
    ScopeRequest {
        all: SCOPES[index].contains(&"-A"),
        namespaces: flags(index, "-n").map(str::to_owned).collect(),
        ..ScopeRequest::default()
    }
}

fn selected(index: usize) -> BTreeSet<&'static str> {
    let skipped: BTreeSet<&str> = flags(index, "--skip-rule").collect();
    let ids = RULES.iter().map(|rule| rule.id);
    ids.filter(|id| !skipped.contains(id)).collect()
}

/// Values of a flag.
fn flags(index: usize, name: &str) -> impl Iterator<Item = &'static str> {
    let pairs = SCOPES[index].windows(2);
    pairs
        .filter(move |pair| pair[0] == name)
        .map(|pair| pair[1])
}

/// What the program makes of a collection: the assessment with its outputs, or exit 2.
pub(super) fn judge(collected: &Result<Snapshot, LiveError>, index: usize) -> Ending {
    let snapshot = match collected {
        Ok(snapshot) => snapshot,
        Err(error) => return Ending::Refused(error.to_string()),
    };
    let options = Options {
        rules: selected(index),
        scope: scope(index),
        ..Options::default()
    };
    let report = assess(snapshot, &CATALOG, options);
    if report.scope.is_empty {
        return Ending::Refused(report.gate.meaning);
    }
    let written = |format| {
        let mut bytes = Vec::new();
        render(format, &report, &RenderOptions::default(), &mut bytes).expect("a vector takes all");
        String::from_utf8(bytes).expect("outputs are text")
    };
    let (evidence, csv) = (written(Format::Json), written(Format::Csv));
    Ending::Assessed(Box::new(Assessed {
        exit_code: report.gate.exit_code.into(),
        rows: rows(&csv).into_iter().collect(),
        evidence: serde_json::from_str(&evidence).expect("evidence is JSON"),
        texts: vec![evidence, csv],
    }))
}
