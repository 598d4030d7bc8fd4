//! Certificates of servers and clients: what is sent, what is refused, and the words for it.

use std::net::Ipv4Addr;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{BasicConstraints, CertificateParams, IsCa, SanType, date_time_ymd};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::scripted::cluster;
use crate::support::{
    Certificate, Output, Plugin, Running, ServerCertificate, TlsFront, eventually, plugin,
    repository, started,
};

#[tokio::test]
async fn a_client_certificate_of_version_1_is_sent() {
    let pem = repository().join("tests/fixtures/certificates/version-1.pem");
    let pem = std::fs::read_to_string(pem).unwrap();
    let client = Certificate {
        certificate: pem.clone(),
        key: pem.clone(),
    };
    let front = Front::start(Some(&[&client])).await;
    let (data, files) = (STANDARD.encode(&pem), front.folder.path().join("one.pem"));
    std::fs::write(&files, &pem).unwrap();
    for user in [
        json!({"client-certificate-data": data, "client-key-data": data}),
        json!({"client-certificate": "one.pem", "client-key": files}),
        json!({"client-certificate": "one.pem", "client-key-data": data}),
    ] {
        front.run(&user, &["status"]).await.success();
    }
}

#[tokio::test]
async fn a_client_certificate_that_cannot_be_sent_is_named_with_the_mend() {
    let (own, other) = (Certificate::new(|_| ()), Certificate::new(|_| ()));
    let front = Front::start(Some(&[&own])).await;
    let write = |name: &str, text: &str| {
        std::fs::write(front.folder.path().join(name), text).unwrap();
    };
    write("own", &own.certificate);
    write("other", &other.key);
    let encrypted = own.key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    write("encrypted", &encrypted);
    write("text", "text");
    let pem = repository().join("tests/fixtures/certificates/version-1.pem");
    write("version-1", &std::fs::read_to_string(pem).unwrap());
    for (certificate, key, why) in [
        ("own", "other", "its key belongs to another certificate"),
        (
            "version-1",
            "other",
            "its key belongs to another certificate",
        ),
        (
            "own",
            "encrypted",
            "its key is not an unencrypted private key in PEM format\n  decrypt the key with",
        ),
        ("text", "other", "it is not a certificate in PEM format"),
        (
            "nowhere",
            "other",
            "it cannot be read: No such file or directory\n",
        ),
    ] {
        let user = json!({"client-certificate": certificate, "client-key": key});
        let output = front.run(&user, &["status"]).await.code(1);
        let file = front.folder.path().join(certificate);
        output
            .stderr_contains(&format!(
                "client-certificate {} cannot be used: {why}",
                file.display()
            ))
            .stderr_lacks("VPN");
    }
}

#[tokio::test]
async fn a_refused_client_certificate_is_named() {
    let (own, other) = (Certificate::new(|_| ()), Certificate::new(|_| ()));
    let front = Front::start(Some(&[&other])).await;
    let output = front.run(&of(&own), &["status"]).await.code(1);
    output
        .stderr_contains("it refused the client certificate: it has expired")
        .stderr_contains("\n  log in again")
        .stderr_lacks("VPN");
}

#[tokio::test]
async fn a_plugin_with_certificates_runs_once() {
    let own = Certificate::new(|_| ());
    let front = Front::start(Some(&[&own])).await;
    let plugin = Credentials::new(&[(&own, 3600)]);
    front.run(&plugin.user(), &["status"]).await.success();
    assert_eq!(plugin.runs(), 1);
}

#[tokio::test]
async fn a_plugin_runs_again_before_its_certificate_ends() {
    let (first, second) = (Certificate::new(|_| ()), Certificate::new(|_| ()));
    let front = Front::start(Some(&[&first, &second])).await;
    let plugin = Credentials::new(&[(&first, 12), (&second, 3600)]);
    let watch = front.plugin(&plugin.user(), &["watch"]).spawn();
    until_runs(&plugin, 2).await;
    end_after_two_runs(watch, &plugin).await;
}

#[tokio::test]
async fn a_plugin_runs_again_when_the_handshake_is_refused() {
    let (first, second) = (Certificate::new(|_| ()), Certificate::new(|_| ()));
    let front = Front::start(Some(&[&first])).await;
    let plugin = Credentials::new(&[(&first, 3600), (&second, 3600)]);
    // From here on, a refused handshake is not that of its first request.
    let watch = started(front.plugin(&plugin.user(), &["watch"])).await;
    front.tls.allow(&[&second]);
    until_runs(&plugin, 2).await;
    end_after_two_runs(watch, &plugin).await;
}

/// What is wrong with a server's certificate, and the words for it.
#[tokio::test]
async fn a_certificate_of_a_server_that_is_not_accepted_is_explained() {
    let names = |names: &'static [&'static str]| {
        move |params: &mut CertificateParams| {
            let names = names
                .iter()
                .map(|name| SanType::DnsName((*name).try_into().unwrap()));
            params.subject_alt_names = names.collect();
        }
    };
    let expired = |params: &mut CertificateParams| params.not_after = date_time_ymd(2020, 1, 1);
    let future = |params: &mut CertificateParams| params.not_before = date_time_ymd(2100, 1, 1);
    let self_signed = Certificate::new(|params| {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.subject_alt_names = vec![SanType::IpAddress(Ipv4Addr::LOCALHOST.into())];
    });
    let as_its_authority = ServerCertificate {
        authority: self_signed.certificate.clone(),
        leaf: self_signed,
    };
    let of_another = ServerCertificate {
        authority: ServerCertificate::new(|_| ()).authority,
        ..ServerCertificate::new(|_| ())
    };
    for (certificate, words) in [
        (
            ServerCertificate::new(expired),
            "its certificate expired 2020-01-01T00:00:00Z\n  renew",
        ),
        (
            ServerCertificate::new(future),
            "its certificate is valid from 2100-01-01T00:00:00Z on\n",
        ),
        (
            ServerCertificate::new(names(&["a.example", "b.example"])),
            "its certificate is for a.example, b.example, not for 127.0.0.1\n",
        ),
        (
            ServerCertificate::new(names(&[])),
            "its certificate names no host, so it is not for 127.0.0.1 (the common name does not count)\n  issue one with",
        ),
        (
            as_its_authority,
            "its certificate is that of a certificate authority (CA:TRUE)\n  issue one with basicConstraints CA:FALSE",
        ),
        (
            of_another,
            "its certificate is not issued by a certificate authority that is trusted here\n",
        ),
    ] {
        let front = Front::with(&certificate, None).await;
        let output = front.run(&json!({}), &["status"]).await.code(1);
        output
            .stderr_contains(words)
            .stderr_lacks("VPN")
            .stderr_lacks("invalid peer certificate");
    }
}

#[tokio::test]
async fn a_server_without_tls_is_explained() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
            let _ = stream.read(&mut [0; 1000]).await;
        }
    });
    let output = plugin().server(&url).args(["status"]).run().await.code(1);
    output
        .stderr_contains("it does not speak TLS\n")
        .stderr_contains("write http://")
        .stderr_lacks("VPN");
}

/// A cluster without groups behind TLS, and a folder for kubeconfigs.
struct Front {
    tls: TlsFront,
    authority: String,
    folder: TempDir,
}

impl Front {
    async fn start(clients: Option<&[&Certificate]>) -> Self {
        Self::with(&ServerCertificate::new(|_| ()), clients).await
    }

    async fn with(certificate: &ServerCertificate, clients: Option<&[&Certificate]>) -> Self {
        let server = cluster(json!([])).await;
        Self {
            tls: TlsFront::start(&server.url, &certificate.leaf, clients).await,
            authority: STANDARD.encode(&certificate.authority),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    async fn run(&self, user: &Value, command: &[&str]) -> Output {
        self.plugin(user, command).run().await
    }

    fn plugin(&self, user: &Value, command: &[&str]) -> Plugin {
        let config = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "c",
            "clusters": [{"name": "c", "cluster": {
                "server": self.tls.url, "certificate-authority-data": self.authority,
            }}],
            "users": [{"name": "u", "user": user}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        });
        let file = self.folder.path().join("config");
        std::fs::write(&file, config.to_string()).unwrap();
        plugin()
            .without_clusters()
            .args(command.to_vec())
            .env("KUBECONFIG", file)
    }
}

/// A user with this certificate.
fn of(client: &Certificate) -> Value {
    json!({
        "client-certificate-data": STANDARD.encode(&client.certificate),
        "client-key-data": STANDARD.encode(&client.key),
    })
}

/// A credential plugin that prints one certificate after the other, the last one again and again.
struct Credentials {
    folder: TempDir,
}

impl Credentials {
    /// Takes the certificates, and how many seconds each lasts from now on.
    fn new(certificates: &[(&Certificate, i64)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (number, (certificate, seconds)) in certificates.iter().enumerate() {
            let end = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(*seconds);
            let credential = json!({
                "apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
                "status": {
                    "clientCertificateData": certificate.certificate,
                    "clientKeyData": certificate.key,
                    "expirationTimestamp": end.to_string(),
                },
            });
            let file = folder.path().join(format!("{}.json", number + 1));
            std::fs::write(file, credential.to_string()).unwrap();
        }
        Self { folder }
    }

    fn user(&self) -> Value {
        let script = "cd \"$0\"; echo run >> runs; n=$(grep -c run runs); \
                      while [ $n -gt 1 ] && [ ! -e $n.json ]; do n=$((n - 1)); done; cat $n.json";
        json!({"exec": {
            "apiVersion": "client.authentication.k8s.io/v1", "interactiveMode": "Never",
            "command": "sh", "args": ["-c", script, self.folder.path()],
        }})
    }

    fn runs(&self) -> usize {
        let runs = std::fs::read_to_string(self.folder.path().join("runs"));
        runs.unwrap_or_default().lines().count()
    }
}

/// Ends a watch during which the plugin has run twice.
async fn end_after_two_runs(watch: Running, plugin: &Credentials) {
    let status = watch.end_with(rustix::process::Signal::TERM).await;
    assert_eq!(status.code(), Some(0));
    assert_eq!(plugin.runs(), 2);
}

async fn until_runs(plugin: &Credentials, count: usize) {
    eventually("the plugin has run", async || {
        if plugin.runs() >= count {
            Ok(())
        } else {
            Err(plugin.runs().to_string())
        }
    })
    .await;
    // A moment in which it must not run again.
    tokio::time::sleep(Duration::from_millis(300)).await;
}
