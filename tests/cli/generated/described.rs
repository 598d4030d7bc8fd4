//! What the man pages say besides the flags: the description, from the pages in docs, and what holds
//! for every command.

use kubectl_failover::internals::explain::{TopicKind, topics};

use crate::support::repository;

/// The variables that commands read.
pub const ENVIRONMENT: [(&str, &str); 10] = [
    (
        "KUBECONFIG",
        "The kubeconfig, or a list of them, if --kubeconfig is not given.",
    ),
    (
        "LINKERD_NAMESPACE",
        "The namespace of Linkerd's control plane, if --linkerd-namespace is not given.",
    ),
    (
        "FAILOVER_COLOR, FAILOVER_CONTEXTS, FAILOVER_NAMESPACES, FAILOVER_REMOTES",
        "Settings, above those of the file and below flags; see config view.",
    ),
    (
        "XDG_CONFIG_HOME",
        "The folder for settings [default: ~/.config].",
    ),
    ("NO_COLOR", "If it is not empty, the output has no colors."),
    (
        "HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY",
        "The proxies to use, and what to reach without one.",
    ),
    (
        "SSL_CERT_FILE, SSL_CERT_DIR",
        "The certificate authorities to trust, in place of the system's.",
    ),
    (
        "XDG_STATE_HOME",
        "The folder for the data of the sandbox [default: ~/.local/state].",
    ),
    (
        "XDG_CACHE_HOME",
        "The folder for the programs of the sandbox [default: ~/.cache].",
    ),
    (
        "FAILOVER_GROUP, FAILOVER_TO …",
        "Set for the program of watch --on-transition; not read.",
    ),
];

/// The files that commands read or write.
pub const FILES: [(&str, &str); 3] = [
    ("~/.kube/config", "The kubeconfig, as for kubectl."),
    (
        "~/.config/kubectl-failover/config.yaml",
        "Settings that stay: color, contexts, namespaces and remotes.",
    ),
    (
        "~/.local/state/kubectl-failover",
        "The data of the sandbox.",
    ),
];

/// The exit codes, as `explain` has them.
pub fn exit_codes() -> Vec<(String, String)> {
    let mut codes = topics();
    codes.retain(|topic| topic.kind == TopicKind::ExitCode);
    let line = |topic: kubectl_failover::internals::explain::Topic| {
        (
            topic.name,
            format!("{}. {}", capital(topic.short), topic.means),
        )
    };
    codes.into_iter().map(line).collect()
}

fn capital(words: &str) -> String {
    let (first, rest) = words.split_at(1);
    first.to_uppercase() + rest
}

/// The first paragraph about a command in the documentation, as plain text.
pub fn description(command: &str) -> Option<String> {
    let (page, heading) = match command {
        "watch" | "migrate" | "sandbox" => (format!("docs/{command}.md"), None),
        "pause" | "resume" => commands_page("pause and resume"),
        _ => commands_page(command),
    };
    let text = std::fs::read_to_string(repository().join(page)).ok()?;
    let mut lines = text.lines();
    if let Some(heading) = heading {
        lines.find(|line| *line == heading)?;
    } else {
        lines.find(|line| line.starts_with("# "))?;
    }
    let words: Vec<&str> = lines
        .skip_while(|line| line.is_empty())
        .take_while(|line| !line.is_empty())
        .collect();
    Some(plain(&words.join(" ")))
}

fn commands_page(section: &str) -> (String, Option<String>) {
    ("docs/commands.md".to_owned(), Some(format!("## {section}")))
}

/// Removes the backticks and the targets of links.
fn plain(markdown: &str) -> String {
    let mut text = String::new();
    let mut rest = markdown;
    while let Some((before, after)) = rest.split_once("](") {
        text.push_str(before);
        rest = after.split_once(')').map_or("", |(_, after)| after);
    }
    text.push_str(rest);
    text.replace(['`', '[', '*'], "")
}
