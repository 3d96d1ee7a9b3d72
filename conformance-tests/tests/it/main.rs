//! The suite, tested: it passes on a plain map and catches clients broken on purpose.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod broken;
mod clocks;
mod conformance;
mod lacking;
mod probation;
mod promises;
mod provided;
mod remote;
#[cfg(feature = "runner")]
mod runner;
mod table;
mod wrappers;
