//! What ends a live collection as a whole. Everything smaller is a gap in its coverage.

use thiserror::Error;

/// Why nothing can be collected from an API server. No message holds a credential, a header or a response body.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LiveError {
    /// There is neither a kubeconfig nor a service account.
    #[error(
        "no kubeconfig was found and this is no pod of a cluster: name one with --kubeconfig or KUBECONFIG, \
         or read files with --from"
    )]
    NoKubeconfig,
    /// A kubeconfig is there and cannot be used.
    #[error("failed to load the kubeconfig {file}: {problem}")]
    Kubeconfig {
        /// Its path, or what stands for several.
        file: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The kubeconfig names no current context, and neither does a flag.
    #[error("the kubeconfig has no current context: choose one with --context ({known})")]
    NoContext {
        /// The contexts it has.
        known: String,
    },
    /// A flag or the context names something that the kubeconfig lacks.
    #[error("the kubeconfig has no {what} `{name}` ({known})")]
    Unknown {
        /// `context`, `cluster` or `user`.
        what: &'static str,
        /// The name asked for.
        name: String,
        /// The names it has.
        known: String,
    },
    /// Groups are impersonated without a user, which the API refuses.
    #[error("--as-group needs --as: groups cannot be impersonated without a user")]
    GroupsWithoutUser,
    /// The service account of the pod cannot be used.
    #[error("failed to use the service account of this pod: {problem}")]
    InCluster {
        /// What is wrong with it.
        problem: String,
    },
    /// The credentials could not be obtained.
    #[error(
        "failed to obtain credentials for {server}: {problem}; log in again or choose another --user"
    )]
    Credentials {
        /// The API server.
        server: String,
        /// What went wrong.
        problem: String,
    },
    /// The connection could not be set up.
    #[error(
        "failed to prepare the connection to {server}: {problem}; check the cluster and user in the kubeconfig"
    )]
    Prepare {
        /// The API server.
        server: String,
        /// What went wrong.
        problem: String,
    },
    /// Nobody answers.
    #[error(
        "failed to reach the API server {server}: {problem}; check that it runs, that this machine can reach it, \
         and --context"
    )]
    Unreachable {
        /// The API server.
        server: String,
        /// What went wrong.
        problem: String,
    },
    /// The server's certificate does not hold.
    #[error(
        "unable to trust the API server {server}: {problem}; check the certificate authority of the cluster in the \
         kubeconfig"
    )]
    Untrusted {
        /// The address.
        server: String,
        /// What is wrong with the certificate.
        problem: String,
    },
    /// Something answers that is no Kubernetes API server.
    #[error(
        "{server} does not answer like a Kubernetes API server: {problem}; check the cluster's address in the kubeconfig"
    )]
    NotKubernetes {
        /// The address.
        server: String,
        /// How it answers.
        problem: String,
    },
    /// The credentials are refused, at the start or in the middle.
    #[error(
        "the API server {server} refuses the credentials (HTTP 401): log in again or choose another --user"
    )]
    Unauthorized {
        /// The API server.
        server: String,
    },
    /// Every single read failed.
    #[error(
        "nothing could be read from the API server {server}: {problem}; try again, with a longer --request-timeout if it is slow"
    )]
    NothingRead {
        /// The API server.
        server: String,
        /// What became of one of the reads.
        problem: String,
    },
}
