//! The closed list of annotations that rules read. Others may hold anything, also copies of env values
//! (`kubectl.kubernetes.io/last-applied-configuration`), and are dropped while decoding.

use serde::Deserialize;
use serde_json::{Value, json};

/// Stands for a value of which only its presence counts.
pub const PRESENT: &str = "(present)";

/// What is kept of an annotation's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keep {
    /// All of it, up to a length.
    Whole,
    /// That it is there and not empty.
    Presence,
    /// Of a JSON document the revision.
    Revision,
    /// Of an action of a load balancer whether it redirects, and to which protocol.
    Action,
    /// Of the arguments of k3s, the one that switches network policies off.
    Arguments,
}

/// Sorted, to be searched quickly: every pod's annotations go through it.
const WHOLE: &[&str] = &[
    "alb.ingress.kubernetes.io/group.name",
    "alb.ingress.kubernetes.io/inbound-cidrs",
    "alb.ingress.kubernetes.io/listen-ports",
    "alb.ingress.kubernetes.io/mutual-authentication",
    "alb.ingress.kubernetes.io/scheme",
    "alb.ingress.kubernetes.io/security-group-prefix-lists",
    "alb.ingress.kubernetes.io/security-groups",
    "alb.ingress.kubernetes.io/ssl-redirect",
    "alb.ingress.kubernetes.io/target-type",
    "ambient.istio.io/bypass-inbound-capture",
    "ambient.istio.io/redirection",
    "appgw.ingress.kubernetes.io/ssl-redirect",
    "appgw.ingress.kubernetes.io/use-private-ip",
    "config.linkerd.io/admin-port",
    "config.linkerd.io/control-port",
    "config.linkerd.io/default-inbound-policy",
    "config.linkerd.io/inbound-port",
    "config.linkerd.io/proxy-require-identity-inbound-ports",
    "config.linkerd.io/skip-inbound-ports",
    "config.linkerd.io/skip-outbound-ports",
    "config.linkerd.io/skip-subnets",
    "haproxy-ingress.github.io/service-upstream",
    "haproxy-ingress.github.io/ssl-redirect",
    "haproxy.com/allow-list",
    "haproxy.com/ssl-redirect",
    "haproxy.com/whitelist",
    "haproxy.org/allow-list",
    "haproxy.org/src-ip-header",
    "haproxy.org/ssl-redirect",
    "haproxy.org/whitelist",
    "haproxy.router.openshift.io/ip_allowlist",
    "haproxy.router.openshift.io/ip_whitelist",
    "ingress.cilium.io/force-https",
    "ingress.kubernetes.io/service-upstream",
    "ingress.kubernetes.io/ssl-redirect",
    "ingressclass.kubernetes.io/is-default-class",
    "istio.io/rev",
    "k8s.v1.cni.cncf.io/networks",
    "konghq.com/protocols",
    "kubernetes.io/config.mirror",
    "kubernetes.io/ingress.allow-http",
    "kubernetes.io/ingress.class",
    "linkerd.io/inject",
    "networking.gke.io/v1beta1.FrontendConfig",
    "nginx.ingress.kubernetes.io/allowlist-source-range",
    "nginx.ingress.kubernetes.io/auth-tls-verify-client",
    "nginx.ingress.kubernetes.io/auth-type",
    "nginx.ingress.kubernetes.io/backend-protocol",
    "nginx.ingress.kubernetes.io/force-ssl-redirect",
    "nginx.ingress.kubernetes.io/satisfy",
    "nginx.ingress.kubernetes.io/service-upstream",
    "nginx.ingress.kubernetes.io/ssl-passthrough",
    "nginx.ingress.kubernetes.io/ssl-redirect",
    "nginx.ingress.kubernetes.io/upstream-vhost",
    "nginx.ingress.kubernetes.io/whitelist-source-range",
    "nginx.org/policies",
    "nginx.org/redirect-to-https",
    "nginx.org/ssl-redirect",
    "nginx.org/use-cluster-ip",
    "service.beta.kubernetes.io/aws-load-balancer-ssl-ports",
    "service.beta.kubernetes.io/load-balancer-source-ranges",
    "sidecar.istio.io/inject",
    "sidecar.istio.io/interceptionMode",
    "status.sidecar.istio.io/port",
    "traefik.ingress.kubernetes.io/router.entrypoints",
    "traefik.ingress.kubernetes.io/router.middlewares",
    "traefik.ingress.kubernetes.io/router.tls",
    "traefik.ingress.kubernetes.io/router.tls.options",
    "traefik.ingress.kubernetes.io/service.nativelb",
    "traffic.sidecar.istio.io/excludeInboundPorts",
    "traffic.sidecar.istio.io/excludeInterfaces",
    "traffic.sidecar.istio.io/excludeOutboundIPRanges",
    "traffic.sidecar.istio.io/excludeOutboundPorts",
    "traffic.sidecar.istio.io/includeInboundPorts",
    "traffic.sidecar.istio.io/includeOutboundIPRanges",
    "traffic.sidecar.istio.io/includeOutboundPorts",
];

/// Annotations whose value may name an account, a secret or an address, and of which only the presence counts.
const PRESENCE: &[&str] = &[
    "alb.ingress.kubernetes.io/certificate-arn",
    "appgw.ingress.kubernetes.io/appgw-ssl-certificate",
    "appgw.ingress.kubernetes.io/appgw-ssl-profile",
    "appgw.ingress.kubernetes.io/waf-policy-for-path",
    "azure.workload.identity/client-id",
    "eks.amazonaws.com/role-arn",
    "iam.gke.io/gcp-service-account",
    "ingress.gcp.kubernetes.io/pre-shared-cert",
    "networking.gke.io/managed-certificates",
    "nginx.ingress.kubernetes.io/auth-tls-secret",
    "nginx.ingress.kubernetes.io/auth-url",
    "service.beta.kubernetes.io/aws-load-balancer-ssl-cert",
    "traefik.ingress.kubernetes.io/router.tls.certresolver",
];

const STATUS: &str = "sidecar.istio.io/status";
/// Annotation in which k3s notes its arguments on its nodes.
pub const K3S_ARGUMENTS: &str = "k3s.io/node-args";
/// Flag of k3s that switches its network policy controller off.
pub const NO_NETWORK_POLICY: &str = "--disable-network-policy";
/// Actions of a load balancer, by the name that a path gives as its Service.
pub const ACTION_PREFIX: &str = "alb.ingress.kubernetes.io/actions.";
/// Conditions that requests must meet for an action, by the same name.
pub const CONDITION_PREFIX: &str = "alb.ingress.kubernetes.io/conditions.";
/// Names for which a router of Traefik asks for certificates.
const DOMAINS_PREFIX: &str = "traefik.ingress.kubernetes.io/router.tls.domains.";
/// Domains whose annotations may hold pieces of a proxy's configuration.
const SNIPPETS: &[&str] = &["nginx.ingress.kubernetes.io/", "nginx.org/", "haproxy.org/"];

/// A value is cut to this many bytes; none that a rule reads is longer.
const BYTES: usize = 4096;

/// What to keep of the annotation with this key, if anything.
pub(super) fn keep(key: &str) -> Option<Keep> {
    if WHOLE.binary_search(&key).is_ok() {
        Some(Keep::Whole)
    } else if key == K3S_ARGUMENTS {
        Some(Keep::Arguments)
    } else if key == STATUS {
        Some(Keep::Revision)
    } else if PRESENCE.contains(&key)
        || [CONDITION_PREFIX, DOMAINS_PREFIX]
            .iter()
            .any(|prefix| key.starts_with(prefix))
        || is_snippet(key)
    {
        Some(Keep::Presence)
    } else if key.starts_with(ACTION_PREFIX) {
        Some(Keep::Action)
    } else {
        None
    }
}

/// Whether an annotation holds a piece of a proxy's configuration.
pub fn is_snippet(key: &str) -> bool {
    (key.ends_with("-snippet") || key.ends_with("-snippets"))
        && SNIPPETS.iter().any(|domain| key.starts_with(domain))
}

impl Keep {
    pub(super) fn of(self, value: &str) -> String {
        match self {
            Self::Whole => bounded(value),
            Self::Presence if value.trim().is_empty() => String::new(),
            Self::Presence => PRESENT.to_owned(),
            Self::Revision => revision(value),
            Self::Action => action(value),
            Self::Arguments => policy_flag(value),
        }
    }
}

fn bounded(value: &str) -> String {
    let mut end = value.len().min(BYTES);
    while !value.is_char_boundary(end) {
        end -= 1;
    }
    value[..end].to_owned()
}

/// Only the flag that switches network policies off, with its value.
fn policy_flag(value: &str) -> String {
    let arguments: Vec<String> = serde_json::from_str(value).unwrap_or_default();
    let mut kept: Vec<String> = Vec::new();
    let mut rest = arguments.iter().peekable();
    while let Some(argument) = rest.next() {
        let (flag, inline) = match argument.split_once('=') {
            Some((flag, value)) => (flag, Some(value)),
            None => (argument.as_str(), None),
        };
        if flag == NO_NETWORK_POLICY {
            let next = || rest.peek().map(|next| next.as_str());
            let value = match inline.or_else(next) {
                // As Go reads it.
                Some("0" | "f" | "F" | "false" | "False" | "FALSE") => "false",
                _ => "true",
            };
            kept = vec![NO_NETWORK_POLICY.to_owned(), value.to_owned()];
        }
    }
    json!(kept).to_string()
}

fn revision(value: &str) -> String {
    #[derive(Deserialize)]
    struct Status {
        revision: Option<String>,
    }
    match serde_json::from_str::<Status>(value) {
        Ok(Status {
            revision: Some(revision),
        }) => json!({ "revision": revision }).to_string(),
        _ => bounded(value),
    }
}

/// The controller reads keys in either case.
fn action(value: &str) -> String {
    let document: Value = serde_json::from_str(value).unwrap_or_default();
    let field = |object: &Value, name: &str| {
        let fields = object.as_object()?;
        let found = fields
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.clone())
    };
    let redirect = field(&document, "redirectConfig").unwrap_or_default();
    let text = |value: Option<Value>| {
        let value = value.unwrap_or_default();
        bounded(value.as_str().unwrap_or_default())
    };
    json!({
        "type": text(field(&document, "type")),
        "redirectConfig": {"protocol": text(field(&redirect, "protocol"))},
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_can_be_searched() {
        assert!(WHOLE.is_sorted());
    }

    #[test]
    fn of_some_annotations_only_a_part_is_kept() {
        let kept = |key: &str, value: &str| keep(key).map(|keep| keep.of(value));
        let action = r#"{"Type":"redirect","RedirectConfig":{"Protocol":"HTTPS","Host":"canary"}}"#;
        let reduced = r#"{"redirectConfig":{"protocol":"HTTPS"},"type":"redirect"}"#;
        let key = "alb.ingress.kubernetes.io/actions.ssl";
        assert_eq!(kept(key, action).as_deref(), Some(reduced));
        assert_eq!(
            kept(key, reduced).as_deref(),
            Some(reduced),
            "as in evidence"
        );
        let snippet = "nginx.ingress.kubernetes.io/configuration-snippet";
        assert_eq!(kept(snippet, "canary").as_deref(), Some(PRESENT));
        assert_eq!(kept(snippet, PRESENT).as_deref(), Some(PRESENT));
        let condition = "alb.ingress.kubernetes.io/conditions.ssl";
        assert_eq!(kept(condition, "[canary]").as_deref(), Some(PRESENT));
        assert_eq!(kept("example.com/canary", "canary"), None);
    }
}
