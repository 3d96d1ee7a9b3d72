//! Redis as a cache: the suite on a real server and on a cluster, and what is Redis' alone.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod batches;
mod clocks;
mod cluster;
mod conformance;
mod database;
mod fake;
mod faults;
mod multiplex;
mod options;
mod sentinel;
mod transport;
