//! PostgreSQL as a cache: the suite on a real server, and what is PostgreSQL's alone.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod cancellation;
mod clocks;
mod conformance;
mod database;
mod due;
mod network;
mod options;
mod parts;
mod pgbouncer;
mod pool;
mod schema;
mod server;
mod sqlstate;
mod tls;
