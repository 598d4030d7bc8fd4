//! The past of groups as comma-separated values (RFC 4180), the oldest event first.

use super::ClusterRow;
use super::cells::sources;

pub const HEADING: &str =
    "time,context,namespace,object,name,event,from,to,seconds,ongoing,by,why,unverified,sources";

/// Returns one line, without its end.
pub fn line(told: &ClusterRow) -> String {
    let (event, row) = (&told.row.event, told.row);
    let seconds = row
        .lasted
        .map(|lasted| format!("{:.3}", lasted.time.as_secs_f64()));
    let fields = [
        format!("{:.3}", event.at),
        told.context.to_owned(),
        event.group.namespace.clone(),
        event.group.kind.to_owned(),
        event.group.name.clone(),
        event.kind.to_string(),
        event.from.clone().unwrap_or_default(),
        event.to.clone().unwrap_or_default(),
        seconds.unwrap_or_default(),
        row.lasted.is_some_and(|it| it.goes_on).to_string(),
        event.by.clone(),
        event.why.clone(),
        event.unverified.to_string(),
        sources(row).join(" "),
    ];
    fields.map(|field| quoted(&field)).join(",")
}

/// Quotes a field, where that is needed. A field that a spreadsheet would take as a formula begins
/// with an apostrophe, since reasons come from others.
fn quoted(field: &str) -> String {
    let field = if field.starts_with(['=', '+', '-', '@']) {
        format!("'{field}")
    } else {
        field.to_owned()
    };
    if field.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_quoted_where_needed() {
        assert_eq!(quoted("web has none"), "web has none");
        assert_eq!(quoted("a=1,b=0"), "\"a=1,b=0\"");
        assert_eq!(quoted("say \"no\""), "\"say \"\"no\"\"\"");
        assert_eq!(quoted("=HYPERLINK(1)"), "'=HYPERLINK(1)");
    }
}
