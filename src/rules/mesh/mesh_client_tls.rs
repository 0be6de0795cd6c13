//! Whether clients are told to send something other than the mesh's mutual TLS to pods that take it.

use super::words;
use crate::gaps::Missing;
use crate::kind::Kind;
use crate::model::Model;
use crate::model::mesh::destination_rules::{DestinationRule, Effect, Level, Sends};
use crate::model::mesh::destinations::{Destination, Destinations, Membership};
use crate::model::mesh::{Doubt, Fact};
use crate::rules::{
    Group, Observation, Observations, Reach, Read, Reason, Rule, Severity, Subject, Subjects,
};

pub(in crate::rules) static RULE: Rule = Rule {
    id: "mesh-client-tls",
    version: 1,
    title: "No rule for clients switches mutual TLS off",
    severity: Severity::High,
    group: Group::Mesh,
    subjects: Subjects::Kinds(&[Kind::DestinationRule]),
    reads: &[
        // An older or more specific one of the namespace may count instead.
        Read::required(Kind::DestinationRule, Reach::Namespace),
        // Where the host leads to: each verdict names the namespaces that it rests on.
        Read::refines(Kind::Service),
        Read::refines(Kind::ServiceEntry),
        Read::refines(Kind::EndpointSlice),
        Read::refines(Kind::Pod),
        // Whether clients send mutual TLS by themselves, and which rules a control plane reads.
        Read::refines(Kind::ConfigMap),
        Read::refines(Kind::Namespace),
    ],
    docs: include_str!("../../../docs/rules/mesh-client-tls.md"),
    check,
};

/// Places named in a message, and destinations named as read.
const NAMED: usize = 3;

fn check<'m>(model: &'m Model<'_>) -> Observations<'m> {
    let destinations = Destinations::new(model);
    let rules = model.mesh.destination_rules();
    Box::new(rules.filter_map(move |rule| Client::new(model, &destinations, rule).observe()))
}

/// One rule and what it leads to.
struct Client<'c> {
    model: &'c Model<'c>,
    destinations: &'c Destinations<'c>,
    rule: &'c DestinationRule<'c>,
    led: Vec<&'c Destination<'c>>,
    unread: Option<(Kind, Missing)>,
}

/// What comes of one level for all that the rule leads to; the worst comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    /// It counts for pods in the mesh.
    Counts,
    /// It may.
    MayCount(Doubt),
    /// Another rule counts instead, or no client sees this one.
    Ineffective(Option<usize>),
    /// No pod behind it is in the mesh.
    Outside,
}

impl<'c> Client<'c> {
    fn new(
        model: &'c Model<'_>,
        destinations: &'c Destinations<'_>,
        rule: &'c DestinationRule<'_>,
    ) -> Self {
        Self {
            model,
            destinations,
            rule,
            led: destinations.of(&rule.host),
            unread: destinations.unread(&rule.host),
        }
    }

    /// Rules that lead to judged pods have a row, wherever they live, and so have those of judged namespaces.
    fn observe(&self) -> Option<Observation> {
        let mut led = self.led.iter();
        let observation = if led.any(|destination| self.destinations.is_judged(destination)) {
            self.judge()
        } else if let Some((kind, missing)) = self.unread {
            self.not_known(kind, missing)
        } else if self.model.scope.contains(self.rule.namespace) {
            self.not_applicable("its host leads to no judged pod")
        } else {
            return None;
        };
        let levels = self.rule.levels();
        let observation = observation
            .facts(self.rule.facts())
            .facts(levels.into_iter().map(|level| level.fact));
        Some(observation)
    }

    fn judge(&self) -> Observation {
        let levels = self.rule.levels();
        let weighed: Vec<(&Level, Outcome)> = levels
            .iter()
            .filter(|level| level.sends != Sends::Mutual)
            .map(|level| (level, self.outcome(level)))
            .collect();
        self.switched_off(&weighed)
            .or_else(|| self.not_automatic())
            .or_else(|| self.doubtful(&weighed))
            .unwrap_or_else(|| self.kept(&levels, &weighed))
    }

    /// A failure rests on nothing but the rules of its namespace: one of them may count instead.
    fn fail(&self, reason: Reason, message: String) -> Observation {
        Observation::fail(self.subject(), reason, message)
            .needs(Kind::DestinationRule, self.rule.namespace)
            .facts(self.witness())
    }

    fn switched_off(&self, weighed: &[(&Level, Outcome)]) -> Option<Observation> {
        let off: Vec<&Level> = weighed
            .iter()
            .filter(|(level, outcome)| level.sends == Sends::Without && *outcome == Outcome::Counts)
            .map(|(level, _)| *level)
            .collect();
        let reason = match off.iter().find(|level| level.mode.is_some()) {
            _ if off.is_empty() => return None,
            Some(_) => Reason::Value,
            None => Reason::Default,
        };
        let message = format!(
            "switches the mesh's mutual TLS off for pods in the mesh: {}",
            self.name(&off)
        );
        Some(self.fail(reason, message))
    }

    /// Without a mode of its own, the rule leaves what is sent to auto mTLS, which may be switched off.
    fn not_automatic(&self) -> Option<Observation> {
        if self.rule.sets_tls() {
            return None;
        }
        let outcome = self.outcome(&self.rule.silence());
        let (automatic, facts) = match self.model.mesh.automatic() {
            Ok(found) => found,
            Err(doubt) => match outcome {
                Outcome::Counts | Outcome::MayCount(_) => return Some(self.unknown(doubt)),
                Outcome::Ineffective(_) | Outcome::Outside => return None,
            },
        };
        match outcome {
            _ if automatic => None,
            Outcome::Counts => {
                let message = "sets no TLS mode for pods in the mesh, and auto mTLS is off";
                Some(self.fail(Reason::Value, message.to_owned()).facts(facts))
            }
            Outcome::MayCount(doubt) => Some(self.unknown(doubt)),
            Outcome::Ineffective(_) | Outcome::Outside => None,
        }
    }

    fn doubtful(&self, weighed: &[(&Level, Outcome)]) -> Option<Observation> {
        weighed.iter().find_map(|(level, outcome)| {
            let doubt = match (level.sends, outcome) {
                (_, Outcome::MayCount(doubt)) => *doubt,
                (Sends::Unrecognised, Outcome::Counts) => Doubt::Mode,
                (Sends::NotInherited, Outcome::Counts) => Doubt::TlsNotInherited,
                _ => return None,
            };
            Some(self.unknown(doubt))
        })
    }

    /// Nothing that counts switches mutual TLS off.
    fn kept(&self, levels: &[Level], weighed: &[(&Level, Outcome)]) -> Observation {
        let led = self.led.iter();
        let membership: Vec<Membership> = led
            .map(|destination| self.destinations.membership_of(&destination.groups).0)
            .collect();
        if membership
            .iter()
            .all(|found| *found == Membership::Unmeshed)
        {
            return match self.unread {
                Some((kind, missing)) => self.not_known(kind, missing),
                None => self.not_applicable("its host leads to no pod in Istio's mesh"),
            };
        }
        let instead = weighed.iter().find_map(|(_, outcome)| match outcome {
            Outcome::Ineffective(other) => Some(*other),
            Outcome::Counts | Outcome::MayCount(_) | Outcome::Outside => None,
        });
        let message = match instead {
            Some(Some(other)) => {
                let other = self.model.object(other);
                let (namespace, name) = (other.namespace(), other.name());
                format!("has no effect: DestinationRule {namespace}/{name} counts instead")
            }
            Some(None) => "has no effect: no client sees it".to_owned(),
            None if levels.iter().any(|level| level.sends == Sends::Mutual) => {
                "keeps mutual TLS: ISTIO_MUTUAL".to_owned()
            }
            None => "sets no TLS mode, so auto mTLS stays".to_owned(),
        };
        let observation = Observation::pass(self.subject(), Reason::Value, message);
        let observation = match instead {
            Some(Some(other)) => {
                let host = self.model.mesh.host_of_rule(other);
                observation.facts(host)
            }
            Some(None) | None => observation,
        };
        let automatic = self.model.mesh.automatic().map(|(_, facts)| facts);
        observation
            .facts(automatic.unwrap_or_default())
            .facts(self.witness())
    }

    /// What a level comes to for all that the rule leads to: the worst of it.
    fn outcome(&self, level: &Level) -> Outcome {
        let led = self.led.iter();
        led.map(|destination| self.outcome_for(level, destination))
            .min()
            .unwrap_or(Outcome::Outside)
    }

    fn outcome_for(&self, level: &Level, destination: &Destination<'_>) -> Outcome {
        let groups = self
            .destinations
            .selected(destination, self.rule, level.subset);
        let (membership, _) = self.destinations.membership_of(&groups);
        if membership == Membership::Unmeshed {
            return Outcome::Outside;
        }
        let named = (destination.name.as_str(), destination.namespace);
        match (self.model.mesh.effect(self.rule, level, named), membership) {
            (Effect::No(other), _) => Outcome::Ineffective(other),
            (Effect::Unknown(doubt), _) | (Effect::Yes, Membership::Unknown(doubt)) => {
                Outcome::MayCount(doubt)
            }
            (Effect::Yes, Membership::Meshed | Membership::Unmeshed) => Outcome::Counts,
        }
    }

    /// The first destination with pods in the mesh, and what shows that they are.
    fn witness(&self) -> Vec<Fact> {
        let led = self.led.iter();
        let found = led.filter_map(|destination| {
            match self.destinations.membership_of(&destination.groups) {
                (Membership::Meshed, Some(group)) => Some((destination.object, group)),
                _ => None,
            }
        });
        found
            .take(1)
            .flat_map(|(service, group)| self.destinations.facts(service, group))
            .collect()
    }

    fn name(&self, levels: &[&Level]) -> String {
        let mut named: Vec<String> = levels
            .iter()
            .take(NAMED)
            .map(|level| self.name_of(level))
            .collect();
        if levels.len() > NAMED {
            named.push(format!("{} more", levels.len() - NAMED));
        }
        named.join(", ")
    }

    fn name_of(&self, level: &Level) -> String {
        let subset = level
            .subset
            .and_then(|place| self.rule.spec.subsets.get(place))
            .map(|subset| format!("subset {}", subset.name));
        let port = level.port.map(|port| format!("port {port}"));
        let place: Vec<String> = subset.into_iter().chain(port).collect();
        let mode = level.mode.as_deref();
        let mode = mode.unwrap_or("no mode, which is DISABLE,");
        if place.is_empty() {
            format!("{mode} for the host")
        } else {
            format!("{mode} for {}", place.join(", "))
        }
    }

    fn subject(&self) -> Subject {
        Subject::Object(self.rule.object)
    }

    fn unknown(&self, doubt: Doubt) -> Observation {
        let reason = words::reason_of_doubt(doubt);
        Observation::indeterminate(self.subject(), reason, words::doubt(doubt))
            .facts(self.witness())
    }

    fn not_known(&self, kind: Kind, missing: Missing) -> Observation {
        let message = format!(
            "{kind} {}; what the host leads to is not known",
            missing.in_words()
        );
        Observation::indeterminate(self.subject(), missing.into(), message)
    }

    fn not_applicable(&self, message: &str) -> Observation {
        Observation::not_applicable(self.subject(), Reason::Absent, message)
    }
}
