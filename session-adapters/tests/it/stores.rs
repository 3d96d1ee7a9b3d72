//! The caches that the tests keep sessions in.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use cache_memory::{Clock, MemoryCache, MemoryOptions};
use cache_sqlite::SqliteCache;
use session_core::{CacheClientExtended, Condition, Expiry, TimeToLive};
use tempfile::TempDir;

/// What a program holds that took its store from a URL.
pub(crate) type Cache = Arc<dyn CacheClientExtended>;

pub(crate) const HOUR: Duration = Duration::from_secs(3_600);

pub(crate) fn memory() -> Cache {
    Arc::new(MemoryCache::new())
}

/// A cache whose time the test moves.
pub(crate) fn memory_with_clock() -> (Cache, Clock) {
    let clock = Clock::frozen();
    let options = MemoryOptions::new().clock(clock.clone());
    (Arc::new(MemoryCache::with_options(options)), clock)
}

/// A store that fails, for every call, while its file is away.
pub(crate) struct File {
    folder: TempDir,
}

impl File {
    pub(crate) fn new() -> Self {
        Self {
            folder: TempDir::new().unwrap(),
        }
    }

    pub(crate) async fn connect(&self) -> Cache {
        let url = format!("sqlite://{}", self.path("sessions.db").display());
        Arc::new(SqliteCache::connect(&url).await.unwrap())
    }

    pub(crate) fn take_away(&self) {
        std::fs::rename(self.path("sessions.db"), self.path("away.db")).unwrap();
    }

    pub(crate) fn bring_back(&self) {
        std::fs::rename(self.path("away.db"), self.path("sessions.db")).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// The keys in a store, sorted.
pub(crate) async fn keys(cache: &Cache) -> Vec<String> {
    use std::future::poll_fn;

    let mut keys = Vec::new();
    let mut listing = cache.keys_starting_with("");
    while let Some(key) = poll_fn(|context| listing.as_mut().poll_next(context)).await {
        keys.push(key.unwrap());
    }
    keys.sort();
    keys
}

/// The key of the one session in a store.
pub(crate) async fn only_key(cache: &Cache) -> String {
    let mut keys = keys(cache).await;
    assert_eq!(keys.len(), 1);
    keys.remove(0)
}

/// Whether an entry has an hour to live, give or take the time that a test needs.
pub(crate) async fn lives_an_hour(cache: &Cache, key: &str) -> bool {
    match cache.get_time_to_live(key).await.unwrap() {
        Some(TimeToLive::Remaining(left)) => left > HOUR / 2 && left <= HOUR + HOUR / 2,
        _ => false,
    }
}

pub(crate) async fn put(cache: &Cache, key: &str, value: &str) {
    let value = value.to_owned().into();
    let write = cache.write(key, value, Condition::Always, Expiry::Never);
    assert!(write.await.unwrap());
}
