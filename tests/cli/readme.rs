//! What the README says of the code is what the code says.

use clap::ValueEnum as _;
use kubectl_failover::access::rights::{LINKS, REMOTE, RbacCommand, Right};

use crate::support::repository;

#[test]
fn the_rights_are_those_of_the_table() {
    let readme = std::fs::read_to_string(repository().join("README.md")).expect("the README");
    let words = |right: &Right| format!("{}: {}", right.resource, right.verbs.join(", "));
    for task in RbacCommand::value_variants() {
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
            readme.contains(&row),
            "the README should have the row\n{row}"
        );
    }
    for (flag, right) in [
        ("`--remote`, in the other cluster", &REMOTE),
        (
            "`--remote-from-links`, in namespace `linkerd-multicluster`",
            &LINKS,
        ),
    ] {
        let row = format!("| {flag} | {} |", words(right));
        assert!(
            readme.contains(&row),
            "the README should have the row\n{row}"
        );
    }
}

#[test]
fn the_game_day_is_the_script() {
    let read = |path: &str| std::fs::read_to_string(repository().join(path)).expect("the file");
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
