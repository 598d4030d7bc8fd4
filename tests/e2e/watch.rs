mod faults;
mod groups;
mod once;
mod readiness;
mod refusals;
mod rights;
mod start;
mod story;
