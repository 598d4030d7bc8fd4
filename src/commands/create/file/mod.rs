//! `create -f`: reads a file that lists groups. The keys of a group are the flags of `create`, whose
//! definition also checks the values. Errors name the file, the line and the key.

mod entries;
mod keys;
mod mistakes;
#[cfg(test)]
mod tests;

use std::io::Read as _;
use std::path::Path;

use self::entries::{Entries, entries};
use self::keys::Keys;
use self::mistakes::{BadLine, bad, problem};
use super::arguments;
use crate::cli::CreateArgs;
use crate::problem::Problem;
use crate::text::{clean, without_code};

/// A larger file is not a list of groups.
const MAX_FILE_BYTES: u64 = 4 << 20;

/// A group of the file.
#[derive(Debug)]
pub struct FileGroup {
    /// None: the namespace of the command.
    pub namespace: Option<String>,
    pub args: CreateArgs,
    /// The file and the line, for messages.
    pub place: String,
}

/// Reads the groups of a file; `-` is the standard input.
///
/// # Errors
/// A usage error that says what is wrong, and where.
pub fn read(path: &Path) -> Result<Vec<FileGroup>, Problem> {
    if path.as_os_str() == "-" {
        let mut text = String::new();
        let input = std::io::stdin().lock().take(MAX_FILE_BYTES + 1);
        let read = { input }.read_to_string(&mut text);
        return checked("standard input", read.map(|_| text));
    }
    let name = path.display().to_string();
    let file = std::fs::File::open(path);
    let text = file.and_then(|file| {
        let mut text = String::new();
        file.take(MAX_FILE_BYTES + 1).read_to_string(&mut text)?;
        Ok(text)
    });
    checked(&name, text)
}

fn checked(name: &str, text: std::io::Result<String>) -> Result<Vec<FileGroup>, Problem> {
    let name = clean(name);
    let text = text.map_err(|error| {
        Problem::new(format!("{name} cannot be read: {}", without_code(&error)))
    })?;
    if text.len() as u64 > MAX_FILE_BYTES {
        return Err(Problem::usage(format!(
            "{name} is too large for a list of groups"
        )));
    }
    parse(&name, &text)
}

fn parse(name: &str, text: &str) -> Result<Vec<FileGroup>, Problem> {
    let groups = entries(text).map_err(|mistake| problem(name, vec![mistake]))?;
    let (mut read, mut mistakes) = (Vec::new(), Vec::new());
    for entries in groups {
        match group(name, entries) {
            Ok(group) => read.push(group),
            Err(found) => mistakes.extend(found),
        }
    }
    mistakes.extend(twice(&read));
    if mistakes.is_empty() {
        return Ok(read);
    }
    Err(problem(name, mistakes))
}

/// Reads a group, or finds all mistakes in it.
fn group(name: &str, (line, entries): (u64, Entries)) -> Result<FileGroup, Vec<BadLine>> {
    let mut keys = Keys::default();
    let named: Vec<String> = entries.iter().map(|(key, _)| key.value.clone()).collect();
    let read = entries.into_iter().map(|(key, node)| keys.read(&key, node));
    let mut mistakes: Vec<BadLine> = read.filter_map(Result::err).collect();
    let needed = ["service", "fallbacks"].into_iter();
    let missing = needed.filter(|key| !named.iter().any(|it| it == key));
    mistakes.extend(missing.map(|key| bad(line, format!("the group has no {key}"))));
    let args = keys.args(line, &mut mistakes);
    mistakes.extend(keys.bad_values(args.as_ref(), &mistakes));
    if let (true, Some(args)) = (mistakes.is_empty(), &args)
        && let Err(problem) = arguments::check_group(args)
    {
        let next = problem.next.join("; ");
        mistakes.push(BadLine {
            next: Some(next).filter(|next| !next.is_empty()),
            ..bad(line, problem.message)
        });
    }
    match args.filter(|_| mistakes.is_empty()) {
        Some(args) => Ok(FileGroup {
            namespace: keys.namespace,
            args,
            place: format!("{name}, line {line}"),
        }),
        None => Err(mistakes),
    }
}

/// Finds a Service that two groups of the file have.
fn twice(groups: &[FileGroup]) -> Option<BadLine> {
    let mut known = std::collections::HashMap::new();
    for group in groups {
        let service = group.args.service.clone().unwrap_or_default();
        let key = (group.namespace.clone(), service.clone(), group.args.port);
        if let Some(first) = known.insert(key, &group.place) {
            let line = |place: &str| place.rsplit(' ').next().and_then(|it| it.parse().ok());
            return Some(bad(
                line(&group.place).unwrap_or(1),
                format!(
                    "service {} has a group already, in line {}",
                    clean(&service),
                    line(first).unwrap_or(1)
                ),
            ));
        }
    }
    None
}
