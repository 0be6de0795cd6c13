//! Where the assessment plan asks for it, only some clients may come in.

mod places;
mod trust;

use std::collections::{BTreeMap, BTreeSet};

use self::places::{Place, of_ingress, of_route};
use self::trust::{Trust, trust};
use super::backends::{Backends, leads};
use super::ingress_tls::ingresses::encrypted_hosts;
use super::{Apps, apps, facts_of, with_facts, words};
use crate::kind::Kind;
use crate::model::Model;
use crate::model::edge::classes::{Serving, serving};
use crate::model::edge::hosts;
use crate::model::edge::ingresses::paths;
use crate::model::edge::open_shift::{resolve, targets};
use crate::model::edge::ranges::{Range, covers_everything, lies_inside};
use crate::model::edge::restrictions;
use crate::model::ingress_controllers::Family;
use crate::model::services::backends::Backend;
use crate::projection::Projection;
use crate::projection::network::Ingress;
use crate::projection::routing::Route;
use crate::rules::{
    Group, Observation, Observations, Reach, Read, Reason, Rule, Severity, Subject, Subjects,
    Verdict,
};
use crate::snapshot::Object;

pub(in crate::rules) static RULE: Rule = Rule {
    id: "ingress-access-restriction",
    version: 1,
    title: "Access is restricted where the plan asks for it",
    severity: Severity::Low,
    group: Group::Edge,
    subjects: Subjects::Kinds(&[Kind::Ingress, Kind::Route]),
    reads: &[
        Read::required(Kind::Pod, Reach::Namespace),
        // Each verdict names what it rests on: classes and controllers live anywhere.
        Read::refines(Kind::ConfigMap),
        Read::refines(Kind::Node),
        Read::refines(Kind::Service),
        Read::refines(Kind::EndpointSlice),
        Read::refines(Kind::Ingress),
        Read::refines(Kind::IngressClass),
        Read::refines(Kind::Route),
        Read::refines(Kind::HttpRoute),
        Read::refines(Kind::VirtualService),
        Read::refines(Kind::AuthorizationPolicy),
    ],
    docs: include_str!("../../../docs/rules/ingress-access-restriction.md"),
    check,
};

fn check<'m>(model: &'m Model<'_>) -> Observations<'m> {
    let apps = apps(model);
    let kinds = [Kind::Ingress, Kind::Route];
    let objects = kinds
        .into_iter()
        .flat_map(|kind| model.snapshot.of_kind(kind));
    let observations =
        objects.filter_map(move |(index, object)| match object.projection.as_ref() {
            Projection::Ingress(ingress) => judge(model, &apps, index, object, ingress),
            Projection::Route(route) => judge_route(model, &apps, index, object, route),
            _ => None,
        });
    Box::new(observations.chain(elsewhere(model)))
}

/// What the plan asks for and no Ingress or Route serves, where another object may.
fn elsewhere(model: &Model<'_>) -> Option<Observation> {
    let unmet = restrictions::unmet(model);
    let others: Vec<(usize, usize)> = unmet
        .iter()
        .copied()
        .filter_map(|index| {
            let entry = model.plan.access_restrictions.get(index)?;
            Some((index, restrictions::other_way(model, entry)?))
        })
        .collect();
    let Some((_, first)) = others.first() else {
        let kinds = [Kind::HttpRoute, Kind::VirtualService].into_iter();
        let missing = kinds.filter_map(|kind| Some((kind, model.gaps.anywhere(kind)?)));
        let missing = missing.filter(|_| !unmet.is_empty()).min();
        return missing.map(|(kind, missing)| {
            let message = format!(
                "the assessment plan asks for restrictions that no Ingress or Route has, and {kind} {}",
                missing.in_words()
            );
            Observation::indeterminate(Subject::Cluster, missing.into(), message)
        });
    };
    let (first, object) = (*first, model.object(*first));
    let message = format!(
        "the assessment plan asks for restrictions that no Ingress or Route can have; what restricts access by {} {}/{} was not read",
        object.kind,
        object.namespace(),
        object.name()
    );
    let observation =
        Observation::indeterminate(Subject::Cluster, Reason::ControllerConfigNotRead, message)
            .read_of(first, "/metadata/name", Some(object.name()));
    Some(others.iter().fold(observation, |observation, (index, _)| {
        let pointer = format!("/accessRestrictions/{index}");
        let value = model.plan.value_at(&pointer).cloned();
        observation.read_plan(pointer, value)
    }))
}

/// What the plan asks for a host.
struct Wanted {
    host: String,
    /// Entries of the plan, by index.
    entries: BTreeSet<usize>,
    ranges: Vec<Range>,
}

/// One statement about a host; the worst counts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    verdict: Verdict,
    reason: Reason,
    message: String,
}

impl Finding {
    fn new(verdict: Verdict, reason: Reason, message: impl Into<String>) -> Self {
        Self {
            verdict,
            reason,
            message: message.into(),
        }
    }

    fn indeterminate(reason: Reason, message: impl Into<String>) -> Self {
        Self::new(Verdict::Indeterminate, reason, message)
    }

    fn open(message: impl Into<String>) -> Self {
        Self::new(Verdict::Fail, Reason::NotRestricted, message)
    }
}

/// What the plan asks for hosts that lead to apps.
fn wanted(model: &Model<'_>, apps: &Apps, hosts: &[(String, &Backend)]) -> Vec<Wanted> {
    let mut wanted: Vec<Wanted> = Vec::new();
    for (host, backend) in hosts {
        let mut entries = BTreeSet::new();
        for group in backend.groups().iter().filter(|group| apps.contains(group)) {
            let pod = &model.pods[*group];
            let app = pod.app.as_ref().and_then(|claim| claim.name());
            let found = model
                .plan
                .restrictions(host, pod.namespace, app.unwrap_or_default());
            entries.extend(found.map(|(index, _)| index));
        }
        if entries.is_empty() {
            continue;
        }
        match wanted.iter_mut().find(|known| known.host == *host) {
            Some(known) => known.entries.extend(entries),
            None => wanted.push(Wanted {
                host: host.clone(),
                entries,
                ranges: Vec::new(),
            }),
        }
    }
    for entry in &mut wanted {
        let stated = entry
            .entries
            .iter()
            .filter_map(|index| model.plan.access_restrictions.get(*index))
            .flat_map(|restriction| &restriction.ranges);
        entry.ranges = stated.filter_map(|range| Range::parse(range)).collect();
    }
    wanted
}

fn not_requested(subject: Subject) -> Observation {
    let message = "the assessment plan asks for no restriction of its hosts and apps";
    Observation::not_applicable(subject, Reason::NotRequested, message)
}

fn judge(
    model: &Model<'_>,
    apps: &Apps,
    index: usize,
    object: &Object,
    ingress: &Ingress,
) -> Option<Observation> {
    let subject = Subject::Object(index);
    let paths = paths(model, object.namespace(), ingress);
    let backends = Backends::new(model, paths.iter().map(|path| &path.backend));
    let to_apps: Vec<(String, &Backend)> = paths
        .iter()
        .filter(|path| leads(&path.backend, apps))
        .map(|path| (path.host.clone(), &path.backend))
        .collect();
    if to_apps.is_empty() {
        return backends.lead_nowhere(model, subject, object);
    }
    let wanted = wanted(model, apps, &to_apps);
    if wanted.is_empty() {
        return Some(not_requested(subject));
    }
    let observation = match serving(model, object, ingress) {
        Err(unserved) => {
            let (reason, words) = words(&unserved);
            Observation::indeterminate(subject, reason, words)
        }
        Ok(serving) => {
            let place = of_ingress(model, object, ingress, &serving);
            let encrypted = if place.client_certificate {
                encrypted_hosts(model, apps, index)
            } else {
                BTreeMap::new()
            };
            let asked = Asked {
                model,
                serving: &serving,
                place: &place,
                encrypted,
            };
            let observation = asked.conclude(subject, &wanted);
            let observation = with_facts(observation, serving.config_facts(model));
            resting_on_policies(model, &serving, observation)
        }
    };
    let observation = with_facts(observation, facts_of(ingress, object));
    let observation = read_plan(model, observation, &wanted);
    let observation = [Kind::IngressClass, Kind::Pod, Kind::Service, Kind::Node]
        .into_iter()
        .fold(observation, |observation, kind| observation.needs(kind, ""));
    Some(backends.bear(observation))
}

/// Policies of Istio restrict access at its gateways.
fn resting_on_policies(
    model: &Model<'_>,
    serving: &Serving<'_>,
    observation: Observation,
) -> Observation {
    if serving.family == Family::Istio {
        with_facts(observation, places::facts(model, serving)).needs(Kind::AuthorizationPolicy, "")
    } else {
        observation
    }
}

fn judge_route(
    model: &Model<'_>,
    apps: &Apps,
    index: usize,
    object: &Object,
    route: &Route,
) -> Option<Observation> {
    let subject = Subject::Object(index);
    let backends: Vec<Backend> = targets(route)
        .map(|(_, target)| resolve(model, object.namespace(), route, target).1)
        .collect();
    let all = Backends::new(model, &backends);
    let host = hosts::normal(route.spec.host.as_deref());
    let to_apps: Vec<(String, &Backend)> = backends
        .iter()
        .filter(|backend| leads(backend, apps))
        .map(|backend| (host.clone(), backend))
        .collect();
    if to_apps.is_empty() {
        return all.lead_nowhere(model, subject, object);
    }
    let wanted = wanted(model, apps, &to_apps);
    if wanted.is_empty() {
        return Some(not_requested(subject));
    }
    let serving = Serving::of_routers(model);
    let place = of_route(route);
    let asked = Asked {
        model,
        serving: &serving,
        place: &place,
        encrypted: BTreeMap::new(),
    };
    let observation = asked.conclude(subject, &wanted);
    let annotations = &route.metadata.annotations;
    let observation = annotations
        .iter()
        .fold(observation, |observation, (key, value)| {
            observation.read(super::annotation_pointer(key), Some(value))
        });
    let observation = observation.read("/spec/host", route.spec.host.as_ref());
    let observation = read_plan(model, observation, &wanted);
    let observation = [Kind::Pod, Kind::Service, Kind::Node]
        .into_iter()
        .fold(observation, |observation, kind| observation.needs(kind, ""));
    Some(all.bear(observation))
}

fn read_plan(model: &Model<'_>, observation: Observation, wanted: &[Wanted]) -> Observation {
    let entries: BTreeSet<usize> = wanted
        .iter()
        .flat_map(|wanted| wanted.entries.iter().copied())
        .collect();
    entries.into_iter().fold(observation, |observation, index| {
        let pointer = format!("/accessRestrictions/{index}");
        let value = model.plan.value_at(&pointer).cloned();
        observation.read_plan(pointer, value)
    })
}

/// An object whose hosts the plan asks something for.
struct Asked<'a> {
    model: &'a Model<'a>,
    serving: &'a Serving<'a>,
    place: &'a Place,
    /// Whether each host is served over TLS alone, which is where client certificates are asked for; nothing where that is
    /// not known.
    encrypted: BTreeMap<String, bool>,
}

impl Asked<'_> {
    fn conclude(&self, subject: Subject, wanted: &[Wanted]) -> Observation {
        let findings: Vec<(Finding, &str)> = wanted
            .iter()
            .map(|wanted| (self.of_host(wanted), wanted.host.as_str()))
            .collect();
        conclude(subject, &findings)
    }

    /// A client certificate counts where no request comes in without; else the addresses do.
    fn of_host(&self, wanted: &Wanted) -> Finding {
        let by_address = || of_host(self.model, self.serving, wanted, self.place);
        if !self.place.client_certificate {
            return by_address();
        }
        match self.encrypted.get(&wanted.host) {
            Some(true) => {
                let message = "a client certificate is required";
                Finding::new(Verdict::Pass, Reason::Value, message)
            }
            Some(false) => {
                let finding = by_address();
                let message = format!(
                    "a client certificate is asked for by TLS, and the host is also served without; {}",
                    finding.message
                );
                Finding { message, ..finding }
            }
            None => {
                let finding = by_address();
                if finding.verdict == Verdict::Pass {
                    return finding;
                }
                let message = "a client certificate is asked for by TLS, and whether the host is served without is not known";
                Finding::indeterminate(Reason::TlsNotVisible, message)
            }
        }
    }
}

fn conclude(subject: Subject, findings: &[(Finding, &str)]) -> Observation {
    let worst = findings.iter().map(|(finding, _)| finding).min().cloned();
    let Finding {
        verdict,
        mut reason,
        ..
    } = worst.unwrap_or_else(|| Finding::open("nothing is known"));
    let mixed = findings
        .iter()
        .any(|(finding, _)| finding.verdict == Verdict::Pass);
    if mixed && reason == Reason::NotRestricted {
        reason = Reason::PartlyRestricted;
    }
    let statements: BTreeSet<String> = findings
        .iter()
        .map(|(finding, host)| format!("{host}: {}", finding.message))
        .collect();
    let statements: Vec<String> = statements.into_iter().take(20).collect();
    let message = statements.join("; ");
    match verdict {
        Verdict::Pass => Observation::pass(subject, reason, message),
        Verdict::Fail => Observation::fail(subject, reason, message),
        Verdict::Indeterminate | Verdict::NotApplicable => {
            Observation::indeterminate(subject, reason, message)
        }
    }
}

#[expect(
    clippy::too_many_lines,
    reason = "one arm for each case, to be read as a table"
)]
fn of_host(model: &Model<'_>, serving: &Serving<'_>, wanted: &Wanted, place: &Place) -> Finding {
    if wanted.ranges.is_empty() {
        return match &place.restriction {
            places::Restriction::Unknown(reason, message) => {
                Finding::indeterminate(*reason, message.clone())
            }
            _ => {
                Finding::open("no client certificate is required, and the plan names no addresses")
            }
        };
    }
    match &place.restriction {
        places::Restriction::Open(message) => match trust::of_balancers(model, serving) {
            Some(ranges) => within(&ranges, wanted, "the controller's load balancer admits")
                .unwrap_or_else(|| {
                    let message =
                        "the controller's load balancer admits addresses of the plan's list alone";
                    Finding::new(Verdict::Pass, Reason::Value, message)
                }),
            None => Finding::open(message.clone()),
        },
        places::Restriction::Denied(message) => {
            Finding::new(Verdict::Pass, Reason::Value, message.clone())
        }
        places::Restriction::Unknown(reason, message) => {
            Finding::indeterminate(*reason, message.clone())
        }
        places::Restriction::Stated(ranges) => {
            within(ranges, wanted, "its list admits").unwrap_or_else(|| {
                let message = "addresses of the plan's list alone are admitted, and the address is one that a header may state";
                Finding::indeterminate(Reason::SourceAddressNotProvable, message)
            })
        }
        places::Restriction::Ranges {
            ranges,
            at_balancer,
        } => {
            if let Some(finding) = within(ranges, wanted, "its list admits") {
                return finding;
            }
            let message = "addresses of the plan's list alone are admitted";
            let trusted = if *at_balancer {
                Trust::Kept
            } else {
                trust(model, serving, ranges)
            };
            match trusted {
                Trust::Kept => Finding::new(Verdict::Pass, Reason::Value, message),
                Trust::Lost(why) => Finding::new(
                    Verdict::Fail,
                    Reason::SourceAddressLost,
                    format!("{message}, and {why}"),
                ),
                Trust::NotProvable(why) => Finding::indeterminate(
                    Reason::SourceAddressNotProvable,
                    format!("{message}, and {why}"),
                ),
                Trust::Unread => Finding::indeterminate(
                    Reason::ControllerConfigNotRead,
                    format!("{message}, and the controller's configuration was not read"),
                ),
            }
        }
    }
}

/// What is wrong with a list, if anything.
fn within(ranges: &[Range], wanted: &Wanted, what: &str) -> Option<Finding> {
    if covers_everything(ranges) {
        return Some(Finding::open(format!("{what} every address")));
    }
    (!lies_inside(ranges, &wanted.ranges))
        .then(|| Finding::open(format!("{what} addresses outside the plan's list")))
}
