//! Which kubeconfig, context, cluster and user count, by kubectl's rules.

use std::path::{Path, PathBuf};

use http::Uri;
use kube::config::{
    Config, Context, KubeConfigOptions, Kubeconfig, KubeconfigError, LoadDataError, NamedContext,
};

use super::failure::clean;
use super::{Connection, LiveError};

/// A configuration, and what it was chosen by.
pub(super) struct Chosen {
    pub(super) config: Config,
    pub(super) context: Option<String>,
    pub(super) namespace: Option<String>,
}

/// Chooses what the flags and the kubeconfig say; `None` if there is no kubeconfig.
pub(super) async fn choose(connection: &Connection) -> Result<Option<Chosen>, LiveError> {
    match kubeconfig(connection)? {
        Some((file, kubeconfig)) => choose_from(connection, &file, kubeconfig).await.map(Some),
        None => Ok(None),
    }
}

/// Reads the kubeconfig that counts, with the words to name it by; `None` if there is none.
fn kubeconfig(connection: &Connection) -> Result<Option<(String, Kubeconfig)>, LiveError> {
    let (file, kubeconfig) = if let Some(path) = &connection.kubeconfig {
        (shown(path), read(path)?)
    } else if connection.kubeconfig_list.is_empty() {
        match Kubeconfig::read() {
            Ok(kubeconfig) => ("in the home directory".to_owned(), kubeconfig),
            Err(error) if is_absent(&error) => return Ok(None),
            Err(error) => return Err(unusable("in the home directory".to_owned(), &error)),
        }
    } else {
        let file = "list of KUBECONFIG".to_owned();
        let merged =
            merged(&connection.kubeconfig_list).map_err(|(path, error)| unusable(path, &error))?;
        (file, merged)
    };
    let is_empty = kubeconfig.contexts.is_empty() && kubeconfig.clusters.is_empty();
    Ok((!is_empty || connection.kubeconfig.is_some()).then_some((file, kubeconfig)))
}

/// Merges the files of a list, first wins. Absent ones are passed over, as kubectl does.
fn merged(paths: &[PathBuf]) -> Result<Kubeconfig, (String, KubeconfigError)> {
    let mut merged = Kubeconfig::default();
    for path in paths {
        let mut next = match Kubeconfig::read_from(path) {
            Ok(next) => next,
            Err(error) if is_absent(&error) => continue,
            Err(error) => return Err((shown(path), error)),
        };
        // An empty name would hide that of a later file.
        next.current_context = next.current_context.filter(|name| !name.is_empty());
        merged = merged.merge(next).map_err(|error| (shown(path), error))?;
    }
    Ok(merged)
}

fn read(path: &Path) -> Result<Kubeconfig, LiveError> {
    Kubeconfig::read_from(path).map_err(|error| unusable(shown(path), &error))
}

async fn choose_from(
    connection: &Connection,
    file: &str,
    mut kubeconfig: Kubeconfig,
) -> Result<Chosen, LiveError> {
    let context = context_name(connection, &mut kubeconfig)?;
    let chosen = kubeconfig
        .contexts
        .iter()
        .find(|named| named.name == context)
        .and_then(|named| named.context.clone())
        .ok_or_else(|| unknown("context", &context, contexts(&kubeconfig)))?;
    let cluster = connection.cluster.as_ref().unwrap_or(&chosen.cluster);
    let has_own_proxy = kubeconfig
        .clusters
        .iter()
        .find(|named| named.name == *cluster)
        .ok_or_else(|| unknown("cluster", cluster, clusters(&kubeconfig)))?
        .cluster
        .as_ref()
        .is_some_and(|cluster| {
            cluster
                .proxy_url
                .as_ref()
                .is_some_and(|url| !url.is_empty())
        });
    // The client would go on without credentials.
    let user = connection.user.as_ref().or(chosen.user.as_ref());
    if let Some(user) = user.filter(|user| !user.is_empty())
        && !kubeconfig
            .auth_infos
            .iter()
            .any(|named| named.name == *user)
    {
        return Err(unknown("user", user, users(&kubeconfig)));
    }
    let options = KubeConfigOptions {
        context: Some(context.clone()),
        cluster: connection.cluster.clone(),
        user: connection.user.clone(),
    };
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &options)
        .await
        .map_err(|error| unusable(file.to_owned(), &error))?;
    // The environment's proxy is not meant for this machine; the client would use it all the same.
    if !has_own_proxy && is_loopback(&config.cluster_url) {
        config.proxy_url = None;
    }
    Ok(Chosen {
        config,
        context: Some(context).filter(|context| !context.is_empty()),
        namespace: chosen.namespace.filter(|namespace| !namespace.is_empty()),
    })
}

/// The context to use. With `--cluster` there need be none: then one is made of the flags.
fn context_name(connection: &Connection, kubeconfig: &mut Kubeconfig) -> Result<String, LiveError> {
    let current = kubeconfig.current_context.clone();
    if let Some(name) = connection
        .context
        .clone()
        .or(current)
        .filter(|name| !name.is_empty())
    {
        return Ok(name);
    }
    let Some(cluster) = connection.cluster.clone() else {
        let known = known(contexts(kubeconfig));
        return Err(LiveError::NoContext { known });
    };
    kubeconfig.contexts.push(NamedContext {
        context: Some(Context {
            cluster,
            user: connection.user.clone(),
            ..Context::default()
        }),
        ..NamedContext::default()
    });
    Ok(String::new())
}

fn unusable(file: String, error: &KubeconfigError) -> LiveError {
    LiveError::Kubeconfig {
        file,
        problem: words(error),
    }
}

/// Says what is wrong with a kubeconfig without quoting it: it holds keys and tokens.
pub(super) fn words(error: &KubeconfigError) -> String {
    match error {
        KubeconfigError::ReadConfig(cause, path) => {
            clean(&format!("unable to read {}: {cause}", path.display()))
        }
        KubeconfigError::Parse(cause) => match cause.location() {
            Some(place) => format!("it is no kubeconfig, at line {}", place.line()),
            None => "it is no kubeconfig".to_owned(),
        },
        KubeconfigError::MissingClusterUrl => "its cluster has no server".to_owned(),
        KubeconfigError::ParseClusterUrl(_) => "the address of its server is no URL".to_owned(),
        KubeconfigError::ParseProxyUrl(_) => "the address of the proxy is no URL".to_owned(),
        KubeconfigError::ParseNoProxy(_) => "NO_PROXY cannot be understood".to_owned(),
        KubeconfigError::LoadCertificateAuthority(cause) => {
            data_words("certificate authority", cause)
        }
        KubeconfigError::LoadClientCertificate(cause) => data_words("client certificate", cause),
        KubeconfigError::LoadClientKey(cause) => data_words("client key", cause),
        KubeconfigError::ParseCertificates(_) => {
            "its certificate authority is not in PEM form".to_owned()
        }
        KubeconfigError::KindMismatch | KubeconfigError::ApiVersionMismatch => {
            "its files are of different kinds".to_owned()
        }
        KubeconfigError::CurrentContextNotSet
        | KubeconfigError::LoadContext(_)
        | KubeconfigError::LoadClusterOfContext(_)
        | KubeconfigError::FindPath => clean(&error.to_string()),
    }
}

fn data_words(what: &str, error: &LoadDataError) -> String {
    match error {
        LoadDataError::DecodeBase64(_) => format!("its {what} is not in Base64"),
        LoadDataError::ReadFile(cause, path) => clean(&format!(
            "unable to read its {what} {}: {cause}",
            path.display()
        )),
        LoadDataError::NoBase64DataOrFile => format!("its {what} is missing"),
    }
}

fn is_absent(error: &KubeconfigError) -> bool {
    match error {
        KubeconfigError::ReadConfig(cause, _) => cause.kind() == std::io::ErrorKind::NotFound,
        KubeconfigError::FindPath => true,
        _ => false,
    }
}

fn unknown(what: &'static str, name: &str, names: Vec<&str>) -> LiveError {
    LiveError::Unknown {
        what,
        name: clean(name),
        known: known(names),
    }
}

fn contexts(kubeconfig: &Kubeconfig) -> Vec<&str> {
    let names = kubeconfig.contexts.iter().map(|named| named.name.as_str());
    names.collect()
}

fn clusters(kubeconfig: &Kubeconfig) -> Vec<&str> {
    let names = kubeconfig.clusters.iter().map(|named| named.name.as_str());
    names.collect()
}

fn users(kubeconfig: &Kubeconfig) -> Vec<&str> {
    let names = kubeconfig
        .auth_infos
        .iter()
        .map(|named| named.name.as_str());
    names.collect()
}

/// Lists names to choose from.
fn known(mut names: Vec<&str>) -> String {
    const SHOWN: usize = 10;
    names.sort_unstable();
    match names.len() {
        0 => "there is none".to_owned(),
        1..=SHOWN => format!("known: {}", clean(&names.join(", "))),
        count => {
            let shown = clean(&names[..SHOWN].join(", "));
            format!("known: {shown} and {} more", count - SHOWN)
        }
    }
}

fn shown(path: &Path) -> String {
    clean(&path.display().to_string())
}

fn is_loopback(uri: &Uri) -> bool {
    let host = uri.host().unwrap_or_default();
    let literal = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || literal
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_told_from_others() {
        let cases = [
            ("https://127.0.0.1:6443", true),
            ("https://[::1]:6443", true),
            ("https://localhost", true),
            ("https://10.0.0.1", false),
            ("https://localhost.example", false),
        ];
        for (uri, loopback) in cases {
            assert_eq!(is_loopback(&Uri::from_static(uri)), loopback, "{uri}");
        }
    }
}
