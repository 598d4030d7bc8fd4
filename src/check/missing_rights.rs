//! What the user's rights lack for each command.

use crate::access::rights::{RbacCommand, Right, RightScope};
use crate::text::place;

/// A right that the user lacks.
#[derive(Debug)]
pub struct Gap<'a> {
    pub right: &'a Right,
    /// The verbs that are missing.
    pub verbs: Vec<&'static str>,
    /// The command fails without it.
    pub is_needed: bool,
}

/// What one command lacks; the error if that cannot be told.
pub type Review<'a> = (RbacCommand, Result<Vec<Gap<'a>>, Vec<String>>);

/// Returns the place in which a right is missing.
pub fn place_of(right: &Right, namespace: Option<&str>) -> String {
    place(namespace.filter(|_| right.scope == RightScope::Namespace))
}
