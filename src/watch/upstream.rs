//! Which groups are left to Linkerd's own controller, where both run side by side.

use super::engine::Settings;
use crate::model::Readiness;
use crate::resource::Record;
use crate::resource::annotations::POLICY_KEYS;

/// Why the controller is to have this group alone: the two would come to different answers.
pub fn has_it(settings: &Settings, record: &Record, readiness: &[Readiness]) -> Option<&'static str> {
    if !settings.upstream.as_ref()?.covers(record) {
        return None;
    }
    if !settings.alongside_upstream && !settings.dry_run {
        return Some("its selector covers the group; --alongside-upstream shares such groups");
    }
    if POLICY_KEYS.iter().any(|key| record.meta.annotations.get(key).is_some()) {
        return Some("it knows no policy annotations, and the group has some");
    }
    readiness
        .iter()
        .any(Readiness::rests_elsewhere)
        .then_some("it knows local endpoints alone, and those do not say all of a backend")
}
