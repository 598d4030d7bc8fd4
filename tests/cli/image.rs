//! The container image: what it holds, and that the same input makes the same bytes.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

use crate::support::{BINARY, Image, finish, may_start_containers, plugin, repository, run};

const ARCHITECTURE: &str = if cfg!(target_arch = "aarch64") {
    "arm64"
} else {
    "amd64"
};

#[tokio::test]
async fn the_image_has_the_program_and_nothing_to_run_beside_it() {
    let image = Image::new();
    let config = &image.config;
    assert_eq!(config["architecture"], ARCHITECTURE);
    assert_eq!(config["os"], "linux");
    let labels = config["config"]["Labels"].as_object().expect("labels");
    assert_eq!(
        labels["org.opencontainers.image.version"],
        env!("CARGO_PKG_VERSION")
    );
    for value in labels.values() {
        let value = value.as_str().expect("text");
        assert!(!value.is_empty() && !value.contains('$'), "{labels:#?}");
    }
    let files: BTreeSet<String> = files(&image.root())
        .iter()
        .map(|path| {
            path.strip_prefix(image.root())
                .expect("a file of the image")
        })
        .map(|path| path.to_str().expect("text").to_owned())
        .collect();
    let expected = [
        "etc/ssl/certs/ca-certificates.crt",
        "usr/local/bin/kubectl-failover",
        "usr/share/doc/kubectl-failover/LICENSE",
        "usr/share/sbom/kubectl-failover.cdx.json",
    ];
    assert_eq!(files, expected.map(str::to_owned).into());
    if may_start_containers() {
        let empty = tempfile::tempdir().expect("a folder");
        finish(&mut image.container(empty.path(), &[], &["--version".to_owned()]))
            .success()
            .stdout_is(&format!("kubectl-failover {}\n", env!("CARGO_PKG_VERSION")));
    }
    has_the_right_digests(&image);
    is_named_as_the_chart_names_it(&image).await;
    agrees_with_the_chart(&image).await;
    lists_its_crates(&image);
    is_the_same_again(&image);
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths
        .flat_map(|path| {
            if path.is_dir() {
                files(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}

fn has_the_right_digests(image: &Image) {
    let manifest = image.blob(&image.json("index.json")["manifests"][0]);
    let layer = &manifest["layers"][0];
    for descriptor in [
        &image.json("index.json")["manifests"][0],
        &manifest["config"],
        layer,
    ] {
        let blob = fs::read(image.blob_path(descriptor)).expect("a blob");
        assert_eq!(descriptor["size"], blob.len());
        assert_eq!(descriptor["digest"], sha256(&blob));
    }
    let unpacked = std::process::Command::new("gzip")
        .arg("-dc")
        .stdin(fs::File::open(image.blob_path(layer)).expect("a layer"))
        .output();
    let unpacked = unpacked.expect("gzip runs").stdout;
    assert_eq!(
        image.config["rootfs"]["diff_ids"],
        json!([sha256(&unpacked)])
    );
}

fn sha256(bytes: &[u8]) -> String {
    let digest = digest(&SHA256, bytes);
    let digits = digest.as_ref().iter().map(|byte| format!("{byte:02x}"));
    format!("sha256:{}", digits.collect::<String>())
}

/// The container of the chart's Deployment.
async fn container_of_the_chart() -> Value {
    let printed = plugin()
        .args(["install", "--ignore-cluster", "-ojson"])
        .run()
        .await
        .success()
        .json();
    let mut objects = printed["items"].as_array().expect("objects").iter();
    let deployment = objects.find(|object| object["kind"] == "Deployment");
    deployment.expect("a Deployment")["spec"]["template"]["spec"].clone()
}

async fn is_named_as_the_chart_names_it(image: &Image) {
    let pod = container_of_the_chart().await;
    let name = &pod["containers"][0]["image"];
    assert_eq!(image.json("manifest.json")[0]["RepoTags"], json!([name]));
    let annotations = &image.json("index.json")["manifests"][0]["annotations"];
    assert_eq!(&annotations["io.containerd.image.name"], name);
}

async fn agrees_with_the_chart(image: &Image) {
    let pod = container_of_the_chart().await;
    let security = &pod["securityContext"];
    let user = format!("{}:{}", security["runAsUser"], security["runAsGroup"]);
    assert_eq!(image.config["config"]["User"], user);
    let container = &pod["containers"][0];
    assert!(
        container["command"].is_null(),
        "the image's entrypoint runs"
    );
}

fn lists_its_crates(image: &Image) {
    let path = image
        .root()
        .join("usr/share/sbom/kubectl-failover.cdx.json");
    let sbom: Value =
        serde_json::from_slice(&fs::read(path).expect("the SBOM")).expect("the SBOM is JSON");
    assert_eq!(sbom["bomFormat"], "CycloneDX");
    let lock = fs::read_to_string(repository().join("Cargo.lock")).expect("Cargo.lock");
    let components = sbom["components"].as_array().expect("components");
    for component in components {
        let text = |key: &str| component[key].as_str().expect("text");
        let (name, version) = (text("name"), text("version"));
        let locked = format!("[[package]]\nname = \"{name}\"\nversion = \"{version}\"\n");
        let (_, rest) = lock.split_once(&locked).expect("the crate is locked");
        let checksum = component["hashes"][0]["content"].as_str().expect("a hash");
        let (own, _) = rest.split_once("[[package]]").unwrap_or((rest, ""));
        assert!(
            own.contains(&format!("checksum = \"{checksum}\"")),
            "{name}"
        );
        assert!(component["licenses"][0]["expression"].is_string(), "{name}");
    }
    let scope = |name: &str| {
        let component = components.iter().find(|it| it["name"] == name);
        component.map(|it| it["scope"].as_str().expect("a scope"))
    };
    assert_eq!(scope("tokio"), Some("required"));
    assert_eq!(
        scope("serde_derive"),
        Some("excluded"),
        "it runs in the compiler"
    );
    assert_eq!(scope("proptest"), None, "only tests need it");
    assert_eq!(scope("schannel"), None, "only Windows needs it");
    let root = &sbom["dependencies"][0];
    assert_eq!(root["ref"], sbom["metadata"]["component"]["bom-ref"]);
    let direct = root["dependsOn"].as_array().expect("dependencies");
    assert!(direct.len() > 20, "{direct:?}");
}

/// An image of two architectures, made twice from the beginnings of binaries. The second one says
/// in its header that it is for another architecture.
fn is_the_same_again(image: &Image) {
    let (binary, other) = (image.path("beginning"), image.path("other"));
    let mut bytes = fs::read(image.path("binary")).expect("the binary");
    bytes.truncate(1 << 20);
    fs::write(&binary, &bytes).expect("a file");
    bytes[18] = if ARCHITECTURE == "amd64" { 0xb7 } else { 0x3e };
    fs::write(&other, bytes).expect("a file");
    let first = image.make("first.tar", &[&binary, &other]).success().stdout;
    let second = image
        .make_with_umask("077", "second.tar", &[&binary, &other])
        .success()
        .stdout;
    assert_eq!(first, second);
    let read = |name: &str| fs::read(image.path(name)).expect("an image");
    assert!(
        read("first.tar") == read("second.tar"),
        "the bytes are equal"
    );
    let folder = image.path("layout");
    let folder = folder.to_str().expect("text");
    let archive = image.path("first.tar");
    run(
        "tar",
        ["-xf", archive.to_str().expect("text"), "-C", folder],
    )
    .success();
    let top = &image.json("index.json")["manifests"][0];
    let digest = top["digest"].as_str().expect("a digest");
    assert!(first.trim_end().ends_with(&format!("@{digest}")), "{first}");
    let images = image.blob(top);
    let platforms = images["manifests"].as_array().expect("images").iter();
    let platforms: BTreeSet<_> = platforms
        .map(|it| it["platform"]["architecture"].as_str().expect("text"))
        .collect();
    assert_eq!(platforms, BTreeSet::from(["amd64", "arm64"]));
}

#[test]
fn a_binary_that_cannot_run_in_the_image_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("image.tar");
    let make = |binary: &str| {
        let script = repository().join("deploy/image/make.sh");
        run(script, ["--out", out.to_str().expect("text"), binary])
    };
    make(BINARY)
        .code(1)
        .stderr_contains("needs shared libraries")
        .stderr_contains("-C target-feature=+crt-static");
    let script = repository().join("install.sh");
    make(script.to_str().expect("text"))
        .code(1)
        .stderr_contains("is no Linux binary for amd64 or arm64");
    assert!(!out.exists());
}
