//! The result of a program that has ended, with checks.

/// The result of a run. Each check that fails shows all of it.
pub struct Output {
    command: String,
    status: std::process::ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl Output {
    pub fn new(command: String, output: std::process::Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("the output is text");
        Self {
            command,
            status: output.status,
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }

    #[track_caller]
    pub fn success(self) -> Self {
        self.code(0)
    }

    #[track_caller]
    pub fn code(self, expected: i32) -> Self {
        let holds = self.status.code() == Some(expected);
        self.check(holds, &format!("exit code {expected} was expected"))
    }

    #[track_caller]
    pub fn stdout_contains(self, text: &str) -> Self {
        let holds = self.stdout.contains(text);
        self.check(holds, &format!("stdout should contain {text:?}"))
    }

    #[track_caller]
    pub fn stdout_is(self, text: &str) -> Self {
        let holds = self.stdout == text;
        self.check(holds, &format!("stdout should be {text:?}"))
    }

    #[track_caller]
    pub fn stderr_contains(self, text: &str) -> Self {
        let holds = self.stderr.contains(text);
        self.check(holds, &format!("stderr should contain {text:?}"))
    }

    #[track_caller]
    pub fn stderr_lacks(self, text: &str) -> Self {
        let holds = !self.stderr.contains(text);
        self.check(holds, &format!("stderr should not contain {text:?}"))
    }

    #[track_caller]
    pub fn stdout_is_empty(self) -> Self {
        self.stdout_is("")
    }

    #[track_caller]
    pub fn stderr_is_empty(self) -> Self {
        let holds = self.stderr.is_empty();
        self.check(holds, "stderr should be empty")
    }

    /// Standard output as one JSON value.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|cause| panic!("stdout is no JSON: {cause}\n{self}"))
    }

    #[track_caller]
    fn check(self, holds: bool, complaint: &str) -> Self {
        assert!(holds, "{complaint}\n{self}");
        self
    }
}

impl std::fmt::Display for Output {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            command,
            status,
            stdout,
            stderr,
        } = self;
        write!(
            out,
            "{command}\n{status}\n--- stdout\n{stdout}\n--- stderr\n{stderr}"
        )
    }
}
