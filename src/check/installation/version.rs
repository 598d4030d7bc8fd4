//! Compares the version of `watch` in the cluster with that of this program.

use super::rights::name;
use crate::cluster::Cluster;
use crate::cluster::api::workloads::Deployment;
use crate::model::check::CheckResult;
use crate::text::clean;

const VERSION: &str = env!("CARGO_PKG_VERSION");

pub fn check(cluster: &Cluster, deployment: &Deployment) -> CheckResult {
    let reach = cluster.reach.within(&deployment.namespace);
    compare(deployment).hint(match &deployment.helm_release {
        Some(release) => {
            format!("upgrade the release {release} with helm upgrade, or this program")
        }
        None => format!(
            "with the newer of both, and the same --set and --values as before: kubectl failover \
             install {reach} | kubectl {} apply -f -",
            cluster.reach.cluster()
        ),
    })
}

/// The image decides what runs. Its tag need not be a version, and a digest says nothing of it: then
/// only the version of the manifests is known.
fn compare(deployment: &Deployment) -> CheckResult {
    let (name, image) = (name(deployment), clean(&deployment.image));
    let tag = deployment.image_tag().unwrap_or_default();
    let tag = tag.strip_prefix('v').unwrap_or(tag);
    if tag.starts_with(|letter: char| letter.is_ascii_digit()) {
        let line = format!("its image is {image}, and this program has version {VERSION}");
        let lines = Vec::from_iter((tag != VERSION).then_some(line));
        return CheckResult::warning(format!("{name} has the version of this program"), lines);
    }
    let line = match deployment.version.as_deref() {
        Some(VERSION) => None,
        Some(other) => Some(format!(
            "its manifests have version {}, and this program has version {VERSION}",
            clean(other)
        )),
        None => Some("the version of its manifests is not known either".to_owned()),
    };
    CheckResult::warning(
        format!(
            "{name} has the manifests of this version; that of its image is not known ({image})"
        ),
        Vec::from_iter(line),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::check::CheckOutcome;

    #[test]
    fn an_image_without_a_version_is_not_taken_for_this_one() {
        let compared = |image: &str, manifests: Option<&str>| {
            let deployment = Deployment {
                name: "f".to_owned(),
                namespace: "ns".to_owned(),
                application: None,
                helm_release: None,
                wanted: 2,
                ready: 2,
                version: manifests.map(str::to_owned),
                image: image.to_owned(),
                args: Vec::new(),
            };
            let result = compare(&deployment);
            (result.outcome, result.description, result.lines.join("; "))
        };
        let of_tag = "deployment ns/f has the version of this program";
        let this = format!("a/f:v{VERSION}");
        assert_eq!(
            compared(&this, None),
            (CheckOutcome::Success, of_tag.to_owned(), String::new())
        );
        let older = compared("a/f:0.0.9", Some(VERSION));
        assert_eq!((older.0, older.1.as_str()), (CheckOutcome::Warning, of_tag));
        for image in ["a/f@sha256:12", "a/f:latest", "a/f"] {
            let of_manifests = format!(
                "deployment ns/f has the manifests of this version; that of its image is not \
                 known ({image})"
            );
            assert_eq!(
                compared(image, Some(VERSION)),
                (CheckOutcome::Success, of_manifests, String::new())
            );
            let older = compared(image, Some("0.0.9"));
            assert_eq!(older.0, CheckOutcome::Warning, "{image}");
            assert!(older.2.starts_with("its manifests have version 0.0.9"));
            assert_eq!(compared(image, None).0, CheckOutcome::Warning, "{image}");
        }
    }
}
