//! Istio's DestinationRules: what clients send to hosts of the mesh.
//!
//! Follows istio `pilot/pkg/model/push_context.go`, `destination_rule.go` and `pilot/pkg/networking/core/cluster_tls.go`:
//! a client asks its own namespace, then that of the service, then the root namespace, each for the most specific host;
//! of rules for one host the oldest policy counts, and further subsets are added.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, FixedOffset};

use super::control_plane::Counted;
use super::hosts::Host;
use super::{Doubt, Fact, Mesh};
use crate::kind::Kind;
use crate::model::PodGroup;
use crate::model::selector::matches_labels;
use crate::projection::Projection;
use crate::projection::destination_rule::{ClientTls, DestinationRuleSpec, TrafficPolicy};
use crate::snapshot::{Object, Snapshot};

/// All DestinationRules, by namespace.
#[derive(Debug, Default)]
pub struct DestinationRules<'s> {
    by_namespace: BTreeMap<&'s str, OfNamespace<'s>>,
}

/// Those of one namespace, the oldest first, and by host.
#[derive(Debug, Default)]
struct OfNamespace<'s> {
    rules: Vec<DestinationRule<'s>>,
    by_host: BTreeMap<Host, Vec<usize>>,
}

/// Rules for one host that are looked at in search of one that counts instead of another.
const COMPARED: usize = 64;

/// One DestinationRule.
#[derive(Debug)]
pub struct DestinationRule<'s> {
    /// Index of its object.
    pub object: usize,
    /// Its namespace.
    pub namespace: &'s str,
    /// The host that it is for.
    pub host: Host,
    /// Its fields.
    pub spec: &'s DestinationRuleSpec,
    identity: &'s Object,
    created: Option<DateTime<FixedOffset>>,
}

/// What clients send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sends {
    /// No TLS, or TLS without the mesh's certificates.
    Without,
    /// A mode that the API does not know.
    Unrecognised,
    /// A port without TLS settings below a rule that has some: not inherited there, and inherited elsewhere.
    NotInherited,
    /// What auto mTLS makes of it.
    Automatic,
    /// Mutual TLS of the mesh.
    Mutual,
}

/// What a rule says at one place.
#[derive(Clone, Debug, PartialEq)]
pub struct Level {
    /// What clients send by it.
    pub sends: Sends,
    /// The mode, as written.
    pub mode: Option<String>,
    /// Which of the subsets; `None` for the rule itself.
    pub subset: Option<usize>,
    /// Port of the Service; `None` for all others.
    pub port: Option<u32>,
    /// Where it stands.
    pub fact: Fact,
}

/// Whether a rule changes what clients of a host send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It does.
    Yes,
    /// It does not; index of the rule that counts instead, if there is one.
    No(Option<usize>),
    /// It can't be told.
    Unknown(Doubt),
}

/// What a client sends to a port, and where that is written.
#[derive(Clone, Debug)]
pub struct Sent {
    /// What it is.
    pub sends: Sends,
    /// The values behind it; none where no rule is for the host.
    pub facts: Vec<Fact>,
}

impl Sent {
    /// What a rule says of a port without choosing a subset.
    fn by(rule: &DestinationRule<'_>, port: u16) -> Self {
        let levels = rule.levels().into_iter();
        let whole = levels.filter(|level| level.subset.is_none());
        let level = whole
            .filter(|level| level.port.is_none_or(|named| named == u32::from(port)))
            .max_by_key(|level| level.port.is_some())
            .unwrap_or_else(|| rule.silence());
        let facts = rule.facts().into_iter().chain([level.fact]);
        Self {
            sends: level.sends,
            facts: facts
                .map(|fact| Fact {
                    object: Some(rule.object),
                    ..fact
                })
                .collect(),
        }
    }
}

impl<'s> DestinationRules<'s> {
    /// Sorts them.
    pub(super) fn new(snapshot: &'s Snapshot) -> Self {
        let mut by_namespace: BTreeMap<&str, OfNamespace<'_>> = BTreeMap::new();
        for (index, object) in snapshot.of_kind(Kind::DestinationRule) {
            let Projection::DestinationRule(rule) = object.projection.as_ref() else {
                continue;
            };
            let created = object.identity.creation_timestamp.as_deref();
            let here = by_namespace.entry(object.namespace()).or_default();
            here.rules.push(DestinationRule {
                object: index,
                namespace: object.namespace(),
                host: Host::new(&rule.spec.host, object.namespace()),
                spec: &rule.spec,
                identity: object,
                created: created.and_then(|text| DateTime::parse_from_rfc3339(text).ok()),
            });
        }
        for here in by_namespace.values_mut() {
            here.rules.sort_by(|left, right| {
                let key = |rule: &DestinationRule<'s>| (rule.created, rule.identity.name());
                key(left).cmp(&key(right))
            });
            for (place, rule) in here.rules.iter().enumerate() {
                let of_host = here.by_host.entry(rule.host.clone()).or_default();
                of_host.push(place);
            }
        }
        Self { by_namespace }
    }

    /// All rules, by namespace and age.
    pub fn iter(&self) -> impl Iterator<Item = &DestinationRule<'s>> {
        self.by_namespace.values().flat_map(|here| &here.rules)
    }

    /// The rules for a host in a namespace, the oldest first.
    fn of_host<'a>(
        &'a self,
        namespace: &str,
        host: &Host,
    ) -> impl Iterator<Item = &'a DestinationRule<'s>> {
        let here = self.by_namespace.get(namespace);
        let places = here.and_then(|here| Some((here, here.by_host.get(host)?)));
        places.into_iter().flat_map(|(here, places)| {
            let places = places.iter().take(COMPARED);
            places.filter_map(|place| here.rules.get(*place))
        })
    }
}

/// The host of a rule; an empty one is none.
fn stated_host(spec: &DestinationRuleSpec) -> Option<&str> {
    Some(spec.host.as_str()).filter(|host| !host.is_empty())
}

impl DestinationRule<'_> {
    /// What it says at each place where it says something; none where it leaves TLS alone.
    pub fn levels(&self) -> Vec<Level> {
        let spec = self.spec;
        let mut levels = Vec::new();
        if let Some(policy) = &spec.traffic_policy {
            add_levels(&mut levels, policy, None, "/spec/trafficPolicy");
        }
        for (place, subset) in spec.subsets.iter().enumerate() {
            if let Some(policy) = &subset.traffic_policy {
                let pointer = format!("/spec/subsets/{place}/trafficPolicy");
                add_levels(&mut levels, policy, Some(place), &pointer);
            }
        }
        levels
    }

    /// What it says where it says nothing of TLS.
    pub fn silence(&self) -> Level {
        Level {
            sends: Sends::Automatic,
            mode: None,
            subset: None,
            port: None,
            fact: Fact::of_subject("/spec/trafficPolicy/tls/mode", None::<&str>),
        }
    }

    /// Whether the rule as a whole sets TLS for ports that it does not name.
    pub fn sets_tls(&self) -> bool {
        let policy = self.spec.traffic_policy.as_ref();
        policy.is_some_and(|policy| policy.tls.is_some())
    }

    /// Where its host and its audience are written.
    pub fn facts(&self) -> Vec<Fact> {
        let exported = Some(&self.spec.export_to).filter(|namespaces| !namespaces.is_empty());
        let mut facts = vec![Fact::of_subject("/spec/host", stated_host(self.spec))];
        facts.extend(exported.map(|exported| Fact::of_subject("/spec/exportTo", Some(exported))));
        facts
    }

    /// Whether clients of a namespace may see it.
    fn is_exported_to(&self, namespace: &str) -> bool {
        let exported = &self.spec.export_to;
        exported.is_empty()
            || exported.iter().any(|entry| match entry.as_str() {
                "*" => true,
                "." => self.namespace == namespace,
                other => other == namespace,
            })
    }

    /// Whether a pod sees it: with a selector only pods of its own namespace do.
    fn is_for(&self, client: &PodGroup<'_>) -> bool {
        let selected = self.spec.workload_selector.as_ref().is_none_or(|selector| {
            client.namespace == self.namespace && matches_labels(&selector.match_labels, client)
        });
        selected && self.is_exported_to(client.namespace)
    }

    /// Whether clients of other namespaces may see it.
    fn is_exported(&self) -> bool {
        let exported = &self.spec.export_to;
        let mut entries = exported.iter();
        exported.is_empty()
            || entries.any(|entry| !matches!(entry.as_str(), "." | "~") && entry != self.namespace)
    }

    /// Whether every client that sees `other` sees this one too.
    fn is_seen_by_all_that_see(&self, other: &Self) -> bool {
        let all = |rule: &Self| {
            let exported = &rule.spec.export_to;
            exported.is_empty() || exported.iter().any(|entry| entry == "*")
        };
        let entries = |rule: &Self| -> BTreeSet<String> {
            let entries = rule.spec.export_to.iter();
            entries
                .map(|entry| match entry.as_str() {
                    "." => rule.namespace.to_owned(),
                    other => other.to_owned(),
                })
                .collect()
        };
        all(self) || !all(other) && entries(other).is_subset(&entries(self))
    }

    /// Whether the rule is for the same clients as another one of its namespace.
    fn has_selector_of(&self, other: &Self) -> bool {
        let labels = |rule: &Self| {
            let selector = rule.spec.workload_selector.as_ref();
            selector.map(|selector| selector.match_labels.clone())
        };
        labels(self) == labels(other)
    }

    /// Whether an older rule for the same host says what this one says at a level.
    fn overrides(&self, later: &Self, level: &Level) -> bool {
        match level.subset {
            None => self.spec.traffic_policy.is_some(),
            Some(place) => later.spec.subsets.get(place).is_some_and(|subset| {
                let mut own = self.spec.subsets.iter();
                own.any(|known| known.name == subset.name)
            }),
        }
    }
}

fn add_levels(
    levels: &mut Vec<Level>,
    policy: &TrafficPolicy,
    subset: Option<usize>,
    pointer: &str,
) {
    let fact = |pointer: String, mode: Option<&String>| Fact::of_subject(pointer, mode);
    if let Some(tls) = &policy.tls {
        levels.push(Level {
            sends: sends(tls),
            mode: tls.mode.clone(),
            subset,
            port: None,
            fact: fact(format!("{pointer}/tls/mode"), tls.mode.as_ref()),
        });
    }
    for (place, settings) in policy.port_level_settings.iter().enumerate() {
        let Some(port) = &settings.port else {
            continue;
        };
        let tls = settings.tls.as_ref();
        if tls.is_none() && policy.tls.is_none() {
            continue;
        }
        let mode = tls.and_then(|tls| tls.mode.as_ref());
        let pointer = format!("{pointer}/portLevelSettings/{place}/tls/mode");
        levels.push(Level {
            sends: tls.map_or(Sends::NotInherited, sends),
            mode: mode.cloned(),
            subset,
            port: Some(port.number),
            fact: fact(pointer, mode),
        });
    }
}

/// Absent means `DISABLE`, the first value of the enumeration.
fn sends(tls: &ClientTls) -> Sends {
    match tls.mode.as_deref() {
        None | Some("DISABLE" | "SIMPLE" | "MUTUAL") => Sends::Without,
        Some("ISTIO_MUTUAL") => Sends::Mutual,
        Some(_) => Sends::Unrecognised,
    }
}

impl<'s> Mesh<'s> {
    /// All DestinationRules.
    pub fn destination_rules(&self) -> impl Iterator<Item = &DestinationRule<'s>> {
        self.destination_rules.iter()
    }

    /// Whether a level of a rule counts for some clients of a service, which has a full name and a namespace.
    pub fn effect(
        &self,
        rule: &DestinationRule<'_>,
        level: &Level,
        (service, namespace): (&str, &str),
    ) -> Effect {
        match self.reads_rule(rule) {
            Counted::Yes => {}
            Counted::No => return Effect::No(None),
            Counted::Unknown(doubt) => return Effect::Unknown(doubt),
        }
        let own_clients = rule.is_exported_to(rule.namespace);
        let others = rule.is_exported() && rule.spec.workload_selector.is_none();
        let served =
            namespace == rule.namespace || self.root_namespaces().contains(&rule.namespace);
        if own_clients || others && served {
            return self.shadow(rule, level, service);
        }
        if others && !self.knows_roots() {
            return Effect::Unknown(Doubt::RootNamespace);
        }
        Effect::No(None)
    }

    /// Whether another rule of the namespace counts instead: one for a more specific host, or an older one for the same.
    fn shadow(&self, rule: &DestinationRule<'_>, level: &Level, service: &str) -> Effect {
        let counts = |other: &&DestinationRule<'_>| {
            other.object != rule.object
                && other.is_seen_by_all_that_see(rule)
                && self.reads_rule(other) == Counted::Yes
        };
        for host in rule.host.more_specific_for(service) {
            let others = self.destination_rules.of_host(rule.namespace, &host);
            let instead = others.filter(counts).find(|other| {
                other.spec.workload_selector.is_none() || other.has_selector_of(rule)
            });
            if let Some(other) = instead {
                return Effect::No(Some(other.object));
            }
        }
        let mut effect = Effect::Yes;
        let same = self.destination_rules.of_host(rule.namespace, &rule.host);
        for other in same.filter(counts) {
            if !other.has_selector_of(rule) || !other.overrides(rule, level) {
                continue;
            }
            if rule.created.is_none() || other.created.is_none() {
                effect = Effect::Unknown(Doubt::CreationTimes);
            } else if (other.created, other.identity.name()) < (rule.created, rule.identity.name())
            {
                return Effect::No(Some(other.object));
            }
        }
        effect
    }

    /// What a pod sends to a port of a service, which has a full name and a namespace: the first namespace with a rule for
    /// it counts, there the most specific host, and of rules for one host the oldest.
    pub fn sent_by(
        &self,
        client: &PodGroup<'_>,
        (service, namespace): (&str, &str),
        port: u16,
    ) -> Result<Sent, Doubt> {
        let roots = self.root_namespaces();
        let places = [client.namespace, namespace].into_iter().chain(roots);
        for place in places {
            let rules = self.destination_rules.by_namespace.get(place);
            let mut rules: Vec<&DestinationRule<'_>> = rules
                .into_iter()
                .flat_map(|here| &here.rules)
                .filter(|rule| rule.host.matches(service) && rule.is_for(client))
                .collect();
            // The sort is stable: of equal hosts the oldest stays first.
            rules.sort_by_key(|rule| (rule.host.is_wildcard(), Reverse(rule.host.name().len())));
            let mut counted = Vec::new();
            for rule in rules {
                match self.reads_rule(rule) {
                    Counted::Yes => counted.push(rule),
                    Counted::No => {}
                    Counted::Unknown(doubt) => return Err(doubt),
                }
            }
            let Some(first) = counted.first() else {
                continue;
            };
            let mut same = counted.iter().take_while(|rule| rule.host == first.host);
            let rule = same.find(|rule| rule.spec.traffic_policy.is_some());
            return Ok(Sent::by(rule.unwrap_or(first), port));
        }
        Ok(Sent {
            sends: Sends::Automatic,
            facts: Vec::new(),
        })
    }

    /// Where the host of a rule is written, by the index of its object.
    pub fn host_of_rule(&self, object: usize) -> Option<Fact> {
        let rule = self.snapshot.objects.get(object)?;
        let Projection::DestinationRule(content) = rule.projection.as_ref() else {
            return None;
        };
        Some(Fact::of(object, "/spec/host", stated_host(&content.spec)))
    }

    /// Whether any control plane reads a rule.
    fn reads_rule(&self, rule: &DestinationRule<'_>) -> Counted {
        let metadata = rule.identity.projection.metadata();
        let mut unread = None;
        for control_plane in &self.control_planes {
            match control_plane.counts(rule.namespace, metadata) {
                Counted::Yes => return Counted::Yes,
                Counted::Unknown(doubt) => unread = Some(doubt),
                Counted::No => {}
            }
        }
        // Where no control plane was found, or not all of them, any may be the one that reads it.
        match (
            unread.or(self.pods_unread.map(Doubt::Pods)),
            self.control_planes.is_empty(),
        ) {
            (_, true) => Counted::Yes,
            (Some(doubt), false) => Counted::Unknown(doubt),
            (None, false) => Counted::No,
        }
    }

    /// Whether clients send mutual TLS by themselves where no rule says anything, under every control plane; and where
    /// that is written.
    pub fn automatic(&self) -> Result<(bool, Vec<Fact>), Doubt> {
        let mut automatic = true;
        let mut facts = Vec::new();
        if self.control_planes.is_empty() {
            return Err(self
                .pods_unread
                .map_or(Doubt::ControlPlaneElsewhere, Doubt::Pods));
        }
        for control_plane in &self.control_planes {
            let config = control_plane.config.as_ref();
            let config = config.map_err(|missing| Doubt::MeshConfig(*missing))?;
            // Absent means true (istio `pkg/config/mesh/mesh.go`).
            automatic &= config.enable_auto_mtls.unwrap_or(true);
            facts.extend(config.object.map(|object| {
                Fact::of(object, "/data/mesh/enableAutoMtls", config.enable_auto_mtls)
            }));
        }
        match self.pods_unread {
            Some(missing) if automatic => Err(Doubt::Pods(missing)),
            _ => Ok((automatic, facts)),
        }
    }
}
