//! A cache in a directory of files: a whole backend to copy from, written from the guide alone.
//!
//! An entry is a file, named for the hash of its key, so that any key makes a name that every file
//! system takes. The files lie in 16 folders, each with a lock that other processes honour too.
//! Deadlines count on the host's clock. Nothing is flushed to disk: a process that is killed loses
//! nothing, a power cut may cost the last writes. Expired files stay until `remove_expired`.
//!
//! Read `client.rs` first, which keeps the contract above the files, then `store.rs`, the work on
//! files that it sends to blocking threads. `conformance.rs` is what the suite needs of it:
//!
//! ```text
//! cargo test -p conformance-tests --no-default-features --example directory_cache
//! ```
//!
//! Run as a program, it counts how often it was run:
//!
//! ```text
//! cargo run -p conformance-tests --no-default-features --example directory_cache
//! ```

#![allow(clippy::print_stdout)]

mod client;
mod clock;
mod entry;
mod failure;
mod folder;
mod key;
mod store;

#[cfg(test)]
mod conformance;

use session_core::{ClientOptions, Result, TypedCache};

use crate::client::DirectoryCache;

#[tokio::main]
async fn main() -> Result<()> {
    let root = std::env::temp_dir().join("directory_cache");
    let cache = DirectoryCache::open(root, ClientOptions::default()).await?;
    println!("run {} times", cache.increment_by("runs", 1).await?);
    Ok(())
}
