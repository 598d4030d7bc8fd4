//! What checks find in groups. In short, groups with the same problem are one line.

use std::collections::BTreeSet;

use crate::model::GroupId;

/// Names beyond this number are only counted.
const MAX_NAMES: usize = 3;

/// A problem of one group.
#[derive(Debug)]
pub struct Finding {
    pub id: GroupId,
    /// The backend that has the problem, if it is not the group.
    pub backend: Option<String>,
    pub words: String,
}

impl Finding {
    pub fn new(id: &GroupId, words: impl Into<String>) -> Self {
        Self {
            id: id.clone(),
            backend: None,
            words: words.into(),
        }
    }

    pub fn on_backend(id: &GroupId, backend: &str, words: impl Into<String>) -> Self {
        Self {
            backend: Some(backend.to_owned()),
            ..Self::new(id, words)
        }
    }

    fn line(&self) -> String {
        let backend = self.backend.as_ref().map(|name| format!("{name} "));
        format!("{}: {}{}", self.id, backend.unwrap_or_default(), self.words)
    }

    fn subject(&self) -> String {
        self.backend.clone().unwrap_or_else(|| self.id.short_name())
    }
}

/// Returns a line for each finding or, in short, for each distinct problem.
pub fn lines(findings: impl IntoIterator<Item = Finding>, short: bool) -> Vec<String> {
    let findings: Vec<Finding> = findings.into_iter().collect();
    if !short {
        return findings.iter().map(Finding::line).collect();
    }
    let mut problems: Vec<(&str, Vec<&Finding>)> = Vec::new();
    for finding in &findings {
        let known = problems.iter_mut();
        let mut same = known.filter(|(words, _)| *words == finding.words);
        match same.next() {
            Some((_, same)) => same.push(finding),
            None => problems.push((&finding.words, vec![finding])),
        }
    }
    problems
        .iter()
        .map(|(words, same)| folded(words, same))
        .collect()
}

fn folded(words: &str, same: &[&Finding]) -> String {
    if let [only] = same {
        return only.line();
    }
    let groups: BTreeSet<&GroupId> = same.iter().map(|finding| &finding.id).collect();
    let namespaces: BTreeSet<&str> = same.iter().map(|it| it.id.namespace.as_str()).collect();
    let namespaces = name_some(namespaces.into_iter().map(str::to_owned));
    let a_backend = match same {
        [first, ..] if first.backend.is_some() => "a backend ",
        _ => "",
    };
    let count = match groups.len() {
        1 => "1 group".to_owned(),
        many => format!("{many} groups"),
    };
    let subjects = name_some(same.iter().map(|finding| finding.subject()));
    format!("{count} in {namespaces}: {a_backend}{words} ({subjects})")
}

/// Names the first ones, and counts the others: `a, b, c and 2 more`.
pub fn name_some(names: impl IntoIterator<Item = String>) -> String {
    let mut names = names.into_iter();
    let named: Vec<String> = names.by_ref().take(MAX_NAMES).collect();
    let more = match names.count() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    named.join(", ") + &more
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(namespace: &str, name: &str, backend: Option<&str>) -> Finding {
        let id = GroupId {
            namespace: namespace.to_owned(),
            kind: "trafficsplit",
            name: name.to_owned(),
        };
        let mut finding = Finding::new(&id, "does not exist");
        finding.backend = backend.map(str::to_owned);
        finding
    }

    #[test]
    fn the_same_problem_is_one_line_in_short() {
        let findings = || {
            let backends = ["a-east", "b-east", "c-east", "d-east", "e-east"];
            let namespaces = ["pay", "shop", "shop", "shop", "shop"];
            let both = backends.into_iter().zip(namespaces);
            both.map(|(backend, namespace)| finding(namespace, &backend[..1], Some(backend)))
        };
        assert_eq!(
            lines(findings(), true),
            ["5 groups in pay, shop: a backend does not exist (a-east, b-east, c-east and 2 more)"]
        );
        let all = lines(findings(), false);
        assert_eq!(
            (all.len(), all[0].as_str()),
            (5, "pay/a: a-east does not exist")
        );
        let one = || [finding("pay", "web", None)];
        assert_eq!(lines(one(), true), lines(one(), false));
    }
}
