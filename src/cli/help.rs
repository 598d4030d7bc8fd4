//! The help of the whole program: commands in groups, and the global options in one place.

use std::fmt::Write as _;

use clap::builder::StyledStr;
use clap::{Args as _, Command};

use super::GlobalArgs;

/// The commands as the help shows them.
const COMMAND_GROUPS: [(&str, &[&str]); 5] = [
    (
        "Failover groups",
        &[
            "status", "traffic", "history", "create", "set", "migrate", "delete",
        ],
    ),
    ("Automatic failover", &["watch", "pause", "resume"]),
    (
        "Traffic by hand",
        &["force", "failback", "evacuate", "return"],
    ),
    (
        "Setup and trial",
        &[
            "check",
            "install",
            "uninstall",
            "config",
            "sandbox",
            "completion",
        ],
    ),
    ("Help", &["explain", "options", "version", "help"]),
];

/// The help of clap's own command.
const HELP_COMMAND: &str = "Print the help of a command";

/// Gives the command line its help. `program` is what the user types before the command.
pub fn arrange(command: Command, program: &str) -> Command {
    let help = root_help(&command, program);
    let footer = format!("Use \"{program} options\" for global options, such as -n and --context.");
    command
        .mut_args(|argument| {
            let is_hidden = argument.is_global_set();
            argument
                .hide_short_help(is_hidden)
                .hide_long_help(is_hidden)
        })
        .mut_subcommands(|inner| with_footer(inner, &footer))
        .override_help(help)
}

fn with_footer(command: Command, footer: &str) -> Command {
    let after = match command.get_after_help() {
        Some(examples) => format!("{examples}\n\n{footer}"),
        None => footer.to_owned(),
    };
    command
        .after_help(after)
        .mut_subcommands(|inner| with_footer(inner, footer))
}

fn root_help(command: &Command, program: &str) -> StyledStr {
    let styles = command.get_styles();
    let (header, literal) = (styles.get_header(), styles.get_literal());
    let about = command
        .get_about()
        .map(ToString::to_string)
        .unwrap_or_default();
    let mut text = format!(
        "{about}\n\n{header}Usage:{header:#} {literal}{program}{literal:#} COMMAND [OPTIONS]\n"
    );
    for (heading, names) in COMMAND_GROUPS {
        let _ = writeln!(text, "\n{header}{heading}:{header:#}");
        for name in names {
            let about = command.find_subcommand(name).and_then(Command::get_about);
            let about = about.map_or(HELP_COMMAND.to_owned(), ToString::to_string);
            let _ = writeln!(text, "  {literal}{name:<11}{literal:#} {about}");
        }
    }
    if let Some(examples) = command.get_after_help() {
        let _ = writeln!(text, "\n{}", examples.ansi());
    }
    let _ = write!(
        text,
        "\nUse \"{program} COMMAND --help\" for more about a command.\n\
         Use \"{program} options\" for global options, such as -n and --context.\n"
    );
    text.into()
}

/// The global options, as `options` prints them.
pub fn global_options() -> StyledStr {
    GlobalArgs::augment_args(Command::new("options").max_term_width(super::MAX_HELP_WIDTH))
        .disable_help_flag(true)
        .mut_args(|argument| argument.help_heading(None::<&str>))
        .help_template("{options}")
        .render_help()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::CommandFactory as _;

    use super::super::Cli;
    use super::*;

    #[test]
    fn every_visible_command_is_in_one_group() {
        let mut root = Cli::command();
        root.build();
        let shown = root
            .get_subcommands()
            .filter(|command| !command.is_hide_set());
        let shown: BTreeSet<&str> = shown.map(Command::get_name).collect();
        let grouped: Vec<&str> = COMMAND_GROUPS
            .iter()
            .flat_map(|(_, names)| *names)
            .copied()
            .collect();
        assert_eq!(grouped.len(), shown.len(), "{grouped:?}");
        assert_eq!(BTreeSet::from_iter(grouped), shown);
    }

    #[test]
    fn the_help_of_a_command_has_no_global_options() {
        let mut root = arrange(Cli::command(), "kubectl failover");
        root.build();
        let force = root.find_subcommand_mut("force").unwrap();
        for help in [force.render_help(), force.render_long_help()] {
            let help = help.to_string();
            for flag in ["--context", "--kubeconfig", "--token", "--verbose"] {
                assert!(!help.contains(&format!("  {flag}")), "{help}");
            }
            assert!(
                help.contains("--duration") && help.contains("kubectl failover options"),
                "{help}"
            );
        }
    }

    #[test]
    fn all_global_options_are_listed() {
        let text = global_options().to_string();
        for flag in [
            "--context",
            "--kubeconfig",
            "--namespace",
            "--token",
            "--as-uid",
            "--color",
            "--verbose",
        ] {
            assert!(text.contains(flag), "{flag}: {text}");
        }
    }
}
