//! `status` against real clusters.

mod contexts;
mod down;
mod hints;
mod output;
mod pages;
mod selection;
mod since;
