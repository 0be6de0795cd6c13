//! Linux capabilities: what a container asks for beside what its runtime gives it.

use std::collections::BTreeSet;

use super::mendix::image_name;
use super::pods::{Container, ContainerClass, PodGroup};
use crate::projection::facts::{PROXY_ROLE, UNRECOGNISED};
use crate::projection::pod;

/// The one capability that the Pod Security Standard *restricted* lets a container add.
const HARMLESS: &str = "NET_BIND_SERVICE";

/// Capabilities that reach beyond the container: other processes, the kernel, devices, or the network of the pod.
const FAR_REACHING: &[&str] = &[
    "ALL",
    "BPF",
    "CHECKPOINT_RESTORE",
    "DAC_READ_SEARCH",
    "MAC_ADMIN",
    "MAC_OVERRIDE",
    "NET_ADMIN",
    "NET_RAW",
    "PERFMON",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_MODULE",
    "SYS_PTRACE",
    "SYS_RAWIO",
    "SYS_TIME",
    "SYSLOG",
];

/// What the init container of a mesh needs to redirect the traffic of its pod.
const REDIRECTING: &[&str] = &["NET_ADMIN", "NET_RAW"];

/// Init containers that redirect traffic into a proxy: the container, its image, and the proxy beside it.
const REDIRECT_INIT: &[(&str, &str, &str)] = &[
    ("istio-init", "proxyv2", "istio-proxy"),
    ("linkerd-init", "proxy-init", "linkerd-proxy"),
];

/// The longest name that is a capability's.
const LONGEST_NAME: usize = 24;
/// How many names a message lists.
const LISTED: usize = 8;

/// The capabilities that a container declares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// Whether it drops `ALL`, in the only spelling that the Pod Security Standards know.
    pub drops_all: bool,
    /// What it adds, in upper case and without `CAP_`, as runtimes read it; those that reach far first.
    pub added: Vec<String>,
}

impl Capabilities {
    /// Reads what a container declares.
    pub fn of(container: &pod::Container) -> Self {
        let context = container.security_context.as_ref();
        let Some(declared) = context.and_then(|context| context.capabilities.as_ref()) else {
            return Self::default();
        };
        let added: BTreeSet<String> = declared.add.iter().map(|name| canonical(name)).collect();
        let (far, near) = added.into_iter().partition(|name| is_far_reaching(name));
        let in_order: [Vec<String>; 2] = [far, near];
        Self {
            drops_all: declared.drop.iter().any(|name| name == "ALL"),
            added: in_order.concat(),
        }
    }

    /// What it adds that is not harmless.
    pub fn beyond(&self) -> Vec<&str> {
        let added = self.added.iter().map(String::as_str);
        added.filter(|name| *name != HARMLESS).collect()
    }

    /// Whether it adds what lets a process raise its privileges whatever `allowPrivilegeEscalation` says.
    pub fn forces_escalation(&self) -> Option<&str> {
        let mut added = self.added.iter().map(String::as_str);
        added.find(|name| ["ALL", "SYS_ADMIN"].contains(name))
    }
}

/// Whether a capability, by its canonical name, reaches beyond the container.
pub fn is_far_reaching(name: &str) -> bool {
    FAR_REACHING.contains(&name)
}

/// Whether flags of a mesh were read.
fn has_flags(container: &pod::Container) -> bool {
    let mut values = container.args.0.values();
    values.any(|value| value != UNRECOGNISED)
}

/// Runtimes take names in any case, and some with `CAP_` in front.
fn canonical(name: &str) -> String {
    let upper = name.trim().to_uppercase();
    upper.strip_prefix("CAP_").unwrap_or(&upper).to_owned()
}

/// Names for a message: whoever writes a pod may write any number of any length.
pub fn listed(names: &[&str]) -> String {
    let mut words: Vec<String> = names
        .iter()
        .take(LISTED)
        .map(|name| name.chars().take(LONGEST_NAME).collect())
        .collect();
    if names.len() > LISTED {
        words.push(format!("{} more", names.len() - LISTED));
    }
    words.join(", ")
}

impl PodGroup<'_> {
    /// Whether a container is a mesh's own init container that redirects the traffic of the pod, and asks for no more
    /// than it needs to. A name alone is anybody's to choose: it must be started as one, from an image of the mesh, and
    /// in a pod that has the proxy.
    pub fn is_redirect_init(&self, container: &Container<'_>) -> bool {
        let context = container.spec.security_context.as_ref();
        let privileged = context.and_then(|context| context.privileged) == Some(true);
        let asked = Capabilities::of(container.spec);
        let only_redirects = asked.beyond().iter().all(|name| REDIRECTING.contains(name));
        container.class == ContainerClass::Init
            && !privileged
            && only_redirects
            && self.redirecting_mesh(container).is_some()
    }

    /// Name of the proxy that an init container redirects to.
    fn redirecting_mesh(&self, container: &Container<'_>) -> Option<&'static str> {
        let (name, image, proxy) = REDIRECT_INIT
            .iter()
            .find(|(name, ..)| *name == container.spec.name)?;
        let beside = self
            .lasting_containers()
            .find(|lasting| lasting.spec.name == *proxy)?;
        // A registry may rename images; then the proxy, which comes with it, bears the same name.
        let same = container.spec.image.is_some() && container.spec.image == beside.spec.image;
        let of_mesh = same || image_name(container.spec) == *image;
        // Istio's is told from others by its flags and by the role of the proxy.
        let is_istio = *name == "istio-init";
        let started = !is_istio
            || has_flags(container.spec) && beside.spec.args.value(PROXY_ROLE) == Some("sidecar");
        (of_mesh && started).then_some(proxy)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn declared(capabilities: &Value) -> Capabilities {
        let container = json!({"name": "a", "securityContext": {"capabilities": capabilities}});
        Capabilities::of(&serde_json::from_value(container).unwrap())
    }

    #[test]
    fn names_count_in_any_case_and_with_their_prefix() {
        let table = [
            (json!({}), false, vec![], "nothing declared"),
            (json!({"add": null, "drop": null}), false, vec![], "nulls"),
            (json!({"drop": ["ALL"]}), true, vec![], "all dropped"),
            (
                json!({"drop": ["all"]}),
                false,
                vec![],
                "not what the standards ask for",
            ),
            (json!({"drop": ["CAP_ALL"]}), false, vec![], "nor this"),
            (
                json!({"drop": ["NET_RAW", "ALL"]}),
                true,
                vec![],
                "among others",
            ),
            (
                json!({"add": ["net_bind_service"]}),
                false,
                vec![],
                "harmless",
            ),
            (
                json!({"add": ["CAP_NET_BIND_SERVICE"]}),
                false,
                vec![],
                "harmless with prefix",
            ),
            (
                json!({"add": ["cap_sys_ptrace", "SYS_PTRACE"]}),
                false,
                vec!["SYS_PTRACE"],
                "one",
            ),
            (
                json!({"add": ["CHOWN", "SYS_ADMIN"]}),
                false,
                vec!["SYS_ADMIN", "CHOWN"],
                "far first",
            ),
            (
                json!({"add": [""]}),
                false,
                vec![""],
                "an empty name is not harmless",
            ),
        ];
        for (capabilities, drops_all, beyond, why) in table {
            let found = declared(&capabilities);
            assert_eq!(found.drops_all, drops_all, "{why}");
            assert_eq!(found.beyond(), beyond, "{why}");
        }
    }

    #[test]
    fn some_force_escalation() {
        let table = [
            (json!({"add": ["CAP_SYS_ADMIN"]}), Some("SYS_ADMIN")),
            (json!({"add": ["all"]}), Some("ALL")),
            (json!({"add": ["SYS_PTRACE"]}), None),
            (json!({"drop": ["SYS_ADMIN"]}), None),
        ];
        for (capabilities, expected) in table {
            let found = declared(&capabilities);
            assert_eq!(found.forces_escalation(), expected, "{capabilities}");
        }
    }

    #[test]
    fn messages_stay_short_whatever_is_declared() {
        let long = "X".repeat(1000);
        let names = vec![long.as_str(); 1000];
        assert!(listed(&names).len() < 300);
        assert!(listed(&names).ends_with("992 more"));
    }

    #[test]
    fn messages_name_all_of_a_few() {
        let names = ["A", "B", "C", "D", "E", "F", "G", "H", "I"];
        assert_eq!(listed(&names[..8]), "A, B, C, D, E, F, G, H");
        assert_eq!(listed(&names), "A, B, C, D, E, F, G, H, 1 more");
        assert_eq!(listed(&["CHECKPOINT_RESTORE"]), "CHECKPOINT_RESTORE");
    }

    #[test]
    fn istios_init_container_is_told_by_its_flags_and_its_proxy() {
        use crate::testing::mesh::Pod;

        let is_istios = |flags: &str, role: &str| {
            let pod = Pod::web()
                .init(&format!(
                    "{{name: istio-init, image: istio/proxyv2, args: [{flags}]}}"
                ))
                .container(&format!("{{name: istio-proxy, args: [proxy, {role}]}}"));
            let snapshot = crate::testing::snapshot(&pod.to_string());
            let model = crate::testing::model(&snapshot);
            let pod = &model.pods[0];
            let mut containers = pod.all_containers();
            let init = containers.find(|container| container.spec.name == "istio-init");
            pod.is_redirect_init(&init.unwrap())
        };
        let flags = "istio-iptables, -m, REDIRECT, -b, '*'";
        assert!(is_istios(flags, "sidecar"));
        assert!(!is_istios("", "sidecar"), "no flags");
        assert!(!is_istios(flags, "router"), "another proxy");
    }
}
