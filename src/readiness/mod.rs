pub mod cache;
pub mod lookup;
pub mod mirror_index;
pub mod mirror_services;
pub mod slice_watch;
pub mod watches;
