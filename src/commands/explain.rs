//! `explain`: what a state, flag, annotation or exit code means, and what to do.

use super::env::CommandEnv;
use crate::cli::ExplainArgs;
use crate::problem::{Exit, Problem};
use crate::text::clean;
use crate::text::nearest::nearest;
use crate::view::explain;

const MAX_COLUMNS: u16 = 100;

pub fn run(env: &CommandEnv, args: &ExplainArgs) -> anyhow::Result<Exit> {
    let Some(word) = &args.topic else {
        return env.print(&explain::list());
    };
    let found = explain::find(word);
    if found.is_empty() {
        let topics = explain::topics();
        let lower: Vec<String> = topics.iter().map(|it| it.name.to_lowercase()).collect();
        let near = nearest(&word.to_lowercase(), lower.iter().map(String::as_str));
        let near = near.and_then(|near| explain::find(near).into_iter().next());
        let meant = near.map(|topic| format!("did you mean {}?", topic.name));
        let problem = Problem::usage(format!(
            "{:?} is not a state, flag, annotation or exit code",
            clean(word)
        ));
        return Err(problem
            .next_all(meant)
            .next("to list them: kubectl failover explain")
            .into());
    }
    let width = if env.streams.out_is_terminal() {
        env.streams.terminal_size().0.min(MAX_COLUMNS)
    } else {
        MAX_COLUMNS
    };
    let described: Vec<String> = found
        .iter()
        .map(|topic| explain::describe(topic, width.into()))
        .collect();
    env.print(&described.join("\n"))
}
