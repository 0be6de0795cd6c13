//! Blocks of addresses.

use std::net::IpAddr;

/// A block in CIDR notation: the bits of its address, of which the first `prefix` count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Cidr {
    six: bool,
    bits: u128,
    prefix: u8,
}

impl Cidr {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = text.trim().split_once('/')?;
        let address: IpAddr = address.parse().ok()?;
        let digits = prefix.len() <= 3 && prefix.bytes().all(|byte| byte.is_ascii_digit());
        let prefix: u8 = prefix.parse().ok().filter(|_| digits)?;
        let whole = Self::host(address);
        (prefix <= whole.prefix).then(|| Self {
            bits: whole.bits & mask(whole.prefix, prefix),
            prefix,
            ..whole
        })
    }

    /// The block of one address.
    pub(super) fn host(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self {
                six: false,
                bits: u128::from(address.to_bits()),
                prefix: 32,
            },
            IpAddr::V6(address) => Self {
                six: true,
                bits: address.to_bits(),
                prefix: 128,
            },
        }
    }

    const fn width(self) -> u8 {
        if self.six { 128 } else { 32 }
    }

    pub(super) const fn is_everything(self) -> bool {
        self.prefix == 0
    }

    /// Whether IPv6.
    pub(super) const fn is_six(self) -> bool {
        self.six
    }

    /// Whether every address of the other lies in this one.
    pub(super) fn holds(self, other: Self) -> bool {
        self.six == other.six
            && self.prefix <= other.prefix
            && other.bits & mask(self.width(), self.prefix) == self.bits
    }

    fn halves(self) -> Option<[Self; 2]> {
        let width = self.width();
        (self.prefix < width).then(|| {
            let prefix = self.prefix + 1;
            let upper = self.bits | 1 << (width - prefix);
            [self.bits, upper].map(|bits| Self {
                bits,
                prefix,
                ..self
            })
        })
    }

    /// Whether the holes leave nothing of it.
    pub(super) fn is_covered(self, holes: &[Self]) -> bool {
        if holes.iter().any(|hole| hole.holds(self)) {
            return true;
        }
        let inside: Vec<Self> = holes
            .iter()
            .copied()
            .filter(|hole| self.holds(*hole))
            .collect();
        if inside.is_empty() {
            return false;
        }
        self.halves()
            .is_some_and(|halves| halves.iter().all(|half| half.is_covered(&inside)))
    }

    /// Whether this block without its holes shares an address with another.
    pub(super) fn meets(self, holes: &[Self], other: Self) -> bool {
        let shared = if self.holds(other) {
            other
        } else if other.holds(self) {
            self
        } else {
            return false;
        };
        !shared.is_covered(holes)
    }
}

fn mask(width: u8, prefix: u8) -> u128 {
    let ones = if width == 128 {
        u128::MAX
    } else {
        u128::from(u32::MAX)
    };
    if prefix == 0 {
        0
    } else {
        ones >> (width - prefix) << (width - prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cidr(text: &str) -> Cidr {
        Cidr::parse(text).unwrap()
    }

    #[test]
    fn blocks_meet_where_they_share_an_address_outside_the_holes() {
        let table: [(&str, &[&str], &str, bool); 8] = [
            ("10.0.0.0/8", &[], "10.244.0.0/16", true),
            ("10.244.3.0/24", &[], "10.244.0.0/16", true),
            ("192.168.0.0/16", &[], "10.244.0.0/16", false),
            ("10.0.0.0/8", &["10.244.0.0/16"], "10.244.1.0/24", false),
            (
                "10.0.0.0/8",
                &["10.244.0.0/17", "10.244.128.0/17"],
                "10.244.0.0/16",
                false,
            ),
            ("10.0.0.0/8", &["10.244.0.0/17"], "10.244.0.0/16", true),
            ("::/0", &[], "10.244.0.0/16", false),
            ("fd00::/8", &["fd00::/9"], "fd80::1/128", true),
        ];
        for (block, holes, other, expected) in table {
            let holes: Vec<Cidr> = holes.iter().map(|hole| cidr(hole)).collect();
            assert_eq!(
                cidr(block).meets(&holes, cidr(other)),
                expected,
                "{block} {other}"
            );
        }
    }

    #[test]
    fn what_is_no_block_is_not_read() {
        for text in [
            "",
            "10.0.0.0",
            "10.0.0.0/33",
            "10.0.0/8",
            "a/8",
            "::/129",
            "10.0.0.0/+8",
        ] {
            assert_eq!(Cidr::parse(text), None, "{text}");
        }
        assert_eq!(
            cidr("10.1.2.3/8"),
            cidr("10.0.0.0/8"),
            "host bits do not count"
        );
    }
}
