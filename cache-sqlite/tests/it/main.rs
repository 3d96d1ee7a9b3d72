//! What this backend promises: the suite that all backends pass, and what is its alone.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod conformance;
mod store;

mod basics;
