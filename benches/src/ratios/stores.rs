//! The stores in memory that others publish, with their defaults, and ours without `async`.
//!
//! Who has no deadlines keeps an instant beside the value and compares it when it reads.

use std::time::Instant;

use cache_memory::MemoryCache;
use dashmap::DashMap;
use session_core::{Bytes, Condition, Expiry};

pub(crate) use benches::store::{HOUR, HOUR_MS, Ours};

use sampler::work::Store;

/// Our memory backend, called without `async` and without `dyn`.
pub(crate) struct OursNow {
    pub(crate) cache: MemoryCache,
    pub(crate) expiry: Expiry,
}

impl Store for OursNow {
    async fn get(&self, key: &str) -> Option<Bytes> {
        self.cache.read_now(key).expect("a read succeeds")
    }
    async fn set(&self, key: &str, value: Bytes) {
        let write = self
            .cache
            .write_now(key, value, Condition::Always, self.expiry);
        write.expect("a write succeeds");
    }
}

/// A value and when it ends.
pub(crate) type Timed = (Bytes, Instant);

fn timed(value: Bytes) -> Timed {
    (value, Instant::now() + HOUR)
}

fn live((value, deadline): &Timed) -> Option<Bytes> {
    (Instant::now() < *deadline).then(|| value.clone())
}

/// What somebody else publishes.
pub(crate) struct Peer<T>(pub(crate) T);

impl Store for Peer<quick_cache::sync::Cache<String, Bytes>> {
    async fn get(&self, key: &str) -> Option<Bytes> {
        self.0.get(key)
    }
    async fn set(&self, key: &str, value: Bytes) {
        self.0.insert(key.to_owned(), value);
    }
}

impl Store for Peer<quick_cache::sync::Cache<String, Timed>> {
    async fn get(&self, key: &str) -> Option<Bytes> {
        self.0.get(key).as_ref().and_then(live)
    }
    async fn set(&self, key: &str, value: Bytes) {
        self.0.insert(key.to_owned(), timed(value));
    }
}

impl Store for Peer<DashMap<String, Timed>> {
    async fn get(&self, key: &str) -> Option<Bytes> {
        self.0.get(key).and_then(|found| live(&found))
    }
    async fn set(&self, key: &str, value: Bytes) {
        self.0.insert(key.to_owned(), timed(value));
    }
}

impl Store for Peer<scc::HashMap<String, Timed>> {
    async fn get(&self, key: &str) -> Option<Bytes> {
        self.0.read_sync(key, |_, found| live(found)).flatten()
    }
    async fn set(&self, key: &str, value: Bytes) {
        self.0.upsert_sync(key.to_owned(), timed(value));
    }
}

impl Store for Peer<moka::sync::Cache<String, Bytes>> {
    async fn get(&self, key: &str) -> Option<Bytes> {
        self.0.get(key)
    }
    async fn set(&self, key: &str, value: Bytes) {
        self.0.insert(key.to_owned(), value);
    }
}

impl Store for Peer<foyer_memory::Cache<String, Timed>> {
    async fn get(&self, key: &str) -> Option<Bytes> {
        self.0.get(key).and_then(|found| live(found.value()))
    }
    async fn set(&self, key: &str, value: Bytes) {
        self.0.insert(key.to_owned(), timed(value));
    }
}
