//! The contract, and what is this backend's alone.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod bounds;
mod clocks;
mod conformance;
mod expiry;
mod listing;
mod model;
mod options;
mod turns;
