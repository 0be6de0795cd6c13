//! The documents of a mesh, for tests that care about one field of one of them.

use std::fmt;

/// Flags with which the injector captures everything but the proxy's own ports.
pub(crate) const CAPTURE_ALL: &str = "-m, REDIRECT, -b, '*', -d, '15090,15021,15020'";

/// The first second of tests, and later ones.
pub(crate) fn second(number: u8) -> String {
    format!("2026-01-01T00:00:{number:02}Z")
}

/// A running istiod.
pub(crate) fn istiod(namespace: &str, revision: &str) -> String {
    Pod::new(namespace, &format!("istiod-{revision}"))
        .label("app", "istiod")
        .container(&format!(
            "{{name: discovery, env: [{{name: REVISION, value: {revision}}}]}}"
        ))
        .to_string()
}

/// The ConfigMap of a mesh configuration, given as flow YAML.
pub(crate) fn mesh_config(namespace: &str, name: &str, mesh: &str) -> String {
    format!(
        "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: {namespace}}}\ndata:\n  mesh: |\n    {mesh}\n"
    )
}

/// A PeerAuthentication made in some second, or at a time that is not known; its spec is flow YAML.
pub(crate) fn policy(namespace: &str, name: &str, made: Option<u8>, spec: &str) -> String {
    let made = made.map_or_else(String::new, |number| {
        format!(", creationTimestamp: '{}'", second(number))
    });
    format!(
        "---\napiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {{name: {name}, namespace: {namespace}{made}}}\nspec: {spec}\n"
    )
}

/// The same policy for one revision.
pub(crate) fn policy_of_revision(
    namespace: &str,
    name: &str,
    revision: &str,
    spec: &str,
) -> String {
    policy(namespace, name, Some(0), spec).replace(
        &format!("name: {name},"),
        &format!("name: {name}, labels: {{istio.io/rev: {revision}}},"),
    )
}

/// A namespace with labels in flow YAML.
pub(crate) fn namespace(name: &str, labels: &str) -> String {
    format!("---\napiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}, labels: {labels}}}\n")
}

/// Any other object: its spec is flow YAML.
pub(crate) fn object(version: &str, kind: &str, namespace: &str, name: &str, spec: &str) -> String {
    format!(
        "---\napiVersion: {version}\nkind: {kind}\nmetadata: {{name: {name}, namespace: {namespace}}}\nspec: {spec}\n"
    )
}

/// A pod, or a Deployment's template of one.
#[derive(Clone, Debug)]
pub(crate) struct Pod {
    namespace: String,
    name: String,
    labels: Vec<String>,
    annotations: Vec<String>,
    init_containers: Vec<String>,
    containers: Vec<String>,
    spec: Vec<String>,
    status: String,
    replicas: Option<u32>,
}

impl Pod {
    /// A running pod without containers.
    pub(crate) fn new(namespace: &str, name: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            labels: Vec::new(),
            annotations: Vec::new(),
            init_containers: Vec::new(),
            containers: Vec::new(),
            spec: Vec::new(),
            status: "{phase: Running, podIP: 192.0.2.1}".to_owned(),
            replicas: None,
        }
    }

    /// The pod `shop/web` with label `app: web` that listens on 8080 and 9090, without a proxy.
    pub(crate) fn web() -> Self {
        Self::new("shop", "web").label("app", "web").container(
            "{name: web, ports: [{name: http, containerPort: 8080}, {containerPort: 9090}]}",
        )
    }

    /// The same with a sidecar of revision `default` and these flags of `istio-init`.
    pub(crate) fn captured(flags: &str) -> Self {
        Self::web()
            .annotation("istio.io/rev", "default")
            .init(&format!(
                "{{name: istio-init, args: [istio-iptables, {flags}]}}"
            ))
            .container("{name: istio-proxy, args: [proxy, sidecar]}")
    }

    /// The same with everything captured.
    pub(crate) fn sidecar() -> Self {
        Self::captured(CAPTURE_ALL)
    }

    /// Adds a label.
    pub(crate) fn label(mut self, key: &str, value: &str) -> Self {
        self.labels.push(format!("{key}: '{value}'"));
        self
    }

    /// Adds an annotation, or replaces it.
    pub(crate) fn annotation(mut self, key: &str, value: &str) -> Self {
        let key = format!("{key}: ");
        self.annotations.retain(|given| !given.starts_with(&key));
        self.annotations.push(format!("{key}'{value}'"));
        self
    }

    /// Adds an init container in flow YAML.
    pub(crate) fn init(mut self, container: &str) -> Self {
        self.init_containers.push(container.to_owned());
        self
    }

    /// Adds a container in flow YAML.
    pub(crate) fn container(mut self, container: &str) -> Self {
        self.containers.push(container.to_owned());
        self
    }

    /// Adds a field of the spec in flow YAML.
    pub(crate) fn spec(mut self, field: &str) -> Self {
        self.spec.push(field.to_owned());
        self
    }

    /// Replaces the status, in flow YAML.
    pub(crate) fn status(mut self, status: &str) -> Self {
        status.clone_into(&mut self.status);
        self
    }

    /// Makes it the template of a Deployment.
    pub(crate) fn template(mut self, replicas: u32) -> Self {
        self.replicas = Some(replicas);
        self
    }
}

impl fmt::Display for Pod {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            namespace,
            name,
            status,
            ..
        } = self;
        let metadata = format!(
            "labels: {{{}}}, annotations: {{{}}}",
            self.labels.join(", "),
            self.annotations.join(", ")
        );
        let mut spec = vec![
            format!("initContainers: [{}]", self.init_containers.join(", ")),
            format!("containers: [{}]", self.containers.join(", ")),
        ];
        spec.extend(self.spec.iter().cloned());
        let spec = spec.join(", ");
        match self.replicas {
            None => writeln!(
                formatter,
                "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: {namespace}, {metadata}}}\nspec: {{{spec}}}\nstatus: {status}"
            ),
            Some(replicas) => writeln!(
                formatter,
                "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}, namespace: {namespace}}}\nspec:\n  replicas: {replicas}\n  template: {{metadata: {{{metadata}}}, spec: {{{spec}}}}}"
            ),
        }
    }
}

impl From<Pod> for String {
    fn from(pod: Pod) -> Self {
        pod.to_string()
    }
}

impl From<&Pod> for String {
    fn from(pod: &Pod) -> Self {
        pod.to_string()
    }
}
