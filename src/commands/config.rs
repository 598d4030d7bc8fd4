//! `config view`: the settings, and where each value comes from.

use clap::ValueEnum as _;

use super::env::CommandEnv;
use crate::cli::{ConfigCommand, ConfigViewArgs, DocumentFormat};
use crate::problem::Exit;
use crate::settings::{self, ANY_CONTEXT, Source};
use crate::view::config::{ConfigDocument, ShownSetting};
use crate::view::formats::{json, yaml};

pub fn run(env: &CommandEnv, command: &ConfigCommand) -> anyhow::Result<Exit> {
    let ConfigCommand::View(ConfigViewArgs { output }) = command;
    let path = settings::path();
    let exists = path.as_ref().is_some_and(|path| path.exists());
    let path = path.map(|path| path.display().to_string());
    let document = ConfigDocument::new(path, exists, shown(env));
    env.print(&match output {
        DocumentFormat::Text => document.text(),
        DocumentFormat::Json => json(&document)?,
        DocumentFormat::Yaml => yaml(&document)?,
    })
}

fn shown(env: &CommandEnv) -> Vec<ShownSetting> {
    let settings = &env.settings;
    let color = env.flags.color.unwrap_or(settings.color.value);
    let color = color.to_possible_value().map(|it| it.get_name().to_owned());
    let from_flag = |flag: &str, given: bool, source: Source| match given {
        true => format!("flag {flag}"),
        false => source.to_string(),
    };
    let row = |name: String, value: String, from: String| ShownSetting { name, value, from };
    let mut rows = vec![
        row(
            "color".to_owned(),
            color.unwrap_or_default(),
            from_flag("--color", env.flags.color.is_some(), settings.color.source),
        ),
        row(
            "contexts".to_owned(),
            settings.contexts.value.join(","),
            settings.contexts.source.to_string(),
        ),
    ];
    match &env.flags.namespace {
        Some(namespace) => rows.push(row(
            of_context("namespaces", ANY_CONTEXT),
            namespace.clone(),
            "flag --namespace".to_owned(),
        )),
        None => rows.extend(
            settings
                .namespaces
                .value
                .iter()
                .map(|(context, namespace)| {
                    let name = of_context("namespaces", context);
                    row(
                        name,
                        namespace.clone(),
                        settings.namespaces.source.to_string(),
                    )
                }),
        ),
    }
    for (context, remotes) in &settings.remotes.value {
        rows.extend(remotes.iter().map(|(cluster, reached)| {
            let name = format!("{}.{cluster}", of_context("remotes", context));
            row(name, reached.clone(), settings.remotes.source.to_string())
        }));
    }
    rows
}

fn of_context(setting: &str, context: &str) -> String {
    format!("{setting}.{context}")
}
