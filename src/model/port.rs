//! Ports with their protocols.

use std::fmt;

/// A port with its protocol.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Port {
    /// Number.
    pub number: u16,
    /// `TCP`, `UDP` or `SCTP`.
    pub protocol: String,
}

impl fmt::Display for Port {
    /// A bare number for TCP, else `53/UDP`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.protocol == "TCP" {
            write!(formatter, "{}", self.number)
        } else {
            write!(formatter, "{}/{}", self.number, self.protocol)
        }
    }
}
