//! Whether an Istio sidecar takes what a pod sends to an address and port.
//!
//! The flags of the init container say it; with Istio's CNI plugin the annotations do (istio
//! `tools/istio-iptables/pkg/cmd/root.go`, `cni/pkg/plugin/sidecar_redirect.go`).

use std::net::IpAddr;

use super::ranges::Range;
use crate::model::PodGroup;
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
