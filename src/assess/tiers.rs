//! Reach between environment tiers: the results of `tier-isolation`, told by tier instead of by namespace.
//!
//! A result names the first way into a namespace. Where there is one, every other tier is asked for here, so that a
//! picture shows all leaks. Nothing is found here that the rule did not find: what it left open stays open for every
//! pair, and what it passed is closed for every pair.

use std::collections::BTreeMap;

use crate::model::Model;
use crate::model::reach::{Ports, Sources};
use crate::model::tenants::{self, PodTier, Tenants};
use crate::report::{Effective, Gap, RuleReport, SubjectRef, TierPair, TierReach, place};
use crate::snapshot::Snapshot;

/// The rule whose results are told.
const RULE: &str = "tier-isolation";
/// Tiers in the picture: labels are free text, and more could not be read.
const TIERS: usize = 16;
/// Questions asked of the policies; what would need more stays open.
const QUESTIONS: usize = 5_000;

/// Tells them, if the rule ran and there are tiers.
pub(super) fn tell(model: &Model<'_>, reports: &[RuleReport], gaps: &[Gap]) -> Option<TierReach> {
    let report = reports
        .iter()
        .find(|report| report.rule.id == RULE && report.selected)?;
    let tenants = Tenants::new(model);
    let tiers = tiers(model, &tenants);
    let shown: Vec<PodTier<'_>> = tiers.iter().take(TIERS).cloned().collect();
    let mut teller = Teller {
        model,
        complete: !gaps.iter().any(|gap| gap.rules.contains(&RULE)),
        ends: ends(model, &tenants, &shown),
        sources: vec![None; shown.len()],
        tiers: shown,
        tenants,
        pairs: BTreeMap::new(),
        questions: QUESTIONS,
    };
    for (namespace, effective) in namespaces(model.snapshot, report) {
        teller.namespace(namespace, effective);
    }
    let name = |tier: &PodTier<'_>| match tier {
        PodTier::Known(tier) => tier.to_string(),
        PodTier::Unknown | PodTier::None => TierReach::UNKNOWN.to_owned(),
    };
    (!tiers.is_empty()).then(|| TierReach {
        tiers: teller.tiers.iter().map(name).collect(),
        more: tiers.len() - teller.tiers.len(),
        pairs: teller.pairs.into_values().collect(),
    })
}

/// Namespaces by what the rule says of them.
fn namespaces<'r>(
    snapshot: &'r Snapshot,
    report: &'r RuleReport,
) -> impl Iterator<Item = (&'r str, Effective)> {
    report.results.iter().flat_map(move |result| {
        let named = |subject: &'r SubjectRef| place(snapshot, subject).1;
        result
            .subjects
            .iter()
            .map(move |subject| (named(subject), result.effective))
    })
}

/// Every tier of a pod that is there or that somebody could make, the unknown one last.
fn tiers<'m>(model: &'m Model<'_>, tenants: &Tenants<'m>) -> Vec<PodTier<'m>> {
    let of_pods = (0..model.pods.len()).map(|group| tenants.tier(group).clone());
    let of_namespaces = model
        .namespaces
        .iter()
        .map(|(name, _)| tenants::of_namespace(&model.namespaces, &model.apps, name));
    let mut tiers: Vec<PodTier<'m>> = of_pods
        .chain(of_namespaces)
        .filter(|tier| *tier != PodTier::None)
        .collect();
    tiers.sort();
    tiers.dedup();
    tiers
}

/// Of each namespace: the groups of pods that are there, or that its templates say will be, by place of their tier.
fn ends<'m>(
    model: &'m Model<'_>,
    tenants: &Tenants<'m>,
    tiers: &[PodTier<'m>],
) -> BTreeMap<&'m str, BTreeMap<usize, Vec<usize>>> {
    let mut ends: BTreeMap<&str, BTreeMap<usize, Vec<usize>>> = BTreeMap::new();
    for (group, pod) in model.pods.iter().enumerate() {
        let is_there = !pod.is_template() || pod.replicas != Some(0);
        let Ok(tier) = tiers.binary_search(tenants.tier(group)) else {
            continue;
        };
        if is_there && !pod.is_finished() {
            let here = ends.entry(pod.namespace).or_default();
            here.entry(tier).or_default().push(group);
        }
    }
    ends
}

struct Teller<'m> {
    model: &'m Model<'m>,
    tenants: Tenants<'m>,
    /// Whether everything was read that the rule would have looked at.
    complete: bool,
    tiers: Vec<PodTier<'m>>,
    /// Of each tier, once it is asked for: its pods.
    sources: Vec<Option<Sources>>,
    /// Of each namespace: its pods by tier.
    ends: BTreeMap<&'m str, BTreeMap<usize, Vec<usize>>>,
    pairs: BTreeMap<(usize, usize), TierPair>,
    questions: usize,
}

impl Teller<'_> {
    fn namespace(&mut self, namespace: &str, effective: Effective) {
        for (to, pods) in self.ends.remove(namespace).unwrap_or_default() {
            for from in (0..self.tiers.len()).filter(|from| *from != to) {
                let state = match effective {
                    Effective::Fail | Effective::Waived => self.ask(from, &pods, effective),
                    Effective::Pass | Effective::Indeterminate | Effective::NotApplicable => {
                        effective
                    }
                };
                self.add(from, to, state, namespace);
            }
        }
    }

    /// Whether there is a way from a tier to any of the pods, in a namespace into which there is one from somewhere.
    fn ask(&mut self, from: usize, pods: &[usize], found: Effective) -> Effective {
        let Some(PodTier::Known(tier)) = self.tiers.get(from).cloned() else {
            // What a tier that is not known reaches is open, whatever it is.
            return Effective::Indeterminate;
        };
        let model = self.model;
        let reach = model.reach();
        let tenants = &self.tenants;
        let sources = self.sources.get_mut(from).map(|known| {
            known.get_or_insert_with(|| {
                reach.sources(model, |group, _| {
                    *tenants.tier(group) == PodTier::Known(tier)
                })
            })
        });
        let mut doubtful = !self.complete;
        for group in pods {
            let Some(left) = self.questions.checked_sub(1) else {
                return Effective::Indeterminate;
            };
            self.questions = left;
            let there = sources
                .as_deref()
                .map(|sources| reach.current(*group, &Ports::Any, sources, false))
                .unwrap_or_default();
            if there.certain.is_some() {
                return found;
            }
            let of = |name: &str| tenants::of_namespace(&model.namespaces, &model.apps, name);
            let made =
                reach.permitted(*group, &Ports::Any, |name| of(name) == PodTier::Known(tier));
            if made.certain.is_some() {
                return found;
            }
            doubtful |= made.possible.is_some() || there.possible.is_some();
        }
        if doubtful {
            Effective::Indeterminate
        } else {
            Effective::Pass
        }
    }

    fn add(&mut self, from: usize, to: usize, state: Effective, namespace: &str) {
        let pair = self.pairs.entry((from, to)).or_insert_with(|| TierPair {
            from,
            to,
            state,
            open: Vec::new(),
        });
        if severity(state) > severity(pair.state) {
            pair.state = state;
        }
        if matches!(state, Effective::Fail | Effective::Waived) {
            pair.open.push(namespace.to_owned());
            pair.open.sort_unstable();
            pair.open.dedup();
        }
    }
}

/// What one namespace says outweighs what another says of the same pair.
const fn severity(state: Effective) -> u8 {
    match state {
        Effective::NotApplicable => 0,
        Effective::Pass => 1,
        Effective::Waived => 2,
        Effective::Indeterminate => 3,
        Effective::Fail => 4,
    }
}

#[cfg(test)]
mod tests {
    use crate::assess::{Options, assess};
    use crate::catalog::Catalog;
    use crate::kind::Kind;
    use crate::report::TierReach;
    use crate::rules::RULES;
    use crate::snapshot::{ReadStatus, Snapshot};
    use crate::testing;

    use super::RULE;

    /// A namespace of production and one of test, with policies between them that count.
    fn closed() -> Snapshot {
        testing::snapshot(include_str!("../../fixtures/base/clean.yaml"))
    }

    fn told(snapshot: &Snapshot, rule: &'static str) -> Option<TierReach> {
        let rules: Vec<&str> = RULES.iter().map(|rule| rule.id).collect();
        let catalog = Catalog::builtin(&rules).unwrap();
        let options = Options {
            rules: [rule].into(),
            ..Options::default()
        };
        assess(snapshot, &catalog, options).tiers
    }

    /// `from>to state namespaces` of every pair.
    fn pairs(snapshot: &Snapshot) -> Vec<String> {
        let told = told(snapshot, RULE).unwrap();
        let name = |place: usize| told.tiers[place].as_str();
        let pairs = told.pairs.iter().map(|pair| {
            let (from, to) = (name(pair.from), name(pair.to));
            format!("{from}>{to} {} {}", pair.state.name(), pair.open.join(","))
        });
        pairs.collect()
    }

    #[test]
    fn what_the_rule_passed_is_closed() {
        let expected = ["production>test pass ", "test>production pass "];
        let mut found = pairs(&closed());
        found.sort();
        assert_eq!(found, expected);
    }

    #[test]
    fn every_leak_is_told_with_where_it_leads() {
        let mut open = closed();
        open.objects
            .retain(|object| object.kind != Kind::NetworkPolicy);
        let mut found = pairs(&open);
        found.sort();
        let expected = [
            "production>test fail hr-test",
            "test>production fail claims-production,mendix-platform",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn nothing_unread_is_closed_or_open() {
        for kind in [
            Kind::NetworkPolicy,
            Kind::Pod,
            Kind::Namespace,
            Kind::CiliumNetworkPolicy,
        ] {
            let snapshot = testing::without(closed(), kind, ReadStatus::Forbidden);
            let told = told(&snapshot, RULE).unwrap_or_default();
            for pair in told.pairs {
                assert_ne!(pair.state.name(), "pass", "{kind}: {pair:?}");
                assert_ne!(pair.state.name(), "fail", "{kind}: {pair:?}");
            }
        }
    }

    #[test]
    fn without_the_rule_nothing_is_told() {
        assert_eq!(told(&closed(), "host-namespaces"), None);
    }
}
