pub mod network;
pub mod run;
pub mod up;
