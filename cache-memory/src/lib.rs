#![doc = include_str!("../README.md")]

mod options;

mod cache;
mod client;
mod now;

mod store;

mod bounds;
mod clock;
mod entry;
mod evict;
mod hint;
mod links;
mod records;
mod sweep;
mod wheel;

pub use cache::MemoryCache;
pub use clock::Clock;
pub use options::{ENTRY_OVERHEAD, MemoryOptions};
