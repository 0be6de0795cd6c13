//! Ranges of addresses, and whether several of them leave anybody out.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A range in CIDR notation, or a single address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Range {
    v6: bool,
    first: u128,
    last: u128,
}

impl Range {
    /// Reads a range.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length.parse::<u32>().ok()?)),
            None => (text, None),
        };
        let (v6, number, bits) = match address.parse::<IpAddr>().ok()? {
            IpAddr::V4(address) => (false, u128::from(u32::from(address)), 32),
            IpAddr::V6(address) => (true, u128::from(address), 128),
        };
        let length = length.unwrap_or(bits);
        if length > bits {
            return None;
        }
        let host = bits - length;
        let mask = if host == 128 {
            u128::MAX
        } else {
            (1_u128 << host) - 1
        };
        Some(Self {
            v6,
            first: number & !mask,
            last: number | mask,
        })
    }

    /// Whether an address is in it.
    pub fn holds(&self, address: IpAddr) -> bool {
        let (v6, number) = match address.to_canonical() {
            IpAddr::V4(address) => (false, u128::from(u32::from(address))),
            IpAddr::V6(address) => (true, u128::from(address)),
        };
        v6 == self.v6 && (self.first..=self.last).contains(&number)
    }
}

/// Whether ranges together hold every address of a family: then they keep nobody out.
pub fn covers_everything(ranges: &[Range]) -> bool {
    let whole = [
        (false, u128::from(u32::from(Ipv4Addr::BROADCAST))),
        (true, u128::from(Ipv6Addr::from(u128::MAX))),
    ];
    whole
        .into_iter()
        .any(|(v6, last)| covered(ranges, v6, 0, last))
}

/// Whether all of `inner` lies inside `outer`, taken together.
pub fn lies_inside(inner: &[Range], outer: &[Range]) -> bool {
    inner
        .iter()
        .all(|range| covered(outer, range.v6, range.first, range.last))
}

fn covered(ranges: &[Range], v6: bool, first: u128, last: u128) -> bool {
    let mut sorted: Vec<&Range> = ranges.iter().filter(|range| range.v6 == v6).collect();
    sorted.sort();
    let mut next = first;
    for range in sorted {
        if range.first > next {
            return false;
        }
        if range.last >= last {
            return true;
        }
        next = next.max(range.last + 1);
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranges(list: &[&str]) -> Vec<Range> {
        list.iter().filter_map(|text| Range::parse(text)).collect()
    }

    #[test]
    fn halves_make_a_whole() {
        assert!(covers_everything(&ranges(&["0.0.0.0/0"])));
        assert!(covers_everything(&ranges(&["128.0.0.0/1", "0.0.0.0/1"])));
        assert!(covers_everything(&ranges(&["10.0.0.0/8", "::/0"])));
        assert!(!covers_everything(&ranges(&["0.0.0.0/1", "128.0.0.0/2"])));
        assert!(!covers_everything(&ranges(&["10.0.0.0/8"])));
        assert!(!covers_everything(&[]));
    }

    #[test]
    fn a_list_lies_inside_another_as_a_whole() {
        let outer = ranges(&["10.0.0.0/9", "10.128.0.0/9"]);
        assert!(lies_inside(&ranges(&["10.0.0.0/8", "10.1.2.3"]), &outer));
        assert!(!lies_inside(&ranges(&["10.0.0.0/7"]), &outer));
        assert!(!lies_inside(&ranges(&["::1"]), &outer));
        assert_eq!(Range::parse("10.0.0.0/33"), None);
        assert_eq!(Range::parse("example"), None);
    }
}
