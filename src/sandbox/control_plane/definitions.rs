//! The Gateway API's route definitions (CRDs), from its Go module: downloaded once into the cache.
//! They are separate from the programs, so that new definitions do not rebuild the programs.

use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Deserialize;

use super::build::{BuildDir, Module, require_go};
use crate::output::spinner::Spinner;
use crate::output::streams::Streams;
use crate::sandbox::host::base_dirs;
use crate::sandbox::host::secrets;
use crate::sandbox::host::state_dir;

const MODULE: Module = Module {
    go_mod: include_str!("assets/definitions/go.mod"),
    go_sum: include_str!("assets/definitions/go.sum"),
};
const MODULE_PATH: &str = "sigs.k8s.io/gateway-api";
const FOLDER: &str = "config/crd/standard";
const FILES: [&str; 2] = [
    "gateway.networking.k8s.io_grpcroutes.yaml",
    "gateway.networking.k8s.io_httproutes.yaml",
];

/// Returns a folder with the definitions: `given` if it has them, or else one in the cache.
pub async fn obtain(streams: &Streams, given: Option<&Path>) -> anyhow::Result<PathBuf> {
    if let Some(dir) = given.filter(|dir| FILES.iter().all(|file| dir.join(file).exists())) {
        return Ok(dir.to_owned());
    }
    let key = secrets::digest(&[MODULE.go_mod, MODULE.go_sum]);
    let target = base_dirs::cache_root()?.join(format!("definitions-{}", &key[..12]));
    if !target.exists() {
        let instead = format!(
            "pass a folder with the programs and {}: --assets DIR",
            FILES.join(", ")
        );
        require_go("downloads the route definitions", &instead).await?;
        let build_dir = BuildDir::open(streams, MODULE).await?;
        // Another process may have downloaded them while this one waited.
        if !target.exists() {
            download(streams, &build_dir, &target).await?;
        }
    }
    Ok(target)
}

/// Returns the manifests in a folder that [`obtain`] returned.
pub fn read(dir: &Path) -> anyhow::Result<Vec<String>> {
    let read = |file| {
        let path = dir.join(file);
        std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))
    };
    FILES.into_iter().map(read).collect()
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Downloaded {
    dir: PathBuf,
}

async fn download(streams: &Streams, build_dir: &BuildDir, target: &Path) -> anyhow::Result<()> {
    let spinner = Spinner::new(streams);
    spinner.step("Downloading the Gateway API's route definitions");
    let status = spinner
        .during(
            "Still downloading",
            build_dir.go(&["mod", "download", "-json", MODULE_PATH]),
        )
        .await?;
    if !status.success() {
        return Err(build_dir
            .failure("downloading the route definitions", status)
            .into());
    }
    let downloaded: Downloaded = serde_json::from_str(&build_dir.output()?)
        .context("reading where go put the definitions")?;
    let copies = build_dir.dir().join("definitions");
    state_dir::make_private_dir(&copies)?;
    for file in FILES {
        let source = downloaded.dir.join(FOLDER).join(file);
        let content = std::fs::read_to_string(&source)
            .with_context(|| format!("reading {}", source.display()))?;
        state_dir::write_private(&copies.join(file), &content)?;
    }
    std::fs::rename(&copies, target)
        .with_context(|| format!("moving the definitions to {}", target.display()))?;
    spinner.finish("Downloaded the route definitions");
    Ok(())
}
