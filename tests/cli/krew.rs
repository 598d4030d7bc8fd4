//! The manifest for Krew, generated for real archives.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use ring::digest::{SHA256, digest};
use serde_json::Value;

use crate::support::{BINARY, Output, finish, repository, run};

const HOMEPAGE: &str = "https://example.com/failover";
const DOWNLOADS: &str = "https://example.com/failover/releases";

#[test]
fn the_manifest_names_archives_with_the_files_that_it_names() {
    let out = tempfile::tempdir().expect("a folder");
    make(out.path()).success();
    let text = fs::read_to_string(out.path().join("failover.yaml")).expect("the manifest");
    assert!(!text.contains("{{"), "{text}");
    let manifest: Value = serde_yaml::from_str(&text).expect("the manifest is YAML");
    assert_eq!(
        manifest["apiVersion"],
        "krew.googlecontainertools.github.com/v1alpha2"
    );
    assert_eq!(manifest["kind"], "Plugin");
    assert_eq!(
        manifest["metadata"]["name"], "failover",
        "the plugin is called so by kubectl"
    );
    check_words(&manifest["spec"]);
    let platforms = manifest["spec"]["platforms"].as_array().expect("platforms");
    assert_eq!(platforms.len(), 2);
    for platform in platforms {
        check_platform(platform, out.path());
    }
    let archive = format!(
        "kubectl-failover-v{}-linux-amd64.tar.gz",
        env!("CARGO_PKG_VERSION")
    );
    finish(
        Command::new("tar")
            .arg("-xzf")
            .arg(archive)
            .current_dir(out.path()),
    )
    .success();
    run(out.path().join("kubectl-failover"), ["--version"])
        .success()
        .stdout_contains(env!("CARGO_PKG_VERSION"));
}

fn check_words(spec: &Value) {
    let text = |key: &str| {
        spec[key]
            .as_str()
            .unwrap_or_else(|| panic!("{key} is missing"))
    };
    assert_eq!(text("version"), format!("v{}", env!("CARGO_PKG_VERSION")));
    let numbers: Vec<&str> = text("version")
        .trim_start_matches('v')
        .splitn(3, '.')
        .collect();
    assert_eq!(numbers.len(), 3, "a version has three parts");
    assert!(numbers.iter().all(|part| {
        part.split('-')
            .next()
            .expect("a part")
            .parse::<u32>()
            .is_ok()
    }));
    assert_eq!(text("homepage"), HOMEPAGE);
    let short = text("shortDescription");
    assert!((1..=50).contains(&short.chars().count()), "{short}");
    assert!(!short.ends_with('.') && !short.contains('\n'), "{short}");
    for key in ["description", "caveats"] {
        assert!(
            text(key).lines().all(|line| line.len() <= 80),
            "{key} is too wide"
        );
    }
}

fn check_platform(platform: &Value, out: &Path) {
    let labels = &platform["selector"]["matchLabels"];
    let name = format!(
        "{}-{}",
        labels["os"].as_str().expect("os"),
        labels["arch"].as_str().expect("arch")
    );
    let uri = platform["uri"].as_str().expect("a URI");
    let file = uri
        .strip_prefix(&format!("{DOWNLOADS}/"))
        .expect("the URI is below the downloads");
    assert!(file.ends_with(&format!("-{name}.tar.gz")), "{file}");
    let archive = out.join(file);
    let sum = digest(&SHA256, &fs::read(&archive).expect("the archive"));
    let hex: String = sum
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(platform["sha256"], hex);
    let listing = run("tar", ["-tzf", archive.to_str().expect("text")])
        .success()
        .stdout;
    let held: BTreeSet<&str> = listing.lines().collect();
    let files = platform["files"].as_array().expect("files");
    let named: BTreeSet<&str> = files
        .iter()
        .map(|file| file["from"].as_str().expect("from"))
        .collect();
    assert_eq!(named, held);
    assert!(named.contains("LICENSE"), "Krew asks for the license");
    assert!(
        named.contains(platform["bin"].as_str().expect("bin")),
        "the program is among the files"
    );
}

#[test]
fn a_missing_binary_is_named() {
    let out = tempfile::tempdir().expect("a folder");
    let script = repository().join("deploy/krew/make.sh");
    let out_text = out.path().to_str().expect("text");
    run(&script, ["--out", out_text])
        .code(2)
        .stderr_contains("--homepage is missing");
    let args = [
        "--homepage",
        HOMEPAGE,
        "--downloads",
        DOWNLOADS,
        "--out",
        out_text,
    ];
    run(&script, args)
        .code(2)
        .stderr_contains("the binary for linux-amd64 is missing");
    assert!(!out.path().join("failover.yaml").exists());
}

/// A script replaces the binaries of other platforms.
fn make(out: &Path) -> Output {
    let other = repository().join("install.sh");
    let mut script = Command::new(repository().join("deploy/krew/make.sh"));
    script
        .args(["--homepage", HOMEPAGE, "--downloads", DOWNLOADS])
        .arg("--out")
        .arg(out);
    script
        .arg(format!("linux-amd64={BINARY}"))
        .arg(format!("linux-arm64={}", other.display()));
    finish(&mut script)
}
