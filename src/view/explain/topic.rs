//! Something that `explain` explains.

/// What a topic is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TopicKind {
    State,
    Flag,
    Annotation,
    ExitCode,
}

impl TopicKind {
    pub const ALL: [Self; 4] = [Self::State, Self::Flag, Self::Annotation, Self::ExitCode];

    pub fn name(self) -> &'static str {
        match self {
            Self::State => "state",
            Self::Flag => "flag",
            Self::Annotation => "annotation",
            Self::ExitCode => "exit code",
        }
    }

    pub fn heading(self) -> &'static str {
        match self {
            Self::State => "States",
            Self::Flag => "Flags",
            Self::Annotation => "Annotations and labels",
            Self::ExitCode => "Exit codes",
        }
    }
}

/// Something that `status` shows or an object has, explained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic {
    pub kind: TopicKind,
    pub name: String,
    /// In a few words, for the list.
    pub short: &'static str,
    pub means: &'static str,
    /// What to do about it.
    pub next: &'static str,
}

/// The words about a topic.
#[derive(Debug)]
pub struct Explanation {
    pub short: &'static str,
    pub means: &'static str,
    pub next: &'static str,
}

impl Topic {
    pub fn new(kind: TopicKind, name: impl ToString, explanation: Explanation) -> Self {
        let Explanation { short, means, next } = explanation;
        Self {
            kind,
            name: name.to_string(),
            short,
            means,
            next,
        }
    }
}
