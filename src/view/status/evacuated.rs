//! What `status` says of the backends that a group's traffic keeps off: who ordered it, why, since
//! when and until when.

use jiff::Timestamp;

use crate::model::{AvoidStatus, Status};
use crate::text::clean;
use crate::view::age::age;

/// Returns a sentence for each entry. With `now`, they say how long ago it was made.
pub fn sentences(status: &Status, now: Option<Timestamp>) -> String {
    let sentence = |it: &AvoidStatus| {
        let ago = it.entry.at.zip(now);
        let ago = ago.map(|(at, now)| format!(", {} ago", age(at, now)));
        let words = it.words(&status.runner, &ago.unwrap_or_default());
        format!("{}. ", clean(&words))
    };
    status.avoid.iter().map(sentence).collect()
}
