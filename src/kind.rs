//! The closed list of Kubernetes kinds that the tool reads, and where the API serves them.
//!
//! A kind that is not in this list is never requested. Secrets are not in it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A kind that some rule reads. The order is the order of objects in evidence: by group, then kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "each variant is the API's own name of the kind"
)]
pub enum Kind {
    ConfigMap,
    LimitRange,
    Namespace,
    Node,
    PersistentVolume,
    PersistentVolumeClaim,
    Pod,
    ReplicationController,
    Service,
    ServiceAccount,
    MutatingWebhookConfiguration,
    DaemonSet,
    Deployment,
    ReplicaSet,
    StatefulSet,
    CronJob,
    Job,
    CiliumClusterwideNetworkPolicy,
    CiliumNetworkPolicy,
    #[serde(rename = "GlobalNetworkPolicy")]
    CalicoGlobalNetworkPolicy,
    #[serde(rename = "NetworkPolicy.crd.projectcalico.org")]
    CalicoNetworkPolicy,
    #[serde(rename = "StagedGlobalNetworkPolicy")]
    CalicoStagedGlobalNetworkPolicy,
    #[serde(rename = "StagedKubernetesNetworkPolicy")]
    CalicoStagedKubernetesNetworkPolicy,
    #[serde(rename = "StagedNetworkPolicy")]
    CalicoStagedNetworkPolicy,
    #[serde(rename = "Tier")]
    CalicoTier,
    EndpointSlice,
    #[serde(rename = "GRPCRoute")]
    GrpcRoute,
    #[serde(rename = "Gateway.gateway.networking.k8s.io")]
    Gateway,
    #[serde(rename = "HTTPRoute")]
    HttpRoute,
    ReferenceGrant,
    #[serde(rename = "TCPRoute")]
    TcpRoute,
    #[serde(rename = "TLSRoute")]
    TlsRoute,
    DestinationRule,
    EnvoyFilter,
    #[serde(rename = "Gateway.networking.istio.io")]
    IstioGateway,
    ServiceEntry,
    Sidecar,
    VirtualService,
    PolicyEndpoint,
    Ingress,
    IngressClass,
    NetworkPolicy,
    RuntimeClass,
    #[serde(rename = "AuthorizationPolicy.policy.linkerd.io")]
    LinkerdAuthorizationPolicy,
    #[serde(rename = "HTTPRoute.policy.linkerd.io")]
    LinkerdHttpRoute,
    #[serde(rename = "MeshTLSAuthentication")]
    MeshTlsAuthentication,
    NetworkAuthentication,
    Server,
    ServerAuthorization,
    AdminNetworkPolicy,
    BaselineAdminNetworkPolicy,
    ClusterNetworkPolicy,
    MendixApp,
    OperatorConfiguration,
    Runtime,
    StorageInstance,
    StoragePlan,
    ClusterRole,
    ClusterRoleBinding,
    Role,
    RoleBinding,
    Route,
    #[serde(rename = "AuthorizationPolicy.security.istio.io")]
    AuthorizationPolicy,
    PeerAuthentication,
}

/// Whether a server must serve a kind for an audit to make sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// Part of every Kubernetes API server.
    BuiltIn,
    /// Part of Mendix on Kubernetes: when it is not served, nothing can be said of apps.
    Mendix,
    /// Installed with a product that a cluster may lack: not served means that there are none.
    Product(Product),
}

/// A product whose kinds need not be installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Product {
    /// Istio service mesh.
    Istio,
    /// Cilium, a network plugin.
    Cilium,
    /// Calico, a network plugin.
    Calico,
    /// Policies over the whole cluster, which some network plugins implement.
    NetworkPolicyApi,
    /// The network policy controller of Amazon EKS.
    EksNetworkPolicy,
    /// Linkerd service mesh.
    Linkerd,
    /// Gateway API.
    GatewayApi,
    /// OpenShift.
    OpenShift,
}

/// How the API server addresses a kind.
#[derive(Clone, Copy, Debug)]
pub struct Api {
    /// API group; empty for the core group.
    pub group: &'static str,
    /// Versions that have the fields the projection reads, preferred first. Only one is ever listed.
    pub versions: &'static [&'static str],
    /// Resource name in URLs.
    pub plural: &'static str,
    /// Whether objects live in namespaces.
    pub namespaced: bool,
    /// Whether a server without this kind can still be audited.
    pub presence: Presence,
}

impl Kind {
    /// Every kind, in evidence order.
    pub const ALL: &'static [Self] = &[
        Self::ConfigMap,
        Self::LimitRange,
        Self::Namespace,
        Self::Node,
        Self::PersistentVolume,
        Self::PersistentVolumeClaim,
        Self::Pod,
        Self::ReplicationController,
        Self::Service,
        Self::ServiceAccount,
        Self::MutatingWebhookConfiguration,
        Self::DaemonSet,
        Self::Deployment,
        Self::ReplicaSet,
        Self::StatefulSet,
        Self::CronJob,
        Self::Job,
        Self::CiliumClusterwideNetworkPolicy,
        Self::CiliumNetworkPolicy,
        Self::CalicoGlobalNetworkPolicy,
        Self::CalicoNetworkPolicy,
        Self::CalicoStagedGlobalNetworkPolicy,
        Self::CalicoStagedKubernetesNetworkPolicy,
        Self::CalicoStagedNetworkPolicy,
        Self::CalicoTier,
        Self::EndpointSlice,
        Self::GrpcRoute,
        Self::Gateway,
        Self::HttpRoute,
        Self::ReferenceGrant,
        Self::TcpRoute,
        Self::TlsRoute,
        Self::DestinationRule,
        Self::EnvoyFilter,
        Self::IstioGateway,
        Self::ServiceEntry,
        Self::Sidecar,
        Self::VirtualService,
        Self::PolicyEndpoint,
        Self::Ingress,
        Self::IngressClass,
        Self::NetworkPolicy,
        Self::RuntimeClass,
        Self::LinkerdAuthorizationPolicy,
        Self::LinkerdHttpRoute,
        Self::MeshTlsAuthentication,
        Self::NetworkAuthentication,
        Self::Server,
        Self::ServerAuthorization,
        Self::AdminNetworkPolicy,
        Self::BaselineAdminNetworkPolicy,
        Self::ClusterNetworkPolicy,
        Self::MendixApp,
        Self::OperatorConfiguration,
        Self::Runtime,
        Self::StorageInstance,
        Self::StoragePlan,
        Self::ClusterRole,
        Self::ClusterRoleBinding,
        Self::Role,
        Self::RoleBinding,
        Self::Route,
        Self::AuthorizationPolicy,
        Self::PeerAuthentication,
    ];

    /// Kinds that carry a pod template, and so can stand for a Pod that does not exist yet.
    pub const WORKLOADS: &'static [Self] = &[
        Self::ReplicationController,
        Self::DaemonSet,
        Self::Deployment,
        Self::ReplicaSet,
        Self::StatefulSet,
        Self::CronJob,
        Self::Job,
    ];

    /// Where and how the API serves the kind.
    #[expect(
        clippy::too_many_lines,
        reason = "one line per kind, to be read as a table"
    )]
    pub const fn api(self) -> Api {
        const V1: &[&str] = &["v1"];
        const ISTIO: &[&str] = &["v1", "v1beta1"];
        const NETWORKING: &[&str] = &["v1", "v1beta1", "v1alpha3"];
        const ALPHA: &[&str] = &["v1alpha1"];
        const SERVER: &[&str] = &["v1beta3", "v1beta2", "v1beta1"];
        const MENDIX: &[&str] = ALPHA;
        const CALICO: &[&str] = &["v1", "v3"];
        const GATEWAY: &[&str] = &["v1", "v1beta1", "v1alpha3", "v1alpha2"];
        let istio = Presence::Product(Product::Istio);
        let linkerd = Presence::Product(Product::Linkerd);
        let gateway_api = Presence::Product(Product::GatewayApi);
        let cilium = Presence::Product(Product::Cilium);
        let calico = Presence::Product(Product::Calico);
        let network_policy_api = Presence::Product(Product::NetworkPolicyApi);
        let (group, versions, plural, namespaced, presence) = match self {
            Self::ConfigMap => ("", V1, "configmaps", true, Presence::BuiltIn),
            Self::LimitRange => ("", V1, "limitranges", true, Presence::BuiltIn),
            Self::Namespace => ("", V1, "namespaces", false, Presence::BuiltIn),
            Self::Node => ("", V1, "nodes", false, Presence::BuiltIn),
            Self::PersistentVolume => ("", V1, "persistentvolumes", false, Presence::BuiltIn),
            Self::PersistentVolumeClaim => {
                ("", V1, "persistentvolumeclaims", true, Presence::BuiltIn)
            }
            Self::Pod => ("", V1, "pods", true, Presence::BuiltIn),
            Self::ReplicationController => {
                ("", V1, "replicationcontrollers", true, Presence::BuiltIn)
            }
            Self::Service => ("", V1, "services", true, Presence::BuiltIn),
            Self::ServiceAccount => ("", V1, "serviceaccounts", true, Presence::BuiltIn),
            Self::MutatingWebhookConfiguration => (
                "admissionregistration.k8s.io",
                V1,
                "mutatingwebhookconfigurations",
                false,
                Presence::BuiltIn,
            ),
            Self::DaemonSet => ("apps", V1, "daemonsets", true, Presence::BuiltIn),
            Self::Deployment => ("apps", V1, "deployments", true, Presence::BuiltIn),
            Self::ReplicaSet => ("apps", V1, "replicasets", true, Presence::BuiltIn),
            Self::StatefulSet => ("apps", V1, "statefulsets", true, Presence::BuiltIn),
            Self::CronJob => ("batch", V1, "cronjobs", true, Presence::BuiltIn),
            Self::Job => ("batch", V1, "jobs", true, Presence::BuiltIn),
            Self::CiliumClusterwideNetworkPolicy => (
                "cilium.io",
                &["v2"] as _,
                "ciliumclusterwidenetworkpolicies",
                false,
                cilium,
            ),
            Self::CiliumNetworkPolicy => (
                "cilium.io",
                &["v2"] as _,
                "ciliumnetworkpolicies",
                true,
                cilium,
            ),
            Self::CalicoGlobalNetworkPolicy => {
                (CALICO_GROUP, CALICO, "globalnetworkpolicies", false, calico)
            }
            Self::CalicoNetworkPolicy => (CALICO_GROUP, CALICO, "networkpolicies", true, calico),
            Self::CalicoStagedGlobalNetworkPolicy => (
                CALICO_GROUP,
                CALICO,
                "stagedglobalnetworkpolicies",
                false,
                calico,
            ),
            Self::CalicoStagedKubernetesNetworkPolicy => (
                CALICO_GROUP,
                CALICO,
                "stagedkubernetesnetworkpolicies",
                true,
                calico,
            ),
            Self::CalicoStagedNetworkPolicy => {
                (CALICO_GROUP, CALICO, "stagednetworkpolicies", true, calico)
            }
            Self::CalicoTier => (CALICO_GROUP, CALICO, "tiers", false, calico),
            Self::EndpointSlice => (
                "discovery.k8s.io",
                V1,
                "endpointslices",
                true,
                Presence::BuiltIn,
            ),
            Self::GrpcRoute => (GATEWAY_GROUP, GATEWAY, "grpcroutes", true, gateway_api),
            Self::Gateway => (GATEWAY_GROUP, GATEWAY, "gateways", true, gateway_api),
            Self::HttpRoute => (GATEWAY_GROUP, GATEWAY, "httproutes", true, gateway_api),
            Self::ReferenceGrant => (GATEWAY_GROUP, GATEWAY, "referencegrants", true, gateway_api),
            Self::TcpRoute => (GATEWAY_GROUP, GATEWAY, "tcproutes", true, gateway_api),
            Self::TlsRoute => (GATEWAY_GROUP, GATEWAY, "tlsroutes", true, gateway_api),
            Self::DestinationRule => (
                "networking.istio.io",
                NETWORKING,
                "destinationrules",
                true,
                istio,
            ),
            Self::EnvoyFilter => (
                "networking.istio.io",
                &["v1alpha3"] as _,
                "envoyfilters",
                true,
                istio,
            ),
            Self::IstioGateway => ("networking.istio.io", NETWORKING, "gateways", true, istio),
            Self::ServiceEntry => (
                "networking.istio.io",
                NETWORKING,
                "serviceentries",
                true,
                istio,
            ),
            Self::Sidecar => ("networking.istio.io", NETWORKING, "sidecars", true, istio),
            Self::VirtualService => (
                "networking.istio.io",
                NETWORKING,
                "virtualservices",
                true,
                istio,
            ),
            Self::PolicyEndpoint => (
                "networking.k8s.aws",
                &["v1alpha1"] as _,
                "policyendpoints",
                true,
                Presence::Product(Product::EksNetworkPolicy),
            ),
            Self::Ingress => (
                "networking.k8s.io",
                V1,
                "ingresses",
                true,
                Presence::BuiltIn,
            ),
            Self::IngressClass => (
                "networking.k8s.io",
                V1,
                "ingressclasses",
                false,
                Presence::BuiltIn,
            ),
            Self::NetworkPolicy => (
                "networking.k8s.io",
                V1,
                "networkpolicies",
                true,
                Presence::BuiltIn,
            ),
            Self::RuntimeClass => (
                "node.k8s.io",
                V1,
                "runtimeclasses",
                false,
                Presence::BuiltIn,
            ),
            Self::LinkerdAuthorizationPolicy => {
                (LINKERD_GROUP, ALPHA, "authorizationpolicies", true, linkerd)
            }
            Self::LinkerdHttpRoute => (LINKERD_GROUP, SERVER, "httproutes", true, linkerd),
            Self::MeshTlsAuthentication => (
                LINKERD_GROUP,
                ALPHA,
                "meshtlsauthentications",
                true,
                linkerd,
            ),
            Self::NetworkAuthentication => (
                LINKERD_GROUP,
                ALPHA,
                "networkauthentications",
                true,
                linkerd,
            ),
            Self::Server => (LINKERD_GROUP, SERVER, "servers", true, linkerd),
            Self::ServerAuthorization => (
                LINKERD_GROUP,
                &["v1beta1"] as _,
                "serverauthorizations",
                true,
                linkerd,
            ),
            Self::AdminNetworkPolicy => (
                "policy.networking.k8s.io",
                &["v1alpha1"] as _,
                "adminnetworkpolicies",
                false,
                network_policy_api,
            ),
            Self::BaselineAdminNetworkPolicy => (
                "policy.networking.k8s.io",
                &["v1alpha1"] as _,
                "baselineadminnetworkpolicies",
                false,
                network_policy_api,
            ),
            Self::ClusterNetworkPolicy => (
                "policy.networking.k8s.io",
                &["v1alpha2"] as _,
                "clusternetworkpolicies",
                false,
                network_policy_api,
            ),
            Self::MendixApp => (MENDIX_GROUP, MENDIX, "mendixapps", true, Presence::Mendix),
            Self::OperatorConfiguration => (
                MENDIX_GROUP,
                MENDIX,
                "operatorconfigurations",
                true,
                Presence::Mendix,
            ),
            Self::Runtime => (MENDIX_GROUP, MENDIX, "runtimes", true, Presence::Mendix),
            Self::StorageInstance => (
                MENDIX_GROUP,
                MENDIX,
                "storageinstances",
                true,
                Presence::Mendix,
            ),
            Self::StoragePlan => (MENDIX_GROUP, MENDIX, "storageplans", true, Presence::Mendix),
            Self::ClusterRole => (RBAC_GROUP, V1, "clusterroles", false, Presence::BuiltIn),
            Self::ClusterRoleBinding => (
                RBAC_GROUP,
                V1,
                "clusterrolebindings",
                false,
                Presence::BuiltIn,
            ),
            Self::Role => (RBAC_GROUP, V1, "roles", true, Presence::BuiltIn),
            Self::RoleBinding => (RBAC_GROUP, V1, "rolebindings", true, Presence::BuiltIn),
            Self::Route => (
                "route.openshift.io",
                V1,
                "routes",
                true,
                Presence::Product(Product::OpenShift),
            ),
            Self::AuthorizationPolicy => (
                "security.istio.io",
                ISTIO,
                "authorizationpolicies",
                true,
                istio,
            ),
            Self::PeerAuthentication => (
                "security.istio.io",
                ISTIO,
                "peerauthentications",
                true,
                istio,
            ),
        };
        Api {
            group,
            versions,
            plural,
            namespaced,
            presence,
        }
    }

    /// The kind's name as in the API.
    #[expect(
        clippy::too_many_lines,
        reason = "one line per kind, to be read as a table"
    )]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ConfigMap => "ConfigMap",
            Self::LimitRange => "LimitRange",
            Self::Namespace => "Namespace",
            Self::Node => "Node",
            Self::PersistentVolume => "PersistentVolume",
            Self::PersistentVolumeClaim => "PersistentVolumeClaim",
            Self::Pod => "Pod",
            Self::ReplicationController => "ReplicationController",
            Self::Service => "Service",
            Self::ServiceAccount => "ServiceAccount",
            Self::MutatingWebhookConfiguration => "MutatingWebhookConfiguration",
            Self::DaemonSet => "DaemonSet",
            Self::Deployment => "Deployment",
            Self::ReplicaSet => "ReplicaSet",
            Self::StatefulSet => "StatefulSet",
            Self::CronJob => "CronJob",
            Self::Job => "Job",
            Self::CiliumClusterwideNetworkPolicy => "CiliumClusterwideNetworkPolicy",
            Self::CiliumNetworkPolicy => "CiliumNetworkPolicy",
            Self::CalicoGlobalNetworkPolicy => "GlobalNetworkPolicy",
            Self::CalicoStagedGlobalNetworkPolicy => "StagedGlobalNetworkPolicy",
            Self::CalicoStagedKubernetesNetworkPolicy => "StagedKubernetesNetworkPolicy",
            Self::CalicoStagedNetworkPolicy => "StagedNetworkPolicy",
            Self::CalicoTier => "Tier",
            Self::EndpointSlice => "EndpointSlice",
            Self::GrpcRoute => "GRPCRoute",
            Self::Gateway | Self::IstioGateway => "Gateway",
            Self::HttpRoute | Self::LinkerdHttpRoute => "HTTPRoute",
            Self::ReferenceGrant => "ReferenceGrant",
            Self::TcpRoute => "TCPRoute",
            Self::TlsRoute => "TLSRoute",
            Self::DestinationRule => "DestinationRule",
            Self::EnvoyFilter => "EnvoyFilter",
            Self::ServiceEntry => "ServiceEntry",
            Self::Sidecar => "Sidecar",
            Self::VirtualService => "VirtualService",
            Self::PolicyEndpoint => "PolicyEndpoint",
            Self::Ingress => "Ingress",
            Self::IngressClass => "IngressClass",
            Self::NetworkPolicy | Self::CalicoNetworkPolicy => "NetworkPolicy",
            Self::RuntimeClass => "RuntimeClass",
            Self::AdminNetworkPolicy => "AdminNetworkPolicy",
            Self::BaselineAdminNetworkPolicy => "BaselineAdminNetworkPolicy",
            Self::ClusterNetworkPolicy => "ClusterNetworkPolicy",
            Self::MeshTlsAuthentication => "MeshTLSAuthentication",
            Self::NetworkAuthentication => "NetworkAuthentication",
            Self::Server => "Server",
            Self::ServerAuthorization => "ServerAuthorization",
            Self::MendixApp => "MendixApp",
            Self::OperatorConfiguration => "OperatorConfiguration",
            Self::Runtime => "Runtime",
            Self::StorageInstance => "StorageInstance",
            Self::StoragePlan => "StoragePlan",
            Self::ClusterRole => "ClusterRole",
            Self::ClusterRoleBinding => "ClusterRoleBinding",
            Self::Role => "Role",
            Self::RoleBinding => "RoleBinding",
            Self::Route => "Route",
            Self::AuthorizationPolicy | Self::LinkerdAuthorizationPolicy => "AuthorizationPolicy",
            Self::PeerAuthentication => "PeerAuthentication",
        }
    }

    /// The name, with the group behind it where another kind that the tool reads has the same; what is part of every
    /// cluster goes by its plain name.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Gateway => "Gateway.gateway.networking.k8s.io",
            Self::IstioGateway => "Gateway.networking.istio.io",
            Self::CalicoNetworkPolicy => "NetworkPolicy.crd.projectcalico.org",
            Self::LinkerdAuthorizationPolicy => "AuthorizationPolicy.policy.linkerd.io",
            Self::AuthorizationPolicy => "AuthorizationPolicy.security.istio.io",
            Self::LinkerdHttpRoute => "HTTPRoute.policy.linkerd.io",
            _ => self.name(),
        }
    }

    /// The kind that `apiVersion` and `kind` of an object name, if the tool reads it.
    pub fn find(api_version: &str, kind: &str) -> Option<Self> {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        Self::ALL.iter().copied().find(|candidate| {
            let api = candidate.api();
            api.versions.contains(&version)
                && candidate.group_at(version) == group
                && candidate.name() == kind
        })
    }

    /// The kind of this name in this group, whatever the version.
    pub fn in_group(group: &str, kind: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|candidate| candidate.name() == kind && candidate.groups().contains(&group))
    }

    /// The API group that serves a version of the kind. Calico's objects are served under two groups with versions of
    /// their own: the one that its data is kept under, and the one that users write.
    pub fn group_at(self, version: &str) -> &'static str {
        match self.api().group {
            CALICO_GROUP if version == "v3" => CALICO_USER_GROUP,
            group => group,
        }
    }

    /// Every group that may serve the kind, preferred first.
    pub fn groups(self) -> Vec<&'static str> {
        let mut groups: Vec<&'static str> = Vec::new();
        for version in self.api().versions {
            let group = self.group_at(version);
            if !groups.contains(&group) {
                groups.push(group);
            }
        }
        groups
    }

    /// Whether the tool reads single ConfigMaps by name only, never a list of them.
    pub const fn by_name_only(self) -> bool {
        matches!(self, Self::ConfigMap)
    }
}

impl fmt::Display for Kind {
    /// The name; with the group where another kind bears the same.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.label())
    }
}

/// API group of Mendix on Kubernetes.
pub const MENDIX_GROUP: &str = "privatecloud.mendix.com";
/// API group that Calico keeps its data under.
const CALICO_GROUP: &str = "crd.projectcalico.org";
/// API group that users write Calico's objects in.
const CALICO_USER_GROUP: &str = "projectcalico.org";
/// API group of Linkerd's policies.
pub const LINKERD_GROUP: &str = "policy.linkerd.io";
/// API group of the Gateway API.
pub const GATEWAY_GROUP: &str = "gateway.networking.k8s.io";
const RBAC_GROUP: &str = "rbac.authorization.k8s.io";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_of_the_list_is_the_order_of_the_enum() {
        assert!(Kind::ALL.is_sorted());
        let by_group: Vec<_> = Kind::ALL
            .iter()
            .map(|kind| (kind.api().group, kind.name()))
            .collect();
        assert!(
            by_group.is_sorted(),
            "evidence is sorted by group, then kind: {by_group:?}"
        );
    }

    /// Istio's AuthorizationPolicy bears the same name.
    fn is_of_linkerd(kind: Kind) -> bool {
        kind == Kind::LinkerdAuthorizationPolicy
    }

    #[test]
    fn names_that_collide_are_told_apart_by_group() {
        assert_eq!(
            Kind::find("networking.istio.io/v1", "Sidecar"),
            Some(Kind::Sidecar)
        );
        assert_eq!(Kind::find("v1", "Secret"), None);
        assert_eq!(
            Kind::find("apps/v1beta1", "Deployment"),
            None,
            "versions that no server serves"
        );
        assert_eq!(Kind::in_group("", "Pod"), Some(Kind::Pod));
        for kind in Kind::ALL {
            let namesakes = Kind::ALL.iter().filter(|other| other.name() == kind.name());
            let group = kind.api().group;
            let label = format!("{}.{group}", kind.name());
            // What is part of every cluster goes by its plain name.
            let collides = namesakes.count() > 1 && kind.api().presence != Presence::BuiltIn;
            // Results name the routes of the Gateway API as everybody does; those of Linkerd they only read.
            let plain = *kind == Kind::HttpRoute || !collides && !is_of_linkerd(*kind);
            assert_eq!(kind.label(), if plain { kind.name() } else { &label });
        }
    }
}
