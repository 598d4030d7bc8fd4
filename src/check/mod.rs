//! The checks of a cluster and of the user's permissions, in one file for each subject.

pub mod api;
pub mod groups;
pub mod kinds;
pub mod linkerd;
pub mod proxy;
pub mod remotes;
pub mod retry;
pub mod rights;

use crate::access::missing_right::MissingRight;
use crate::cli::GlobalArgs;
use crate::cluster::remotes::remote_clusters::Remotes;
use crate::cluster::transport::error::Cause;
use crate::cluster::{Cluster, Clusters, RequestError};
use crate::error::explain;
use crate::model::check::Category;

pub use retry::RetryUntil;

/// What to check.
#[derive(Debug, Clone)]
pub struct CheckOptions {
    /// Only what must hold before the first use.
    pub pre: bool,
    /// The pods behind the groups' services too.
    pub proxy: bool,
    /// The other clusters to ask about mirrors.
    pub remotes: Remotes,
}

/// Checks one subject after the other. It ends after the first one if the API server does not
/// answer.
pub async fn run(
    flags: &GlobalArgs,
    options: CheckOptions,
    retry: &RetryUntil<'_>,
) -> Vec<Category> {
    let (category, server) = retry
        .settle(
            async || api::check(flags).await,
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
        let namespace = flags.linkerd_namespace();
        let linkerd = async || linkerd::check(&cluster, &namespace).await;
        categories.push(retry.settle(linkerd, Category::pending).await);
    }
    categories.push(rights::check(&cluster, flags, &apis).await);
    if options.pre || !can_have_groups {
        categories.extend(remotes::check(&cluster, &[]).await);
        return categories;
    }
    let (groups, seen) = groups::check(&cluster, flags).await;
    categories.extend(remotes::check(&cluster, &seen).await);
    categories.push(groups);
    if options.proxy {
        categories.push(proxy::check(&cluster, &seen).await);
    }
    categories
}

/// Returns the lines for a failed request. A missing right has one line here: the check of the
/// rights explains it.
fn complaints(cluster: &Cluster, error: &RequestError) -> Vec<String> {
    if let Cause::Status {
        code: 403, message, ..
    } = &error.cause
    {
        let missing = MissingRight::missing_in(message);
        let line = missing.map_or_else(|| message.clone(), |right| right.in_words());
        return vec![format!("Forbidden: {line}")];
    }
    let problem = explain(cluster, error);
    std::iter::once(problem.message)
        .chain(problem.next)
        .collect()
}
