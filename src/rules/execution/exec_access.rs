//! Whoever may exec into a pod, attach or port-forward to it, or debug it, crosses its boundary by way of the API server.

use std::collections::BTreeSet;

use crate::kind::Kind;
use crate::model::Model;
use crate::model::rbac::{Access, Account, Holders, Holding, Power};
use crate::plan::SubjectKind;
use crate::projection::Projection;
use crate::rules::{
    Group, Observation, Observations, Reach, Read, Reason, Rule, Severity, Subject, Subjects,
};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "exec-access",
    version: 1,
    title: "Only accounts that the plan names may reach into pods through the API server",
    severity: Severity::Medium,
    group: Group::ExecutionDomain,
    subjects: Subjects::Kinds(&[Kind::Namespace]),
    // Grants add up: what is not read could only let more accounts in.
    reads: &[
        Read::to_pass(Kind::RoleBinding, Reach::Namespace),
        Read::to_pass(Kind::ClusterRoleBinding, Reach::Cluster),
        Read::to_pass(Kind::Role, Reach::Namespace),
        Read::to_pass(Kind::ClusterRole, Reach::Cluster),
    ],
    docs: include_str!("../../../docs/rules/exec-access.md"),
    check,
};

/// Accounts that a message names; of the others it says how many there are.
const NAMED: usize = 6;

fn check<'m>(model: &'m Model<'_>) -> Observations<'m> {
    let access = Access::new(model.snapshot, &model.gaps);
    let everywhere = Part::of(model, &access, "");
    Box::new(model.scope.namespaces().map(move |namespace| {
        let here = Part::of(model, &access, namespace);
        observe(model, namespace, [&here, &everywhere])
    }))
}

/// What one set of bindings grants: in words, each with the grants behind it.
#[derive(Default)]
struct Part {
    intruders: Vec<Entry>,
    /// Accounts that reach into pods and that the plan names, with their place in it.
    planned: Vec<(Entry, usize)>,
    creators: Vec<Entry>,
    climbers: Vec<Entry>,
    /// Bindings to roles that no file holds.
    unknown: BTreeSet<usize>,
}

type Entry = (String, Vec<Holding>);

impl Part {
    fn of(model: &Model<'_>, access: &Access<'_>, namespace: &str) -> Self {
        let unknown = access.unknown(namespace).into_iter();
        let unknown = unknown.filter(|(_, account)| planned(model, *account).is_none());
        let mut part = Self {
            unknown: unknown.map(|(binding, _)| binding).collect(),
            ..Self::default()
        };
        let place = if namespace.is_empty() {
            "everywhere"
        } else {
            "here"
        };
        let holders: &Holders<'_> = &access.holders(namespace);
        for (account, held) in holders {
            let ways_in: Vec<(Power, Holding)> = Power::INTO_PODS
                .into_iter()
                .filter_map(|power| Some((power, *held.get(&power)?)))
                .collect();
            if !ways_in.is_empty() {
                let words = intruder(model, *account, &ways_in, place);
                let holdings = ways_in.into_iter().map(|(_, holding)| holding).collect();
                match planned(model, *account) {
                    Some(place) => part.planned.push(((words, holdings), place)),
                    None => part.intruders.push((words, holdings)),
                }
            }
            let other = |power| {
                let holding: &Holding = held.get(&power)?;
                Some((account.to_string(), vec![*holding]))
            };
            part.creators.extend(other(Power::CreatePods));
            part.climbers.extend(other(Power::TakeRights));
        }
        part
    }
}

/// The entry of the assessment plan that an account is, or is within.
fn planned(model: &Model<'_>, account: Account<'_>) -> Option<usize> {
    let mut subjects = model.plan.exec_subjects.iter();
    subjects.position(|subject| {
        let named = match subject.kind {
            SubjectKind::User => Account::user(&subject.name),
            SubjectKind::Group => Account::Group(&subject.name),
            SubjectKind::ServiceAccount => Account::ServiceAccount(
                subject.namespace.as_deref().unwrap_or_default(),
                &subject.name,
            ),
        };
        account.is_within(named)
    })
}

fn intruder(
    model: &Model<'_>,
    account: Account<'_>,
    ways_in: &[(Power, Holding)],
    place: &str,
) -> String {
    let by_name = ways_in.iter().all(|(_, way)| way.source.by_name);
    let named = if by_name {
        " (objects of some names only)"
    } else {
        ""
    };
    let bindings: BTreeSet<String> = ways_in
        .iter()
        .map(|(_, way)| binding_in_words(model, way.binding))
        .collect();
    let bindings: Vec<String> = bindings.into_iter().take(NAMED).collect();
    let words: Vec<&str> = ways_in.iter().map(|(power, _)| power.in_words()).collect();
    format!(
        "{account} may {}{named} {place} ({})",
        enumeration(&words),
        bindings.join(", ")
    )
}

fn enumeration(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [word] => (*word).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

fn binding_in_words(model: &Model<'_>, index: usize) -> String {
    let object = model.object(index);
    match object.projection.as_ref() {
        Projection::Binding(binding) => format!(
            "{} {} to {} {}",
            object.kind,
            object.name(),
            binding.role_ref.kind,
            binding.role_ref.name
        ),
        _ => object.name().to_owned(),
    }
}

fn observe(model: &Model<'_>, namespace: &str, parts: [&Part; 2]) -> Observation {
    let subject = Subject::Namespace(namespace.to_owned());
    let intruders = Listed::of(parts, |part| &part.intruders);
    let creators = Listed::of(parts, |part| &part.creators);
    let climbers = Listed::of(parts, |part| &part.climbers);
    let taken = if climbers.entries.is_empty() {
        String::new()
    } else {
        let accounts = climbers.in_words(", ");
        format!("; other rights may be taken on by {accounts}")
    };
    let creating = creators.in_words(", ");
    let others = format!("; pods may be created by {creating}{taken}");
    let unknown: BTreeSet<usize> = parts
        .iter()
        .flat_map(|part| &part.unknown)
        .copied()
        .collect();
    let observation = if intruders.entries.is_empty() && !unknown.is_empty() {
        without_role(model, subject, &unknown)
    } else if intruders.entries.is_empty() {
        let message = format!(
            "{} may reach into pods through the API server{others}",
            insiders(parts)
        );
        Observation::pass(subject, Reason::Value, message)
    } else {
        let message = format!("{}{others}", intruders.in_words("; "));
        Observation::fail(subject, Reason::Value, message)
    };
    let observation = planned_reads(model, parts, observation);
    let listed = [intruders, creators, climbers];
    reads(model, observation, listed.iter().flat_map(Listed::holdings))
}

/// What a role allows that no file holds can't be told.
fn without_role(model: &Model<'_>, subject: Subject, bindings: &BTreeSet<usize>) -> Observation {
    let words: BTreeSet<String> = bindings
        .iter()
        .map(|binding| binding_in_words(model, *binding))
        .collect();
    let words: Vec<String> = words.into_iter().take(NAMED).collect();
    let message = format!(
        "accounts may reach into pods by roles that no file holds ({})",
        words.join(", ")
    );
    let observation = Observation::indeterminate(subject, Reason::NotCollected, message);
    let bindings = bindings.iter().take(NAMED);
    bindings.fold(observation, |observation, index| {
        match model.object(*index).projection.as_ref() {
            Projection::Binding(binding) => {
                observation.read_of(*index, "/roleRef/name", Some(&binding.role_ref.name))
            }
            _ => observation,
        }
    })
}

/// Who may reach into pods where nobody does who should not.
fn insiders(parts: [&Part; 2]) -> String {
    let accounts: BTreeSet<usize> = parts
        .into_iter()
        .flat_map(|part| part.planned.iter().map(|(_, place)| *place))
        .collect();
    match accounts.len() {
        0 => "only the control plane".to_owned(),
        1 => "only the control plane and an account of the plan".to_owned(),
        several => format!("only the control plane and {several} accounts of the plan"),
    }
}

/// The entries of the plan, and the grants that they are about.
fn planned_reads(model: &Model<'_>, parts: [&Part; 2], observation: Observation) -> Observation {
    let planned = parts
        .into_iter()
        .flat_map(|part| part.planned.iter().take(NAMED));
    let places: BTreeSet<usize> = planned.clone().map(|(_, place)| *place).collect();
    let observation = places.into_iter().fold(observation, |observation, place| {
        let name = model
            .plan
            .exec_subjects
            .get(place)
            .map(|subject| &subject.name);
        observation.read_plan(format!("/execSubjects/{place}/name"), name)
    });
    let holdings = planned.flat_map(|((_, holdings), _)| holdings);
    reads(model, observation, holdings)
}

/// The first few entries of all parts, in order, and how many more there are.
struct Listed<'p> {
    entries: Vec<&'p Entry>,
    more: usize,
}

impl<'p> Listed<'p> {
    fn of(parts: [&'p Part; 2], of: impl Fn(&'p Part) -> &'p Vec<Entry>) -> Self {
        let mut entries: Vec<&Entry> = parts.into_iter().flat_map(of).collect();
        entries.sort_by(|left, right| left.0.cmp(&right.0));
        let mut words: Vec<&str> = entries.iter().map(|(words, _)| words.as_str()).collect();
        words.dedup();
        let last = words.get(NAMED).copied();
        let more = words.len().saturating_sub(NAMED);
        entries.retain(|(words, _)| last.is_none_or(|last| words.as_str() < last));
        Self { entries, more }
    }

    fn in_words(&self, separator: &str) -> String {
        let mut words: Vec<&str> = self
            .entries
            .iter()
            .map(|(words, _)| words.as_str())
            .collect();
        words.dedup();
        if words.is_empty() {
            return "nobody else".to_owned();
        }
        let more = match self.more {
            0 => String::new(),
            more => format!("{separator}and {more} more"),
        };
        format!("{}{more}", words.join(separator))
    }

    fn holdings(&self) -> impl Iterator<Item = &'p Holding> {
        self.entries.iter().flat_map(|(_, holdings)| holdings)
    }
}

/// The subject, the binding and the rule of each grant, once.
fn reads<'p>(
    model: &Model<'_>,
    observation: Observation,
    holdings: impl Iterator<Item = &'p Holding>,
) -> Observation {
    let mut bindings = BTreeSet::new();
    let mut rules = BTreeSet::new();
    for holding in holdings {
        bindings.insert((holding.binding, holding.subject));
        rules.extend(holding.source.rule);
    }
    let observation = bindings
        .iter()
        .fold(observation, |observation, (index, place)| {
            let Projection::Binding(binding) = model.object(*index).projection.as_ref() else {
                return observation;
            };
            let name = binding.subjects.get(*place).map(|subject| &subject.name);
            observation
                .read_of(*index, format!("/subjects/{place}/name"), name)
                .read_of(*index, "/roleRef/name", Some(&binding.role_ref.name))
        });
    rules.iter().fold(observation, |observation, at| {
        let Projection::Role(role) = model.object(at.role).projection.as_ref() else {
            return observation;
        };
        observation.read_of(
            at.role,
            format!("/rules/{}", at.rule),
            role.rules.get(at.rule),
        )
    })
}
