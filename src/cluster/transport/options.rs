//! How to connect: kubectl's connection options, independent of the command line.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

use crate::text::{ConnectionFlags, without_userinfo, word};

/// The options to find and reach one cluster. Unset options come from the kubeconfig.
#[derive(Debug, Clone, Default)]
pub struct ConnectOptions {
    /// The command that connects, as in `check --rbac`. Hints about missing rights name it.
    pub rbac_command: Option<&'static str>,
    pub context: Option<String>,
    pub kubeconfig: Option<PathBuf>,
    pub namespace: Option<String>,
    pub cluster: Option<String>,
    pub user: Option<String>,
    pub server: Option<String>,
    pub token: Option<SecretString>,
    pub impersonate_user: Option<String>,
    pub impersonate_groups: Vec<String>,
    pub impersonate_uid: Option<String>,
    /// Zero means no limit.
    pub request_timeout: Option<Duration>,
    pub insecure_skip_tls_verify: bool,
    pub certificate_authority: Option<PathBuf>,
    pub client_certificate: Option<PathBuf>,
    pub client_key: Option<PathBuf>,
    pub tls_server_name: Option<String>,
}

impl ConnectOptions {
    /// Returns the same options for another context of the kubeconfig.
    #[must_use]
    pub fn with_context(&self, context: &str) -> Self {
        Self {
            context: Some(context.to_owned()),
            ..self.clone()
        }
    }

    /// Returns the same options as flags for suggested commands. `context` is None if there is no
    /// kubeconfig.
    pub fn flags(&self, context: Option<&str>) -> ConnectionFlags {
        let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
        let mut cluster = flags([
            ("--context", context.map(str::to_owned)),
            ("--kubeconfig", path(&self.kubeconfig)),
            ("--cluster", self.cluster.clone()),
            ("--server", self.server.as_deref().map(without_userinfo)),
            ("--certificate-authority", path(&self.certificate_authority)),
            ("--tls-server-name", self.tls_server_name.clone()),
        ]);
        if self.insecure_skip_tls_verify {
            cluster.push("--insecure-skip-tls-verify".to_owned());
        }
        let mut user = flags([
            ("--user", self.user.clone()),
            ("--client-certificate", path(&self.client_certificate)),
            ("--client-key", path(&self.client_key)),
            ("--as", self.impersonate_user.clone()),
            ("--as-uid", self.impersonate_uid.clone()),
        ]);
        let groups = self.impersonate_groups.iter().cloned().map(Some);
        user.extend(flags(groups.map(|group| ("--as-group", group))));
        if self.token.is_some() {
            // Secrets are not printed.
            user.push("--token …".to_owned());
        }
        ConnectionFlags::new(&cluster, &user, self.rbac_command)
    }
}

fn flags(given: impl IntoIterator<Item = (&'static str, Option<String>)>) -> Vec<String> {
    let flag = |(name, value): (_, Option<String>)| Some(format!("{name} {}", word(&value?)));
    given.into_iter().filter_map(flag).collect()
}

/// The clusters to ask about mirrored services.
#[derive(Debug, Clone, Default)]
pub struct RemoteOptions {
    /// The names of clusters, each with its context in the kubeconfig.
    pub contexts: Vec<(String, String)>,
    /// Ask every other mirrored cluster, with the credentials of Linkerd's links.
    pub from_links: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_repeated_except_for_the_token() {
        let options = ConnectOptions {
            kubeconfig: Some("a b/config".into()),
            server: Some("https://me:secret@203.0.113.1:6443".into()),
            impersonate_user: Some("bob".into()),
            impersonate_groups: vec!["ops".into(), "it's".into()],
            token: Some("secret".to_owned().into()),
            insecure_skip_tls_verify: true,
            ..ConnectOptions::default()
        };
        let reach = options.flags(Some("west"));
        let cluster = "--context west --kubeconfig 'a b/config' --server https://203.0.113.1:6443 \
                       --insecure-skip-tls-verify";
        assert_eq!(reach.cluster(), cluster);
        let user = r"--as bob --as-group ops --as-group 'it'\''s' --token … -n ns";
        assert_eq!(reach.within("ns"), format!("{cluster} {user}"));
        assert_eq!(ConnectOptions::default().flags(None).within("ns"), "-n ns");
        assert_eq!(ConnectOptions::default().flags(None).scoped(None), "-A");
        let reach = ConnectOptions::default()
            .flags(Some("west"))
            .with_remotes("--remote east=e".into());
        assert_eq!(
            reach.for_plugin("ns"),
            "--context west -n ns --remote east=e"
        );
        assert_eq!(reach.within("ns"), "--context west -n ns");
    }
}
