//! From a kubeconfig or a pod's service account to a client.

use http::Uri;
use kube::config::{Config, InClusterError};
use kube::{Client, Error};
use tokio::task::spawn_blocking;

use super::failure::{clean, credentials};
use super::kubeconfig::{self, Chosen};
use super::{Connection, LiveError};

/// A client, and what the later stages need to know of its configuration.
pub(super) struct Connected {
    pub(super) client: Client,
    /// Address of the server, without credentials.
    pub(super) server: String,
    /// Name of the context; absent in a pod.
    pub(super) context: Option<String>,
    /// The namespace that the context or the service account belongs to.
    pub(super) namespace: Option<String>,
    /// What makes the connection less than it should be.
    pub(super) notes: Vec<String>,
}

/// Prepares a client. Only a credential plugin talks to anyone yet.
pub(super) async fn connect(connection: &Connection) -> Result<Connected, LiveError> {
    let mut chosen = match kubeconfig::choose(connection).await? {
        Some(chosen) => chosen,
        None => in_cluster(connection)?,
    };
    impersonate(connection, &mut chosen.config)?;
    chosen.config.connect_timeout = Some(connection.patience.request_timeout);
    // Retries are our own: those of the client know no deadline.
    chosen.config.default_retry = false;
    let server = address(&chosen.config.cluster_url);
    let notes = chosen
        .config
        .accept_invalid_certs
        .then(|| "the kubeconfig switches the check of the server's certificate off".to_owned());
    let config = chosen.config;
    // A credential plugin blocks, and may ask its user something.
    let client = spawn_blocking(move || Client::try_from(config)).await;
    let client = match client {
        Ok(Ok(client)) => client,
        Ok(Err(error)) => return Err(refusal(server, &error)),
        Err(_) => {
            let problem = "it was interrupted".to_owned();
            return Err(LiveError::Prepare { server, problem });
        }
    };
    Ok(Connected {
        client,
        server,
        context: chosen.context,
        namespace: chosen.namespace,
        notes: notes.into_iter().collect(),
    })
}

fn in_cluster(connection: &Connection) -> Result<Chosen, LiveError> {
    let is_asked_for_more = [&connection.context, &connection.cluster, &connection.user]
        .iter()
        .any(|flag| flag.is_some());
    if is_asked_for_more {
        return Err(LiveError::NoKubeconfig);
    }
    match Config::incluster() {
        Ok(config) => Ok(Chosen {
            namespace: Some(config.default_namespace.trim().to_owned()),
            config,
            context: None,
        }),
        Err(InClusterError::ReadEnvironmentVariable(_)) => Err(LiveError::NoKubeconfig),
        Err(error) => Err(LiveError::InCluster {
            problem: clean(&error.to_string()),
        }),
    }
}

fn impersonate(connection: &Connection, config: &mut Config) -> Result<(), LiveError> {
    if let Some(user) = &connection.impersonate {
        // What else the kubeconfig says belongs to the user that it impersonates, not to another one.
        config.auth_info.impersonate = Some(user.clone());
        config.auth_info.impersonate_uid = None;
        config.auth_info.impersonate_groups = None;
        config.auth_info.impersonate_user_extra = None;
    }
    if !connection.impersonate_groups.is_empty() {
        config.auth_info.impersonate_groups = Some(connection.impersonate_groups.clone());
    }
    let has_groups = config
        .auth_info
        .impersonate_groups
        .as_ref()
        .is_some_and(|groups| !groups.is_empty());
    if has_groups && config.auth_info.impersonate.is_none() {
        return Err(LiveError::GroupsWithoutUser);
    }
    Ok(())
}

fn refusal(server: String, error: &Error) -> LiveError {
    let problem = match error {
        Error::Auth(problem) => {
            let problem = credentials(problem);
            return LiveError::Credentials { server, problem };
        }
        Error::InferKubeconfig(problem) => kubeconfig::words(problem),
        Error::RustlsTls(problem) => clean(&problem.to_string()),
        Error::HttpError(_) => "a user or group to impersonate cannot stand in a header".to_owned(),
        Error::ProxyProtocolUnsupported { .. } => {
            "the proxy's protocol is not supported".to_owned()
        }
        _ => "the configuration cannot be used".to_owned(),
    };
    LiveError::Prepare { server, problem }
}

/// Address without user name, password and path.
fn address(uri: &Uri) -> String {
    let scheme = uri.scheme_str().unwrap_or("https");
    let host = uri.host().unwrap_or_default();
    let port = uri
        .port()
        .map(|port| format!(":{port}"))
        .unwrap_or_default();
    clean(&format!("{scheme}://{host}{port}"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tempfile::TempDir;

    use super::super::Patience;
    use super::*;

    const ONE: &str = r#"
current-context: one
clusters: [{name: c1, cluster: {server: "https://user:canary@127.0.0.1:6443"}}]
users: [{name: u1, user: {token: canary}}]
contexts: [{name: one, context: {cluster: c1, user: u1, namespace: apps}}]
"#;
    const TWO: &str = r#"
current-context: two
clusters: [{name: c2, cluster: {server: "https://two.example", insecure-skip-tls-verify: true}}]
contexts: [{name: two, context: {cluster: c2, user: gone}}]
"#;

    struct Files(TempDir);

    impl Files {
        fn new(files: &[(&str, &str)]) -> Self {
            let directory = TempDir::new().unwrap();
            for (name, text) in files {
                std::fs::write(directory.path().join(name), text).unwrap();
            }
            Self(directory)
        }

        /// A connection by a list of kubeconfigs.
        fn list(&self, names: &[&str]) -> Connection {
            Connection {
                kubeconfig: None,
                kubeconfig_list: names.iter().map(|name| self.0.path().join(name)).collect(),
                context: None,
                cluster: None,
                user: None,
                impersonate: None,
                impersonate_groups: Vec::new(),
                patience: Patience::new(Duration::from_secs(30)),
            }
        }
    }

    async fn refused(connection: &Connection) -> String {
        match connect(connection).await {
            Ok(connected) => panic!("connected to {}", connected.server),
            Err(error) => error.to_string(),
        }
    }

    #[tokio::test]
    async fn the_first_file_of_a_list_wins_and_absent_ones_are_passed_over() {
        let files = Files::new(&[
            ("one", ONE),
            ("two", TWO),
            ("none", "current-context: \"\""),
        ]);
        let connected = connect(&files.list(&["absent", "none", "one", "two"]))
            .await
            .unwrap();
        assert_eq!(connected.context.as_deref(), Some("one"));
        assert_eq!(connected.namespace.as_deref(), Some("apps"));
        assert_eq!(connected.server, "https://127.0.0.1:6443");
        assert!(connected.notes.is_empty());
    }

    #[tokio::test]
    async fn flags_come_before_the_kubeconfig() {
        let files = Files::new(&[("one", ONE), ("two", TWO)]);
        let connection = Connection {
            context: Some("two".to_owned()),
            user: Some("u1".to_owned()),
            ..files.list(&["one", "two"])
        };
        let connected = connect(&connection).await.unwrap();
        assert_eq!(connected.server, "https://two.example");
        assert_eq!(
            connected.namespace, None,
            "that of the other context does not count"
        );
        assert_eq!(connected.notes.len(), 1, "{:?}", connected.notes);

        let without_context = ONE.replace("current-context: one", "");
        let files = Files::new(&[("one", &without_context)]);
        let connection = Connection {
            cluster: Some("c1".to_owned()),
            ..files.list(&["one"])
        };
        assert_eq!(connect(&connection).await.unwrap().context, None);
    }

    #[tokio::test]
    async fn what_the_kubeconfig_lacks_is_named() {
        let files = Files::new(&[("one", ONE), ("two", TWO)]);
        let one = files.list(&["one"]);
        let cases = [
            (
                Connection {
                    context: Some("x".to_owned()),
                    ..one.clone()
                },
                "no context `x` (known: one)",
            ),
            (
                Connection {
                    cluster: Some("x".to_owned()),
                    ..one.clone()
                },
                "no cluster `x` (known: c1)",
            ),
            (
                Connection {
                    user: Some("x".to_owned()),
                    ..one.clone()
                },
                "no user `x` (known: u1)",
            ),
            (files.list(&["two"]), "no user `gone` (there is none)"),
            (
                Connection {
                    kubeconfig: Some(files.0.path().join("absent")),
                    ..one.clone()
                },
                "unable to read",
            ),
            (
                Connection {
                    impersonate_groups: vec!["g".to_owned()],
                    ..one.clone()
                },
                "--as-group needs --as",
            ),
            (
                Connection {
                    impersonate: Some("a\nb".to_owned()),
                    ..one
                },
                "cannot stand in a header",
            ),
        ];
        for (connection, wanted) in cases {
            let message = refused(&connection).await;
            assert!(message.contains(wanted), "{message}");
        }
    }

    #[tokio::test]
    async fn nothing_of_a_broken_kubeconfig_is_quoted() {
        let broken = [
            ONE.replace("token: canary", "token: [canary"),
            ONE.replace("token: canary", "client-key-data: ~canary~, client-certificate-data: ~canary~"),
            ONE.replace("https://user:canary@127.0.0.1:6443", "https://canary@[::"),
            ONE.replace("token: canary", "auth-provider: {name: canary}"),
            ONE.replace("token: canary", "exec: {command: sh, args: [-c, 'echo canary >&2; exit 1'], interactiveMode: Never}"),
            ONE.replace("token: canary", "exec: {command: echo, args: [canary], interactiveMode: Never}"),
        ];
        for text in broken {
            let files = Files::new(&[("one", &text)]);
            let message = refused(&files.list(&["one"])).await;
            assert!(!message.contains("canary"), "{message}");
        }
    }
}
