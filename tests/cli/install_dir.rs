//! A dir to install to, for the tests of install.sh.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{Output, finish, repository};

/// A folder with an empty home.
pub struct InstallDir {
    folder: tempfile::TempDir,
}

impl InstallDir {
    pub fn new() -> Self {
        let dir = Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
        };
        fs::create_dir(dir.home()).expect("a home");
        dir.write_program("one");
        dir
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn home(&self) -> PathBuf {
        self.path("home")
    }

    /// Writes a fake binary that prints `word`.
    pub fn write_program(&self, word: &str) {
        let program = self.path("program");
        fs::write(&program, format!("#!/bin/sh\necho {word}\n")).expect("a program");
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("its mode");
    }

    pub fn script(&self, args: &[&str]) -> Command {
        let mut command = Command::new(repository().join("install.sh"));
        command
            .args(args)
            .current_dir(&self.folder)
            .env("HOME", self.home())
            .env("TMPDIR", self.folder.path());
        command.env_remove("PREFIX");
        command
    }

    pub fn install(&self, args: &[&str]) -> Output {
        finish(self.script(&["--binary", "program"]).args(args))
    }

    pub fn uninstall(&self, args: &[&str]) -> Output {
        finish(self.script(&["--uninstall"]).args(args))
    }

    /// All paths below a folder, relative to it.
    pub fn below(&self, name: &str) -> BTreeSet<String> {
        let root = self.path(name);
        let mut found = BTreeSet::new();
        walk(&root, &mut |path| {
            let relative = path.strip_prefix(&root).expect("a path below the folder");
            found.insert(relative.to_str().expect("text").to_owned());
        });
        found
    }
}

fn walk(folder: &Path, visit: &mut impl FnMut(&Path)) {
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.expect("an entry").path();
        visit(&path);
        if path.is_dir() && !path.is_symlink() {
            walk(&path, visit);
        }
    }
}
