//! Man pages, one for each command.

use clap::{Arg, Command, CommandFactory as _};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};
use kubectl_failover::internals::Cli;

use super::GeneratedFile;
use super::described::{ENVIRONMENT, FILES, description, exit_codes};

/// The folder of the pages.
pub const FOLDER: &str = "man";
/// The name of the binary, and the first part of the name of each page.
const BINARY: &str = "kubectl-failover";
/// The width of the help, wherever the pages are generated.
const WIDTH: usize = 100;
const SECTION: &str = "1";

/// Returns one page for each command that is not hidden.
pub fn pages() -> impl Iterator<Item = GeneratedFile> {
    let mut root = Cli::command()
        .disable_help_subcommand(true)
        .term_width(WIDTH);
    root.build();
    let mut pages = Vec::new();
    collect(&root, None, &mut pages);
    pages.into_iter()
}

fn collect(command: &Command, parent: Option<&str>, pages: &mut Vec<GeneratedFile>) {
    let name = page_name(command);
    pages.push(GeneratedFile {
        path: format!("{FOLDER}/{name}.{SECTION}").into(),
        content: page(command, parent).into_bytes(),
    });
    for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
        collect(sub, Some(&name), pages);
    }
}

fn page_name(command: &Command) -> String {
    command.get_display_name().unwrap_or(BINARY).to_owned()
}

fn page(command: &Command, parent: Option<&str>) -> String {
    let source = format!("{BINARY} {}", env!("CARGO_PKG_VERSION"));
    // An empty date would be left out, and the fields after it would move up.
    let body = Man::new(for_man(command, parent.is_none()))
        .date(" ")
        .source(source)
        .manual("kubectl failover");
    let mut text = Vec::new();
    body.render(&mut text).unwrap();
    let mut end = Roff::default();
    if let Some(parent) = parent {
        let root = parent.split('-').take(2).collect::<Vec<_>>().join("-");
        end.text([roman(format!(
            "{root}({SECTION}) has the options that every command takes."
        ))]);
    }
    add_list(&mut end, "EXIT STATUS", exit_codes());
    add_list(&mut end, "ENVIRONMENT", ENVIRONMENT);
    add_list(&mut end, "FILES", FILES);
    if let Some(examples) = command.get_after_help() {
        add_examples(&mut end, &examples.to_string());
    }
    if let Some(parent) = parent {
        end.control("SH", ["SEE ALSO"])
            .text([roman(format!("{parent}({SECTION})"))]);
    }
    String::from_utf8(text).unwrap() + &end.to_roff()
}

/// The command with a short synopsis, the description of the documentation, and the help of its own
/// flags. The generator leaves out the flags that the short help leaves out.
fn for_man(command: &Command, is_root: bool) -> Command {
    let usage = command.clone().render_usage().to_string();
    let described = match description(command.get_name()) {
        Some(description) => command.clone().long_about(description),
        None => command.clone(),
    };
    described
        .override_usage(usage.trim_start_matches("Usage:").trim().to_owned())
        .after_help(None)
        .mut_args(|argument| {
            let is_elsewhere = argument.is_global_set() && !is_root;
            with_long_help(argument).hide(is_elsewhere)
        })
}

fn with_long_help(argument: Arg) -> Arg {
    match (argument.get_long_help(), argument.get_help().cloned()) {
        (None, Some(help)) => argument.long_help(help),
        _ => argument,
    }
}

fn add_list<N: AsRef<str>, W: AsRef<str>>(
    roff: &mut Roff,
    heading: &str,
    entries: impl IntoIterator<Item = (N, W)>,
) {
    roff.control("SH", [heading]);
    for (name, words) in entries {
        roff.control("TP", [])
            .text([bold(name.as_ref())])
            .text([roman(words.as_ref())]);
    }
}

/// Adds the examples with their line breaks, since readers copy them.
fn add_examples(roff: &mut Roff, text: &str) {
    roff.control("SH", ["EXAMPLES"]).control("nf", []);
    for line in text
        .lines()
        .map(str::trim)
        .filter(|line| *line != "Examples:")
    {
        roff.text([roman(line)]);
    }
    roff.control("fi", []);
}
