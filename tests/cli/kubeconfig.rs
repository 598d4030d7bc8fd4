//! Kubeconfigs that lead to no cluster: the error is clear and comes within seconds.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::NamedTempFile;

use super::scripted::answering;
use crate::support::{Output, plugin};

const SECRET: &str = "s3cr3t-t0ken";

#[tokio::test]
async fn a_missing_file() {
    for command in COMMANDS {
        let output = fail(command, "/nowhere/kubeconfig", &[]).await;
        output
            .stderr_contains("kubeconfig /nowhere/kubeconfig does not exist")
            .stderr_contains("--kubeconfig");
    }
}

#[tokio::test]
async fn a_file_that_is_not_a_kubeconfig() {
    let broken = format!(
        "apiVersion: v1\nusers:\n- name: me\n  user:\n    token: {SECRET}\n   bad: [indent\n"
    );
    let unlike = format!("apiVersion: v1\nusers: {{token: {SECRET}}}\n");
    for text in [broken, unlike, SECRET.to_owned()] {
        let file = file(&text);
        for command in COMMANDS {
            let output = fail(command, path(&file), &[]).await;
            output
                .stderr_contains(path(&file))
                .stderr_contains("is not a kubeconfig");
        }
    }
}

#[tokio::test]
async fn a_missing_context() {
    let file = kubeconfig("https://127.0.0.1:1");
    for command in COMMANDS {
        let output = fail(command, path(&file), &["--context", "nowhere"]).await;
        output
            .stderr_contains("no context \"nowhere\"")
            .stderr_contains("available contexts: away, other");
    }
}

#[tokio::test]
async fn a_server_that_is_not_a_url() {
    let file = kubeconfig("https://127.0.0.1:1");
    for command in COMMANDS {
        for server in ["foo bar", "me:s3cr3t-t0ken@foo bar", "foo"] {
            let output = fail(command, path(&file), &["--server", server]).await;
            let shown = server.trim_start_matches("me:s3cr3t-t0ken@");
            output
                .stderr_contains(&format!("the server \"{shown}\" is not a URL"))
                .stderr_contains("context \"away\" of /")
                .stderr_contains("write it with its scheme");
        }
    }
}

#[tokio::test]
async fn a_missing_certificate_authority_is_named_once() {
    let file = kubeconfig("https://127.0.0.1:1");
    for command in COMMANDS {
        let output = fail(command, path(&file), &["--certificate-authority", "/nope"]).await;
        output
            .stderr_contains("cannot read certificate authority /nope: No such file or directory\n")
            .stderr_contains("name a file with --certificate-authority");
    }
}

#[tokio::test]
async fn a_missing_cluster_or_user() {
    let file = kubeconfig("https://127.0.0.1:1");
    for command in COMMANDS {
        for what in ["cluster", "user"] {
            let output = fail(command, path(&file), &[&format!("--{what}"), "nobody"]).await;
            output
                .stderr_contains(&format!("there is no {what} \"nobody\" in"))
                .stderr_contains(&format!("available {what}s: "));
        }
        let args = ["--kubeconfig", path(&file), "--as-group", "admins"];
        let output = plugin()
            .without_clusters()
            .args(command.to_vec())
            .args(args.to_vec())
            .run()
            .await;
        output.code(2).stderr_contains("name one with --as");
    }
}

#[tokio::test]
async fn a_token_that_does_not_fit_in_a_header() {
    let token = format!("{SECRET}\nand more");
    let tokens = NamedTempFile::new().unwrap();
    std::fs::write(tokens.path(), &token).unwrap();
    let credential = |more: Value| {
        json!({"apiVersion": EXEC_API, "kind": "ExecCredential", "status": more}).to_string()
    };
    let lasting = credential(json!({"token": token}));
    let ending = credential(json!({"token": token, "expirationTimestamp": "2100-01-01T00:00:00Z"}));
    let users = [
        (json!({"token": token}), "the token has a line break"),
        (json!({"tokenFile": path(&tokens)}), "the token in /"),
        (exec(&lasting), "the token from printf has a line break"),
        (exec(&ending), "has a line break"),
    ];
    for (user, said) in users {
        let file = kubeconfig_as("https://127.0.0.1:1", &user);
        for command in COMMANDS {
            let output = fail(command, path(&file), &[]).await;
            output
                .stderr_contains(said)
                .stderr_contains("no request can carry it")
                .stderr_lacks("panicked");
        }
    }
    let file = kubeconfig("https://127.0.0.1:1");
    let output = fail(&["status"], path(&file), &["--token", &token]).await;
    output
        .stderr_contains("write it as one line")
        .stderr_lacks("panicked");
}

#[tokio::test]
async fn credentials_are_not_sent_without_tls() {
    let server = answering(401, &json!({})).await;
    for user in [
        json!({"token": SECRET}),
        json!({"tokenFile": "/nowhere/token"}),
        json!({"username": "me", "password": SECRET}),
        json!({"exec": {"apiVersion": EXEC_API, "command": "/nowhere/plugin"}}),
    ] {
        let user = json!({"as": "carol"})
            .as_object()
            .unwrap()
            .clone()
            .into_iter()
            .chain(user.as_object().unwrap().clone())
            .collect();
        let file = kubeconfig_as(&server.url, &Value::Object(user));
        fail(&["status"], path(&file), &[]).await;
        let headers = server.headers();
        let sent = |name: &str| headers.iter().any(|header| header.starts_with(name));
        assert!(!sent("authorization:"), "{headers:?}");
        assert!(sent("impersonate-user: carol"), "{headers:?}");
    }
}

#[tokio::test]
async fn the_password_in_a_url_is_not_shown() {
    for url in ["https://me:PASSWORD@127.0.0.1:1", "me:PASSWORD@127.0.0.1:1"] {
        let file = kubeconfig(url);
        for command in COMMANDS {
            fail(command, path(&file), &["-vv"])
                .await
                .stderr_contains("127.0.0.1:1")
                .stderr_lacks("PASSWORD");
            let output = fail(command, path(&file), &["--server", url]).await;
            output
                .stderr_contains("127.0.0.1:1")
                .stderr_lacks("PASSWORD");
        }
    }
    let cluster =
        json!({"server": "https://127.0.0.1:1", "proxy-url": "ftp://me:PASSWORD@127.0.0.2:1"});
    let file = kubeconfig_of(&cluster, &json!({"token": SECRET}));
    let output = fail(&["status"], path(&file), &[]).await;
    output
        .stderr_contains("the proxy \"ftp://127.0.0.2:1\" in proxy-url cannot be used")
        .stderr_lacks("PASSWORD");
}

#[tokio::test]
async fn a_server_that_refuses_connections() {
    // A port that was free a moment ago.
    let address = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let file = kubeconfig(&format!("https://{address}"));
    for command in COMMANDS {
        let output = fail(command, path(&file), &[]).await;
        let output = output
            .stderr_contains("the API server of context away")
            .stderr_contains("cannot be reached");
        output
            .stderr_contains(&address.to_string())
            .stderr_contains("kubectl --context away --kubeconfig");
    }
}

/// Like an address that nothing answers on: connections are accepted, but no answer ever comes.
#[tokio::test]
async fn a_server_that_does_not_answer() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let file = kubeconfig(&format!("http://{}", silent.local_addr().unwrap()));
    for command in COMMANDS {
        let output = fail(command, path(&file), &["--request-timeout", "1s"]).await;
        output
            .stderr_contains("did not answer within 1 s")
            .stderr_contains("--request-timeout");
    }
}

/// 203.0.113.0/24 is reserved for documentation, so nothing answers there.
#[tokio::test]
async fn an_unreachable_server() {
    let file = kubeconfig("https://203.0.113.1:6443");
    for command in COMMANDS {
        fail(command, path(&file), &["--request-timeout", "1s"])
            .await
            .stderr_contains("the API server of context away");
    }
}

#[tokio::test]
async fn an_interrupt_ends_a_start_without_an_answer() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let file = kubeconfig(&format!("http://{}", silent.local_addr().unwrap()));
    let watch = plugin()
        .without_clusters()
        .args(["watch", "--kubeconfig", path(&file)])
        .spawn();
    let _connection = silent.accept().await.unwrap();
    let start = Instant::now();
    assert_eq!(watch.end_with(Signal::INT).await.code(), Some(0));
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "it took {:?}",
        start.elapsed()
    );
}

const COMMANDS: [&[&str]; 2] = [&["status"], &["watch"]];

/// Runs a command that must fail soon, with advice and without the secret.
async fn fail(command: &[&str], kubeconfig: &str, args: &[&str]) -> Output {
    let start = Instant::now();
    let plugin = plugin()
        .without_clusters()
        .args(command.to_vec())
        .args(args.to_vec());
    let output = plugin
        .args(["--kubeconfig", kubeconfig])
        .run()
        .await
        .code(1)
        .stdout_is("");
    assert!(
        start.elapsed() < Duration::from_secs(8),
        "it took {:?}",
        start.elapsed()
    );
    assert!(!output.stderr.contains(SECRET), "{output}");
    output.stderr_contains("error: ").stderr_contains("\n  ")
}

const EXEC_API: &str = "client.authentication.k8s.io/v1";

/// A user with a credential plugin that prints this.
fn exec(answer: &str) -> Value {
    let args = ["%s", answer];
    json!({"exec": {"apiVersion": EXEC_API, "command": "printf", "args": args, "interactiveMode": "Never"}})
}

fn kubeconfig(server: &str) -> NamedTempFile {
    kubeconfig_as(server, &json!({"token": SECRET}))
}

fn kubeconfig_as(server: &str, user: &Value) -> NamedTempFile {
    kubeconfig_of(&json!({"server": server}), user)
}

fn kubeconfig_of(cluster: &Value, user: &Value) -> NamedTempFile {
    let context = json!({"cluster": "away", "user": "me"});
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "away",
        "clusters": [{"name": "away", "cluster": cluster}],
        "users": [{"name": "me", "user": user}],
        "contexts": [{"name": "away", "context": context}, {"name": "other", "context": context}],
    });
    file(&config.to_string())
}

fn file(text: &str) -> NamedTempFile {
    let file = NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    file
}

fn path(file: &NamedTempFile) -> &str {
    file.path().to_str().unwrap()
}
