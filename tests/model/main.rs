//! The rules of a decision: the reference's own answers, and the invariants over the whole space.

mod invariants;
mod vectors;
