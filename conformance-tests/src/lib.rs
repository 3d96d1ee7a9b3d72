#![doc = include_str!("../README.md")]
// The suite reports by panicking, as every test does.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod harness;
mod profile;
mod promises;
mod table;

mod cases;
mod dice;
mod expect;
mod run;
mod store;

pub mod broken;
pub mod clocks;
pub mod histories;
pub mod reference;
pub mod sequences;
pub mod session_model;

#[cfg(feature = "runner")]
pub mod runner;

pub mod proxy;
#[cfg(feature = "servers")]
pub mod servers;

pub use harness::{Client, Harness, Networked, Outage, Reopen, Share};
pub use profile::Profile;
pub use promises::{PROMISES, Promise, RETIRED};
pub use run::{lacking, run};
pub use store::Store;
#[doc(hidden)]
pub use table::may_lack;
pub use table::{CASES, Case, GROUPS, Group, LEVELS, Level, groups};

pub use session_core::async_trait;
