//! A `watch` that is not allowed to patch some groups.

use super::*;

impl Harness {
    fn released(&mut self) -> usize {
        self.take(|effect| matches!(effect, Effect::ReleaseLease(_)).then_some(()))
            .len()
    }

    fn reviewed(&mut self, denied: &[&'static str]) {
        let denied = denied.iter().copied().collect();
        self.engine.rights_reviewed("ns", denied, self.now);
        self.settle();
        self.pass(1);
    }

    fn reviews(&mut self) -> usize {
        self.take(|effect| matches!(effect, Effect::ReviewRights(_)).then_some(()))
            .len()
    }

    fn cannot_patch(&mut self) -> usize {
        self.take(|effect| {
            matches!(effect, Effect::Report(Notice::CannotPatch { .. })).then_some(())
        })
        .len()
    }
}

#[test]
fn a_lease_is_given_back_where_nothing_can_be_moved() {
    let mut harness = Harness::at_home();
    harness.reviewed(&["trafficsplit"]);
    assert_eq!((harness.released(), harness.cannot_patch()), (1, 1));
    assert!(harness.engine.can_move_nothing() && !harness.engine.needs_lease("ns"));
    harness.slice_changed(SliceWatchId(1), "web", 0);
    assert!(harness.writes().is_empty());
    assert_eq!(harness.engine.refused(), 1);
    harness.reviewed(&[]);
    assert!(harness.engine.needs_lease("ns"));
    assert_eq!(harness.cannot_patch(), 0);
}

#[test]
fn other_kinds_do_not_matter() {
    let mut harness = Harness::at_home();
    harness.reviewed(&["httproute"]);
    assert_eq!((harness.released(), harness.cannot_patch()), (0, 0));
    harness.slice_changed(SliceWatchId(1), "web", 0);
    assert_eq!(harness.writes().len(), 1);
}

#[test]
fn a_forbidden_write_asks_for_the_rights() {
    let mut harness = Harness::at_home();
    harness.slice_changed(SliceWatchId(1), "web", 0);
    harness.answer(Err(forbidden()));
    harness.settle();
    assert_eq!(harness.reviews(), 1);
}
