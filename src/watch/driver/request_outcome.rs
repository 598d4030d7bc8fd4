//! The results of the engine's requests.

use crate::cluster::RequestResult;
use crate::cluster::api::endpoint_slices::Slice;
use crate::model::GroupId;
use crate::readiness::scope::RelistRequest;
use crate::resource::Record;

/// The result of a request. Numbers are the engine's request numbers.
pub enum RequestOutcome {
    Relisted(RelistRequest, RequestResult<Vec<Slice>>),
    Written(GroupId, u64, Box<RequestResult<Record>>),
    /// The write has no answer yet, and goes on.
    StillWriting(GroupId, u64),
    /// The write was not started: its permit is no longer valid.
    Postponed(GroupId, u64),
    Read(GroupId, u64, Box<RequestResult<Option<Record>>>),
}
