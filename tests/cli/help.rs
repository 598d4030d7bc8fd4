use clap::{Command, CommandFactory as _};
use kubectl_failover::cli::Cli;

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

/// The name of a command whose help has no example that calls it.
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
