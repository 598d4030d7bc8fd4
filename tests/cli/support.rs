//! Runs programs to their end and checks what they left.

use std::ffi::OsStr;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

pub const BINARY: &str = env!("CARGO_BIN_EXE_kubectl-failover");

pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// What a program left; each check shows all of it when it fails.
#[derive(Debug)]
pub struct Output {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

pub fn run<A: AsRef<OsStr>>(
    program: impl AsRef<OsStr>,
    args: impl IntoIterator<Item = A>,
) -> Output {
    finish(Command::new(program).args(args))
}

pub fn finish(command: &mut Command) -> Output {
    let output = command
        .stdin(Stdio::null())
        .env("NO_COLOR", "1")
        .output()
        .expect("the program starts");
    let text = |bytes| String::from_utf8(bytes).expect("the output is text");
    Output {
        code: output.status.code(),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

impl Output {
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        assert!(
            self.stdout.contains(text),
            "stdout should contain {text:?}\n{self:#?}"
        );
        self
    }

    #[track_caller]
    pub fn complains(self, text: &str) -> Self {
        assert!(
            self.stderr.contains(text),
            "stderr should contain {text:?}\n{self:#?}"
        );
        self
    }
}

/// The binary under another name, as long as the folder lives.
pub struct Link {
    folder: tempfile::TempDir,
    name: &'static str,
}

impl Link {
    pub fn named(name: &'static str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        symlink(BINARY, folder.path().join(name)).expect("a link");
        Self { folder, name }
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join(self.name)
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}
