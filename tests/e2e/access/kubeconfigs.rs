//! Kubeconfigs whose fields are empty, doubled, folded, relative or contradictory: the plugin and
//! kubectl read the same ones. docs/kubeconfig.md has the table.

use std::cell::RefCell;
use std::process::Stdio;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;

use crate::support::{is_here, plugin, shared};

/// Who can use a kubeconfig.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Usable {
    Both,
    OnlyHere,
    Nobody,
}

use Usable::{Both, Nobody, OnlyHere};

/// The folder of the kubeconfigs, and what is in those of the shared clusters.
struct Odd {
    folder: TempDir,
    server: String,
    authority: String,
    token: String,
    differences: RefCell<Vec<String>>,
}

impl Odd {
    fn new() -> Self {
        let text = std::fs::read_to_string(shared().kubeconfig()).unwrap();
        let config: Value = serde_yaml::from_str(&text).unwrap();
        let cluster = &config["clusters"][0]["cluster"];
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let odd = Self {
            folder: tempfile::tempdir().unwrap(),
            server: text(&cluster["server"]),
            authority: text(&cluster["certificate-authority-data"]),
            token: text(&config["users"][0]["user"]["token"]),
            differences: RefCell::default(),
        };
        let pem = STANDARD.decode(&odd.authority).unwrap();
        let key = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
        odd.write("ca.pem", &pem);
        odd.write(
            "bundle.pem",
            &[b"# a comment\n", key.as_bytes(), &pem, &pem].concat(),
        );
        odd.write("empty.pem", b"");
        odd.write("token", format!("{}\n", odd.token).as_bytes());
        odd.write("wrong-token", b"wrong");
        odd.write("give.json", odd.credential().as_bytes());
        odd
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.path(name), bytes).unwrap();
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn credential(&self) -> String {
        let (api, token) = ("client.authentication.k8s.io/v1", &self.token);
        format!(
            r#"{{"apiVersion":"{api}","kind":"ExecCredential","status":{{"token":"{token}"}}}}"#
        )
    }

    /// Writes a kubeconfig. Names in braces in the fields stand for the real values.
    fn kubeconfig(&self, cluster: &str, user: &str, context: &str, more: &str) -> Vec<u8> {
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: c\n\
             clusters:\n- name: c\n  cluster:\n    {cluster}\n\
             users:\n- name: u\n  user:\n    {user}\n\
             contexts:\n- name: c\n  context:\n    {context}\n{more}"
        );
        self.filled(&text).into_bytes()
    }

    fn filled(&self, text: &str) -> String {
        let wrapped = |end: &str| {
            let lines = self.authority.as_bytes().chunks(76);
            let lines = lines.map(|line| String::from_utf8_lossy(line).into_owned());
            lines.collect::<Vec<_>>().join(&format!("{end}\n      "))
        };
        let exec = "exec:\n      apiVersion: client.authentication.k8s.io/v1\n      \
                    interactiveMode: Never\n      command: cat\n      args: ['{FOLDER}/give.json']";
        text.replace(
            "{TLS}",
            "server: {SERVER}\n    certificate-authority-data: {CA}",
        )
        .replace("{EXEC}", exec)
        .replace("{SERVER}", &self.server)
        .replace("{CA}", &self.authority)
        .replace("{FOLDED}", &format!("\"{}\"", wrapped("\\")))
        .replace("{BLOCK}", &format!("|\n      {}", wrapped("")))
        .replace("{TOKEN}", &self.token)
        .replace("{FOLDER}", self.folder.path().to_str().unwrap())
    }

    /// Checks who can read a namespace with these files.
    async fn check(&self, name: &str, files: &str, usable: Usable) {
        let by_plugin = plugin()
            .without_clusters()
            .args(["status", "-n", "default"])
            .env("KUBECONFIG", files)
            .run()
            .await;
        let differs = by_plugin.stderr.contains("No groups found") != (usable != Nobody);
        self.note(differs, || format!("{name}: {by_plugin}"));
        assert!(
            !by_plugin.stderr.contains(&self.token),
            "{name}: {by_plugin}"
        );
        if is_here("kubectl") {
            let kubectl = Command::new("kubectl")
                .args(["get", "namespace", "default"])
                .env("KUBECONFIG", files)
                .env_remove("KUBERNETES_SERVICE_HOST")
                .stdin(Stdio::null())
                .output()
                .await
                .unwrap();
            let differs = kubectl.status.success() != (usable == Both);
            self.note(differs, || format!("{name}: {kubectl:?}"));
        }
    }

    fn note(&self, differs: bool, line: impl FnOnce() -> String) {
        if differs {
            self.differences.borrow_mut().push(line());
        }
    }

    fn assert_no_differences(self) {
        let differences = self.differences.into_inner();
        assert!(differences.is_empty(), "{}", differences.join("\n\n"));
    }

    async fn check_one(&self, name: &str, bytes: &[u8], usable: Usable) {
        self.write("config", bytes);
        self.check(name, &self.path("config"), usable).await;
    }
}

#[tokio::test]
async fn fields_of_users_are_read_as_by_kubectl() {
    let odd = Odd::new();
    for (user, usable) in [
        ("token: {TOKEN}", Both),
        // Empty values are absent.
        ("username: ''\n    password: ''\n    token: {TOKEN}", Both),
        ("token: ''\n    {EXEC}", Both),
        ("token:\n    {EXEC}", Both),
        (
            "username: ''\n    tokenFile: ''\n    auth-provider: null\n    {EXEC}",
            Both,
        ),
        (
            "token: {TOKEN}\n    client-certificate-data: ''\n    client-key-data: ''",
            Both,
        ),
        (
            "token: {TOKEN}\n    client-certificate: ''\n    client-key: ''",
            Both,
        ),
        (
            "token: {TOKEN}\n    tokenFile: ''\n    as: ''\n    as-uid: ''\n    as-groups: []",
            Both,
        ),
        ("token: {TOKEN}\n    exec: null\n    extensions: null", Both),
        // Of several sources of credentials, one counts.
        ("token: wrong\n    tokenFile: token", Both),
        ("token: {TOKEN}\n    tokenFile: wrong-token", Nobody),
        ("token: {TOKEN}\n    tokenFile: /nowhere/token", Both),
        (
            "tokenFile: token\n    exec: {apiVersion: client.authentication.k8s.io/v1, command: /nowhere/x, interactiveMode: Never}",
            Both,
        ),
        ("token: {TOKEN}\n    client-key: /nowhere/key", Both),
        ("token: {TOKEN}\n    username: me", Nobody),
        ("token: {TOKEN}\n    password: secret", OnlyHere),
        ("token: {TOKEN}\n    client-certificate: ca.pem", Nobody),
        ("token: {TOKEN}\n    auth-provider: {name: oidc}", OnlyHere),
        ("auth-provider: {name: oidc}\n    {EXEC}", Nobody),
        ("auth-provider: {name: gcp}", Nobody),
        // Paths start at the kubeconfig's folder.
        ("tokenFile: token", Both),
        ("tokenFile: '{FOLDER}/token'", Both),
        ("tokenFile: nowhere", Nobody),
        // White space around a token.
        ("token: |\n      {TOKEN}", OnlyHere),
        // Credential plugins.
        (
            "exec:\n      apiVersion: client.authentication.k8s.io/v1\n      command: cat\n      args: ['{FOLDER}/give.json']",
            OnlyHere,
        ),
        (
            "exec:\n      command: cat\n      interactiveMode: Never\n      args: ['{FOLDER}/give.json']",
            OnlyHere,
        ),
        (
            "exec:\n      apiVersion: client.authentication.k8s.io/v1\n      interactiveMode: Never",
            Nobody,
        ),
        (
            "exec:\n      apiVersion: client.authentication.k8s.io/v1\n      interactiveMode: Always\n      command: cat\n      args: ['{FOLDER}/give.json']",
            Nobody,
        ),
        // Impersonation.
        ("token: {TOKEN}\n    as-groups: [system:masters]", Nobody),
        ("token: {TOKEN}\n    as-uid: '7'", Nobody),
        (
            "token: {TOKEN}\n    as: carol\n    as-groups: ['system:masters']",
            Both,
        ),
        // Doubled keys, keys that nobody knows, and values of a wrong type.
        ("token: wrong\n    token: {TOKEN}", Both),
        ("token: {TOKEN}\n    token: wrong", Nobody),
        ("token: {TOKEN}\n    unknown: {a: [b]}", Both),
        ("TOKEN: {TOKEN}", Nobody),
        ("token: 123", Nobody),
    ] {
        let bytes = odd.kubeconfig("{TLS}", user, "{cluster: c, user: u}", "");
        odd.check_one(user, &bytes, usable).await;
    }
    odd.assert_no_differences();
}

#[tokio::test]
async fn fields_of_clusters_are_read_as_by_kubectl() {
    let odd = Odd::new();
    for (cluster, usable) in [
        (
            "server: {SERVER}\n    certificate-authority-data: ''\n    certificate-authority: ca.pem",
            Both,
        ),
        (
            "server: {SERVER}\n    certificate-authority-data: {CA}\n    certificate-authority: ''",
            Both,
        ),
        (
            "server: {SERVER}\n    certificate-authority-data: {CA}\n    certificate-authority: ca.pem",
            OnlyHere,
        ),
        (
            "server: {SERVER}\n    certificate-authority: bundle.pem",
            Both,
        ),
        (
            "server: {SERVER}\n    certificate-authority: empty.pem",
            Nobody,
        ),
        (
            "server: {SERVER}\n    certificate-authority: nowhere.pem",
            Nobody,
        ),
        ("server: {SERVER}\n    certificate-authority: token", Nobody),
        (
            "server: {SERVER}\n    certificate-authority-data: '%%'",
            Nobody,
        ),
        ("server: {SERVER}", Nobody),
        (
            "server: '{SERVER}'\n    certificate-authority-data: {FOLDED}",
            Both,
        ),
        (
            "server: '{SERVER}'\n    certificate-authority-data: {BLOCK}",
            Both,
        ),
        ("server: {SERVER}\n    insecure-skip-tls-verify: true", Both),
        (
            "server: {SERVER}\n    insecure-skip-tls-verify: true\n    certificate-authority: ''",
            Both,
        ),
        ("{TLS}\n    insecure-skip-tls-verify: true", Nobody),
        ("{TLS}\n    insecure-skip-tls-verify: 'false'", Nobody),
        (
            "{TLS}\n    insecure-skip-tls-verify: null\n    disable-compression: null",
            Both,
        ),
        ("{TLS}\n    disable-compression: true", Both),
        ("{TLS}\n    tls-server-name: ''\n    proxy-url: ''", Both),
        ("{TLS}\n    tls-server-name: kubernetes", Both),
        ("{TLS}\n    tls-server-name: elsewhere.example", Nobody),
        ("{TLS}\n    proxy-url: ftp://127.0.0.1:1", Nobody),
        ("{TLS}\n    proxy-url: 127.0.0.1:1", Nobody),
        (
            "server: {SERVER}/\n    certificate-authority-data: {CA}",
            Both,
        ),
        ("server: ''\n    certificate-authority-data: {CA}", Nobody),
        (
            "server: {SERVER}/no/such/path\n    certificate-authority-data: {CA}",
            Nobody,
        ),
        ("certificate-authority-data: {CA}", Nobody),
    ] {
        let bytes = odd.kubeconfig(cluster, "token: {TOKEN}", "{cluster: c, user: u}", "");
        odd.check_one(cluster, &bytes, usable).await;
    }
    odd.assert_no_differences();
}

#[tokio::test]
async fn files_are_read_and_merged_as_by_kubectl() {
    let odd = Odd::new();
    let of = |context: &str, more: &str| odd.kubeconfig("{TLS}", "token: {TOKEN}", context, more);
    let plain = of("{cluster: c, user: u}", "");
    let text = String::from_utf8(plain.clone()).unwrap();
    for (context, more, usable) in [
        ("{cluster: c, user: u, namespace: ''}", "", Both),
        (
            "{cluster: c, user: u, extensions: [{name: x, extension: {}}]}",
            "",
            Both,
        ),
        ("{cluster: c, user: nobody}", "", Nobody),
        ("{cluster: nowhere, user: u}", "", Nobody),
        ("{cluster: c}", "", Nobody),
        ("{user: u}", "", Nobody),
        (
            "{cluster: c, user: u}",
            "kind: Config\npreferences: {}\n",
            Both,
        ),
        (
            "{cluster: c, user: u}",
            "preferences: {}\npreferences: {}\n",
            Both,
        ),
        (
            "{cluster: c, user: u}",
            "- name: incomplete\n- context: {user: u}\n",
            Both,
        ),
        ("{cluster: c, user: u}", "- name: incomplete\n", Both),
        (
            "{cluster: c, user: u}",
            "- name: c\n  context: {cluster: d}\n",
            Nobody,
        ),
        (
            "{cluster: c, user: u}",
            "extensions: null\nunknown: 1\n",
            Both,
        ),
        (
            "{cluster: c, user: u}",
            "---\nkind: Config\ncontexts: []\n",
            Both,
        ),
        (
            "{cluster: c, user: u}",
            "current-context: nowhere\n",
            Nobody,
        ),
    ] {
        odd.check_one(&format!("{context} {more}"), &of(context, more), usable)
            .await;
    }
    let utf16: Vec<u8> = std::iter::once(0xFEFF)
        .chain(text.encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect();
    for (name, bytes, usable) in [
        ("CRLF", text.replace('\n', "\r\n").into_bytes(), Both),
        ("BOM", [b"\xEF\xBB\xBF", &plain[..]].concat(), Both),
        ("UTF-16", utf16, Both),
        (
            "no kind",
            text.replace("kind: Config\n", "").into_bytes(),
            Both,
        ),
        (
            "another kind",
            text.replace("kind: Config", "kind: Pod").into_bytes(),
            Nobody,
        ),
        (
            "another version",
            text.replace("apiVersion: v1\n", "apiVersion: v2\n")
                .into_bytes(),
            Nobody,
        ),
        (
            "a tab",
            text.replace("  cluster:", "\tcluster:").into_bytes(),
            Nobody,
        ),
    ] {
        odd.check_one(name, &bytes, usable).await;
    }
    odd.write("plain", &plain);
    let old = "current-context: ''\nclusters: [{name: old, cluster: {server: 'https://127.0.0.1:9'}}]\nusers: []\ncontexts:\n";
    odd.write("old", old.as_bytes());
    odd.write(
        "other",
        text.replace("https://", "https://wrong.").as_bytes(),
    );
    let paths = |names: &[&str]| {
        let paths = names.iter().map(|name| match *name {
            "" => String::new(),
            name => odd.path(name),
        });
        paths.collect::<Vec<_>>().join(":")
    };
    for (names, usable) in [
        (&["old", "plain"][..], Both),
        (&["plain", "nowhere"], Both),
        (&["", "plain", "plain", ""], Both),
        (&["plain", "other"], Both),
        (&["other", "plain"], Nobody),
        (&["nowhere"], Nobody),
        (&["old"], Nobody),
    ] {
        odd.check(&format!("{names:?}"), &paths(names), usable)
            .await;
    }
    odd.assert_no_differences();
}
