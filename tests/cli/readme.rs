//! The documents agree with the program.

use std::collections::BTreeSet;

use clap::{Arg, Command, CommandFactory as _, ValueEnum as _};
use kubectl_failover::internals::Cli;
use kubectl_failover::internals::rights::{
    BREAKER, LINKS, REMOTE, RbacCommand, ResourceNames, Right,
};
use kubectl_failover::model::{Flags, State};
use kubectl_failover::resource::annotations::{
    LAST_MOVE, MIGRATED_FROM, OVERRIDE, PAUSED, POLICY_KEYS,
};

use crate::support::repository;

/// The pages about the command line.
const PAGES: [&str; 13] = [
    "README.md",
    "SECURITY.md",
    "docs/commands.md",
    "docs/concepts.md",
    "docs/migrate.md",
    "docs/multicluster.md",
    "docs/rbac.md",
    "docs/routes.md",
    "docs/sandbox.md",
    "docs/scripting.md",
    "docs/traffic.md",
    "docs/watch.md",
    "docs/without-a-loop.md",
];

/// The README should be short enough to read at once.
const MAX_README_BYTES: usize = 12 * 1024;

fn read(path: &str) -> String {
    std::fs::read_to_string(repository().join(path)).expect("the file")
}

#[test]
fn the_first_page_is_short() {
    let length = read("README.md").len();
    assert!(length <= MAX_README_BYTES, "README.md has {length} bytes");
}

#[test]
fn every_command_has_a_line() {
    let page = read("README.md");
    for command in Cli::command().get_subcommands() {
        let about = command.get_about().expect("a description").to_string();
        let name = command.get_name();
        let row = page
            .lines()
            .find(|line| line.starts_with(&format!("| [`{name}`](")));
        let row = row.unwrap_or_else(|| {
            let wanted = format!("| [`{name}`](docs/commands.md#{name}) | {about} |");
            panic!("the table of commands in README.md needs this row:\n{wanted}")
        });
        assert!(
            row.ends_with(&format!(" | {about} |")),
            "README.md should say of {name}: {about}"
        );
    }
}

#[test]
fn every_state_flag_and_annotation_is_explained() {
    let page = read("docs/concepts.md");
    let states = State::ALL.iter().map(|state| format!("{state:?}"));
    let others = Flags::NAMES.iter().chain(&POLICY_KEYS);
    let others = others.chain(&[OVERRIDE, PAUSED, LAST_MOVE, MIGRATED_FROM]);
    for name in states.chain(others.map(ToString::to_string)) {
        let is_explained = page.lines().any(|line| {
            line.starts_with("| `")
                && line
                    .split(" | ")
                    .next()
                    .is_some_and(|cell| cell.contains(&format!("`{name}`")))
        });
        assert!(is_explained, "docs/concepts.md should explain {name}");
    }
}

#[test]
fn the_flags_that_the_documents_name_exist() {
    let mut root = Cli::command();
    root.build();
    let mut flags = BTreeSet::new();
    collect_flags(&root, &mut flags);
    let commands: Vec<&str> = root.get_subcommands().map(Command::get_name).collect();
    let mut count = 0;
    for page in PAGES {
        let text = read(page);
        let examples = text
            .lines()
            .filter(|line| line.starts_with("$ kubectl failover "));
        let spans = text.split('`').filter(|code| {
            let first = code.split(' ').next().unwrap_or_default();
            first.starts_with("--") || commands.contains(&first)
        });
        for code in examples.chain(spans) {
            // What comes after is another program's.
            let own = [" -- ", " | ", " '", " \""].map(|end| code.find(end).unwrap_or(code.len()));
            let own = &code[..own.into_iter().min().unwrap_or_default()];
            for word in own.split([' ', '|', '=', '[']) {
                let Some(flag) = word.strip_prefix("--") else {
                    continue;
                };
                count += 1;
                assert!(flags.contains(flag), "{page} names --{flag}: {own}");
            }
        }
    }
    assert!(count > 100, "only {count} flags are looked at");
}

fn collect_flags(command: &Command, flags: &mut BTreeSet<String>) {
    let longs = command.get_arguments().filter_map(Arg::get_long);
    flags.extend(longs.map(str::to_owned));
    for sub in command.get_subcommands() {
        collect_flags(sub, flags);
    }
}

#[test]
fn the_demo_is_quoted_from_its_transcript() {
    let transcript = read("docs/demo.txt");
    let page = read("README.md");
    let demo = page.split("\n```\n1. ").nth(1).expect("the demo");
    let quoted = demo.split("\n```").next().unwrap_or_default();
    for line in format!("1. {quoted}").lines().filter(|line| *line != "…") {
        assert!(
            transcript.lines().any(|said| said == line),
            "docs/demo.txt does not have\n{line}"
        );
    }
}

#[test]
fn the_table_of_rights_matches_the_code() {
    let page = read("docs/rbac.md");
    let words = |right: &Right| {
        let named = match right.names {
            ResourceNames::All => "",
            ResourceNames::OwnLease => " named `kubectl-failover`",
            ResourceNames::Journal => " named `kubectl-failover-journal`",
        };
        format!("{}{named}: {}", right.resource, right.verbs.join(", "))
    };
    // The rights of `install` and `uninstall` are described, they are too many for a row.
    let all = RbacCommand::value_variants().iter();
    for task in all.filter(|task| !task.is_of_the_cluster()) {
        let rights = task.rights();
        let carriers = rights.iter().filter(|right| right.carrier().is_some());
        let verbs = carriers.map(|right| right.verbs).next().unwrap_or_default();
        let others = rights
            .iter()
            .filter(|right| right.carrier().is_none())
            .map(words);
        let rights: Vec<String> = std::iter::once(format!("groups: {}", verbs.join(", ")))
            .chain(others)
            .collect();
        let row = format!("| `{}` | {} |", task.name(), rights.join("; "));
        assert!(
            page.contains(&row),
            "docs/rbac.md should have the row\n{row}"
        );
    }
    let breaker = BREAKER.each_ref().map(words).join("; ");
    let row = format!("| `create` and `set` with `--breaker` | {breaker} |");
    assert!(
        page.contains(&row),
        "docs/rbac.md should have the row\n{row}"
    );
    for (flag, right) in [
        ("`--remote`, in the other cluster", &REMOTE),
        (
            "`--remote-from-links`, in namespace `linkerd-multicluster`",
            &LINKS,
        ),
    ] {
        let row = format!("| {flag} | {} |", words(right));
        assert!(
            page.contains(&row),
            "docs/rbac.md should have the row\n{row}"
        );
    }
}

#[test]
fn the_game_day_matches_the_script() {
    let (readme, script) = (read("README.md"), read("examples/game-day.sh"));
    let steps = script
        .find("set -euo pipefail")
        .map(|start| &script[start..])
        .expect("the start");
    assert!(
        readme.contains(&format!("```bash\n{steps}```")),
        "the README should have\n{steps}"
    );
}
