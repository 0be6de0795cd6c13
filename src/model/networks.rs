//! Further networks of pods (Multus), which neither policies nor meshes cover.

use serde::Deserialize;

use super::pods::PodGroup;

/// Annotation that gives a pod further networks.
pub(super) const NETWORKS: &str = "k8s.v1.cni.cncf.io/networks";
/// Network through which Istio's own CNI plugin is called where plugins are not chained: it adds no interface.
const ISTIO_NETWORK: &str = "istio-cni";

impl PodGroup<'_> {
    /// Whether the pod has a network besides that of the cluster, or may have one.
    pub(super) fn has_second_network(&self) -> bool {
        let Some(text) = self.annotation(NETWORKS) else {
            return false;
        };
        let names = names(text.trim());
        names.is_none_or(|names| !names.iter().all(|name| is_istio_network(name)))
    }
}

/// The networks that the annotation names, in either of its forms; `None` where it does not read.
fn names(text: &str) -> Option<Vec<String>> {
    #[derive(Deserialize)]
    struct Network {
        name: String,
    }
    if text.starts_with('[') {
        let networks: Vec<Network> = serde_json::from_str(text).ok()?;
        return Some(networks.into_iter().map(|network| network.name).collect());
    }
    Some(text.split(',').map(str::to_owned).collect())
}

/// `namespace/name@interface`, the namespace and the interface optional. OpenShift Service Mesh puts its version before
/// the name: `v2-6-istio-cni`.
fn is_istio_network(network: &str) -> bool {
    let network = network.trim();
    let name = network.rsplit('/').next().unwrap_or_default();
    let name = name.split('@').next().unwrap_or_default();
    if name.is_empty() || name == ISTIO_NETWORK {
        return true;
    }
    let version = name
        .strip_suffix(ISTIO_NETWORK)
        .and_then(|rest| rest.strip_suffix('-')?.strip_prefix('v'));
    version.is_some_and(|version| {
        let mut numbers = version.split('-');
        numbers.all(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn istios_own_network_is_none() {
        let table = [
            ("", true),
            ("[]", true),
            ("istio-cni", true),
            ("default/istio-cni@net1, istio-cni", true),
            (r#"[{"name": "istio-cni"}]"#, true),
            ("v2-6-istio-cni", true),
            ("v-istio-cni", false),
            ("my-istio-cni", false),
            ("storage", false),
            ("istio-cni,storage", false),
            (r#"[{"name": "storage"}]"#, false),
            ("[{", false),
        ];
        for (text, expected) in table {
            let harmless =
                names(text).is_some_and(|names| names.iter().all(|name| is_istio_network(name)));
            assert_eq!(harmless, expected, "{text}");
        }
    }
}
