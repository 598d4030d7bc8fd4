//! How many objects a page of a list may have.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// The API server has a first page at hand, and reads those after it from etcd: few are cheaper than many.
const LARGE: &str = "10000";
/// What comes within the limit of a request on a slow line, or from a slow server.
const SMALL: &str = "500";

/// The pages of one cluster's lists: large until one does not come.
#[derive(Debug, Default)]
pub struct PageSize {
    are_small: AtomicBool,
    /// How many requests were answered.
    answers: AtomicUsize,
}

/// A page that is asked for.
#[derive(Debug, Clone, Copy)]
pub struct PageRequest {
    is_small: bool,
    answers_before: usize,
}

impl PageRequest {
    /// The most objects that it may have.
    pub fn limit(self) -> &'static str {
        if self.is_small { SMALL } else { LARGE }
    }
}

impl PageSize {
    pub fn next(&self) -> PageRequest {
        PageRequest {
            is_small: self.are_small.load(Ordering::Relaxed),
            answers_before: self.answers.load(Ordering::Relaxed),
        }
    }

    /// Some request was answered.
    pub fn take_in_answer(&self) {
        self.answers.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes in that a page did not come in whole. Where it was large, and the server did answer something since, pages
    /// are small from now on; gives whether to ask for it again.
    pub fn shrink(&self, page: PageRequest) -> bool {
        let is_there = self.answers.load(Ordering::Relaxed) > page.answers_before;
        let may_be_too_large = !page.is_small && is_there;
        if may_be_too_large {
            tracing::debug!("a page of a list did not come: from now on they are small");
            self.are_small.store(true, Ordering::Relaxed);
        }
        may_be_too_large
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_small_once_a_large_one_did_not_come_from_a_server_that_answers() {
        let pages = PageSize::default();
        let (first, second) = (pages.next(), pages.next());
        assert!(
            !pages.shrink(first),
            "a server that says nothing is not asked again"
        );
        pages.take_in_answer();
        assert!(pages.shrink(first) && pages.shrink(second));
        assert_eq!((first.limit(), pages.next().limit()), (LARGE, SMALL));
        pages.take_in_answer();
        assert!(!pages.shrink(pages.next()), "there is nothing smaller");
    }
}
