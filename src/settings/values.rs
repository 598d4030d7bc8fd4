//! The keys of settings, and the forms of their values.

use clap::{ColorChoice, ValueEnum as _};

/// The name and the context of each remote cluster.
pub type Remotes = Vec<(String, String)>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingKey {
    Color,
    Contexts,
    Namespaces,
    Remotes,
}

impl SettingKey {
    pub const ALL: [Self; 4] = [Self::Color, Self::Contexts, Self::Namespaces, Self::Remotes];

    /// The key in the file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Color => "color",
            Self::Contexts => "contexts",
            Self::Namespaces => "namespaces",
            Self::Remotes => "remotes",
        }
    }

    /// The variable of the environment. The variables of hooks have other names.
    pub fn variable(self) -> &'static str {
        match self {
            Self::Color => "FAILOVER_COLOR",
            Self::Contexts => "FAILOVER_CONTEXTS",
            Self::Namespaces => "FAILOVER_NAMESPACES",
            Self::Remotes => "FAILOVER_REMOTES",
        }
    }
}

pub fn color(text: &str) -> Result<ColorChoice, String> {
    ColorChoice::from_str(text, false).map_err(|_| "expected auto, always or never".to_owned())
}

/// The items between commas.
pub fn list(text: &str) -> Vec<String> {
    let items = text.split(',').map(str::trim);
    items
        .filter(|item| !item.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Namespaces by context. One without a context is that of `any`.
pub fn namespaces(text: &str, any: &str) -> Result<Vec<(String, String)>, String> {
    let namespace = |item: String| match item.split_once('=') {
        None => Ok((any.to_owned(), item)),
        Some((context, namespace)) if !context.is_empty() && !namespace.is_empty() => {
            Ok((context.to_owned(), namespace.to_owned()))
        }
        Some(_) => Err("expected NAMESPACE or CONTEXT=NAMESPACE".to_owned()),
    };
    list(text).into_iter().map(namespace).collect()
}

pub fn remotes(text: &str) -> Result<Remotes, String> {
    let remote = |item: String| match item.split_once('=') {
        Some((name, context)) if !name.is_empty() && !context.is_empty() => {
            Ok((name.to_owned(), context.to_owned()))
        }
        _ => Err("expected clusters and their contexts, such as east=CONTEXT".to_owned()),
    };
    list(text).into_iter().map(remote).collect()
}
