//! The definition of the command line and its help.

use clap::{Command, CommandFactory as _};
use kubectl_failover::internals::Cli;

#[test]
fn the_definition_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn every_command_has_an_example_of_itself() {
    let mut root = Cli::command().disable_help_subcommand(true);
    root.build();
    let lacking: Vec<String> = visible_commands(&root)
        .into_iter()
        .filter_map(without_example)
        .collect();
    assert!(
        lacking.is_empty(),
        "no example in the long help of: {}",
        lacking.join(", ")
    );
}

#[test]
fn every_visible_argument_is_explained() {
    let mut root = Cli::command().disable_help_subcommand(true);
    root.build();
    for command in visible_commands(&root) {
        for argument in command
            .get_arguments()
            .filter(|argument| !argument.is_hide_set())
        {
            let name = command.get_bin_name().unwrap_or_default();
            assert!(
                argument.get_help().is_some(),
                "{name}: {} has no help",
                argument.get_id()
            );
        }
    }
}

fn visible_commands(command: &Command) -> Vec<&Command> {
    let subs = command.get_subcommands().filter(|sub| !sub.is_hide_set());
    std::iter::once(command)
        .chain(subs.flat_map(visible_commands))
        .collect()
}

/// Returns the name of a command whose help has no example that calls it.
fn without_example(command: &Command) -> Option<String> {
    let name = command.get_bin_name()?.to_owned();
    let help = command.clone().render_long_help().to_string();
    let examples = help
        .split_once("Examples:\n")
        .map(|(_, examples)| examples)
        .unwrap_or_default();
    let calls = [
        format!("  {name}"),
        format!(
            "  {}",
            name.replacen("kubectl failover", "kubectl-failover", 1)
        ),
    ];
    let has_example = examples
        .lines()
        .any(|line| calls.iter().any(|call| line.starts_with(call)));
    (!has_example).then_some(name)
}

#[test]
fn the_help_of_each_command_says_what_it_is_for() {
    let root = Cli::command();
    let about = |name: &str| {
        let command = root.find_subcommand(name).unwrap_or(&root);
        command
            .get_about()
            .map(ToString::to_string)
            .unwrap_or_default()
    };
    for (name, expected) in [
        ("", "Fail services over between Linkerd clusters, and back"),
        ("check", "Check the cluster's setup and your permissions"),
        (
            "failback",
            "Send traffic back to the primary, and end a force",
        ),
        ("pause", "Pause automatic failover"),
        ("resume", "Resume automatic failover"),
        (
            "sandbox",
            "Run local throwaway clusters for demos, drills and tests",
        ),
    ] {
        assert_eq!(about(name), expected, "{name}");
    }
}

#[test]
fn flags_that_commands_share_have_the_same_help() {
    let root = Cli::command();
    for (flag, expected) in [
        ("allow", "Skip this safety check (repeatable)"),
        ("reason", "Reason, shown in status and history"),
        ("yes", "Skip the confirmation prompt"),
        ("output", "Output format"),
    ] {
        let arguments = root.get_subcommands().flat_map(Command::get_arguments);
        let help: Vec<String> = arguments
            .filter(|argument| argument.get_id() == flag)
            .filter_map(|argument| argument.get_help().map(ToString::to_string))
            .filter(|help| flag != "output" || help.starts_with(expected))
            .collect();
        assert!(help.len() > 1, "{flag}");
        assert!(
            help.iter().all(|help| help.starts_with(expected)),
            "{help:?}"
        );
    }
}
