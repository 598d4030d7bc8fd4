//! Which kinds of groups the cluster serves and the user is allowed to list.

use std::collections::BTreeMap;

use crate::cluster::transport::error::RequestError;
use crate::resource::{KINDS, Kind};

#[derive(Debug, Clone)]
enum KindState {
    /// The first list has not arrived yet.
    Pending,
    Served,
    /// The cluster did not serve the kind at first.
    Absent,
    Forbidden(RequestError),
    /// The cluster stopped serving the kind.
    Removed,
}

/// The status of every kind, by its name.
#[derive(Debug)]
pub struct KindStatus(BTreeMap<&'static str, KindState>);

/// All kinds are pending.
impl Default for KindStatus {
    fn default() -> Self {
        let pending = |kind: &&dyn Kind| (kind.info().name, KindState::Pending);
        Self(KINDS.iter().map(pending).collect())
    }
}

impl KindStatus {
    /// Records that a kind was listed. Returns whether the kind was removed before.
    pub fn served(&mut self, kind: &dyn Kind) -> bool {
        let before = self.0.insert(kind.info().name, KindState::Served);
        matches!(before, Some(KindState::Removed))
    }

    /// Records that the cluster does not serve a kind. Returns whether it served the kind before.
    pub fn removed(&mut self, kind: &dyn Kind) -> bool {
        let state = self.0.get_mut(kind.info().name);
        match state {
            Some(state @ KindState::Served) => {
                *state = KindState::Removed;
                true
            }
            _ => false,
        }
    }

    /// Records that the first list of a kind failed permanently.
    ///
    /// # Errors
    /// Returns the error to report if its cause is not the kind, or if no other kind is left to
    /// list.
    pub fn unavailable(
        &mut self,
        kind: &dyn Kind,
        error: &RequestError,
    ) -> Result<(), RequestError> {
        let state = match error {
            error if error.is_not_found() => KindState::Absent,
            error if error.is_forbidden() => KindState::Forbidden(error.clone()),
            error => return Err(error.clone()),
        };
        self.0.insert(kind.info().name, state);
        let is_available =
            |state: &KindState| !matches!(state, KindState::Absent | KindState::Forbidden(_));
        if self.0.values().any(is_available) {
            return Ok(());
        }
        Err(self
            .forbidden()
            .next()
            .map_or(error, |(_, error)| error)
            .clone())
    }

    /// Returns whether the first list may still succeed after this failure. Once another kind has
    /// been listed, a broken connection does not mean that the cluster is unreachable.
    pub fn may_yet_be_served(&self, error: &RequestError) -> bool {
        let is_served = |state: &KindState| matches!(state, KindState::Served);
        error.is_transient() || (self.0.values().any(is_served) && error.is_unanswered())
    }

    pub fn is_pending(&self, kind: &dyn Kind) -> bool {
        matches!(self.0.get(kind.info().name), Some(KindState::Pending))
    }

    pub fn any_pending(&self) -> bool {
        KINDS.iter().any(|kind| self.is_pending(*kind))
    }

    /// Returns the kinds that the user is not allowed to list, each with its error.
    pub fn forbidden(&self) -> impl Iterator<Item = (&'static dyn Kind, &RequestError)> {
        KINDS
            .iter()
            .filter_map(|kind| match self.0.get(kind.info().name) {
                Some(KindState::Forbidden(error)) => Some((*kind, error)),
                _ => None,
            })
    }

    pub fn is_forbidden(&self, kind: &dyn Kind) -> bool {
        matches!(self.0.get(kind.info().name), Some(KindState::Forbidden(_)))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::cluster::transport::auth::credentials::CredentialsError;
    use crate::cluster::transport::error::Cause;

    fn error(cause: Cause) -> RequestError {
        RequestError {
            method: http::Method::GET,
            path: "/x".into(),
            cause,
        }
    }

    fn status(code: u16) -> RequestError {
        error(Cause::Status {
            code,
            reason: String::new(),
            message: String::new(),
            retry_after: None,
        })
    }

    #[test]
    fn a_broken_connection_is_tolerated_once_any_kind_has_been_listed() {
        let cut = error(Cause::unreachable("the connection was cut"));
        let late = error(Cause::TimedOut {
            after: Duration::from_secs(5),
        });
        let mut kinds = KindStatus::default();
        assert!(!kinds.may_yet_be_served(&cut) && !kinds.may_yet_be_served(&late));
        kinds.served(KINDS[1]);
        assert!(kinds.may_yet_be_served(&cut) && kinds.may_yet_be_served(&late));
        let no_program = error(Cause::Credentials(CredentialsError::Other(
            "no plugin".into(),
        )));
        assert!(!kinds.may_yet_be_served(&no_program));
    }

    #[test]
    fn without_any_kind_a_forbidden_kind_is_reported_before_an_absent_one() {
        let mut kinds = KindStatus::default();
        let (last, others) = KINDS.split_last().unwrap();
        for kind in others {
            assert!(kinds.unavailable(*kind, &status(404)).is_ok());
        }
        let absent = kinds.unavailable(*last, &status(404)).unwrap_err();
        assert!(absent.is_not_found());
        kinds.unavailable(KINDS[0], &status(403)).unwrap_err();
        let forbidden = kinds.unavailable(*last, &status(404)).unwrap_err();
        assert!(forbidden.is_forbidden() && kinds.is_forbidden(KINDS[0]));
        assert_eq!(kinds.forbidden().count(), 1);
    }
}
