//! The exit codes, explained.

use super::topic::{Explanation, Topic, TopicKind};
use crate::problem::Exit;

const CODES: [Exit; 6] = [
    Exit::Done,
    Exit::Failed,
    Exit::Usage,
    Exit::NotMet,
    Exit::Refused,
    Exit::Passed(SIGINT),
];

/// The exit code after Ctrl-C: 128 and the number of the signal.
const SIGINT: u8 = 130;

pub fn topics() -> Vec<Topic> {
    let topic = |exit: &Exit| Topic::new(TopicKind::ExitCode, exit.code(), explanation(*exit));
    CODES.iter().map(topic).collect()
}

fn explanation(exit: Exit) -> Explanation {
    let (short, means, next) = match exit {
        Exit::Done => (
            "done, or nothing to do",
            "The command has done what was asked, or it was so already.",
            "Nothing to do.",
        ),
        Exit::Failed => (
            "an error",
            "The command failed, or failed for some groups. An order that matches no group is an error \
             too.",
            "Standard error says what failed, where, and what to do next. With -o json, standard output \
             has it too.",
        ),
        Exit::Usage => (
            "the command line is invalid",
            "A command, flag or value does not exist, or does not go with another one. Nothing was \
             done.",
            "To see what a command takes:\n  kubectl failover COMMAND --help",
        ),
        Exit::NotMet => (
            "a condition was not met in time",
            "A wait ended without success: status --for, --exit-code, watch --until or --once, and force \
             or failback with --wait or --when-ready.",
            "Standard error says what is missing. To allow more time, add --timeout.",
        ),
        Exit::Refused => (
            "refused for safety",
            "A safety check kept the command from changing something, for example because the backend \
             is not ready. Nothing was changed there.",
            "Standard error says why. To do it anyway, add the --allow=… that it names.",
        ),
        Exit::Passed(_) => (
            "ended by a signal: 128 and its number",
            "The command was interrupted: 130 is Ctrl-C, 143 is SIGTERM. sandbox run passes on the exit \
             code of its command.",
            "If groups were being changed, standard error says which ones may have been.",
        ),
    };
    Explanation { short, means, next }
}
