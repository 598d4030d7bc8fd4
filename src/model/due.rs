//! Changes that a running controller should be about to write. Until it has had the time to, an
//! observer does not know whether a group is out of sync, or Down.

use std::time::Duration;

/// How long a controller may take to write a change before the change counts as overdue.
pub const WRITE_GRACE: Duration = Duration::from_secs(5);

/// A change that the group's controller should be about to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueWrite {
    /// The longest time from when the change is due to when it is written.
    pub within: Duration,
    /// A delay has to pass before the change is due, so the state is already the right one.
    pub is_delayed: bool,
    /// The reason for the state Down, if the traffic is lost until the change is written.
    pub down: Option<String>,
}

impl DueWrite {
    /// Whether this is due for the same cause, whatever its reason says.
    pub fn is_same_cause(&self, other: &Self) -> bool {
        (self.within, self.is_delayed, self.down.is_some())
            == (other.within, other.is_delayed, other.down.is_some())
    }
}
