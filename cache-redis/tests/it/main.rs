//! Redis as a cache: the suite on a real server, and what is Redis' alone.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod conformance;
mod database;
mod faults;
