//! The settings that are kept, each with its source.

use clap::ColorChoice;

use super::values::{self, Remotes, SettingKey};

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
                let namespace = |item: &String| match item.split_once('=') {
                    Some((context, namespace)) => (context.to_owned(), namespace.to_owned()),
                    None => (ANY_CONTEXT.to_owned(), item.clone()),
                };
                let value = values::list(text).iter().map(namespace).collect();
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
        assert!(settings.set_variable(SettingKey::Color, "pink").is_err());
    }
}
