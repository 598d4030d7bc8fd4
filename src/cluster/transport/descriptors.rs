//! The limit of file descriptors (`ulimit -n`). Each watch holds a connection, so the limit is raised
//! at the start, as Go programs do.

use std::error::Error;
use std::io;

use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// macOS refuses more, whatever its hard limit says.
const MACOS_MAX: u64 = 10_240;

/// Raises the soft limit to the hard limit, or as far as the system allows. Lower limits are left
/// alone if that fails.
pub fn raise_limit() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current == maximum {
        return;
    }
    let raised = |current| setrlimit(Resource::Nofile, Rlimit { current, maximum }).is_ok();
    let _ =
        raised(maximum) || (current.is_some_and(|now| now < MACOS_MAX) && raised(Some(MACOS_MAX)));
}

/// Says that the limit is reached, if an error is about that.
pub fn limit_reached(error: &(dyn Error + 'static)) -> Option<String> {
    let code = error.downcast_ref::<io::Error>()?.raw_os_error()?;
    if code == Errno::MFILE.raw_os_error() {
        let limit = getrlimit(Resource::Nofile).current;
        let limit = limit.map_or_else(|| "the limit".to_owned(), |limit| limit.to_string());
        return Some(format!(
            "all {limit} file descriptors are in use (ulimit -n)"
        ));
    }
    (code == Errno::NFILE.raw_os_error())
        .then(|| "all file descriptors of this machine are in use".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_raised_and_named() {
        raise_limit();
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        assert!(current == maximum || current.is_some_and(|now| now >= MACOS_MAX));
        let full = io::Error::from_raw_os_error(Errno::MFILE.raw_os_error());
        let words = limit_reached(&full).unwrap();
        assert!(
            words.contains("file descriptors are in use (ulimit -n)"),
            "{words}"
        );
        assert_eq!(limit_reached(&io::Error::other("else")), None);
    }
}
