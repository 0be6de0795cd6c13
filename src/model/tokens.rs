//! Service account tokens: which of them a pod gets, for whom they are meant, and what visibly needs them.

use super::Model;
use super::pods::{Container, PodGroup};
use crate::kind::Kind;
use crate::projection::Projection;
use crate::projection::cluster::ServiceAccount;
use crate::projection::volume::{API_TOKEN_VOLUME, ServiceAccountToken, Volume};
use crate::snapshot::Mode;

/// A token that a pod gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// For whom it is.
    pub audience: Audience,
    /// Where the pod declares it, and how; `None` of one that the API server would add.
    pub declared: Option<(String, ServiceAccountToken)>,
}

/// Who accepts a token.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Audience {
    /// The API server.
    Api,
    /// The control plane of a mesh, for the identity of the mesh's own proxy, which alone mounts it.
    Mesh,
    /// A third party, such as a cloud's token service or a vault.
    Other(String),
}

/// All tokens of a pod, and what it rests on that there are no more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tokens {
    /// In the order of the pod's volumes.
    pub all: Vec<Token>,
    /// Whether they rest on a field of the ServiceAccount, or on its absence.
    pub by_account: bool,
}

impl Tokens {
    /// Those that a process of the app can use as the service account.
    pub fn usable(&self) -> impl Iterator<Item = &Token> {
        self.all
            .iter()
            .filter(|token| token.audience != Audience::Mesh)
    }
}

/// Audiences of the control planes of meshes.
const MESH_AUDIENCES: &[&str] = &["identity.l5d.io", "istio-ca"];
/// Containers of the meshes' proxies.
const MESH_PROXIES: &[&str] = &["istio-proxy", "linkerd-proxy"];
/// Names under which API servers commonly accept tokens: that of their own Service, and what kubeadm and others set.
const API_AUDIENCES: &[&str] = &[
    "api",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
];

impl Model<'_> {
    /// The tokens that the pods of a group get.
    ///
    /// Volumes of a pod that passed the API server are the truth: it adds one for its own token where the pod, or else
    /// its service account, does not forbid it. A pod in a file may not have passed it yet.
    pub fn tokens(&self, pod: &PodGroup<'_>) -> Tokens {
        let mut tokens = Tokens {
            all: projected(pod),
            by_account: false,
        };
        let injected = pod.spec.volumes.iter().any(is_api_volume);
        let is_final = self.snapshot.origin.mode == Mode::Live && !pod.is_template();
        if injected || is_final {
            return tokens;
        }
        let automount = pod.spec.automount_service_account_token.unwrap_or_else(|| {
            tokens.by_account = true;
            self.account(pod)
                .and_then(|(_, account)| account.automount_service_account_token)
                // Unset on both means true: the API's default.
                .unwrap_or(true)
        });
        if automount {
            tokens.all.push(Token {
                audience: Audience::Api,
                declared: None,
            });
        }
        tokens
    }

    /// The ServiceAccount of a group of pods, if it was read.
    pub fn account(&self, pod: &PodGroup<'_>) -> Option<(usize, &ServiceAccount)> {
        let name = pod.service_account();
        let index = self
            .snapshot
            .find(Kind::ServiceAccount, pod.namespace, name)?;
        match self.object(index).projection.as_ref() {
            Projection::ServiceAccount(account) => Some((index, account)),
            _ => None,
        }
    }
}

/// Whether a volume is the one that the API server adds.
fn is_api_volume(volume: &Volume) -> bool {
    volume.name == API_TOKEN_VOLUME
}

fn projected(pod: &PodGroup<'_>) -> Vec<Token> {
    let containers: Vec<Container<'_>> = pod.all_containers().collect();
    let mounting = |volume: &Volume| -> Vec<&str> {
        containers
            .iter()
            .filter(|container| {
                let mut mounts = container.spec.volume_mounts.iter();
                mounts.any(|mount| mount.name == volume.name)
            })
            .map(|container| container.spec.name.as_str())
            .collect()
    };
    let mut tokens = Vec::new();
    for (index, volume) in pod.spec.volumes.iter().enumerate() {
        let mounting = mounting(volume);
        // The kubelet makes no volume that no container mounts; the API server's own is mounted by every container.
        if mounting.is_empty() && !is_api_volume(volume) {
            continue;
        }
        let sources = volume.projected.iter().flat_map(|source| &source.sources);
        for (place, source) in sources.enumerate() {
            let Some(token) = &source.service_account_token else {
                continue;
            };
            let pointer =
                format!("/spec/volumes/{index}/projected/sources/{place}/serviceAccountToken");
            tokens.push(Token {
                audience: audience(token.audience.as_deref(), &mounting),
                declared: Some((pointer, token.clone())),
            });
        }
    }
    tokens
}

fn audience(stated: Option<&str>, mounting: &[&str]) -> Audience {
    let stated = stated.unwrap_or_default();
    let of_mesh =
        MESH_AUDIENCES.contains(&stated) && mounting.iter().all(|name| MESH_PROXIES.contains(name));
    if of_mesh {
        Audience::Mesh
    } else if stated.is_empty() || is_of_api(stated) {
        Audience::Api
    } else {
        Audience::Other(stated.to_owned())
    }
}

/// Whether an audience is one of the API server's usual names, with or without scheme and cluster domain.
fn is_of_api(audience: &str) -> bool {
    let host = audience.strip_prefix("https://").unwrap_or(audience);
    let host = host.trim_end_matches('/');
    API_AUDIENCES.contains(&host) || host.starts_with("kubernetes.default.svc.")
}

/// The driver by which the Secrets Store CSI driver hands secrets of a vault to pods, as the pod's service account.
const SECRET_STORE: &str = "secrets-store.csi.k8s.io";
/// Containers that use the API server's token of their pod.
const TOKEN_USERS: &[&str] = &["linkerd-proxy", "vault-agent", "vault-agent-init"];
/// Annotation by which Linkerd's injector is asked for.
const LINKERD_INJECT: &str = "linkerd.io/inject";
/// Annotations by which a cloud's identity service knows a service account.
pub const IDENTITY_ANNOTATIONS: &[&str] = &[
    "azure.workload.identity/client-id",
    "eks.amazonaws.com/role-arn",
    "iam.gke.io/gcp-service-account",
];

/// Something in a pod that visibly needs a token of its service account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenNeed {
    /// What it is.
    pub words: String,
    /// JSON pointer to what shows it.
    pub pointer: String,
    /// What stands there.
    pub value: String,
}

/// What in a pod visibly needs a token of its service account, if anything does.
pub fn need_in_pod(pod: &PodGroup<'_>) -> Option<TokenNeed> {
    let container = pod
        .all_containers()
        .find(|container| TOKEN_USERS.contains(&container.spec.name.as_str()));
    if let Some(container) = container {
        return Some(TokenNeed {
            words: format!("container {}", container.spec.name),
            pointer: format!("{}/name", container.pointer),
            value: container.spec.name.clone(),
        });
    }
    // A template has not met the injector yet.
    let injected = pod
        .annotation(LINKERD_INJECT)
        .filter(|value| pod.is_template() && ["enabled", "ingress"].contains(value));
    if let Some(value) = injected {
        return Some(TokenNeed {
            words: "the proxy that Linkerd injects".to_owned(),
            pointer: format!(
                "/metadata/annotations/{}",
                LINKERD_INJECT.replace('/', "~1")
            ),
            value: value.to_owned(),
        });
    }
    let mut volumes = pod.spec.volumes.iter().enumerate();
    volumes.find_map(|(index, volume)| {
        let driver = &volume.csi.as_ref()?.driver;
        (driver == SECRET_STORE).then(|| TokenNeed {
            words: "a volume of a secret store".to_owned(),
            pointer: format!("/spec/volumes/{index}/csi/driver"),
            value: driver.clone(),
        })
    })
}
