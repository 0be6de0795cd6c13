//! What is wrong with a file, by what was checked.

use std::collections::BTreeMap;

/// What was checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Check {
    /// The document is of the form that its schema has.
    Form,
    /// The digest over the document.
    ContentDigest,
    /// Program, run, cluster and what was judged.
    Run,
    /// Rules and controls.
    Catalogue,
    /// The assessment plan.
    Plan,
    /// What was read and what was not, as it was recorded.
    Coverage,
    /// How many objects there are.
    Population,
    /// Objects.
    Objects,
    /// Contents of objects, and their digests.
    Projections,
    /// Results, one by one.
    Results,
    /// Values that results say they read.
    Reads,
    /// What was not read, and what follows from that.
    Gaps,
    /// Waivers, and whether they held.
    Waivers,
    /// What results say of controls.
    Controls,
    /// Sums, and the exit code.
    Totals,
    /// The order of lists.
    Order,
    /// The signature over the file.
    Signature,
    /// The statement over all files of a run.
    Statement,
}

impl Check {
    /// In words, at the head of its findings.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Form => "form",
            Self::ContentDigest => "content digest",
            Self::Run => "run and boundary",
            Self::Catalogue => "catalogue",
            Self::Plan => "plan",
            Self::Coverage => "coverage",
            Self::Population => "population",
            Self::Objects => "objects",
            Self::Projections => "projections",
            Self::Results => "results",
            Self::Reads => "values read",
            Self::Gaps => "gaps",
            Self::Waivers => "waivers",
            Self::Controls => "controls",
            Self::Totals => "totals",
            Self::Order => "order",
            Self::Signature => "signature",
            Self::Statement => "statement",
        }
    }

    /// What a member of the document is about.
    pub(super) fn of(pointer: &str) -> Self {
        let mut steps = pointer.split('/').skip(1);
        let (first, second) = (steps.next().unwrap_or_default(), steps.next());
        let last = pointer.rsplit('/').next().unwrap_or_default();
        match (first, second) {
            ("integrity", _) => Self::ContentDigest,
            ("run" | "tool" | "cluster" | "boundary", _) => Self::Run,
            ("catalogue" | "frameworks", _) => Self::Catalogue,
            ("plan" | "manualEvidence", _) => Self::Plan,
            ("coverage", Some("gaps" | "complete")) => Self::Gaps,
            ("coverage", Some("population")) => Self::Population,
            ("coverage", _) => Self::Coverage,
            ("objects", _) => Self::Objects,
            ("projections", _) => Self::Projections,
            ("results", _) if pointer.contains("/reads") => Self::Reads,
            ("results", _) if matches!(last, "waiverId" | "effectiveVerdict") => Self::Waivers,
            ("results", _) => Self::Results,
            ("waivers" | "waiverFile", _) => Self::Waivers,
            ("controls", _) => Self::Controls,
            ("summary", _) => Self::Totals,
            _ => Self::Form,
        }
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Where, as a JSON pointer into the file; empty for the file as a whole.
    pub pointer: String,
    /// What is wrong there.
    pub message: String,
}

/// Everything that is wrong, by check; of each check the first ones.
#[derive(Debug, Default)]
pub struct Findings {
    by_check: BTreeMap<Check, (Vec<Finding>, u64)>,
}

/// Findings kept of one check; more are counted. One change in a file may touch every result.
const KEPT: usize = 50;

impl Findings {
    /// Notes one.
    pub fn add(&mut self, check: Check, pointer: impl Into<String>, message: impl Into<String>) {
        let (kept, count) = self.by_check.entry(check).or_default();
        *count += 1;
        if kept.len() < KEPT {
            kept.push(Finding {
                pointer: pointer.into(),
                message: message.into(),
            });
        }
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.by_check.is_empty()
    }

    /// Each check with findings: the ones that were kept, and how many there are.
    pub fn by_check(&self) -> impl Iterator<Item = (Check, &[Finding], u64)> {
        let all = self.by_check.iter();
        all.map(|(check, (kept, count))| (*check, kept.as_slice(), *count))
    }

    /// The first one.
    pub fn first(&self) -> Option<&Finding> {
        self.by_check.values().find_map(|(kept, _)| kept.first())
    }
}
