//! Reads what a source file imports, names and defines, code for tests left out.

use std::collections::BTreeSet;

use super::tokens::tokens;

/// The segments of a path: `crate::model::Group`.
pub type Path = Vec<String>;

/// One name that a `use` statement brings in.
#[derive(Debug, PartialEq)]
pub struct Use {
    pub path: Path,
    /// The last segment, or the name after `as`; `*` for a glob.
    pub name: String,
    /// Whether it is a re-export: `pub use`, whoever may see it.
    pub public: bool,
}

/// What the import graph needs of a source file.
#[derive(Debug, Default)]
pub struct Source {
    pub uses: Vec<Use>,
    /// Paths of two segments or more in the code outside `use` statements.
    pub paths: Vec<Path>,
    /// The names of the items at the top of the file.
    pub items: BTreeSet<String>,
    /// The modules of their own files that exist for tests alone.
    pub test_modules: Vec<String>,
}

impl Source {
    pub fn parse(text: &str) -> Self {
        let mut reader = Reader {
            tokens: tokens(text),
            at: 0,
            depth: 0,
            source: Self::default(),
        };
        while reader.at < reader.tokens.len() {
            reader.step();
        }
        reader.source
    }

    /// The paths that the file imports or names, as they are written.
    pub fn all_paths(&self) -> impl Iterator<Item = &Path> {
        self.uses
            .iter()
            .map(|import| &import.path)
            .chain(&self.paths)
    }
}

struct Reader<'a> {
    tokens: Vec<&'a str>,
    at: usize,
    /// How many braces are open.
    depth: usize,
    source: Source,
}

impl<'a> Reader<'a> {
    fn step(&mut self) {
        match self.tokens[self.at] {
            "#" if self.next_are(&["#", "[", "cfg", "(", "test", ")", "]"]) => self.skip_item(),
            "use" if self.peek(1) != "<" => self.read_use(),
            "{" => self.depth += 1,
            "}" => self.depth = self.depth.saturating_sub(1),
            "fn" | "struct" | "enum" | "union" | "trait" | "const" | "static" | "type"
                if self.depth == 0 =>
            {
                self.source.items.insert(self.peek(1).to_owned());
            }
            first if self.peek(1) == "::" && is_name(first) => self.read_path(),
            _ => {}
        }
        self.at += 1;
    }

    fn peek(&self, ahead: usize) -> &'a str {
        self.tokens.get(self.at + ahead).copied().unwrap_or("")
    }

    fn next_are(&self, expected: &[&str]) -> bool {
        self.tokens[self.at..].starts_with(expected)
    }

    /// Goes to the last token of the item after an attribute.
    fn skip_item(&mut self) {
        let mut open = 0;
        for at in self.at..self.tokens.len() {
            match self.tokens[at] {
                "{" | "(" | "[" => open += 1,
                "}" | ")" | "]" => open -= 1,
                _ => {}
            }
            let ends = matches!(self.tokens[at], "}" | ";") && open == 0;
            if ends || at + 1 == self.tokens.len() {
                if let ["mod", name, ";"] = self.tokens[at.saturating_sub(2)..=at] {
                    self.source.test_modules.push(name.to_owned());
                }
                self.at = at;
                return;
            }
        }
    }

    /// Reads a `use` statement up to its semicolon.
    fn read_use(&mut self) {
        let public = self.at > 0 && matches!(self.tokens[self.at - 1], "pub" | ")");
        self.at += 1;
        self.read_tree(&[], public);
    }

    /// Reads one tree of a `use` statement; stops at the token after it.
    fn read_tree(&mut self, prefix: &[String], public: bool) {
        let start = self.at;
        let mut path = prefix.to_vec();
        let mut name = None;
        while self.at < self.tokens.len() {
            match self.tokens[self.at] {
                "{" => {
                    while !matches!(self.peek(0), "}" | "") {
                        self.at += 1;
                        self.read_tree(&path, public);
                    }
                    self.at += 1;
                    return;
                }
                "as" => {
                    name = Some(self.peek(1).to_owned());
                    self.at += 1;
                }
                "}" | "," | ";" => break,
                "::" => {}
                "self" if !path.is_empty() => {}
                segment => path.push(segment.to_owned()),
            }
            self.at += 1;
        }
        let is_empty = self.at == start;
        let name = name.or_else(|| path.last().cloned());
        path.pop_if(|last| last == "*");
        if let Some(name) = name.filter(|_| !is_empty) {
            self.source.uses.push(Use { path, name, public });
        }
    }

    /// Reads a path in the code; stops at its last segment.
    fn read_path(&mut self) {
        let mut path = vec![self.tokens[self.at].to_owned()];
        while self.peek(1) == "::" && is_name(self.peek(2)) {
            path.push(self.peek(2).to_owned());
            self.at += 2;
        }
        if path.len() > 1 {
            self.source.paths.push(path);
        }
    }
}

fn is_name(token: &str) -> bool {
    token.starts_with(|letter: char| letter == '_' || letter.is_alphabetic())
}
