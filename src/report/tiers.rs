//! Which environment tier reaches which, as the rule `tier-isolation` found it.

use super::Effective;

/// Reach between tiers, from each into each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TierReach {
    /// The tiers, sorted; the last is [`TierReach::UNKNOWN`] where pods have one that is not known.
    pub tiers: Vec<String>,
    /// Tiers that there are beyond those.
    pub more: usize,
    /// What is known of each pair with judged pods at its end, by the places of both tiers.
    pub pairs: Vec<TierPair>,
}

/// One tier into another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TierPair {
    /// Place of the tier where ways begin.
    pub from: usize,
    /// Place of the tier where they end.
    pub to: usize,
    /// A failure where there is a way, a pass where there is none; otherwise as the rule has it.
    pub state: Effective,
    /// Judged namespaces of the second tier into which there is a way, sorted.
    pub open: Vec<String>,
}

impl TierReach {
    /// Stands for the tier of pods that have one which is not known.
    pub const UNKNOWN: &'static str = "tier not known";

    /// What is known of one pair.
    pub fn pair(&self, from: usize, to: usize) -> Option<&TierPair> {
        self.pairs
            .iter()
            .find(|pair| (pair.from, pair.to) == (from, to))
    }
}
