//! Databases inside the cluster: whether only the apps that they serve can reach them.

use std::collections::{BTreeMap, BTreeSet};

use super::Finding;
use super::clients::{Clients, might_hold};
use crate::kind::Kind;
use crate::model::databases::{Assignment, Database, Databases, Place};
use crate::model::reach::Ports;
use crate::model::services::Publication;
use crate::model::storage::Purpose;
use crate::model::tenants::Tenants;
use crate::model::{App, Model, PodGroup};
use crate::rules::network::paths::{self, Worst};
use crate::rules::{Need, Observation, ReadFrom, Reason, Subject, Verdict};

/// What can be a database, and what leads to one.
const DATABASES: &[Kind] = &[
    Kind::Pod,
    Kind::Service,
    Kind::Deployment,
    Kind::StatefulSet,
];

/// What is found of each database.
pub(super) type Judged = BTreeMap<Place, Finding>;

/// Judges each database once, however many apps it serves.
pub(super) fn judged(model: &Model<'_>, databases: &Databases) -> Judged {
    let tenants = Tenants::new(model);
    let all = databases.all.iter();
    all.map(|(place, database)| (*place, of_database(model, &tenants, database)))
        .collect()
}

/// What is found of the databases that an app's plans lead to, and of those that may be its.
pub(super) fn findings(
    model: &Model<'_>,
    databases: &Databases,
    judged: &Judged,
    (index, app): (usize, &App<'_>),
) -> Vec<Finding> {
    let Some(assignment) = databases.of_app.get(index) else {
        return Vec::new();
    };
    let inside = assignment.inside.iter();
    let mut findings: Vec<Finding> = inside
        .filter_map(|place| judged.get(place).cloned())
        .collect();
    findings.extend(outside(assignment));
    findings.extend(missing(model, assignment));
    findings.extend(unassigned(model, databases, assignment, app));
    if !PURPOSES.iter().all(|purpose| assignment.tells(*purpose)) {
        findings.push(resting(app.namespace));
    }
    for place in &assignment.inside {
        findings.push(resting(namespace_of(model, *place)));
    }
    for finding in &mut findings {
        for (plan, path, host) in &assignment.named {
            let pointer = format!("/spec/{}", path.replace('~', "~0").replace('/', "~1"));
            finding.read(*plan, pointer, host.as_str());
        }
    }
    findings
}

/// What an app stores.
const PURPOSES: [Purpose; 2] = [Purpose::Database, Purpose::Files];

fn namespace_of<'m>(model: &'m Model<'_>, place: Place) -> &'m str {
    match place {
        Place::Service(service) => model.object(service).namespace(),
        Place::Pods(group) => model.pods.get(group).map_or("", |pod| pod.namespace),
    }
}

/// That there is no more than was found rests on everything that could be a database, or lead to one.
fn resting(namespace: &str) -> Finding {
    let mut finding = Finding::new(Verdict::Pass, Reason::Value, String::new());
    for kind in DATABASES {
        finding.needs.push((*kind, namespace.to_owned()));
    }
    finding
}

/// Up to three of some hosts, joined.
fn few(hosts: &BTreeSet<String>) -> Option<String> {
    let first: Vec<&str> = hosts.iter().take(3).map(String::as_str).collect();
    (!first.is_empty()).then(|| first.join(", "))
}

/// Hosts outside the cluster are for security groups, of which a cluster shows nothing.
fn outside(assignment: &Assignment) -> Option<Finding> {
    let hosts = few(&assignment.outside)?;
    let words = format!("the host {hosts} is outside the cluster");
    let mut finding = Finding::new(Verdict::Pass, Reason::Value, words);
    for namespace in &assignment.unread {
        finding.needs.push((Kind::Service, namespace.clone()));
    }
    Some(finding)
}

/// Hosts that can only be inside the cluster, of which nothing is there.
fn missing(model: &Model<'_>, assignment: &Assignment) -> Option<Finding> {
    let hosts = few(&assignment.missing)?;
    let words = format!("the host {hosts} is inside the cluster, where there is no such Service");
    // Where Services were not read, the assessor takes this pass away and says why.
    let unread = |place: &String| model.gaps.in_namespace(Kind::Service, place).is_some();
    let verdict = if assignment.unread.iter().any(unread) {
        Verdict::Pass
    } else {
        Verdict::Indeterminate
    };
    let mut finding = Finding::new(verdict, Reason::Absent, words);
    for namespace in &assignment.unread {
        finding.needs.push((Kind::Service, namespace.clone()));
    }
    Some(finding)
}

/// Something that looks like a database beside an app whose plans do not say where its own is.
fn unassigned(
    model: &Model<'_>,
    databases: &Databases,
    assignment: &Assignment,
    app: &App<'_>,
) -> Option<Finding> {
    let here: BTreeSet<(Purpose, (&str, &str))> = databases
        .unassigned
        .iter()
        .filter(|(_, purpose)| !assignment.tells(**purpose))
        .filter_map(|(group, purpose)| Some((*purpose, model.pods.get(*group)?)))
        .filter(|(_, pod)| pod.namespace == app.namespace)
        .map(|(purpose, pod)| (purpose, workload(pod)))
        .collect();
    let (purpose, (kind, name)) = here.first()?;
    let what = match purpose {
        Purpose::Files => "file store",
        Purpose::Database | Purpose::Storage => "database",
    };
    let words =
        format!("{kind} {name} looks like a {what}, and no storage plan says which app it serves");
    Some(Finding::new(
        Verdict::Indeterminate,
        Reason::AssignmentUnknown,
        words,
    ))
}

/// A bare pod is named by chance, and names of pods do not belong into messages.
fn workload<'p>(pod: &'p PodGroup<'_>) -> (&'p str, &'p str) {
    match pod.workload.0.as_str() {
        "Pod" => ("a bare", "pod"),
        kind => (kind, pod.workload.1.as_str()),
    }
}

fn of_database(model: &Model<'_>, tenants: &Tenants<'_>, database: &Database) -> Finding {
    let namespace = namespace_of(model, database.place);
    let mut finding = match database.place {
        Place::Service(service) => {
            let name = model.object(service).name();
            let what = format!("the database behind Service {namespace}/{name}");
            let mut finding = judge(model, tenants, database, &what);
            finding.read(service, "/metadata/name", name);
            finding
        }
        Place::Pods(group) => {
            let (kind, name) = model.pods.get(group).map_or(("", ""), |pod| workload(pod));
            let what = format!(
                "the database that a plan names by the address of a pod ({kind} {name} in {namespace})"
            );
            judge(model, tenants, database, &what)
        }
    };
    finding.needs.push((Kind::Pod, String::new()));
    // Further Services and slices may lead there, or others here.
    finding.needs.push((Kind::Service, String::new()));
    finding
        .needs
        .push((Kind::EndpointSlice, namespace.to_owned()));
    finding
}

fn judge(model: &Model<'_>, tenants: &Tenants<'_>, database: &Database, what: &str) -> Finding {
    if let Some((service, how)) = published(model, database) {
        let object = model.object(service);
        let words = format!(
            "{what} is open to outside the cluster by Service {} ({how})",
            object.name()
        );
        let mut finding = Finding::new(Verdict::Fail, Reason::Value, words);
        finding.read(service, "/metadata/name", object.name());
        return finding;
    }
    if database.ports.is_empty() {
        let words = format!("{what} has no pods");
        return Finding::new(Verdict::Pass, Reason::Absent, words);
    }
    let clients = Clients::new(model, tenants, database);
    let worst = ways_in(model, database, &clients);
    let Some(observation) = worst.observation(model, &Subject::Cluster) else {
        let words = format!("{what} can be reached by its own clients only");
        let mut finding = Finding::new(Verdict::Pass, Reason::Value, words);
        let kinds = paths::READS.iter();
        let kinds = kinds.filter(|read| read.need == Need::ToPass);
        finding.needs = kinds.map(|read| (read.kind, String::new())).collect();
        return finding;
    };
    let mut finding = of_way(&observation, what);
    let source = worst.certain.as_ref().map(|path| &path.source);
    finding.needs.extend(might_hold(model, source));
    finding
}

/// Ways in that are not those of its clients: from pods that are there, and from pods that somebody could make.
fn ways_in(model: &Model<'_>, database: &Database, clients: &Clients) -> Worst {
    let reach = model.reach();
    let strangers = reach.sources(model, |group, _| clients.is_stranger(group));
    let mut worst = Worst::default();
    for (group, ports) in &database.ports {
        // Clients of a headless Service get addresses of pods, whatever ports it lists.
        let asked = if ports.is_empty() {
            vec![Ports::Any]
        } else {
            ports.iter().cloned().map(Ports::One).collect()
        };
        for port in asked {
            worst.take(reach.current(*group, &port, &strangers, true));
            let elsewhere = |namespace: &str| clients.is_elsewhere(namespace);
            worst.take(reach.permitted(*group, &port, elsewhere));
            if worst.certain.is_some() {
                return worst;
            }
        }
    }
    worst
}

fn of_way(observation: &Observation, what: &str) -> Finding {
    let words = if observation.verdict == Verdict::Fail {
        format!(
            "{what} is open to others than its clients: {}",
            observation.message
        )
    } else {
        format!("{what}: {}", observation.message)
    };
    let mut finding = Finding::new(observation.verdict, observation.reason, words);
    for reading in &observation.reads {
        if let (ReadFrom::Object(object), Some(value)) = (reading.from, &reading.value) {
            finding.read(object, reading.pointer.clone(), value.clone());
        }
    }
    finding.needs.clone_from(&observation.needs);
    finding
}

/// A Service of any name that lets clients outside the cluster in to one of the database's ports.
fn published(model: &Model<'_>, database: &Database) -> Option<(usize, &'static str)> {
    model.each_service().find_map(|(index, service)| {
        let how = match Publication::of(&service.spec) {
            Publication::NodePort => "NodePort",
            Publication::LoadBalancer => "LoadBalancer",
            Publication::ExternalIps => "externalIPs",
            Publication::ClusterIp | Publication::Headless | Publication::ExternalName => {
                return None;
            }
        };
        let mut targets = model.services.targets(index).iter();
        let leads_there = targets.any(|target| {
            let ports = database.ports.get(&target.group);
            ports.is_some_and(|ports| {
                ports.is_empty()
                    || ports
                        .iter()
                        .any(|port| port.number == target.port && port.protocol == target.protocol)
            })
        });
        leads_there.then_some((index, how))
    })
}
