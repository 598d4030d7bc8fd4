//! What a proxy's metrics say: from their text to the requests of a window. Pure.

pub mod difference;
pub mod exposition;
pub mod scrape;
#[cfg(test)]
mod tests;
