//! Numbers as the findings spell them.

/// Such as `10s`.
pub fn seconds(seconds: f64) -> String {
    format!("{seconds:.0}s")
}

/// Such as `1 pod`, `2 pods`.
pub fn count(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

/// Such as `1 pod is`, `2 pods are`.
pub fn are(number: usize, what: &str) -> String {
    let verb = if number == 1 { "is" } else { "are" };
    format!("{} {verb}", count(number, what))
}

pub(super) fn requests(count: f64) -> String {
    let plural = if count.round() == 1.0 { "" } else { "s" };
    format!("{count:.0} request{plural}")
}

pub(super) fn percent(share: f64) -> String {
    format!("{:.0}%", share * 100.0)
}
