//! The checks of a cluster and of the user's permissions, in one file for each subject.

pub mod api;
mod complaints;
pub mod groups;
pub mod kinds;
pub mod linkerd;
pub mod proxy;
pub mod remotes;
pub mod retry;
pub mod rights;

use crate::cluster::Clusters;
use crate::cluster::remotes::remote_clusters::Remotes;
use crate::cluster::transport::options::ConnectOptions;
use crate::model::check::Category;

pub use retry::RetryUntil;

/// What to check.
#[derive(Debug, Clone)]
pub struct CheckOptions {
    pub connect: ConnectOptions,
    /// Rights and groups in all namespaces.
    pub all_namespaces: bool,
    /// Namespace of Linkerd's control plane.
    pub linkerd_namespace: String,
    /// Only what must hold before the first use.
    pub pre: bool,
    /// The pods behind the groups' services too.
    pub proxy: bool,
    /// The other clusters to ask about mirrors.
    pub remotes: Remotes,
}

/// Checks one subject after the other. It ends after the first one if the API server does not
/// answer.
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
    if !options.pre {
        let linkerd = async || linkerd::check(&cluster, &options.linkerd_namespace).await;
        categories.push(retry.settle(linkerd, Category::pending).await);
    }
    categories.push(rights::check(&cluster, options, &apis).await);
    if options.pre || !can_have_groups {
        categories.extend(remotes::check(&cluster, &[]).await);
        return categories;
    }
    let (groups, seen) = groups::check(&cluster, options).await;
    categories.extend(remotes::check(&cluster, &seen).await);
    categories.push(groups);
    if options.proxy {
        categories.push(proxy::check(&cluster, &seen).await);
    }
    categories
}
