//! What `status` says of a watch that has stopped renewing its Lease, and of the one that waits for
//! it.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::note_line::NoteLine;
use crate::model::{LateWatch, Runner, Status};
use crate::text::clean;
use crate::view::age::age;
use crate::view::columns::Colour;

/// Returns a line for each watch and namespace.
pub fn notes(statuses: &[Status], now: Timestamp, namespaces: bool) -> Vec<NoteLine> {
    let late = statuses.iter().filter_map(|status| match &status.runner {
        Runner::Late(late) => Some(((&status.id.namespace, &late.holder), late)),
        _ => None,
    });
    let late: BTreeMap<_, _> = late.collect();
    let line = |((namespace, _), late): ((&String, _), &LateWatch)| {
        let place = if namespaces {
            format!("{namespace}: ")
        } else {
            String::new()
        };
        NoteLine::plain(clean(&format!("{place}{}", words(late, now)))).coloured(Colour::Yellow)
    };
    late.into_iter().map(line).collect()
}

fn words(late: &LateWatch, now: Timestamp) -> String {
    let LateWatch {
        holder,
        renewed,
        successor,
        until,
    } = late;
    let renewed = age(*renewed, now);
    let left = until.duration_since(now).as_secs().max(0) + 1;
    match successor {
        Some(successor) => format!(
            "{successor} waits for the Lease of {holder}, which was last renewed {renewed} ago, and \
             takes over in at most {left}s."
        ),
        None => format!(
            "{holder} last renewed its Lease {renewed} ago: unless it does in the next {left}s, no \
             watch is running."
        ),
    }
}
