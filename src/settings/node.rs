//! YAML whose keys know their lines, for files that people write.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_yaml::Spanned;

/// A YAML value whose keys know their lines.
#[derive(Debug)]
pub enum Node {
    Null,
    Text(String),
    List(Vec<Node>),
    Map(Vec<(Spanned<String>, Node)>),
}

impl Node {
    /// Parses a document.
    ///
    /// # Errors
    /// The line, and what is wrong there. Never quotes a value.
    pub fn parse(text: &str) -> Result<Option<Self>, (u64, String)> {
        serde_yaml::from_str::<Option<Self>>(text).map_err(|error| {
            let line = error.location().map_or(1, |at| at.line());
            if error.to_string().contains("duplicate mapping key") {
                return (line, "the same key twice".to_owned());
            }
            match indenting_tab(text, line) {
                Some((line, column)) => {
                    let what = "YAML does not allow tabs for indentation";
                    (line, format!("{what} (column {column}); use spaces"))
                }
                None => (line, "invalid YAML".to_owned()),
            }
        })
    }

    /// Returns a text or a number as text.
    pub fn text(self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// Returns the line and the column of the tab in an indentation that an error in a line is about. The
/// parser may notice a tab only below it, or name the line above, in which a value begins.
fn indenting_tab(text: &str, line: u64) -> Option<(u64, usize)> {
    let lines = (1..=line + 1).zip(text.lines());
    let tabs = lines.filter_map(|(number, text)| {
        let indented = text.len() - text.trim_start_matches([' ', '\t']).len();
        let tab = text.get(..indented)?.find('\t')?;
        Some((number, tab + 1))
    });
    let tabs: Vec<(u64, usize)> = tabs.collect();
    let mut above = tabs.iter().rev().filter(|(number, _)| *number <= line);
    above.next().or(tabs.last()).copied()
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Text(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Text(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Text(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Text(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Text(value.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Node, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Node::Map(map))
    }
}
