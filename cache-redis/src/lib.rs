#![doc = include_str!("../README.md")]

mod client;
mod cluster;
mod command;
mod error;
mod link;
mod listing;
mod merge;
mod node;
mod operations;
mod options;
mod reads;
mod reply;
mod script;
mod sentinel;
mod slot;
mod store;
mod tls;
mod url;
mod writes;

pub use client::RedisCache;
pub use options::RedisOptions;
