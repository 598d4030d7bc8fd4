//! The page size of lists: large at first, small after a large page failed to arrive.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// The API server serves the first page from its watch cache and later ones from etcd, so few pages
/// are cheaper.
const LARGE_PAGE: u32 = 10_000;
/// Arrives within the time limit even on a slow connection or from a slow server.
const SMALL_PAGE: u32 = 500;

/// The page size of one cluster.
#[derive(Debug, Default)]
pub struct PageSize {
    is_small: AtomicBool,
    /// How many requests the server has answered.
    answers: AtomicUsize,
}

/// A requested page.
#[derive(Debug, Clone, Copy)]
pub struct PageRequest {
    is_small: bool,
    answers_before: usize,
}

impl PageRequest {
    /// Returns the most objects that the page may contain.
    pub fn limit(self) -> u32 {
        if self.is_small {
            SMALL_PAGE
        } else {
            LARGE_PAGE
        }
    }
}

impl PageSize {
    pub fn next(&self) -> PageRequest {
        PageRequest {
            is_small: self.is_small.load(Ordering::Relaxed),
            answers_before: self.answers.load(Ordering::Relaxed),
        }
    }

    /// Records that the server answered a request.
    pub fn count_answer(&self) {
        self.answers.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns whether the server has answered a request since this one was made.
    pub fn has_answered_since(&self, page: PageRequest) -> bool {
        self.answers.load(Ordering::Relaxed) > page.answers_before
    }

    /// Records that a page did not arrive. Pages become small if it was large and the server has
    /// answered another request since. Returns true if the page is worth requesting again.
    pub fn shrink(&self, page: PageRequest) -> bool {
        let may_be_too_large = !page.is_small && self.has_answered_since(page);
        if may_be_too_large {
            tracing::debug!("a page of a list did not arrive: using small pages from now on");
            self.is_small.store(true, Ordering::Relaxed);
        }
        may_be_too_large
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_become_small_if_a_large_page_does_not_arrive_from_a_responsive_server() {
        let pages = PageSize::default();
        let (first, second) = (pages.next(), pages.next());
        assert!(!pages.shrink(first), "a silent server is not asked again");
        pages.count_answer();
        assert!(pages.shrink(first) && pages.shrink(second));
        assert_eq!(
            (first.limit(), pages.next().limit()),
            (LARGE_PAGE, SMALL_PAGE)
        );
        pages.count_answer();
        assert!(!pages.shrink(pages.next()), "there is no smaller page");
    }
}
