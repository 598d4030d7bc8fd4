//! Label selectors, with the API server's grammar and meaning (apimachinery's `labels.Parse`), so
//! that a selector can be applied to objects that were read without it.

use super::Labels;
use super::names::is_label_value;

/// The longest selector. Longer ones would cost others time: a Lease of another `watch` has one.
const MAX_SELECTOR_CHARS: usize = 4096;

/// A parsed selector. It selects the objects that meet all of its requirements; without any, all
/// objects.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LabelSelector(Vec<Requirement>);

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Requirement {
    key: String,
    operator: Operator,
    /// Sorted, without duplicates.
    values: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Operator {
    Exists,
    DoesNotExist,
    In,
    NotIn,
    GreaterThan,
    LessThan,
}

/// Why a selector cannot be parsed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{selector:?}: {why}")]
pub struct SelectorError {
    selector: String,
    why: String,
}

impl LabelSelector {
    /// Parses a selector such as `team=a,tier in (web, db)`.
    ///
    /// # Errors
    /// If the API server would reject it, or it is too long.
    pub fn parse(selector: &str) -> Result<Self, SelectorError> {
        if selector.len() > MAX_SELECTOR_CHARS {
            let cut = selector.chars().take(40).collect::<String>();
            return Err(SelectorError {
                selector: format!("{cut}…"),
                why: format!("it is longer than {MAX_SELECTOR_CHARS} characters"),
            });
        }
        let mut parser = Parser(tokens(selector));
        parser.selector().map_err(|why| SelectorError {
            selector: selector.to_owned(),
            why,
        })
    }

    /// Returns whether it selects every object.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns whether it selects an object with these labels.
    pub fn matches(&self, labels: &Labels) -> bool {
        self.0.iter().all(|requirement| requirement.is_met(labels))
    }
}

/// The canonical form: selectors with the same requirements are written in the same way.
impl std::fmt::Display for LabelSelector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let requirements: Vec<String> = self.0.iter().map(Requirement::to_string).collect();
        f.write_str(&requirements.join(","))
    }
}

impl Requirement {
    fn is_met(&self, labels: &Labels) -> bool {
        let value = labels.get(&self.key);
        let is_listed = |value: &str| {
            let place = self
                .values
                .binary_search_by(|listed| listed.as_str().cmp(value));
            place.is_ok()
        };
        let compares = |compare: fn(&i64, &i64) -> bool| {
            let limit = self.values.first().and_then(|limit| limit.parse().ok());
            let number = value.and_then(|number| number.parse().ok());
            number
                .zip(limit)
                .is_some_and(|(number, limit)| compare(&number, &limit))
        };
        match self.operator {
            Operator::Exists => value.is_some(),
            Operator::DoesNotExist => value.is_none(),
            Operator::In => value.is_some_and(is_listed),
            Operator::NotIn => !value.is_some_and(is_listed),
            Operator::GreaterThan => compares(i64::gt),
            Operator::LessThan => compares(i64::lt),
        }
    }
}

impl std::fmt::Display for Requirement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (key, values) = (&self.key, self.values.join(","));
        match (self.operator, self.values.len()) {
            (Operator::Exists, _) => write!(f, "{key}"),
            (Operator::DoesNotExist, _) => write!(f, "!{key}"),
            (Operator::In, 1) => write!(f, "{key}={values}"),
            (Operator::In, _) => write!(f, "{key} in ({values})"),
            (Operator::NotIn, 1) => write!(f, "{key}!={values}"),
            (Operator::NotIn, _) => write!(f, "{key} notin ({values})"),
            (Operator::GreaterThan, _) => write!(f, "{key}>{values}"),
            (Operator::LessThan, _) => write!(f, "{key}<{values}"),
        }
    }
}

/// Splits a selector into words and symbols. The result is in reverse, so that the next token is
/// the last.
fn tokens(selector: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = selector.trim_start();
    while !rest.is_empty() {
        let is_special = |character: char| "()=!,<>".contains(character);
        let end =
            match rest.find(|character: char| is_special(character) || character.is_whitespace()) {
                Some(0) if rest.starts_with("==") || rest.starts_with("!=") => 2,
                Some(0) => 1,
                Some(end) => end,
                None => rest.len(),
            };
        let (token, after) = rest.split_at(end);
        tokens.push(token);
        rest = after.trim_start();
    }
    tokens.reverse();
    tokens
}

struct Parser<'a>(Vec<&'a str>);

impl<'a> Parser<'a> {
    fn selector(&mut self) -> Result<LabelSelector, String> {
        let mut requirements = Vec::new();
        while !self.0.is_empty() {
            requirements.push(self.requirement()?);
            match self.0.pop() {
                None => break,
                Some(",") if !self.0.is_empty() => {}
                Some(",") => return Err("it ends with a comma".to_owned()),
                Some(other) => return Err(format!("found {other:?} instead of a comma")),
            }
        }
        requirements.sort();
        requirements.dedup();
        Ok(LabelSelector(requirements))
    }

    fn requirement(&mut self) -> Result<Requirement, String> {
        let is_absent = self.0.pop_if(|token| *token == "!").is_some();
        let key = self.word().ok_or("it lacks a label's name")?.to_owned();
        if !is_label_name(&key) {
            return Err(format!("{key:?} is not the name of a label"));
        }
        let (operator, values) = match self.0.last().copied() {
            None | Some(",") if is_absent => (Operator::DoesNotExist, Vec::new()),
            None | Some(",") => (Operator::Exists, Vec::new()),
            Some(other) if is_absent => {
                return Err(format!("found {other:?} after !{key}"));
            }
            Some(operator) => {
                self.0.pop();
                self.values(operator)?
            }
        };
        Ok(Requirement {
            key,
            operator,
            values,
        })
    }

    fn values(&mut self, operator: &str) -> Result<(Operator, Vec<String>), String> {
        let (operator, mut values) = match operator {
            "=" | "==" => (Operator::In, vec![self.value()]),
            "!=" => (Operator::NotIn, vec![self.value()]),
            "in" => (Operator::In, self.list()?),
            "notin" => (Operator::NotIn, self.list()?),
            ">" => (Operator::GreaterThan, vec![self.value()]),
            "<" => (Operator::LessThan, vec![self.value()]),
            other => return Err(format!("{other:?} is not an operator")),
        };
        let is_comparison = matches!(operator, Operator::GreaterThan | Operator::LessThan);
        for value in &values {
            if is_comparison && value.parse::<i64>().is_err() {
                return Err(format!("{value:?} is not a whole number"));
            }
            if !is_label_value(value) {
                return Err(format!("{value:?} is not the value of a label"));
            }
        }
        values.sort();
        values.dedup();
        Ok((operator, values))
    }

    fn word(&mut self) -> Option<&'a str> {
        let is_word = |token: &mut &str| !token.starts_with(['(', ')', '=', '!', ',', '<', '>']);
        self.0.pop_if(is_word)
    }

    /// A value may be empty.
    fn value(&mut self) -> String {
        self.word().unwrap_or_default().to_owned()
    }

    fn list(&mut self) -> Result<Vec<String>, String> {
        if self.0.pop() != Some("(") {
            return Err("it lacks a list of values in brackets".to_owned());
        }
        let mut values = Vec::new();
        loop {
            values.push(self.value());
            match self.0.pop() {
                Some(",") => {}
                Some(")") => return Ok(values),
                _ => return Err("a list of values lacks its closing bracket".to_owned()),
            }
        }
    }
}

fn is_label_name(key: &str) -> bool {
    let (prefix, name) = key
        .split_once('/')
        .map_or((None, key), |(prefix, name)| (Some(prefix), name));
    let is_prefix = |prefix: &str| {
        !prefix.is_empty()
            && prefix.len() <= 253
            && prefix
                .chars()
                .all(|character| character.is_ascii_alphanumeric() || ".-".contains(character))
    };
    prefix.is_none_or(is_prefix) && !name.is_empty() && is_label_value(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(selector: &str, labels: &[(&str, &str)]) -> bool {
        let labels = labels
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        let selector = LabelSelector::parse(selector).unwrap();
        selector.matches(&Labels::from_iter(labels))
    }

    #[test]
    fn selectors_select_the_same_objects_as_the_api_server() {
        let labels = [("tier", "web"), ("generation", "3"), ("x.io/empty", "")];
        for selector in [
            "",
            " ",
            "tier",
            "tier=web",
            "tier == web",
            "tier!=db",
            "gone!=db",
            "!gone",
            "tier in (db, web)",
            "tier notin (db)",
            "gone notin (db)",
            "generation>2",
            "generation < 4,tier=web",
            "x.io/empty=",
            "x.io/empty in (,a)",
        ] {
            assert!(matches(selector, &labels), "{selector}");
        }
        for selector in [
            "gone",
            "tier=db",
            "tier!=web",
            "!tier",
            "tier=web,gone",
            "tier in (a,b)",
            "tier notin (web)",
            "generation>3",
            "tier>1",
            "gone=",
        ] {
            assert!(!matches(selector, &labels), "{selector}");
        }
    }

    #[test]
    fn selectors_that_the_api_server_rejects_cannot_be_parsed() {
        for selector in [
            "=web",
            "tier=web,",
            ",tier",
            "tier=a b",
            "tier in web",
            "tier in (web",
            "!tier=web",
            "tier>web",
            "tier like web",
            "tier=-web",
            "a/b/c=d",
            "/name",
            "tier,,name",
            "tier=(web)",
        ] {
            assert!(LabelSelector::parse(selector).is_err(), "{selector}");
        }
    }

    #[test]
    fn selectors_with_the_same_requirements_have_the_same_form() {
        let form = |selector: &str| LabelSelector::parse(selector).unwrap().to_string();
        assert_eq!(form("tier==web, a in (y,x,y)"), "a in (x,y),tier=web");
        assert_eq!(
            form("a in (x, y),tier = web,tier=web"),
            "a in (x,y),tier=web"
        );
        assert_eq!(form("!a,b!=c,d,e notin (f)"), "!a,b!=c,d,e!=f");
        for selector in ["a in (x,y),b", "!c", "d>5", "e!=f"] {
            assert_eq!(form(&form(selector)), form(selector));
        }
    }

    #[test]
    fn a_selector_is_bounded() {
        let long = format!("k in ({})", "v,".repeat(3000));
        let error = LabelSelector::parse(&long).unwrap_err().to_string();
        assert!(
            error.contains("longer than 4096") && error.len() < 200,
            "{error}"
        );
    }
}
