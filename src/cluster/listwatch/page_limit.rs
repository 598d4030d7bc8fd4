//! The number of objects in the pages of one list, adapted to their size: one tenant's large objects
//! must not make the pages of everybody too large to arrive.

/// A page that grows beyond this is dropped, and read again as smaller pages.
pub const MAX_DIVISIBLE_PAGE_BYTES: usize = 64 * 1024 * 1024;
/// After a page that is smaller than this, the next one may have more objects.
const SMALL_PAGE_BYTES: usize = MAX_DIVISIBLE_PAGE_BYTES / 8;
/// How much the number of objects grows then.
const GROWTH: u32 = 8;

/// The most objects of the next page.
#[derive(Debug)]
pub struct PageLimit(u32);

impl Default for PageLimit {
    fn default() -> Self {
        Self(u32::MAX)
    }
}

impl PageLimit {
    /// Returns the number of objects to request, where `usual` objects are usual.
    pub fn of(&self, usual: u32) -> u32 {
        self.0.min(usual)
    }

    /// Records that a page of this limit grew too large, or did not arrive in time, after this many
    /// objects. Returns whether a smaller page is worth requesting.
    pub fn shrink(&mut self, limit: u32, arrived: usize) -> bool {
        let arrived = u32::try_from(arrived).unwrap_or(u32::MAX);
        let is_divisible = limit > 1 && arrived > 0;
        if is_divisible {
            self.0 = (arrived.min(limit) / 2).max(1);
        }
        is_divisible
    }

    /// Records that a page of this limit has arrived, with this many bytes.
    pub fn grow(&mut self, limit: u32, bytes: usize) {
        if bytes < SMALL_PAGE_BYTES && self.0 <= limit {
            self.0 = self.0.saturating_mul(GROWTH);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_shrink_to_what_arrived_and_grow_while_they_are_small() {
        let mut pages = PageLimit::default();
        assert_eq!(pages.of(500), 500);
        assert!(pages.shrink(500, 9));
        assert_eq!(pages.of(500), 4);
        pages.grow(4, MAX_DIVISIBLE_PAGE_BYTES / 2);
        assert_eq!(pages.of(500), 4);
        assert!(pages.shrink(4, 1));
        assert_eq!(pages.of(500), 1);
        assert!(!pages.shrink(1, 1), "there is no smaller page");
        for _ in 0..20 {
            pages.grow(pages.of(500), 100);
        }
        assert_eq!(pages.of(500), 500);
    }

    #[test]
    fn a_page_of_which_nothing_arrived_does_not_shrink_the_next_one() {
        let mut pages = PageLimit::default();
        assert!(!pages.shrink(500, 0));
        assert_eq!(pages.of(500), 500);
    }
}
