//! What this backend promises: the suite that all backends pass, and what is its alone.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod store;

mod conformance;
mod model;

mod cancellation;
mod clocks;
mod faults;
mod files;
mod gathered;
mod groups;
mod kill;
mod sharing;
mod upkeep;
