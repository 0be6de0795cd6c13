//! Whether a pod's proxy takes what the pod sends to an address and port.
//!
//! The flags of the init container say it; with the mesh's CNI plugin the annotations do (istio
//! `tools/istio-iptables/pkg/cmd/root.go`, `cni/pkg/plugin/sidecar_redirect.go`; linkerd2-proxy-init `iptables`).

use std::net::IpAddr;

use super::ranges::Range;
use crate::model::PodGroup;
use crate::model::mesh::Fact;
use crate::model::mesh::linkerd::capture::ports as linkerd_ports;
use crate::projection::facts::UNRECOGNISED;

/// What becomes of outbound traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outbound {
    /// The sidecar takes it.
    Captured,
    /// It goes past the sidecar.
    Excluded,
    /// It can't be told.
    Unknown,
}

const INIT: [&str; 2] = ["istio-init", "istio-validation"];

const LINKERD_INIT: &str = "linkerd-init";
const LINKERD_PORTS: &str = "--outbound-ports-to-ignore";
const LINKERD_ANNOTATION: &str = "config.linkerd.io/skip-outbound-ports";

/// What becomes of traffic from a pod with Linkerd's proxy to one of these ports.
pub fn linkerd_outbound(pod: &PodGroup<'_>, wanted: &[u16]) -> Outbound {
    let init = pod
        .all_containers()
        .find(|container| container.spec.name == LINKERD_INIT);
    // The injector writes what the annotation says into the flag.
    let flag = init
        .as_ref()
        .map(|init| init.spec.args.value(LINKERD_PORTS));
    let ignored = flag
        .flatten()
        .or_else(|| pod.annotation(LINKERD_ANNOTATION));
    let Some(ignored) = ignored.map(str::trim).filter(|list| !list.is_empty()) else {
        return Outbound::Captured;
    };
    let Some(ranges) = linkerd_ports(ignored) else {
        return Outbound::Unknown;
    };
    let skipped = wanted.iter().any(|port| {
        let mut ranges = ranges.iter();
        ranges.any(|(first, last)| (*first..=*last).contains(port))
    });
    if skipped {
        Outbound::Excluded
    } else {
        Outbound::Captured
    }
}

/// Where [`linkerd_outbound`] is written.
pub fn linkerd_facts(pod: &PodGroup<'_>) -> Vec<Fact> {
    let init = pod
        .all_containers()
        .find(|container| container.spec.name == LINKERD_INIT);
    let fact = |pointer: String, value: Option<&str>| Fact {
        object: None,
        pointer,
        value: value.map(Into::into),
    };
    let flag = init.map(|init| {
        let pointer = format!("{}/args/{LINKERD_PORTS}", init.pointer);
        fact(pointer, init.spec.args.value(LINKERD_PORTS))
    });
    let annotation = pod.annotation(LINKERD_ANNOTATION).map(|value| {
        let key = LINKERD_ANNOTATION.replace('/', "~1");
        fact(format!("/metadata/annotations/{key}"), Some(value))
    });
    flag.into_iter().chain(annotation).collect()
}

/// What becomes of traffic from a pod with a sidecar to an address, where that is known, and port.
pub fn outbound(pod: &PodGroup<'_>, address: Option<&str>, port: u16) -> Outbound {
    let init = pod
        .all_containers()
        .find(|container| INIT.contains(&container.spec.name.as_str()));
    let Some(init) = init else {
        return Outbound::Excluded;
    };
    let setting = |flag: &str, annotation: &str| {
        init.spec
            .args
            .value(flag)
            .or_else(|| pod.annotation(&format!("traffic.sidecar.istio.io/{annotation}")))
            .map(str::trim)
    };
    let included = setting("-i", "includeOutboundIPRanges").unwrap_or("*");
    let excluded = setting("-x", "excludeOutboundIPRanges").unwrap_or_default();
    let ports = setting("-o", "excludeOutboundPorts").unwrap_or_default();
    if [included, excluded, ports].contains(&UNRECOGNISED) {
        return Outbound::Unknown;
    }
    if ports
        .split(',')
        .any(|excluded| excluded.trim() == port.to_string())
    {
        return Outbound::Excluded;
    }
    if included == "*" && excluded.is_empty() {
        return Outbound::Captured;
    }
    let Some(address) = address.and_then(|address| address.parse::<IpAddr>().ok()) else {
        return Outbound::Unknown;
    };
    match (holds(included, address), holds(excluded, address)) {
        (Some(true), Some(false)) => Outbound::Captured,
        (Some(false), _) | (_, Some(true)) => Outbound::Excluded,
        _ => Outbound::Unknown,
    }
}

/// Whether a list of ranges holds an address; `None` where one of them can't be read.
fn holds(list: &str, address: IpAddr) -> Option<bool> {
    let mut held = false;
    for item in list
        .split(',')
        .map(str::trim)
        .filter(|item| !item.is_empty())
    {
        held |= item == "*" || Range::parse(item)?.holds(address);
    }
    Some(held)
}
