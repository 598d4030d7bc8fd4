//! The slices of a namespace, listed while its groups still are.

use std::pin::pin;

use futures::future::{Either, join, select};
use tokio::sync::Notify;

use crate::cluster::api::endpoint_slices;
use crate::cluster::api::endpoint_slices::SliceIndex;
use crate::cluster::listwatch::list::list;
use crate::cluster::transport::client::Cluster;

/// All slices of a namespace, where they were listed before it was known of which services they are wanted.
#[derive(Debug, Default)]
pub struct PrefetchedSlices(Option<(String, SliceIndex)>);

impl PrefetchedSlices {
    /// Lists groups. As soon as that says that there are many of them, the slices of their namespace are listed beside
    /// it: the names of so many services are too long to ask for theirs alone.
    pub async fn of<T>(
        cluster: &Cluster,
        namespace: Option<&str>,
        groups: impl AsyncFnOnce(&Notify) -> T,
    ) -> (T, Self) {
        let are_many = Notify::new();
        let groups = pin!(groups(&are_many));
        let Some(namespace) = namespace else {
            return (groups.await, Self::default());
        };
        match select(groups, pin!(are_many.notified())).await {
            Either::Left((groups, _)) => (groups, Self::default()),
            Either::Right(((), groups)) => {
                let source = endpoint_slices::source(namespace, None);
                let (groups, slices) = join(groups, list(cluster, &source)).await;
                // What failed is asked for again, to say why.
                let index = slices
                    .ok()
                    .map(|(slices, _)| (namespace.to_owned(), SliceIndex::of(slices)));
                (groups, Self(index))
            }
        }
    }

    /// The slices of this namespace.
    pub fn slices_of(&self, namespace: &str) -> Option<&SliceIndex> {
        self.0
            .as_ref()
            .filter(|(of, _)| of == namespace)
            .map(|(_, index)| index)
    }
}
