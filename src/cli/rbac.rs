//! `rbac`: the roles that a scan with the selected rules needs, and no more.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::bail;
use clap::Args;

use super::Surroundings;
use super::args::{ConnectionArgs, SelectionArgs, Terminal};
use super::source;
use crate::assess;
use crate::kind::Kind;
use crate::model::mesh::control_plane::config_map_name;
use crate::model::{Model, ScopeRequest};
use crate::projection::istio::PLUGIN_CONFIG_MAPS;
use crate::projection::linkerd::{CNI_CONFIG_MAP, CONFIG_MAP};

/// Arguments of `rbac`.
#[derive(Debug, Args)]
pub(super) struct Rbac {
    #[command(flatten)]
    selection: SelectionArgs,
    /// Name of the roles
    #[arg(long, default_value = "sc39", value_name = "NAME", value_parser = dns_name)]
    name: String,
    /// Namespace of an Istio control plane, repeatable
    #[arg(long, value_name = "NAMESPACE", default_value = "istio-system", value_parser = dns_name)]
    mesh_namespace: Vec<String>,
    /// Revision of an Istio control plane other than the default one, repeatable
    #[arg(long, value_name = "REVISION", value_parser = dns_name)]
    mesh_revision: Vec<String>,
    /// Namespace of a Linkerd control plane, repeatable
    #[arg(long, value_name = "NAMESPACE", value_parser = dns_name)]
    linkerd_namespace: Vec<String>,
    /// Namespace of Linkerd's CNI plugin, repeatable
    #[arg(long, value_name = "NAMESPACE", value_parser = dns_name)]
    linkerd_cni_namespace: Vec<String>,
    /// Read namespaces and revisions of control planes from the cluster
    #[arg(long, conflicts_with_all = ["mesh_namespace", "mesh_revision", "linkerd_namespace", "linkerd_cni_namespace"])]
    from_cluster: bool,
    /// Also bind the roles to this service account
    #[arg(long, value_name = "NAMESPACE:NAME")]
    service_account: Option<String>,
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// Names go into YAML as they are, so only what Kubernetes allows in names may pass.
fn dns_name(text: &str) -> Result<String, String> {
    let allowed =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte);
    if text.is_empty() || text.len() > 253 || !text.bytes().all(allowed) {
        return Err("expected lower-case letters, digits, '-' and '.'".to_owned());
    }
    Ok(text.to_owned())
}

impl Rbac {
    pub(super) async fn run(
        self,
        surroundings: &Surroundings,
        terminal: &Terminal,
    ) -> anyhow::Result<ExitCode> {
        let catalog = self.selection.catalog()?;
        let kinds = assess::kinds_read(&self.selection.rules(&catalog)?);
        let account = self.service_account.as_deref().map(account).transpose()?;
        let mut config_maps = if kinds.contains(&Kind::ConfigMap) {
            self.config_maps(surroundings, terminal).await?
        } else {
            BTreeMap::new()
        };
        if kinds.contains(&Kind::PolicyEndpoint) {
            // The network plugins that have settings run there.
            let of_plugins = config_maps.entry("kube-system".to_owned()).or_default();
            of_plugins.extend(PLUGIN_CONFIG_MAPS.map(str::to_owned));
        }
        super::print(roles(&self.name, &kinds, &config_maps, account)?.as_bytes())
    }

    /// Names of the mesh ConfigMaps by namespace.
    async fn config_maps(
        &self,
        surroundings: &Surroundings,
        terminal: &Terminal,
    ) -> anyhow::Result<BTreeMap<String, BTreeSet<String>>> {
        if !self.from_cluster {
            let revisions = self
                .mesh_revision
                .iter()
                .map(|revision| format!("istio-{revision}"));
            let names: BTreeSet<String> = revisions.chain(["istio".to_owned()]).collect();
            let mut config_maps: BTreeMap<String, BTreeSet<String>> = self
                .mesh_namespace
                .iter()
                .map(|namespace| (namespace.clone(), names.clone()))
                .collect();
            let linkerd = [
                (&self.linkerd_namespace, CONFIG_MAP),
                (&self.linkerd_cni_namespace, CNI_CONFIG_MAP),
            ];
            for (namespaces, name) in linkerd {
                for namespace in namespaces {
                    let names = config_maps.entry(namespace.clone()).or_default();
                    names.insert(name.to_owned());
                }
            }
            return Ok(config_maps);
        }
        let kinds = vec![Kind::Namespace, Kind::Pod];
        let snapshot = source::live(&self.connection, &[], kinds, surroundings, terminal).await?;
        let model = Model::new(
            &snapshot,
            &ScopeRequest {
                all: true,
                ..ScopeRequest::default()
            },
        );
        if let Some(missing) = model.gaps.anywhere(Kind::Pod) {
            bail!(
                "pods could not be read ({missing:?}), so control planes are not known; name them with --mesh-namespace"
            );
        }
        let mut config_maps: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for control_plane in &model.mesh.control_planes {
            let names = config_maps
                .entry(control_plane.namespace.to_owned())
                .or_default();
            names.insert("istio".to_owned());
            names.insert(config_map_name(&control_plane.revision));
        }
        for (namespace, name) in model.mesh.linkerd_policies.config_maps() {
            let names = config_maps.entry(namespace.to_owned()).or_default();
            names.insert(name.to_owned());
        }
        Ok(config_maps)
    }
}

fn account(text: &str) -> anyhow::Result<(String, String)> {
    match text.split_once(':') {
        Some((namespace, name)) => Ok((
            dns_name(namespace).map_err(anyhow::Error::msg)?,
            dns_name(name).map_err(anyhow::Error::msg)?,
        )),
        None => bail!("expected NAMESPACE:NAME after --service-account"),
    }
}

/// The YAML: one ClusterRole, and a Role wherever ConfigMaps are read by name.
fn roles(
    name: &str,
    kinds: &BTreeSet<Kind>,
    config_maps: &BTreeMap<String, BTreeSet<String>>,
    account: Option<(String, String)>,
) -> Result<String, std::fmt::Error> {
    let mut by_group: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for kind in kinds.iter().filter(|kind| !kind.by_name_only()) {
        let api = kind.api();
        for group in kind.groups() {
            by_group.entry(group).or_default().push(api.plural);
        }
    }
    let mut text = header("ClusterRole", name, None)?;
    writeln!(text, "rules:")?;
    for (group, resources) in by_group {
        writeln!(text, "  - apiGroups: [\"{group}\"]")?;
        writeln!(text, "    resources: [{}]", resources.join(", "))?;
        writeln!(text, "    verbs: [list]")?;
    }
    for (namespace, names) in config_maps {
        text += "---\n";
        text += &header("Role", name, Some(namespace))?;
        writeln!(
            text,
            "rules:\n  - apiGroups: [\"\"]\n    resources: [configmaps]"
        )?;
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        writeln!(
            text,
            "    resourceNames: [{}]\n    verbs: [get]",
            names.join(", ")
        )?;
    }
    if let Some(account) = account {
        text += &binding("ClusterRole", name, None, &account)?;
        for namespace in config_maps.keys() {
            text += &binding("Role", name, Some(namespace), &account)?;
        }
    }
    Ok(text)
}

fn header(kind: &str, name: &str, namespace: Option<&str>) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    writeln!(
        text,
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: {kind}\nmetadata:\n  name: {name}"
    )?;
    if let Some(namespace) = namespace {
        writeln!(text, "  namespace: {namespace}")?;
    }
    Ok(text)
}

fn binding(
    role: &str,
    name: &str,
    namespace: Option<&str>,
    (account_namespace, account): &(String, String),
) -> Result<String, std::fmt::Error> {
    let mut text = "---\n".to_owned();
    text += &header(&format!("{role}Binding"), name, namespace)?;
    writeln!(
        text,
        "roleRef:\n  apiGroup: rbac.authorization.k8s.io\n  kind: {role}\n  name: {name}"
    )?;
    writeln!(
        text,
        "subjects:\n  - kind: ServiceAccount\n    name: {account}\n    namespace: {account_namespace}"
    )?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_in_no_role_and_config_maps_only_by_name() {
        let kinds: BTreeSet<Kind> = Kind::ALL.iter().copied().collect();
        let maps = BTreeMap::from([(
            "istio-system".to_owned(),
            BTreeSet::from(["istio".to_owned()]),
        )]);
        let account = Some(("audit".to_owned(), "sc39".to_owned()));
        let text = roles("sc39", &kinds, &maps, account).unwrap();
        assert!(!text.contains("secrets"));
        assert_eq!(text.matches("configmaps").count(), 1);
        assert!(text.contains("resourceNames: [istio]\n    verbs: [get]"));
        assert_eq!(text.matches("kind: ServiceAccount").count(), 2);
    }
}
