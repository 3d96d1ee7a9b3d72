//! Any of our backends, as a user holds it.

use std::sync::Arc;
use std::time::Duration;

use sampler::entries::Entries;
use sampler::work::{GetMany, SetMany, Store};
use session_core::{Bytes, CacheClientExtended, Condition, Expiry, Result};

/// How long entries live that have a deadline.
pub const HOUR: Duration = Duration::from_millis(HOUR_MS);
/// The same in milliseconds.
pub const HOUR_MS: u64 = 3_600_000;

/// A backend behind `dyn`.
#[derive(Debug)]
pub struct Ours {
    /// The client.
    pub cache: Arc<dyn CacheClientExtended>,
    /// When what is written ends.
    pub expiry: Expiry,
}

impl Ours {
    /// The store of a URL, with entries that live for an hour.
    ///
    /// # Errors
    ///
    /// As `cache_connect::connect`.
    pub async fn connect(url: &str) -> Result<Self> {
        Ok(Self {
            cache: cache_connect::connect(url).await?,
            expiry: Expiry::In(HOUR),
        })
    }

    /// Stores all entries.
    ///
    /// # Errors
    ///
    /// If a write fails.
    pub async fn fill(&self, entries: &Entries) -> Result<()> {
        let all: Vec<_> = entries.iter().collect();
        for entries in all.chunks(1_000) {
            self.cache.write_all(entries, self.expiry).await?;
        }
        Ok(())
    }

    /// Removes all that was stored under a prefix.
    ///
    /// # Errors
    ///
    /// If a removal fails.
    pub async fn clear(&self, prefix: &str) -> Result<()> {
        self.cache.remove_starting_with(prefix).await.map(drop)
    }
}

impl Store for Ours {
    async fn get(&self, key: &str) -> Option<Bytes> {
        self.cache.read(key).await.expect("a read succeeds")
    }

    async fn set(&self, key: &str, value: Bytes) {
        let write = self.cache.write(key, value, Condition::Always, self.expiry);
        write.await.expect("a write succeeds");
    }
}

impl GetMany for Ours {
    async fn get_all(&self, keys: &[&str]) -> usize {
        let found = self.cache.read_all(keys).await.expect("a read succeeds");
        found.iter().flatten().count()
    }
}

impl SetMany for Ours {
    async fn set_all(&self, entries: &[(&str, Bytes)]) {
        let written = self.cache.write_all(entries, self.expiry).await;
        written.expect("a batch is written");
    }
}
