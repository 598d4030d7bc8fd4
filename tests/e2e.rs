//! The tests against real control planes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

mod e2e {
    mod access;
    mod avoid;
    mod bulk;
    mod changes;
    mod check;
    mod completion;
    mod create;
    mod evacuate;
    mod history;
    mod hostile;
    mod lease;
    mod live;
    mod live_view;
    mod many_groups;
    mod migrate;
    mod remotes;
    mod routes;
    mod sandbox;
    mod set;
    mod standby;
    mod status;
    mod wait;
    mod watch;
}
