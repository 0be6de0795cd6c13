//! Whether a pod's proxy takes what the pod sends to an address and port.
//!
//! The flags of the init container say it; with Istio's CNI plugin the annotations count too, since that is what the
//! plugin reads (istio `tools/istio-iptables/pkg/capture/run.go`, `cni/pkg/plugin/sidecar_redirect.go`; linkerd2-proxy-init
//! `iptables`).

use std::net::IpAddr;

use super::ranges::Range;
use crate::model::PodGroup;
use crate::model::mesh::Fact;
use crate::model::mesh::linkerd::capture::ports as linkerd_ports;
use crate::model::pods::Container;
use crate::projection::facts::UNRECOGNISED;

/// What becomes of outbound traffic; the worst comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outbound {
    /// It goes past the sidecar.
    Excluded,
    /// It can't be told.
    Unknown,
    /// The sidecar takes it.
    Captured,
}

const INIT: &str = "istio-init";
/// It checks what the CNI plugin set up.
const VALIDATION: &str = "istio-validation";

/// What one source says: the flags of a container, or the annotations.
#[derive(Default)]
struct Settings<'p> {
    mode: Option<&'p str>,
    included: Option<&'p str>,
    excluded: Option<&'p str>,
    excluded_ports: Option<&'p str>,
    included_ports: Option<&'p str>,
}

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
    let init: Vec<Container<'_>> = pod
        .all_containers()
        .filter(|container| container.pointer.starts_with("/spec/initContainers/"))
        .filter(|container| [INIT, VALIDATION].contains(&container.spec.name.as_str()))
        .collect();
    let plugin = init
        .iter()
        .any(|container| container.spec.name == VALIDATION);
    let annotations = Settings::of_annotations(pod);
    let of_plugin = plugin.then(|| annotations.judge(address, port));
    let of_flags = init.iter().map(|container| {
        let flags = Settings::of_flags(container);
        flags.or(&annotations).judge(address, port)
    });
    // Without any of these containers nothing is redirected.
    let worst = of_flags.chain(of_plugin).min();
    worst.unwrap_or(Outbound::Excluded)
}

impl<'p> Settings<'p> {
    fn of_flags(container: &Container<'p>) -> Self {
        let flag = |name: &str| container.spec.args.value(name).map(str::trim);
        Self {
            mode: flag("-m"),
            included: flag("-i"),
            excluded: flag("-x"),
            excluded_ports: flag("-o"),
            included_ports: flag("-q"),
        }
    }

    fn of_annotations(pod: &PodGroup<'p>) -> Self {
        let annotation = |key: &str| pod.annotation(key).map(str::trim);
        Self {
            mode: annotation("sidecar.istio.io/interceptionMode"),
            included: annotation("traffic.sidecar.istio.io/includeOutboundIPRanges"),
            excluded: annotation("traffic.sidecar.istio.io/excludeOutboundIPRanges"),
            excluded_ports: annotation("traffic.sidecar.istio.io/excludeOutboundPorts"),
            included_ports: annotation("traffic.sidecar.istio.io/includeOutboundPorts"),
        }
    }

    /// What it says, and what `other` says of the rest.
    fn or(&self, other: &Self) -> Self {
        Self {
            mode: self.mode.or(other.mode),
            included: self.included.or(other.included),
            excluded: self.excluded.or(other.excluded),
            excluded_ports: self.excluded_ports.or(other.excluded_ports),
            included_ports: self.included_ports.or(other.included_ports),
        }
    }

    /// In the order of the rules that are set up: excluded ports, excluded addresses, included ports, included addresses.
    fn judge(&self, address: Option<&str>, port: u16) -> Outbound {
        match self.mode {
            None | Some("REDIRECT" | "TPROXY") => {}
            Some("NONE") => return Outbound::Excluded,
            Some(_) => return Outbound::Unknown,
        }
        let address = address.and_then(|address| address.parse::<IpAddr>().ok());
        let of_ports = |list: Option<&str>| lists(list.unwrap_or_default(), port);
        let of_addresses = |list: &str| match list {
            "" => Some(false),
            "*" => Some(true),
            _ => holds(list, address?),
        };
        let rules = [
            (of_ports(self.excluded_ports), Outbound::Excluded),
            (
                of_addresses(self.excluded.unwrap_or_default()),
                Outbound::Excluded,
            ),
            (of_ports(self.included_ports), Outbound::Captured),
            (
                of_addresses(self.included.unwrap_or("*")),
                Outbound::Captured,
            ),
        ];
        let mut unknown = false;
        for (applies, outcome) in rules {
            match applies {
                // A rule before this one may have said otherwise.
                Some(true) if unknown && outcome == Outbound::Captured => return Outbound::Unknown,
                Some(true) => return outcome,
                Some(false) => {}
                None => unknown = true,
            }
        }
        if unknown {
            Outbound::Unknown
        } else {
            Outbound::Excluded
        }
    }
}

/// Whether a list of ports holds one; `None` where it may be in a part that can't be read.
fn lists(ports: &str, port: u16) -> Option<bool> {
    let mut odd = false;
    for item in ports
        .split(',')
        .map(str::trim)
        .filter(|item| !item.is_empty())
    {
        let (first, last) = item.split_once(':').unwrap_or((item, item));
        match (first.parse::<u16>(), last.parse::<u16>()) {
            (Ok(first), Ok(last)) if (first..=last).contains(&port) => return Some(true),
            (Ok(_), Ok(_)) => {}
            _ if item == "*" => return Some(true),
            _ => odd = true,
        }
    }
    (!odd).then_some(false)
}

/// Whether a list of ranges holds an address; `None` where one of them can't be read.
fn holds(list: &str, address: IpAddr) -> Option<bool> {
    if list == UNRECOGNISED {
        return None;
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    const SERVICE: Option<&str> = Some("10.96.0.7");

    /// Mode, included and excluded addresses, excluded and included ports, as flags or annotations write them.
    fn settings(text: &'static str) -> Settings<'static> {
        let of = |key: &str| {
            let mut pairs = text.split(' ').filter_map(|pair| pair.split_once('='));
            pairs.find(|(name, _)| *name == key).map(|(_, value)| value)
        };
        Settings {
            mode: of("m"),
            included: of("i"),
            excluded: of("x"),
            excluded_ports: of("o"),
            included_ports: of("q"),
        }
    }

    #[test]
    fn rules_count_in_their_order() {
        use Outbound::{Captured, Excluded, Unknown};
        let table = [
            ("", Captured, "nothing said"),
            ("i=*", Captured, "all"),
            ("i=", Excluded, "no address included"),
            ("i=* m=NONE", Excluded, "no redirection"),
            ("i=* m=TUN", Unknown, "an odd mode"),
            ("i= q=443,8080", Captured, "the port alone is included"),
            ("i= q=443", Excluded, "another port is included"),
            (
                "q=8080 x=10.96.0.0/16",
                Excluded,
                "addresses before included ports",
            ),
            ("q=8080 o=8000:8100", Excluded, "excluded ports before all"),
            ("o=*", Excluded, "every port is excluded"),
            (
                "o=(unrecognised)",
                Unknown,
                "excluded ports that can't be read",
            ),
            (
                "o=web,8080",
                Excluded,
                "an odd item before the one that counts",
            ),
            (
                "x=10.0.0.0/8 o=(unrecognised)",
                Excluded,
                "excluded either way",
            ),
        ];
        for (text, expected, why) in table {
            assert_eq!(settings(text).judge(SERVICE, 8080), expected, "{why}");
        }
        let ranged = settings("i=10.0.0.0/8");
        assert_eq!(ranged.judge(SERVICE, 8080), Captured);
        assert_eq!(ranged.judge(None, 8080), Unknown, "no address");
    }
}
