//! The checks of a cluster and of the user's permissions, in one file for each subject.

pub mod api;
mod complaints;
mod deprecated;
mod findings;
pub mod groups;
mod installation;
pub mod kinds;
mod leases;
pub mod linkerd;
mod missed;
mod missing_rights;
mod options;
mod outages;
pub mod proxy;
pub mod remotes;
pub mod retry;
pub mod rights;
mod rights_in_short;
pub mod unknown_backend;

use crate::cluster::Clusters;
use crate::model::Carrier;
use crate::model::check::Category;
use crate::resource::KINDS;

pub use options::CheckOptions;
pub use retry::RetryUntil;

/// Checks one subject after the other. Ends after the first one if the API server does not answer.
pub async fn run(options: &CheckOptions, retry: &RetryUntil<'_>) -> Vec<Category> {
    let (category, server) = retry
        .settle(
            async || api::check(&options.connect).await,
            |(category, _)| category.pending(),
        )
        .await;
    let mut categories = vec![category];
    let Some((cluster, apis)) = server else {
        return categories;
    };
    let cluster = Clusters::new(cluster, options.remotes.clone());
    let (kinds, can_have_groups) = kinds::check(&cluster, &apis).await;
    categories.push(kinds);
    let mut version = None;
    if !options.pre {
        let linkerd = async || linkerd::check(&cluster, &options.linkerd_namespace).await;
        let settled = retry.settle(linkerd, |(category, _)| category.pending());
        let category;
        (category, version) = settled.await;
        categories.push(category);
        let installation = async || installation::check(&cluster, &apis).await;
        let settled = retry.settle(installation, |category| category.as_ref()?.pending());
        categories.extend(settled.await);
    }
    categories.push(rights::check(&cluster, options, &apis).await);
    if options.pre || !can_have_groups {
        categories.extend(remotes::check(&cluster, &[]).await);
        return categories;
    }
    let (mut groups, outages, seen) = groups::check(&cluster, options).await;
    let mut kinds = KINDS.iter().map(|kind| kind.info());
    if kinds.any(|kind| kind.carrier == Carrier::Route && apis.serve_kind(kind)) {
        let deprecated = deprecated::check(&cluster, version.as_deref(), &seen);
        groups.checks.extend(deprecated);
    }
    categories.extend(remotes::check(&cluster, &seen).await);
    categories.push(groups);
    categories.extend(outages);
    if options.proxy {
        categories.push(proxy::check(&cluster, &seen).await);
    }
    categories
}
