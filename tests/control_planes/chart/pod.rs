//! A pod of the Deployment, in a container of the image: its arguments, its environment and its files.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

use super::{ACCOUNT, Installation, NAMESPACE};
use crate::support::{ACCOUNT_FILES, BINARY, Image, Running, may_start_containers, token};

/// Two ports that are free. The system chooses them where no control plane listens.
pub fn free_ports() -> [u16; 2] {
    let listen = || TcpListener::bind(("127.0.0.1", 0)).expect("a listener");
    [listen(), listen()].map(|it| it.local_addr().expect("an address").port())
}

/// What a pod of the Deployment has: its image, its arguments, its environment and its files.
pub struct Pod<'a> {
    image: &'a Image,
    args: Vec<String>,
    env: Vec<(String, String)>,
    files: TempDir,
}

impl<'a> Pod<'a> {
    pub async fn new(it: &'a Installation, port: u16) -> Self {
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
        let everyone = PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(files.path(), everyone).expect("others may look into it");
        let write = |name: &str, content: &[u8]| {
            std::fs::write(files.path().join(name), content).expect("a file");
        };
        write("token", token(&it.side, ACCOUNT).await.as_bytes());
        write("ca.crt", &server.certificates);
        write("namespace", NAMESPACE.as_bytes());
        let args = container.args.into_iter().flatten().map(metrics);
        let args = args.map(|arg| in_pod(&arg, files.path())).collect();
        Self {
            image: it.image(),
            args,
            env,
            files,
        }
    }

    /// Starts it in a container of the image. Where that is not allowed, the plugin under test runs
    /// without one, and a kubeconfig names the files of the ServiceAccount.
    pub fn start(&self) -> Running {
        let mut command = if may_mount() {
            Command::from(
                self.image
                    .container(self.files.path(), &self.env, &self.args),
            )
        } else {
            eprintln!("mount namespaces are not allowed here: no container is used");
            let mut command = Command::new(BINARY);
            command.args(&self.args).env_clear();
            command.env("KUBECONFIG", self.kubeconfig());
            command.envs(self.env.iter().map(|(name, value)| (name, value)));
            command
        };
        command.stdin(Stdio::null());
        Running::start(command)
    }

    /// One of the files of the ServiceAccount.
    pub fn file(&self, name: &str) -> PathBuf {
        self.files.path().join(name)
    }

    /// Writes a kubeconfig that has nothing but the files of the ServiceAccount.
    fn kubeconfig(&self) -> PathBuf {
        let file = |name| self.file(name);
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
            // As in a pod.
            "contexts": [{"name": "in-cluster", "context": {
                "cluster": "cluster", "user": "account", "namespace": NAMESPACE,
            }}],
            "current-context": "in-cluster",
        });
        std::fs::write(file("config"), config.to_string()).expect("a file");
        file("config")
    }
}

/// An argument about the files of the ServiceAccount, with the folder in which the pod has them.
fn in_pod(text: &str, files: &Path) -> String {
    if may_mount() {
        text.to_owned()
    } else {
        text.replace(ACCOUNT_FILES, files.to_str().expect("text"))
    }
}

fn may_mount() -> bool {
    static MAY_MOUNT: OnceLock<bool> = OnceLock::new();
    *MAY_MOUNT.get_or_init(may_start_containers)
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
