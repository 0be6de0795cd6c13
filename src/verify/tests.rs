//! What must hold between a file and what it gives again.

mod tampering;

use clap::ValueEnum as _;

use super::*;
use crate::plan::Plan;
use crate::render::{Format, RenderOptions, render, sample};
use crate::snapshot::Snapshot;
use crate::waivers::Waivers;

const PLAN: &str = "{system: {name: Shop, fedrampId: FR1}, tiers: {shop-prod: acceptance}, \
                    excludedNamespaces: [{name: shop-test, reason: not ours}], \
                    attestations: [{parameter: seccompDefault, value: true, by: a, on: 2026-01-01, evidence: b}]}";

const WAIVERS: &str = "waivers: \
    [{id: W-2, rule: host-namespaces, type: OR, justification: j, approver: a, approvedOn: 2025-12-01, \
      expires: 2026-01-01, selector: {name: orders-master-5d8f-ddddd}}, \
     {id: W-1, rule: host-namespaces, type: VD, justification: j, approver: a, approvedOn: 2025-12-01, \
      expires: 2026-01-01, poam: V-1, selector: {namespace: shop-prod, kind: Pod, container: c, port: 53/UDP}}, \
     {id: W-0, rule: privileged-containers, type: RA, justification: j, approver: a, approvedOn: 2025-12-01, \
      expires: 2025-12-31, selector: {namespace: shop-prod}}]";

fn written(format: Format, report: &Report<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    render(format, report, &RenderOptions::default(), &mut bytes).unwrap();
    bytes
}

/// Calls with the report on the sample, with a plan and waivers.
fn with_everything<T>(read: impl FnOnce(&Report<'_>) -> T) -> T {
    let mut snapshot: Snapshot = sample::snapshot();
    for source in &mut snapshot.coverage.sources {
        let objects = snapshot.objects.iter();
        source.count = objects.filter(|object| object.kind == source.kind).count() as u64;
    }
    let plan = Plan::parse("plan.yaml", PLAN).unwrap();
    let rules = ["host-namespaces", "privileged-containers"];
    let waivers = Waivers::parse("waivers.yaml", WAIVERS, &rules).unwrap();
    read(&sample::report_with(&snapshot, &plan, &waivers))
}

#[test]
fn every_format_is_the_same_from_evidence() {
    with_everything(|report| {
        let text = String::from_utf8(written(Format::Json, report)).unwrap();
        let evidence = Evidence::parse("e.json", &text).unwrap();
        let catalog = evidence.catalogue.catalog(None).unwrap();
        let derived = derive(&evidence, &catalog).unwrap();
        assert!(compare(&derived, &text).unwrap().is_empty());
        for format in Format::value_variants() {
            let (scanned, rendered) = (written(*format, report), written(*format, &derived));
            assert!(scanned == rendered, "{format:?} differs");
        }
    });
}
