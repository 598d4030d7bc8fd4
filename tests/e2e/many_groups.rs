//! Many groups in several namespaces: what has one cause is said in one line, with one command.

use futures::{StreamExt as _, stream};
use serde_json::json;

use crate::support::{Output, TestNamespace, plugin};

const GROUP_COUNT: usize = 25;
const DOWN_COUNT: usize = 10;

/// 25 groups in four namespaces. The primaries of ten have no ready endpoints.
struct ManyGroups {
    namespaces: Vec<TestNamespace>,
    label: String,
}

impl ManyGroups {
    async fn new(purpose: &str) -> Self {
        let mut namespaces = Vec::new();
        for part in ["a", "b", "c", "d"] {
            namespaces.push(TestNamespace::new(&format!("{purpose}-{part}")).await);
        }
        let label = namespaces[0].name.clone();
        let groups = (0..GROUP_COUNT).map(|number| {
            let side = &namespaces[number % namespaces.len()].west;
            let (name, label) = (format!("{label}-g{number}"), &label);
            async move {
                let fallback = format!("{name}-east");
                let ready = u8::from(number >= DOWN_COUNT);
                side.group(&name, &[(&name, 1, ready), (&fallback, 0, 1)])
                    .await;
                let labels = json!({"metadata": {"labels": {"fold": label}}});
                side.edit_split(&name, labels).await;
            }
        });
        stream::iter(groups)
            .buffer_unordered(8)
            .collect::<Vec<()>>()
            .await;
        Self { namespaces, label }
    }

    /// Runs a command on all of them.
    async fn run(&self, command: &str) -> Output {
        let selector = format!("fold={}", self.label);
        plugin()
            .args(command.split(' '))
            .args(["-A", "-l", &selector])
            .context("west")
            .run()
            .await
    }

    /// Such as `10 groups in a, b, c, d (`.
    fn groups(&self, count: usize) -> String {
        let mut names: Vec<&str> = self.namespaces.iter().map(|it| it.name.as_str()).collect();
        names.sort_unstable();
        format!("{count} groups in {} (", names.join(", "))
    }
}

fn lines_with(text: &str, part: &str) -> usize {
    text.lines().filter(|line| line.contains(part)).count()
}

#[tokio::test]
async fn status_says_once_what_is_wrong_with_many_groups_and_what_to_type() {
    let many = ManyGroups::new("fold-status").await;
    let output = many.run("status").await.success();
    let reason = "are Down: all traffic still goes to the primary, which has no ready endpoints; the \
                  fallback is ready, but no watch is running to fail over.";
    let output = output
        .stdout_contains(&many.groups(DOWN_COUNT))
        .stdout_contains(reason)
        .stdout_contains("  and stay covered: kubectl failover watch --context west -A -l ")
        .stdout_contains(&many.groups(GROUP_COUNT - DOWN_COUNT))
        .stdout_contains("25 groups: 10 Down, 15 Primary\n");
    assert_eq!(lines_with(&output.stdout, "fail over now: "), 1, "{output}");
    assert_eq!(lines_with(&output.stdout, "next: "), 1, "{output}");

    let wide = many.run("status -o wide").await.success();
    assert_eq!(
        lines_with(&wide.stdout, "fail over now: "),
        DOWN_COUNT,
        "{wide}"
    );
    let json = many.run("status -o json").await.success().json();
    assert_eq!(json["items"].as_array().unwrap().len(), GROUP_COUNT);

    let command = output
        .stdout
        .lines()
        .find_map(|line| line.strip_prefix("  fail over now: kubectl failover "));
    let command = command.unwrap().split(' ').chain(["--yes"]);
    let forced = plugin().args(command).run().await.success();
    forced
        .stdout_contains(&many.groups(DOWN_COUNT))
        .stdout_contains(": forced to the fallback; traffic is on the fallback (Overridden)")
        .stderr_contains("10 groups: 10 changed");
    let after = many.run("status").await.success();
    after.stdout_contains("25 groups: 10 Overridden, 15 Primary\n");

    let refused = many.run("failback --yes").await.code(1);
    let refused = refused
        .stdout_contains(&many.groups(GROUP_COUNT - DOWN_COUNT))
        .stdout_contains(": already on the primary; traffic is on the primary (Primary)")
        .stderr_contains("the primary has 0 of 1 endpoints ready, 1 needed")
        .stderr_contains("to do it anyway, add --allow=unready");
    assert_eq!(
        lines_with(&refused.stderr, "refused: 10 groups in "),
        1,
        "{refused}"
    );
    assert_eq!(lines_with(&refused.stderr, "failback"), 1, "{refused}");
    let done = many.run("failback --yes --allow=unready").await.success();
    done.stdout_contains(": ended the override; traffic is on the fallback (Failover)")
        .stderr_contains("  traffic did not move to the primary: it has no ready endpoint; ");
}

#[tokio::test]
async fn changes_history_and_check_say_once_what_is_the_same_for_many_groups() {
    let many = ManyGroups::new("fold-changes").await;
    let paused = many.run("pause --yes").await.success();
    paused
        .stdout_contains(&many.groups(GROUP_COUNT))
        .stdout_contains(": paused; traffic is on the primary (Paused)")
        .stderr_contains("25 groups: 25 changed");
    let wide = many.run("resume --yes -o wide").await.success();
    assert_eq!(
        lines_with(&wide.stdout, ": resumed; "),
        GROUP_COUNT,
        "{wide}"
    );
    let json = many.run("pause --yes -o json").await.success().json();
    assert_eq!(json["items"].as_array().unwrap().len(), GROUP_COUNT);
    let set = many.run("set --yes --failover-delay 3s").await.success();
    let set = set.stdout_contains(&many.groups(GROUP_COUNT));
    assert_eq!(lines_with(&set.stdout, "failover-delay: "), 1, "{set}");

    let history = many.run("history").await.success();
    let history = history.stderr_contains("(-o wide lists each)");
    assert_eq!(lines_with(&history.stdout, "  25 groups  "), 4, "{history}");
    let wide = many.run("history -o wide").await.success();
    assert_eq!(lines_with(&wide.stdout, "  25 groups  "), 0, "{wide}");
    assert!(
        lines_with(&wide.stdout, " paused ") >= 2 * GROUP_COUNT,
        "{wide}"
    );

    let first = &many.namespaces[0].west;
    let check = |format| plugin().args(["check", "-o", format]).on(first).run();
    let table = check("table").await;
    let alone = format!("7 groups in {}: no watch is running: ", first.namespace);
    assert_eq!(lines_with(&table.stdout, &alone), 1, "{table}");
    let wide = check("wide").await;
    assert_eq!(lines_with(&wide.stdout, &alone), 0, "{wide}");
    assert_eq!(
        lines_with(&wide.stdout, "no watch is running for "),
        1,
        "{wide}"
    );
}
