//! One control plane: starts its programs in order, until its API is ready.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use kube::Client;
use tokio::net::TcpStream;

use super::access;
use super::access::Access;
use super::assets::Assets;
use super::install;
use super::ports::Ports;
use super::program::{ControlPlaneProgram, Launch, Roster};
use crate::problem::Problem;
use crate::process::polling::poll;
use crate::sandbox::host::disk;
use crate::sandbox::host::secrets;
use crate::sandbox::host::secrets::SigningKey;
use crate::sandbox::host::state_dir;
use crate::sandbox::host::state_dir::StateDir;

const APISERVER: &str = "kube-apiserver";
const STAGES: &str = include_str!("assets/stages.yaml");
/// The user of other clusters, which `assets/remote-access.yaml` grants its permissions.
const READER_USER: &str = "linkerd-service-mirror-remote-access";
const READINESS_POLL: Duration = Duration::from_millis(25);
/// Far more than a start takes on a slow machine.
const CLUSTER_START_TIMEOUT: Duration = Duration::from_secs(90);
const START_ATTEMPTS: u32 = 3;
const CONTROLLERS: &str = "namespace-controller,deployment-controller,replicaset-controller,endpoints-controller,\
    endpointslice-controller,endpointslice-mirroring-controller,garbage-collector-controller,\
    pod-garbage-collector-controller,clusterrole-aggregation-controller";

/// A control plane whose API is ready.
#[derive(Clone)]
pub struct ControlPlane {
    /// The administrator's access.
    pub access: Access,
    /// The access of other clusters, which can only read Services and their endpoints.
    pub reader: Access,
    pub client: Client,
    pub programs: Vec<ControlPlaneProgram>,
}

impl ControlPlane {
    /// Disconnects the API server, or connects it again. A stopped process accepts connections but
    /// never responds, as behind a dead network. The cluster's own controllers are disconnected
    /// too, and catch up afterwards.
    pub async fn partition(&self, partitioned: bool) -> anyhow::Result<()> {
        let server = self
            .programs
            .iter()
            .find(|program| program.name == APISERVER);
        match server {
            Some(server) => server.set_suspended(partitioned).await,
            None => Ok(()),
        }
    }
}

/// Everything that is needed to start a cluster.
#[derive(Debug, Clone, Copy)]
pub struct Starter<'a> {
    pub state_dir: &'a StateDir,
    pub assets: &'a Assets,
    pub ports: &'a Ports,
    pub roster: &'a Roster,
}

impl Starter<'_> {
    /// Starts a cluster. Retries with other ports if another program has taken one in the meantime.
    pub async fn start(&self, name: &str) -> anyhow::Result<ControlPlane> {
        let mut attempt = 1;
        loop {
            let mut start = Start::prepare(self, name)?;
            let failure = match tokio::time::timeout(CLUSTER_START_TIMEOUT, start.run()).await {
                Ok(Ok(cluster)) => return Ok(cluster),
                Ok(Err(failure)) => failure,
                Err(_) => start.too_slow(),
            };
            let port_taken = start.lost_a_port();
            for program in &start.programs {
                program.stop().await;
            }
            if !port_taken || attempt == START_ATTEMPTS {
                return Err(failure);
            }
            attempt += 1;
        }
    }
}

/// One attempt to start a cluster.
struct Start<'a> {
    starter: &'a Starter<'a>,
    name: &'a str,
    dir: PathBuf,
    token: String,
    reader_token: String,
    api_port: u16,
    programs: Vec<ControlPlaneProgram>,
}

impl<'a> Start<'a> {
    fn prepare(starter: &'a Starter<'a>, name: &'a str) -> anyhow::Result<Self> {
        let dir = starter.state_dir.cluster_dir(name);
        if dir.exists() {
            std::fs::remove_dir_all(&dir).with_context(|| format!("removing {}", dir.display()))?;
        }
        state_dir::make_private_dir(&dir)?;
        let token = secrets::random_hex(24)?;
        let reader_token = secrets::random_hex(24)?;
        let tokens = format!(
            "{token},admin,admin,system:masters\n{reader_token},{READER_USER},{READER_USER}\n"
        );
        let key = SigningKey::generate()?;
        for (file, content) in [
            ("tokens.csv", tokens.as_str()),
            ("service-account.key", key.private_pem.as_str()),
            ("service-account.pub", key.public_pem.as_str()),
            ("stages.yaml", STAGES),
        ] {
            state_dir::write_private(&dir.join(file), content)?;
        }
        let api_port = starter.ports.next()?;
        Ok(Self {
            starter,
            name,
            dir,
            token,
            reader_token,
            api_port,
            programs: Vec::new(),
        })
    }

    async fn run(&mut self) -> anyhow::Result<ControlPlane> {
        let etcd_port = self.start_etcd()?;
        self.until(async || TcpStream::connect(("127.0.0.1", etcd_port)).await.ok())
            .await?;
        self.start_apiserver(etcd_port)?;
        let certificate = self.dir.join("certificates/apiserver.crt");
        let certificates = self.until(async || read_certificates(&certificate)).await?;
        let access = Access {
            cluster: self.name.to_owned(),
            server: format!("https://127.0.0.1:{}", self.api_port),
            certificates,
            token: self.token.clone(),
        };
        let kubeconfig = self.dir.join("kubeconfig");
        access::write_kubeconfig(&kubeconfig, std::slice::from_ref(&access))?;
        let client = access::client(&kubeconfig, self.name).await?;
        self.until(async || is_ready(&client).await.then_some(()))
            .await?;
        // kwok retries only after seconds if this definition is missing when it starts.
        install::port_forwards(&client).await?;
        self.start_controllers()?;
        self.start_kwok()?;
        let reader = Access {
            token: self.reader_token.clone(),
            ..access.clone()
        };
        Ok(ControlPlane {
            access,
            reader,
            client,
            programs: self.programs.clone(),
        })
    }

    fn start_etcd(&mut self) -> anyhow::Result<u16> {
        let (client_port, peer_port) = (self.starter.ports.next()?, self.starter.ports.next()?);
        let client = format!("http://127.0.0.1:{client_port}");
        let peer = format!("http://127.0.0.1:{peer_port}");
        self.launch(
            "etcd",
            "server",
            vec![
                format!("--name={}", self.name),
                format!("--data-dir={}", self.dir.join("etcd").display()),
                format!("--listen-client-urls={client}"),
                format!("--advertise-client-urls={client}"),
                format!("--listen-peer-urls={peer}"),
                format!("--initial-advertise-peer-urls={peer}"),
                format!("--initial-cluster={}={peer}", self.name),
                "--unsafe-no-fsync".to_owned(),
                "--log-level=error".to_owned(),
            ],
        )?;
        Ok(client_port)
    }

    fn start_apiserver(&mut self, etcd_port: u16) -> anyhow::Result<()> {
        let file = |name: &str| self.dir.join(name).display().to_string();
        let arguments = vec![
            format!("--etcd-servers=http://127.0.0.1:{etcd_port}"),
            format!("--secure-port={}", self.api_port),
            "--bind-address=127.0.0.1".to_owned(),
            "--advertise-address=127.0.0.1".to_owned(),
            format!("--cert-dir={}", file("certificates")),
            "--service-cluster-ip-range=10.96.0.0/16".to_owned(),
            "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
            format!("--service-account-key-file={}", file("service-account.pub")),
            format!(
                "--service-account-signing-key-file={}",
                file("service-account.key")
            ),
            format!("--token-auth-file={}", file("tokens.csv")),
            "--authorization-mode=RBAC".to_owned(),
            "--disable-admission-plugins=ServiceAccount".to_owned(),
            "--endpoint-reconciler-type=none".to_owned(),
            // kwok, which forwards ports, is at that address.
            "--kubelet-preferred-address-types=InternalIP".to_owned(),
        ];
        self.launch(APISERVER, APISERVER, arguments)
    }

    fn start_controllers(&mut self) -> anyhow::Result<()> {
        let file = |name: &str| self.dir.join(name).display().to_string();
        let arguments = vec![
            format!("--kubeconfig={}", file("kubeconfig")),
            "--secure-port=0".to_owned(),
            "--leader-elect=false".to_owned(),
            "--use-service-account-credentials=false".to_owned(),
            format!(
                "--service-account-private-key-file={}",
                file("service-account.key")
            ),
            format!("--controllers={CONTROLLERS}"),
            "--kube-api-qps=500".to_owned(),
            "--kube-api-burst=1000".to_owned(),
        ];
        self.launch(
            "kube-controller-manager",
            "kube-controller-manager",
            arguments,
        )
    }

    fn start_kwok(&mut self) -> anyhow::Result<()> {
        let file = |name: &str| self.dir.join(name).display().to_string();
        let port = self.starter.ports.next()?;
        let arguments = vec![
            format!("--kubeconfig={}", file("kubeconfig")),
            format!("--config={}", file("stages.yaml")),
            "--manage-all-nodes=true".to_owned(),
            "--cidr=10.10.0.0/16".to_owned(),
            format!("--server-address=127.0.0.1:{port}"),
            "--node-ip=127.0.0.1".to_owned(),
            format!("--node-port={port}"),
            "--enable-crds=PortForward".to_owned(),
        ];
        self.launch("kwok", "kwok", arguments)
    }

    fn launch(
        &mut self,
        name: &'static str,
        file: &str,
        arguments: Vec<String>,
    ) -> anyhow::Result<()> {
        let program = self.starter.roster.start(Launch {
            cluster: self.name.to_owned(),
            name,
            program: self.starter.assets.program(file),
            arguments,
            log: self.dir.join(format!("{name}.log")),
        })?;
        self.programs.push(program);
        Ok(())
    }

    /// Polls until there is an answer, or a program of the cluster has ended.
    async fn until<T>(&self, ask: impl AsyncFnMut() -> Option<T>) -> anyhow::Result<T> {
        let endings = self.programs.iter().map(|program| {
            Box::pin(async move {
                let how = program.ended().await;
                failure(self.name, program, &how)
            })
        });
        tokio::select! {
            answer = poll(READINESS_POLL, ask) => Ok(answer),
            (failure, ..) = futures::future::select_all(endings) => Err(failure),
        }
    }

    fn too_slow(&self) -> anyhow::Error {
        let how = format!("was not ready after {} s", CLUSTER_START_TIMEOUT.as_secs());
        match self.programs.last() {
            Some(program) => failure(self.name, program, &how),
            None => anyhow::anyhow!("{} {how}", self.name),
        }
    }

    fn lost_a_port(&self) -> bool {
        self.programs
            .iter()
            .any(|program| program.log_tail().contains("address already in use"))
    }
}

fn failure(cluster: &str, program: &ControlPlaneProgram, how: &str) -> anyhow::Error {
    Problem::new(format!(
        "the cluster {cluster} did not start: {} {how}",
        program.name
    ))
    .next("The last lines of its log:")
    .next(program.log_tail().replace('\n', "\n  "))
    .next_all(disk::shortage(&program.log))
    .into()
}

/// Returns the certificates, once the file is complete.
fn read_certificates(path: &std::path::Path) -> Option<Vec<u8>> {
    let content = std::fs::read(path).ok()?;
    content
        .trim_ascii_end()
        .ends_with(b"-----END CERTIFICATE-----")
        .then_some(content)
}

async fn is_ready(client: &Client) -> bool {
    let Ok(request) = http::Request::get("/readyz").body(Vec::new()) else {
        return false;
    };
    access::limited(client.request_text(request))
        .await
        .is_ok_and(|answer| answer == "ok")
}
