pub mod credentials;
pub mod refresh;
pub mod token;
pub mod token_source;
