//! Servers, and everything that authorizes on them.

use std::collections::BTreeMap;

use chrono::{DateTime, FixedOffset};

use super::super::super::pods::PodGroup;
use super::super::super::selector;
use super::super::Fact;
use super::defaults::DefaultPolicy;
use super::{Basis, By, Demand, Doubt};
use crate::gaps::Gaps;
use crate::kind::{GATEWAY_GROUP, Kind, LINKERD_GROUP};
use crate::projection::gateway::{GatewayRouteStatus, ParentReference};
use crate::projection::linkerd::{
    self, AuthorizationPolicySpec, Client, MeshTlsAuthenticationSpec, Reference,
    ServerAuthorizationSpec, ServerSpec,
};
use crate::projection::{Metadata, Projection, Scalar};
use crate::snapshot::{Object, Snapshot};

/// Name under which Linkerd's policy controller writes what it makes of a route.
const CONTROLLER: &str = "linkerd.io/policy-controller";

/// The policies of one namespace.
#[derive(Debug, Default)]
pub(super) struct Policies<'s> {
    /// The oldest first.
    servers: Vec<Server<'s>>,
    authorizations: Vec<(usize, &'s ServerAuthorizationSpec)>,
    for_targets: Vec<Authorization<'s>>,
    routes: BTreeMap<(Kind, &'s str), Route<'s>>,
}

/// One Server.
#[derive(Debug)]
pub(super) struct Server<'s> {
    object: usize,
    namespace: &'s str,
    name: &'s str,
    metadata: &'s Metadata,
    spec: &'s ServerSpec,
    /// Absent in files.
    created: Option<DateTime<FixedOffset>>,
    /// What it demands: the weakest of all that authorizes on it.
    demand: Demand,
}

/// One AuthorizationPolicy.
#[derive(Debug)]
struct Authorization<'s> {
    object: usize,
    spec: &'s AuthorizationPolicySpec,
    lets: Lets,
    /// What its references lead to.
    facts: Vec<Fact>,
}

/// Whom an authorization lets in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lets {
    /// Clients without an identity.
    Anybody,
    /// It can't be told.
    Unknown(Doubt),
    /// Only clients with an identity of the mesh.
    Identities,
    /// Nobody: it is invalid, or refers to what is not there, and Linkerd ignores it.
    Nobody,
}

/// A Server that selects a pod.
#[derive(Debug)]
pub(super) struct Selecting<'m> {
    pub(super) server: &'m Server<'m>,
    /// Whether it surely selects the pod.
    pub(super) certain: bool,
    /// The ports of the pod that it is for.
    ports: Vec<u16>,
    policies: &'m Policies<'m>,
}

/// A route, as far as it tells what it is attached to.
#[derive(Debug)]
struct Route<'s> {
    object: usize,
    parents: &'s Vec<ParentReference>,
    status: Option<&'s GatewayRouteStatus>,
}

/// What authorizes on a Server, one by one.
struct Authorizing {
    lets: Lets,
    by: By,
    facts: Vec<Fact>,
}

/// All policies, by namespace.
pub(super) fn by_namespace<'s>(
    snapshot: &'s Snapshot,
    gaps: &Gaps,
) -> BTreeMap<&'s str, Policies<'s>> {
    let kinds = [
        Kind::Server,
        Kind::ServerAuthorization,
        Kind::LinkerdAuthorizationPolicy,
        Kind::LinkerdHttpRoute,
        Kind::HttpRoute,
        Kind::GrpcRoute,
    ];
    let mut all: BTreeMap<&str, Policies<'_>> = BTreeMap::new();
    for (index, object) in kinds.into_iter().flat_map(|kind| snapshot.of_kind(kind)) {
        let policies = all.entry(object.namespace()).or_default();
        match object.projection.as_ref() {
            Projection::Server(server) => policies.servers.push(Server::new(index, object, server)),
            Projection::ServerAuthorization(authorization) => {
                policies.authorizations.push((index, &authorization.spec));
            }
            Projection::LinkerdAuthorizationPolicy(policy) => {
                let resolver = Resolver {
                    snapshot,
                    gaps,
                    namespace: object.namespace(),
                };
                let authorization = Authorization::new(index, &policy.spec, &resolver);
                policies.for_targets.push(authorization);
            }
            Projection::LinkerdHttpRoute(route) => {
                let route = Route::new(index, &route.spec.parent_refs, route.status.as_ref());
                policies.routes.insert((object.kind, object.name()), route);
            }
            Projection::GatewayRoute(route) => {
                let route = Route::new(index, &route.spec.parent_refs, route.status.as_ref());
                policies.routes.insert((object.kind, object.name()), route);
            }
            _ => {}
        }
    }
    for policies in all.values_mut() {
        policies
            .servers
            .sort_by(|left, right| (left.created, left.name).cmp(&(right.created, right.name)));
        let demands: Vec<Demand> = policies
            .servers
            .iter()
            .map(|server| policies.demand(server))
            .collect();
        for (server, demand) in policies.servers.iter_mut().zip(demands) {
            server.demand = demand;
        }
    }
    all
}

impl Policies<'_> {
    /// The Servers that select a pod, the oldest first.
    pub(super) fn servers_of(&self, pod: &PodGroup<'_>) -> Vec<Selecting<'_>> {
        let servers = self.servers.iter().filter_map(|server| {
            let selector = server.spec.pod_selector.as_ref()?;
            let selected = selector::matches(selector, pod);
            let ports = server.ports(pod);
            (selected != Some(false) && !ports.is_empty()).then_some(Selecting {
                server,
                certain: selected.is_some(),
                ports,
                policies: self,
            })
        });
        servers.collect()
    }

    /// The first of the weakest authorizations on a Server names what decides.
    fn demand(&self, server: &Server<'_>) -> Demand {
        let rank = |demand: &Demand| match demand {
            Demand::Open(_) => 0,
            Demand::Unknown(_) => 1,
            Demand::Identity(_) => 2,
        };
        let demands = self.on(server).filter_map(|authorizing| {
            let basis = server.basis(authorizing.by);
            match authorizing.lets {
                Lets::Anybody => Some(Demand::Open(basis)),
                Lets::Unknown(doubt) => Some(Demand::Unknown(doubt)),
                Lets::Identities => Some(Demand::Identity(basis)),
                Lets::Nobody => None,
            }
        });
        demands
            .min_by_key(rank)
            .unwrap_or_else(|| Demand::Identity(server.basis(By::Nothing)))
    }

    /// Everything that authorizes on a Server.
    fn on<'p>(&'p self, server: &'p Server<'_>) -> impl Iterator<Item = Authorizing> + 'p {
        let authorizations = self
            .authorizations
            .iter()
            .filter_map(move |(object, spec)| of_server_authorization(*object, spec, server));
        let policies = self
            .for_targets
            .iter()
            .filter_map(move |policy| self.of_policy(policy, server));
        server
            .access()
            .into_iter()
            .chain(authorizations)
            .chain(policies)
    }

    /// What a policy adds on a Server: one that is for the Server, for its namespace, or for a route that is attached to
    /// the Server.
    fn of_policy(&self, policy: &Authorization<'_>, server: &Server<'_>) -> Option<Authorizing> {
        let target = &policy.spec.target_ref;
        let authorizing = |lets: Lets, by: By, more: Option<Fact>| {
            Some(Authorizing {
                lets,
                by,
                facts: policy.facts.iter().cloned().chain(more).collect(),
            })
        };
        let whole = By::Authorization(policy.object);
        // Of a policy for the namespace the name does not count.
        if target.is(LINKERD_GROUP, "Server") && target.name == server.name
            || target.is("core", "Namespace")
        {
            return authorizing(policy.lets, whole, None);
        }
        let kinds = [Kind::LinkerdHttpRoute, Kind::HttpRoute, Kind::GrpcRoute];
        let kind = kinds
            .into_iter()
            .find(|kind| target.is(kind.api().group, kind.name()))?;
        let name = target.name.to_ascii_lowercase();
        let route = self.routes.get(&(kind, name.as_str()))?;
        let fact = Fact::of(route.object, "/spec/parentRefs", Some(route.parents));
        let by = By::Route(policy.object, route.object);
        route
            .is_attached(server)
            .then(|| authorizing(policy.lets, by, Some(fact)))
            .flatten()
    }
}

impl<'s> Server<'s> {
    fn new(index: usize, object: &'s Object, server: &'s linkerd::Server) -> Self {
        let created = object.identity.creation_timestamp.as_deref();
        Self {
            object: index,
            namespace: object.namespace(),
            name: object.name(),
            metadata: &server.metadata,
            spec: &server.spec,
            created: created.and_then(|text| DateTime::parse_from_rfc3339(text).ok()),
            demand: Demand::Unknown(Doubt::Selector),
        }
    }

    /// What it lets in by itself. A word that Linkerd does not know lets nobody in.
    fn access(&self) -> Option<Authorizing> {
        let policy = DefaultPolicy::parse(self.spec.access_policy.as_deref()?)?;
        let lets = match policy {
            DefaultPolicy::Deny => return None,
            _ if policy.demands_identity() => Lets::Identities,
            _ => Lets::Anybody,
        };
        Some(Authorizing {
            lets,
            by: By::AccessPolicy(policy),
            facts: Vec::new(),
        })
    }

    /// Whether it is known when it was made.
    pub(super) fn is_dated(&self) -> bool {
        self.created.is_some()
    }

    fn basis(&self, by: By) -> Basis {
        Basis {
            server: Some(self.object),
            by,
        }
    }

    /// The ports of a pod that it is for. A name stands for every TCP port of that name; a number in quotes is a name.
    fn ports(&self, pod: &PodGroup<'_>) -> Vec<u16> {
        match &self.spec.port {
            Some(Scalar::Number(number)) => u16::try_from(*number)
                .ok()
                .filter(|number| *number > 0)
                .into_iter()
                .collect(),
            Some(Scalar::Text(name)) => {
                let containers = pod
                    .all_containers()
                    .filter(|container| !container.pointer.starts_with("/spec/ephemeral"));
                containers
                    .flat_map(|container| &container.spec.ports)
                    .filter(|port| port.name.as_ref() == Some(name))
                    .filter(|port| {
                        let protocol = port.protocol.as_deref().unwrap_or("TCP");
                        protocol.eq_ignore_ascii_case("TCP")
                    })
                    .map(|port| port.container_port)
                    .collect()
            }
            None => Vec::new(),
        }
    }

    fn facts(&self) -> Vec<Fact> {
        let spec = self.spec;
        vec![
            Fact::of(self.object, "/spec/podSelector", spec.pod_selector.as_ref()),
            Fact::of(self.object, "/spec/port", spec.port.as_ref()),
            Fact::of(
                self.object,
                "/spec/accessPolicy",
                spec.access_policy.as_deref(),
            ),
        ]
    }
}

impl Selecting<'_> {
    /// Whether it is for this port.
    pub(super) fn has_port(&self, port: u16) -> bool {
        self.ports.contains(&port)
    }

    /// What it demands.
    pub(super) fn demand(&self) -> Demand {
        self.server.demand
    }

    /// What shows what it demands.
    pub(super) fn facts(&self) -> Vec<Fact> {
        let mut facts = self.server.facts();
        facts.extend(
            self.policies
                .on(self.server)
                .flat_map(|authorizing| authorizing.facts),
        );
        facts
    }
}

impl Reference {
    /// Group and kind are compared as Linkerd does; the core group is that of an absent one.
    fn is(&self, group: &str, kind: &str) -> bool {
        let own = self.group.as_deref().filter(|group| !group.is_empty());
        own.unwrap_or("core").eq_ignore_ascii_case(group) && self.kind.eq_ignore_ascii_case(kind)
    }
}

/// What a ServerAuthorization adds on a Server.
fn of_server_authorization(
    object: usize,
    spec: &ServerAuthorizationSpec,
    server: &Server<'_>,
) -> Option<Authorizing> {
    let lets = match (selects_server(spec, server)?, of_client(&spec.client)) {
        (true, lets) => lets,
        (false, Lets::Anybody) => Lets::Unknown(Doubt::Selector),
        (false, _) => return None,
    };
    Some(Authorizing {
        lets,
        by: By::Authorization(object),
        facts: client_facts(object, &spec.client),
    })
}

/// Whether a ServerAuthorization is for a Server; `Some(false)` when its selector can't be read.
fn selects_server(spec: &ServerAuthorizationSpec, server: &Server<'_>) -> Option<bool> {
    if let Some(name) = &spec.server.name {
        return (name == server.name).then_some(true);
    }
    let Some(selector) = &spec.server.selector else {
        return Some(true);
    };
    match selector::matches(selector, &server.metadata.labels) {
        Some(true) => Some(true),
        Some(false) => None,
        None => Some(false),
    }
}

/// Whom a ServerAuthorization lets in. TLS without an identity of the client is not mutual.
fn of_client(client: &Client) -> Lets {
    if client.unauthenticated == Some(true) {
        return Lets::Anybody;
    }
    match &client.mesh_tls {
        None => Lets::Nobody,
        Some(mesh) if mesh.unauthenticated_tls == Some(true) => Lets::Anybody,
        Some(mesh) if mesh.identities.is_empty() && mesh.service_accounts.is_empty() => {
            Lets::Nobody
        }
        Some(_) => Lets::Identities,
    }
}

fn client_facts(object: usize, client: &Client) -> Vec<Fact> {
    let mut facts = vec![Fact::of(
        object,
        "/spec/client/unauthenticated",
        client.unauthenticated,
    )];
    if let Some(mesh) = &client.mesh_tls {
        facts.push(Fact::of(object, "/spec/client/meshTLS", Some(mesh)));
    }
    facts
}

impl<'s> Authorization<'s> {
    fn new(object: usize, spec: &'s AuthorizationPolicySpec, resolver: &Resolver<'_, '_>) -> Self {
        let (lets, references) = resolver.lets(spec);
        let required = Some(&spec.required_authentication_refs);
        let mut facts = vec![
            Fact::of(object, "/spec/targetRef", Some(&spec.target_ref)),
            Fact::of(object, "/spec/requiredAuthenticationRefs", required),
        ];
        facts.extend(references);
        Self {
            object,
            spec,
            lets,
            facts,
        }
    }
}

impl<'s> Route<'s> {
    fn new(
        object: usize,
        parents: &'s Vec<ParentReference>,
        status: Option<&'s GatewayRouteStatus>,
    ) -> Self {
        Self {
            object,
            parents,
            status,
        }
    }

    /// Whether it is attached to a Server. One that names a Server elsewhere, or a part of one, is invalid as a whole.
    /// What Linkerd says of it counts where it says something.
    fn is_attached(&self, server: &Server<'_>) -> bool {
        let is_server = |parent: &&ParentReference| {
            let group = parent.group.as_deref().unwrap_or(GATEWAY_GROUP);
            let kind = parent.kind.as_deref().unwrap_or("Gateway");
            group.eq_ignore_ascii_case(LINKERD_GROUP) && kind.eq_ignore_ascii_case("Server")
        };
        let parents = || self.parents.iter().filter(is_server);
        let valid = parents().all(|parent| {
            let namespace = parent.namespace.as_deref().unwrap_or(server.namespace);
            namespace == server.namespace && parent.port.is_none() && parent.section_name.is_none()
        });
        let statuses = self.status.iter().flat_map(|status| &status.parents);
        let mut own = statuses.filter(|status| {
            status.controller_name == CONTROLLER
                && status.parent_ref.kind.as_deref() == Some("Server")
                && status.parent_ref.name == server.name
        });
        let refused = own.any(|status| {
            let mut conditions = status.conditions.iter();
            conditions.any(|condition| condition.kind == "Accepted" && condition.status == "False")
        });
        valid && !refused && parents().any(|parent| parent.name == server.name)
    }
}

/// Follows the references of a policy.
struct Resolver<'a, 's> {
    snapshot: &'s Snapshot,
    gaps: &'a Gaps,
    namespace: &'s str,
}

impl Resolver<'_, '_> {
    /// Whom an AuthorizationPolicy lets in: whoever meets all of its references. At most one may be about identities and
    /// one about networks, and all must lead to something, or Linkerd ignores the policy.
    fn lets(&self, spec: &AuthorizationPolicySpec) -> (Lets, Vec<Fact>) {
        let references = &spec.required_authentication_refs;
        let (mut identities, mut networks, mut invalid) = (0_usize, 0_usize, false);
        let (mut dangling, mut unread) = (false, None);
        let mut facts = Vec::new();
        for reference in references {
            let namespace = reference.namespace.as_deref().unwrap_or(self.namespace);
            if reference.is(LINKERD_GROUP, "MeshTLSAuthentication") {
                identities += 1;
                dangling |= self.identities(namespace, &reference.name, &mut facts) == Some(false);
            } else if reference.is("core", "ServiceAccount") {
                identities += 1;
            } else if reference.is(LINKERD_GROUP, "NetworkAuthentication") {
                networks += 1;
                match self.networks(namespace, &reference.name, &mut facts) {
                    Ok(found) => dangling |= !found,
                    Err(doubt) => unread = Some(doubt),
                }
            } else {
                invalid = true;
            }
        }
        let ignored = invalid || dangling || identities > 1 || networks > 1;
        let lets = match (identities, unread) {
            _ if ignored => Lets::Nobody,
            (0, Some(doubt)) => Lets::Unknown(doubt),
            (0, None) => Lets::Anybody,
            _ => Lets::Identities,
        };
        (lets, facts)
    }

    /// Whether identities of this name are stated, as far as that was read. They are identities of the mesh, whichever.
    fn identities(&self, namespace: &str, name: &str, facts: &mut Vec<Fact>) -> Option<bool> {
        let kind = Kind::MeshTlsAuthentication;
        let Some(object) = self.snapshot.find(kind, namespace, name) else {
            let missing = self.gaps.in_namespace(kind, namespace);
            return missing.is_none().then_some(false);
        };
        let Projection::MeshTlsAuthentication(found) =
            self.snapshot.objects[object].projection.as_ref()
        else {
            return None;
        };
        let MeshTlsAuthenticationSpec {
            identities,
            identity_refs,
        } = &found.spec;
        if !identities.is_empty() {
            facts.push(Fact::of(object, "/spec/identities", Some(identities)));
        }
        if !identity_refs.is_empty() {
            facts.push(Fact::of(object, "/spec/identityRefs", Some(identity_refs)));
        }
        let known = |reference: &Reference| {
            reference.is("core", "ServiceAccount") || reference.is("core", "Namespace")
        };
        let any = !identities.is_empty() || !identity_refs.is_empty();
        Some(any && identity_refs.iter().all(known))
    }

    /// Whether networks of this name are stated.
    fn networks(&self, namespace: &str, name: &str, facts: &mut Vec<Fact>) -> Result<bool, Doubt> {
        let kind = Kind::NetworkAuthentication;
        let Some(object) = self.snapshot.find(kind, namespace, name) else {
            let missing = self.gaps.in_namespace(kind, namespace);
            return missing.map_or(Ok(false), |missing| Err(Doubt::Networks(missing)));
        };
        match self.snapshot.objects[object].projection.as_ref() {
            Projection::NetworkAuthentication(found) => {
                let networks = &found.spec.networks;
                facts.push(Fact::of(object, "/spec/networks", Some(networks)));
                Ok(!networks.is_empty())
            }
            _ => Ok(false),
        }
    }
}
