//! Sets of small numbers as bits; of sets that lie close together only the words between the first and last are kept.

/// A set over `0..len`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Bits {
    words: Vec<u64>,
}

/// A set of which only the words from the first to the last member are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Packed {
    first: usize,
    words: Box<[u64]>,
}

const WIDTH: usize = u64::BITS as usize;

impl Bits {
    pub(super) fn none(len: usize) -> Self {
        Self {
            words: vec![0; len.div_ceil(WIDTH)],
        }
    }

    pub(super) fn insert(&mut self, member: usize) {
        if let Some(word) = self.words.get_mut(member / WIDTH) {
            *word |= 1 << (member % WIDTH);
        }
    }

    pub(super) fn discard(&mut self, member: usize) {
        if let Some(word) = self.words.get_mut(member / WIDTH) {
            *word &= !(1 << (member % WIDTH));
        }
    }

    pub(super) fn contains(&self, member: usize) -> bool {
        let word = self.words.get(member / WIDTH).copied().unwrap_or(0);
        word >> (member % WIDTH) & 1 == 1
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.zip(other, |mine, theirs| mine | theirs);
    }

    pub(super) fn keep(&mut self, other: &Self) {
        self.zip(other, |mine, theirs| mine & theirs);
    }

    pub(super) fn remove(&mut self, other: &Self) {
        self.zip(other, |mine, theirs| mine & !theirs);
    }

    fn zip(&mut self, other: &Self, join: impl Fn(u64, u64) -> u64) {
        for (mine, theirs) in self.words.iter_mut().zip(&other.words) {
            *mine = join(*mine, *theirs);
        }
    }

    /// Adds members of a packed set that are also in `within`.
    pub(super) fn add_packed_within(&mut self, packed: &Packed, within: &Self) {
        for (offset, theirs) in packed.words.iter().enumerate() {
            let place = packed.first + offset;
            if let (Some(mine), Some(within)) = (self.words.get_mut(place), within.words.get(place))
            {
                *mine |= theirs & within;
            }
        }
    }

    pub(super) fn add_packed(&mut self, packed: &Packed) {
        for (offset, theirs) in packed.words.iter().enumerate() {
            if let Some(mine) = self.words.get_mut(packed.first + offset) {
                *mine |= theirs;
            }
        }
    }

    pub(super) fn remove_packed(&mut self, packed: &Packed) {
        for (offset, theirs) in packed.words.iter().enumerate() {
            if let Some(mine) = self.words.get_mut(packed.first + offset) {
                *mine &= !theirs;
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    pub(super) fn meets_packed(&self, packed: &Packed) -> bool {
        let mine = self.words.get(packed.first..).unwrap_or_default();
        let mut pairs = packed.words.iter().zip(mine);
        pairs.any(|(theirs, mine)| mine & theirs != 0)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.words.iter().enumerate().flat_map(|(place, word)| {
            let mut rest = *word;
            std::iter::from_fn(move || {
                if rest == 0 {
                    return None;
                }
                let bit = rest.trailing_zeros() as usize;
                rest &= rest - 1;
                Some(place * WIDTH + bit)
            })
        })
    }

    pub(super) fn pack(&self) -> Packed {
        let Some(first) = self.words.iter().position(|word| *word != 0) else {
            return Packed::default();
        };
        let last = self
            .words
            .iter()
            .rposition(|word| *word != 0)
            .unwrap_or(first);
        Packed {
            first,
            words: self.words[first..=last].into(),
        }
    }
}

impl Packed {
    pub(super) fn contains(&self, member: usize) -> bool {
        let place = (member / WIDTH).checked_sub(self.first);
        let word = place.and_then(|place| self.words.get(place));
        word.copied().unwrap_or(0) >> (member % WIDTH) & 1 == 1
    }

    /// The set of ascending members.
    pub(super) fn of(members: impl IntoIterator<Item = usize>) -> Self {
        let mut first = None;
        let mut words: Vec<u64> = Vec::new();
        for member in members {
            let first = *first.get_or_insert(member / WIDTH);
            let Some(place) = (member / WIDTH).checked_sub(first) else {
                continue;
            };
            if words.len() <= place {
                words.resize(place + 1, 0);
            }
            if let Some(word) = words.get_mut(place) {
                *word |= 1 << (member % WIDTH);
            }
        }
        Self {
            first: first.unwrap_or(0),
            words: words.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_sets_hold_what_whole_ones_do() {
        for members in [vec![], vec![0], vec![63, 64], vec![70, 130, 199]] {
            let mut bits = Bits::none(200);
            for member in &members {
                bits.insert(*member);
            }
            let packed = bits.pack();
            assert_eq!(packed, Packed::of(members.iter().copied()), "{members:?}");
            for member in 0..200 {
                assert_eq!(packed.contains(member), members.contains(&member));
                assert_eq!(bits.contains(member), members.contains(&member));
            }
            assert_eq!(bits.iter().collect::<Vec<_>>(), members);
            let mut again = Bits::none(200);
            again.add_packed(&packed);
            assert_eq!(again, bits);
            assert_eq!(again.meets_packed(&packed), !members.is_empty());
            again.remove_packed(&packed);
            assert!(again.is_empty());
        }
    }

    #[test]
    fn packed_sets_are_joined_word_by_word() {
        let of = |members: &[usize]| {
            let mut bits = Bits::none(200);
            for member in members {
                bits.insert(*member);
            }
            bits
        };
        let mut sum = of(&[1]);
        sum.add_packed_within(&of(&[70, 130, 131, 199]).pack(), &of(&[3, 70, 131, 199]));
        assert_eq!(sum, of(&[1, 70, 131, 199]));
        assert!(of(&[70, 131]).meets_packed(&of(&[130, 131]).pack()));
        assert!(!of(&[70, 131]).meets_packed(&of(&[71, 130]).pack()));
    }
}
