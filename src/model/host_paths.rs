//! Paths of nodes, by what a pod reaches through them.

/// What lies at a path of a node, or below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reach {
    /// The processes of the node.
    Processes,
    /// A socket on which a container runtime takes orders.
    RuntimeSocket,
    /// Everything: both of them.
    Everything,
    /// What makes the node what it is: its settings, its devices, its kubelet.
    Node,
    /// Other files.
    Files,
}

/// Where container runtimes listen, below `/run`.
const SOCKETS: &[&str] = &[
    "/run/buildkit/buildkitd.sock",
    "/run/containerd/containerd.sock",
    "/run/cri-dockerd.sock",
    "/run/crio/crio.sock",
    "/run/docker.sock",
    "/run/docker/containerd/containerd.sock",
    "/run/dockershim.sock",
    "/run/k0s/containerd.sock",
    "/run/k3s/containerd/containerd.sock",
    "/run/podman/podman.sock",
];

/// Names of such sockets, wherever a distribution puts them.
const SOCKET_NAMES: &[&str] = &[
    "buildkitd.sock",
    "containerd.sock",
    "containerd.sock.ttrpc",
    "cri-dockerd.sock",
    "crio.sock",
    "docker.sock",
    "dockershim.sock",
    "podman.sock",
];

/// Named pipes on which container runtimes take orders on Windows.
const PIPES: &[&str] = &["containerd-containerd", "docker_engine", "cri-dockerd"];

/// Folders that are the node itself.
const OF_THE_NODE: &[&str] = &[
    "/boot",
    "/dev",
    "/etc",
    "/root",
    "/sys",
    "/usr",
    "/var",
    "/var/lib",
    "/var/lib/containerd",
    "/var/lib/docker",
    "/var/lib/etcd",
    "/var/lib/kubelet",
];

impl Reach {
    /// What a pod reaches that mounts this path.
    pub fn of(path: &str) -> Self {
        if is_runtime_pipe(path) {
            return Self::RuntimeSocket;
        }
        let path = canonical(path);
        let within = |folder: &str| is_within(&path, folder);
        let holds = |known: &str| is_within(known, &path);
        let name = path.rsplit('/').next().unwrap_or_default();
        // The kubelet's documentation names sockets directly below /run without saying whose they are.
        let other_socket = path
            .strip_prefix("/run/")
            .and_then(|name| name.strip_suffix(".sock"))
            .is_some_and(|name| !name.contains('/'));
        if path == "/" {
            Self::Everything
        } else if within("/proc") {
            Self::Processes
        } else if other_socket
            || SOCKET_NAMES.contains(&name)
            || SOCKETS.iter().any(|socket| holds(socket) || within(socket))
        {
            Self::RuntimeSocket
        } else if OF_THE_NODE.contains(&path.as_str())
            || ["/dev", "/etc", "/sys", "/var/lib/kubelet"]
                .into_iter()
                .any(within)
        {
            Self::Node
        } else {
            Self::Files
        }
    }

    /// Whether a pod with it can leave its execution domain at will.
    pub const fn is_critical(self) -> bool {
        match self {
            Self::Processes | Self::RuntimeSocket | Self::Everything => true,
            Self::Node | Self::Files => false,
        }
    }

    /// In words that follow the path.
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::Processes => " (the processes of the node)",
            Self::RuntimeSocket => " (a socket of the container runtime)",
            Self::Everything => " (all of the node, its processes and runtime sockets too)",
            Self::Node => " (part of the node itself)",
            Self::Files => "",
        }
    }
}

fn is_within(path: &str, folder: &str) -> bool {
    let rest = path.strip_prefix(folder.trim_end_matches('/'));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The path without `.`, `..` and double slashes, and with `/run` for what links to it.
fn canonical(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    // `/var/run` is a link to `/run` on every distribution with systemd.
    if parts.starts_with(&["var", "run"]) {
        parts.remove(0);
    }
    format!("/{}", parts.join("/"))
}

fn is_runtime_pipe(path: &str) -> bool {
    let path = path.to_ascii_lowercase().replace('\\', "/");
    path.contains("/pipe/")
        && path
            .rsplit('/')
            .next()
            .is_some_and(|name| PIPES.contains(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_known_by_what_they_lead_to() {
        use Reach::{Everything, Files, Node, Processes, RuntimeSocket};
        let table = [
            ("/", Everything),
            ("//", Everything),
            ("/proc", Processes),
            ("/proc/", Processes),
            ("/proc/1/root", Processes),
            ("/./proc//sys", Processes),
            ("/srv/../proc", Processes),
            ("/process", Files),
            ("/var/run/docker.sock", RuntimeSocket),
            ("/run/docker.sock", RuntimeSocket),
            ("/run", RuntimeSocket),
            ("/var/run/", RuntimeSocket),
            ("/run/containerd", RuntimeSocket),
            ("/run/k3s/containerd/containerd.sock", RuntimeSocket),
            ("/run/crio/crio.sock", RuntimeSocket),
            ("/var/run/other.sock", RuntimeSocket),
            (
                "/var/snap/microk8s/common/run/containerd.sock",
                RuntimeSocket,
            ),
            (r"\\.\pipe\docker_engine", RuntimeSocket),
            (r"\\.\pipe\CONTAINERD-containerd", RuntimeSocket),
            (r"\\.\pipe\other", Files),
            ("/run/spire/agent.sock", Files),
            ("/run/dockers", Files),
            ("/etc", Node),
            ("/etc/kubernetes/pki", Node),
            ("/sys/fs/cgroup", Node),
            ("/var/lib/kubelet/pods", Node),
            ("/var", Node),
            ("/var/log", Files),
            ("/srv/data", Files),
            ("", Everything),
        ];
        for (path, expected) in table {
            assert_eq!(Reach::of(path), expected, "{path}");
        }
    }
}
