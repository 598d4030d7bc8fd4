//! install.sh, with a fake binary where the real one is not needed.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::install_dir::InstallDir;
use crate::support::{BINARY, finish, repository, run};

#[test]
fn everything_is_installed_under_the_home_folder() {
    let dir = InstallDir::new();
    dir.install(&[])
        .success()
        .stdout_contains("home/.local/bin/kubectl-failover\n")
        .stdout_contains("share/man/man1");
    let found = dir.below("home/.local");
    for file in [
        "bin/kubectl-failover",
        "bin/linkerd-failover",
        "bin/kubectl_complete-failover",
        "share/bash-completion/completions/kubectl-failover",
        "share/bash-completion/completions/linkerd-failover",
        "share/zsh/site-functions/_kubectl-failover",
        "share/fish/vendor_completions.d/kubectl-failover.fish",
        "share/fish/vendor_completions.d/linkerd-failover.fish",
        "share/man/man1/kubectl-failover.1",
        "share/man/man1/kubectl-failover-status.1",
    ] {
        assert!(found.contains(file), "{file} is not among {found:#?}");
    }
    let pages = found.iter().filter(|file| file.ends_with(".1")).count();
    assert_eq!(
        pages,
        fs::read_dir(repository().join("man"))
            .expect("the pages")
            .count()
    );
}

#[test]
fn the_links_lead_to_the_binary() {
    let dir = InstallDir::new();
    finish(&mut dir.script(&["--binary", BINARY])).success();
    let bin = dir.home().join(".local/bin");
    run(bin.join("kubectl-failover"), ["--help"])
        .success()
        .stdout_contains("Usage: kubectl failover");
    run(bin.join("linkerd-failover"), ["--help"])
        .success()
        .stdout_contains("Usage: linkerd failover");
    assert!(
        run(bin.join("kubectl_complete-failover"), ["wat"])
            .success()
            .stdout
            .starts_with("watch\t")
    );
}

#[test]
fn the_flag_overrides_the_variable_and_paths_may_have_spaces() {
    let dir = InstallDir::new();
    let mut script = dir.script(&["--binary", "program", "--prefix", "a b/c"]);
    finish(script.env("PREFIX", dir.path("variable"))).success();
    assert!(dir.below("a b/c").contains("bin/linkerd-failover"));
    assert!(!dir.path("variable").exists());
    finish(
        dir.script(&["--binary", "program"])
            .env("PREFIX", dir.path("variable")),
    )
    .success();
    assert!(dir.below("variable").contains("bin/linkerd-failover"));
}

#[test]
fn a_folder_outside_path_is_reported() {
    let dir = InstallDir::new();
    dir.install(&[])
        .success()
        .stdout_contains("bin is not on PATH")
        .stdout_contains("export PATH=\"");
    let path = std::env::var("PATH").unwrap_or_default();
    let path = format!("{}:{path}", dir.home().join(".local/bin").display());
    let quiet = finish(dir.script(&["--binary", "program"]).env("PATH", path)).success();
    assert!(!quiet.stdout.contains("not on PATH"), "{quiet}");
}

#[test]
fn uninstall_removes_everything_that_was_installed() {
    let dir = InstallDir::new();
    dir.install(&["--prefix", "new/prefix"]).success();
    dir.uninstall(&["--prefix", "new/prefix"])
        .success()
        .stdout_contains("Removed kubectl-failover");
    dir.uninstall(&["--prefix", "new/prefix"])
        .success()
        .stdout_contains("Nothing is installed");
    assert!(!dir.path("new").exists());
}

#[test]
fn uninstall_leaves_other_files_alone() {
    let dir = InstallDir::new();
    let own = dir.home().join(".local/bin");
    fs::create_dir_all(&own).expect("a folder");
    fs::create_dir_all(dir.home().join(".local/share/man")).expect("an empty folder");
    dir.install(&[]).success();
    fs::write(own.join("other"), "").expect("another program");
    fs::write(dir.home().join(".local/share/zsh/mine"), "").expect("another file");
    dir.uninstall(&[]).success();
    let expected = [
        ".local",
        ".local/bin",
        ".local/bin/other",
        ".local/share",
        ".local/share/man",
    ];
    let added_later = [".local/share/zsh", ".local/share/zsh/mine"];
    assert_eq!(
        dir.below("home"),
        expected
            .into_iter()
            .chain(added_later)
            .map(str::to_owned)
            .collect()
    );
}

#[test]
fn a_second_run_replaces_the_first() {
    let dir = InstallDir::new();
    dir.install(&[]).success();
    let first = dir.below("home");
    dir.write_program("two");
    dir.install(&[]).success();
    assert_eq!(dir.below("home"), first);
    let none: [&str; 0] = [];
    assert_eq!(
        run(dir.home().join(".local/bin/linkerd-failover"), none)
            .success()
            .stdout,
        "two\n"
    );
    dir.uninstall(&[]).success();
    assert!(dir.below("home").is_empty());
}

#[test]
fn files_that_a_new_version_lacks_are_removed() {
    let dir = InstallDir::new();
    dir.install(&[]).success();
    let old_page = dir
        .home()
        .join(".local/share/man/man1/kubectl-failover-gone.1");
    let manifest = dir.home().join(".local/share/kubectl-failover/manifest");
    fs::write(&old_page, "").expect("a page");
    let listed = fs::read_to_string(&manifest).expect("the manifest");
    fs::write(&manifest, format!("{listed}file {}\n", old_page.display())).expect("the manifest");
    dir.install(&[]).success();
    assert!(!old_page.exists());
}

#[test]
fn a_foreign_file_is_not_replaced() {
    let dir = InstallDir::new();
    let theirs = dir.home().join(".local/bin/linkerd-failover");
    fs::create_dir_all(theirs.parent().expect("a folder")).expect("a folder");
    fs::write(&theirs, "theirs").expect("a file");
    let before = dir.below("home");
    dir.install(&[])
        .code(1)
        .stderr_contains("bin/linkerd-failover")
        .stderr_contains("nothing was changed");
    assert_eq!(dir.below("home"), before);
    assert_eq!(fs::read_to_string(theirs).expect("the file"), "theirs");
}

#[test]
fn a_failed_installation_leaves_nothing() {
    let dir = InstallDir::new();
    fail_to_move_pages(&dir);
    let path = format!(
        "{}:{}",
        dir.path("broken").display(),
        std::env::var("PATH").unwrap_or_default()
    );
    let mut script = dir.script(&["--binary", "program"]);
    finish(script.env("PATH", path))
        .code(1)
        .stderr_contains("the installation did not finish");
    assert!(dir.below("home").is_empty(), "{:#?}", dir.below("home"));
    let left: Vec<_> = dir
        .below(".")
        .into_iter()
        .filter(|name| name.contains("kubectl-failover"))
        .collect();
    assert!(left.is_empty(), "{left:#?}");
}

/// Installs a fake `mv` that fails to move man pages.
fn fail_to_move_pages(dir: &InstallDir) {
    let mv = dir.path("broken/mv");
    fs::create_dir(dir.path("broken")).expect("a folder");
    fs::write(
        &mv,
        "#!/bin/sh\ncase $* in *man1*) exit 1 ;; esac\nPATH=${PATH#*:}\nexec mv \"$@\"\n",
    )
    .expect("a program");
    fs::set_permissions(&mv, fs::Permissions::from_mode(0o755)).expect("its mode");
}

#[test]
fn without_a_binary_it_builds_a_release() {
    let dir = InstallDir::new();
    let cargo = dir.path("tools/cargo");
    fs::create_dir(dir.path("tools")).expect("a folder");
    let install = |script: &str| {
        fs::write(&cargo, script).expect("a program");
        fs::set_permissions(&cargo, fs::Permissions::from_mode(0o755)).expect("its mode");
        let path = std::env::var("PATH").expect("a PATH");
        let path = format!("{}:{path}", dir.path("tools").display());
        let mut script = dir.script(&[]);
        let target = dir.path("target");
        finish(script.env("PATH", path).env("CARGO_TARGET_DIR", target))
    };
    install("#!/bin/sh\nexit 1\n")
        .code(1)
        .stderr_contains("the build failed: nothing was changed");
    assert!(dir.below("home").is_empty());
    install(
        "#!/bin/sh\nset -e\ncase $* in *--release*--locked*) mkdir -p target/release ;; esac\n\
         cp program target/release/kubectl-failover\n",
    )
    .success();
    run(dir.home().join(".local/bin/kubectl-failover"), ["x"])
        .success()
        .stdout_is("one\n");
}

#[test]
fn a_missing_cargo_names_what_to_install() {
    let dir = InstallDir::new();
    let tools = dir.path("tools");
    fs::create_dir(&tools).expect("a folder");
    for tool in ["sh", "dirname", "mktemp", "rm", "sed", "grep", "cp", "cat"] {
        let found = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
            .map(|folder| folder.join(tool))
            .find(|path| path.is_file())
            .expect("a tool that every machine has");
        symlink(found, tools.join(tool)).expect("a link");
    }
    let output = finish(dir.script(&[]).env("PATH", &tools)).code(1);
    output
        .stderr_contains("cargo is missing")
        .stderr_contains(env!("CARGO_PKG_RUST_VERSION"))
        .stderr_contains("C compiler");
    assert!(dir.below("home").is_empty());
}

#[test]
fn mistakes_on_the_command_line_are_reported() {
    let dir = InstallDir::new();
    finish(&mut dir.script(&["--help"]))
        .success()
        .stdout_contains("--uninstall");
    finish(&mut dir.script(&["--frobnicate"]))
        .code(2)
        .stderr_contains("unknown argument: --frobnicate");
    finish(&mut dir.script(&["--prefix"]))
        .code(2)
        .stderr_contains("--prefix needs a value");
    finish(&mut dir.script(&["--binary", "missing"]))
        .code(1)
        .stderr_contains("there is no file missing");
    finish(dir.script(&[]).env_remove("HOME"))
        .code(1)
        .stderr_contains("HOME is not set");
    assert!(dir.below("home").is_empty());
}
