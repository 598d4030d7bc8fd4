//! The Gateway API's definitions of routes, from its Go module: downloaded once into the cache, apart from the
//! programs, so that a change of the one does not build the other anew.

use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Deserialize;

use super::build::{BuildDir, Module, require_go};
use super::secrets;
use crate::output::spinner::Spinner;
use crate::output::streams::Streams;
use crate::sandbox::supervisor::state_dir;

const MODULE: Module = Module {
    go_mod: include_str!("assets/definitions/go.mod"),
    go_sum: include_str!("assets/definitions/go.sum"),
};
const PATH: &str = "sigs.k8s.io/gateway-api";
const FOLDER: &str = "config/crd/standard";
const FILES: [&str; 2] = [
    "gateway.networking.k8s.io_grpcroutes.yaml",
    "gateway.networking.k8s.io_httproutes.yaml",
];

/// A folder with the definitions: `given` if they are there, or else one of the cache.
pub async fn obtain(streams: &Streams, given: Option<&Path>) -> anyhow::Result<PathBuf> {
    if let Some(dir) = given.filter(|dir| FILES.iter().all(|file| dir.join(file).exists())) {
        return Ok(dir.to_owned());
    }
    let key = secrets::digest(&[MODULE.go_mod, MODULE.go_sum]);
    let target = state_dir::cache_root()?.join(format!("definitions-{}", &key[..12]));
    if !target.exists() {
        let instead = format!(
            "give a folder with the programs and {}: --assets DIR",
            FILES.join(", ")
        );
        require_go(
            "takes the definitions of routes from their module",
            &instead,
        )
        .await?;
        let workshop = BuildDir::open(streams, MODULE).await?;
        // Another start may have downloaded them while this one waited.
        if !target.exists() {
            download(streams, &workshop, &target).await?;
        }
    }
    Ok(target)
}

/// The manifests of a folder that `obtain` gave.
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

async fn download(streams: &Streams, workshop: &BuildDir, target: &Path) -> anyhow::Result<()> {
    let spinner = Spinner::new(streams);
    spinner.step("Downloading the Gateway API's definitions of routes");
    let status = spinner
        .during(
            "Still downloading",
            workshop.go(&["mod", "download", "-json", PATH]),
        )
        .await?;
    if !status.success() {
        return Err(workshop
            .failure("downloading the definitions of routes", status)
            .into());
    }
    let downloaded: Downloaded = serde_json::from_str(&workshop.output()?)
        .context("reading where go has put the definitions")?;
    let copies = workshop.dir().join("definitions");
    state_dir::make_private_dir(&copies)?;
    for file in FILES {
        let source = downloaded.dir.join(FOLDER).join(file);
        let content = std::fs::read_to_string(&source)
            .with_context(|| format!("reading {}", source.display()))?;
        state_dir::write_private(&copies.join(file), &content)?;
    }
    std::fs::rename(&copies, target)
        .with_context(|| format!("moving the definitions to {}", target.display()))?;
    spinner.finish("Downloaded the definitions of routes");
    Ok(())
}
