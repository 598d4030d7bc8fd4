pub mod network;
pub mod out;
pub mod run;
pub mod up;
