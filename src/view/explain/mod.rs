//! What `explain` says about each state, flag, annotation and exit code: what it means, and what to do.
//! The page docs/reference/explain.md is generated from this.

pub mod annotations;
pub mod exit_codes;
pub mod flags;
pub mod states;
pub mod topic;

use std::fmt::Write as _;

pub use topic::{Topic, TopicKind};

use crate::resource::annotations::{CONTROLLED_BY, PREFIX};

/// All topics, in the order of the list.
pub fn topics() -> Vec<Topic> {
    let mut all = states::topics();
    all.extend(flags::topics());
    all.extend(annotations::topics());
    all.extend(exit_codes::topics());
    all
}

/// Returns the topics with this name: a flag and an annotation may have the same one.
pub fn find(word: &str) -> Vec<Topic> {
    let word = word.to_lowercase();
    let word = word.strip_prefix(PREFIX).unwrap_or(&word);
    let word = match word {
        // What status, its JSON and history call an evacuation.
        "evacuated" | "evacuation" | "resting" | "rests" | "returned" => "avoiding",
        word => word,
    };
    let mut found = topics();
    found.retain(|topic| topic.name.to_lowercase() == word);
    found
}

/// The list of all topics.
pub fn list() -> String {
    let mut text = String::new();
    let all = topics();
    for kind in TopicKind::ALL {
        let _ = writeln!(text, "{}:", kind.heading());
        for topic in all.iter().filter(|topic| topic.kind == kind) {
            let _ = writeln!(text, "  {:<16} {}", topic.name, topic.short);
        }
        text.push('\n');
    }
    text
}

/// One topic in full, with lines of at most `width` columns.
pub fn describe(topic: &Topic, width: usize) -> String {
    let (name, kind) = match topic.kind {
        TopicKind::Annotation if CONTROLLED_BY.ends_with(&topic.name) => {
            (CONTROLLED_BY.to_owned(), "label")
        }
        TopicKind::Annotation => (format!("{PREFIX}{}", topic.name), topic.kind.name()),
        _ => (topic.name.clone(), topic.kind.name()),
    };
    let mut text = String::new();
    wrap(
        &mut text,
        &format!("{name} ({kind}): {}", topic.short),
        width,
    );
    text.push('\n');
    wrap(&mut text, topic.means, width);
    text.push_str("\nWhat to do:\n");
    wrap(&mut text, topic.next, width);
    text
}

/// Appends paragraphs with lines of at most `width` columns. Lines that begin with two blanks are
/// kept as they are.
fn wrap(text: &mut String, words: &str, width: usize) {
    for paragraph in words.lines() {
        if paragraph.starts_with("  ") {
            let _ = writeln!(text, "{paragraph}");
            continue;
        }
        let mut length = 0;
        for word in paragraph.split_whitespace() {
            let added = word.chars().count();
            if length > 0 && length + 1 + added > width {
                text.push('\n');
                length = 0;
            } else if length > 0 {
                text.push(' ');
                length += 1;
            }
            text.push_str(word);
            length += added;
        }
        text.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_topic_is_explained_and_says_what_to_do() {
        let mut seen = HashSet::new();
        for topic in topics() {
            for words in [topic.short, topic.means, topic.next] {
                assert!(!words.is_empty(), "{topic:?}");
            }
            assert!(topic.means.ends_with('.'), "{topic:?}");
            assert!(
                seen.insert((topic.kind.name(), topic.name.clone())),
                "{topic:?}"
            );
            assert!(find(&topic.name.to_uppercase()).contains(&topic));
        }
    }

    #[test]
    fn an_annotation_is_found_with_its_prefix_and_shares_its_name_with_a_flag() {
        let kinds =
            |word: &str| -> Vec<TopicKind> { find(word).iter().map(|it| it.kind).collect() };
        assert_eq!(kinds("standby"), [TopicKind::Flag, TopicKind::Annotation]);
        assert_eq!(
            kinds("failover.linkerd.io/min-ready"),
            [TopicKind::Annotation]
        );
        assert_eq!(kinds("nonsense"), []);
        for word in ["evacuated", "resting"] {
            assert_eq!(kinds(word), kinds("avoiding"), "{word}");
        }
    }

    #[test]
    fn words_are_wrapped_and_commands_are_not() {
        let mut text = String::new();
        wrap(&mut text, "one two three\n  kubectl failover status", 8);
        assert_eq!(text, "one two\nthree\n  kubectl failover status\n");
    }
}
