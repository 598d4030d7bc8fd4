//! Generates `docs/reference`: a page of Markdown for each command, from clap's definition.

use std::fmt::Write as _;
use std::path::Path;

use clap::builder::{PossibleValue, StyledStr};
use clap::{Arg, Command, CommandFactory as _};
use kubectl_failover::internals::Cli;
use kubectl_failover::internals::explain::{TopicKind, topics};

use super::GeneratedFile;

pub const FOLDER: &str = "docs/reference";

const NOTICE: &str = "<!-- Generated from the command line's definition. To generate it again: \
                      REGENERATE=1 cargo test --test cli stale -->";

/// Returns a page for each command that is not hidden.
pub fn pages() -> impl Iterator<Item = GeneratedFile> {
    let mut root = Cli::command().disable_help_subcommand(true);
    root.build();
    let mut pages = Vec::new();
    collect(&root, None, &mut pages);
    pages.into_iter()
}

fn collect(command: &Command, parent: Option<&Command>, pages: &mut Vec<GeneratedFile>) {
    pages.push(GeneratedFile {
        path: Path::new(FOLDER).join(file_name(command)),
        content: page(command, parent).into_bytes(),
    });
    for sub in visible_subcommands(command) {
        collect(sub, Some(command), pages);
    }
}

fn visible_subcommands(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|sub| !sub.is_hide_set())
}

/// The command as it is typed: `kubectl failover status`.
fn full_name(command: &Command) -> &str {
    command.get_bin_name().unwrap_or(command.get_name())
}

fn file_name(command: &Command) -> String {
    full_name(command).replace(' ', "-") + ".md"
}

fn page(command: &Command, parent: Option<&Command>) -> String {
    let about = command.get_long_about().or_else(|| command.get_about());
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage:").trim();
    let mut text = format!("{NOTICE}\n\n# {}\n", full_name(command));
    paragraph(&mut text, &plain(about));
    code(&mut text, usage);
    let after = plain(command.get_after_help());
    let (words, examples) = after.split_once("Examples:").unwrap_or((&after, ""));
    paragraph(&mut text, words.trim());
    if !examples.is_empty() {
        text += "\n## Examples\n";
        let lines: Vec<&str> = examples.lines().map(str::trim).collect();
        code(&mut text, lines.join("\n").trim());
    }
    subcommands(&mut text, command);
    let (own, global): (Vec<&Arg>, Vec<&Arg>) = command
        .get_arguments()
        .filter(|argument| !argument.is_hide_set())
        .partition(|argument| !argument.is_global_set());
    let (positional, flags): (Vec<&Arg>, Vec<&Arg>) = own
        .into_iter()
        .partition(|argument| argument.is_positional());
    table(&mut text, "Arguments", &positional);
    table(&mut text, "Options", &flags);
    if command.get_name() == "explain" {
        topics_tables(&mut text);
    }
    if let Some(parent) = parent {
        let root = "kubectl-failover.md#options-for-every-command";
        let _ = writeln!(
            text,
            "\n[Options for every command]({root}), such as `--context` and `--namespace`, work here too.\n\
             \nSee also: [{}]({})",
            full_name(parent),
            file_name(parent)
        );
    } else {
        table(&mut text, "Options for every command", &global);
    }
    text
}

/// What `explain` says.
fn topics_tables(text: &mut String) {
    for kind in TopicKind::ALL {
        let _ = write!(
            text,
            "\n## {}\n\n| {} | meaning | what to do |\n|---|---|---|\n",
            kind.heading(),
            kind.name()
        );
        let mut topics = topics();
        topics.retain(|topic| topic.kind == kind);
        for topic in topics {
            let _ = writeln!(
                text,
                "| `{}` | {} | {} |",
                topic.name,
                escaped(topic.means),
                in_one_line(topic.next)
            );
        }
    }
}

/// Puts the commands, which have lines of their own, between backticks.
fn in_one_line(words: &str) -> String {
    let line = |line: &str| match line.strip_prefix("  ") {
        Some(command) => format!("`{command}`"),
        None => escaped(line),
    };
    words.lines().map(line).collect::<Vec<_>>().join(" ")
}

fn plain(text: Option<&StyledStr>) -> String {
    text.map(ToString::to_string).unwrap_or_default()
}

fn paragraph(text: &mut String, words: &str) {
    if !words.is_empty() {
        let _ = writeln!(text, "\n{}", escaped(words));
    }
}

fn code(text: &mut String, lines: &str) {
    let _ = writeln!(text, "\n```\n{lines}\n```");
}

fn subcommands(text: &mut String, command: &Command) {
    let mut subs = visible_subcommands(command).peekable();
    if subs.peek().is_none() {
        return;
    }
    text.push_str("\n## Commands\n\n| command | what it does |\n|---|---|\n");
    for sub in subs {
        let about = escaped(&plain(sub.get_about()));
        let _ = writeln!(
            text,
            "| [`{}`]({}) | {about} |",
            full_name(sub),
            file_name(sub)
        );
    }
}

fn table(text: &mut String, heading: &str, arguments: &[&Arg]) {
    if arguments.is_empty() {
        return;
    }
    let column = heading.split(' ').next().unwrap_or_default().to_lowercase();
    let column = column.trim_end_matches('s');
    let _ = write!(
        text,
        "\n## {heading}\n\n| {column} | meaning |\n|---|---|\n"
    );
    for argument in arguments {
        let _ = writeln!(text, "| {} | {} |", spelling(argument), meaning(argument));
    }
}

/// How an argument is typed: `-o`, `--output FORMAT`.
fn spelling(argument: &Arg) -> String {
    let takes_value = argument.get_action().takes_values();
    let values = argument.get_value_names().unwrap_or_default().join(" ");
    if argument.is_positional() {
        return format!("`{values}`");
    }
    let short = argument.get_short().map(|short| format!("`-{short}`, "));
    let long = argument.get_long().unwrap_or_default();
    let is_optional = argument
        .get_num_args()
        .is_some_and(|count| count.min_values() == 0);
    let value = match (takes_value, is_optional) {
        (false, _) => String::new(),
        (true, true) => format!("[={values}]"),
        (true, false) => format!(" {values}"),
    };
    format!("{}`--{long}{value}`", short.unwrap_or_default())
}

fn meaning(argument: &Arg) -> String {
    let help = argument.get_long_help().or_else(|| argument.get_help());
    let mut text = plain(help).replace('\n', " ");
    let takes_value = argument.get_action().takes_values();
    let choices = argument.get_possible_values();
    let choices: Vec<String> = choices
        .iter()
        .filter(|choice| !choice.is_hide_set())
        .map(choice_words)
        .collect();
    text = escaped(&text);
    if !choices.is_empty() && takes_value {
        let _ = write!(text, ". One of: {}", choices.join(", "));
    }
    let defaults: Vec<String> = argument
        .get_default_values()
        .iter()
        .map(|value| format!("`{}`", value.display()))
        .collect();
    if takes_value && !defaults.is_empty() && !argument.is_hide_default_value_set() {
        let _ = write!(text, ". Default: {}", defaults.join(", "));
    }
    text
}

fn choice_words(choice: &PossibleValue) -> String {
    let name = format!("`{}`", choice.get_name());
    match choice.get_help() {
        Some(help) => format!("{name} ({})", escaped(&help.to_string())),
        None => name,
    }
}

/// Keeps Markdown from reading a text's angle brackets and bars as its own.
fn escaped(text: &str) -> String {
    text.replace('<', "&lt;").replace('|', "\\|")
}
