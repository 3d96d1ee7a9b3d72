//! The demo as a user starts it: the real program, over real connections.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod browser;
mod server;

mod command_line;
mod restart;
mod routes;
