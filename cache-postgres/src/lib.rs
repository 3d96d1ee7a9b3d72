#![doc = include_str!("../README.md")]

mod options;
mod url;

mod client;

mod batch;
mod connection;
mod dispatch;
mod error;
mod health;
mod lifetime;
mod login;
mod queue;
mod schema;
mod sql;
mod statement;
mod steps;
mod sweep;

pub use client::PostgresCache;
pub use options::{PostgresOptions, SynchronousCommit, TlsMode};
