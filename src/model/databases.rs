//! Databases and file stores inside the cluster, and the apps whose storage plans lead to them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::mendix::{image_name, image_path};
use super::pods::{PodGroup, Role};
use super::services::{Publication, Target};
use super::storage::{self, PlanClass, PlanUse, Purpose, Storage};
use super::{Model, Port};
use crate::kind::Kind;
use crate::projection::Projection;

/// What the host of a storage plan leads to inside the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// Index of the Service whose pods these are: of an alias, the one that it stands for.
    Service(usize),
    /// A group of pods, by the address of one of them.
    Pods(usize),
}

/// A database, and the apps whose plans lead to it.
#[derive(Clone, Debug)]
pub struct Database {
    /// Where it is.
    pub place: Place,
    /// Its pods, as indexes of groups, each with the ports that the Service leads to; none stands for all.
    pub ports: BTreeMap<usize, BTreeSet<Port>>,
    /// The apps, as indexes.
    pub apps: BTreeSet<usize>,
}

/// Where the storage plans of an app lead.
#[derive(Clone, Debug, Default)]
pub struct Assignment {
    /// Places inside the cluster.
    pub inside: BTreeSet<Place>,
    /// Hosts outside.
    pub outside: BTreeSet<String>,
    /// Hosts that can only be inside, where there is no such Service.
    pub missing: BTreeSet<String>,
    /// What plans say the place of.
    told: BTreeSet<Purpose>,
    /// Where plans name a host: index of the plan, path of the host, and what stands there.
    pub named: Vec<(usize, String, String)>,
    /// Namespaces whose Services a host would be one of, had they been read; empty for all.
    pub unread: BTreeSet<String>,
}

/// All databases inside the cluster.
#[derive(Debug)]
pub struct Databases {
    /// By place.
    pub all: BTreeMap<Place, Database>,
    /// Of each app.
    pub of_app: Vec<Assignment>,
    /// Groups that look like a database or file store and that no plan leads to, and which of the two.
    pub unassigned: BTreeMap<usize, Purpose>,
}

/// Ports by which a container or Service looks like a database's.
const DATABASE_PORTS: &[u16] = &[1433, 1521, 3306, 5432, 6379, 27017];
/// Last path segment of the image of a file store.
const FILE_STORE: &str = "minio";
/// Beginnings of the last path segment of databases' images.
const DATABASE_IMAGES: &[&str] = &["mariadb", "mongo", "mysql", "postgres", "spilo"];
/// The last two path segments of further ones.
const DATABASE_PATHS: &[&str] = &["cloudnative-pg/postgresql", "mssql/server"];
/// Kinds and API groups of the objects from which operators of databases make pods.
const DATABASE_OWNERS: &[(&str, &str)] = &[
    ("Cluster", "postgresql.cnpg.io"),
    ("postgresql", "acid.zalan.do"),
    ("PerconaXtraDBCluster", "pxc.percona.com"),
];

impl Databases {
    /// Follows the hosts of all storage plans.
    pub fn new(model: &Model<'_>, storage: &Storage) -> Self {
        let addresses = Addresses::new(model);
        let of_app: Vec<Assignment> = model
            .apps
            .iter()
            .enumerate()
            .map(|(index, app)| assignment(model, storage.uses(index), app.namespace, &addresses))
            .collect();
        let mut all: BTreeMap<Place, Database> = BTreeMap::new();
        for (app, assignment) in of_app.iter().enumerate() {
            for place in &assignment.inside {
                all.entry(*place)
                    .or_insert_with(|| database(model, *place))
                    .apps
                    .insert(app);
            }
        }
        let assigned: BTreeSet<usize> = all
            .values()
            .flat_map(|database| database.ports.keys().copied())
            .collect();
        let served = served(model);
        let unassigned = model
            .pods
            .iter()
            .enumerate()
            .filter(|(index, _)| !assigned.contains(index))
            .filter_map(|(index, pod)| Some((index, looks_like(pod, served.contains(&index))?)))
            .collect();
        Self {
            all,
            of_app,
            unassigned,
        }
    }
}

fn database(model: &Model<'_>, place: Place) -> Database {
    let ports = match place {
        Place::Service(service) => ports_of(model, service),
        Place::Pods(group) => BTreeMap::from([(group, BTreeSet::new())]),
    };
    Database {
        place,
        ports,
        apps: BTreeSet::new(),
    }
}

/// The pods behind a Service, each with the ports that it leads to.
fn ports_of(model: &Model<'_>, service: usize) -> BTreeMap<usize, BTreeSet<Port>> {
    let mut ports: BTreeMap<usize, BTreeSet<Port>> = model
        .services
        .groups(service)
        .iter()
        .map(|group| (*group, BTreeSet::new()))
        .collect();
    for target in model.services.targets(service) {
        ports.entry(target.group).or_default().insert(Port {
            number: target.port,
            protocol: target.protocol.clone().into_owned(),
        });
    }
    ports
}

/// Groups that Services lead to on a port of a database.
fn served(model: &Model<'_>) -> BTreeSet<usize> {
    let services = model.each_service();
    services
        .flat_map(|(index, _)| model.services.targets(index))
        .filter(|target: &&Target| DATABASE_PORTS.contains(&target.port))
        .map(|target| target.group)
        .collect()
}

fn looks_like(pod: &PodGroup<'_>, served: bool) -> Option<Purpose> {
    if pod.is_finished() || !matches!(pod.role, Role::Other) {
        return None;
    }
    let mut containers = pod.lasting_containers();
    if containers.any(|container| image_name(container.spec) == FILE_STORE) {
        return Some(Purpose::Files);
    }
    let by_container = pod.lasting_containers().any(|container| {
        let name = image_name(container.spec);
        let path = image_path(container.spec);
        let mut ports = container.spec.ports.iter();
        DATABASE_IMAGES.iter().any(|image| name.starts_with(image))
            || DATABASE_PATHS
                .iter()
                .any(|image| path == *image || path.ends_with(&format!("/{image}")))
            || ports.any(|port| DATABASE_PORTS.contains(&port.container_port))
    });
    let by_owner = pod
        .chain
        .links
        .iter()
        .any(|link| DATABASE_OWNERS.contains(&(link.kind.as_str(), link.group.as_str())));
    (served || by_container || by_owner).then_some(Purpose::Database)
}

/// What addresses inside the cluster belong to.
struct Addresses {
    /// Services by their cluster addresses.
    services: BTreeMap<IpAddr, usize>,
    /// Groups of pods by the addresses of their pods, those in the network of their node left out.
    pods: BTreeMap<IpAddr, usize>,
}

impl Addresses {
    fn new(model: &Model<'_>) -> Self {
        let services = model.each_service().filter_map(|(index, service)| {
            let address = service.spec.cluster_ip.as_deref()?;
            Some((address.parse().ok()?, index))
        });
        let running = model.pods.iter().enumerate();
        let running =
            running.filter(|(_, pod)| pod.spec.host_network != Some(true) && !pod.is_finished());
        let pods = running.flat_map(|(group, pod)| {
            let addresses = pod.addresses(model.snapshot);
            addresses.filter_map(move |address| Some((address.parse().ok()?, group)))
        });
        Self {
            services: services.collect(),
            pods: pods.collect(),
        }
    }
}

/// The plans that an app uses, each with what for.
fn by_plan(uses: &[PlanUse]) -> BTreeMap<&str, BTreeSet<Purpose>> {
    let mut plans: BTreeMap<&str, BTreeSet<Purpose>> = BTreeMap::new();
    for plan_use in uses {
        let purposes = plans.entry(plan_use.plan.as_str()).or_default();
        purposes.insert(plan_use.purpose);
    }
    plans
}

fn assignment(
    model: &Model<'_>,
    uses: &[PlanUse],
    namespace: &str,
    addresses: &Addresses,
) -> Assignment {
    let mut assignment = Assignment::default();
    for (plan, purposes) in by_plan(uses) {
        let Some(index) = model.snapshot.find(Kind::StoragePlan, namespace, plan) else {
            continue;
        };
        let Projection::StoragePlan(object) = model.object(index).projection.as_ref() else {
            continue;
        };
        if storage::class(object) == PlanClass::Ephemeral {
            // There is no server.
            assignment.told.extend(&purposes);
        }
        for (path, text) in object.spec.hosts() {
            assignment
                .named
                .push((index, path.to_owned(), text.to_owned()));
            for host in hosts(text) {
                assignment.told.extend(&purposes);
                assignment.add(host, resolve(model, namespace, host, addresses), namespace);
            }
        }
    }
    assignment
}

impl Assignment {
    fn add(&mut self, host: &str, found: Found, namespace: &str) {
        match found {
            Found::Inside(place) => {
                self.inside.insert(place);
            }
            Found::Outside => {
                self.outside.insert(host.to_owned());
                self.unread.extend(places(namespace, host));
            }
            Found::Missing => {
                self.missing.insert(host.to_owned());
                self.unread.extend(places(namespace, host));
            }
        }
    }

    /// Whether plans say where what an app stores for a purpose is.
    pub fn tells(&self, purpose: Purpose) -> bool {
        self.told.contains(&purpose) || self.told.contains(&Purpose::Storage)
    }
}

/// The hosts in `scheme://host:port/path`, `host:port`, `host:port,host:port` and the like.
fn hosts(text: &str) -> impl Iterator<Item = &str> {
    // A jdbc URL has a scheme of its own before that of the database.
    let text = text.split_once("://").map_or(text, |(_, rest)| rest);
    let authority = text.split('/').next().unwrap_or_default();
    let hosts = authority.split(',').map(|host| without_port(host.trim()));
    hosts.filter(|host| !host.is_empty())
}

fn without_port(text: &str) -> &str {
    if let Some((address, _)) = text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return address;
    }
    match text.split_once(':') {
        // More than one colon is an IPv6 address.
        Some((host, port)) if !port.contains(':') => host,
        _ => text,
    }
}

/// The names that a host can have inside the cluster, as namespace and name of a Service, the likelier first; and whether it
/// can be nothing else.
///
/// A Service is `db`, `db.prod`, `db.prod.svc` and on with any cluster domain; a pod behind one is `db-0.db.prod` and on. What
/// has no `svc` in its place may as well be a name outside: `db.agency.example`.
fn service_names<'h>(namespace: &'h str, host: &'h str) -> (Vec<(&'h str, &'h str)>, bool) {
    let labels: Vec<&str> = host.splitn(5, '.').collect();
    if labels.iter().any(|label| label.is_empty()) {
        return (Vec::new(), false);
    }
    match labels.as_slice() {
        [name, place, "svc", ..] | [_, name, place, "svc", ..] => (vec![(*place, *name)], true),
        [name] => (vec![(namespace, *name)], true),
        [first, second] => (vec![(*second, *first), (namespace, *second)], false),
        [_, name, place] => (vec![(*place, *name)], false),
        _ => (Vec::new(), false),
    }
}

/// The namespaces of whose Services a host could be one; the empty one where it is an address.
fn places(namespace: &str, host: &str) -> Vec<String> {
    if host.parse::<IpAddr>().is_ok() {
        return vec![String::new()];
    }
    let host = normal(host);
    let (names, _) = service_names(namespace, &host);
    let places = names.into_iter().map(|(namespace, _)| namespace.to_owned());
    places.collect()
}

fn normal(host: &str) -> String {
    host.trim_end_matches('.').to_ascii_lowercase()
}

/// Where a host leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    Inside(Place),
    Outside,
    /// It can only be inside, and there is nothing of the kind.
    Missing,
}

/// What a host leads to, by name or by address. An alias is followed once.
fn resolve(model: &Model<'_>, namespace: &str, host: &str, addresses: &Addresses) -> Found {
    let host = normal(host);
    if let Ok(address) = host.parse::<IpAddr>() {
        let service = addresses.services.get(&address);
        let pods = || addresses.pods.get(&address);
        let service = service.map(|service| Place::Service(*service));
        let place = service.or_else(|| pods().map(|group| Place::Pods(*group)));
        return place.map_or(Found::Outside, Found::Inside);
    }
    let (names, certain) = service_names(namespace, &host);
    let services = names.into_iter();
    let mut services = services.filter_map(|(namespace, name)| {
        let service = model.snapshot.find(Kind::Service, namespace, name)?;
        match model.object(service).projection.as_ref() {
            Projection::Service(object) => Some((service, object)),
            _ => None,
        }
    });
    match services.next() {
        Some((service, object)) if Publication::of(&object.spec) == Publication::ExternalName => {
            let alias = model.alias_of(service);
            alias.map_or(Found::Outside, |service| {
                Found::Inside(Place::Service(service))
            })
        }
        Some((service, _)) => Found::Inside(Place::Service(service)),
        None if certain => Found::Missing,
        None => Found::Outside,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A host, the Services that it may be, and whether it can be nothing else.
    type Names<'n> = (&'n str, &'n [(&'n str, &'n str)], bool);

    #[test]
    fn hosts_stand_in_many_forms() {
        let table: [(&str, &[&str]); 10] = [
            ("pg", &["pg"]),
            ("pg.prod.svc:5432", &["pg.prod.svc"]),
            ("https://minio.prod:9000/bucket", &["minio.prod"]),
            ("jdbc:postgresql://pg.prod:5432/claims", &["pg.prod"]),
            ("10.96.0.7:5432", &["10.96.0.7"]),
            ("[fd00::7]:5432", &["fd00::7"]),
            ("fd00::7", &["fd00::7"]),
            ("a.prod,b.prod", &["a.prod", "b.prod"]),
            (
                "jdbc:postgresql://a:5432, [fd00::7]:5432,/x",
                &["a", "fd00::7"],
            ),
            ("", &[]),
        ];
        for (text, expected) in table {
            assert_eq!(hosts(text).collect::<Vec<_>>(), expected, "{text}");
        }
    }

    #[test]
    fn names_inside_the_cluster_have_few_labels_or_say_svc() {
        let table: [Names<'_>; 9] = [
            ("pg", &[("hr", "pg")], true),
            ("pg.prod", &[("prod", "pg"), ("hr", "prod")], false),
            ("pg.prod.svc", &[("prod", "pg")], true),
            ("pg.prod.svc.cluster.local", &[("prod", "pg")], true),
            ("pg-0.pg.prod.svc", &[("prod", "pg")], true),
            ("pg-0.pg.prod.svc.cluster.local", &[("prod", "pg")], true),
            ("pg.agency.example", &[("example", "agency")], false),
            ("claims.abc.us-gov-west-1.rds.amazonaws.com", &[], false),
            ("", &[], false),
        ];
        for (host, expected, certain) in table {
            let found = service_names("hr", host);
            assert_eq!(found, (expected.to_vec(), certain), "{host}");
        }
    }
}
