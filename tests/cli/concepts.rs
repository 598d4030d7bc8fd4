//! docs/concepts.md says what `explain` says.

use std::fs;

use kubectl_failover::internals::explain::{Topic, TopicKind, topics};

use crate::support::repository;

const PAGE: &str = "docs/concepts.md";

fn topics_of(kind: TopicKind) -> impl Iterator<Item = Topic> {
    topics().into_iter().filter(move |topic| topic.kind == kind)
}

/// Returns the page with the rows below `header` replaced.
fn with_table(page: &str, header: &str, rows: &str) -> String {
    let (before, after) = page.split_once(header).expect("the header of a table");
    let end = after.find("\n\n").expect("a blank line after the table") + 1;
    format!("{before}{header}{rows}{}", &after[end..])
}

#[test]
fn states_and_flags_are_those_of_explain() {
    let path = repository().join(PAGE);
    let page = fs::read_to_string(&path).unwrap();
    let mut expected = page.clone();
    for kind in [TopicKind::State, TopicKind::Flag] {
        let header = format!("| {} | meaning |\n|---|---|\n", kind.name());
        let row =
            |topic: Topic| format!("| `{}` | {}: {} |\n", topic.name, topic.short, topic.means);
        let rows: String = topics_of(kind).map(row).collect();
        expected = with_table(&expected, &header, &rows);
    }
    if std::env::var_os("REGENERATE").is_some() {
        fs::write(&path, &expected).unwrap();
        return;
    }
    assert!(
        page == expected,
        "{PAGE} is stale; to make its tables again: REGENERATE=1 cargo test --test cli explain"
    );
}

#[test]
fn defaults_of_annotations_are_those_of_explain() {
    let page = fs::read_to_string(repository().join(PAGE)).unwrap();
    let header = "| annotation | meaning | default |\n|---|---|---|\n";
    let (_, after) = page.split_once(header).expect("the table of policies");
    let rows = after.lines().take_while(|line| line.starts_with('|'));
    let mut count = 0;
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").collect();
        let name = cells[0].trim().trim_matches('`');
        let Some(default) = cells[2].split('`').nth(1) else {
            continue;
        };
        let topic = topics_of(TopicKind::Annotation).find(|topic| topic.name == name);
        let means = topic.expect(name).means;
        let said = [
            format!("{default}, the default"),
            format!("default is {default}"),
        ];
        assert!(
            said.iter().any(|words| means.contains(words)),
            "{name}: {means}"
        );
        count += 1;
    }
    assert!(count > 5, "{count} defaults");
}
