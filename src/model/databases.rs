//! Databases and file stores inside the cluster, and the apps whose storage plans lead to them.

use std::collections::{BTreeMap, BTreeSet};

use super::mendix::{image_name, image_path};
use super::pods::{PodGroup, Role};
use super::services::{Publication, Target};
use super::storage::{PlanUse, Storage};
use super::{Model, Port};
use crate::kind::Kind;
use crate::projection::Projection;

/// A Service that leads to a database, and the apps whose plans name it.
#[derive(Clone, Debug)]
pub struct Database {
    /// Index of the Service whose pods these are: of an alias, the one that it stands for.
    pub service: usize,
    /// Its pods, as indexes of groups, each with the ports that the Service leads to.
    pub ports: BTreeMap<usize, BTreeSet<Port>>,
    /// The apps, as indexes.
    pub apps: BTreeSet<usize>,
}

/// Where the storage plans of an app lead.
#[derive(Clone, Debug, Default)]
pub struct Assignment {
    /// Services inside the cluster, as indexes.
    pub inside: BTreeSet<usize>,
    /// Hosts outside.
    pub outside: BTreeSet<String>,
    /// Where plans name a host: index of the plan, path of the host, and what stands there.
    pub named: Vec<(usize, String, String)>,
    /// Namespaces whose Services a host would be one of, had they been read; empty for all.
    pub unread: BTreeSet<String>,
}

/// All databases inside the cluster.
#[derive(Debug)]
pub struct Databases {
    /// By Service.
    pub all: BTreeMap<usize, Database>,
    /// Of each app.
    pub of_app: Vec<Assignment>,
    /// Groups that look like a database and that no plan leads to.
    pub unassigned: BTreeSet<usize>,
}

/// Ports by which a container or Service looks like a database's.
const DATABASE_PORTS: &[u16] = &[1433, 1521, 3306, 5432, 6379, 27017];
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
        let by_address = by_address(model);
        let of_app: Vec<Assignment> = model
            .apps
            .iter()
            .enumerate()
            .map(|(index, app)| assignment(model, storage.uses(index), app.namespace, &by_address))
            .collect();
        let mut all: BTreeMap<usize, Database> = BTreeMap::new();
        for (app, assignment) in of_app.iter().enumerate() {
            for service in &assignment.inside {
                all.entry(*service)
                    .or_insert_with(|| database(model, *service))
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
            .filter(|(index, pod)| {
                !assigned.contains(index) && looks_like_one(pod, served.contains(index))
            })
            .map(|(index, _)| index)
            .collect();
        Self {
            all,
            of_app,
            unassigned,
        }
    }
}

fn database(model: &Model<'_>, service: usize) -> Database {
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
    Database {
        service,
        ports,
        apps: BTreeSet::new(),
    }
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

fn looks_like_one(pod: &PodGroup<'_>, served: bool) -> bool {
    if pod.is_finished() || !matches!(pod.role, Role::Other) {
        return false;
    }
    let by_container = pod.lasting_containers().any(|container| {
        let name = image_name(container.spec);
        let path = image_path(container.spec);
        let mut ports = container.spec.ports.iter();
        name == "minio"
            || DATABASE_IMAGES.iter().any(|image| name.starts_with(image))
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
    served || by_container || by_owner
}

/// Services by their cluster addresses.
fn by_address(model: &Model<'_>) -> BTreeMap<String, usize> {
    model
        .each_service()
        .filter_map(|(index, service)| {
            let address = service.spec.cluster_ip.as_deref()?;
            let real = !address.is_empty() && address != "None";
            real.then(|| (address.to_owned(), index))
        })
        .collect()
}

fn assignment(
    model: &Model<'_>,
    uses: &[PlanUse],
    namespace: &str,
    by_address: &BTreeMap<String, usize>,
) -> Assignment {
    let mut assignment = Assignment::default();
    let plans: BTreeSet<&str> = uses.iter().map(|plan_use| plan_use.plan.as_str()).collect();
    for plan in plans {
        let Some(index) = model.snapshot.find(Kind::StoragePlan, namespace, plan) else {
            continue;
        };
        let Projection::StoragePlan(object) = model.object(index).projection.as_ref() else {
            continue;
        };
        for (path, text) in object.spec.hosts() {
            let host = host(text);
            assignment
                .named
                .push((index, path.to_owned(), text.to_owned()));
            if let Some(service) = resolve(model, namespace, host, by_address) {
                assignment.inside.insert(service);
            } else {
                assignment.outside.insert(host.to_owned());
                assignment.unread.extend(place(namespace, host));
            }
        }
    }
    assignment
}

/// The host in `scheme://host:port/path`, `host:port` and the like.
fn host(text: &str) -> &str {
    let text = text.split_once("://").map_or(text, |(_, rest)| rest);
    // A jdbc URL has a scheme of its own before that of the database.
    let text = text.split(['/', ',']).next().unwrap_or_default();
    if let Some((address, _)) = text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return address;
    }
    match text.split_once(':') {
        // More than one colon is an IPv6 address.
        Some((host, port)) if !port.contains(':') => host,
        _ => text,
    }
}

/// The name and namespace of the Service that a host would be: `db`, `db.prod`, `db.prod.svc` and on with any cluster
/// domain. `db.agency.example` is none.
fn service_name<'h>(namespace: &'h str, host: &'h str) -> Option<(&'h str, &'h str)> {
    let mut labels = host.splitn(4, '.');
    let name = labels.next().filter(|name| !name.is_empty())?;
    let namespace = labels.next().unwrap_or(namespace);
    match labels.next() {
        None | Some("svc") => Some((namespace, name)),
        Some(_) => None,
    }
}

/// The namespace of whose Services a host could be one; the empty one where it is an address.
fn place(namespace: &str, host: &str) -> Option<String> {
    if host.parse::<std::net::IpAddr>().is_ok() {
        return Some(String::new());
    }
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    service_name(namespace, &host).map(|(namespace, _)| namespace.to_owned())
}

/// The Service that a host names, by name or by address. An alias is followed once.
fn resolve(
    model: &Model<'_>,
    namespace: &str,
    host: &str,
    by_address: &BTreeMap<String, usize>,
) -> Option<usize> {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    if let Some(service) = by_address.get(&host) {
        return Some(*service);
    }
    let (namespace, name) = service_name(namespace, &host)?;
    let service = model.snapshot.find(Kind::Service, namespace, name)?;
    match model.object(service).projection.as_ref() {
        Projection::Service(object)
            if Publication::of(&object.spec) == Publication::ExternalName =>
        {
            model.alias_of(service)
        }
        Projection::Service(_) => Some(service),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_stand_in_many_forms() {
        let table = [
            ("pg", "pg"),
            ("pg.prod.svc:5432", "pg.prod.svc"),
            ("https://minio.prod:9000/bucket", "minio.prod"),
            ("jdbc:postgresql://pg.prod:5432/claims", "pg.prod"),
            ("10.96.0.7:5432", "10.96.0.7"),
            ("[fd00::7]:5432", "fd00::7"),
            ("fd00::7", "fd00::7"),
            ("a.prod,b.prod", "a.prod"),
            ("", ""),
        ];
        for (text, expected) in table {
            assert_eq!(host(text), expected, "{text}");
        }
    }

    #[test]
    fn names_of_services_have_up_to_two_labels_or_say_svc() {
        let table = [
            ("pg", Some(("hr", "pg"))),
            ("pg.prod", Some(("prod", "pg"))),
            ("pg.prod.svc", Some(("prod", "pg"))),
            ("pg.prod.svc.cluster.local", Some(("prod", "pg"))),
            ("pg.agency.example", None),
            ("claims.abc.us-gov-west-1.rds.amazonaws.com", None),
            ("", None),
        ];
        for (host, expected) in table {
            assert_eq!(service_name("hr", host), expected, "{host}");
        }
    }
}
