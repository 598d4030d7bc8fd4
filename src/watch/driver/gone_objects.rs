//! Finds out what became of the objects of groups that are gone: deleted, or without the label.

use std::time::Duration;

use jiff::SignedDuration;
use tokio::time::timeout;

use super::event_loop::{Driver, DriverInput};
use crate::cluster::Cluster;
use crate::cluster::api::groups;
use crate::model::notice::{Notice, ObjectFate};
use crate::resource::annotations::CONTROLLED_BY;
use crate::resource::{KINDS, LabelSelector, Record};

/// How long the report waits for the object.
const OBJECT_READ_TIMEOUT: Duration = Duration::from_secs(3);
/// An edit within this time may have removed the label.
const EDIT_WINDOW: SignedDuration = SignedDuration::from_secs(60);

impl Driver<'_> {
    /// Reports that a group is gone, with what became of its object.
    pub(super) fn report_gone(&mut self, notice: Notice) -> anyhow::Result<()> {
        let Ok(permit) = self.gone_reads.clone().try_acquire_owned() else {
            return self.aggregate([notice]);
        };
        let (cluster, inputs) = (self.cluster.local.clone(), self.inputs.clone());
        let selector = self.options.engine.selector.clone();
        self.watches.spawn(async move {
            let found = with_fate(&cluster, &selector, notice.clone());
            let found = timeout(OBJECT_READ_TIMEOUT, found).await;
            drop(permit);
            let notice = found.unwrap_or(notice);
            let _ = inputs.send(DriverInput::Gone(Box::new(notice))).await;
        });
        Ok(())
    }
}

async fn with_fate(cluster: &Cluster, selector: &LabelSelector, notice: Notice) -> Notice {
    let Notice::Gone { group, active, .. } = notice else {
        return notice;
    };
    let kind = KINDS.iter().find(|kind| kind.info().name == group.kind);
    let fate = match kind {
        Some(kind) => match groups::get(cluster, *kind, &group.namespace, &group.name).await {
            Ok(None) => Some(ObjectFate::Deleted),
            Ok(Some(record)) if is_labelled(&record) && selector.matches(&record.meta.labels) => {
                None
            }
            Ok(Some(record)) => {
                let recently = cluster.clock().now() - EDIT_WINDOW;
                let by = record.editor_since(recently).map(str::to_owned);
                Some(ObjectFate::Unlabelled { by })
            }
            Err(_) => None,
        },
        None => None,
    };
    Notice::Gone {
        group,
        active,
        fate,
    }
}

/// It may have been made again.
fn is_labelled(record: &Record) -> bool {
    record.meta.labels.contains_key(CONTROLLED_BY)
}
