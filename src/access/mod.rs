//! RBAC: the rights that commands need, and the one that a forbidden request lacks.

pub mod missing_right;
pub mod rights;
