pub mod missing_right;
pub mod rights;
