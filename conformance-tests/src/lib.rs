#![doc = include_str!("../README.md")]
// The suite reports by panicking, as every test does.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod harness;
mod profile;
mod table;

mod cases;
mod expect;
mod run;
mod store;

pub mod broken;
pub mod reference;
pub mod sequences;

#[cfg(feature = "servers")]
pub mod proxy;
#[cfg(feature = "servers")]
pub mod servers;

pub use harness::{Client, Harness, Reopen, Share};
pub use profile::Profile;
pub use run::{lacking, run};
pub use store::Store;
pub use table::{CASES, Case, groups};

pub use session_core::async_trait;
