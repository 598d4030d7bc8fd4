//! The settings that are kept, each with its source.

use std::fmt;

use clap::ColorChoice;

use super::values::{self, Remotes, SettingKey};
use crate::problem::Problem;

/// A key that stands for every context.
pub const ANY_CONTEXT: &str = "*";

/// Where a value comes from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Source {
    #[default]
    Default,
    /// A line of the file.
    File(u64),
    Variable(&'static str),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(line) => write!(f, "file, line {line}"),
            Self::Variable(name) => write!(f, "variable {name}"),
        }
    }
}

impl Source {
    /// Names the source of a value that led to an error.
    pub fn blame<T>(self, setting: &str, result: anyhow::Result<T>) -> anyhow::Result<T> {
        result.map_err(|error| match error.downcast::<Problem>() {
            Ok(problem) => {
                let line = format!(
                    "{setting} comes from your settings ({self}); see kubectl failover config view"
                );
                problem.next(line).into()
            }
            Err(error) => error,
        })
    }
}

/// A value and its source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Setting<T> {
    pub value: T,
    pub source: Source,
}

/// All settings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    pub color: Setting<ColorChoice>,
    /// The contexts that `status` shows if none is named.
    pub contexts: Setting<Vec<String>>,
    /// Namespaces by context.
    pub namespaces: Setting<Vec<(String, String)>>,
    /// The contexts of remote clusters, by the local context and the cluster's name.
    pub remotes: Setting<Vec<(String, Remotes)>>,
}

impl Settings {
    /// # Errors
    /// What is expected in place of the text.
    pub fn set_variable(&mut self, key: SettingKey, text: &str) -> Result<(), String> {
        let source = Source::Variable(key.variable());
        match key {
            SettingKey::Color => {
                self.color = Setting {
                    value: values::color(text)?,
                    source,
                }
            }
            SettingKey::Contexts => {
                let value = values::list(text);
                self.contexts = Setting { value, source };
            }
            SettingKey::Namespaces => {
                let value = values::namespaces(text, ANY_CONTEXT)?;
                self.namespaces = Setting { value, source };
            }
            SettingKey::Remotes => {
                let value = vec![(ANY_CONTEXT.to_owned(), values::remotes(text)?)];
                self.remotes = Setting { value, source };
            }
        }
        Ok(())
    }

    /// The namespace to use in a context.
    pub fn namespace(&self, context: &str) -> Option<&String> {
        of_context(&self.namespaces.value, context)
    }

    /// The remote clusters of a context.
    pub fn remotes(&self, context: &str) -> Option<&Remotes> {
        of_context(&self.remotes.value, context)
    }

    /// Whether a setting depends on the context.
    pub fn depend_on_context(&self) -> bool {
        !self.namespaces.value.is_empty() || !self.remotes.value.is_empty()
    }
}

fn of_context<'a, T>(entries: &'a [(String, T)], context: &str) -> Option<&'a T> {
    let find = |name: &str| entries.iter().find(|(key, _)| key == name);
    find(context)
        .or_else(|| find(ANY_CONTEXT))
        .map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_context_has_its_own_value_or_that_of_any() {
        let mut settings = Settings::default();
        settings
            .set_variable(SettingKey::Namespaces, "west=shop,pay")
            .unwrap();
        assert_eq!(settings.namespace("west").unwrap(), "shop");
        assert_eq!(settings.namespace("east").unwrap(), "pay");
        settings
            .set_variable(SettingKey::Remotes, "east=east-context")
            .unwrap();
        assert_eq!(
            settings.remotes("west").unwrap(),
            &[("east".to_owned(), "east-context".to_owned())]
        );
        assert!(settings.set_variable(SettingKey::Remotes, "east").is_err());
        for text in ["west=", "=shop", "="] {
            let set = settings.set_variable(SettingKey::Namespaces, text);
            assert!(set.is_err(), "{text}");
        }
        assert!(settings.set_variable(SettingKey::Color, "pink").is_err());
    }
}
