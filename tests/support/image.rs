//! The container image, made by deploy/image/make.sh and unpacked as a container runtime does it.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::SystemTime;

use serde_json::Value;
use tempfile::TempDir;

use super::command::{BINARY, finish, repository, run};
use super::output::Output;

/// Where a container has the files of its ServiceAccount.
pub const ACCOUNT_FILES: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// Mounts the second folder into the first one, which is a container's root and read-only, and runs
/// the rest.
const MOUNT: &str = "mount --bind \"$1\" \"$1\" \
    && mount --bind \"$2\" \"$1/var/run/secrets/kubernetes.io/serviceaccount\" \
    && mount --bind /dev/null \"$1/dev/null\" \
    && mount -o remount,bind,ro \"$1\" && shift 2 && exec \"$@\"";

/// The image of the build under test.
pub struct Image {
    folder: TempDir,
    pub config: Value,
}

impl Image {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let everyone = PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(folder.path(), everyone).expect("others may look into it");
        let binary = folder.path().join("binary");
        link_statically(&binary);
        let mut image = Self {
            folder,
            config: Value::Null,
        };
        image.make("image.tar", &[&binary]).success();
        image.unpack();
        image
    }

    /// Runs make.sh.
    pub fn make(&self, archive: &str, binaries: &[&Path]) -> Output {
        self.make_with_umask("022", archive, binaries)
    }

    pub fn make_with_umask(&self, umask: &str, archive: &str, binaries: &[&Path]) -> Output {
        let mut script = Command::new("sh");
        script.args(["-c", &format!("umask {umask} && exec \"$@\""), "sh"]);
        script.arg(repository().join("deploy/image/make.sh"));
        script.arg("--out").arg(self.path(archive)).args(binaries);
        finish(&mut script)
    }

    /// A file that belongs to the image, or to the test.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn root(&self) -> PathBuf {
        self.path("root")
    }

    fn unpack(&mut self) {
        extract(&self.path("image.tar"), &self.path("layout"));
        let index = self.json("index.json");
        let manifest = self.blob(&index["manifests"][0]);
        self.config = self.blob(&manifest["config"]);
        for layer in manifest["layers"].as_array().expect("layers") {
            extract(&self.blob_path(layer), &self.root());
        }
    }

    /// A file of the layout as JSON.
    pub fn json(&self, name: &str) -> Value {
        let text = std::fs::read(self.path("layout").join(name)).expect("a file of the layout");
        serde_json::from_slice(&text).expect("JSON")
    }

    /// The JSON that a descriptor is about.
    pub fn blob(&self, descriptor: &Value) -> Value {
        let text = std::fs::read(self.blob_path(descriptor)).expect("a blob");
        serde_json::from_slice(&text).expect("JSON")
    }

    pub fn blob_path(&self, descriptor: &Value) -> PathBuf {
        let digest = descriptor["digest"].as_str().expect("a digest");
        self.path("layout/blobs").join(digest.replace(':', "/"))
    }

    /// A runtime creates what it mounts.
    fn add_mount_points(&self) {
        let root = self.root();
        for folder in [ACCOUNT_FILES.trim_start_matches('/'), "dev"] {
            std::fs::create_dir_all(root.join(folder)).expect("a folder");
        }
        std::fs::write(root.join("dev/null"), "").expect("a file");
    }

    /// A container: the entrypoint in a root of its own that is read-only, as the image's user, with
    /// the image's environment, these variables, the files of a ServiceAccount, and nothing else.
    pub fn container(
        &self,
        account: &Path,
        variables: &[(String, String)],
        args: &[String],
    ) -> Command {
        self.add_mount_points();
        let own = &self.config["config"];
        let words = |key: &str| {
            let words = own[key].as_array().expect("a list").iter();
            words.map(|word| word.as_str().expect("text").to_owned())
        };
        let user = own["User"].as_str().expect("a user");
        let (user, group) = user.split_once(':').expect("a group");
        let mut command = unshare(user, group);
        command
            .args(["sh", "-c", MOUNT, "sh"])
            .args([&self.root(), account])
            .args(["env", "-i"])
            .args(words("Env"))
            .args(
                variables
                    .iter()
                    .map(|(name, value)| format!("{name}={value}")),
            )
            .args(["/usr/bin/unshare", "--wd=/"])
            .arg(format!("--map-user={user}"))
            .arg(format!("--map-group={group}"))
            .arg(format!("--root={}", self.root().display()))
            .args(words("Entrypoint"))
            .args(args);
        command
    }
}

/// Whether this user can start containers here.
pub fn may_start_containers() -> bool {
    let mut command = unshare("65532", "65532");
    command.args(["mount", "-t", "tmpfs", "none", "/tmp"]);
    let status = command.stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// Runs a program that may mount, in a mount namespace of its own. Only root can become the user
/// itself: the others get a user namespace for it.
fn unshare(user: &str, group: &str) -> Command {
    let mut command = if rustix::process::geteuid().is_root() {
        let mut command = Command::new("setpriv");
        command.args([&format!("--reuid={user}"), &format!("--regid={group}")]);
        command.args(["--clear-groups", "unshare"]);
        command
    } else {
        Command::new("unshare")
    };
    command.args(["--map-root-user", "--mount", "--propagation=private"]);
    command
}

fn extract(archive: &Path, folder: &Path) {
    std::fs::create_dir_all(folder).expect("a folder");
    let folder = folder.to_str().expect("text");
    let archive = archive.to_str().expect("text");
    run("tar", ["-xpf", archive, "-C", folder]).success();
}

/// Links the plugin under test with a static C library: the image has no other one.
fn link_statically(binary: &Path) {
    let build = Path::new(BINARY).parent().expect("a folder");
    let mut command = compile_statically(&repository().join("src/main.rs"), binary);
    command
        .arg("--extern")
        .arg(format!("kubectl_failover={}", library(build).display()))
        .arg("-L")
        .arg(format!("dependency={}", build.join("deps").display()));
    finish(&mut command).success();
}

/// Compiles a program that can run in the image.
pub fn compile_statically(source: &Path, binary: &Path) -> Command {
    let mut command = Command::new("rustc");
    command
        .args(["--edition=2024", "--crate-name=static_program"])
        .args(["-C", "target-feature=+crt-static", "-C", "strip=symbols"])
        .arg(source)
        .arg("-o")
        .arg(binary);
    command
}

/// The newest library of the build.
fn library(build: &Path) -> PathBuf {
    let files = std::fs::read_dir(build.join("deps")).expect("the build's libraries");
    let files = files.map(|file| file.expect("a file").path());
    let libraries = files.filter(|path| {
        let name = path.file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| name.starts_with("libkubectl_failover-") && name.ends_with(".rlib"))
    });
    let changed = |path: &PathBuf| -> SystemTime {
        let metadata = std::fs::metadata(path).expect("a library");
        metadata.modified().expect("a time")
    };
    libraries.max_by_key(changed).expect("the library is built")
}
