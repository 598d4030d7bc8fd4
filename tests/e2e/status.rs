//! `status` against real clusters.

mod contexts;
mod output;
mod pages;
mod selection;
mod since;
