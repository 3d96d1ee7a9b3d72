#![doc = include_str!("../README.md")]

mod client;
mod command;
mod error;
mod link;
mod listing;
mod node;
mod options;
mod reply;
mod script;
mod store;
mod tls;

pub use client::RedisCache;
pub use options::RedisOptions;
