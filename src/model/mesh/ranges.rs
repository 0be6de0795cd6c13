//! Ranges of ports.

/// Whether ranges, by their first and last port, cover every port that something can listen on.
pub(super) fn cover_all(ranges: &[(u16, u16)]) -> bool {
    let mut sorted = ranges.to_vec();
    sorted.sort_unstable();
    // The first port that is not known to be covered.
    let mut next = 1;
    for (first, last) in sorted {
        if u32::from(first) <= next {
            next = next.max(u32::from(last) + 1);
        }
    }
    next > u32::from(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_cover_what_they_hold_together() {
        assert!(cover_all(&[(0, u16::MAX)]));
        assert!(cover_all(&[(1, u16::MAX)]));
        assert!(cover_all(&[(4000, u16::MAX), (1, 100), (50, 3999)]));
        assert!(!cover_all(&[(1, 100), (102, u16::MAX)]));
        assert!(!cover_all(&[(2, u16::MAX)]));
        assert!(!cover_all(&[(1, u16::MAX - 1)]));
        assert!(!cover_all(&[]));
    }
}
