#![doc = include_str!("../README.md")]

mod options;

mod client;

mod store;

mod connection;
mod file;
mod gather;
mod pace;
mod pen;
mod sweep;
mod writer;

mod clock;
mod entries;
mod sql;

mod error;

pub use client::SqliteCache;
pub use options::{SqliteOptions, Synchronous};
