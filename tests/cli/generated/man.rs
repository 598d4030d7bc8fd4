//! Man pages, one for each command.

use clap::{Arg, Command, CommandFactory as _};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};
use kubectl_failover::internals::Cli;

use super::GeneratedFile;

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
    let body = Man::new(for_man(command))
        .date(" ")
        .source(source)
        .manual("kubectl failover");
    let mut text = Vec::new();
    body.render(&mut text).unwrap();
    let mut end = Roff::default();
    if let Some(examples) = command.get_after_help() {
        add_examples(&mut end, &examples.to_string());
    }
    if let Some(parent) = parent {
        end.control("SH", ["SEE ALSO"])
            .text([roman(format!("{parent}({SECTION})"))]);
    }
    String::from_utf8(text).unwrap() + &end.to_roff()
}

/// The command with a short synopsis and with the help of every flag. The generator leaves out the
/// flags that the short help leaves out.
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
