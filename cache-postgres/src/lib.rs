#![doc = include_str!("../README.md")]

mod options;

mod client;

mod batch;
mod connection;
mod dispatch;
mod error;
mod health;
mod queue;
mod schema;
mod sql;
mod statement;
mod sweep;

pub use client::PostgresCache;
pub use options::{PostgresOptions, SynchronousCommit, TlsMode};
