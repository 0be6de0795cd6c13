//! User namespaces: whether `hostUsers: false` is in force where a pod runs.
//!
//! A kubelet before 1.30 ignores the field without a word, a later one refuses to start the pod where it can't be met
//! (KEP-127, version skew). So a running pod has its own user namespace when its kubelet is new enough, as long as
//! nothing that the node reports speaks against it.

use std::collections::HashMap;

use super::grouping::kubelet_minor;
use crate::kind::Kind;
use crate::projection::Projection;
use crate::projection::cluster::{Node, RuntimeHandler};
use crate::snapshot::Snapshot;

/// The first kubelet minor version that refuses what it can't do.
const KUBELET_SINCE: u32 = 30;
/// The first kernel whose file systems can all be mapped into a user namespace, by the documentation of Kubernetes.
const KERNEL_SINCE: (u32, u32) = (6, 3);
/// The first kernel with any file system that can; before it a runtime's word counts for nothing.
const KERNEL_EVER: (u32, u32) = (5, 12);

/// In whose user namespace the containers of a pod run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UserNamespace {
    /// In the node's.
    Host,
    /// In one of the pod's own.
    Own,
    /// The pod asks for its own, and it is not known whether it has one.
    Doubtful(Doubt),
}

/// Why it is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Doubt {
    /// No kubelet has started the pod yet.
    NotStarted,
    /// The object of its node was not read.
    NodeUnread,
    /// Its kubelet may ignore the field, or does not say its version.
    Kubelet,
    /// The kernel of its node is too old, or not known.
    Kernel,
    /// The RuntimeClass of the pod is not there.
    NoRuntimeClass,
    /// The node does not report that the handler of its runtime can do it.
    Handler,
}

impl UserNamespace {
    /// Of a pod that asks for its own and has been started on `node`; `handler` is that of its RuntimeClass, empty for
    /// the default one, `None` when the class is not there.
    pub(super) fn on(node: &Node, handler: Option<&str>) -> Self {
        let info = &node.status.node_info;
        if kubelet_minor(&info.kubelet_version).is_none_or(|minor| minor < KUBELET_SINCE) {
            return Self::Doubtful(Doubt::Kubelet);
        }
        let Some(handler) = handler else {
            return Self::Doubtful(Doubt::NoRuntimeClass);
        };
        let supported = match supported(&node.status.runtime_handlers, handler) {
            Ok(supported) => supported,
            Err(doubt) => return Self::Doubtful(doubt),
        };
        match kernel(&info.kernel_version) {
            Some(kernel) if kernel >= KERNEL_SINCE => Self::Own,
            Some(kernel) if kernel >= KERNEL_EVER && supported => Self::Own,
            None if supported => Self::Own,
            Some(_) | None => Self::Doubtful(Doubt::Kernel),
        }
    }
}

/// The handler of each RuntimeClass.
pub(super) fn handlers(snapshot: &Snapshot) -> HashMap<&str, &str> {
    let classes = snapshot.of_kind(Kind::RuntimeClass);
    classes
        .filter_map(|(_, object)| match object.projection.as_ref() {
            Projection::RuntimeClass(class) => Some((object.name(), class.handler.as_str())),
            _ => None,
        })
        .collect()
}

/// Whether the node reports that the handler supports user namespaces. Nodes that report no handlers at all say
/// nothing either way.
fn supported(handlers: &[RuntimeHandler], handler: &str) -> Result<bool, Doubt> {
    if handlers.is_empty() {
        return Ok(false);
    }
    let found = handlers.iter().find(|known| known.name == handler);
    let features = found.ok_or(Doubt::Handler)?.features.as_ref();
    match features.and_then(|features| features.user_namespaces) {
        Some(true) => Ok(true),
        Some(false) => Err(Doubt::Handler),
        None => Ok(false),
    }
}

/// Major and minor version in `6.12.0-55.el10.x86_64` and the like.
fn kernel(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.split(|letter: char| !letter.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn on(kubelet: &str, kernel: &str, handlers: &Value, handler: Option<&str>) -> UserNamespace {
        let info = json!({"kubeletVersion": kubelet, "kernelVersion": kernel});
        let node = json!({"status": {"nodeInfo": info, "runtimeHandlers": handlers}});
        UserNamespace::on(&serde_json::from_value(node).unwrap(), handler)
    }

    fn doubtful(doubt: Doubt) -> UserNamespace {
        UserNamespace::Doubtful(doubt)
    }

    #[test]
    fn versions_decide() {
        let new = UserNamespace::Own;
        let (kubelet, kernel) = (doubtful(Doubt::Kubelet), doubtful(Doubt::Kernel));
        let table = [
            ("v1.36.0", "6.12.0", new, "new enough"),
            ("v1.30.0", "6.3.0", new, "just new enough"),
            ("v1.29.9", "6.12.0", kubelet, "may ignore it"),
            ("", "6.12.0", kubelet, "no version of the kubelet"),
            ("v1.36.0", "6.2.9", kernel, "too old"),
            ("v1.36.0", "", kernel, "no version of the kernel"),
        ];
        for (kubelet, kernel, expected, why) in table {
            let found = on(kubelet, kernel, &json!([]), Some(""));
            assert_eq!(found, expected, "{why}");
        }
    }

    #[test]
    fn what_the_runtime_reports_decides() {
        let own = UserNamespace::Own;
        let (kernel, handler) = (doubtful(Doubt::Kernel), doubtful(Doubt::Handler));
        let yes = json!([{"name": "", "features": {"userNamespaces": true}}]);
        let no = json!([{"name": "", "features": {"userNamespaces": false}}]);
        let silent = json!([{"name": ""}]);
        let table = [
            ("5.14.0-570.el9", &yes, Some(""), own, "backported"),
            (
                "4.18.0-553.el8",
                &yes,
                Some(""),
                kernel,
                "nothing to backport",
            ),
            ("odd", &yes, Some(""), own, "the runtime says so"),
            ("5.12.0", &yes, Some(""), own, "the first to backport to"),
            ("5.11.9", &yes, Some(""), kernel, "the last with nothing"),
            ("odd", &silent, Some(""), kernel, "neither says anything"),
            (
                "6.12.0",
                &json!([]),
                Some("kata"),
                own,
                "no handlers at all",
            ),
            ("6.12.0", &no, Some(""), handler, "the runtime says no"),
            ("6.12.0", &silent, Some(""), own, "the runtime says nothing"),
            ("5.14.0", &silent, Some(""), kernel, "nothing said, too old"),
            ("6.12.0", &yes, Some("kata"), handler, "another handler"),
            (
                "6.12.0",
                &yes,
                None,
                doubtful(Doubt::NoRuntimeClass),
                "no class",
            ),
        ];
        for (kernel, handlers, handler, expected, why) in table {
            assert_eq!(on("v1.36.0", kernel, handlers, handler), expected, "{why}");
        }
    }
}
