//! What the README says of the code is what the code says.

use clap::ValueEnum as _;
use kubectl_failover::rights::{Right, Task};

use super::support::repository;

#[test]
fn the_rights_are_those_of_the_table() {
    let readme = std::fs::read_to_string(repository().join("README.md")).expect("the README");
    let words = |right: &Right| format!("{}: {}", right.resource, right.verbs.join(", "));
    for task in Task::value_variants() {
        let rights: Vec<String> = task.rights().iter().map(words).collect();
        let row = format!("| `{}` | {} |", task.name(), rights.join("; "));
        assert!(readme.contains(&row), "the README should have the row\n{row}");
    }
}
