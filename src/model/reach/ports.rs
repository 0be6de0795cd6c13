//! Ports of the three protocols as intervals.

use super::labels::Tri;
use crate::model::Port;
use crate::model::enforcement::Answer;
use crate::projection::Scalar;
use crate::projection::policy::{ClusterPolicyRule, NetworkPolicyPort, PortRange};

/// Protocols that policies know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Protocol {
    Tcp,
    Udp,
    Sctp,
}

impl Protocol {
    pub(super) const ALL: [Self; 3] = [Self::Tcp, Self::Udp, Self::Sctp];

    /// By its name; absent means TCP.
    pub(super) fn of(name: Option<&str>) -> Option<Self> {
        match name {
            None | Some("TCP" | "") => Some(Self::Tcp),
            Some("UDP") => Some(Self::Udp),
            Some("SCTP") => Some(Self::Sctp),
            Some(_) => None,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
            Self::Sctp => "SCTP",
        }
    }
}

/// Ports of one protocol, from first to last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Interval {
    pub(super) protocol: Protocol,
    pub(super) first: u16,
    pub(super) last: u16,
}

impl Interval {
    pub(super) const fn one(protocol: Protocol, port: u16) -> Self {
        Self {
            protocol,
            first: port,
            last: port,
        }
    }

    pub(super) const fn all(protocol: Protocol) -> Self {
        Self {
            protocol,
            first: 1,
            last: u16::MAX,
        }
    }

    const fn contains(self, protocol: Protocol, port: u16) -> bool {
        self.protocol as u8 == protocol as u8 && self.first <= port && port <= self.last
    }

    /// Its first port, as it is written.
    pub(super) fn port(self) -> Port {
        Port {
            number: self.first,
            protocol: self.protocol.name().to_owned(),
        }
    }
}

/// One entry of a rule's ports.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Entry {
    /// These numbers. If `uncertain`, only the first is sure to count.
    Numbers { interval: Interval, uncertain: bool },
    /// The ports that pods give this name to; of any protocol where none is named.
    Named {
        protocol: Option<Protocol>,
        name: String,
    },
    /// An entry that the API does not know; it may be any port.
    Unknown,
}

/// The ports of a rule; none listed means all.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct PortRule {
    pub(super) entries: Option<Vec<Entry>>,
}

/// A name that a pod gives to a port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct NamedPort {
    pub(super) name: String,
    pub(super) protocol: Protocol,
    pub(super) number: u16,
}

/// The ports that a rule covers on one pod.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Covered {
    all: bool,
    /// Sorted.
    certain: Vec<Interval>,
    /// Sorted; besides the certain ones.
    uncertain: Vec<Interval>,
    /// Whether any port may be covered.
    unknown: bool,
}

impl PortRule {
    /// Of a NetworkPolicy.
    pub(super) fn of_ports(ports: &[NetworkPolicyPort], end_port: Answer) -> Self {
        if ports.is_empty() {
            return Self { entries: None };
        }
        let entries = ports.iter().map(|port| entry(port, end_port));
        Self {
            entries: Some(entries.collect()),
        }
    }

    /// Of a policy over the cluster, in either of its two forms.
    pub(super) fn of_cluster_rule(rule: &ClusterPolicyRule) -> Self {
        let mut entries: Option<Vec<Entry>> = None;
        for port in rule.ports.iter().flatten() {
            let entry = if let Some(number) = &port.port_number {
                numbers(number.protocol.as_deref(), number.port, number.port)
            } else if let Some(range) = &port.port_range {
                numbers(range.protocol.as_deref(), range.start, range.end)
            } else if let Some(name) = &port.named_port {
                Entry::Named {
                    protocol: None,
                    name: name.clone(),
                }
            } else {
                Entry::Unknown
            };
            entries.get_or_insert_default().push(entry);
        }
        for known in rule.protocols.iter().flatten() {
            let by_protocol = [
                ("TCP", &known.tcp),
                ("UDP", &known.udp),
                ("SCTP", &known.sctp),
            ];
            let mut found: Vec<Entry> = Vec::new();
            for (name, ports) in by_protocol {
                let Some(ports) = ports else { continue };
                let (first, last) = match ports.destination_port.as_ref() {
                    None => (1, i64::from(u16::MAX)),
                    Some(port) => match (port.number, &port.range) {
                        (Some(number), _) if number > 0 => (number, number),
                        (_, Some(PortRange { start, end, .. })) => (*start, *end),
                        _ => (1, i64::from(u16::MAX)),
                    },
                };
                found.push(numbers(Some(name), first, last));
            }
            if let Some(name) = &known.destination_named_port {
                found.push(Entry::Named {
                    protocol: None,
                    name: name.clone(),
                });
            }
            let is_set = known.tcp.is_some()
                || known.udp.is_some()
                || known.sctp.is_some()
                || known.destination_named_port.is_some();
            if !is_set {
                found.push(Entry::Unknown);
            }
            entries.get_or_insert_default().extend(found);
        }
        Self { entries }
    }

    /// What the rule covers on a pod with these named ports.
    pub(super) fn on(&self, named: &[NamedPort]) -> Covered {
        let Some(entries) = &self.entries else {
            return Covered {
                all: true,
                ..Covered::default()
            };
        };
        let mut covered = Covered::default();
        for entry in entries {
            match entry {
                Entry::Numbers {
                    interval,
                    uncertain: false,
                } => covered.certain.push(*interval),
                Entry::Numbers { interval, .. } => {
                    covered
                        .certain
                        .push(Interval::one(interval.protocol, interval.first));
                    covered.uncertain.push(*interval);
                }
                Entry::Named { protocol, name } => {
                    let known = named.iter().filter(|port| {
                        port.name == *name && protocol.is_none_or(|known| known == port.protocol)
                    });
                    let known = known.map(|port| Interval::one(port.protocol, port.number));
                    covered.certain.extend(known);
                }
                Entry::Unknown => covered.unknown = true,
            }
        }
        covered.certain.sort_unstable();
        covered.uncertain.sort_unstable();
        covered
    }

    /// Whether it covers every port whatever the pod.
    pub(super) fn is_all(&self) -> bool {
        self.entries.is_none()
    }
}

/// What the API would refuse covers nothing for certain, and may be taken for anything.
fn entry(port: &NetworkPolicyPort, end_port: Answer) -> Entry {
    let Some(protocol) = Protocol::of(port.protocol.as_deref()) else {
        return Entry::Unknown;
    };
    match &port.port {
        None => Entry::Numbers {
            interval: Interval::all(protocol),
            uncertain: false,
        },
        // A name has a letter.
        Some(Scalar::Text(name)) if !name.bytes().any(|byte| byte.is_ascii_alphabetic()) => {
            Entry::Unknown
        }
        Some(Scalar::Text(name)) => Entry::Named {
            protocol: Some(protocol),
            name: name.clone(),
        },
        Some(Scalar::Number(first)) => {
            let last = port.end_port.filter(|last| last >= first);
            let last = match end_port {
                Answer::No => *first,
                Answer::Yes | Answer::Open => last.unwrap_or(*first),
            };
            interval(protocol, *first, last).map_or(Entry::Unknown, |interval| Entry::Numbers {
                interval,
                uncertain: end_port == Answer::Open && interval.first < interval.last,
            })
        }
    }
}

fn numbers(protocol: Option<&str>, first: i64, last: i64) -> Entry {
    let interval = Protocol::of(protocol).and_then(|protocol| interval(protocol, first, last));
    interval.map_or(Entry::Unknown, |interval| Entry::Numbers {
        interval,
        uncertain: false,
    })
}

fn interval(protocol: Protocol, first: i64, last: i64) -> Option<Interval> {
    let first = u16::try_from(first).ok().filter(|port| *port > 0)?;
    let last = u16::try_from(last).ok().filter(|last| *last >= first)?;
    Some(Interval {
        protocol,
        first,
        last,
    })
}

impl Covered {
    /// These intervals.
    pub(super) fn of(intervals: impl Iterator<Item = Interval>) -> Self {
        Self {
            certain: intervals.collect(),
            ..Self::default()
        }
    }

    /// Whether a port is covered.
    pub(super) fn holds(&self, protocol: Protocol, port: u16) -> Tri {
        let within = |intervals: &[Interval]| {
            intervals
                .iter()
                .any(|interval| interval.contains(protocol, port))
        };
        if self.all || within(&self.certain) {
            Tri::Yes
        } else if self.unknown || within(&self.uncertain) {
            Tri::Maybe
        } else {
            Tri::No
        }
    }

    /// Where coverage may begin or end within a protocol: every number from which on it may differ from the one before.
    pub(super) fn cuts(&self, cuts: &mut Vec<(Protocol, u16)>) {
        for interval in self.certain.iter().chain(&self.uncertain) {
            cuts.push((interval.protocol, interval.first));
            if let Some(next) = interval.last.checked_add(1) {
                cuts.push((interval.protocol, next));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ports_that_the_api_refuses_may_be_any() {
        let number = Scalar::Number;
        let text = |text: &str| Scalar::Text(text.to_owned());
        let table = [
            (number(80), Tri::Yes),
            (number(81), Tri::No),
            (number(0), Tri::Maybe),
            (number(65_536), Tri::Maybe),
            (text("web"), Tri::Yes),
            (text("dns"), Tri::No),
            (text("80"), Tri::Maybe),
            (text(""), Tri::Maybe),
        ];
        let named = [NamedPort {
            name: "web".to_owned(),
            protocol: Protocol::Tcp,
            number: 80,
        }];
        for (port, expected) in table {
            let why = format!("{port:?}");
            let port = NetworkPolicyPort {
                port: Some(port),
                ..NetworkPolicyPort::default()
            };
            let covered = PortRule::of_ports(&[port], Answer::Yes).on(&named);
            assert_eq!(covered.holds(Protocol::Tcp, 80), expected, "{why}");
        }
    }

    #[test]
    fn a_destination_port_of_zero_is_none() {
        let range = json!({"start": 80, "end": 90});
        let table = [
            (json!({"number": 443}), [false, false, true]),
            (json!({"range": range}), [true, false, false]),
            (json!({"number": 0, "range": range}), [true, false, false]),
            (json!({"number": 0}), [true, true, true]),
            (json!({}), [true, true, true]),
        ];
        for (port, expected) in table {
            let rule = json!({"protocols": [{"tcp": {"destinationPort": port}}]});
            let rule: ClusterPolicyRule = serde_json::from_value(rule).unwrap();
            let covered = PortRule::of_cluster_rule(&rule).on(&[]);
            let found = [85, 100, 443].map(|port| covered.holds(Protocol::Tcp, port));
            assert_eq!(found, expected.map(Tri::of), "{port}");
        }
    }
}
