//! A pod of the Deployment, without a container: its arguments, its environment and its files.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::api::core::v1::ConfigMap;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

use super::{ACCOUNT, Installation, NAMESPACE};
use crate::support::{BINARY, Running, token};

const ACCOUNT_FILES: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
const UNSHARE: [&str; 3] = ["--map-root-user", "--mount", "--propagation=private"];
/// Mounts the folder that is the first argument, and runs the others.
const MOUNT: &str = "mount -t tmpfs none /run \
    && mkdir -p /run/secrets/kubernetes.io/serviceaccount \
    && mount --bind \"$1\" /run/secrets/kubernetes.io/serviceaccount \
    && shift && exec \"$@\"";

/// Two ports that are free. The system chooses them where no control plane listens.
pub fn free_ports() -> [u16; 2] {
    let listen = || TcpListener::bind(("127.0.0.1", 0)).expect("a listener");
    [listen(), listen()].map(|it| it.local_addr().expect("an address").port())
}

/// What a pod of the Deployment has: its arguments, its environment and its files.
pub struct Pod {
    args: Vec<String>,
    env: Vec<(String, String)>,
    files: TempDir,
}

impl Pod {
    pub async fn new(it: &Installation, port: u16) -> Self {
        let deployment = it.deployment().await;
        let pod = deployment
            .spec
            .and_then(|spec| spec.template.spec)
            .expect("a pod");
        let container = pod.containers.into_iter().next().expect("a container");
        let metrics = |arg: String| match arg.strip_prefix("--metrics=127.0.0.1:") {
            Some(_) => format!("--metrics=127.0.0.1:{port}"),
            None => arg,
        };
        let server = Server::of(&it.sandbox.kubeconfig());
        let mut env: Vec<(String, String)> = vec![
            ("KUBERNETES_SERVICE_HOST".to_owned(), server.host),
            ("KUBERNETES_SERVICE_PORT".to_owned(), server.port),
        ];
        for variable in container.env.into_iter().flatten() {
            let field = variable.value_from.and_then(|from| from.field_ref);
            let value = match field.map(|field| field.field_path).as_deref() {
                Some("metadata.namespace") => NAMESPACE.to_owned(),
                Some("metadata.name") => format!("pod-{port}"),
                _ => variable.value.expect("a value"),
            };
            env.push((variable.name, value));
        }
        let files = tempfile::tempdir().expect("a folder");
        let write = |name: &str, content: &[u8]| {
            std::fs::write(files.path().join(name), content).expect("a file");
        };
        write("token", token(&it.side, ACCOUNT).await.as_bytes());
        write("ca.crt", &server.certificates);
        write("namespace", NAMESPACE.as_bytes());
        let mut args: Vec<String> = container.args.into_iter().flatten().map(metrics).collect();
        let own = files.path().join("kubeconfig");
        for arg in args
            .iter_mut()
            .filter(|arg| arg.starts_with("--kubeconfig="))
        {
            write(
                "kubeconfig",
                kubeconfig(it, &env, files.path()).await.as_bytes(),
            );
            *arg = format!("--kubeconfig={}", own.display());
        }
        Self { args, env, files }
    }

    /// Starts it with the files at the well-known paths, in a mount namespace of its own. Where that
    /// is not allowed, a kubeconfig names the files instead.
    pub fn start(&self) -> Running {
        let mut command = if may_mount(self.files.path()) {
            let mut command = Command::new("unshare");
            command
                .args(UNSHARE)
                .args(["sh", "-c", MOUNT, "sh"])
                .arg(self.files.path())
                .args(["env", "-i"]);
            command
        } else {
            eprintln!(
                "mount namespaces are not allowed here: a kubeconfig names the token instead"
            );
            let mut command = Command::new("env");
            command
                .arg("-i")
                .arg(format!("KUBECONFIG={}", self.kubeconfig().display()));
            command
        };
        command
            .args(
                self.env
                    .iter()
                    .map(|(name, value)| format!("{name}={value}")),
            )
            .arg(BINARY)
            .args(&self.args)
            .stdin(Stdio::null());
        Running::start(command)
    }

    /// Writes a kubeconfig that has nothing but the files of the ServiceAccount.
    fn kubeconfig(&self) -> PathBuf {
        let file = |name: &str| self.files.path().join(name);
        let (_, host) = &self.env[0];
        let (_, port) = &self.env[1];
        let config = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "cluster", "cluster": {
                "server": format!("https://{host}:{port}"),
                "certificate-authority": file("ca.crt"),
            }}],
            "users": [{"name": "account", "user": {"tokenFile": file("token")}}],
            "contexts": [{"name": "pod", "context": {
                "cluster": "cluster", "user": "account", "namespace": NAMESPACE,
            }}],
            "current-context": "pod",
        });
        std::fs::write(file("config"), config.to_string()).expect("a file");
        file("config")
    }
}

/// The kubeconfig of the chart. There is no DNS here, so it has the address of the API server.
async fn kubeconfig(it: &Installation, env: &[(String, String)], files: &Path) -> String {
    let maps = it.side.api::<ConfigMap>();
    let map = maps.get("kubectl-failover-kubeconfig").await;
    let data = map.expect("the ConfigMap exists").data.expect("data");
    let (host, port) = (&env[0].1, &env[1].1);
    let text = data["kubeconfig"].replace("kubernetes.default.svc", &format!("{host}:{port}"));
    if may_mount(files) {
        text
    } else {
        text.replace(ACCOUNT_FILES, files.to_str().expect("text"))
    }
}

/// Whether a process can have the files in a folder at the well-known paths.
fn may_mount(files: &Path) -> bool {
    static MAY_MOUNT: OnceLock<bool> = OnceLock::new();
    *MAY_MOUNT.get_or_init(|| {
        std::process::Command::new("unshare")
            .args(UNSHARE)
            .args(["sh", "-c", MOUNT, "sh"])
            .arg(files)
            .arg("true")
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    })
}

/// The first API server of a kubeconfig.
pub struct Server {
    pub host: String,
    pub port: String,
    pub certificates: Vec<u8>,
}

impl Server {
    pub fn of(kubeconfig: &Path) -> Self {
        let text = std::fs::read_to_string(kubeconfig).expect("the kubeconfig");
        let config: Value = serde_yaml::from_str(&text).expect("YAML");
        let cluster = &config["clusters"][0]["cluster"];
        let address = cluster["server"].as_str().expect("an address");
        let address = address.strip_prefix("https://").expect("an address");
        let (host, port) = address.split_once(':').expect("a port");
        let certificates = cluster["certificate-authority-data"]
            .as_str()
            .expect("certificates");
        Self {
            host: host.to_owned(),
            port: port.to_owned(),
            certificates: STANDARD.decode(certificates).expect("base64"),
        }
    }
}
