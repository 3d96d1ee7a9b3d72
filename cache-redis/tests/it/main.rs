//! Redis as a cache: the suite on a real server and on a cluster, and what is Redis' alone.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod cluster;
mod conformance;
mod database;
mod fake;
mod faults;
mod merge;
mod sentinel;
mod transport;
