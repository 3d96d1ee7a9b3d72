#![doc = include_str!("../README.md")]

mod client;
mod cluster;
mod command;
mod error;
mod life;
mod link;
mod listing;
mod map;
mod multiplex;
mod node;
mod operations;
mod options;
mod reply;
mod resp;
mod script;
mod sentinel;
mod slot;
mod store;
mod tls;
mod url;
mod waiter;

pub use client::RedisCache;
pub use options::RedisOptions;
