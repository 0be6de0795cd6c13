//! Projections: the fields of API objects that rules may read, named as in the API.
//!
//! What is not a field here is never kept, not even for the length of a page. The structs read both the API's JSON
//! and what evidence holds, and write the latter.
#![expect(
    missing_docs,
    reason = "fields without a comment are the API's own, documented in its reference"
)]

pub mod annotations;
pub mod claims;
pub mod cluster;
pub mod container_id;
pub mod controllers;
pub mod destination_rule;
pub mod facts;
pub(crate) mod form;
pub mod gateway;
pub mod istio;
pub mod istio_access;
pub mod linkerd;
pub mod mendix;
pub mod metadata;
pub mod network;
pub mod pod;
pub mod policy;
pub mod rbac;
pub mod routing;
pub mod storage;
pub mod uid;
pub mod volume;
mod words;
pub mod workload;

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use metadata::{Identity, Metadata, OwnerReference, Scalar};
pub use pod::PodInstance;

use crate::kind::Kind;
use form::Form;

/// The projection of an object of any kind.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(untagged)]
pub enum Projection {
    ConfigMap(istio::ConfigMap),
    LimitRange(cluster::LimitRange),
    Namespace(cluster::Namespace),
    Node(cluster::Node),
    PersistentVolume(claims::PersistentVolume),
    PersistentVolumeClaim(claims::PersistentVolumeClaim),
    Pod(pod::Pod),
    Service(network::Service),
    ServiceAccount(cluster::ServiceAccount),
    WebhookConfiguration(cluster::WebhookConfiguration),
    Workload(workload::Workload),
    CronJob(workload::CronJob),
    EndpointSlice(network::EndpointSlice),
    Gateway(gateway::Gateway),
    GatewayRoute(gateway::GatewayRoute),
    ReferenceGrant(gateway::ReferenceGrant),
    DestinationRule(destination_rule::DestinationRule),
    EnvoyFilter(istio::EnvoyFilter),
    IstioGateway(routing::IstioGateway),
    ServiceEntry(routing::ServiceEntry),
    Sidecar(istio::Sidecar),
    VirtualService(routing::VirtualService),
    Ingress(network::Ingress),
    IngressClass(routing::IngressClass),
    RuntimeClass(cluster::RuntimeClass),
    LinkerdAuthorizationPolicy(linkerd::AuthorizationPolicy),
    LinkerdHttpRoute(linkerd::HttpRoute),
    MeshTlsAuthentication(linkerd::MeshTlsAuthentication),
    NetworkAuthentication(linkerd::NetworkAuthentication),
    Server(linkerd::Server),
    ServerAuthorization(linkerd::ServerAuthorization),
    MendixApp(mendix::MendixApp),
    OperatorConfiguration(mendix::OperatorConfiguration),
    Runtime(mendix::Runtime),
    StorageInstance(storage::StorageInstance),
    StoragePlan(storage::StoragePlan),
    Role(rbac::Role),
    Binding(rbac::Binding),
    Route(routing::Route),
    AuthorizationPolicy(istio_access::AuthorizationPolicy),
    PeerAuthentication(istio::PeerAuthentication),
    NetworkPolicy(policy::NetworkPolicy),
    ClusterPolicy(policy::ClusterPolicy),
    CiliumPolicy(policy::CiliumPolicy),
    CalicoPolicy(policy::CalicoPolicy),
    Inert(policy::Inert),
    PolicyEndpoint(policy::PolicyEndpoint),
}

/// An object as it was read: who it is, and what rules may see of it.
#[derive(Debug)]
pub struct Decoded {
    pub identity: Identity,
    /// What differs between replicas; only of pods.
    pub instance: Option<Box<PodInstance>>,
    pub projection: Projection,
}

impl Projection {
    /// The pod spec in it: a pod's, or that of the pods that a workload makes.
    pub(crate) fn pod_spec_mut(&mut self) -> Option<&mut Arc<pod::PodSpec>> {
        let template = match self {
            Self::Pod(pod) => return Some(&mut pod.spec),
            Self::Workload(workload) => &mut workload.spec.template,
            Self::CronJob(job) => &mut job.spec.job_template.spec.template,
            _ => return None,
        };
        template.as_mut().map(|template| &mut template.spec)
    }
}

/// How a kind's JSON becomes a projection. Static dispatch keeps decoding of a page free of per-field costs.
pub trait Decode: DeserializeOwned {
    /// Splits what was read into identity, instance and projection.
    fn split(self) -> Decoded;
}

macro_rules! decode {
    ($($projection:ty => $variant:ident),+ $(,)?) => {$(
        impl Decode for $projection {
            fn split(mut self) -> Decoded {
                Decoded {
                    identity: self.metadata.take_identity(),
                    instance: None,
                    projection: Projection::$variant(self),
                }
            }
        }
    )+};
}

decode! {
    istio::ConfigMap => ConfigMap,
    cluster::LimitRange => LimitRange,
    cluster::Namespace => Namespace,
    cluster::Node => Node,
    claims::PersistentVolume => PersistentVolume,
    claims::PersistentVolumeClaim => PersistentVolumeClaim,
    network::Service => Service,
    cluster::ServiceAccount => ServiceAccount,
    cluster::WebhookConfiguration => WebhookConfiguration,
    network::EndpointSlice => EndpointSlice,
    gateway::Gateway => Gateway,
    gateway::GatewayRoute => GatewayRoute,
    gateway::ReferenceGrant => ReferenceGrant,
    destination_rule::DestinationRule => DestinationRule,
    istio::EnvoyFilter => EnvoyFilter,
    routing::IstioGateway => IstioGateway,
    routing::ServiceEntry => ServiceEntry,
    istio::Sidecar => Sidecar,
    routing::VirtualService => VirtualService,
    network::Ingress => Ingress,
    routing::IngressClass => IngressClass,
    routing::Route => Route,
    cluster::RuntimeClass => RuntimeClass,
    linkerd::AuthorizationPolicy => LinkerdAuthorizationPolicy,
    linkerd::HttpRoute => LinkerdHttpRoute,
    linkerd::MeshTlsAuthentication => MeshTlsAuthentication,
    linkerd::NetworkAuthentication => NetworkAuthentication,
    linkerd::Server => Server,
    linkerd::ServerAuthorization => ServerAuthorization,
    mendix::MendixApp => MendixApp,
    mendix::OperatorConfiguration => OperatorConfiguration,
    mendix::Runtime => Runtime,
    storage::StorageInstance => StorageInstance,
    storage::StoragePlan => StoragePlan,
    rbac::Role => Role,
    rbac::Binding => Binding,
    istio_access::AuthorizationPolicy => AuthorizationPolicy,
    istio::PeerAuthentication => PeerAuthentication,
    policy::NetworkPolicy => NetworkPolicy,
    policy::ClusterPolicy => ClusterPolicy,
    policy::CiliumPolicy => CiliumPolicy,
    policy::CalicoPolicy => CalicoPolicy,
    policy::Inert => Inert,
    policy::PolicyEndpoint => PolicyEndpoint,
}

impl Decode for pod::Pod {
    fn split(mut self) -> Decoded {
        let identity = self.metadata.take_identity();
        let instance = self.take_instance(&identity.name);
        Decoded {
            identity,
            instance: Some(Box::new(instance)),
            projection: Projection::Pod(self),
        }
    }
}

impl Decode for workload::Workload {
    fn split(mut self) -> Decoded {
        let identity = self.metadata.take_identity();
        if let Some(template) = &mut self.spec.template {
            template.metadata.identity = None;
        }
        Decoded {
            identity,
            instance: None,
            projection: Projection::Workload(self),
        }
    }
}

impl Decode for workload::CronJob {
    fn split(mut self) -> Decoded {
        let identity = self.metadata.take_identity();
        if let Some(template) = &mut self.spec.job_template.spec.template {
            template.metadata.identity = None;
        }
        Decoded {
            identity,
            instance: None,
            projection: Projection::CronJob(self),
        }
    }
}

/// Runs with the projection type of a kind; lets callers decode pages and single values alike.
pub trait Visitor {
    type Output;
    /// Called with the type that the kind projects to.
    fn visit<T: Decode>(self) -> Self::Output;
}

/// Calls the visitor with the projection type of `kind`.
#[expect(
    clippy::too_many_lines,
    reason = "one line per kind, to be read as a table"
)]
pub fn dispatch<V: Visitor>(kind: Kind, visitor: V) -> V::Output {
    match kind {
        Kind::ConfigMap => visitor.visit::<istio::ConfigMap>(),
        Kind::LimitRange => visitor.visit::<cluster::LimitRange>(),
        Kind::Namespace => visitor.visit::<cluster::Namespace>(),
        Kind::Node => visitor.visit::<cluster::Node>(),
        Kind::PersistentVolume => visitor.visit::<claims::PersistentVolume>(),
        Kind::PersistentVolumeClaim => visitor.visit::<claims::PersistentVolumeClaim>(),
        Kind::Pod => visitor.visit::<pod::Pod>(),
        Kind::Service => visitor.visit::<network::Service>(),
        Kind::ServiceAccount => visitor.visit::<cluster::ServiceAccount>(),
        Kind::MutatingWebhookConfiguration => visitor.visit::<cluster::WebhookConfiguration>(),
        Kind::ReplicationController
        | Kind::DaemonSet
        | Kind::Deployment
        | Kind::ReplicaSet
        | Kind::StatefulSet
        | Kind::Job => visitor.visit::<workload::Workload>(),
        Kind::CronJob => visitor.visit::<workload::CronJob>(),
        Kind::EndpointSlice => visitor.visit::<network::EndpointSlice>(),
        Kind::Gateway => visitor.visit::<gateway::Gateway>(),
        Kind::GrpcRoute | Kind::HttpRoute | Kind::TcpRoute | Kind::TlsRoute => {
            visitor.visit::<gateway::GatewayRoute>()
        }
        Kind::ReferenceGrant => visitor.visit::<gateway::ReferenceGrant>(),
        Kind::DestinationRule => visitor.visit::<destination_rule::DestinationRule>(),
        Kind::EnvoyFilter => visitor.visit::<istio::EnvoyFilter>(),
        Kind::IstioGateway => visitor.visit::<routing::IstioGateway>(),
        Kind::ServiceEntry => visitor.visit::<routing::ServiceEntry>(),
        Kind::Sidecar => visitor.visit::<istio::Sidecar>(),
        Kind::VirtualService => visitor.visit::<routing::VirtualService>(),
        Kind::Ingress => visitor.visit::<network::Ingress>(),
        Kind::IngressClass => visitor.visit::<routing::IngressClass>(),
        Kind::Route => visitor.visit::<routing::Route>(),
        Kind::RuntimeClass => visitor.visit::<cluster::RuntimeClass>(),
        Kind::LinkerdAuthorizationPolicy => visitor.visit::<linkerd::AuthorizationPolicy>(),
        Kind::LinkerdHttpRoute => visitor.visit::<linkerd::HttpRoute>(),
        Kind::MeshTlsAuthentication => visitor.visit::<linkerd::MeshTlsAuthentication>(),
        Kind::NetworkAuthentication => visitor.visit::<linkerd::NetworkAuthentication>(),
        Kind::Server => visitor.visit::<linkerd::Server>(),
        Kind::ServerAuthorization => visitor.visit::<linkerd::ServerAuthorization>(),
        Kind::MendixApp => visitor.visit::<mendix::MendixApp>(),
        Kind::OperatorConfiguration => visitor.visit::<mendix::OperatorConfiguration>(),
        Kind::Runtime => visitor.visit::<mendix::Runtime>(),
        Kind::StorageInstance => visitor.visit::<storage::StorageInstance>(),
        Kind::StoragePlan => visitor.visit::<storage::StoragePlan>(),
        Kind::ClusterRole | Kind::Role => visitor.visit::<rbac::Role>(),
        Kind::ClusterRoleBinding | Kind::RoleBinding => visitor.visit::<rbac::Binding>(),
        Kind::AuthorizationPolicy => visitor.visit::<istio_access::AuthorizationPolicy>(),
        Kind::PeerAuthentication => visitor.visit::<istio::PeerAuthentication>(),
        Kind::NetworkPolicy => visitor.visit::<policy::NetworkPolicy>(),
        Kind::AdminNetworkPolicy
        | Kind::BaselineAdminNetworkPolicy
        | Kind::ClusterNetworkPolicy => visitor.visit::<policy::ClusterPolicy>(),
        Kind::CiliumNetworkPolicy | Kind::CiliumClusterwideNetworkPolicy => {
            visitor.visit::<policy::CiliumPolicy>()
        }
        Kind::CalicoNetworkPolicy | Kind::CalicoGlobalNetworkPolicy => {
            visitor.visit::<policy::CalicoPolicy>()
        }
        Kind::CalicoStagedNetworkPolicy
        | Kind::CalicoStagedGlobalNetworkPolicy
        | Kind::CalicoStagedKubernetesNetworkPolicy
        | Kind::CalicoTier => visitor.visit::<policy::Inert>(),
        Kind::PolicyEndpoint => visitor.visit::<policy::PolicyEndpoint>(),
    }
}

/// Decodes one object of `kind` from a JSON value, as the API writes it.
pub fn decode_value(kind: Kind, value: serde_json::Value) -> Result<Decoded, serde_json::Error> {
    dispatch(kind, FromForm(Form::api(value)))
}

/// Decodes one object of `kind` from a JSON value, as evidence holds it.
pub fn decode_evidence(kind: Kind, value: serde_json::Value) -> Result<Decoded, serde_json::Error> {
    dispatch(kind, FromForm(Form::evidence(value)))
}

/// Decodes one object of `kind` from a text, as evidence holds it.
pub fn decode_evidence_text(kind: Kind, text: &str) -> Result<Decoded, serde_json::Error> {
    dispatch(kind, FromText(text))
}

/// The name of the type that a kind projects to; several kinds may share one.
pub fn type_name(kind: Kind) -> &'static str {
    struct Name;
    impl Visitor for Name {
        type Output = &'static str;
        fn visit<T: Decode>(self) -> &'static str {
            std::any::type_name::<T>()
        }
    }
    dispatch(kind, Name)
}

struct FromText<'t>(&'t str);

impl Visitor for FromText<'_> {
    type Output = Result<Decoded, serde_json::Error>;
    fn visit<T: Decode>(self) -> Self::Output {
        let mut json = serde_json::Deserializer::from_str(self.0);
        let object = T::deserialize(Form::evidence(&mut json))?;
        json.end()?;
        Ok(object.split())
    }
}

struct FromForm(Form<serde_json::Value>);

impl Visitor for FromForm {
    type Output = Result<Decoded, serde_json::Error>;
    fn visit<T: Decode>(self) -> Self::Output {
        T::deserialize(self.0).map(T::split)
    }
}

impl Projection {
    /// Labels, annotations and owners.
    pub fn metadata(&self) -> &Metadata {
        match self {
            Self::ConfigMap(object) => &object.metadata,
            Self::LimitRange(object) => &object.metadata,
            Self::Namespace(object) => &object.metadata,
            Self::Node(object) => &object.metadata,
            Self::PersistentVolume(object) => &object.metadata,
            Self::PersistentVolumeClaim(object) => &object.metadata,
            Self::Pod(object) => &object.metadata,
            Self::Service(object) => &object.metadata,
            Self::ServiceAccount(object) => &object.metadata,
            Self::WebhookConfiguration(object) => &object.metadata,
            Self::Workload(object) => &object.metadata,
            Self::CronJob(object) => &object.metadata,
            Self::EndpointSlice(object) => &object.metadata,
            Self::Gateway(object) => &object.metadata,
            Self::GatewayRoute(object) => &object.metadata,
            Self::ReferenceGrant(object) => &object.metadata,
            Self::DestinationRule(object) => &object.metadata,
            Self::EnvoyFilter(object) => &object.metadata,
            Self::IstioGateway(object) => &object.metadata,
            Self::ServiceEntry(object) => &object.metadata,
            Self::Sidecar(object) => &object.metadata,
            Self::VirtualService(object) => &object.metadata,
            Self::Ingress(object) => &object.metadata,
            Self::IngressClass(object) => &object.metadata,
            Self::Route(object) => &object.metadata,
            Self::RuntimeClass(object) => &object.metadata,
            Self::LinkerdAuthorizationPolicy(object) => &object.metadata,
            Self::LinkerdHttpRoute(object) => &object.metadata,
            Self::MeshTlsAuthentication(object) => &object.metadata,
            Self::NetworkAuthentication(object) => &object.metadata,
            Self::Server(object) => &object.metadata,
            Self::ServerAuthorization(object) => &object.metadata,
            Self::MendixApp(object) => &object.metadata,
            Self::OperatorConfiguration(object) => &object.metadata,
            Self::Runtime(object) => &object.metadata,
            Self::StorageInstance(object) => &object.metadata,
            Self::StoragePlan(object) => &object.metadata,
            Self::Role(object) => &object.metadata,
            Self::Binding(object) => &object.metadata,
            Self::AuthorizationPolicy(object) => &object.metadata,
            Self::PeerAuthentication(object) => &object.metadata,
            Self::NetworkPolicy(object) => &object.metadata,
            Self::ClusterPolicy(object) => &object.metadata,
            Self::CiliumPolicy(object) => &object.metadata,
            Self::CalicoPolicy(object) => &object.metadata,
            Self::Inert(object) => &object.metadata,
            Self::PolicyEndpoint(object) => &object.metadata,
        }
    }
}
