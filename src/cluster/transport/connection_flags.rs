use super::options::ConnectOptions;
use crate::text::{without_userinfo, word};

/// The flag that asks for the credentials of Linkerd's links; of those for other clusters the last one.
pub const FROM_LINKS: &str = "--remote-from-links";

/// Of a cluster that was not even connected to.
pub static NOWHERE: ConnectionFlags = ConnectionFlags {
    cluster: String::new(),
    all: String::new(),
    remotes: String::new(),
    rbac_command: None,
};

/// The flags by which a command line that is suggested reaches the same cluster as the same user.
#[derive(Debug, Clone, Default)]
pub struct ConnectionFlags {
    cluster: String,
    all: String,
    /// The clusters that may be asked about its mirrors.
    remotes: String,
    rbac_command: Option<&'static str>,
}

impl ConnectionFlags {
    /// `context` is the one of the kubeconfig that is used; none where there is no kubeconfig.
    pub fn of(options: &ConnectOptions, context: Option<&str>) -> Self {
        let path = |path: &Option<std::path::PathBuf>| {
            path.as_ref().map(|path| path.display().to_string())
        };
        let cluster = [
            ("--context", context.map(str::to_owned)),
            ("--kubeconfig", path(&options.kubeconfig)),
            ("--cluster", options.cluster.clone()),
            ("--server", options.server.as_deref().map(without_userinfo)),
            (
                "--certificate-authority",
                path(&options.certificate_authority),
            ),
            ("--tls-server-name", options.tls_server_name.clone()),
        ];
        let groups = options
            .impersonate_groups
            .iter()
            .map(|group| ("--as-group", Some(group.clone())));
        let user = [
            ("--user", options.user.clone()),
            ("--client-certificate", path(&options.client_certificate)),
            ("--client-key", path(&options.client_key)),
            ("--as", options.impersonate_user.clone()),
            ("--as-uid", options.impersonate_uid.clone()),
        ];
        let mut cluster = words(cluster);
        if options.insecure_skip_tls_verify {
            cluster.push("--insecure-skip-tls-verify".to_owned());
        }
        let mut all = [cluster.clone(), words(user), words(groups)].concat();
        if options.token.is_some() {
            // The token itself is nobody's to read.
            all.push("--token …".to_owned());
        }
        Self {
            cluster: cluster.join(" "),
            all: all.join(" "),
            remotes: String::new(),
            rbac_command: options.rbac_command,
        }
    }

    /// The same, with the flags that name other clusters.
    #[must_use]
    pub fn with_remotes(self, remotes: String) -> Self {
        Self { remotes, ..self }
    }

    /// The same cluster, for whoever has other rights there.
    pub fn cluster(&self) -> &str {
        &self.cluster
    }

    /// The command that runs, as `check --rbac` takes it.
    pub fn rbac_command(&self) -> &'static str {
        self.rbac_command.unwrap_or("COMMAND")
    }

    pub fn all(&self) -> &str {
        &self.all
    }

    /// The same, for kubectl in a namespace.
    pub fn within(&self, namespace: &str) -> String {
        format!("{} -n {}", self.all, word(namespace))
            .trim_start()
            .to_owned()
    }

    /// The same, for our own commands in a namespace: they take the other clusters too.
    pub fn for_plugin(&self, namespace: &str) -> String {
        format!("{} {}", self.within(namespace), self.remotes)
            .trim_end()
            .to_owned()
    }

    /// Whether the other clusters are asked by the credentials of Linkerd's links.
    pub fn has_links(&self) -> bool {
        self.remotes.ends_with(FROM_LINKS)
    }

    /// The same, in a namespace or in all.
    pub fn scoped(&self, namespace: Option<&str>) -> String {
        match namespace {
            Some(namespace) => self.within(namespace),
            None => format!("{} -A", self.all).trim_start().to_owned(),
        }
    }
}

fn words(flags: impl IntoIterator<Item = (&'static str, Option<String>)>) -> Vec<String> {
    let given = flags
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)));
    given
        .map(|(name, value)| format!("{name} {}", word(&value)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_was_given_but_the_token() {
        let options = ConnectOptions {
            kubeconfig: Some("a b/config".into()),
            server: Some("https://me:secret@203.0.113.1:6443".into()),
            impersonate_user: Some("bob".into()),
            impersonate_groups: vec!["ops".into(), "it's".into()],
            token: Some("secret".to_owned().into()),
            insecure_skip_tls_verify: true,
            ..ConnectOptions::default()
        };
        let reach = ConnectionFlags::of(&options, Some("west"));
        let cluster = "--context west --kubeconfig 'a b/config' --server https://203.0.113.1:6443 \
                       --insecure-skip-tls-verify";
        assert_eq!(reach.cluster(), cluster);
        let user = r"--as bob --as-group ops --as-group 'it'\''s' --token … -n ns";
        assert_eq!(reach.within("ns"), format!("{cluster} {user}"));
        assert_eq!(
            ConnectionFlags::of(&ConnectOptions::default(), None).within("ns"),
            "-n ns"
        );
        assert_eq!(
            ConnectionFlags::of(&ConnectOptions::default(), None).scoped(None),
            "-A"
        );
        let reach = ConnectionFlags::of(&ConnectOptions::default(), Some("west"))
            .with_remotes("--remote east=e".into());
        assert_eq!(
            reach.for_plugin("ns"),
            "--context west -n ns --remote east=e"
        );
        assert_eq!(reach.within("ns"), "--context west -n ns");
    }
}
