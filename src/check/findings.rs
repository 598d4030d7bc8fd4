//! What checks find in groups. Many groups with the same problem are one line.

use crate::model::fold::{fold, groups_in, name_some};
use crate::model::roles::{Roles, common};
use crate::model::{GroupId, Status};

/// A problem of one group.
#[derive(Debug, Clone)]
pub struct Finding {
    pub id: GroupId,
    /// The backend that has the problem, if it is not the group.
    pub backend: Option<String>,
    pub words: String,
    /// The roles of the backends that the words name.
    roles: Roles,
}

impl Finding {
    pub fn new(id: &GroupId, words: impl Into<String>) -> Self {
        Self {
            id: id.clone(),
            backend: None,
            words: words.into(),
            roles: Roles::default(),
        }
    }

    /// A problem of a group in words that name its backends.
    pub fn on_status(status: &Status, words: impl Into<String>) -> Self {
        Self {
            roles: Roles::of_status(status),
            ..Self::new(&status.id, words)
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

/// Returns a line for each finding, or for more than `max_single` of the same problem.
pub fn lines(findings: impl IntoIterator<Item = Finding>, max_single: usize) -> Vec<String> {
    let problem = |it: &Finding| Some((it.backend.is_some(), it.roles.apply(&it.words)));
    let problems = fold(findings, problem, |_| max_single);
    problems.iter().map(|same| line(same)).collect()
}

fn line(same: &[Finding]) -> String {
    if let [only] = same {
        return only.line();
    }
    let a_backend = match same {
        [first, ..] if first.backend.is_some() => "a backend ",
        _ => "",
    };
    let groups = groups_in(same.iter().map(|finding| &finding.id));
    let words = common(same.iter().map(|it| (&it.roles, it.words.as_str())));
    let subjects = name_some(same.iter().map(Finding::subject));
    format!("{groups}: {a_backend}{words} ({subjects})")
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
    fn the_same_problem_of_many_groups_is_one_line() {
        let findings = || {
            let backends = ["a-east", "b-east", "c-east", "d-east", "e-east"];
            let namespaces = ["pay", "shop", "shop", "shop", "shop"];
            let both = backends.into_iter().zip(namespaces);
            both.map(|(backend, namespace)| finding(namespace, &backend[..1], Some(backend)))
        };
        assert_eq!(
            lines(findings(), 4),
            ["5 groups in pay, shop: a backend does not exist (a-east, b-east, c-east and 2 more)"]
        );
        let all = lines(findings(), 5);
        assert_eq!(
            (all.len(), all[0].as_str()),
            (5, "pay/a: a-east does not exist")
        );
        let one = || [finding("pay", "web", None)];
        assert_eq!(lines(one(), 1), lines(one(), 5));
    }
}
