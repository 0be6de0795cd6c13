//! The server processes under [`super::Cluster`]: their flags and files, how they start and how they end.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{self, Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use k8s_openapi::ByteString;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::json;
use tokio::runtime::Runtime;

use super::{Options, eventually};

/// Users with a token, and their groups. Only `admin` has rights before a test grants some.
const USERS: [(&str, &str); 3] = [
    ("admin", "system:masters"),
    ("auditor", ""),
    ("restricted", ""),
];

/// Everything is written down when it arrives and again when it is answered, without bodies.
const AUDIT_POLICY: &str = "
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [ResponseStarted]
rules: [{level: Metadata}]
";

/// Controllers that would tear down what tests make up: nodes without a kubelet and the pods on them.
const CONTROLLERS: &str = "--controllers=*,-node-lifecycle-controller,-node-ipam-controller,\
    -taint-eviction-controller,-pod-garbage-collector-controller";

/// Servers with their files. They end with the value, and with the process however that ends.
#[derive(Debug)]
pub(super) struct ControlPlane {
    directory: PathBuf,
    url: String,
    // Fields are dropped in this order: clients of a server before it, the directory after its users.
    _controllers: Option<Server>,
    api_server: Option<Server>,
    _etcd: Server,
    _remover: Janitor,
}

impl ControlPlane {
    /// Starts the servers and returns a client with all rights once the API server is ready.
    pub(super) fn start(assets: &Path, options: Options<'_>, runtime: &Runtime) -> (Self, Client) {
        let directory = tempfile::Builder::new().prefix("sc39-servers-").tempdir();
        let directory = directory.expect("a temporary directory can be made").keep();
        // Servers that are just being killed may still write into it.
        let remover = Janitor::new(r#"rm -rf "$1" || { sleep 1; rm -rf "$1"; }"#, &directory);
        write_files(&directory);
        let (etcd, etcd_url) = start_etcd(assets, &directory);
        let (mut api_server, url) = start_api_server(assets, &directory, &etcd_url, options);
        for (user, _) in USERS {
            write_kubeconfig(&directory, &url, user, user);
        }
        let admin = kubeconfig_path(&directory, "admin");
        let client = eventually("the API server to be ready", || {
            api_server.assert_running();
            runtime.block_on(try_client(&admin))
        });
        let controllers = options
            .controllers
            .then(|| start_controllers(assets, &directory));
        let control_plane = Self {
            directory,
            url,
            _controllers: controllers,
            api_server: Some(api_server),
            _etcd: etcd,
            _remover: remover,
        };
        (control_plane, client)
    }

    /// Path of the kubeconfig that was written for a user.
    pub(super) fn kubeconfig(&self, user: &str) -> PathBuf {
        kubeconfig_path(&self.directory, user)
    }

    /// Writes a kubeconfig for the bearer of a token and returns its path.
    pub(super) fn write_kubeconfig(&self, user: &str, token: &str) -> PathBuf {
        write_kubeconfig(&self.directory, &self.url, user, token)
    }

    /// The audit log as it is now.
    pub(super) fn audit_log(&self) -> String {
        fs::read_to_string(self.directory.join("audit.log")).expect("there is an audit log")
    }

    /// Ends the API server as a crash would.
    pub(super) fn stop_api_server(&mut self) {
        self.api_server = None;
    }
}

/// A shell that runs a script as soon as this process closes its end of a pipe, be it because the value is dropped or
/// because the process is gone: statics are never dropped, and a killed process drops nothing.
#[derive(Debug)]
struct Janitor(Child);

impl Janitor {
    /// The script finds `argument` in `$1`.
    fn new(script: &str, argument: impl AsRef<OsStr>) -> Self {
        let mut command = Command::new("sh");
        command
            .args(["-c", &format!("cat; {script}"), "sh"])
            .arg(argument)
            .stdin(Stdio::piped());
        // A process group of its own, so that Ctrl-C does not end the one who cleans up.
        command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0);
        Self(command.spawn().expect("there is a shell"))
    }
}

impl Drop for Janitor {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        // It has done what it could, or the test run has worse problems.
        let _ = self.0.wait();
    }
}

/// A server process and who ends it.
#[derive(Debug)]
struct Server {
    child: Child,
    log: PathBuf,
    killer: Option<Janitor>,
}

impl Server {
    fn start(assets: &Path, directory: &Path, name: &str, flags: &[String]) -> Self {
        let log = directory.join(format!("{name}.log"));
        let output = File::create(&log).expect("the temporary directory is writable");
        let errors = output.try_clone().expect("a file handle can be cloned");
        let mut command = Command::new(assets.join(name));
        command
            .args(flags)
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .process_group(0);
        let child = command.spawn();
        let child = child.unwrap_or_else(|error| {
            panic!(
                "failed to start {name} from KUBEBUILDER_ASSETS ({}): {error}",
                assets.display()
            )
        });
        let killer = Janitor::new("kill -9 $1", child.id().to_string());
        Self {
            child,
            log,
            killer: Some(killer),
        }
    }

    /// Fails the test with the end of the log if the server is gone.
    fn assert_running(&mut self) {
        if let Ok(Some(status)) = self.child.try_wait() {
            let log = fs::read_to_string(&self.log).unwrap_or_default();
            let lines: Vec<_> = log.lines().collect();
            let last = lines[lines.len().saturating_sub(20)..].join("\n");
            panic!(
                "{} says why a server ended ({status}):\n{last}",
                self.log.display()
            );
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // In this order: once the child has been waited for, its number may belong to another process.
        drop(self.killer.take());
        let _ = self.child.wait();
    }
}

fn start_etcd(assets: &Path, directory: &Path) -> (Server, String) {
    let port = free_port();
    let url = format!("http://127.0.0.1:{port}");
    let flags = [
        format!("--data-dir={}", directory.join("etcd").display()),
        format!("--listen-client-urls={url}"),
        format!("--advertise-client-urls={url}"),
        format!("--listen-peer-urls=http://127.0.0.1:{}", free_port()),
        "--unsafe-no-fsync".to_owned(),
        "--log-level=warn".to_owned(),
    ];
    let mut etcd = Server::start(assets, directory, "etcd", &flags);
    eventually("etcd to listen", || {
        etcd.assert_running();
        TcpStream::connect(("127.0.0.1", port)).ok()
    });
    (etcd, url)
}

fn start_api_server(
    assets: &Path,
    directory: &Path,
    etcd: &str,
    options: Options<'_>,
) -> (Server, String) {
    let port = free_port();
    let file = |name: &str| directory.join(name).display().to_string();
    let mut flags = vec![
        format!("--etcd-servers={etcd}"),
        format!("--secure-port={port}"),
        format!("--cert-dir={}", file("certificates")),
        format!("--token-auth-file={}", file("tokens.csv")),
        format!("--audit-policy-file={}", file("audit-policy.yaml")),
        format!("--audit-log-path={}", file("audit.log")),
        format!(
            "--service-account-key-file={}",
            file("service-accounts.pem")
        ),
        format!(
            "--service-account-signing-key-file={}",
            file("service-accounts.pem")
        ),
    ];
    let fixed = [
        "--bind-address=127.0.0.1",
        "--authorization-mode=RBAC",
        "--audit-log-mode=blocking",
        "--service-account-issuer=https://kubernetes.default.svc",
        "--service-cluster-ip-range=10.96.0.0/16",
        "--endpoint-reconciler-type=none",
        "--allow-privileged",
    ];
    flags.extend(fixed.map(str::to_owned));
    // Namespaces carry levels that pods older than the labels need not keep to.
    flags.push(if options.controllers {
        "--disable-admission-plugins=PodSecurity".to_owned()
    } else {
        "--disable-admission-plugins=PodSecurity,ServiceAccount".to_owned()
    });
    flags.extend(options.api_server_flags.iter().map(|&flag| flag.to_owned()));
    let server = Server::start(assets, directory, "kube-apiserver", &flags);
    (server, format!("https://127.0.0.1:{port}"))
}

fn start_controllers(assets: &Path, directory: &Path) -> Server {
    let file = |name: &str| directory.join(name).display().to_string();
    let flags = [
        format!(
            "--kubeconfig={}",
            kubeconfig_path(directory, "admin").display()
        ),
        format!(
            "--service-account-private-key-file={}",
            file("service-accounts.pem")
        ),
        format!("--root-ca-file={}", file("certificates/apiserver.crt")),
        "--secure-port=0".to_owned(),
        "--leader-elect=false".to_owned(),
        "--kube-api-qps=500".to_owned(),
        "--kube-api-burst=1000".to_owned(),
        CONTROLLERS.to_owned(),
    ];
    Server::start(assets, directory, "kube-controller-manager", &flags)
}

/// A client, once the API server has written its certificate and all its start-up hooks are through.
async fn try_client(kubeconfig: &Path) -> Option<Client> {
    let kubeconfig = Kubeconfig::read_from(kubeconfig).ok()?;
    let options = KubeConfigOptions::default();
    let config = Config::from_custom_kubeconfig(kubeconfig, &options)
        .await
        .ok()?;
    let client = Client::try_from(config).ok()?;
    let request = http::Request::get("/readyz").body(Vec::new()).ok()?;
    client.request_text(request).await.ok()?;
    Some(client)
}

/// A port that is free now and not of the range from which the kernel serves outgoing connections, so that it is very
/// likely free a moment later. Processes start at different places.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = process::id().wrapping_mul(37);
    (0..10_000)
        .map(|_| u32::from(NEXT.fetch_add(1, Ordering::Relaxed)).wrapping_add(start) % 10_000)
        .filter_map(|offset| u16::try_from(20_000 + offset).ok())
        .find(|&port| TcpListener::bind(("127.0.0.1", port)).is_ok())
        .expect("one of ten thousand ports is free")
}

/// What the servers read at their start.
fn write_files(directory: &Path) {
    let write = |name: &str, content: &str| {
        fs::write(directory.join(name), content).expect("the temporary directory is writable");
    };
    let tokens = USERS.map(|(user, group)| format!("{user},{user},{user},\"{group}\"\n"));
    write("tokens.csv", &tokens.concat());
    write("audit-policy.yaml", AUDIT_POLICY);
    // The API server reads PKCS #8 for RSA keys only.
    let key = KeyPair::generate(KeySize::Rsa2048).expect("there is randomness for a key");
    let key: Pkcs8V1Der<'_> = key
        .as_der()
        .expect("a key that was just made can be written");
    // A `ByteString` is Base64 in JSON, and that is what PEM wraps.
    let base64 = json!(ByteString(key.as_ref().to_vec()));
    let base64 = base64
        .as_str()
        .expect("a ByteString is written as a string");
    write(
        "service-accounts.pem",
        &format!("-----BEGIN PRIVATE KEY-----\n{base64}\n-----END PRIVATE KEY-----\n"),
    );
}

fn kubeconfig_path(directory: &Path, user: &str) -> PathBuf {
    directory.join(format!("{user}.kubeconfig"))
}

fn write_kubeconfig(directory: &Path, url: &str, user: &str, token: &str) -> PathBuf {
    let certificate = directory.join("certificates/apiserver.crt");
    let cluster = json!({"server": url, "certificate-authority": certificate});
    let content = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "test", "cluster": cluster}],
        "users": [{"name": user, "user": {"token": token}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": user}}],
        "current-context": "test",
    });
    let path = kubeconfig_path(directory, user);
    fs::write(&path, content.to_string()).expect("the temporary directory is writable");
    path
}
