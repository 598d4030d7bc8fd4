use clap::{Arg, Command, CommandFactory as _};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

use super::{BINARY, GeneratedFile};
use crate::cli::Cli;

/// As wide as the help on a terminal, wherever the pages are made.
const WIDTH: usize = 100;
const SECTION: &str = "1";

/// One page per command, hidden ones left out.
pub fn files() -> impl Iterator<Item = GeneratedFile> {
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
        path: format!("man/{name}.{SECTION}").into(),
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
    // A blank date: an empty one would be left out, and the fields after it would move up.
    let body = Man::new(for_man(command))
        .date(" ")
        .source(source)
        .manual("kubectl failover");
    let mut text = Vec::new();
    // Writing to memory does not fail.
    let _ = body.render(&mut text);
    let mut end = Roff::default();
    if let Some(examples) = command.get_after_help() {
        add_examples(&mut end, &examples.to_string());
    }
    if let Some(parent) = parent {
        end.control("SH", ["SEE ALSO"])
            .text([roman(format!("{parent}({SECTION})"))]);
    }
    String::from_utf8_lossy(&text).into_owned() + &end.to_roff()
}

/// The command with a short synopsis, and with the help of every flag: the page's generator leaves out the help
/// of those that the short help leaves out.
fn for_man(command: &Command) -> Command {
    let usage = command.clone().render_usage().to_string();
    command
        .clone()
        .override_usage(usage.trim_start_matches("Usage:").trim().to_owned())
        .after_help(None)
        .mut_args(with_long_help)
}

fn with_long_help(argument: Arg) -> Arg {
    match (argument.get_long_help(), argument.get_help().cloned()) {
        (None, Some(help)) => argument.long_help(help),
        _ => argument,
    }
}

/// Examples are lines to copy: their line breaks stay.
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
