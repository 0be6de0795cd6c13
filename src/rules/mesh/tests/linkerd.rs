//! What Linkerd's policies come to, port by port.

mod authorizations;
mod defaults;
mod past_the_proxy;
mod rows;
mod servers;

use super::super::{mesh_enrolment, workload_strict_mtls};
use super::*;
use crate::testing::mesh::{Pod, namespace, object, second};

const PROXY: &str = "{name: linkerd-proxy, restartPolicy: Always}";
const DEFAULT: &str = "config.linkerd.io/default-inbound-policy";
const SKIPPED: &str = "config.linkerd.io/skip-inbound-ports";
const IDENTITY: &str = "config.linkerd.io/proxy-require-identity-inbound-ports";

/// `shop/web` with Linkerd's proxy and these flags of `linkerd-init`.
fn with_flags(flags: &str) -> Pod {
    Pod::web()
        .init(&format!("{{name: linkerd-init, args: [{flags}]}}"))
        .init(PROXY)
}

/// The same with the usual flags.
fn meshed() -> Pod {
    with_flags("--inbound-ports-to-ignore, '4190,4191,4567,4568'")
}

/// The same under a default policy by annotation.
fn under(policy: &str) -> Pod {
    meshed().annotation(DEFAULT, policy)
}

/// The same with a default policy in the environment of the proxy.
fn told(policy: &str) -> Pod {
    let variable = format!("{{name: LINKERD2_PROXY_INBOUND_DEFAULT_POLICY, value: {policy}}}");
    Pod::web().init("{name: linkerd-init}").init(&format!(
        "{{name: linkerd-proxy, restartPolicy: Always, env: [{variable}]}}"
    ))
}

fn server(name: &str, made: Option<u8>, spec: &str) -> String {
    let made = made.map_or_else(String::new, |number| {
        format!(", creationTimestamp: '{}'", second(number))
    });
    format!(
        "---\napiVersion: policy.linkerd.io/v1beta3\nkind: Server\nmetadata: {{name: {name}, namespace: shop, labels: {{for: {name}}}{made}}}\nspec: {{{spec}}}\n"
    )
}

/// A Server for 8080 of `shop/web`.
fn web(more: &str) -> String {
    server(
        "web",
        Some(0),
        &format!("podSelector: {{matchLabels: {{app: web}}}}, port: 8080{more}"),
    )
}

fn policy(name: &str, target: &str, references: &str) -> String {
    object(
        "policy.linkerd.io/v1alpha1",
        "AuthorizationPolicy",
        "shop",
        name,
        &format!("{{targetRef: {target}, requiredAuthenticationRefs: [{references}]}}"),
    )
}

/// A policy for the Server of 8080.
fn for_web(references: &str) -> String {
    let target = "{group: policy.linkerd.io, kind: Server, name: web}";
    policy("web", target, references)
}

fn authentications() -> String {
    let of_group =
        |kind: &str, spec: &str| object("policy.linkerd.io/v1alpha1", kind, "shop", "known", spec);
    of_group("MeshTLSAuthentication", "{identities: ['*']}")
        + &of_group("NetworkAuthentication", "{networks: [{cidr: 10.0.0.0/8}]}")
        + &of_group("NetworkAuthentication", "{networks: []}").replace("known", "empty")
        + &of_group("MeshTLSAuthentication", "{}").replace("known", "empty")
}

const MESH: &str = "{group: policy.linkerd.io, kind: MeshTLSAuthentication, name: known}";
const NETWORK: &str = "{group: policy.linkerd.io, kind: NetworkAuthentication, name: known}";
const ACCOUNT: &str = "{kind: ServiceAccount, name: a, namespace: b}";

fn authorization(server: &str, client: &str) -> String {
    object(
        "policy.linkerd.io/v1beta1",
        "ServerAuthorization",
        "shop",
        "authorization",
        &format!("{{server: {server}, client: {client}}}"),
    )
}

fn values(namespace: &str, values: &str) -> String {
    format!(
        "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: linkerd-config, namespace: {namespace}}}\ndata:\n  values: |\n    {values}\n"
    )
}

fn controller(namespace: &str, name: &str, argument: &str) -> String {
    Pod::new(namespace, name)
        .label("linkerd.io/control-plane-component", "destination")
        .container("{name: destination}")
        .container(&format!("{{name: policy, args: ['{argument}']}}"))
        .to_string()
}
