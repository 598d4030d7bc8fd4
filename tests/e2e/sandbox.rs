mod lifecycle;
mod mirror;
